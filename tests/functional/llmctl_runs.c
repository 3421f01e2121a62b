/* llmctl on a fresh account: what it keeps of runs, and how they are read back. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/run.h"
#include "support/sim.h"

/* An account with a home of its own, and an upstream. */
typedef struct account {
	sim *s;
	char *home;
	char host[100];
} account;

static void account_new(account *a)
{
	a->s = sim_start(RUN_LIST("--say", "All is well."));
	a->home = run_folder();
	snprintf(a->host, sizeof(a->host), "OLLAMA_HOST=%s", sim_url(a->s));
}

static void account_end(account *a)
{
	run_folder_free(a->home);
	sim_stop(a->s);
}

static void run_in(const account *a, const char *const *args, run_result *ret)
{
	const char *env[] = {a->host, NULL}, *argv[32] = {LLMCTL};
	run_opts o = {.env = env, .home = a->home, .records = true};

	for (size_t i = 0; args[i] && i < 30; i++)
		argv[i + 1] = args[i];
	run_program(argv, &o, ret);
}

#define RUN(a, r, ...) run_in(a, RUN_LIST(__VA_ARGS__), r)

static void ask(const account *a, const char *text)
{
	run_result r;

	RUN(a, &r, "ask", "-m", "ollama/sim-small", text);
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_assert_str_eq(r.out, "All is well.\n");
	run_done(&r);
}

static json_t *json_of(const account *a, const char *const *args)
{
	run_result r;
	json_t *o;

	run_in(a, args, &r);
	cr_assert_eq(r.status, 0, "%s", r.err);
	o = json_loads(r.out, 0, NULL);
	cr_assert_not_null(o, "%s", r.out);
	run_done(&r);
	return o;
}

#define JSON(a, ...) json_of(a, RUN_LIST(__VA_ARGS__))

static json_t *runs_of(json_t *list)
{
	return json_object_get(list, "runs");
}

static void expect_mode(const account *a, const char *name, mode_t mode)
{
	char path[600];
	struct stat st;

	snprintf(path, sizeof(path), "%s/.local/state/llm%s", a->home, name);
	cr_assert_eq(stat(path, &st), 0, "%s", path);
	cr_expect_eq(st.st_mode & 0777, mode, "%s has mode %o", path, (unsigned)st.st_mode);
}

Test(llmctl_runs, a_fresh_account_asks_and_lists)
{
	run_result r;
	account a;

	account_new(&a);
	umask(0);
	RUN(&a, &r, "ask", "-m", "ollama/sim-small", "hi");
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_expect_str_eq(r.out, "All is well.\n");
	cr_expect_eq(strncmp(r.err, "llmctl: note: runs are kept in ", 31), 0, "%s", r.err);
	cr_expect_not_null(strstr(r.err, "ledger = \"off\""), "%s", r.err);
	cr_expect_eq(strchr(r.err, '\n'), r.err + r.err_len - 1, "more than a line: %s", r.err);
	run_done(&r);
	ask(&a, "again");
	RUN(&a, &r, "runs", "list");
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_expect_not_null(strstr(r.out, "\tsucceeded\tollama/sim-small\t"), "%s", r.out);
	run_done(&r);
	expect_mode(&a, "", 0700);
	expect_mode(&a, "/llm.db", 0600);
	expect_mode(&a, "/privacy.key", 0600);
	account_end(&a);
}

Test(llmctl_runs, nothing_is_kept_of_a_run_that_asks_for_it)
{
	run_result r;
	json_t *list;
	account a;

	account_new(&a);
	RUN(&a, &r, "ask", "-m", "ollama/sim-small", "--no-record", "hi");
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_expect_str_eq(r.err, "");
	run_done(&r);
	list = JSON(&a, "runs", "list", "--json");
	cr_expect_eq(json_array_size(runs_of(list)), 0);
	json_decref(list);
	RUN(&a, &r, "ask", "--no-record", "--store-content", "hi");
	cr_expect_eq(r.status, 2, "%s", r.err);
	run_done(&r);
	account_end(&a);
}

