/*
 * sqlite_schema.c - migrations of SQLite: their text, up and down, and schemas that do
 * not fit.
 */
#include "sql_text.h"
#include "sqlite_help.h"

#include "columns.h"
#include "sqlite/migrations.h"

/* ---- the text (R-MIG-1) ---- */

Test(sqlite_schema, R_MIG_1_text_of_the_migrations)
{
	unsigned i;

	cr_assert_geq(sql_migration_count, 4);
	for (i = 0; i < sql_migration_count; i++) {
		sql_check_text(sql_migrations[i].name, sql_migrations[i].up);
		sql_check_text(sql_migrations[i].name, sql_migrations[i].down);
	}
}

/* ---- up and down (R-MIG-4) ---- */

/* The schema as text, without SQLite's own. */
static void dump(sqlite3 *db, char *ret, size_t cap)
{
	sqlite3_stmt *stmt = NULL;
	size_t n = 0;

	cr_assert_eq(sqlite3_prepare_v2(db,
			     "SELECT type || ' ' || name || ' ' || coalesce(sql, '') "
			     "FROM sqlite_master ORDER BY type, name",
			     -1, &stmt, NULL),
		SQLITE_OK);
	ret[0] = '\0';
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		n += (size_t)snprintf(
			ret + n, cap - n, "%s\n", (const char *)sqlite3_column_text(stmt, 0));
		cr_assert_lt(n, cap);
	}
	sqlite3_finalize(stmt);
}

Test(sqlite_schema, R_MIG_4_up_and_down_leave_nothing)
{
	static char before[100][1 << 16], after[1 << 16];
	sqlite3 *db = NULL;
	unsigned i;

	cr_assert_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (i = 0; i < sql_migration_count; i++) {
		dump(db, before[i], sizeof(before[i]));
		sqlite_run(db, sql_migrations[i].up);
	}
	dump(db, before[i], sizeof(before[i]));
	for (i = sql_migration_count; i-- > 0;) {
		sqlite_run(db, sql_migrations[i].down);
		dump(db, after, sizeof(after));
		cr_expect_str_eq(after, before[i], "down %s", sql_migrations[i].name);
	}
	for (i = 0; i < sql_migration_count; i++)
		sqlite_run(db, sql_migrations[i].up);
	dump(db, after, sizeof(after));
	cr_expect_str_eq(after, before[i], "up again");
	sqlite3_close(db);
}

Test(sqlite_schema, R_MIG_4_later_migrations_only_add)
{
	const char *at;
	unsigned i, n = 0;

	cr_expect(sql_only_adds("ALTER TABLE llm_runs ADD COLUMN mood TEXT NOT NULL DEFAULT '';"));
	cr_expect(!sql_only_adds("ALTER TABLE llm_runs ADD COLUMN mood TEXT NOT NULL;"));
	cr_expect(!sql_only_adds("ALTER TABLE llm_runs DROP COLUMN mood;"));
	cr_expect(!sql_only_adds("DROP TABLE llm_runs;"));
	for (i = 1; i < sql_migration_count; i++)
		for (at = sql_migrations[i].up; *at; n++) {
			cr_expect(sql_only_adds(at), "%s: %.60s", sql_migrations[i].name, at);
			at += strcspn(at, ";");
			at += strspn(at, ";\n");
		}
	cr_expect_gt(n, 10);
}

static int32_t migrate(wire *c, uint32_t version)
{
	instance_begin(c->seat, NULL);
	return wire_said(c, "migrate", c->s->v->migrate(c->unit, version));
}

static llm_schema_state look(wire *c)
{
	llm_schema_state state = {0};

	instance_begin(c->seat, NULL);
	cr_assert_eq(
		wire_said(c, "schema", c->s->v->schema(c->unit, &state)), 0, "%s", c->err.message);
	return state;
}

