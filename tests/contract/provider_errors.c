/*
 * The tables of errors: each row of each provider has an example here that it alone
 * decides, and what the tables may not do.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "run/classify.h"
#include "support/plug.h"

typedef struct example {
	int32_t status;
	const char *body;
	int32_t code;
	uint32_t flags;
} example;

static const example ollama_examples[] = {
	{500,
		"{\"error\":\"{\\\"error\\\":{\\\"code\\\":400,\\\"message\\\":\\\"too long\\\","
		"\\\"type\\\":\\\"exceed_context_size_error\\\"}}\"}",
		LLM_E_CONTEXT_LENGTH_EXCEEDED, 0},
	{400, "{\"error\":\"runner: exceed_context_size_error\"}", LLM_E_CONTEXT_LENGTH_EXCEEDED,
		0},
	{400, "{\"error\":\"request (9 tokens) exceeds the available context size (4)\"}",
		LLM_E_CONTEXT_LENGTH_EXCEEDED, 0},
	{400, "{\"error\":\"the prompt is longer than the context length now available\"}",
		LLM_E_CONTEXT_LENGTH_EXCEEDED, 0},
	{400, "{\"error\":\"the input length exceeds the context length\"}",
		LLM_E_CONTEXT_LENGTH_EXCEEDED, 0},
	{400, "{\"error\":\"input exceeds maximum context length\"}", LLM_E_CONTEXT_LENGTH_EXCEEDED,
		0},
	{400, "{\"error\":\"\\\"llama3.2\\\" does not support thinking\"}", LLM_E_UNSUPPORTED, 0},
	{400, "{\"error\":\"image input is not supported\"}", LLM_E_UNSUPPORTED, 0},
	{500, "{\"error\":\"image input is not supported - hint: mmproj\"}", LLM_E_UNSUPPORTED, 0},
	{429, "{\"error\":\"you (x) have reached your weekly usage limit\"}", LLM_E_QUOTA_EXHAUSTED,
		0},
	{500, "{\"error\":\"option \\\"stop\\\" must be of type array\"}", LLM_E_INVALID_REQUEST,
		0},
	{500, "{\"error\":\"invalid format: 7; expected \\\"json\\\" or a schema\"}",
		LLM_E_INVALID_REQUEST, 0},
	{500, "{\"error\":\"invalid option provided: colour\"}", LLM_E_INVALID_REQUEST, 0},
	{500, "{\"error\":\"illegal base64 data at input byte 4\"}", LLM_E_INVALID_REQUEST, 0},
	{500, "{\"error\":\"error parsing tool call: raw='{', err=unexpected end\"}",
		LLM_E_PROTOCOL, 0},
	{500, "{\"error\":\"CUDA error: out of memory\"}", LLM_E_UNAVAILABLE, LLM_ERRF_RESOURCE},
	{500, "{\"error\":\"llama-server reported out-of-memory during startup\"}",
		LLM_E_UNAVAILABLE, LLM_ERRF_RESOURCE},
	{500, "{\"error\":\"ggml: cudaMalloc failed\"}", LLM_E_UNAVAILABLE, LLM_ERRF_RESOURCE},
	{500, "{\"error\":\"failed to allocate compute buffers\"}", LLM_E_UNAVAILABLE,
		LLM_ERRF_RESOURCE},
	{500, "{\"error\":\"there is not enough memory\"}", LLM_E_UNAVAILABLE, LLM_ERRF_RESOURCE},
	{500, "{\"error\":\"model requires more system memory (9 GiB) than is available\"}",
		LLM_E_UNAVAILABLE, LLM_ERRF_RESOURCE},
	{500, "{\"error\":\"llama-server process has terminated: signal: killed\"}",
		LLM_E_UNAVAILABLE, 0},
	{500, "{\"error\":\"llama-server process no longer running: -1\"}", LLM_E_UNAVAILABLE, 0},
	{500, "{\"error\":\"timed out waiting for llama-server to start\"}", LLM_E_UNAVAILABLE, 0},
	{500, "{\"error\":\"model runner has unexpectedly stopped\"}", LLM_E_UNAVAILABLE, 0},
	{500, "{\"error\":\"an error was encountered while running the model: EOF\"}",
		LLM_E_UNAVAILABLE, 0},
	{0, NULL, 0, 0},
};

/* A body of OpenAI's shape. */
#define SAYS(message, type, code) \
	"{\"error\":{\"message\":\"" message "\",\"type\":" type ",\"param\":null,\"code\":" code \
	"}}"