Test(llmctl_runs, who_cannot_be_recorded_is_answered_all_the_same)
{
	char conf[600];
	run_result r;
	account a;

	account_new(&a);
	run_folder_put(a.home, ".local", "a file where a folder is wanted");
	RUN(&a, &r, "ask", "-m", "ollama/sim-small", "hi");
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_expect_str_eq(r.out, "All is well.\n");
	cr_expect_not_null(strstr(r.err, "runs are not recorded"), "%s", r.err);
	run_done(&r);
	/* Words that are to be kept, and cannot be: that is no note. */
	RUN(&a, &r, "ask", "-m", "ollama/sim-small", "--store-content", "hi");
	cr_expect_eq(r.status, 1, "%s", r.err);
	cr_expect_str_eq(r.out, "");
	cr_expect_not_null(strstr(r.err, ".local"), "%s", r.err);
	run_done(&r);
	/* Settings of a storage that nobody names ask for no database. */
	run_folder_put(a.home, "half.conf", "storage = { sync = \"full\"; };\n");
	snprintf(conf, sizeof(conf), "%s/half.conf", a.home);
	RUN(&a, &r, "ask", "-m", "ollama/sim-small", "-c", conf, "hi");
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect_not_null(strstr(r.err, "runs are not recorded"), "%s", r.err);
	run_done(&r);
	account_end(&a);
}

static void newest(const account *a, char *ret, size_t cap)
{
	json_t *list = JSON(a, "runs", "list", "--json", "--limit", "1");
	const json_t *first = json_array_get(runs_of(list), 0);

	snprintf(ret, cap, "%s", json_string_value(json_object_get(first, "id")));
	json_decref(list);
}

/* How many of the database's files, the log of what is not yet in it too, hold `text`. */
static unsigned files_with(const account *a, const char *text)
{
	static const char *const ends[] = {"", "-wal"};
	static char bytes[1 << 20];
	unsigned n = 0;
	char path[600];
	size_t i, len;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/.local/state/llm/llm.db%s", a->home, ends[i]);
		f = fopen(path, "rb");
		cr_assert(f || i, "%s is not there", path);
		len = f ? fread(bytes, 1, sizeof(bytes), f) : 0;
		cr_assert_lt(len, sizeof(bytes), "%s is larger than what is looked at", path);
		n += len && memmem(bytes, len, text, strlen(text));
		if (f)
			fclose(f);
	}
	return n;
}

Test(llmctl_runs, R_PRIV_1_what_was_a_hash_alone_is_stored_when_asked_for)
{
	char id[64];
	run_result r;
	account a;

	account_new(&a);
	ask(&a, "plugh");
	RUN(&a, &r, "ask", "-m", "ollama/sim-small", "--store-content", "plugh");
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	newest(&a, id, sizeof(id));
	RUN(&a, &r, "runs", "show", id);
	cr_expect_not_null(strstr(r.out, "plugh"), "%s", r.out);
	run_done(&r);
	ask(&a, "plugh"); /* and stays */
	RUN(&a, &r, "runs", "show", id);
	cr_expect_not_null(strstr(r.out, "plugh"), "%s", r.out);
	run_done(&r);
	account_end(&a);
}

Test(llmctl_runs, R_PRIV_1_content_is_not_stored_unless_asked_for)
{
	char id[64];
	run_result r;
	account a;

	account_new(&a);
	ask(&a, "the password is xyzzy");
	newest(&a, id, sizeof(id));
	RUN(&a, &r, "runs", "show", id);
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_expect_not_null(
		strstr(r.out, " bytes, not stored; store what comes with: "), "%s", r.out);
	cr_expect_null(strstr(r.out, "xyzzy"));
	run_done(&r);
	cr_expect_eq(files_with(&a, "xyzzy"), 0);
	RUN(&a, &r, "ask", "-m", "ollama/sim-small", "--store-content", "plugh");
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	cr_expect_geq(files_with(&a, "plugh"), 1); /* so the search does find */
	newest(&a, id, sizeof(id));
	RUN(&a, &r, "runs", "show", id);
	cr_expect_not_null(strstr(r.out, "plugh"), "%s", r.out);
	run_done(&r);
	account_end(&a);
}

Test(llmctl_runs, filters_and_pages)
{
	json_t *first, *second;
	const char *next;
	run_result r;
	account a;

	account_new(&a);
	for (int i = 0; i < 3; i++)
		ask(&a, "hi");
	RUN(&a, &r, "ask", "-m", "ollama/none-such", "hi");
	cr_assert_eq(r.status, 3, "%s", r.err);
	run_done(&r);
	first = JSON(&a, "runs", "list", "--json", "--limit", "2", "--status", "succeeded");
	next = json_string_value(json_object_get(first, "next"));
	cr_assert_not_null(next);
	second = JSON(&a, "runs", "list", "--json", "--status", "succeeded", "--before", next);
	cr_expect_eq(json_array_size(runs_of(first)), 2);
	cr_expect_eq(json_array_size(runs_of(second)), 1);
	cr_expect(json_is_null(json_object_get(second, "next")));
	json_decref(first);
	json_decref(second);
	first = JSON(&a, "runs", "list", "--json", "--error", "NOT_FOUND", "--since", "1h",
		"--provider", "ollama");
	cr_expect_eq(json_array_size(runs_of(first)), 1);
	json_decref(first);
	first = JSON(&a, "runs", "list", "--json", "--until", "2020-01-01");
	cr_expect_eq(json_array_size(runs_of(first)), 0);
	json_decref(first);
	first = JSON(&a, "runs", "search", "none-such", "--json");
	cr_expect_eq(json_array_size(runs_of(first)), 1);
	json_decref(first);
	account_end(&a);
}

