/* llmctl ask in a pipe: where the question comes from, and what is printed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/run.h"
#include "support/sim.h"

#define SAID "All is well."

static sim *say(void)
{
	return sim_start(RUN_LIST("--say", SAID));
}

/* Runs it, demands success and the answer alone on standard output. */
static void expect_said(const sim *s, const char *input, const char *const *args)
{
	run_result r;

	run_llmctl(sim_url(s), input, args, &r);
	cr_assert_eq(r.status, 0, "status %d: %s", r.status, r.err);
	cr_expect_str_eq(r.out, SAID "\n");
	run_done(&r);
}

Test(llmctl_ask, words_are_the_prompt)
{
	sim *s = say();

	expect_said(s, NULL, RUN_LIST("ask", "-m", "ollama/sim-small", "Why", "is it?"));
	cr_expect_eq(sim_log_count(s, "Why is it?"), 1);
	sim_stop(s);
}

Test(llmctl_ask, standard_input_is_the_prompt_without_its_last_newline)
{
	sim *s = say();

	expect_said(s, "from a pipe\n", RUN_LIST("ask", "-m", "ollama/sim-small"));
	cr_expect_eq(sim_log_count(s, "\\\"content\\\":\\\"from a pipe\\\""), 1);
	sim_stop(s);
}

Test(llmctl_ask, both_are_joined_by_a_blank_line)
{
	sim *s = say();

	expect_said(s, "the log\n", RUN_LIST("ask", "-m", "ollama/sim-small", "Explain this"));
	cr_expect_eq(
		sim_log_count(s, "Explain this\\\\n\\\\nthe log\\\""), 1, "%s", sim_log_text(s));
	sim_stop(s);
}

Test(llmctl_ask, two_dashes_end_the_options)
{
	sim *s = say();

	expect_said(s, NULL, RUN_LIST("ask", "-m", "ollama/sim-small", "--", "-5", "--json"));
	cr_expect_eq(sim_log_count(s, "-5 --json"), 1);
	sim_stop(s);
}

Test(llmctl_ask, options_are_written_in_every_usual_way)
{
	sim *s = say();

	expect_said(s, NULL, RUN_LIST("ask", "--model=ollama/sim-small", "x"));
	expect_said(s, NULL, RUN_LIST("ask", "--model", "ollama/sim-small", "x"));
	expect_said(s, NULL, RUN_LIST("ask", "-mollama/sim-small", "x"));
	expect_said(s, NULL, RUN_LIST("ask", "x", "-vm", "ollama/sim-small"));
	sim_stop(s);
}

Test(llmctl_ask, system_text_and_options_reach_the_provider)
{
	sim *s = say();

	expect_said(s, NULL,
		RUN_LIST("ask", "-m", "ollama/sim-small", "-s", "Be brief", "-o", "temperature=0.5",
			"-o", "seed=7", "-o", "num_ctx=4096", "x"));
	cr_expect_eq(sim_log_count(s, "Be brief"), 1);
	cr_expect_eq(sim_log_count(s, "\\\"temperature\\\":0.5"), 1, "%s", sim_log_text(s));
	cr_expect_eq(sim_log_count(s, "\\\"seed\\\":7"), 1);
	cr_expect_eq(sim_log_count(s, "\\\"num_ctx\\\":4096"), 1);
	sim_stop(s);
}

Test(llmctl_ask, an_unknown_option_is_refused_with_the_nearest)
{
	sim *s = say();
	run_result r;

	run_llmctl(sim_url(s), NULL,
		RUN_LIST("ask", "-m", "ollama/sim-small", "-o", "temprature=1", "x"), &r);
	cr_expect_eq(r.status, 2);
	cr_expect_str_empty(r.out);
	cr_expect(strstr(r.err, "temperature"), "%s", r.err);
	cr_expect_eq(sim_log_count(s, "/api/chat"), 0);
	run_done(&r);
	sim_stop(s);
}

Test(llmctl_ask, without_streaming_the_whole_is_asked_for)
{
	sim *s = say();

	expect_said(s, NULL, RUN_LIST("ask", "-m", "ollama/sim-small", "--no-stream", "x"));
	cr_expect_eq(sim_log_count(s, "\\\"stream\\\":false"), 1);
	sim_stop(s);
}

Test(llmctl_ask, raw_adds_nothing_in_a_pipe)
{
	sim *s = sim_start(RUN_LIST("--say", "a\033[31mb"));
	run_result r;

	run_llmctl(sim_url(s), NULL, RUN_LIST("ask", "-m", "ollama/sim-small", "--raw", "x"), &r);
	cr_expect_str_eq(r.out, "a\033[31mb");
	run_done(&r);
	sim_stop(s);
}

