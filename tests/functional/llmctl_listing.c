/* llmctl runs: what is typed wrong or oddly, rows with odd texts in them, and readers that leave. */
#include <sqlite3.h>

#include "account_try.h"

static void begin_again(const account *a)
{
	run_result r;

	ACCOUNT_RUN(a, &r, "ask", "-m", "ollama/sim-small", "hi");
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
}

static void begin(account *a)
{
	account_new(a, RUN_LIST("--say", "All is well."));
	begin_again(a);
}

static void edit(const account *a, const char *sql)
{
	sqlite3 *c = NULL;
	char path[600];

	snprintf(path, sizeof(path), "%s/.local/state/llm/llm.db", a->home);
	cr_assert_eq(sqlite3_open(path, &c), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(c, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(c));
	sqlite3_close(c);
}

/* The rest of the arguments: the status, and a piece of what is said. */
static void expect(const account *a, int status, const char *says, const char *const *args)
{
	run_result r;

	account_run(a, args, &r);
	cr_expect_eq(r.status, status, "%s %s: %s%s", args[1], args[2], r.out, r.err);
	cr_expect(strstr(r.out, says) || strstr(r.err, says), "not '%s': %s%s", says, r.out, r.err);
	run_done(&r);
}

#define EXPECT(a, status, says, ...) expect(a, status, says, RUN_LIST(__VA_ARGS__))

static size_t count(const account *a, const char *const *args)
{
	json_t *o = account_json(a, args);
	size_t n = json_array_size(json_object_get(o, "runs"));

	json_decref(o);
	return n;
}

#define COUNT(a, ...) count(a, RUN_LIST("runs", "list", "--json", __VA_ARGS__))

/* ---- times ---- */

Test(llmctl_listing, a_time_is_written_whole_and_is_a_day_that_there_is)
{
	static const char *const good[] = {
		"2024-02-29", "2026-01-31T10:00:00Z", "2026-01-31T23:59:59.999Z", "90s", "400d"};
	static const char *const bad[] = {"2026-02-30", "2026-02-29", "2026-04-31T00:00:00Z",
		"2026-13-01", "2026-00-10", "2026-01-00", "2026-1-3", " 2026-01-31", "2026-01-31 ",
		"2026-01-31T24:00:00Z", "2026-01-31T10:00Z", "2026-01-31T10:00:00.5Z",
		"2026-01-31 10:00:00", "1969-12-31", "0s ", "-1d", "1w", "d", "99999999999d"};
	account a;
	size_t i;

	begin(&a);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_expect_eq(COUNT(&a, "--since", good[i]), 1, "%s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT(&a, 2, "is no time", "runs", "list", "--since", bad[i]);
	account_end(&a);
}

/* What the list shows can be given back to it. */
Test(llmctl_listing, the_time_of_a_run_finds_it)
{
	char when[40];
	const char *at;
	run_result r;
	account a;

	begin(&a);
	ACCOUNT_RUN(&a, &r, "runs", "list");
	at = strchr(r.out, '\t');
	cr_assert_not_null(at);
	snprintf(when, sizeof(when), "%.24s", at + 1);
	run_done(&r);
	cr_expect_eq(COUNT(&a, "--since", when), 1, "%s", when);
	cr_expect_eq(COUNT(&a, "--until", when), 0, "%s", when);
	account_end(&a);
}

Test(llmctl_listing, a_time_that_ends_before_it_begins)
{
	static const char *const commands[] = {"list", "export", "stats"};
	account a;

	begin(&a);
	for (size_t i = 0; i < 3; i++) {
		EXPECT(&a, 2, "is not before --until", "runs", commands[i], "--since", "1h",
			"--until", "2h");
		EXPECT(&a, 2, "is not before --until", "runs", commands[i], "--since", "2026-01-31",
			"--until", "2026-01-31");
	}
	cr_expect_eq(COUNT(&a, "--since", "2h", "--until", "1h"), 0);
	account_end(&a);
}

/* ---- what is looked for ---- */

Test(llmctl_listing, a_model_as_ask_takes_it)
{
	run_result r;
	account a;

	begin(&a);
	ACCOUNT_RUN(&a, &r, "ask", "-m", "ollama/org/none", "hi");
	cr_assert_eq(r.status, 3, "%s", r.err);
	run_done(&r);
	cr_expect_eq(COUNT(&a, "-m", "sim-small"), 1);
	cr_expect_eq(COUNT(&a, "-m", "ollama/sim-small"), 1);
	cr_expect_eq(COUNT(&a, "-m", "openai/sim-small"), 0);
	cr_expect_eq(COUNT(&a, "-m", "org/none"), 1, "a name with a slash");
	cr_expect_eq(COUNT(&a, "-m", "ollama/org/none"), 1);
	cr_expect_eq(COUNT(&a, "-m", "org/none", "--provider", "ollama"), 1);
	cr_expect_eq(COUNT(&a, "-m", "/"), 0);
	account_end(&a);
}

Test(llmctl_listing, an_error_is_found_by_its_code_or_its_words)
{
	run_result r;
	account a;

	begin(&a);
	ACCOUNT_RUN(&a, &r, "ask", "-m", "ollama/none-such", "hi");
	run_done(&r);
	EXPECT(&a, 0, "\tNOT_FOUND\n", "runs", "search", "NOT_FOUND");
	EXPECT(&a, 0, "\tNOT_FOUND\n", "runs", "search", "not found");
	EXPECT(&a, 0, "no run is on record that fits", "runs", "search", "%");
	EXPECT(&a, 2, "what is to be searched for?", "runs", "search", "");
	EXPECT(&a, 2, "which run?", "runs", "show", "");
	EXPECT(&a, 0, "no run is on record that fits", "runs", "stats", "--until", "2020-01-01");
	account_end(&a);
}

Test(llmctl_listing, the_last_page_says_that_it_is)
{
	json_t *o;
	account a;

	begin(&a);
	begin_again(&a);
	o = ACCOUNT_JSON(&a, "runs", "list", "--json", "--limit", "1");
	cr_expect_eq(json_array_size(json_object_get(o, "runs")), 1);
	cr_expect(json_is_string(json_object_get(o, "next")));
	json_decref(o);
	o = ACCOUNT_JSON(&a, "runs", "list", "--json", "--limit", "2");
	cr_expect_eq(json_array_size(json_object_get(o, "runs")), 2);
	cr_expect(json_is_null(json_object_get(o, "next")), "there is no other");
	json_decref(o);
	account_end(&a);
}

/* ---- odd texts ---- */

static const char odd[] =
	"INSERT INTO llm_runs (workspace_id, id, operation, status, stream, requested_model, "
	"error_code, error_message, metadata_json, created_us, version) VALUES ('default', "
	"'ff900000-0000-7000-8000-000000000001', 'chat', 'failed', 0, 'a,b\"c' || char(10) || "
	"'status      succeeded' || char(27) || '[2J', '=1+1', 'x' || char(13, 10) || 'y', "
	"'[1', 1795439725000000, 1)";

Test(llmctl_listing, commas_quotes_and_newlines)
{
	static const char id[] = "ff900000-0000-7000-8000-000000000001";
	json_t *o;
	run_result r;
	account a;

	begin(&a);
	edit(&a, odd);
	ACCOUNT_RUN(&a, &r, "runs", "export", "--format", "csv", "--limit", "1");
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect_not_null(
		strstr(r.out, ",\"a,b\"\"c\nstatus      succeeded\x1b[2J\","), "%s", r.out);
	cr_expect_not_null(strstr(r.out, ",\"'=1+1\",\"x\r\ny\","), "%s", r.out);
	run_done(&r);
	o = ACCOUNT_JSON(&a, "runs", "export", "--limit", "1");
	cr_expect_str_eq(json_string_value(json_object_get(o, "error_message")), "x\r\ny");
	cr_expect_str_eq(json_string_value(json_object_get(o, "metadata_json")), "[1");
	json_decref(o);
	ACCOUNT_RUN(&a, &r, "runs", "list", "--limit", "1");
	cr_expect_eq(strchr(r.out, '\n'), r.out + r.out_len - 1, "one line: %s", r.out);
	cr_expect_null(strchr(r.out, '\x1b'), "%s", r.out);
	run_done(&r);
	ACCOUNT_RUN(&a, &r, "runs", "show", id);
	cr_expect_not_null(strstr(r.out, "\n            status      succeeded\n"), "%s", r.out);
	cr_expect_null(strstr(r.out, "\nstatus      succeeded"), "a line of its own: %s", r.out);
	cr_expect_null(strchr(r.out, '\x1b'), "%s", r.out);
	run_done(&r);
	account_end(&a);
}

/* ---- the tail ---- */

static run *tail(account *a, const char *env[2], const char *const *argv)
{
	env[0] = a->host;
	env[1] = NULL;
	return run_start(argv, &(run_opts){.env = env, .home = a->home, .records = true});
}

Test(llmctl_listing, the_tail_ends_when_nobody_reads_it)
{
	const char *env[2], *const argv[] = {LLMCTL, "runs", "tail", NULL};
	run_result r;
	account a;
	run *t;

	begin(&a);
	t = tail(&a, env, argv);
	cr_assert(run_wait_out(t, "\tsucceeded\t"));
	run_close_out(t);
	run_end(t, &r);
	cr_expect_not(r.late, "nothing was to be written, and it saw that nobody would read");
	cr_expect_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	account_end(&a);
}

Test(llmctl_listing, the_tail_waits_for_nothing_that_cannot_come)
{
	account a;

	begin(&a);
	EXPECT(&a, 2, "none is running then", "runs", "tail", "--status", "running");
	EXPECT(&a, 2, "none is pending then", "runs", "tail", "--status", "pending");
	EXPECT(&a, 2, "unknown option --until", "runs", "tail", "--until", "1h");
	EXPECT(&a, 2, "unknown option --before", "runs", "tail", "--before", "1");
	account_end(&a);
}

/* A run of long ago, under way or not. */
#define LONG_AGO "'01800000-0000-7000-8000-000000000001'"
static const char begun[] =
	"INSERT INTO llm_owners (id, started_us, lease_until_us) VALUES ('o', 1, 9000000000000000); "
	"INSERT INTO llm_runs (workspace_id, id, owner_id, operation, status, stream, "
	"requested_model, created_us, version) VALUES ('default', " LONG_AGO
	", 'o', 'chat', 'running', 0, 'old/one', 1, 1)";
#define ENDED(status) \
	"UPDATE llm_runs SET status = '" status "', error_code = 'TIMEOUT' WHERE id = " LONG_AGO

static size_t lines_of(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

/* Those that began later were shown before it. */
Test(llmctl_listing, the_tail_shows_a_run_that_began_long_ago_when_it_ends)
{
	const char *env[2], *const argv[] = {LLMCTL, "runs", "tail", "--limit", "1", NULL};
	run_result r;
	account a;
	run *t;

	begin(&a);
	begin_again(&a);
	edit(&a, begun);
	t = tail(&a, env, argv);
	cr_assert(run_wait_out(t, "\tsucceeded\t"));
	edit(&a, ENDED("failed"));
	cr_assert(run_wait_out(t, "\told/one\t"));
	begin_again(&a);
	cr_assert(run_wait_out(t, "\tTIMEOUT\n01"));
	run_signal(t, 2);
	run_end(t, &r);
	cr_expect_eq(lines_of(r.out), 3, "the last one, the old one, the new one: %s", r.out);
	run_done(&r);
	account_end(&a);
}

/* What is under way has not failed yet: that is no reason to forget it. */
Test(llmctl_listing, the_tail_of_those_that_fail)
{
	const char *env[2],
		*const argv[] = {LLMCTL, "runs", "tail", "--status", "failed", "--json", NULL};
	run_result r;
	account a;
	run *t;

	begin(&a);
	edit(&a, odd);
	edit(&a, begun);
	t = tail(&a, env, argv);
	cr_assert(run_wait_out(t, "ff900000-"));
	begin_again(&a);
	edit(&a, ENDED("failed"));
	cr_assert(run_wait_out(t, "01800000-"));
	run_signal(t, 2);
	run_end(t, &r);
	cr_expect_eq(lines_of(r.out), 2, "%s", r.out);
	cr_expect_null(strstr(r.out, "succeeded\",\""), "%s", r.out);
	run_done(&r);
	account_end(&a);
}