static const example openai_examples[] = {
	{400, SAYS("x", "null", "\"context_length_exceeded\""), LLM_E_CONTEXT_LENGTH_EXCEEDED, 0},
	{400, SAYS("x", "null", "\"unsupported_parameter\""), LLM_E_UNSUPPORTED, 0},
	{400, SAYS("x", "null", "\"unsupported_value\""), LLM_E_UNSUPPORTED, 0},
	{400, SAYS("x", "null", "\"content_filter\""), LLM_E_CONTENT_FILTERED, 0},
	{400, SAYS("x", "null", "\"content_policy_violation\""), LLM_E_CONTENT_FILTERED, 0},
	{400, SAYS("x", "null", "\"invalid_prompt\""), LLM_E_CONTENT_FILTERED, 0},
	{400, SAYS("x", "null", "\"invalid_api_key\""), LLM_E_AUTHENTICATION, 0},
	{400, SAYS("x", "null", "\"mismatched_organization\""), LLM_E_AUTHENTICATION, 0},
	{400, SAYS("x", "null", "\"invalid_organization\""), LLM_E_AUTHENTICATION, 0},
	{400, SAYS("x", "null", "\"unsupported_country_region_territory\""),
		LLM_E_PERMISSION_DENIED, 0},
	{400, SAYS("x", "null", "\"model_not_found\""), LLM_E_NOT_FOUND, 0},
	{429, SAYS("x", "null", "\"insufficient_quota\""), LLM_E_QUOTA_EXHAUSTED, 0},
	{429, SAYS("x", "null", "\"credit_balance_exhausted\""), LLM_E_QUOTA_EXHAUSTED, 0},
	{429, SAYS("x", "null", "\"billing_hard_limit_reached\""), LLM_E_QUOTA_EXHAUSTED, 0},
	{500, SAYS("x", "null", "\"rate_limit_exceeded\""), LLM_E_RATE_LIMITED, 0},
	{500, SAYS("x", "null", "\"slow_down\""), LLM_E_RATE_LIMITED, 0},
	{500, SAYS("x", "null", "\"server_is_overloaded\""), LLM_E_UNAVAILABLE, 0},
	{500, SAYS("x", "null", "\"insufficient_system_resource\""), LLM_E_UNAVAILABLE, 0},
	{500, SAYS("x", "null", "\"error\""), LLM_E_UNAVAILABLE, 0},
	{500, SAYS("x", "null", "\"abort\""), LLM_E_CANCELLED, 0},
	{500, SAYS("x", "null", "\"cancelled\""), LLM_E_CANCELLED, 0},
	{400, SAYS("x", "null", "\"tool_use_failed\""), LLM_E_PROTOCOL, 0},
	{500, SAYS("x", "null", "\"tool_call_without_name\""), LLM_E_PROTOCOL, 0},
	{500, SAYS("x", "null", "\"too_many_tool_calls\""), LLM_E_PROTOCOL, 0},
	{500, SAYS("x", "\"authentication_error\"", "null"), LLM_E_AUTHENTICATION, 0},
	{500, SAYS("x", "\"permission_error\"", "null"), LLM_E_PERMISSION_DENIED, 0},
	{500, SAYS("x", "\"not_found_error\"", "null"), LLM_E_NOT_FOUND, 0},
	{500, SAYS("x", "\"NotFoundError\"", "null"), LLM_E_NOT_FOUND, 0},
	{403, "{\"error\":{\"message\":\"x\",\"code\":403,\"metadata\":{\"reasons\":[\"y\"]}}}",
		LLM_E_CONTENT_FILTERED, 0},
	{400, SAYS("x", "\"exceed_context_size_error\"", "400"), LLM_E_CONTEXT_LENGTH_EXCEEDED, 0},
	{429, SAYS("x", "\"insufficient_quota\"", "null"), LLM_E_QUOTA_EXHAUSTED, 0},
	{500, SAYS("x", "\"not_supported_error\"", "null"), LLM_E_UNSUPPORTED, 0},
	{500, SAYS("x", "\"unavailable_error\"", "null"), LLM_E_UNAVAILABLE, 0},
	{500, SAYS("x", "\"service_unavailable_error\"", "null"), LLM_E_UNAVAILABLE, 0},
	{400, SAYS("maximum context length is 8 tokens", "null", "null"),
		LLM_E_CONTEXT_LENGTH_EXCEEDED, 0},
	{400, SAYS("the model's context length is only 8 tokens", "null", "400"),
		LLM_E_CONTEXT_LENGTH_EXCEEDED, 0},
	{400, SAYS("the request exceeds the available context size", "null", "400"),
		LLM_E_CONTEXT_LENGTH_EXCEEDED, 0},
	{500, SAYS("Context size has been exceeded.", "\"server_error\"", "500"),
		LLM_E_CONTEXT_LENGTH_EXCEEDED, 0},
	{429, SAYS("Request too large for m", "\"tokens\"", "\"rate_limit_exceeded\""),
		LLM_E_INVALID_REQUEST, 0},
	{429, SAYS("You exceeded your current quota", "null", "null"), LLM_E_QUOTA_EXHAUSTED, 0},
	{400, SAYS("Insufficient Balance", "null", "null"), LLM_E_QUOTA_EXHAUSTED, 0},
	{403, SAYS("Insufficient credits", "null", "null"), LLM_E_QUOTA_EXHAUSTED, 0},
	{0, NULL, 0, 0},
};

