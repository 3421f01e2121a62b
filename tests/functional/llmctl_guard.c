/* llmctl when candidates fail: what mends an answer, what is told meanwhile, who is well. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/run.h"
#include "support/sim.h"

#define LINE(text) \
	"{\\\"model\\\":\\\"m\\\",\\\"message\\\":{\\\"role\\\":\\\"assistant\\\"," \
	"\\\"content\\\":\\\"" text "\\\"},\\\"done\\\":false}\\n"
#define LAST \
	"{\\\"model\\\":\\\"m\\\",\\\"message\\\":{\\\"role\\\":\\\"assistant\\\"," \
	"\\\"content\\\":\\\"\\\"},\\\"done\\\":true,\\\"done_reason\\\":\\\"stop\\\"," \
	"\\\"prompt_eval_count\\\":3,\\\"eval_count\\\":5}\\n"
#define SAYS(lines) \
	"accept\nread request\nhead 200 \"Content-Type: application/x-ndjson\" " \
	"\"Connection: close\"\nsend \"" lines "\"\nclose\n"
#define BUSY(headers) \
	"accept\nread request\nreply 429 \"Connection: close\" " headers \
	" \"{\\\"error\\\":\\\"busy\\\"}\"\nclose\n"
#define BREAKS SAYS(LINE("one "))
#define SAME SAYS(LINE("one ") LINE("two") LAST)
#define OTHER SAYS(LINE("quite ") LINE("another") LAST)

/* Two candidates, "near/a" and "far/b", whose connections come in that order. */
typedef struct pair {
	char *script;
	sim *s;
	char *folder;
	char conf[256]; /* its path */
} pair;

static void begin(pair *p, const char *script, const char *more)
{
	char text[900];

	p->script = sim_file(script);
	p->s = sim_start(RUN_LIST("--script", p->script));
	p->folder = run_folder();
	snprintf(text, sizeof(text),
		"providers = { near = { plugin = \"ollama\"; base_url = \"%s\"; }; "
		"far = { plugin = \"ollama\"; base_url = \"%s\"; }; };\n"
		"profiles = { both = { candidates = [ \"near/a\", \"far/b\" ]; }; };\n"
		"default_profile = \"both\";\n%s",
		sim_url(p->s), sim_url(p->s), more);
	run_folder_put(p->folder, "llm.conf", text);
	snprintf(p->conf, sizeof(p->conf), "%s/llm.conf", p->folder);
}

static void end(pair *p)
{
	sim_stop(p->s);
	sim_file_free(p->script);
	run_folder_free(p->folder);
}

/* llmctl ask -c FILE [FLAG [VALUE]] x */
static void ask(const pair *p, const char *flag, const char *value, const char *another, bool tty,
	run_result *ret)
{
	const char *argv[12] = {LLMCTL, "ask", "-c", p->conf};
	const run_opts opts = {.tty = tty};
	size_t n = 4;

	if (flag)
		argv[n++] = flag;
	if (value)
		argv[n++] = value;
	if (another)
		argv[n++] = another;
	argv[n++] = "x";
	argv[n] = NULL;
	run_program(argv, &opts, ret);
}

static size_t requests(const pair *p)
{
	return sim_log_count(p->s, "\"event\":\"request\"");
}

static void expect(const char *script, const char *mode, int status, const char *out,
	const char *says, size_t asked)
{
	run_result r;
	pair p;

	begin(&p, script, "max_attempts = 1;\n");
	ask(&p, mode ? "--recover" : NULL, mode, NULL, false, &r);
	cr_expect_eq(r.status, status, "%s: status %d: %s", mode, r.status, r.err);
	cr_expect_str_eq(r.out, out, "%s: %s", mode, r.out);
	cr_expect(strstr(r.err, says), "%s: \"%s\" is not in: %s", mode, says, r.err);
	cr_expect_eq(requests(&p), asked, "%s", sim_log_text(p.s));
	run_done(&r);
	end(&p);
}

/* ---- who may answer ---- */

