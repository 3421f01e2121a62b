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
	a->p = run_start(
		RUN_LIST(LLMCTL, "ask", "--recover", "match", "-m", "ollama/sim-small", "x"),
		&opts);
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

/* The error is told already by then; what is waited for are only names that are near. */
Test(llmctl_stop, ctrl_c_while_the_nearest_models_are_looked_up)
{
	char *script = sim_file(
		"accept\nread request\nreply 404 \"Content-Type: application/json\" "
		"\"{\\\"error\\\":\\\"model 'sim-small' not found\\\"}\"\n"
		"read request\nkeep\n");
	long_answer a;
	run_result r;
	uint64_t at;

	begin(&a, RUN_LIST("--script", script), NULL);
	cr_assert(sim_log_wait(a.s, "\"event\":\"request\"", 2, 5000), "%s", sim_log_text(a.s));
	at = sim_now_ns();
	run_signal(a.p, SIGINT);
	run_end(a.p, &r);
	cr_expect_lt(sim_now_ns() - at, UINT64_C(1000000000));
	cr_expect_eq(r.status, 130, "status %d: %s", r.status, r.err);
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

/* By a shell, for what only it can do to descriptors; $0 is the tool. */
static void run_shell(const char *script, const char *host, run_result *ret)
{
	char ollama[128];
	const run_opts opts = {.env = RUN_LIST(ollama)};

	snprintf(ollama, sizeof(ollama), "OLLAMA_HOST=%s", host);
	run_program(RUN_LIST("/bin/sh", "-c", script, LLMCTL), &opts, ret);
}

/* Else the first thing that is opened would become standard output, and be written to. */
Test(llmctl_stop, descriptors_that_are_closed_stay_unused)
{
	sim *s = sim_start(RUN_LIST("--say", "canary-answer"));
	run_result r;

	run_shell("exec \"$0\" ask -m ollama/sim-small hi >&-", sim_url(s), &r);
	cr_expect_eq(r.status, 1, "status %d: %s", r.status, r.err);
	cr_expect(strstr(r.err, "the answer cannot be written: Bad file descriptor"), "%s", r.err);
	run_done(&r);
	run_shell("exec \"$0\" models >&-", sim_url(s), &r);
	cr_expect_eq(r.status, 1, "status %d: %s", r.status, r.err);
	cr_expect(strstr(r.err, "standard output cannot be written"), "%s", r.err);
	run_done(&r);
	run_shell("exec \"$0\" ask -m ollama/sim-small hi <&- 2>&-", sim_url(s), &r);
	cr_expect_eq(r.status, 0, "status %d", r.status);
	cr_expect_str_eq(r.out, "canary-answer\n");
	run_done(&r);
	run_shell("exec \"$0\" ask -m ollama/nosuch hi 2>&-", sim_url(s), &r);
	cr_expect_eq(r.status, 3, "status %d: %s", r.status, r.out);
	cr_expect_str_empty(r.out);
	run_done(&r);
	cr_expect_eq(sim_log_count(s, "canary-answer"), 0, "%s", sim_log_text(s));
	sim_stop(s);
}

/* Every command tells of it, also those that are answered before the library is loaded. */
Test(llmctl_stop, a_full_disk_is_told_by_every_command)
{
	static const char *const words[] = {"--help", "help", "help ask", "--version", "errors",
		"config path", "plugins list", "models", "models --json"};
	sim *s = sim_start(NULL);
	char script[128];
	run_result r;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(script, sizeof(script), "exec \"$0\" %s >/dev/full", words[i]);
		run_shell(script, sim_url(s), &r);
		cr_expect_eq(r.status, 1, "%s: status %d: %s", words[i], r.status, r.err);
		cr_expect(strstr(r.err,
				  "llmctl: error: standard output cannot be written: "
				  "No space left on device"),
			"%s: %s", words[i], r.err);
		run_done(&r);
	}
	sim_stop(s);
}

Test(llmctl_stop, a_reader_that_has_gone_is_no_failure_of_any_command)
{
	static const char *const words[] = {"--help", "help ask", "errors", "models"};
	sim *s = sim_start(NULL);
	char script[256];
	run_result r;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(script, sizeof(script),
			"mkfifo $HOME/p; : <$HOME/p & exec 3>$HOME/p; wait; \"$0\" %s >&3; s=$?; "
			"rm $HOME/p; exit $s",
			words[i]);
		run_shell(script, sim_url(s), &r);
		cr_expect_eq(r.status, 0, "%s: status %d: %s", words[i], r.status, r.err);
		cr_expect_str_empty(r.err);
		run_done(&r);
	}
	sim_stop(s);
}