/* A body of Gemini's shape. */
#define GOOGLE(status, message, details) \
	"{\"error\":{\"code\":400,\"message\":\"" message "\",\"status\":\"" status \
	"\",\"details\":[" details "]}}"
#define BECAUSE(reason) GOOGLE("X", "x", "{\"reason\":\"" reason "\"}")
#define GOOGLE_SAYS(message) GOOGLE("X", message, "")

static const example gemini_examples[] = {
	{400, BECAUSE("API_KEY_INVALID"), LLM_E_AUTHENTICATION, 0},
	{403, BECAUSE("ACCESS_TOKEN_TYPE_UNSUPPORTED"), LLM_E_AUTHENTICATION, 0},
	{500, BECAUSE("MALFORMED_FUNCTION_CALL"), LLM_E_PROTOCOL, 0},
	{500, BECAUSE("UNEXPECTED_TOOL_CALL"), LLM_E_PROTOCOL, 0},
	{500, BECAUSE("TOO_MANY_TOOL_CALLS"), LLM_E_PROTOCOL, 0},
	{500, BECAUSE("MISSING_THOUGHT_SIGNATURE"), LLM_E_PROTOCOL, 0},
	{500, BECAUSE("MALFORMED_RESPONSE"), LLM_E_PROTOCOL, 0},
	{429, GOOGLE("RESOURCE_EXHAUSTED", "x", "{\"violations\":[{\"quotaId\":\"XPerDay\"}]}"),
		LLM_E_QUOTA_EXHAUSTED, 0},
	{400, GOOGLE("FAILED_PRECONDITION", "x", ""), LLM_E_PERMISSION_DENIED, 0},
	{400, GOOGLE("UNAUTHENTICATED", "x", ""), LLM_E_AUTHENTICATION, 0},
	{504, GOOGLE("DEADLINE_EXCEEDED", "x", ""), LLM_E_TIMEOUT, 0},
	{400, GOOGLE_SAYS("API key not valid. Please pass a valid API key."), LLM_E_AUTHENTICATION,
		0},
	{400, GOOGLE_SAYS("API key expired. Please renew the API key."), LLM_E_AUTHENTICATION, 0},
	{400, GOOGLE_SAYS("Multiple authentication credentials received."), LLM_E_AUTHENTICATION,
		0},
	{403, GOOGLE_SAYS("Method doesn't allow unregistered callers."), LLM_E_AUTHENTICATION, 0},
	{403, GOOGLE_SAYS("Your API key was reported as leaked."), LLM_E_AUTHENTICATION, 0},
	{403, GOOGLE_SAYS("Consumer 'x' has been suspended."), LLM_E_AUTHENTICATION, 0},
	{400, GOOGLE_SAYS("The input token count (9) exceeds the maximum number of tokens (8)."),
		LLM_E_CONTEXT_LENGTH_EXCEEDED, 0},
	{400, GOOGLE_SAYS("Function calling with a response mime type is unsupported"),
		LLM_E_UNSUPPORTED, 0},
	{400, GOOGLE_SAYS("Penalty is not enabled for this model"), LLM_E_UNSUPPORTED, 0},
	{400, GOOGLE_SAYS("Thinking budget is not supported for this model."), LLM_E_UNSUPPORTED,
		0},
	{400, GOOGLE_SAYS("MINIMAL is not a supported thinking level"), LLM_E_UNSUPPORTED, 0},
	{429, GOOGLE_SAYS("Quota exceeded for metric: x, limit: 0, model: m"),
		LLM_E_QUOTA_EXHAUSTED, 0},
	{429, GOOGLE_SAYS("Your prepayment credits are depleted."), LLM_E_QUOTA_EXHAUSTED, 0},
	/* Near misses. */
	{429, GOOGLE_SAYS("Quota exceeded for metric: x, limit: 15, model: m"), LLM_E_RATE_LIMITED,
		0},
	{429, GOOGLE_SAYS("You exceeded your current quota, please check your plan and billing"),
		LLM_E_RATE_LIMITED, 0},
	{400, GOOGLE_SAYS("Requests ending with a model turn are not supported."),
		LLM_E_INVALID_REQUEST, 0},
	{404, GOOGLE_SAYS("models/x is not found, or is not supported for generateContent."),
		LLM_E_NOT_FOUND, 0},
	{403, GOOGLE_SAYS("Your project has been denied access."), LLM_E_PERMISSION_DENIED, 0},
	{499, GOOGLE("CANCELLED", "x", ""), LLM_E_UNAVAILABLE, 0},
	{500, GOOGLE("INTERNAL", "x", ""), LLM_E_SERVER_ERROR, 0},
	{413, "<html>413</html>", LLM_E_INVALID_REQUEST, 0},
	{0, NULL, 0, 0},
};

