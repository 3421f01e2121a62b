/*
 * postgres_schema.c - migrations of PostgreSQL on a real server: their text, up and down, the
 * catalogue beside the records, what other tools see. The plugin is not asked.
 */
#include "sql_text.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "columns.h"
#include "support/pg.h"

#define FOLDER "persistence/schema/"
#define UPS FOLDER "postgres/*.up.sql"

static char text[1 << 16], other[1 << 16];

static const char *read_into(char *room, const char *path)
{
	FILE *f = fopen(path, "rbe");
	size_t n;

	cr_assert_not_null(f, "%s", path);
	n = fread(room, 1, sizeof(text) - 1, f);
	fclose(f);
	cr_assert(n > 0 && n < sizeof(text) - 1);
	room[n] = '\0';
	return room;
}

/* Paths of the migrations, in order. */
static glob_t files(const char *pattern)
{
	glob_t g;

	cr_assert_eq(glob(pattern, 0, NULL, &g), 0);
	cr_assert_geq(g.gl_pathc, 4);
	return g;
}

/* The other file of a migration: "down", "verify". */
static const char *beside(const char *up, const char *kind)
{
	static char path[200];

	snprintf(path, sizeof(path), "%.*s%s.sql", (int)(strlen(up) - strlen("up.sql")), up, kind);
	return path;
}

/* ---- the text ---- */

Test(postgres_schema, R_MIG_1_text_of_the_migrations)
{
	glob_t g = files(FOLDER "postgres/*.sql");
	size_t i;

	for (i = 0; i < g.gl_pathc; i++)
		sql_check_text(g.gl_pathv[i], read_into(text, g.gl_pathv[i]));
	globfree(&g);
}

static void replace_all(char *at, const char *from, const char *to)
{
	const size_t n = strlen(from), m = strlen(to);

	for (; (at = strstr(at, from)); at += m) {
		memmove(at + m, at + n, strlen(at + n) + 1);
		memcpy(at, to, m);
	}
}

/* Numbers and names are the same in both dialects, and but for one type and where rows lie the tables too. */
Test(postgres_schema, R_MIG_1_dialects_say_the_same)
{
	glob_t ours = files(UPS), theirs = files(FOLDER "sqlite/*.up.sql");
	size_t i;

	cr_assert_eq(ours.gl_pathc, theirs.gl_pathc, "a migration is there in one dialect only");
	for (i = 0; i < ours.gl_pathc; i++) {
		cr_expect_str_eq(strrchr(ours.gl_pathv[i], '/'), strrchr(theirs.gl_pathv[i], '/'));
		read_into(text, ours.gl_pathv[i]);
		read_into(other, theirs.gl_pathv[i]);
		replace_all(text, " BYTEA", " BLOB");
		replace_all(other, ") WITHOUT ROWID;", ");");
		if (strstr(text, "CREATE VIEW"))
			text[0] = other[0] = '\0'; /* times are written otherwise */
		cr_expect_str_eq(text, other, "%s", ours.gl_pathv[i]);
		read_into(text, beside(ours.gl_pathv[i], "down"));
		read_into(other, beside(theirs.gl_pathv[i], "down"));
		cr_expect_str_eq(text, other, "%s", theirs.gl_pathv[i]);
	}
	globfree(&ours);
	globfree(&theirs);
}

Test(postgres_schema, R_MIG_4_later_migrations_only_add)
{
	glob_t g = files(UPS);
	const char *at;
	size_t i, n = 0;

	for (i = 1; i < g.gl_pathc; i++)
		for (at = read_into(text, g.gl_pathv[i]); *at; n++) {
			cr_expect(sql_only_adds(at), "%s: %.60s", g.gl_pathv[i], at);
			at += strcspn(at, ";");
			at += strspn(at, ";\n");
		}
	cr_expect_gt(n, 10);
	globfree(&g);
}

/* ---- on a server ---- */

/* A database with all migrations, or null after a word. */
static pg *stand(const char **ret_database)
{
	const char *why = pg_missing();
	pg *p;

	if (why) {
		fprintf(stderr, "SKIP postgres: %s\n", why);
		return NULL;
	}
	p = pg_shared(getppid());
	*ret_database = pg_database(p);
	return p;
}