Test(sqlite_schema, R_MIG_4_by_the_plugin)
{
	llm_run_row r = row_begin(W, ID("1"));
	uint32_t n;
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
	cr_expect_eq(look(&c).state, LLM_SCHEMA_OK);
	cr_expect_eq(look(&c).found, sql_migration_count);
	for (n = sql_migration_count; n-- > 0;) {
		cr_expect_eq(migrate(&c, n), 0, "%s", c.err.message);
		cr_expect_eq(look(&c).found, n);
		cr_expect_eq(look(&c).state, n ? LLM_SCHEMA_OLDER : LLM_SCHEMA_NONE);
	}
	cr_expect_eq(migrate(&c, UINT32_MAX), 0, "%s", c.err.message);
	cr_expect_eq(migrate(&c, UINT32_MAX), 0, "nothing to do");
	cr_expect_eq(migrate(&c, sql_migration_count + 1), LLM_E_UNSUPPORTED);
	cr_expect_eq(look(&c).state, LLM_SCHEMA_OK);
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	cr_assert_eq(wire_begin(&c), 0);
	cr_expect_eq(migrate(&c, 0), LLM_E_STATE, "not inside a transaction");
	wire_close(&c);
	stand_down(&s);
}

/* ---- the lists of columns (R-MIG-5) ---- */

/* A yes or no that may be unknown is a number. */
static int is_flag(sqlite3_stmt *stmt, const char *type)
{
	return strcmp(type, "SMALLINT") == 0 && sqlite3_column_int(stmt, 2);
}

static void check_columns(sqlite3 *db, const columns *cs)
{
	sqlite3_stmt *stmt = NULL;
	size_t i, seen = 0, relative = 0;

	cr_assert_eq(
		sqlite3_prepare_v2(db, "SELECT name, type, \"notnull\" FROM pragma_table_info(?1)",
			-1, &stmt, NULL),
		SQLITE_OK);
	sqlite3_bind_text(stmt, 1, cs->table, -1, SQLITE_STATIC);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		const char *type = (const char *)sqlite3_column_text(stmt, 1);
		const column *c = columns_find(cs, name);

		if (!c && strcmp(name, "lease_until_us") == 0)
			continue;
		cr_assert_not_null(c, "%s.%s is in no record", cs->table, name);
		cr_expect_eq(c->type,
			strcmp(type, "TEXT") == 0	  ? COLUMN_TEXT :
				strcmp(type, "BLOB") == 0 ? COLUMN_BYTES :
				is_flag(stmt, type)	  ? COLUMN_FLAG :
							    COLUMN_NUMBER,
			"%s.%s is %s", cs->table, name, type);
		seen++;
	}
	sqlite3_finalize(stmt);
	for (i = 0; i < cs->n; i++)
		relative += (size_t)(sql_is_relative(cs->list[i].name) ||
			(cs == &columns_budget && strcmp(cs->list[i].name, "run_id") == 0));
	cr_expect_eq(seen + relative, cs->n, "%s", cs->table);
}

Test(sqlite_schema, R_MIG_5_records_and_tables_agree)
{
	static const columns *const all[] = {&columns_run, &columns_attempt, &columns_stage,
		&columns_content, &columns_owner, &columns_health, &columns_idem, &columns_cache,
		&columns_budget};
	sqlite3 *db = NULL;
	unsigned i;

	cr_assert_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (i = 0; i < sql_migration_count; i++)
		sqlite_run(db, sql_migrations[i].up);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		check_columns(db, all[i]);
	sqlite3_close(db);
}

/* The module for SQLAlchemy is compared by SQLAlchemy (tests/export), its names here too. */
static void check_declared(const char *module, const char *table, sqlite3_stmt *columns_of)
{
	char word[80];
	const char *from, *end;
	size_t len;

	snprintf(word, sizeof(word), "\n        \"%s\": [\n", table);
	from = strstr(module, word);
	cr_assert_not_null(from, "llm_tables.py does not declare %s", table);
	end = strstr(from, "\n        ],\n");
	cr_assert_not_null(end);
	len = (size_t)(end - from);
	sqlite3_bind_text(columns_of, 1, table, -1, SQLITE_TRANSIENT);
	while (sqlite3_step(columns_of) == SQLITE_ROW) {
		snprintf(word, sizeof(word), "\"%s\",",
			(const char *)sqlite3_column_text(columns_of, 0));
		cr_expect(memmem(from, len, word, strlen(word)), "llm_tables.py: %s has no %s",
			table, word);
	}
	sqlite3_reset(columns_of);
}

