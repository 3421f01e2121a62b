/* A policy on a written course of events (core/route/simulate.h). */
#include <criterion/criterion.h>
#include <string.h>

#include "base/alloc.h"
#include "route/simulate.h"
#include "support/failalloc.h"

static arena ar;
static llm_err err = LLM_ERR_INIT;
static sim_world world;
static buf json;

static void begin(void)
{
	arena_init(&ar, mem_default(), 0);
	buf_init(&json, mem_default(), 0);
}

static void end(void)
{
	arena_reset(&ar);
	buf_done(&json);
}

TestSuite(simulate, .init = begin, .fini = end);

static int32_t read_text(const char *text)
{
	return simulate_read(text, strlen(text), "file.jsonl", &ar, &world, &err);
}

static int32_t put(void *ctx, const char *bytes, size_t len)
{
	return buf_add(ctx, bytes, len);
}

static const char *report(const char *text)
{
	const sim_policy in_order = {.info = NULL};
	jsonw w;

	cr_assert_eq(read_text(text), 0, "%s", err.message);
	cr_assert_eq(simulate_run(&world, &in_order, &err), 0, "%s", err.message);
	buf_clear(&json);
	jsonw_init(&w, put, &json);
	cr_assert_eq(simulate_write(&world, &w), 0);
	cr_assert_eq(jsonw_finish(&w), 0);
	return buf_text(&json);
}

#define TWO \
	"{\"candidates\":[{\"id\":\"a/x\",\"ends\":{\"first_token_ms\":10,\"total_ms\":50}}," \
	"{\"id\":\"b/y\",\"level\":1,\"ends\":{\"first_token_ms\":70}}]}\n"

static void expect_has(const char *text, const char *part)
{
	cr_expect(strstr(text, part), "no %s in %s", part, text);
}

Test(simulate, runs_go_to_the_first_and_move_on_when_it_fails)
{
	const char *got = report(TWO
		"{\"at_ms\":0}\n"
		"{\"at_ms\":100,\"ends\":{\"a/x\":{\"error\":\"CONNECTION\",\"total_ms\":3}}}\n");

	expect_has(got,
		"\"runs\":2,\"answered\":2,\"failed\":0,\"wait_p50_ms\":10,\"wait_p99_ms\":73");
	expect_has(got,
		"{\"run\":1,\"at_ms\":0,\"plan\":[\"a/x\",\"b/y\"],\"reason\":\"place 1 of the "
		"profile\",\"refused\":null,\"asked\":[\"a/x\"],\"answered\":\"a/x\",\"error\":null,"
		"\"wait_ms\":10}");
	expect_has(got,
		"\"asked\":[\"a/x\",\"b/y\"],\"answered\":\"b/y\",\"error\":null,\"wait_ms\":73}");
}

Test(simulate, an_error_that_no_other_candidate_mends_ends_the_run)
{
	const char *got = report(
		TWO "{\"at_ms\":0,\"ends\":{\"a/x\":{\"error\":\"INVALID_REQUEST\"}}}\n");

	expect_has(got, "\"failed\":1");
	expect_has(got,
		"\"asked\":[\"a/x\"],\"answered\":null,\"error\":\"INVALID_REQUEST\",\"wait_ms\":null");
}

Test(simulate, five_failures_open_it_and_on_a_level_of_its_own_it_comes_back)
{
	const char *got = report(TWO
		"{\"at_ms\":0,\"ends\":{\"a/x\":{\"error\":\"CONNECTION\"}},\"runs\":8,\"every_ms\":100}\n"
		"{\"at_ms\":60000,\"ends\":{\"a/x\":{\"total_ms\":5}},\"runs\":2,\"every_ms\":100}\n");

	expect_has(got, "{\"id\":\"a/x\",\"first\":10,\"asked\":7,\"answered\":2}");
	expect_has(got, "{\"id\":\"b/y\",\"first\":0,\"asked\":8,\"answered\":8}");
}

Test(simulate, who_has_no_slot_is_passed_over_and_when_all_are_full_runs_wait)
{
	const char *got = report(
		"{\"candidates\":[{\"id\":\"a/x\",\"limit\":1,\"ends\":{\"first_token_ms\":10,"
		"\"total_ms\":100}},{\"id\":\"b/y\",\"limit\":1,\"ends\":{\"first_token_ms\":10,"
		"\"total_ms\":100}}]}\n"
		"{\"at_ms\":0,\"runs\":3}\n");

	expect_has(got, "{\"id\":\"a/x\",\"first\":3,\"asked\":2,\"answered\":2}");
	expect_has(got, "\"run\":3,\"at_ms\":0,\"plan\":[\"a/x\",\"b/y\"]");
	expect_has(got, "\"wait_p99_ms\":110");
}

Test(simulate, nobody_local_is_no_candidate)
{
	const char *got = report(
		"{\"local_only\":true,\"candidates\":[{\"id\":\"a/x\",\"local\":false}]}\n"
		"{\"at_ms\":0}\n");

	expect_has(got, "\"plan\":[]");
	expect_has(got, "\"error\":\"NO_CANDIDATE\"");
}

