/* llmctl db: tables made, looked at, copied; and databases that are not as they should be. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/run.h"

#define RUN(home, r, ...) run_in(home, RUN_LIST(__VA_ARGS__), r)

static void run_in(const char *home, const char *const *args, run_result *ret)
{
	const char *argv[32] = {LLMCTL};
	run_opts o = {.home = home, .records = true};

	for (size_t i = 0; args[i] && i < 30; i++)
		argv[i + 1] = args[i];
	run_program(argv, &o, ret);
}

/* A configuration whose storage is `db` in the same folder; its path. */
static const char *configured(const char *home, const char *db)
{
	static char path[600];
	char text[900];

	snprintf(text, sizeof(text),
		"workspace = \"default\";\nstorage = { plugin = \"sqlite\"; dsn = \"%s/%s\"; };\n",
		home, db);
	run_folder_put(home, "my.conf", text);
	snprintf(path, sizeof(path), "%s/my.conf", home);
	return path;
}

static void expect(const char *home, const char *const *args, int status, const char *words)
{
	run_result r;

	run_in(home, args, &r);
	cr_expect_eq(r.status, status, "%s %s: %d: %s", args[0], args[1], r.status, r.err);
	cr_expect(strstr(r.out, words) || strstr(r.err, words), "%s %s: %s%s", args[0], args[1],
		r.out, r.err);
	run_done(&r);
}

#define EXPECT(home, status, words, ...) expect(home, RUN_LIST(__VA_ARGS__), status, words)

Test(llmctl_db, R_MIG_3_nothing_configured_is_migrated_unasked)
{
	char *home = run_folder();
	const char *conf = configured(home, "runs.db");
	char path[600];

	snprintf(path, sizeof(path), "%s/runs.db", home);
	EXPECT(home, 1, "llmctl db migrate", "runs", "list", "-c", conf);
	cr_expect_neq(access(path, F_OK), 0, "the file was made");
	EXPECT(home, 0, "schema 5, it was 0", "db", "migrate", "-c", conf);
	EXPECT(home, 0, "schema 5 was there already", "db", "migrate", "-c", conf);
	EXPECT(home, 0, "no run is on record", "runs", "list", "-c", conf);
	EXPECT(home, 0, "schema 2, it was 5", "db", "migrate", "-c", conf, "--to", "2");
	EXPECT(home, 1, conf, "runs", "list", "-c", conf);
	EXPECT(home, 1, "older, found 2, expected 5", "db", "status", "-c", conf);
	EXPECT(home, 0, "schema 0, it was 2", "db", "migrate", "-c", conf, "--to", "0");
	EXPECT(home, 0, "schema 5, it was 0", "db", "migrate", "-c", conf);
	run_folder_free(home);
}

Test(llmctl_db, backup_and_vacuum)
{
	char *home = run_folder(), path[600];
	struct stat st;

	snprintf(path, sizeof(path), "%s/copy.db", home);
	EXPECT(home, 0, "schema 5, it was 0", "db", "migrate");
	EXPECT(home, 0, "", "db", "backup", path);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_gt(st.st_size, 4096);
	EXPECT(home, 1, "cannot write the backup", "db", "backup", path);
	EXPECT(home, 2, "a backup needs the name", "db", "backup");
	EXPECT(home, 0, "", "db", "vacuum");
	EXPECT(home, 0, "\"state\":\"ok\"", "db", "status", "--json");
	run_folder_free(home);
}

Test(llmctl_db, a_database_that_is_none_or_nowhere)
{
	char *home = run_folder();
	const char *conf = configured(home, "no/such/folder/runs.db");

	EXPECT(home, 1, "PERSISTENCE", "db", "migrate", "-c", conf);
	EXPECT(home, 1, "PERSISTENCE", "runs", "list", "-c", conf);
	conf = configured(home, "text.db");
	run_folder_put(home, "text.db",
		"this is a letter to my aunt and no database at all, dear "
		"aunt, and it goes on for quite some lines more\n");
	EXPECT(home, 1, "no SQLite database", "db", "status", "-c", conf);
	EXPECT(home, 1, "no SQLite database", "runs", "list", "-c", conf);
	run_folder_free(home);
}

Test(llmctl_db, R_WS_1_a_configured_storage_without_a_workspace)
{
	char *home = run_folder(), text[900], path[600];

	snprintf(text, sizeof(text), "storage = { plugin = \"sqlite\"; dsn = \"%s/runs.db\"; };\n",
		home);
	run_folder_put(home, "my.conf", text);
	snprintf(path, sizeof(path), "%s/my.conf", home);
	EXPECT(home, 0, "schema 5", "db", "migrate", "-c", path);
	EXPECT(home, 2, "WORKSPACE_REQUIRED", "runs", "list", "-c", path);
	EXPECT(home, 0, "no run", "runs", "list", "-c", path, "--workspace", "a");
	run_folder_free(home);
}