Test(sqlite_schema, R_MIG_5_the_module_for_other_tools_declares_every_column)
{
	static char module[1 << 16];
	FILE *f = fopen("persistence/schema/llm_tables.py", "rb");
	sqlite3_stmt *tables = NULL, *columns_of = NULL;
	sqlite3 *db = NULL;
	unsigned i, n = 0;

	cr_assert(f && fread(module, 1, sizeof(module) - 1, f) > 0);
	fclose(f);
	cr_assert_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (i = 0; i < sql_migration_count; i++)
		sqlite_run(db, sql_migrations[i].up);
	sqlite3_prepare_v2(
		db, "SELECT name FROM sqlite_master WHERE type = 'table'", -1, &tables, NULL);
	sqlite3_prepare_v2(db, "SELECT name FROM pragma_table_info(?1)", -1, &columns_of, NULL);
	for (; sqlite3_step(tables) == SQLITE_ROW; n++)
		check_declared(module, (const char *)sqlite3_column_text(tables, 0), columns_of);
	cr_expect_eq(n, 11);
	sqlite3_finalize(columns_of);
	sqlite3_finalize(tables);
	sqlite3_close(db);
}

/* ---- schemas that do not fit (R-MIG-3, S-09) ---- */

static void check_state(const stand *s, uint32_t state, const char *edit)
{
	llm_schema_state got;
	sqlite3 *db;
	wire c;

	sqlite_edit(s, edit);
	c = wire_open(s);
	got = look(&c);
	cr_expect_eq(got.state, state, "%u after: %s", got.state, edit);
	cr_expect_eq(got.expected, sql_migration_count);
	wire_close(&c);
	db = sqlite_own(s);
	cr_expect_eq(sqlite_number(db, "PRAGMA user_version"), 0, "that is the host's");
	sqlite3_close(db);
}

Test(sqlite_schema, S_09_older_newer_half_damaged)
{
	stand s;
	wire c;

	sqlite_stand(&s);
	check_state(&s, LLM_SCHEMA_OK,
		"INSERT INTO llm_schema_meta (version, name, least, done) VALUES (90, 'x', 1, 1)");
	check_state(
		&s, LLM_SCHEMA_NEWER, "UPDATE llm_schema_meta SET least = 80 WHERE version = 90");
	c = wire_open(&s);
	cr_expect_eq(migrate(&c, UINT32_MAX), LLM_E_SCHEMA, "a newer one is left alone");
	cr_expect_not_null(strstr(c.err.message, "newer"), "%s", c.err.message);
	wire_close(&c);
	check_state(&s, LLM_SCHEMA_HALF, "UPDATE llm_schema_meta SET done = 0 WHERE version = 90");
	check_state(&s, LLM_SCHEMA_OK, "DELETE FROM llm_schema_meta WHERE version = 90");
	check_state(&s, LLM_SCHEMA_DAMAGED, "ALTER TABLE llm_attempts DROP COLUMN load_ms");
	check_state(&s, LLM_SCHEMA_HALF, "DROP TABLE llm_schema_meta");
	c = wire_open(&s);
	cr_expect_eq(migrate(&c, UINT32_MAX), LLM_E_SCHEMA, "half a migration is not gone on with");
	wire_close(&c);
	stand_down(&s);
}