Test(llmctl_guard, R_ROUTE_11_candidates_of_the_command)
{
	run_result r;
	pair p;

	begin(&p, SAME, "");
	ask(&p, "--candidates", "far/x,near/y", "--json", false, &r);
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_assert_not_null(strstr(r.out, "\"x\""), "%s", r.out);
	run_done(&r);
	ask(&p, "--candidates", "far/x,,near/y", NULL, false, &r);
	cr_assert_eq(r.status, 2);
	cr_assert_not_null(strstr(r.err, "PROVIDER/MODEL,PROVIDER/MODEL"), "%s", r.err);
	cr_assert_eq(requests(&p), 1);
	run_done(&r);
	end(&p);
}

Test(llmctl_guard, R_ROUTE_15_local_only_names_who_is_not)
{
	run_result r;
	pair p;

	begin(&p, SAME, "");
	ask(&p, "--local-only", "--candidates", "near/a:cloud", false, &r);
	cr_assert_eq(r.status, 6, "%s", r.err);
	cr_assert_not_null(strstr(r.err, "near/a:cloud computes elsewhere"), "%s", r.err);
	cr_assert_eq(requests(&p), 0);
	run_done(&r);
	end(&p);
}

/* ---- --recover ---- */

Test(llmctl_guard, R_RETRY_19_into_a_pipe_nothing_is_said_before_the_answer_is_whole)
{
	expect(BREAKS OTHER, NULL, 0, "quite another\n", "asking far/b instead", 2);
	expect(BREAKS OTHER, "buffer", 0, "quite another\n", "asking far/b instead", 2);
}

Test(llmctl_guard, R_RETRY_19_match)
{
	expect(BREAKS SAME, "match", 0, "one two\n", "the answer is whole: far/b went on", 2);
	expect(BREAKS OTHER, "match", 6, "one \n", "STREAM_BROKEN", 2);
}

Test(llmctl_guard, R_RETRY_19_off)
{
	expect(BREAKS SAME, "off", 6, "one \n", "STREAM_BROKEN", 1);
}

Test(llmctl_guard, R_RETRY_19_continue_is_match_where_nobody_can_go_on)
{
	expect(BREAKS SAME, "continue", 0, "one two\n", "the answer is whole", 2);
}

/* Who, after how much, and what would have saved it. */
Test(llmctl_guard, R_RETRY_19_what_cannot_be_mended_is_kept_and_explained)
{
	static const char line[] = "note: near/a broke off after about 1 tokens; --recover buffer";

	expect(BREAKS OTHER, "match", 6, "one \n", line, 2);
	expect(BREAKS OTHER, "continue", 6, "one \n", line, 2);
	expect(BREAKS OTHER, "off", 6, "one \n", line, 1);
}

/* The whole text of a failure: the part, why, and the note; no more than that. */
Test(llmctl_guard, R_RETRY_19_the_lines_of_a_broken_answer)
{
	run_result r;
	pair p;

	begin(&p, BREAKS OTHER, "max_attempts = 1;\n");
	ask(&p, "--recover", "match", NULL, false, &r);
	cr_expect(strstr(r.err, "far/b began another answer"), "%s", r.err);
	cr_expect_null(strstr(r.err, "another\n  quite"), "%s", r.err);
	run_done(&r);
	end(&p);
}

Test(llmctl_guard, R_RETRY_19_on_a_terminal_it_is_match)
{
	run_result r;
	pair p;

	begin(&p, BREAKS OTHER, "max_attempts = 1;\n");
	ask(&p, NULL, NULL, NULL, true, &r);
	cr_expect_eq(r.status, 6, "%s", r.out);
	cr_expect(strstr(r.out, "one "), "%s", r.out);
	cr_expect(strstr(r.out, "near/a broke off"), "%s", r.out);
	cr_expect_null(strstr(r.out, "quite"), "%s", r.out);
	run_done(&r);
	end(&p);
}

Test(llmctl_guard, R_RETRY_19_the_configuration_decides_on_a_terminal)
{
	run_result r;
	pair p;

	begin(&p, BREAKS OTHER, "max_attempts = 1; stream_recovery = \"buffer\";\n");
	ask(&p, NULL, NULL, NULL, true, &r);
	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "quite another"), "%s", r.out);
	cr_expect_null(strstr(r.out, "one "), "%s", r.out);
	run_done(&r);
	end(&p);
}