Test(llmctl_ask, reasoning_is_shown_in_a_pipe_only_when_asked_for)
{
	sim *s = say();
	run_result r;

	run_llmctl(sim_url(s), NULL,
		RUN_LIST("ask", "-m", "ollama/sim-small", "-o", "reasoning=on", "x"), &r);
	cr_expect_str_eq(r.out, SAID "\n");
	cr_expect_str_empty(r.err);
	run_done(&r);
	run_llmctl(sim_url(s), NULL,
		RUN_LIST("ask", "-m", "ollama/sim-small", "-o", "reasoning=on", "--reasoning", "x"),
		&r);
	cr_expect_str_eq(r.out, SAID "\n");
	cr_expect_gt(r.err_len, 10);
	cr_expect_null(strchr(r.err, '\033'), "%s", r.err);
	run_done(&r);
	sim_stop(s);
}

Test(llmctl_ask, stats_name_who_answered_and_the_tokens)
{
	sim *s = say();
	run_result r;

	run_llmctl(sim_url(s), NULL, RUN_LIST("ask", "-m", "ollama/sim-small", "--stats", "x"), &r);
	cr_expect_str_eq(r.out, SAID "\n");
	cr_expect(strstr(r.err, "answered by ollama/sim-small"), "%s", r.err);
	cr_expect(strstr(r.err, "tokens: "), "%s", r.err);
	run_done(&r);
	sim_stop(s);
}

