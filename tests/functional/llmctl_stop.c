/* Ctrl-C, a reader that goes away, and a full disk. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "support/run.h"
#include "support/sim.h"

typedef struct long_answer {
	sim *s;
	char host[128];
	run *p;
} long_answer;

/* An answer that goes on for minutes unless somebody ends it. */
static void begin(long_answer *a, const char *const *sim_args, const char *out_path)
{
	const run_opts opts = {.env = RUN_LIST(a->host), .out_path = out_path};

	a->s = sim_start(sim_args);
	snprintf(a->host, sizeof(a->host), "OLLAMA_HOST=%s", sim_url(a->s));
	a->p = run_start(RUN_LIST(LLMCTL, "ask", "-m", "ollama/sim-small", "x"), &opts);
}

#define LONG RUN_LIST("--pace-ms", "10", "--tokens", "100000", "--say", "one two three four five")

Test(llmctl_stop, ctrl_c_closes_the_upstream_prints_what_arrived_and_is_130)
{
	long_answer a;
	run_result r;
	uint64_t at;

	begin(&a, RUN_LIST("--pace-ms", "10", "--tokens", "100000"), NULL);
	cr_assert(run_wait_out(a.p, " "));
	at = sim_now_ns();
	run_signal(a.p, SIGINT);
	run_end(a.p, &r);
	cr_expect_eq(r.status, 130, "status %d: %s", r.status, r.err);
	cr_expect_gt(r.out_len, 1);
	cr_expect_eq(r.out[r.out_len - 1], '\n');
	cr_expect(strstr(r.err, "interrupted"), "%s", r.err);
	cr_assert(sim_log_wait(a.s, "\"who\":\"peer\"", 1, 5000), "the upstream stays open");
	cr_expect_lt(sim_log_ns(a.s, "\"who\":\"peer\"") - at, UINT64_C(1000000000));
	run_done(&r);
	sim_stop(a.s);
}

Test(llmctl_stop, ctrl_c_before_the_first_byte)
{
	long_answer a;
	run_result r;

	begin(&a, RUN_LIST("--delay-ms", "60000"), NULL);
	cr_assert(sim_log_wait(a.s, "/api/chat", 1, 5000));
	run_signal(a.p, SIGINT);
	run_end(a.p, &r);
	cr_expect_eq(r.status, 130, "status %d: %s", r.status, r.err);
	cr_expect_str_empty(r.out);
	cr_expect(sim_log_wait(a.s, "\"who\":\"peer\"", 1, 5000));
	run_done(&r);
	sim_stop(a.s);
}

/*
 * Far more than pipes and sockets hold, sent at once, and nobody reads it from
 * llmctl: it cannot write on. *ret_script is to be given to sim_file_free().
 */
static void begin_flood(long_answer *a, char **ret_script)
{
	char text[2048] =
		"accept\nread request\nhead 200 \"Content-Type: application/x-ndjson\" "
		"\"Connection: close\"\nrepeat 50000 \"{\\\"model\\\":\\\"m\\\",\\\"message\\\":"
		"{\\\"role\\\":\\\"assistant\\\",\\\"content\\\":\\\"";
	size_t len = strlen(text);

	memset(text + len, 'a', 1000);
	snprintf(text + len + 1000, sizeof(text) - len - 1000, "\\\"},\\\"done\\\":false}\\n\"\n");
	*ret_script = sim_file(text);
	begin(a, RUN_LIST("--script", *ret_script), NULL);
	cr_assert(
		sim_log_wait(a->s, "\"event\":\"first_byte\"", 1, 5000), "%s", sim_log_text(a->s));
}

Test(llmctl_stop, ctrl_c_reaches_the_upstream_while_nobody_reads_the_answer)
{
	char *script;
	long_answer a;
	run_result r;

	begin_flood(&a, &script);
	run_signal(a.p, SIGINT);
	cr_expect(sim_log_wait(a.s, "\"who\":\"peer\"", 1, 5000), "the upstream stays open");
	run_end(a.p, &r);
	cr_expect_eq(r.status, 130, "status %d: %s", r.status, r.err);
	run_done(&r);
	sim_stop(a.s);
	sim_file_free(script);
}

Test(llmctl_stop, the_second_ctrl_c_ends_it_at_once)
{
	char *script;
	long_answer a;
	run_result r;

	begin_flood(&a, &script);
	run_signal(a.p, SIGINT);
	cr_assert(sim_log_wait(a.s, "\"who\":\"peer\"", 1, 5000));
	run_signal(a.p, SIGINT);
	run_end(a.p, &r);
	cr_expect_eq(r.status, 130, "status %d: %s", r.status, r.err);
	/* A tool that was quicker than the second signal has said how it ended, whole. */
	cr_expect(!r.err[0] || strstr(r.err, "interrupted"), "half a word: %s", r.err);
	run_done(&r);
	sim_stop(a.s);
	sim_file_free(script);
}

Test(llmctl_stop, a_closed_pipe_is_quiet_and_closes_the_upstream)
{
	long_answer a;
	run_result r;

	begin(&a, RUN_LIST("--pace-ms", "10", "--tokens", "100000"), NULL);
	cr_assert(run_wait_out(a.p, " "));
	run_close_out(a.p);
	run_end(a.p, &r);
	cr_expect_eq(r.status, 0, "status %d", r.status);
	cr_expect_str_empty(r.err);
	cr_expect(sim_log_wait(a.s, "\"who\":\"peer\"", 1, 5000), "the upstream stays open");
	run_done(&r);
	sim_stop(a.s);
}

Test(llmctl_stop, a_closed_pipe_is_noticed_while_the_model_is_silent)
{
	long_answer a;
	run_result r;

	begin(&a, RUN_LIST("--delay-ms", "60000"), NULL);
	cr_assert(sim_log_wait(a.s, "/api/chat", 1, 5000));
	run_close_out(a.p);
	run_end(a.p, &r);
	cr_expect_eq(r.status, 0, "status %d", r.status);
	cr_expect_str_empty(r.err);
	cr_expect(sim_log_wait(a.s, "\"who\":\"peer\"", 1, 5000));
	run_done(&r);
	sim_stop(a.s);
}

Test(llmctl_stop, a_full_disk_is_told_and_is_1)
{
	long_answer a;
	run_result r;

	begin(&a, LONG, "/dev/full");
	run_end(a.p, &r);
	cr_expect_eq(r.status, 1, "status %d", r.status);
	cr_expect(strstr(r.err, "cannot be written"), "%s", r.err);
	run_done(&r);
	sim_stop(a.s);
}

Test(llmctl_stop, help_to_a_closed_pipe_is_quiet)
{
	run *p = run_start(RUN_LIST(LLMCTL, "errors"), NULL);
	run_result r;

	run_close_out(p);
	run_end(p, &r);
	cr_expect_eq(r.status, 0, "status %d", r.status);
	cr_expect_str_empty(r.err);
	run_done(&r);
}
