/*
 * The tables of errors: each row of each provider has an example here that it alone
 * decides, and what the tables may not do.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "run/classify.h"
#include "support/error_examples.h"
#include "support/plug.h"

static llm_error_facts facts_of(plug *p, const error_example *e)
{
	llm_reply_view reply = {
		(uint32_t)sizeof(reply), e->status, NULL, 0, {e->body, strlen(e->body)}, NULL};
	llm_error_facts facts;

	plug_begin(p);
	cr_assert_eq(p->v->classify_error(p->instance, &reply, &facts), 0);
	return facts;
}

/* Does this row alone make the example what it is? */
static int decides(plug *p, const llm_error_rule *row, const error_example *e)
{
	const llm_error_rule *const only[] = {row, NULL};
	llm_error_facts facts = facts_of(p, e);
	verdict with = classify_reply(e->status, &facts, only);
	verdict without = classify_reply(e->status, &facts, NULL);

	return with.code == e->code && with.flags == e->flags && without.code != e->code;
}

static void check_rows(plug *p, const error_example *examples)
{
	const llm_error_rule *const *row;
	const error_example *e;

	for (row = p->info->error_rules; *row; row++) {
		for (e = examples; e->body && !decides(p, *row, e); e++)
			;
		cr_expect(e->body, "%s: no example for the row \"%s\" of status %d", p->info->name,
			(*row)->text, (*row)->status);
	}
	for (e = examples; e->body; e++) {
		llm_error_facts facts = facts_of(p, e);
		verdict v = classify_reply(e->status, &facts, p->info->error_rules);

		cr_expect_eq(v.code, e->code, "%s: %s", e->body, llm_error_name(v.code));
		cr_expect_eq(v.flags, e->flags, "%s", e->body);
	}
}

/* 4xx codes and 5xx codes do not change into each other by a phrase of a row for any status. */
static void check_sides(plug *p, const error_example *examples)
{
	const llm_error_rule *const *row;
	const error_example *e;

	for (row = p->info->error_rules; *row; row++) {
		int phrase = (*row)->match == LLM_MATCH_PHRASE || (*row)->match == LLM_MATCH_PREFIX;

		if (phrase && (*row)->status == 0)
			for (e = examples; e->body; e++) {
				error_example moved = {503, e->body, LLM_E_UNAVAILABLE, 0};

				cr_expect_not(decides(p, *row, &moved), "%s", (*row)->text);
			}
	}
}

/* Digits in a text are no status and no code. */
static void check_digits(plug *p)
{
	static const error_example e[] = {
		{500, "{\"error\":\"upstream said 429 and 401 and 404\"}", LLM_E_SERVER_ERROR, 0},
		{400, "429", LLM_E_INVALID_REQUEST, 0},
		{503, "{\"error\":\"code=400 error 429\"}", LLM_E_UNAVAILABLE, 0},
	};
	size_t i;

	for (i = 0; i < sizeof(e) / sizeof(e[0]); i++) {
		llm_error_facts facts = facts_of(p, &e[i]);

		cr_expect_eq(classify_reply(e[i].status, &facts, p->info->error_rules).code,
			e[i].code, "%s", e[i].body);
		cr_expect_eq(facts.status, 0);
		cr_expect_eq(facts.retry_after_ms, -1);
	}
}

/* Bodies that are no JSON, not what was promised, or not there. */
static void check_bodies(plug *p)
{
	static const char *const bodies[] = {
		"",
		"   \r\n",
		"404 page not found",
		"<html><title>502</title></html>",
		"null",
		"[]",
		"{}",
		"{\"error\":null}",
		"{\"error\":\"\"}",
		"{\"error\":{}}",
		"{\"error\":7}",
		"{\"error\":[1]}",
		"{\"error\":true}",
		"{\"error\":\"unfinished",
		"{\"error\":\"{\"}",
		"{\"error\":\"{\\\"error\\\":\"}",
		"{\"error\":\"{}\"}",
		"{\"error\":{\"message\":7,\"type\":[],\"code\":{}}}",
		"\xff\xfe\x00",
	};
	size_t i;

	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		error_example e = {502, bodies[i], LLM_E_UNAVAILABLE, 0};
		llm_error_facts facts = facts_of(p, &e);

		cr_expect_eq(facts.struct_size, sizeof(facts));
		cr_expect_eq(classify_reply(502, &facts, p->info->error_rules).code,
			LLM_E_UNAVAILABLE, "%s", bodies[i]);
		cr_expect_leq(facts.message.len, 2000u);
	}
}