Test(simulate, the_order_of_the_candidates_ids_decides_nothing)
{
	static const char one[] =
		"{\"candidates\":[{\"id\":\"z/x\"},{\"id\":\"b/y\"}]}\n{\"at_ms\":0}\n";

	expect_has(report(one), "\"plan\":[\"z/x\",\"b/y\"]");
}

static void expect_refused(const char *text, const char *why)
{
	cr_expect_eq(read_text(text), LLM_E_INVALID_REQUEST, "%s", text);
	cr_expect(strstr(err.message, why), "of %s\n  %s", text, err.message);
}

Test(simulate, what_is_wrong_is_named_with_file_line_and_key)
{
	expect_refused("", "file.jsonl:0: there is no line");
	expect_refused("{", "file.jsonl:1: this is no JSON object");
	expect_refused("[1]", "file.jsonl:1: ");
	expect_refused("{\"candidates\":[]}", "file.jsonl:1: the first line names no candidate");
	expect_refused(
		"{\"candidate\":[]}", "unknown key 'candidate' - did you mean 'candidates'?");
	expect_refused("{\"candidates\":[{\"level\":1}]}", "candidates has one without an id");
	expect_refused("{\"candidates\":[{\"id\":\"a/x\"},{\"id\":\"a/x\"}]}",
		"file.jsonl:1: a/x stands twice");
	expect_refused("{\"candidates\":[{\"id\":\"a/x\",\"weight\":-1}]}",
		"weight has a value that cannot be taken\nexpected: a whole number from 0 to");
	expect_refused("{\"candidates\":[{\"id\":\"a/x\",\"weight\":9223372036854775808}]}",
		"weight has a value");
	expect_refused("{\"candidates\":[{\"id\":\"a/x\",\"input_price\":\"0.1234567\"}]}",
		"input_price has a value that cannot be taken\nexpected: US dollars");
	expect_refused("{\"seed\":1,\"seed\":2}", "file.jsonl:1: seed stands twice");
	expect_refused(TWO "{}", "file.jsonl:2: at_ms is missing");
	expect_refused(TWO "\n# a word\n{\"at_ms\":5}\n{\"at_ms\":4}",
		"file.jsonl:5: at_ms is before the last run");
	expect_refused(TWO "{\"at_ms\":1,\"runs\":100000}\n{\"at_ms\":1}",
		"file.jsonl:3: runs are too many");
	expect_refused(TWO "{\"at_ms\":1,\"ends\":{\"c/z\":{}}}",
		"file.jsonl:2: ends is of a candidate that there is not");
	expect_refused(TWO "{\"at_ms\":1,\"ends\":{\"a/x\":{\"error\":\"TIRED\"}}}",
		"file.jsonl:2: error has a value that cannot be taken");
	expect_refused(TWO "{\"at_ms\":1,\"ends\":{\"a/x\":{\"first_token_ms\":2,\"total_ms\":1}}}",
		"has its first token after its end");
	expect_refused(TWO "{\"at_ms\":1} {\"at_ms\":2}", "file.jsonl:2: this is no JSON object");
}

Test(simulate, U_12_a_text_cut_inside_a_line_is_refused)
{
	static const char whole[] = TWO "{\"at_ms\":1,\"ends\":{\"a/x\":{\"error\":\"TIMEOUT\"}}}";
	const size_t line = strlen(TWO);
	size_t n;

	for (n = 0; n < sizeof(whole) - 1; n++) {
		char *copy = mem_dup(mem_default(), whole, n);
		const int32_t rc = simulate_read(copy, n, "cut", &ar, &world, &err);

		cr_expect_eq(rc, n == line || n == line - 1 ? 0 : LLM_E_INVALID_REQUEST, "%zu", n);
		mem_free(mem_default(), copy);
	}
}

static int play(failalloc *fa, void *arg)
{
	static const char text[] = TWO "{\"at_ms\":1,\"runs\":3,\"head\":\"x\"}";
	const sim_policy in_order = {.info = NULL};
	sim_world w;
	buf out;
	arena mem;
	jsonw jw;
	int32_t rc;

	(void)arg;
	arena_init(&mem, &fa->hook, 0);
	buf_init(&out, &fa->hook, 0);
	rc = simulate_read(text, sizeof(text) - 1, "x", &mem, &w, NULL);
	if (!rc)
		rc = simulate_run(&w, &in_order, NULL);
	jsonw_init(&jw, put, &out);
	if (!rc)
		rc = simulate_write(&w, &jw);
	if (!rc)
		rc = jsonw_finish(&jw);
	if (!rc && w.candidates[0].answered != 3)
		rc = LLM_E_INTERNAL;
	buf_done(&out);
	arena_reset(&mem);
	return rc == LLM_E_NOMEM ? 0 : rc;
}

Test(simulate, every_allocation_fails_once_and_for_ever)
{
	cr_expect_eq(failalloc_sweep(play, NULL), 0);
}

Test(simulate, a_hundred_thousand_runs_are_done)
{
	const char *got = report(TWO "{\"at_ms\":0,\"runs\":100000,\"every_ms\":1}\n");

	expect_has(got, "\"runs\":100000,\"answered\":100000,\"failed\":0");
}