Test(llmctl_runs, R_WS_4_workspaces_do_not_see_each_other)
{
	json_t *list;
	run_result r;
	account a;
	char id[64];

	account_new(&a);
	RUN(&a, &r, "ask", "-m", "ollama/sim-small", "--workspace", "tenant-a", "hi");
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	list = JSON(&a, "runs", "list", "--json", "--workspace", "tenant-a");
	cr_assert_eq(json_array_size(runs_of(list)), 1);
	snprintf(id, sizeof(id), "%s",
		json_string_value(json_object_get(json_array_get(runs_of(list), 0), "id")));
	json_decref(list);
	list = JSON(&a, "runs", "list", "--json");
	cr_expect_eq(json_array_size(runs_of(list)), 0);
	json_decref(list);
	RUN(&a, &r, "runs", "show", id);
	cr_expect_eq(r.status, 3, "%s", r.err);
	run_done(&r);
	RUN(&a, &r, "runs", "purge", "--workspace", "tenant-a", "--all");
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	list = JSON(&a, "runs", "list", "--json", "--workspace", "tenant-a");
	cr_expect_eq(json_array_size(runs_of(list)), 0);
	json_decref(list);
	account_end(&a);
}

static int64_t runs_of_key(const json_t *stats, const char *key)
{
	const json_t *groups = json_object_get(stats, "groups"), *g;
	size_t i;

	json_array_foreach(
		groups, i, g) if (strcmp(json_string_value(json_object_get(g, "key")), key) ==
		0) return json_integer_value(json_object_get(g, "runs"));
	return 0;
}

Test(llmctl_runs, R_WS_5_statistics_of_all_workspaces_have_an_option_of_their_own)
{
	static const char *const who[] = {"tenant-a", "tenant-b", "tenant-b"};
	json_t *got;
	run_result r;
	account a;
	size_t i;

	account_new(&a);
	for (i = 0; i < 3; i++) {
		RUN(&a, &r, "ask", "-m", "ollama/sim-small", "--workspace", who[i], "hi");
		cr_assert_eq(r.status, 0, "%s", r.err);
		run_done(&r);
	}
	got = JSON(&a, "runs", "stats", "--json", "--by", "workspace", "--workspace", "tenant-b");
	cr_expect_eq(runs_of_key(got, "tenant-a"), 0);
	cr_expect_eq(runs_of_key(got, "tenant-b"), 2);
	json_decref(got);
	got = JSON(&a, "runs", "stats", "--json", "--by", "workspace", "--all-workspaces");
	cr_expect_eq(runs_of_key(got, "tenant-a"), 1);
	cr_expect_eq(runs_of_key(got, "tenant-b"), 2);
	json_decref(got);
	got = JSON(&a, "runs", "stats", "--json", "--all-workspaces");
	cr_expect_eq(runs_of_key(got, "sim-small"), 3);
	json_decref(got);
	RUN(&a, &r, "runs", "stats", "--all-workspaces", "--workspace", "tenant-a");
	cr_expect_eq(r.status, 2);
	cr_expect_not_null(strstr(r.err, "exclude each other"), "%s", r.err);
	run_done(&r);
	account_end(&a);
}

/* Every one is refused in words, and nothing of it reaches the tables. */
Test(llmctl_runs, R_WS_3_wrong_words_on_the_command_line_are_refused)
{
	static const char *const wrong[][5] = {
		{"runs", "list", "--workspace", "a b", "a b is no workspace"},
		{"runs", "list", "--workspace", "x'; DROP TABLE llm_runs; --", "is no workspace"},
		{"ask", "hi", "--workspace", "\xc3\xa4", "is no workspace"},
		{"runs", "list", "--since", "yesterday", "is no time"},
		{"runs", "list", "--until", "2026-13-45", "is no time"},
		{"runs", "list", "--min-cost", "1e3", "is no amount"},
		{"runs", "list", "--min-cost", "-1", "is no amount"},
		{"runs", "list", "--min-duration", "5", "is no time"},
		{"runs", "list", "--limit", "0", "is no number"},
		{"runs", "list", "--before", "1' OR '1'='1", "is no id of a run"},
		{"runs", "list", "--status", "done", "none of pending"},
		{"runs", "export", "--format", "xml", "neither ndjson nor csv"},
		{"runs", "stats", "--by", "moon", "none of workspace"},
		{"runs", "purge", "--older-than", "soon", "is no time"},
		{"db", "migrate", "--to", "two", "is no schema number"},
	};
	run_result r;
	account a;

	account_new(&a);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		run_in(&a, RUN_LIST(wrong[i][0], wrong[i][1], wrong[i][2], wrong[i][3]), &r);
		cr_expect_eq(r.status, 2, "%s: %s", wrong[i][3], r.err);
		cr_expect_not_null(strstr(r.err, wrong[i][4]), "%s: %s", wrong[i][3], r.err);
		run_done(&r);
	}
	RUN(&a, &r, "runs", "purge", "--all");
	cr_expect_eq(r.status, 2, "%s", r.err);
	run_done(&r);
	account_end(&a);
}

