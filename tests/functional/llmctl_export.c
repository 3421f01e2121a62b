/*
 * llmctl db export: what it writes and what it refuses. That the tools take it is tested with
 * the tools, by tests/export.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/run.h"

#define SCHEMA "persistence/schema/"
#define EXPORT(home, r, ...) export(home, RUN_LIST(__VA_ARGS__), r)

/* `llmctl db export` in words; a word that begins with @ is a path in the folder. */
static void export(const char *home, const char *const *args, run_result *ret)
{
	const char *argv[16] = {LLMCTL, "db", "export"};
	static char paths[16][600];
	run_opts o = {.home = home};

	for (size_t i = 0; args[i] && i < 12; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", home, args[i] + 1);
		argv[i + 3] = args[i][0] == '@' ? paths[i] : args[i];
	}
	run_program(argv, &o, ret);
}

/* It ends with `status`, and `words` stand somewhere in what it says. */
static void expect(const char *home, const char *const *args, int status, const char *words)
{
	run_result r;

	export(home, args, &r);
	cr_expect_eq(r.status, status, "%s: %d: %s", args[0], r.status, r.err);
	cr_expect(strstr(r.out, words) || strstr(r.err, words), "%s: %s%s", words, r.out, r.err);
	run_done(&r);
}

#define EXPECT(home, status, words, ...) expect(home, RUN_LIST(__VA_ARGS__), status, words)

static char *text_of(const char *folder, const char *name)
{
	char path[900], *text = calloc(1, 1 << 16);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	cr_assert(f && text, "%s is not there", path);
	cr_assert_lt(fread(text, 1, (1 << 16) - 1, f), (1 << 16) - 1);
	fclose(f);
	return text;
}

static void expect_text(const char *folder, const char *name, const char *words, bool there)
{
	char *text = text_of(folder, name);

	cr_expect_eq(strstr(text, words) != NULL, there, "%s in %s: %s", words, name, text);
	free(text);
}

