/*
 * llmctl and databases of another shape, or nowhere at all:
 * the answer comes where it can, and one clear message names what helps.
 */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/run.h"
#include "support/sim.h"

#define SHELL "/bin/sh"

/* An account, an upstream, and a configuration whose storage is runs.db in its home. */
typedef struct account {
	sim *s;
	char *home;
	char host[100];
	char conf[600];
	char db[600];
} account;

static void account_new(account *a, const char *more)
{
	char text[900];

	a->s = sim_start(RUN_LIST("--say", "All is well."));
	a->home = run_folder();
	snprintf(a->host, sizeof(a->host), "OLLAMA_HOST=%s", sim_url(a->s));
	snprintf(a->conf, sizeof(a->conf), "%s/my.conf", a->home);
	snprintf(a->db, sizeof(a->db), "%s/runs.db", a->home);
	snprintf(text, sizeof(text),
		"workspace = \"default\";\nstorage = { plugin = \"sqlite\"; dsn = \"%s\"; };\n%s",
		a->db, more);
	run_folder_put(a->home, "my.conf", text);
}

static void account_end(account *a)
{
	run_folder_free(a->home);
	sim_stop(a->s);
}

static void run_with(
	const account *a, const char *const *more, const char *const *args, run_result *ret)
{
	const char *env[8] = {a->host}, *argv[32] = {LLMCTL};
	run_opts o = {.env = env, .home = a->home, .records = true};

	for (size_t i = 0; more && more[i] && i < 6; i++)
		env[i + 1] = more[i];
	for (size_t i = 0; args[i] && i < 30; i++)
		argv[i + 1] = args[i];
	run_program(argv, &o, ret);
}

#define RUN(a, r, ...) run_with(a, NULL, RUN_LIST(__VA_ARGS__), r)

static unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void expect(const account *a, const char *const *args, int status, const char *words)
{
	run_result r;

	run_with(a, NULL, args, &r);
	cr_expect_eq(r.status, status, "%s %s: %d: %s%s", args[0], args[1], r.status, r.out, r.err);
	cr_expect(strstr(r.out, words) || strstr(r.err, words), "%s %s, no \"%s\": %s%s", args[0],
		args[1], words, r.out, r.err);
	cr_expect_leq(lines_of(r.err), 3, "%s", r.err);
	run_done(&r);
}

#define EXPECT(a, status, words, ...) expect(a, RUN_LIST(__VA_ARGS__), status, words)

/* By another program than ours. */
static void spoil(const char *db, const char *sql)
{
	sqlite3 *c = NULL;

	cr_assert_eq(sqlite3_open(db, &c), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(c, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql,
		sqlite3_errmsg(c));
	sqlite3_close(c);
}

/* ---- schemas that do not fit: the command that helps is named, and helps ---- */

#define ID "01900000-0000-7000-8000-000000000001"

static const char *const commands[][3] = {{"runs", "list", NULL}, {"runs", "show", ID},
	{"runs", "stats", NULL}, {"runs", "export", NULL}, {"runs", "purge", NULL},
	{"runs", "reap", NULL}, {"db", "vacuum", NULL}, {"ask", "hi", NULL}};

/* All of them, with -c FILE, fail with a message that ends so. */
static void all_end_in(const account *a, const char *end)
{
	const size_t n = strlen(end);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const char *const *w = commands[i];
		const char *last = w[2] ? w[2] : "--no-color";
		run_result r;

		RUN(a, &r, w[0], w[1], last, "-c", a->conf);
		cr_expect_eq(r.status, 1, "%s %s: %s", w[0], w[1], r.err);
		cr_expect(r.err_len > n && strcmp(r.err + r.err_len - n, end) == 0, "%s %s: %s",
			w[0], w[1], r.err);
		cr_expect_leq(lines_of(r.err), 3, "%s", r.err);
		run_done(&r);
	}
}