static void apply(pg *p, const char *database, const char *path)
{
	pg_sql(p, database, read_into(text, path));
}

static void apply_all(pg *p, const char *database)
{
	glob_t g = files(UPS);
	size_t i;

	for (i = 0; i < g.gl_pathc; i++)
		apply(p, database, g.gl_pathv[i]);
	globfree(&g);
}

/* Everything in the database as text; lines that are new each time left out. */
static void dump(pg *p, const char *database, char *ret, size_t cap)
{
	char line[4096];
	size_t n = 0;
	FILE *f;

	snprintf(line, sizeof(line), "/usr/lib/postgresql/15/bin/pg_dump --inserts \"%s\" 2>&1",
		pg_dsn(p, database, PG_SOCKET));
	f = popen(line, "re");
	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f))
		if (line[0] != '\\') {
			n += (size_t)snprintf(ret + n, cap - n, "%s", line);
			cr_assert_lt(n, cap);
		}
	cr_assert_eq(pclose(f), 0, "%s", ret);
}

Test(postgres_schema, R_MIG_4_up_and_down_leave_nothing)
{
	static char before[20][1 << 16], after[1 << 16];
	glob_t g = files(UPS);
	const char *database;
	pg *p = stand(&database);
	size_t i;

	for (i = 0; p && i < g.gl_pathc; i++) {
		dump(p, database, before[i], sizeof(before[i]));
		apply(p, database, g.gl_pathv[i]);
	}
	if (!p)
		return;
	dump(p, database, before[i], sizeof(before[i]));
	cr_expect_not_null(strstr(before[i], "CREATE VIEW public.llm_usage_daily_v"));
	for (i = g.gl_pathc; i-- > 0;) {
		apply(p, database, beside(g.gl_pathv[i], "down"));
		dump(p, database, after, sizeof(after));
		cr_expect_str_eq(after, before[i], "%s", g.gl_pathv[i]);
	}
	apply_all(p, database);
	dump(p, database, after, sizeof(after));
	cr_expect_str_eq(after, before[g.gl_pathc], "up again");
	pg_stop(p);
	globfree(&g);
}

/* ---- the catalogue and the records ---- */

static int type_of(const char *said)
{
	if (strcmp(said, "text") == 0)
		return COLUMN_TEXT;
	if (strcmp(said, "bytea") == 0)
		return COLUMN_BYTES;
	if (strcmp(said, "smallint") == 0)
		return COLUMN_FLAG;
	if (strcmp(said, "smallint or null") == 0)
		return COLUMN_NUMBER;
	cr_expect_str_eq(said, "bigint");
	return COLUMN_NUMBER;
}

/* How many tables the migrations make. */
static int64_t made(void)
{
	glob_t g = files(UPS);
	const char *at;
	int64_t n = 0;
	size_t i;

	for (i = 0; i < g.gl_pathc; i++)
		for (at = read_into(text, g.gl_pathv[i]); (at = strstr(at, "CREATE TABLE ")); at++)
			n++;
	globfree(&g);
	return n;
}

static void check_columns(pg *p, const char *database, const columns *cs)
{
	static char list[4096];
	char sql[600], *rest, *name, *type;
	size_t i, seen = 0, relative = 0;

	snprintf(sql, sizeof(sql),
		"SELECT string_agg(column_name || ' ' || data_type || CASE WHEN data_type = "
		"'smallint' AND is_nullable = 'YES' THEN ' or null' ELSE '' END, ';' "
		"ORDER BY ordinal_position) "
		"FROM information_schema.columns WHERE table_schema = 'public' AND table_name = "
		"'%s'",
		cs->table);
	snprintf(list, sizeof(list), "%s", pg_text(p, database, sql));
	for (name = strtok_r(list, ";", &rest); name; name = strtok_r(NULL, ";", &rest)) {
		type = strchr(name, ' ');
		*type++ = '\0';
		if (strcmp(name, "lease_until_us") == 0)
			continue;
		cr_assert_not_null(
			columns_find(cs, name), "%s.%s is in no record", cs->table, name);
		cr_expect_eq(columns_find(cs, name)->type, type_of(type), "%s.%s is %s", cs->table,
			name, type);
		seen++;
	}
	for (i = 0; i < cs->n; i++)
		relative += (size_t)(sql_is_relative(cs->list[i].name) ||
			(cs == &columns_budget && strcmp(cs->list[i].name, "run_id") == 0));
	cr_expect_eq(seen + relative, cs->n, "%s", cs->table);
}