Test(llmctl_guard, R_RETRY_19_another_word_is_refused)
{
	run_result r;
	pair p;

	begin(&p, SAME, "");
	ask(&p, "--recover", "always", NULL, false, &r);
	cr_expect_eq(r.status, 2, "%s", r.err);
	cr_expect(strstr(r.err, "off, match, continue and buffer"), "%s", r.err);
	cr_expect_eq(requests(&p), 0);
	run_done(&r);
	end(&p);
}

/* ---- --json ---- */

/* The last line, which is the object. */
static json_t *object_of(const run_result *r)
{
	const char *at = r->out + r->out_len - (r->out_len > 0);
	json_error_t e;
	json_t *o;

	while (at > r->out && at[-1] != '\n')
		at--;
	o = json_loads(at, JSON_REJECT_DUPLICATES, &e);
	cr_assert_not_null(o, "%s: %s", e.text, r->out);
	return o;
}

static const char *word(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "(null)";
}

Test(llmctl_guard, R_RETRY_19_one_object_is_of_a_whole_answer)
{
	run_result r;
	json_t *o;
	pair p;

	begin(&p, BREAKS OTHER, "max_attempts = 1;\n");
	ask(&p, "--json", NULL, NULL, false, &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	o = object_of(&r);
	cr_expect_str_eq(word(o, "text"), "quite another");
	cr_expect_str_eq(word(o, "provider"), "far");
	cr_expect_eq(json_integer_value(json_object_get(o, "recovered")), 0);
	cr_expect_eq(json_array_size(json_object_get(o, "attempts")), 2);
	json_decref(o);
	run_done(&r);
	end(&p);
}

Test(llmctl_guard, R_RETRY_19_the_object_says_that_it_was_mended)
{
	run_result r;
	const json_t *at;
	json_t *o;
	pair p;

	begin(&p, BREAKS SAME, "max_attempts = 1;\n");
	ask(&p, "--json", "--recover", "match", false, &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	o = object_of(&r);
	cr_expect_str_eq(word(o, "text"), "one two");
	cr_expect_eq(json_integer_value(json_object_get(o, "recovered")), 1);
	at = json_array_get(json_object_get(o, "attempts"), 0);
	cr_expect_str_eq(word(at, "error_code"), "STREAM_BROKEN");
	cr_expect_str_eq(word(at, "candidate"), "near/a");
	json_decref(o);
	run_done(&r);
	end(&p);
}

/* Events are told as they come, so it is match there; the error says what was delivered. */
Test(llmctl_guard, R_RETRY_19_R_ERR_3_events_are_told_at_once_and_the_error_says_so)
{
	const json_t *err;
	run_result r;
	json_t *o;
	pair p;

	begin(&p, BREAKS OTHER, "max_attempts = 1;\n");
	ask(&p, "--json", "--stream", NULL, false, &r);
	cr_expect_eq(r.status, 6, "%s", r.err);
	cr_expect(strstr(r.out, "{\"event\":\"delta\",\"text\":\"one \"}\n"), "%s", r.out);
	cr_expect_null(strstr(r.out, "quite"), "%s", r.out);
	o = object_of(&r);
	err = json_object_get(o, "error");
	cr_expect_str_eq(word(o, "text"), "one ");
	cr_expect_str_eq(word(err, "code"), "STREAM_BROKEN");
	cr_expect_str_eq(word(err, "class"), "elsewhere");
	cr_expect_str_eq(word(err, "provider"), "near");
	cr_expect_str_eq(word(err, "candidate"), "near/a");
	cr_expect_eq(json_integer_value(json_object_get(err, "attempt")), 1);
	cr_expect_str_eq(word(err, "phase"), "idle");
	cr_expect(json_is_true(json_object_get(err, "delivered")));
	cr_expect_str_eq(word(err, "sent"), "yes");
	json_decref(o);
	run_done(&r);
	end(&p);
}

Test(llmctl_guard, R_ERR_3_nothing_was_delivered_where_nothing_was_printed)
{
	const json_t *err;
	run_result r;
	json_t *o;
	pair p;

	begin(&p, BREAKS BREAKS, "max_attempts = 1;\n");
	ask(&p, "--json", NULL, NULL, false, &r);
	cr_expect_eq(r.status, 6, "%s", r.err);
	o = object_of(&r);
	err = json_object_get(o, "error");
	cr_expect_str_eq(word(err, "code"), "STREAM_BROKEN");
	cr_expect(json_is_false(json_object_get(err, "delivered")));
	json_decref(o);
	run_done(&r);
	end(&p);
}

/* ---- what is told meanwhile ---- */

Test(llmctl_guard, R_RETRY_15_a_wait_is_told_and_ctrl_c_ends_it)
{
	const run_opts opts = {.tty = true};
	run_result r;
	uint64_t at;
	pair p;
	run *tool;

	begin(&p, BUSY("\"Retry-After: 12\""), "");
	tool = run_start(RUN_LIST(LLMCTL, "ask", "-c", p.conf, "-m", "near/a", "x"), &opts);
	cr_assert(run_wait_out(tool, "(Ctrl-C stops)"), "%s", run_out(tool));
	cr_expect(strstr(run_out(tool), "note: near: rate limited, trying again in 1"), "%s",
		run_out(tool));
	at = sim_now_ns();
	run_signal(tool, SIGINT);
	run_end(tool, &r);
	cr_expect_eq(r.status, 130, "status %d: %s", r.status, r.out);
	cr_expect_lt(sim_now_ns() - at, UINT64_C(2000000000));
	cr_expect_eq(requests(&p), 1);
	run_done(&r);
	end(&p);
}

Test(llmctl_guard, R_RETRY_7_a_change_of_the_candidate_is_told)
{
	expect(BUSY("\"Retry-After: 12\"") OTHER, NULL, 0, "quite another\n",
		"note: near: rate limited, asking far/b instead\n", 2);
}

/* Standard output stays the answer's alone. */
Test(llmctl_guard, R_RETRY_7_notices_are_on_standard_error_with_json_too)
{
	run_result r;
	json_t *o;
	pair p;

	begin(&p, BUSY("\"Retry-After: 12\"") OTHER, "");
	ask(&p, "--json", NULL, NULL, false, &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect(strstr(r.err, "asking far/b instead"), "%s", r.err);
	o = object_of(&r);
	cr_expect_str_eq(word(o, "text"), "quite another");
	json_decref(o);
	run_done(&r);
	end(&p);
}

/* ---- llmctl health ---- */

Test(llmctl_guard, R_CB_9_health_lists_the_candidates_of_all_profiles)
{
	run_result r;
	pair p;

	begin(&p, SAME, "");
	run_program(RUN_LIST(LLMCTL, "health", "-c", p.conf), NULL, &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect(strstr(r.out, "near/a"), "%s", r.out);
	cr_expect(strstr(r.out, "far/b"), "%s", r.out);
	cr_expect(strstr(r.out, "closed"), "%s", r.out);
	run_done(&r);
	end(&p);
}

Test(llmctl_guard, R_CB_9_health_as_json)
{
	const json_t *list, *row;
	run_result r;
	json_t *o;
	pair p;

	begin(&p, SAME, "");
	run_program(RUN_LIST(LLMCTL, "health", "--json", "-c", p.conf), NULL, &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	o = object_of(&r);
	cr_expect_str_eq(word(o, "schema"), "llm.health/1");
	list = json_object_get(o, "candidates");
	cr_expect_eq(json_array_size(list), 2);
	row = json_array_get(list, 1);
	cr_expect_str_eq(word(row, "candidate"), "far/b");
	cr_expect_str_eq(word(row, "state"), "closed");
	cr_expect_eq(json_integer_value(json_object_get(row, "left_ms")), 0);
	cr_expect_eq(json_integer_value(json_object_get(row, "bad")), 0);
	json_decref(o);
	run_done(&r);
	end(&p);
}

Test(llmctl_guard, R_CB_9_health_without_profiles_says_so)
{
	char *folder = run_folder(), conf[256];
	run_result r;

	run_folder_put(folder, "llm.conf", "workspace = \"w\";\n");
	snprintf(conf, sizeof(conf), "%s/llm.conf", folder);
	run_program(RUN_LIST(LLMCTL, "health", "-c", conf), NULL, &r);
	cr_expect_eq(r.status, 0);
	cr_expect_str_empty(r.out);
	cr_expect(strstr(r.err, "no profiles are configured"), "%s", r.err);
	run_done(&r);
	run_program(RUN_LIST(LLMCTL, "health", "more", "-c", conf), NULL, &r);
	cr_expect_eq(r.status, 2);
	run_done(&r);
	run_folder_free(folder);
}