/* A host that has applied what comes next still works with this library. */
Test(sqlite_schema, R_MIG_4_later_columns_do_not_matter)
{
	llm_run_row r = row_begin(W, ID("1"));
	stand s;
	wire c;

	sqlite_stand(&s);
	check_state(&s, LLM_SCHEMA_OK,
		"ALTER TABLE llm_runs ADD COLUMN mood TEXT NOT NULL DEFAULT 'good'");
	c = wire_open(&s);
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	cr_expect_str_eq(ask_run(&c, W, ID("1"))->profile, "fast");
	wire_close(&c);
	stand_down(&s);
}

Test(sqlite_schema, R_MIG_3_work_never_migrates)
{
	llm_run_row r = row_begin(W, ID("1"));
	llm_op_result result;
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
	cr_assert_eq(migrate(&c, 0), 0);
	cr_assert_eq(wire_begin(&c), 0);
	cr_expect_eq(wire_put(&c, LLM_OP_RUN_BEGIN, &r, &result), LLM_E_SCHEMA);
	cr_expect_not_null(strstr(c.err.message, "llmctl db"), "%s", c.err.message);
	cr_assert_eq(wire_rollback(&c), 0);
	cr_expect_eq(look(&c).state, LLM_SCHEMA_NONE, "and nothing was made");
	wire_close(&c);
	stand_down(&s);
}

Test(sqlite_schema, R_MIG_3_the_hosts_versions_are_not_touched)
{
	llm_run_row r = row_begin(W, ID("1"));
	sqlite3 *db;
	stand s;
	wire c;

	sqlite_stand(&s);
	sqlite_edit(&s,
		"PRAGMA user_version = 7; CREATE TABLE alembic_version (version_num TEXT);"
		"INSERT INTO alembic_version VALUES ('abc')");
	c = wire_open(&s);
	cr_expect_eq(migrate(&c, 0), 0);
	cr_expect_eq(migrate(&c, UINT32_MAX), 0);
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	cr_expect_eq(look(&c).state, LLM_SCHEMA_OK);
	wire_close(&c);
	db = sqlite_own(&s);
	cr_expect_eq(sqlite_number(db, "PRAGMA user_version"), 7);
	cr_expect_eq(sqlite_number(db, "PRAGMA application_id"), 0);
	cr_expect_eq(
		sqlite_number(db, "SELECT count(*) FROM alembic_version WHERE version_num = 'abc'"),
		1);
	sqlite3_close(db);
	stand_down(&s);
}

Test(sqlite_schema, S_09_locked_migration)
{
	stand s;
	sqlite3 *db;
	wire c;

	sqlite_stand(&s);
	db = sqlite_own(&s);
	cr_assert_eq(wire_try(&s, &c, "busy_timeout", "20"), 0);
	sqlite_run(db, "BEGIN IMMEDIATE");
	cr_expect_eq(migrate(&c, 1), LLM_E_DB_BUSY);
	sqlite_run(db, "COMMIT");
	cr_expect_eq(migrate(&c, 1), 0, "%s", c.err.message);
	sqlite3_close(db);
	wire_close(&c);
	stand_down(&s);
}

Test(sqlite_schema, R_MIG_1_views_for_other_tools)
{
	llm_run_row r = row_begin(W, ID("1")), f = row_finish(W, ID("1"), "succeeded");
	sqlite3 *db;
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
	wire_store(&c, LLM_OP_RUN_BEGIN, &r);
	f.cost_nanousd = 1500000;
	wire_store(&c, LLM_OP_RUN_FINISH, &f);
	wire_close(&c);
	db = sqlite_own(&s);
	cr_expect_eq(sqlite_number(db,
			     "SELECT count(*) FROM llm_runs_v WHERE cost_usd = 0.0015 AND "
			     "created_at = '2026-01-01T00:00:00.000Z' AND "
			     "finished_at = '2026-01-01T00:00:01.500Z' AND model = 'small'"),
		1);
	cr_expect_eq(sqlite_number(db,
			     "SELECT count(*) FROM llm_usage_daily_v WHERE day = '2026-01-01' AND "
			     "runs = 1 AND errors = 0 AND input_tokens = 11"),
		1);
	sqlite3_close(db);
	stand_down(&s);
}
