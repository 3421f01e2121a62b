/* llmctl chat from a pipe, and ask --continue: what is asked with what, kept, and gone on from. */
#include <sys/stat.h>

#include "account_try.h"

static void begin(account *a)
{
	account_new(a, RUN_LIST("--same-text", "--tokens", "4"));
}

static void chat(
	account *a, const char *input, const char *const *more, int status, run_result *ret)
{
	const char *list[24] = {"chat", "-m", "ollama/sim-small"};
	size_t n = 3;

	for (size_t i = 0; more[i]; i++)
		list[n++] = more[i];
	a->input = input;
	account_run(a, list, ret);
	a->input = NULL;
	cr_assert_eq(ret->status, status, "status %d: %s", ret->status, ret->err);
}

#define CHAT(a, input, status, r, ...) \
	chat(a, input, (const char *const[]){__VA_ARGS__ NULL}, status, r)

/* The turns of the request that came last. */
static json_t *last_turns(account *a)
{
	const char *at = sim_log_text(a->s);
	json_t *body, *found = NULL;

	for (; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		json_t *o = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);
		const char *text = json_string_value(json_object_get(o, "body"));

		if (text && *text) {
			body = json_loads(text, 0, NULL);
			json_decref(found);
			found = json_incref(json_object_get(body, "messages"));
			json_decref(body);
		}
		json_decref(o);
	}
	cr_assert(json_is_array(found), "%s", sim_log_text(a->s));
	return found;
}

/* "role: content" of turn `i`. */
static void expect_turn(const json_t *turns, size_t i, const char *role, const char *content)
{
	const json_t *turn = json_array_get(turns, i);
	const char *is_role = json_string_value(json_object_get(turn, "role")),
		   *is = json_string_value(json_object_get(turn, "content"));

	cr_assert(is_role && is, "there is no turn %zu", i);
	cr_expect_str_eq(is_role, role, "turn %zu", i);
	if (content)
		cr_expect_str_eq(is, content, "turn %zu", i);
}

Test(llmctl_chat, each_question_is_asked_with_what_was_said)
{
	json_t *turns;
	run_result r;
	account a;

	begin(&a);
	CHAT(&a, "one\n\ntwo\n", 0, &r, );
	cr_expect_not_null(strchr(r.out, '\n'));
	turns = last_turns(&a);
	cr_assert_eq(json_array_size(turns), 3);
	expect_turn(turns, 0, "user", "one");
	expect_turn(turns, 1, "assistant", NULL);
	expect_turn(turns, 2, "user", "two");
	json_decref(turns);
	run_done(&r);
	turns = ACCOUNT_JSON(&a, "runs", "list", "--json");
	cr_expect_eq(json_array_size(json_object_get(turns, "runs")), 2);
	json_decref(turns);
	account_end(&a);
}

Test(llmctl_chat, words_that_are_no_questions)
{
	json_t *turns;
	run_result r;
	account a;

	begin(&a);
	CHAT(&a,
		"one\n/reset\n/system Be brief\n/model ollama/sim-large\n/model\n/stats\n/help\ntwo\n/quit\nthree\n",
		0, &r, );
	turns = last_turns(&a);
	cr_assert_eq(json_array_size(turns), 2);
	expect_turn(turns, 0, "system", "Be brief");
	expect_turn(turns, 1, "user", "two");
	json_decref(turns);
	cr_expect_not_null(strstr(sim_log_text(a.s), "sim-large"), "%s", sim_log_text(a.s));
	cr_expect_not_null(strstr(r.err, "model ollama/sim-large answers\n"), "%s", r.err);
	cr_expect_not_null(
		strstr(r.err, "answers: 1, stopped: 0, failed: 0; turns kept: 0\n"), "%s", r.err);
	cr_expect_not_null(strstr(r.err, "1 whose cost is not known"), "%s", r.err);
	cr_expect_not_null(strstr(r.err, "  /save FILE "), "%s", r.err);
	run_done(&r);
	CHAT(&a, "/modle x\n/xyzzyx\n/save\n/profile none-such\nhi\n/system\n", 2, &r, );
	cr_expect_not_null(strstr(r.err, "did you mean /model?"), "%s", r.err);
	cr_expect_not_null(
		strstr(r.err, "/xyzzyx is nothing that can be said; /help"), "%s", r.err);
	cr_expect_not_null(strstr(r.err, "where to? /save FILE"), "%s", r.err);
	cr_expect_not_null(strstr(r.err, "profile none-such answers"), "%s", r.err);
	cr_expect_not_null(strstr(r.err, "there is no system text any more"), "%s", r.err);
	run_done(&r);
	account_end(&a);
}