/* What the message advises, "... with: llmctl db migrate -c FILE", as a shell runs it. */
static void do_as_told(const account *a)
{
	const char *argv[] = {SHELL, "-c", NULL, NULL};
	char line[1400], *at;
	run_result r;

	RUN(a, &r, "db", "status", "-c", a->conf);
	at = strstr(r.err, "with: llmctl ");
	cr_assert_not_null(at, "%s", r.err);
	snprintf(line, sizeof(line), "%s %s", LLMCTL, at + strlen("with: llmctl "));
	run_done(&r);
	argv[2] = line;
	run_program(argv, &(run_opts){.home = a->home}, &r);
	cr_expect_eq(r.status, 0, "%s: %s", line, r.err);
	run_done(&r);
	EXPECT(a, 0, "schema\tok", "db", "status", "-c", a->conf);
}

Test(llmctl_store, R_MIG_3_each_message_names_the_command_that_helps)
{
	char text[700];
	account a;

	account_new(&a, "");
	snprintf(text, sizeof(text), "make one with: llmctl db migrate -c %s\n", a.conf);
	all_end_in(&a, text);
	do_as_told(&a);
	EXPECT(&a, 0, "", "db", "migrate", "-c", a.conf, "--to", "0");
	snprintf(text, sizeof(text), "make them with: llmctl db migrate -c %s\n", a.conf);
	all_end_in(&a, text);
	do_as_told(&a);
	EXPECT(&a, 0, "", "db", "migrate", "-c", a.conf, "--to", "2");
	snprintf(text, sizeof(text), "migrate them with: llmctl db migrate -c %s\n", a.conf);
	all_end_in(&a, text);
	EXPECT(&a, 1, text, "db", "status", "-c", a.conf);
	EXPECT(&a, 1, "older, found 2", "db", "status", "-c", a.conf);
	EXPECT(&a, 1, a.conf, "runs", "list", "-c", a.conf, "--json");
	do_as_told(&a);
	EXPECT(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi", "-c", a.conf);
	account_end(&a);
}

Test(llmctl_store, S_09_half_newer_and_damaged_are_told_apart_and_left_alone)
{
	static const char half[] = "restore a backup, or finish it with the tool that began it\n";
	char text[700];
	account a;

	account_new(&a, "");
	EXPECT(&a, 0, "", "db", "migrate", "-c", a.conf);
	spoil(a.db, "UPDATE llm_schema_meta SET done = 0 WHERE version = 2");
	all_end_in(&a, half);
	EXPECT(&a, 1, "half, found ", "db", "status", "-c", a.conf);
	EXPECT(&a, 1, half, "db", "status", "-c", a.conf);
	EXPECT(&a, 1, half, "db", "migrate", "-c", a.conf);
	spoil(a.db,
		"UPDATE llm_schema_meta SET done = 1;"
		"INSERT INTO llm_schema_meta (version, name, least, done) VALUES (90, 'x', 90, 1)");
	all_end_in(&a, "use the libllm that they were made for\n");
	EXPECT(&a, 1, "newer, found 90, expected ", "db", "status", "-c", a.conf);
	EXPECT(&a, 1, "use the libllm that it was made for, to migrate it down as well\n", "db",
		"migrate", "-c", a.conf);
	spoil(a.db,
		"DELETE FROM llm_schema_meta WHERE version = 90;"
		"ALTER TABLE llm_attempts DROP COLUMN load_ms");
	snprintf(text, sizeof(text), "find out which with: llmctl db status -c %s\n", a.conf);
	all_end_in(&a, text);
	EXPECT(&a, 1, text, "db", "migrate", "-c", a.conf);
	EXPECT(&a, 1, "load_ms\n", "db", "status", "-c", a.conf);
	EXPECT(&a, 1, "add it again, or restore a backup\n", "db", "status", "-c", a.conf);
	account_end(&a);
}

/* llmctl's own database: an older one is migrated, with any other the question is answered. */
Test(llmctl_store, S_09_a_database_of_its_own)
{
	account a;

	account_new(&a, "");
	EXPECT(&a, 0, "runs are kept in ", "ask", "-m", "ollama/sim-small", "hi");
	EXPECT(&a, 0, "", "db", "migrate", "--to", "1");
	EXPECT(&a, 0, "All is well.\n", "ask", "-m", "ollama/sim-small", "hi");
	EXPECT(&a, 0, "schema\tok", "db", "status");
	EXPECT(&a, 0, "", "db", "migrate", "--to", "2");
	EXPECT(&a, 0, "\tsucceeded\t", "runs", "list");
	snprintf(a.db, sizeof(a.db), "%s/.local/state/llm/llm.db", a.home);
	spoil(a.db,
		"INSERT INTO llm_schema_meta (version, name, least, done) VALUES (90, '', 90, 1)");
	EXPECT(&a, 0, "All is well.\n", "ask", "-m", "ollama/sim-small", "hi");
	EXPECT(&a, 0, "runs are not recorded: ", "ask", "-m", "ollama/sim-small", "hi");
	EXPECT(&a, 1, "newer", "runs", "list");
	spoil(a.db,
		"DELETE FROM llm_schema_meta WHERE version = 90;"
		"UPDATE llm_schema_meta SET done = 0 WHERE version = 3");
	EXPECT(&a, 0, "runs are not recorded: ", "ask", "-m", "ollama/sim-small", "hi");
	EXPECT(&a, 1, "restore a backup", "runs", "list");
	account_end(&a);
}

/* ---- content, workspaces ---- */

Test(llmctl_store, R_PRIV_1_content_without_a_key_is_refused_before_it_is_sent)
{
	account a;

	account_new(&a, "");
	EXPECT(&a, 0, "", "db", "migrate", "-c", a.conf);
	EXPECT(&a, 2, "privacy.key", "ask", "-m", "ollama/sim-small", "--store-content", "hi", "-c",
		a.conf);
	EXPECT(&a, 0, "no run is on record", "runs", "list", "-c", a.conf);
	EXPECT(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi", "-c", a.conf);
	account_end(&a);
}

/* Also by who only looks at the configuration. */
Test(llmctl_store, R_PRIV_1_a_configuration_that_asks_for_content_names_the_missing_key)
{
	account a;

	account_new(&a, "privacy = { content = \"full\"; };\n");
	EXPECT(&a, 2, "there is no privacy.key\n", "ask", "-m", "ollama/sim-small", "hi", "-c",
		a.conf);
	EXPECT(&a, 2, "there is no privacy.key\n", "config", "check", "-c", a.conf);
	account_end(&a);
	account_new(&a, "privacy = { key = \"file:/nowhere/key\"; };\n");
	EXPECT(&a, 2, "/nowhere/key: No such file", "ask", "-m", "ollama/sim-small", "hi", "-c",
		a.conf);
	EXPECT(&a, 2, "/nowhere/key: No such file", "config", "check", "-c", a.conf);
	account_end(&a);
}

Test(llmctl_store, R_WS_3_a_configured_workspace_that_is_none)
{
	static const char *const wrong[] = {
		"LLM_WORKSPACE=a b", "LLM_WORKSPACE=x'; DROP TABLE llm_runs; --"};
	run_result r;
	account a;

	account_new(&a, "");
	for (size_t i = 0; i < 2 * sizeof(wrong) / sizeof(wrong[0]); i++) {
		run_with(&a, RUN_LIST(wrong[i / 2]),
			i % 2 ? RUN_LIST("runs", "list") : RUN_LIST("ask", "hi"), &r);
		cr_expect_eq(r.status, 2, "%s: %s%s", wrong[i / 2], r.out, r.err);
		cr_expect_not_null(strstr(r.err, "workspace"), "%s", r.err);
		run_done(&r);
	}
	EXPECT(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi");
	account_end(&a);
}

/* What the configuration says is meant, not how a file would have it. */
Test(llmctl_store, R_WS_2_the_configured_workspace_is_where_runs_are_looked_for)
{
	account a;

	account_new(&a, "");
	EXPECT(&a, 0, "", "db", "migrate", "-c", a.conf);
	EXPECT(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi", "-c", a.conf);
	EXPECT(&a, 0, "\tsucceeded\t", "runs", "list", "-c", a.conf);
	EXPECT(&a, 0, "\tsucceeded\t", "runs", "list", "-c", a.conf, "--workspace", "default");
	EXPECT(&a, 0, "no run is on record", "runs", "list", "-c", a.conf, "--workspace", "other");
	account_end(&a);
}

Test(llmctl_store, R_UOW_11_a_configured_off_keeps_and_makes_nothing)
{
	char path[700];
	account a;

	account_new(&a, "");
	run_folder_put(a.home, "my.conf", "storage = { ledger = \"off\"; };\n");
	EXPECT(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi", "-c", a.conf);
	EXPECT(&a, 2, "storage.ledger is off", "ask", "--store-content", "hi", "-c", a.conf);
	snprintf(path, sizeof(path), "%s/.local", a.home);
	cr_expect_neq(access(path, F_OK), 0, "something was made");
	account_end(&a);
}

/* A day more than what is usual, and a day less: 400 days for runs, 30 for content. */
Test(llmctl_store, R_PRIV_2_what_purge_takes_for_old)
{
	static const char aged[] =
		"UPDATE llm_runs SET created_us = created_us - 86400000000 * "
		"CASE WHEN id = (SELECT min(id) FROM llm_runs) THEN 401 ELSE 399 END;"
		"UPDATE llm_contents SET created_us = created_us - 86400000000 * "
		"CASE kind WHEN 'prompt' THEN 31 ELSE 29 END";
	run_result r;
	account a;

	account_new(&a, "");
	EXPECT(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "--store-content", "one");
	EXPECT(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "--store-content", "two");
	snprintf(a.db, sizeof(a.db), "%s/.local/state/llm/llm.db", a.home);
	spoil(a.db, aged);
	/* A run with its attempt, and two prompts; the answer's content is one, and younger. */
	EXPECT(&a, 0, "4 rows deleted", "runs", "purge");
	EXPECT(&a, 0, "0 rows deleted", "runs", "purge");
	RUN(&a, &r, "runs", "list");
	cr_expect_eq(lines_of(r.out), 1, "%s", r.out);
	run_done(&r);
	EXPECT(&a, 0, "1 rows deleted", "runs", "purge", "--content-older-than", "28d");
	EXPECT(&a, 0, "2 rows deleted", "runs", "purge", "--older-than", "398d");
	account_end(&a);
}

/* ---- a clock that was ahead ---- */

/* A run of yesterday's clock, which was an hour fast, and one of a service that is gone. */
static const char ahead[] =
	"UPDATE llm_runs SET id = 'ff900000-0000-7000-8000-000000000001', "
	"created_us = created_us + 3600000000, started_us = started_us + 3600000000;"
	"UPDATE llm_attempts SET run_id = 'ff900000-0000-7000-8000-000000000001';"
	"INSERT INTO llm_runs (workspace_id, id, owner_id, operation, status, stream, created_us, "
	"version) VALUES ('default', 'ff900000-0000-7000-8000-000000000002', 'gone', 'chat', "
	"'running', 0, 4000000000000000, 1);"
	"INSERT INTO llm_owners (id, started_us, lease_until_us) VALUES ('gone', 1, 2)";

Test(llmctl_store, runs_from_the_future_of_a_clock_that_stepped_back)
{
	run_result r;
	account a;

	account_new(&a, "");
	EXPECT(&a, 0, "", "db", "migrate", "-c", a.conf);
	EXPECT(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi", "-c", a.conf);
	spoil(a.db, ahead);
	EXPECT(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "again", "-c", a.conf);
	RUN(&a, &r, "runs", "list", "-c", a.conf, "--since", "1h");
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect_eq(lines_of(r.out), 3, "%s", r.out);
	for (const char *at = r.out; (at = strstr(at, "\t-")); at += 2)
		cr_expect(at[2] < '0' || at[2] > '9', "a span below zero: %s", r.out);
	run_done(&r);
	RUN(&a, &r, "runs", "list", "-c", a.conf, "--before",
		"ff900000-0000-7000-8000-000000000001");
	cr_expect_eq(lines_of(r.out), 1, "the next page goes by ids: %s", r.out);
	run_done(&r);
	EXPECT(&a, 0, "succeeded", "runs", "show", "ff900000-0000-7000-8000-000000000001", "-c",
		a.conf);
	EXPECT(&a, 0, "sim-small", "runs", "stats", "-c", a.conf);
	EXPECT(&a, 0, "0 rows deleted", "runs", "purge", "-c", a.conf);
	EXPECT(&a, 0, "\tabandoned\t", "runs", "list", "-c", a.conf);
	account_end(&a);
}

/* ---- a file that is damaged ---- */

static void damage(const char *db)
{
	static const char rubbish[9000] = "this is no database";
	char path[700];
	FILE *f = fopen(db, "r+b");

	cr_assert(f && fwrite(rubbish, 1, sizeof(rubbish), f) == sizeof(rubbish) && !fclose(f));
	snprintf(path, sizeof(path), "%s-wal", db);
	unlink(path);
	snprintf(path, sizeof(path), "%s-shm", db);
	unlink(path);
}

Test(llmctl_store, S_06_what_is_damaged_is_put_aside_and_a_new_file_takes_its_place)
{
	char own[600], aside[700];
	account a;

	account_new(&a, "");
	EXPECT(&a, 0, "", "db", "migrate", "--fresh", "-c", a.conf); /* none is there yet */
	EXPECT(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi", "-c", a.conf);
	EXPECT(&a, 2, "nothing is wrong with", "db", "migrate", "--fresh", "-c", a.conf);
	EXPECT(&a, 0, "\tsucceeded\t", "runs", "list", "-c", a.conf);
	for (int i = 0; i < 2; i++) {
		damage(a.db);
		EXPECT(&a, 1, "--fresh", "db", "migrate", "-c", a.conf);
		EXPECT(&a, 0, i ? ".damaged2\n" : ".damaged\n", "db", "migrate", "--fresh", "-c",
			a.conf);
		EXPECT(&a, 0, "schema\tok", "db", "status", "-c", a.conf);
		EXPECT(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi", "-c", a.conf);
	}
	snprintf(aside, sizeof(aside), "%s.damaged2", a.db);
	cr_expect_eq(access(aside, F_OK), 0);
	EXPECT(&a, 0, "runs are kept in", "ask", "-m", "ollama/sim-small", "hi");
	snprintf(own, sizeof(own), "%s/.local/state/llm/llm.db", a.home);
	damage(own);
	EXPECT(&a, 0, "All is well.\n", "ask", "-m", "ollama/sim-small", "hi");
	EXPECT(&a, 0, "llm.db.damaged\n", "db", "migrate", "--fresh");
	EXPECT(&a, 0, "no run is on record", "runs", "list");
	account_end(&a);
}

/* ---- a key of llmctl's own that cannot be used ---- */

/* The question is answered; the line says what is wrong and what mends it. */
Test(llmctl_store, R_PRIV_1_a_spoilt_key_of_its_own_keeps_nobody_from_an_answer)
{
	char key[600];
	account a;

	account_new(&a, "");
	snprintf(key, sizeof(key), "%s/.local/state/llm/privacy.key", a.home);
	EXPECT(&a, 0, "runs are kept in ", "ask", "-m", "ollama/sim-small", "hi");
	cr_assert_eq(chmod(key, 0644), 0);
	EXPECT(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi");
	EXPECT(&a, 0, "; run: chmod 600 ", "ask", "-m", "ollama/sim-small", "hi");
	EXPECT(&a, 2, "run: chmod 600 ", "ask", "-m", "ollama/sim-small", "--store-content", "hi");
	cr_assert_eq(chmod(key, 0600), 0);
	cr_assert_eq(truncate(key, 0), 0);
	EXPECT(&a, 0, "runs are not recorded: ", "ask", "-m", "ollama/sim-small", "hi");
	cr_assert_eq(unlink(key), 0);
	EXPECT(&a, 0, "All is well.\n", "ask", "-m", "ollama/sim-small", "hi");
	EXPECT(&a, 0, "default\t2\t0\t", "runs", "stats", "--by", "workspace");
	account_end(&a);
}

/* ---- an account without a home ---- */

/* Asks with HOME and XDG_STATE_HOME as given (null: not set), then lists. */
static void homeless(const account *a, const char *home, const char *state, const char *note,
	int status, const char *listed)
{
	const char *argv[] = {SHELL, "-c", NULL, NULL}, *env[] = {a->host, NULL};
	char text[2000], one[700] = "unset HOME", two[700] = "unset XDG_STATE_HOME";
	run_result r;

	if (home)
		snprintf(one, sizeof(one), "export HOME='%s'", home);
	if (state)
		snprintf(two, sizeof(two), "export XDG_STATE_HOME='%s'", state);
	snprintf(text, sizeof(text),
		"%s; %s; cd %s\n" LLMCTL " ask -m ollama/sim-small hi || exit 99\n" LLMCTL
		" runs list",
		one, two, a->home);
	argv[2] = text;
	run_program(argv, &(run_opts){.env = env, .home = a->home, .records = true}, &r);
	cr_expect_eq(r.status, status, "%s %s: %d: %s", one, two, r.status, r.err);
	cr_expect_eq(strncmp(r.out, "All is well.\n", 13), 0, "%s", r.out);
	cr_expect(strstr(r.out, listed) || strstr(r.err, listed), "%s: %s%s", listed, r.out, r.err);
	cr_expect_eq(strncmp(r.err, "llmctl: note: ", 14), 0, "%s", r.err);
	cr_expect_not_null(strstr(r.err, note), "%s: %s", note, r.err);
	cr_expect_leq(lines_of(r.err), 3, "%s", r.err);
	run_done(&r);
}

Test(llmctl_store, a_fresh_account_with_odd_variables)
{
	static const char kept[] = "runs are kept in ", none[] = "runs are not recorded: ";
	char path[600], odd[600];
	struct stat st;
	account a;

	account_new(&a, "");
	homeless(&a, NULL, NULL, none, 2, "neither XDG_STATE_HOME nor HOME is an absolute path");
	homeless(&a, "", "", none, 2, "Set HOME or XDG_STATE_HOME");
	homeless(&a, "a/b", "state", none, 2, "Set HOME or XDG_STATE_HOME");
	cr_expect_neq(stat("state", &st), 0);
	homeless(&a, a.conf, NULL, none, 1, "Not a directory");
	homeless(&a, NULL, "/proc/nowhere", none, 1, "/proc/nowhere cannot be made");
	snprintf(path, sizeof(path), "%s/nobody", a.home);
	homeless(&a, path, NULL, none, 2, "HOME names no folder for the runs, ");
	cr_expect_neq(stat(path, &st), 0, "HOME is not llmctl's to make");
	homeless(&a, NULL, path, kept, 0, "\tsucceeded\t");
	cr_expect_eq(stat(path, &st), 0, "XDG_STATE_HOME is");
	cr_expect_eq(st.st_mode & 0777, 0700);
	snprintf(odd, sizeof(odd), "%s/odd ?a=b#c%%41 \"", a.home);
	homeless(&a, a.home, odd, kept, 0, "\tsucceeded\t");
	strcat(odd, "/llm/llm.db"); /* NOLINT: it has room */
	cr_expect_eq(stat(odd, &st), 0, "%s", odd);
	homeless(&a, a.home, "relative", kept, 0, "\tsucceeded\t");
	account_end(&a);
}