static void with_provider(const char *file, const error_example *examples,
	void (*check)(plug *p, const error_example *examples))
{
	plug p;

	cr_assert_eq(plug_open(&p, file, NULL), 0);
	check(&p, examples);
	plug_close(&p);
}

static void digits_and_bodies(plug *p, const error_example *examples)
{
	(void)examples;
	check_digits(p);
	check_bodies(p);
}

#define OLLAMA TEST_BINARY_DIR "/plugins/ollama.so"
#define OPENAI TEST_BINARY_DIR "/plugins/openai.so"
#define GEMINI TEST_BINARY_DIR "/plugins/gemini.so"

Test(provider_errors, R_ERR_2_one_example_a_row_ollama)
{
	with_provider(OLLAMA, error_examples_ollama, check_rows);
}

Test(provider_errors, R_ERR_2_one_example_a_row_openai)
{
	with_provider(OPENAI, error_examples_openai, check_rows);
}

Test(provider_errors, R_ERR_2_R_ERR_6_one_example_a_row_gemini)
{
	with_provider(GEMINI, error_examples_gemini, check_rows);
}

Test(provider_errors, R_ERR_1_a_phrase_keeps_its_side)
{
	with_provider(OLLAMA, error_examples_ollama, check_sides);
	with_provider(OPENAI, error_examples_openai, check_sides);
	with_provider(GEMINI, error_examples_gemini, check_sides);
}

Test(provider_errors, R_ERR_2_digits_are_no_evidence)
{
	with_provider(OLLAMA, NULL, digits_and_bodies);
	with_provider(OPENAI, NULL, digits_and_bodies);
	with_provider(GEMINI, NULL, digits_and_bodies);
}

/* A long text is cut between characters. */
Test(provider_errors, R_ERR_12_plain_text_is_cut)
{
	char body[4000];
	error_example e = {500, body, LLM_E_SERVER_ERROR, 0};
	llm_error_facts facts;
	plug p;

	memset(body, 'x', 1999);
	memcpy(body + 1999, "\xe2\x98\x83 and more", 13);
	cr_assert_eq(plug_open(&p, OLLAMA, NULL), 0);
	facts = facts_of(&p, &e);
	cr_expect_eq(facts.message.len, 1999);
	plug_close(&p);
}

/* The tail of the runner's log, behind its document, may name the cause. */
Test(provider_errors, R_ERR_12_nested_document_with_a_tail)
{
	error_example e = {500,
		"{\"error\":\"{\\\"error\\\":{\\\"code\\\":500,"
		"\\\"message\\\":\\\"no\\\","
		"\\\"type\\\":\\\"server_error\\\"}}\\ncudaMalloc failed: out of memory\"}",
		LLM_E_UNAVAILABLE, LLM_ERRF_RESOURCE};
	llm_error_facts facts;
	verdict v;
	plug p;

	cr_assert_eq(plug_open(&p, OLLAMA, NULL), 0);
	facts = facts_of(&p, &e);
	cr_expect_eq(facts.message.len, strlen("no\ncudaMalloc failed: out of memory"));
	cr_expect_eq(memcmp(facts.message.ptr, "no\ncuda", 7), 0);
	cr_expect_eq(facts.code.len, 3);
	v = classify_reply(500, &facts, p.info->error_rules);
	cr_expect_eq(v.code, e.code);
	cr_expect_eq(v.flags, e.flags);
	plug_close(&p);
}

/* Without memory for a decoded text there is still a text. */
Test(provider_errors, out_of_memory)
{
	error_example e = {400, "{\"error\":\"a \\u0026 b\"}", LLM_E_INVALID_REQUEST, 0};
	llm_error_facts facts;
	plug p;

	cr_assert_eq(plug_open(&p, OLLAMA, NULL), 0);
	p.fail_at = p.allocs + 1;
	facts = facts_of(&p, &e);
	cr_expect_gt(facts.message.len, 0);
	plug_close(&p);
}