Test(llmctl_chat, questions_of_several_lines)
{
	static const struct {
		const char *input;
		const char *asked;
	} cases[] = {
		{"a\\\nb\\\nc\n", "a\nb\nc"},
		{"\"\"\"\n/help\n  x\n\"\"\"\n", "\n/help\n  x\n"},
		{"\"\"\"one line\"\"\"\n", "one line"},
		{"\"\"\"never\nclosed", "never\nclosed\n"},
		{"goes on\\", "goes on\n"},
		{"//etc is a folder\n", "/etc is a folder"},
		{"with a carriage return\r\n", "with a carriage return"},
	};
	json_t *turns;
	run_result r;
	account a;

	begin(&a);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHAT(&a, cases[i].input, 0, &r, );
		turns = last_turns(&a);
		cr_assert_eq(json_array_size(turns), 1);
		expect_turn(turns, 0, "user", cases[i].asked);
		json_decref(turns);
		run_done(&r);
	}
	account_end(&a);
}

Test(llmctl_chat, what_was_said_is_saved_into_a_new_file)
{
	char path[300], input[700];
	struct stat st;
	run_result r;
	account a;
	json_t *o;

	begin(&a);
	snprintf(path, sizeof(path), "%s/talk.json", a.home);
	snprintf(input, sizeof(input), "one\n/save %s\n/save %s\n", path, path);
	CHAT(&a, input, 0, &r, "-s", "Be brief", );
	cr_expect_not_null(strstr(r.err, "2 turns are in "), "%s", r.err);
	cr_expect_not_null(strstr(r.err, "cannot be written: File exists"), "%s", r.err);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0600);
	o = json_load_file(path, 0, NULL);
	cr_expect_str_eq(json_string_value(json_object_get(o, "schema")), "llm.chat/1");
	cr_expect_str_eq(json_string_value(json_object_get(o, "model")), "ollama/sim-small");
	expect_turn(json_object_get(o, "turns"), 0, "system", "Be brief");
	expect_turn(json_object_get(o, "turns"), 1, "user", "one");
	expect_turn(json_object_get(o, "turns"), 2, "assistant", NULL);
	json_decref(o);
	run_done(&r);
	account_end(&a);
}

Test(llmctl_chat, a_failure_is_told_and_the_talk_goes_on)
{
	json_t *turns;
	run_result r;
	account a;

	begin(&a);
	CHAT(&a, "one\n/model ollama/none-such\nbad\n/model ollama/sim-small\ntwo\n/stats\n", 3,
		&r, );
	cr_expect_not_null(strstr(r.err, "NOT_FOUND"), "%s", r.err);
	cr_expect_not_null(
		strstr(r.err, "answers: 2, stopped: 0, failed: 1; turns kept: 4"), "%s", r.err);
	turns = last_turns(&a);
	cr_assert_eq(json_array_size(turns), 3);
	expect_turn(turns, 2, "user", "two");
	json_decref(turns);
	run_done(&r);
	CHAT(&a, "\xff\n", 2, &r, );
	cr_expect_not_null(strstr(r.err, "UTF-8"), "%s", r.err);
	run_done(&r);
	CHAT(&a, "hi\n", 2, &r, "-p", "fast", );
	cr_expect_not_null(strstr(r.err, "-m and -p exclude each other"), "%s", r.err);
	run_done(&r);
	account_end(&a);
}

Test(llmctl_chat, as_json_one_object_an_answer)
{
	const char *second;
	json_t *o;
	run_result r;
	account a;

	begin(&a);
	CHAT(&a, "one\ntwo\n", 0, &r, "--json", );
	second = strchr(r.out, '\n');
	cr_assert(second && second[1] == '{', "%s", r.out);
	o = json_loads(second + 1, 0, NULL);
	cr_expect_str_eq(json_string_value(json_object_get(o, "schema")), "llm.ask/1");
	json_decref(o);
	run_done(&r);
	account_end(&a);
}

/* ---- going on ---- */

