/* The exit status of llmctl, one row per kind of failure. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/run.h"
#include "support/sim.h"

typedef struct row {
	const char *script; /* what the upstream does after "accept" */
	const char *code; /* named on standard error */
	int status;
} row;

#define REPLY(status, text) \
	"read request\nreply " #status " \"Content-Type: application/json\" " \
	"\"{\\\"error\\\":\\\"" text "\\\"}\"\n"

static const row rows[] = {
	{REPLY(400, "bad things"), "INVALID_REQUEST", 2},
	{REPLY(401, "unauthorized"), "AUTHENTICATION", 4},
	{REPLY(403, "forbidden"), "PERMISSION_DENIED", 4},
	{REPLY(404, "model 'sim-small' not found"), "NOT_FOUND", 3},
	{REPLY(409, "conflict"), "CONFLICT", 6},
	{REPLY(429, "too many requests"), "RATE_LIMITED", 5},
	{REPLY(402, "pay"), "QUOTA_EXHAUSTED", 5},
	{REPLY(500, "oops"), "SERVER_ERROR", 6},
	{REPLY(503, "busy"), "UNAVAILABLE", 6},
	{"read request\nreset\n", "CONNECTION", 6},
	{"read request\nhead 200 \"Content-Type: application/x-ndjson\" "
	 "\"Transfer-Encoding: chunked\"\nchunk \"{\\\"model\\\":\\\"m\\\",\\\"message\\\":"
	 "{\\\"role\\\":\\\"assistant\\\",\\\"content\\\":\\\"half an \\\"},\\\"done\\\":false}\\n\""
	 "\nclose\n",
		"STREAM_BROKEN", 6},
	{"read request\nkeep\n", "DEADLINE", 7},
};

static void check_row(const row *r)
{
	char text[1024];
	char *script;
	run_result got;
	sim *s;

	snprintf(text, sizeof(text), "accept\n%s", r->script);
	script = sim_file(text);
	s = sim_start(RUN_LIST("--script", script));
	run_llmctl(sim_url(s), NULL,
		RUN_LIST("ask", "-m", "ollama/sim-small", "--timeout", "500ms", "x"), &got);
	cr_expect_eq(got.status, r->status, "%s: status %d, not %d: %s", r->code, got.status,
		r->status, got.err);
	cr_expect(strstr(got.err, r->code), "%s is not named: %s", r->code, got.err);
	run_done(&got);
	sim_stop(s);
	sim_file_free(script);
}

Test(llmctl_exit, each_failure_of_the_upstream_has_its_status)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
}

Test(llmctl_exit, an_answer_that_is_no_json_is_6)
{
	char *script = sim_file("accept\nread request\n"
				"reply 200 \"Content-Type: application/json\" \"hello\"\n");
	sim *s = sim_start(RUN_LIST("--script", script));
	run_result r;

	run_llmctl(sim_url(s), NULL, RUN_LIST("ask", "-m", "ollama/sim-small", "--no-stream", "x"),
		&r);
	cr_expect_eq(r.status, 6, "status %d: %s", r.status, r.err);
	cr_expect(strstr(r.err, "PROTOCOL"), "%s", r.err);
	cr_expect_str_empty(r.out);
	run_done(&r);
	sim_stop(s);
	sim_file_free(script);
}

Test(llmctl_exit, a_broken_stream_keeps_the_text_so_far)
{
	char text[1024], *script;
	run_result r;
	sim *s;

	snprintf(text, sizeof(text), "accept\n%s", rows[10].script);
	script = sim_file(text);
	s = sim_start(RUN_LIST("--script", script));
	run_llmctl(sim_url(s), NULL, RUN_LIST("ask", "-m", "ollama/sim-small", "x"), &r);
	cr_expect_str_eq(r.out, "half an \n");
	cr_expect_eq(r.status, 6);
	run_done(&r);
	sim_stop(s);
	sim_file_free(script);
}

static void expect_status(const char *const *args, int status, const char *says)
{
	run_result r;

	run_llmctl(NULL, NULL, args, &r);
	cr_expect_eq(r.status, status, "status %d, not %d: %s", r.status, status, r.err);
	cr_expect_str_empty(r.out);
	cr_expect(strstr(r.err, says), "\"%s\" is not in: %s", says, r.err);
	run_done(&r);
}

Test(llmctl_exit, usage_and_configuration_are_2)
{
	expect_status(RUN_LIST("ask", "-m", "ollama/x", "--timeout", "30", "x"), 2, "30s");
	expect_status(RUN_LIST("ask", "-m", "ollama/x", "--timeout", "0s", "x"), 2, "--timeout");
	expect_status(RUN_LIST("ask", "-m", "ollama/x", "-o", "novalue", "x"), 2, "NAME=VALUE");
	expect_status(RUN_LIST("ask", "-m", "ollama/x", "-o", "seed=much", "x"), 2, "seed");
	expect_status(RUN_LIST("ask", "-m"), 2, "--model wants a value");
	expect_status(RUN_LIST("ask", "--stats=1", "x"), 2, "takes no value");
	expect_status(RUN_LIST("ask", "-Q", "x"), 2, "-Q");
	expect_status(RUN_LIST("profiles", "more"), 2, "more");
	expect_status(RUN_LIST("ask", "-m", "nosuch/x", "y"), 2, "nosuch");
	expect_status(RUN_LIST("ask", "-p", "nosuch", "y"), 2, "nosuch");
	expect_status(RUN_LIST("models", "-c", "/nowhere/llm.conf"), 2, "/nowhere/llm.conf");
}

Test(llmctl_exit, a_refused_connection_is_6)
{
	run_result r;

	run_llmctl("http://127.0.0.1:9", NULL, RUN_LIST("ask", "-m", "ollama/x", "y"), &r);
	cr_expect_eq(r.status, 6, "%s", r.err);
	cr_expect(strstr(r.err, "CONNECTION"), "%s", r.err);
	run_done(&r);
}

Test(llmctl_exit, a_missing_key_is_4)
{
	expect_status(RUN_LIST("ask", "-m", "openai/x", "y"), 4, "OPENAI_API_KEY");
}