static bool is_there(const char *folder, const char *name)
{
	char path[900];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

/* A file of persistence/schema, and the same in the folder that was exported to. */
static void expect_same(const char *home, const char *to, const char *path)
{
	char file[200], *ours, *theirs;

	snprintf(file, sizeof(file), "%s/%s", to, strrchr(path, '/') + 1);
	ours = text_of(".", path);
	theirs = text_of(home, file);
	cr_expect_str_eq(theirs, ours, "%s", path);
	free(ours);
	free(theirs);
}

/* All of a dialect are in the folder; how many migrations. */
static size_t expect_all(const char *home, const char *to, const char *dialect)
{
	char ups[200], downs[200];
	glob_t found;
	size_t i;

	snprintf(ups, sizeof(ups), SCHEMA "%s/*.up.sql", dialect);
	snprintf(downs, sizeof(downs), SCHEMA "%s/*.down.sql", dialect);
	cr_assert_eq(glob(ups, 0, NULL, &found), 0);
	cr_assert_eq(glob(downs, GLOB_APPEND, NULL, &found), 0);
	for (i = 0; i < found.gl_pathc; i++)
		expect_same(home, to, found.gl_pathv[i]);
	globfree(&found);
	return i / 2;
}

Test(llmctl_export, R_MIG_2_plain_files_are_the_migrations)
{
	char *home = run_folder(), text[200];
	run_result r;
	size_t n;

	EXPECT(home, 0, "0001_records.up.sql\n", "@new");
	n = expect_all(home, "new", "sqlite");
	snprintf(text, sizeof(text),
		"{\"schema\":\"llm.db-export/1\",\"format\":\"plain\",\"number\":%zu,\"files\":[]}"
		"\n",
		n);
	EXPORT(home, &r, "@new", "--format", "plain", "--json");
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect_str_eq(r.out, text);
	run_done(&r);
	run_folder_put(home, "new/0002_replay.up.sql", "-- mine\n");
	EXPECT(home, 2, "0002_replay.up.sql is there and says something else", "@new");
	expect_text(home, "new/0002_replay.up.sql", "-- mine\n", true);
	run_folder_free(home);
}

/* What was asked for, else what is configured, else SQLite's. */
Test(llmctl_export, R_MIG_2_of_the_dialect_that_is_wanted)
{
	char *home = run_folder();

	EXPECT(home, 0, "0001_records.up.sql\n", "@asked", "--dialect", "postgres");
	cr_expect_geq(expect_all(home, "asked", "postgres"), 4);
	run_folder_put(home, "pg.conf",
		"storage = { plugin = \"postgres\"; dsn = \"host=127.0.0.1 dbname=none\"; };\n");
	EXPECT(home, 0, "0001_records.up.sql\n", "@configured", "-c", "@pg.conf");
	expect_all(home, "configured", "postgres");
	EXPECT(home, 0, "0001_records.up.sql\n", "@against", "-c", "@pg.conf", "--dialect",
		"sqlite");
	expect_all(home, "against", "sqlite");
	EXPECT(home, 2, "none of sqlite, postgres", "@new", "--dialect", "oracle");
	EXPECT(home, 2, "alembic has all of them", "@new", "--dialect", "postgres", "--format",
		"alembic");
	EXPECT(home, 2, "cannot be read", "@new", "-c", "@none.conf");
	EXPECT(home, 0, "deploy/llm_0001_records.sql\n", "@pg", "--format", "sqitch", "--dialect",
		"postgres");
	expect_text(home, "pg/sqitch.conf", "engine = pg\n", true);
	expect_text(home, "pg/deploy/llm_0002_replay.sql", "value BYTEA NOT NULL", true);
	expect_text(home, "pg/deploy/llm_0002_replay.sql", "on pg: libllm", true);
	EXPECT(home, 0, "everything is there already", "@pg", "--format", "sqitch");
	EXPECT(home, 2, "is for pg, and --dialect says sqlite", "@pg", "--format", "sqitch",
		"--dialect", "sqlite");
	run_folder_free(home);
}

/* ---- Alembic ---- */

#define TREE "[alembic]\nscript_location = %(here)s/db\nprepend_sys_path = .\n"
#define VERSIONS "db/versions/"
#define FIRST VERSIONS "llm_0001_records.py"

static void put_revision(const char *home, const char *file, const char *id, const char *down)
{
	char name[200], text[900];

	snprintf(name, sizeof(name), VERSIONS "%s", file);
	snprintf(text, sizeof(text),
		"\"\"\"a revision\n\nrevision = 'not this one'\n\"\"\"\nfrom alembic import op\n\n"
		"revision: str = %s\ndown_revision: Union[str, Sequence[str], None] = %s\n"
		"branch_labels = None\n\ndef upgrade():\n    revision = 'nor this one'\n",
		id, down);
	run_folder_put(home, name, text);
}

static char *tree_new(void)
{
	char *home = run_folder();

	run_folder_put(home, "alembic.ini", TREE);
	run_folder_put(home, "db/env.py", "");
	run_folder_put(home, VERSIONS "__init__.py", "# no revision\n");
	put_revision(home, "one.py", "'aa11'", "None");
	put_revision(home, "two.py", "\"bb22\"", "'aa11'");
	return home;
}

Test(llmctl_export, R_MIG_2_a_revision_follows_the_head)
{
	char *home = tree_new(), *text;
	run_result r;
	size_t n = 0;

	EXPORT(home, &r, "--format", "alembic", "@");
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect_not_null(strstr(r.out, FIRST "\n"), "%s", r.out);
	run_done(&r);
	expect_text(home, FIRST, "\ndown_revision = \"bb22\"\n", true);
	expect_text(home, VERSIONS "llm_0002_replay.py", "\ndown_revision = \"llm_0001\"\n", true);
	expect_text(home, VERSIONS "llm_0003_views.py", "\nrevision = \"llm_0003\"\n", true);
	text = text_of(home, FIRST);
	for (const char *at = text; (at = strstr(at, "op.execute(")); at++)
		n++;
	cr_expect_eq(n, 40, "%zu statements: one op.execute for each, in two dialects", n);
	cr_expect_null(strchr(text, ';'), "a driver may take no statement with an end");
	free(text);
	EXPECT(home, 0, "everything is there already", "--format", "alembic", "@");
	run_folder_free(home);
}

Test(llmctl_export, R_MIG_2_never_a_second_head)
{
	char *home = tree_new();

	EXPECT(home, 2, "second head\n", "--format", "alembic", "@", "--down-revision", "aa11");
	EXPECT(home, 2, "no such revision; the head is bb22", "--format", "alembic", "@",
		"--down-revision", "zz");
	put_revision(home, "three.py", "'cc33'", "'aa11'");
	EXPECT(home, 2, "2 heads: ", "--format", "alembic", "@");
	EXPECT(home, 2, "--down-revision ID", "--format", "alembic", "@");
	cr_expect(!is_there(home, FIRST));
	put_revision(home, "join.py", "'dd44'", "('bb22',\n    \"cc33\",)");
	EXPECT(home, 0, FIRST, "--format", "alembic", "@");
	expect_text(home, FIRST, "\ndown_revision = \"dd44\"\n", true);
	run_folder_free(home);
}

Test(llmctl_export, R_MIG_2_asked_for_among_heads)
{
	char *home = tree_new();

	put_revision(home, "three.py", "'cc33'", "['aa11']");
	EXPECT(home, 0, FIRST, "--format", "alembic", "@db/versions", "--down-revision", "cc33");
	expect_text(home, FIRST, "\ndown_revision = \"cc33\"\n", true);
	run_folder_free(home);
}

Test(llmctl_export, R_MIG_2_what_is_missing_comes_behind_what_is_there)
{
	char *home = tree_new();

	put_revision(home, "llm_0001_records.py", "'llm_0001'", "'bb22'");
	put_revision(home, "own.py", "'ee55'", "'llm_0001'");
	EXPECT(home, 0, "llm_0002_replay.py\n", "--format", "alembic", "@db");
	expect_text(home, VERSIONS "llm_0002_replay.py", "\ndown_revision = \"ee55\"\n", true);
	run_folder_free(home);
	home = tree_new();
	put_revision(home, "llm_0002_replay.py", "'llm_0002'", "'bb22'");
	EXPECT(home, 2, "has llm_0002, but not what it is built on, llm_0001", "--format",
		"alembic", "@");
	run_folder_free(home);
}

Test(llmctl_export, R_MIG_2_trees_that_cannot_be_read)
{
	static const char *const downs[] = {"newest()", "'a b'", "('aa11' 'bb22", "''", "f'aa11'",
		"'0123456789012345678901234567890123456789012345678901234567890123'"};
	char *home = tree_new();

	for (size_t i = 0; i < sizeof(downs) / sizeof(downs[0]); i++) {
		put_revision(home, "odd.py", "'odd'", downs[i]);
		EXPECT(home, 2, "odd.py: its revision and down_revision cannot be read", "--format",
			"alembic", "@");
	}
	put_revision(home, "odd.py", "None", "None");
	EXPECT(home, 2, "cannot be read", "--format", "alembic", "@");
	run_folder_put(home, "alembic.ini", "[alembic]\nscript_location = my.package:db\n");
	EXPECT(home, 2, "names no folder as its script_location", "--format", "alembic", "@");
	EXPECT(home, 2, "is no Alembic tree", "--format", "alembic", "@nowhere");
	EXPECT(home, 2, "where to?", "--format", "alembic");
	EXPECT(home, 2, "--down-revision is for --format alembic", "@new", "--down-revision", "x");
	EXPECT(home, 2, "none of plain, alembic, sqitch, sqlalchemy", "@new", "--format", "goose");
	run_folder_free(home);
}

/* ---- sqitch, SQLAlchemy, and folders ---- */

Test(llmctl_export, R_MIG_2_changes_at_the_end_of_a_sqitch_plan)
{
	static const char plan[] = "%syntax-version=1.0.0\n%project=host\n\n"
				   "first 2026-01-01T00:00:00Z A <a@example.org> # x";
	char *home = run_folder(), *text;

	run_folder_put(home, "sqitch.plan", plan);
	run_folder_put(home, "sqitch.conf", "[core]\n\tengine = sqlite\n\t# top_dir = .\n");
	EXPECT(home, 0, "deploy/llm_0001_records.sql\n", "--format", "sqitch", "@");
	text = text_of(home, "sqitch.plan");
	cr_expect_eq(strncmp(text, plan, strlen(plan)), 0, "%s", text);
	cr_expect_not_null(strstr(text, "# x\nllm_0001_records 2"), "%s", text);
	cr_expect_not_null(strstr(text, "\nllm_0002_replay [llm_0001_records] 2"), "%s", text);
	free(text);
	expect_text(home, "deploy/llm_0001_records.sql", "\nBEGIN;\n", true);
	expect_text(home, "revert/llm_0003_views.sql", "\nDROP VIEW llm_runs_v;\n", true);
	expect_text(home, "verify/llm_0002_replay.sql", "FROM llm_cache WHERE", true);
	EXPECT(home, 0, "everything is there already", "--format", "sqitch", "@");
	run_folder_put(home, "sqitch.conf", "[core]\n\tengine = mysql\n");
	EXPECT(home, 2, "is for mysql", "--format", "sqitch", "@");
	run_folder_put(home, "sqitch.conf", "[core]\n\tengine = sqlite\n\ttop_dir = sql\n");
	EXPECT(home, 2, "sets top_dir", "--format", "sqitch", "@");
	run_folder_free(home);
}

Test(llmctl_export, folders_that_cannot_be_written)
{
	char *home = run_folder();

	run_folder_put(home, "file", "");
	EXPECT(home, 1, "cannot be made: ", "@file");
	EXPECT(home, 1, "cannot be made: ", "@no/such/folder");
	EXPECT(home, 1, "cannot be made: ", "@file", "--format", "sqlalchemy");
	EXPECT(home, 1, "cannot be read: ", "@file", "--format", "alembic");
	EXPECT(home, 1, "cannot be made: ", "@file", "--format", "sqitch");
	EXPECT(home, 0, "llm_tables.py\n", "@new", "--format", "sqlalchemy");
	EXPECT(home, 0, "everything is there already", "@new", "--format", "sqlalchemy");
	run_folder_free(home);
}