Test(llmctl_runs, K_10_sql_in_every_text_field_is_only_text)
{
	static const char evil[] = "'); DROP TABLE llm_runs; --";
	static const char *const fields[] = {"--profile", "--provider", "--model", "--error"};
	json_t *list;
	run_result r;
	account a;

	account_new(&a);
	ask(&a, evil);
	RUN(&a, &r, "ask", "-m", "ollama/'); DELETE FROM llm_runs; --", "--store-content", evil);
	cr_expect_neq(r.status, 0);
	run_done(&r);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		list = JSON(&a, "runs", "list", "--json", fields[i], evil);
		cr_expect_eq(json_array_size(runs_of(list)), 0, "%s", fields[i]);
		json_decref(list);
	}
	list = JSON(&a, "runs", "search", "'); DELETE", "--json");
	cr_expect_eq(json_array_size(runs_of(list)), 1);
	json_decref(list);
	RUN(&a, &r, "runs", "show", evil);
	cr_expect_eq(r.status, 3, "%s", r.err);
	run_done(&r);
	list = JSON(&a, "runs", "list", "--json");
	cr_expect_eq(json_array_size(runs_of(list)), 2);
	json_decref(list);
	account_end(&a);
}

Test(llmctl_runs, statistics_and_exports)
{
	json_t *o, *group;
	run_result r;
	account a;

	account_new(&a);
	ask(&a, "hi");
	ask(&a, "hi");
	o = JSON(&a, "runs", "stats", "--by", "workspace", "--json");
	group = json_array_get(json_object_get(o, "groups"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(group, "key")), "default");
	cr_expect_eq(json_integer_value(json_object_get(group, "runs")), 2);
	cr_expect_eq(json_integer_value(json_object_get(group, "errors")), 0);
	cr_expect(json_is_integer(json_object_get(group, "p99_ms")));
	json_decref(o);
	RUN(&a, &r, "runs", "stats");
	cr_expect_not_null(strstr(r.out, "sim-small\t2\t0\t"), "%s", r.out);
	run_done(&r);
	RUN(&a, &r, "runs", "export");
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_assert_not_null(strchr(r.out, '\n'));
	*strchr(r.out, '\n') = '\0';
	o = json_loads(r.out, 0, NULL);
	cr_expect_str_eq(json_string_value(json_object_get(o, "status")), "succeeded");
	json_decref(o);
	run_done(&r);
	RUN(&a, &r, "runs", "export", "--format", "csv");
	cr_expect_eq(strncmp(r.out, "workspace_id,id,", 16), 0, "%s", r.out);
	cr_expect_not_null(strstr(r.out, "\r\n\"default\",\""), "%s", r.out);
	run_done(&r);
	account_end(&a);
}

Test(llmctl_runs, the_tail_shows_a_run_once)
{
	const char *env[2] = {NULL, NULL}, *argv[] = {LLMCTL, "runs", "tail", NULL};
	run_result r;
	account a;
	run_opts o;
	run *tail;

	account_new(&a);
	env[0] = a.host;
	o = (run_opts){.env = env, .home = a.home, .records = true};
	ask(&a, "hi");
	tail = run_start(argv, &o);
	cr_assert(run_wait_out(tail, "\tsucceeded\t"));
	RUN(&a, &r, "ask", "-m", "ollama/none-such", "hi");
	run_done(&r);
	cr_assert(run_wait_out(tail, "\tNOT_FOUND\n"));
	run_signal(tail, 2);
	run_end(tail, &r);
	cr_expect_eq(r.status, -2, "%d", r.status);
	cr_expect_null(strstr(strstr(r.out, "succeeded") + 1, "succeeded"), "%s", r.out);
	run_done(&r);
	account_end(&a);
}