Test(llmctl_chat, a_stored_talk_is_resumed_and_goes_on_being_stored)
{
	char id[64];
	json_t *turns;
	run_result r;
	account a;

	begin(&a);
	CHAT(&a, "one\ntwo\n", 0, &r, "--store-content", "-s", "Be brief", );
	run_done(&r);
	account_newest(&a, id);
	a.input = "three\n/stats\n";
	ACCOUNT_RUN(&a, &r, "chat", "--resume", id);
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_expect_not_null(strstr(r.err, "turns kept: 6"), "%s", r.err);
	run_done(&r);
	turns = last_turns(&a);
	cr_assert_eq(json_array_size(turns), 6);
	expect_turn(turns, 0, "system", "Be brief");
	expect_turn(turns, 1, "user", "one");
	expect_turn(turns, 3, "user", "two");
	expect_turn(turns, 5, "user", "three");
	json_decref(turns);
	a.input = "four\n";
	account_newest(&a, id);
	ACCOUNT_RUN(&a, &r, "chat", "--resume", id, "-s", "Be long", "--no-record");
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	turns = last_turns(&a);
	cr_assert_eq(json_array_size(turns), 8);
	expect_turn(turns, 0, "system", "Be long");
	expect_turn(turns, 7, "user", "four");
	json_decref(turns);
	account_end(&a);
}

Test(llmctl_chat, R_PRIV_1_what_is_not_stored_cannot_be_resumed)
{
	char id[64];
	run_result r;
	account a;

	begin(&a);
	CHAT(&a, "one\n", 0, &r, );
	run_done(&r);
	account_newest(&a, id);
	CHAT(&a, "two\n", 3, &r, "--resume", id, );
	cr_expect_not_null(strstr(r.err, "its prompt is not stored"), "%s", r.err);
	cr_expect_not_null(strstr(r.err, "--store-content"), "%s", r.err);
	cr_expect_str_eq(r.out, "");
	run_done(&r);
	CHAT(&a, "two\n", 3, &r, "--resume", "01900000-0000-7000-8000-000000000001", );
	cr_expect_not_null(strstr(r.err, "has no run"), "%s", r.err);
	run_done(&r);
	ACCOUNT_RUN(&a, &r, "ask", "--continue", "and?");
	cr_expect_eq(r.status, 3);
	cr_expect_not_null(strstr(r.err, "no run to go on from"), "%s", r.err);
	cr_expect_not_null(strstr(r.err, "llmctl ask --store-content"), "%s", r.err);
	run_done(&r);
	account_end(&a);
}

Test(llmctl_chat, ask_goes_on_from_the_last_stored_run_again_and_again)
{
	json_t *turns;
	run_result r;
	account a;

	begin(&a);
	ACCOUNT_RUN(&a, &r, "ask", "-m", "ollama/sim-large", "-s", "Be brief", "--store-content",
		"one");
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	ACCOUNT_RUN(&a, &r, "ask", "-m", "ollama/sim-small", "not stored");
	run_done(&r);
	ACCOUNT_RUN(&a, &r, "ask", "--continue", "two");
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	ACCOUNT_RUN(&a, &r, "ask", "--continue", "three", "--json");
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_expect_not_null(strstr(r.out, "sim-large"), "the model is that of the run: %s", r.out);
	run_done(&r);
	turns = last_turns(&a);
	cr_assert_eq(json_array_size(turns), 6);
	expect_turn(turns, 0, "system", "Be brief");
	expect_turn(turns, 1, "user", "one");
	expect_turn(turns, 3, "user", "two");
	expect_turn(turns, 5, "user", "three");
	json_decref(turns);
	ACCOUNT_RUN(&a, &r, "ask", "--workspace", "other", "--continue", "four");
	cr_expect_eq(r.status, 3, "another workspace's: %s", r.out);
	run_done(&r);
	account_end(&a);
}

Test(llmctl_chat, help_tells_the_words)
{
	static const char *const words[] = {"--resume ID", "--store-content", "  /model ",
		"  /profile ", "  /system ", "  /reset ", "  /save ", "  /stats ", "  /help ",
		"Ctrl-C"};
	run_result r;

	run_llmctl(NULL, NULL, RUN_LIST("chat", "--help"), &r);
	cr_assert_eq(r.status, 0);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		cr_expect_not_null(strstr(r.out, words[i]), "%s: %s", words[i], r.out);
	run_done(&r);
}