Test(llmctl_ask, verbose_shows_the_exchange_and_no_secret)
{
	sim *s = say();
	run_result r;
	char conf[512];
	char *home = run_folder();
	const run_opts opts = {.home = home, .env = RUN_LIST("SIM_KEY=canary-4711")};

	snprintf(conf, sizeof(conf),
		"default_profile = \"p\";\n"
		"providers = { sim = { plugin = \"openai\"; base_url = \"%s/v1\"; "
		"api_key = \"env:SIM_KEY\"; }; };\n"
		"profiles = { p = { candidates = [ \"sim/sim-small\" ]; }; };\n",
		sim_url(s));
	run_folder_put(home, ".config/llm/llm.conf", conf);
	run_program(RUN_LIST(LLMCTL, "ask", "-v", "x"), &opts, &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect_str_eq(r.out, SAID "\n");
	cr_expect(strstr(r.err, "> POST"), "%s", r.err);
	cr_expect(strstr(r.err, "HTTP 200"), "%s", r.err);
	cr_expect_null(strstr(r.err, "canary"), "%s", r.err);
	run_done(&r);
	run_folder_free(home);
	sim_stop(s);
}

Test(llmctl_ask, an_image_is_sent)
{
	sim *s = say();
	char *home = run_folder();
	char path[512];

	run_folder_put(home, "dot.gif", "GIF89a and the rest");
	snprintf(path, sizeof(path), "%s/dot.gif", home);
	expect_said(s, NULL, RUN_LIST("ask", "-m", "ollama/sim-small", "-i", path, "x"));
	cr_expect_eq(sim_log_count(s, "R0lGODlhIGFuZCB0aGUgcmVzdA=="), 1, "%s", sim_log_text(s));
	run_folder_free(home);
	sim_stop(s);
}

/* ---- who answers ---- */

Test(llmctl_ask, without_configuration_the_loaded_model_answers_and_is_named)
{
	sim *s = say();
	run_result r;

	run_llmctl(sim_url(s), NULL, RUN_LIST("ask", "x"), &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect_str_eq(r.out, SAID "\n");
	cr_expect(strstr(r.err, "ollama/sim-small:latest"), "%s", r.err);
	cr_expect_eq(sim_log_count(s, "\"/api/ps\""), 1);
	cr_expect_eq(sim_log_count(s, "\"/api/tags\""), 0, "asked though a model was loaded");
	run_done(&r);
	sim_stop(s);
}

Test(llmctl_ask, nothing_loaded_then_the_first_there_is)
{
	char *script = sim_file(
		"accept\nread request\n"
		"reply 200 \"Content-Type: application/json\" \"{\\\"models\\\":[]}\"\nclose\n"
		"accept\nserve\n");
	sim *s = sim_start(RUN_LIST("--script", script, "--say", SAID));
	run_result r;

	run_llmctl(sim_url(s), NULL, RUN_LIST("ask", "x"), &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect_str_eq(r.out, SAID "\n");
	cr_expect_eq(sim_log_count(s, "\"/api/tags\""), 1, "%s", sim_log_text(s));
	run_done(&r);
	sim_stop(s);
	sim_file_free(script);
}

static size_t lines_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

Test(llmctl_ask, nothing_anywhere_ends_with_three_lines_and_2)
{
	run_result r;

	run_llmctl("http://127.0.0.1:9", NULL, RUN_LIST("ask", "x"), &r);
	cr_expect_eq(r.status, 2);
	cr_expect_str_empty(r.out);
	cr_expect_eq(lines_of(r.err), 3, "%s", r.err);
	cr_expect(strstr(r.err, "ollama serve"), "%s", r.err);
	cr_expect(strstr(r.err, "key"), "%s", r.err);
	cr_expect(strstr(r.err, "scripts/quickstart.sh"), "%s", r.err);
	run_done(&r);
}

Test(llmctl_ask, a_model_that_was_not_pulled_names_the_command_and_what_is_there)
{
	sim *s = say();
	run_result r;

	run_llmctl(sim_url(s), NULL, RUN_LIST("ask", "-m", "ollama/nope", "x"), &r);
	cr_expect_eq(r.status, 3);
	cr_expect_str_empty(r.out);
	cr_expect_eq(lines_of(r.err), 3, "%s", r.err);
	cr_expect(strstr(r.err, "ollama pull nope"), "%s", r.err);
	cr_expect(strstr(r.err, "sim-small:latest, sim-large:latest"), "%s", r.err);
	run_done(&r);
	sim_stop(s);
}

static void conf_text(char *ret, size_t cap, const sim *s, const char *model)
{
	snprintf(ret, cap,
		"default_profile = \"p\";\n"
		"aliases = { quick = \"ollama/sim-large\"; };\n"
		"providers = { ollama = { base_url = \"%s\"; }; };\n"
		"profiles = { p = { candidates = [ \"ollama/%s\" ]; };\n"
		"  other = { candidates = [ \"ollama/sim-large\" ]; }; };\n",
		sim_url(s), model);
}

Test(llmctl_ask, the_user_s_file_is_read_and_dash_c_replaces_it)
{
	sim *s = say();
	char conf[1024], *home = run_folder(), path[512];
	const run_opts opts = {.home = home};
	run_result r;

	conf_text(conf, sizeof(conf), s, "sim-small");
	run_folder_put(home, ".config/llm/llm.conf", conf);
	run_program(RUN_LIST(LLMCTL, "ask", "--stats", "x"), &opts, &r);
	cr_expect(strstr(r.err, "answered by ollama/sim-small"), "%s", r.err);
	run_done(&r);

	conf_text(conf, sizeof(conf), s, "sim-large");
	run_folder_put(home, "mine.conf", conf);
	snprintf(path, sizeof(path), "%s/mine.conf", home);
	run_program(RUN_LIST(LLMCTL, "ask", "-c", path, "--stats", "x"), &opts, &r);
	cr_expect(strstr(r.err, "answered by ollama/sim-large"), "%s", r.err);
	run_done(&r);
	run_program(RUN_LIST(LLMCTL, "-c", path, "ask", "--stats", "x"), &opts, &r);
	cr_expect(strstr(r.err, "answered by ollama/sim-large"), "%s", r.err);
	run_done(&r);
	run_folder_free(home);
	sim_stop(s);
}

Test(llmctl_ask, profiles_and_aliases_choose_the_model)
{
	sim *s = say();
	char conf[1024], *home = run_folder();
	const run_opts opts = {.home = home};
	run_result r;

	conf_text(conf, sizeof(conf), s, "sim-small");
	run_folder_put(home, ".config/llm/llm.conf", conf);
	run_program(RUN_LIST(LLMCTL, "ask", "-p", "other", "--stats", "x"), &opts, &r);
	cr_expect(strstr(r.err, "answered by ollama/sim-large"), "%s", r.err);
	run_done(&r);
	run_program(RUN_LIST(LLMCTL, "ask", "-m", "quick", "--stats", "x"), &opts, &r);
	cr_expect(strstr(r.err, "answered by ollama/sim-large"), "%s", r.err);
	run_done(&r);
	run_program(RUN_LIST(LLMCTL, "ask", "-m", "quick", "-p", "p", "x"), &opts, &r);
	cr_expect_eq(r.status, 2);
	run_done(&r);
	run_folder_free(home);
	sim_stop(s);
}