Test(postgres_schema, R_MIG_5_records_and_tables_agree)
{
	static const columns *const all[] = {&columns_run, &columns_attempt, &columns_stage,
		&columns_content, &columns_owner, &columns_health, &columns_idem, &columns_cache,
		&columns_budget};
	const char *database;
	pg *p = stand(&database);
	size_t i;

	if (!p)
		return;
	apply_all(p, database);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		check_columns(p, database, all[i]);
	cr_expect_eq(pg_number(p, database,
			     "SELECT count(*) FROM information_schema.sequences WHERE "
			     "sequence_name LIKE 'llm%'"),
		0, "ids come with the rows");
	cr_expect_eq(pg_number(p, database,
			     "SELECT count(*) FROM information_schema.tables WHERE table_name LIKE "
			     "'llm%' AND table_type = 'BASE TABLE'"),
		made());
	pg_stop(p);
}

/* ---- verify ---- */

/* Whether a script runs to its end, by psql as a host would run it. */
static int runs(pg *p, const char *database, const char *path)
{
	char line[600];

	snprintf(line, sizeof(line), "psql -q -v ON_ERROR_STOP=1 \"%s\" -f %s >/dev/null",
		pg_dsn(p, database, PG_SOCKET), path);
	return system(line) == 0;
}

Test(postgres_schema, R_MIG_2_verify_finds_what_is_missing)
{
	glob_t g = files(UPS);
	const char *database, *views;
	pg *p = stand(&database);
	size_t i;

	if (!p)
		return;
	apply_all(p, database);
	for (i = 0; i < g.gl_pathc; i++) {
		cr_expect(runs(p, database, beside(g.gl_pathv[i], "verify")));
		pg_sql(p, database, "UPDATE llm_schema_meta SET done = 0");
		cr_expect(!runs(p, database, beside(g.gl_pathv[i], "verify")));
		pg_sql(p, database, "UPDATE llm_schema_meta SET done = 1");
	}
	views = beside(g.gl_pathv[2], "verify");
	pg_sql(p, database, "DROP VIEW llm_runs_v");
	cr_expect(!runs(p, database, views));
	pg_stop(p);
	globfree(&g);
}

/* ---- for other tools ---- */

Test(postgres_schema, R_MIG_1_views_for_other_tools)
{
	const char *database;
	pg *p = stand(&database);

	if (!p)
		return;
	apply_all(p, database);
	pg_sql(p, database,
		"INSERT INTO llm_runs (workspace_id, id, operation, status, stream, created_us, "
		"finished_us, cost_nanousd, input_tokens, resolved_model, version) VALUES ('w', 'r', "
		"'chat', 'succeeded', 0, 1767225600000000, 1767225661500999, 1500000, 11, 'small', 2)");
	cr_expect_eq(
		pg_number(p, database,
			"SET timezone = 'Asia/Kathmandu'; SET datestyle = 'German';"
			"SELECT count(*) FROM llm_runs_v WHERE cost_usd = 0.0015 AND created_at = "
			"'2026-01-01T00:00:00.000Z' AND finished_at = "
			"'2026-01-01T00:01:01.500Z' AND started_at IS NULL AND model = 'small'"),
		1);
	cr_expect_eq(
		pg_number(p, database,
			"SELECT count(*) FROM llm_usage_daily_v WHERE day = '2026-01-01' AND runs "
			"= 1 AND errors = 0 AND input_tokens = 11 AND cost_usd = 0.0015"),
		1);
	pg_stop(p);
}