static llm_error_facts facts_of(plug *p, const example *e)
{
	llm_reply_view reply = {
		(uint32_t)sizeof(reply), e->status, NULL, 0, {e->body, strlen(e->body)}, NULL};
	llm_error_facts facts;

	plug_begin(p);
	cr_assert_eq(p->v->classify_error(p->instance, &reply, &facts), 0);
	return facts;
}

/* Does this row alone make the example what it is? */
static int decides(plug *p, const llm_error_rule *row, const example *e)
{
	const llm_error_rule *const only[] = {row, NULL};
	llm_error_facts facts = facts_of(p, e);
	verdict with = classify_reply(e->status, &facts, only);
	verdict without = classify_reply(e->status, &facts, NULL);

	return with.code == e->code && with.flags == e->flags && without.code != e->code;
}

static void check_rows(plug *p, const example *examples)
{
	const llm_error_rule *const *row;
	const example *e;

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
static void check_sides(plug *p, const example *examples)
{
	const llm_error_rule *const *row;
	const example *e;

	for (row = p->info->error_rules; *row; row++) {
		int phrase = (*row)->match == LLM_MATCH_PHRASE || (*row)->match == LLM_MATCH_PREFIX;

		if (phrase && (*row)->status == 0)
			for (e = examples; e->body; e++) {
				example moved = {503, e->body, LLM_E_UNAVAILABLE, 0};

				cr_expect_not(decides(p, *row, &moved), "%s", (*row)->text);
			}
	}
}

/* Digits in a text are no status and no code. */
static void check_digits(plug *p)
{
	static const example e[] = {
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
		example e = {502, bodies[i], LLM_E_UNAVAILABLE, 0};
		llm_error_facts facts = facts_of(p, &e);

		cr_expect_eq(facts.struct_size, sizeof(facts));
		cr_expect_eq(classify_reply(502, &facts, p->info->error_rules).code,
			LLM_E_UNAVAILABLE, "%s", bodies[i]);
		cr_expect_leq(facts.message.len, 2000u);
	}
}

static void with_provider(
	const char *file, const example *examples, void (*check)(plug *p, const example *examples))
{
	plug p;

	cr_assert_eq(plug_open(&p, file, NULL), 0);
	check(&p, examples);
	plug_close(&p);
}

static void digits_and_bodies(plug *p, const example *examples)
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
	with_provider(OLLAMA, ollama_examples, check_rows);
}

Test(provider_errors, R_ERR_2_one_example_a_row_openai)
{
	with_provider(OPENAI, openai_examples, check_rows);
}

Test(provider_errors, R_ERR_2_R_ERR_6_one_example_a_row_gemini)
{
	with_provider(GEMINI, gemini_examples, check_rows);
}

Test(provider_errors, R_ERR_1_a_phrase_keeps_its_side)
{
	with_provider(OLLAMA, ollama_examples, check_sides);
	with_provider(OPENAI, openai_examples, check_sides);
	with_provider(GEMINI, gemini_examples, check_sides);
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
	example e = {500, body, LLM_E_SERVER_ERROR, 0};
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
	example e = {500,
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
	example e = {400, "{\"error\":\"a \\u0026 b\"}", LLM_E_INVALID_REQUEST, 0};
	llm_error_facts facts;
	plug p;

	cr_assert_eq(plug_open(&p, OLLAMA, NULL), 0);
	p.fail_at = p.allocs + 1;
	facts = facts_of(&p, &e);
	cr_expect_gt(facts.message.len, 0);
	plug_close(&p);
}
