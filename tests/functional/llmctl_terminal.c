/* llmctl ask on a terminal: what is shown where, and what a model may not send. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/run.h"
#include "support/sim.h"

/* On a terminal, with `extra` in the environment besides OLLAMA_HOST (or null). */
static void on_terminal(const sim *s, const char *extra, const char *const *argv, run_result *ret)
{
	char host[128];
	const char *env[] = {host, extra, NULL};
	const run_opts opts = {.env = env, .tty = true};

	snprintf(host, sizeof(host), "OLLAMA_HOST=%s", sim_url(s));
	run_program(argv, &opts, ret);
}

#define ASK(...) RUN_LIST(LLMCTL, "ask", "-m", "ollama/sim-small", __VA_ARGS__)

Test(llmctl_terminal, control_sequences_of_a_model_are_stripped)
{
	sim *s = sim_start(RUN_LIST("--say",
		"a\033[31mred\033[0m \033]0;title\007b\001\rc\xc2\x9b"
		"1md"
		"\xc3\xa4\te"));
	run_result r;

	on_terminal(s, NULL, ASK("x"), &r);
	cr_expect_str_eq(r.out, "ared bcd\xc3\xa4\te\r\n");
	run_done(&r);
	on_terminal(s, NULL, ASK("--raw", "x"), &r);
	cr_expect(strstr(r.out, "a\033[31mred\033[0m"), "%s", r.out);
	run_done(&r);
	sim_stop(s);
}

/* Each piece a frame of its own; the sequence is cut at every byte. */
Test(llmctl_terminal, a_sequence_cut_into_pieces_is_stripped_too)
{
	static const char *const pieces[] = {"a", "\\u001b", "]", "0;", "ti", "\\u001b", "\\\\\\\\",
		"b", "\\u001b", "[", "3", "1", "m", "c", "\\u009b", "2", "J", "d"};
	char text[4096] = "accept\nread request\nhead 200 \"Content-Type: application/x-ndjson\" "
			  "\"Transfer-Encoding: chunked\"\n";
	char *script;
	run_result r;
	sim *s;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t len = strlen(text);
		bool escape = pieces[i][0] == '\\';

		snprintf(text + len, sizeof(text) - len,
			"chunk \"{\\\"model\\\":\\\"m\\\",\\\"message"
			"\\\":{\\\"role\\\":\\\"assistant\\\",\\\"content\\\":\\\"%s%s\\\"},"
			"\\\"done\\\":false}\\n\"\n",
			escape && pieces[i][1] == 'u' ? "\\" : "", pieces[i]);
	}
	strncat(text,
		"chunk \"{\\\"model\\\":\\\"m\\\",\\\"message\\\":{\\\"role\\\":\\\"assistant\\\","
		"\\\"content\\\":\\\"\\\"},\\\"done\\\":true,\\\"done_reason\\\":\\\"stop\\\"}\\n\"\n"
		"end-chunks\n",
		sizeof(text) - strlen(text) - 1);
	script = sim_file(text);
	s = sim_start(RUN_LIST("--script", script));
	on_terminal(s, NULL, ASK("x"), &r);
	cr_expect_str_eq(r.out, "abcd\r\n");
	run_done(&r);
	sim_stop(s);
	sim_file_free(script);
}

Test(llmctl_terminal, reasoning_is_dimmed_before_the_answer)
{
	sim *s = sim_start(RUN_LIST("--say", "Yes."));
	run_result r;

	on_terminal(s, NULL, ASK("-o", "reasoning=on", "x"), &r);
	cr_expect(strncmp(r.out, "\033[2m", 4) == 0, "%s", r.out);
	cr_expect(strstr(r.out, "\033[0m\r\n\r\nYes.\r\n"), "%s", r.out);
	run_done(&r);
	sim_stop(s);
}

Test(llmctl_terminal, no_colours_where_they_are_not_wanted)
{
	static const char *const wishes[] = {"NO_COLOR=1", "TERM=dumb"};
	sim *s = sim_start(RUN_LIST("--say", "Yes."));
	run_result r;

	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		on_terminal(s, wishes[i], ASK("-o", "reasoning=on", "x"), &r);
		cr_expect_null(strchr(r.out, '\033'), "%s: %s", wishes[i], r.out);
		run_done(&r);
	}
	on_terminal(s, NULL, ASK("--no-color", "-o", "reasoning=on", "x"), &r);
	cr_expect_null(strstr(r.out, "\033[2m"), "%s", r.out);
	run_done(&r);
	on_terminal(s, "NO_COLOR=", RUN_LIST(LLMCTL, "ask", "-m", "ollama/nope", "x"), &r);
	cr_expect(strstr(r.out, "\033[1;31m"), "an empty NO_COLOR means nothing: %s", r.out);
	run_done(&r);
	sim_stop(s);
}

Test(llmctl_terminal, a_spinner_with_seconds_until_the_first_token)
{
	sim *s = sim_start(RUN_LIST("--delay-ms", "450", "--say", "Yes."));
	run_result r;

	on_terminal(s, NULL, ASK("x"), &r);
	cr_expect(strstr(r.out, "waiting for ollama/sim-small 0 s"), "%s", r.out);
	cr_expect(strstr(r.out, "\r\033[KYes.\r\n"), "the line is not erased: %s", r.out);
	run_done(&r);
	sim_stop(s);
}

Test(llmctl_terminal, no_spinner_on_a_dumb_terminal_or_with_json)
{
	sim *s = sim_start(RUN_LIST("--delay-ms", "500", "--say", "Yes."));
	run_result r;

	on_terminal(s, "TERM=dumb", ASK("x"), &r);
	cr_expect_str_eq(r.out, "Yes.\r\n");
	run_done(&r);
	on_terminal(s, NULL, ASK("--json", "x"), &r);
	cr_expect(r.out[0] == '{', "%s", r.out);
	run_done(&r);
	sim_stop(s);
}

Test(llmctl_terminal, an_error_cannot_move_the_cursor)
{
	char *script = sim_file(
		"accept\nread request\nreply 500 \"Content-Type: application/json\" "
		"\"{\\\"error\\\":\\\"bad \\\\u001b[2J thing\\\"}\"\n");
	sim *s = sim_start(RUN_LIST("--script", script));
	run_result r;

	on_terminal(s, "NO_COLOR=1", ASK("x"), &r);
	cr_expect_eq(r.status, 6);
	cr_expect_null(strstr(r.out, "\033[2J"), "%s", r.out);
	run_done(&r);
	sim_stop(s);
	sim_file_free(script);
}

Test(llmctl_terminal, tables_are_aligned_and_tabbed_in_a_pipe)
{
	sim *s = sim_start(RUN_LIST("--models", "a,much-longer-name"));
	run_result r;

	on_terminal(s, NULL, RUN_LIST(LLMCTL, "models"), &r);
	cr_expect_null(strchr(r.out, '\t'), "%s", r.out);
	run_done(&r);
	run_llmctl(sim_url(s), NULL, RUN_LIST("models"), &r);
	cr_expect_not_null(strchr(r.out, '\t'), "%s", r.out);
	run_done(&r);
	sim_stop(s);
}
