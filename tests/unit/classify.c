/* From raw facts to a code (core/run/classify.h). */
#include <criterion/criterion.h>
#include <string.h>

#include "run/classify.h"

#define SIZE (uint32_t)sizeof(llm_error_rule)

static const llm_error_rule by_code = {
	SIZE, LLM_MATCH_CODE, 0, LLM_E_CONTEXT_LENGTH_EXCEEDED, 0, 0, "context_length_exceeded"};
static const llm_error_rule by_type = {
	SIZE, LLM_MATCH_TYPE, 429, LLM_E_QUOTA_EXHAUSTED, 0, 0, "insufficient_quota"};
static const llm_error_rule phrase = {
	SIZE, LLM_MATCH_PHRASE, 0, LLM_E_UNSUPPORTED, 0, 0, "does not support"};
static const llm_error_rule pair = {
	SIZE, LLM_MATCH_PHRASE, 500, LLM_E_INVALID_REQUEST, 0, 0, "must be of type"};
static const llm_error_rule memory = {
	SIZE, LLM_MATCH_PHRASE, 500, LLM_E_UNAVAILABLE, LLM_RULE_RESOURCE, 0, "out of memory"};
static const llm_error_rule prefix = {
	SIZE, LLM_MATCH_PREFIX, 500, LLM_E_PROTOCOL, 0, 0, "error parsing tool call"};
static const llm_error_rule *const rules[] = {
	&phrase, &by_code, &by_type, &pair, &memory, &prefix, NULL};

static llm_bytes bytes(const char *text)
{
	return (llm_bytes){text, strlen(text)};
}

static verdict judge(int32_t status, const char *code, const char *type, const char *message)
{
	const llm_error_facts f = {.struct_size = (uint32_t)sizeof(f),
		.code = bytes(code),
		.type = bytes(type),
		.message = bytes(message),
		.retry_after_ms = -1};

	return classify_reply(status, &f, rules);
}

Test(classify, R_ERR_4_what_the_caller_can_change_wins)
{
	static const int32_t order[] = {LLM_E_INVALID_REQUEST, LLM_E_CONTEXT_LENGTH_EXCEEDED,
		LLM_E_CONTENT_FILTERED, LLM_E_UNAVAILABLE};
	size_t i, k;

	for (i = 0; i < 4; i++)
		for (k = 0; k < 4; k++)
			cr_expect_eq(classify_outranks(order[i], order[k]), i < k, "%zu %zu", i, k);
	cr_expect_not(classify_outranks(LLM_E_SERVER_ERROR, LLM_E_UNAVAILABLE));
	cr_expect_not(classify_outranks(LLM_E_INVALID_REQUEST, LLM_E_CANCELLED));
	cr_expect_not(classify_outranks(LLM_E_INVALID_REQUEST, LLM_E_DEADLINE));
}

Test(classify, R_ERR_1_structured_code_comes_before_status_and_phrase)
{
	cr_assert_eq(judge(400, "context_length_exceeded", "", "model does not support it").code,
		LLM_E_CONTEXT_LENGTH_EXCEEDED);
	cr_assert_eq(judge(429, "", "insufficient_quota", "").code, LLM_E_QUOTA_EXHAUSTED);
	cr_assert_eq(judge(400, "", "insufficient_quota", "").code, LLM_E_INVALID_REQUEST);
}

Test(classify, R_ERR_1_a_phrase_refines_a_4xx_only)
{
	cr_assert_eq(judge(400, "", "", "x Does Not Support tools").code, LLM_E_UNSUPPORTED);
	cr_assert_eq(judge(500, "", "", "x does not support tools").code, LLM_E_SERVER_ERROR);
	cr_assert_eq(judge(503, "", "", "x does not support tools").code, LLM_E_UNAVAILABLE);
}

Test(classify, R_ERR_1_the_exact_pair_of_a_5xx_and_a_phrase)
{
	cr_assert_eq(judge(500, "", "", "option \"stop\" must be of type array").code,
		LLM_E_INVALID_REQUEST);
	cr_assert_eq(judge(502, "", "", "option \"stop\" must be of type array").code,
		LLM_E_UNAVAILABLE);
	cr_assert_eq(judge(500, "", "", "Error parsing tool call: raw").code, LLM_E_PROTOCOL);
	cr_assert_eq(judge(500, "", "", "an error parsing tool call").code, LLM_E_SERVER_ERROR);
}

Test(classify, R_ERR_2_digits_in_a_message_are_no_evidence)
{
	cr_assert_eq(judge(400, "", "", "429 too many requests, rate limit 403").code,
		LLM_E_INVALID_REQUEST);
	cr_assert_eq(judge(500, "", "", "429").code, LLM_E_SERVER_ERROR);
}

Test(classify, R_ERR_12_flags_come_from_the_rule)
{
	verdict v = judge(500, "", "", "CUDA out of memory");

	cr_assert_eq(v.code, LLM_E_UNAVAILABLE);
	cr_assert_eq(v.flags, LLM_ERRF_RESOURCE);
	cr_assert_eq(judge(500, "", "", "x").flags, 0);
}

Test(classify, R_ERR_12_the_body_may_mean_another_status)
{
	const llm_error_facts f = {.struct_size = (uint32_t)sizeof(f),
		.status = 500,
		.message = bytes("out of memory"),
		.code = bytes(""),
		.type = bytes("")};

	cr_assert_eq(classify_reply(200, &f, rules).code, LLM_E_UNAVAILABLE);
}

Test(classify, U_15_every_status_has_a_code)
{
	static const struct {
		int32_t status;
		int32_t code;
	} rows[] = {{304, LLM_E_PROTOCOL}, {204, LLM_E_PROTOCOL}, {400, LLM_E_INVALID_REQUEST},
		{401, LLM_E_AUTHENTICATION}, {402, LLM_E_QUOTA_EXHAUSTED},
		{403, LLM_E_PERMISSION_DENIED}, {404, LLM_E_NOT_FOUND},
		{405, LLM_E_INVALID_REQUEST}, {408, LLM_E_TIMEOUT}, {409, LLM_E_CONFLICT},
		{413, LLM_E_INVALID_REQUEST}, {418, LLM_E_INVALID_REQUEST},
		{422, LLM_E_INVALID_REQUEST}, {429, LLM_E_RATE_LIMITED}, {499, LLM_E_UNAVAILABLE},
		{500, LLM_E_SERVER_ERROR}, {501, LLM_E_UNSUPPORTED}, {502, LLM_E_UNAVAILABLE},
		{503, LLM_E_UNAVAILABLE}, {504, LLM_E_UNAVAILABLE}, {507, LLM_E_SERVER_ERROR},
		{529, LLM_E_UNAVAILABLE}, {599, LLM_E_SERVER_ERROR}, {600, LLM_E_PROTOCOL},
		{999, LLM_E_PROTOCOL}};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(classify_status(rows[i].status), rows[i].code, "status %d",
			(int)rows[i].status);
}

Test(classify, a_provider_without_rules_is_judged_by_status)
{
	const llm_error_facts f = {.struct_size = (uint32_t)sizeof(f), .message = bytes("x")};

	cr_assert_eq(classify_reply(404, &f, NULL).code, LLM_E_NOT_FOUND);
}
