/*
 * gemini.so: failures in all their shapes, and how streams end.
 */
#include "gemini_help.h"
#include "provider_answer.h"

TestSuite(gemini_errors, .init = begin_answers, .fini = end_answers);

/* ---- bodies ---- */

static llm_error_facts facts_of(int32_t status, const char *text)
{
	llm_reply_view reply = {
		(uint32_t)sizeof(reply), status, NULL, 0, {text, strlen(text)}, NULL};
	llm_error_facts facts;

	plug_attempt_ends(&p);
	plug_begin(&p);
	cr_assert_eq(p.v->classify_error(p.instance, &reply, &facts), 0);
	return facts;
}

static void same_bytes(const llm_bytes *got, const char *want, const char *text)
{
	cr_expect(got->len == strlen(want) && (!got->len || !memcmp(got->ptr, want, got->len)),
		"%.*s, expected %s in %s", (int)got->len, got->ptr, want, text);
}

Test(gemini_errors, R_ERR_12_error_bodies_in_every_shape)
{
	static const struct {
		const char *body;
		const char *message;
		const char *type;
		const char *code;
	} rows[] = {
		{"{\"error\":{\"code\":400,\"message\":\"a \\u0026\",\"status\":\"S\"}}", "a &",
			"S", ""},
		{"[{\"error\":{\"code\":\"400\",\"message\":\"a\",\"status\":\"S\"}}]", "a", "S",
			""},
		{"[{\"error\":{\"message\":\"a\"}},{\"error\":{\"message\":\"b\"}}]", "a", "", ""},
		{"{\"error\":{\"message\":\"{\\\"error\\\":{\\\"message\\\":\\\"in\\\","
		 "\\\"status\\\":\\\"T\\\"}}\",\"status\":\"S\"}}",
			"in", "T", ""},
		{"{\"error\":{\"message\":\"{\\\"error\\\":7}\",\"status\":\"S\"}}",
			"{\"error\":7}", "S", ""},
		{"{\"error\":\"a\"}", "a", "", ""},
		{"{\"error\":{\"code\":5}}", "{\"code\":5}", "", ""},
		{"{\"error\":{\"message\":\"a\",\"details\":[7,{},{\"reason\":\"R\"}]}}", "a", "",
			"R"},
		{"{\"error\":{\"message\":\"a\",\"details\":{\"reason\":\"R\"}}}", "a", "", ""},
		{"{\"error\":{}}", "{\"error\":{}}", "", ""},
		{" <html>a</html>\n", "<html>a</html>", "", ""},
		{"[]", "[]", "", ""},
		{"", "", "", ""},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		llm_error_facts facts = facts_of(400, rows[i].body);

		same_bytes(&facts.message, rows[i].message, rows[i].body);
		same_bytes(&facts.type, rows[i].type, rows[i].body);
		same_bytes(&facts.code, rows[i].code, rows[i].body);
		cr_expect_eq(facts.status, 0);
		cr_expect_eq(facts.retry_after_ms, -1);
	}
}

Test(gemini_errors, R_RETRY_3_delays_in_the_body)
{
	static const struct {
		const char *delay;
		int64_t ms;
	} rows[] = {
		{"22s", 22000},
		{"34.074824224s", 34075},
		{"34.074s", 34074},
		{"0.000000001s", 1},
		{"0s", 0},
		{"0.5s", 500},
		{"1.0s", 1000},
		{"1000000000s", 1000000000000},
		{"1000000001s", -1},
		{"99999999999999999999s", -1},
		{"-1s", -1},
		{"-0.5s", -1},
		{"1.0123456789s", -1},
		{"1.s", -1},
		{".5s", -1},
		{"1.x5s", -1},
		{"22", -1},
		{"22ms", -1},
		{"s", -1},
		{"", -1},
		{"1e3s", -1},
		{"nans", -1},
		{" 1s", -1},
	};
	char text[200];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
			"{\"error\":{\"message\":\"a\",\"details\":[{\"retryDelay\":\"%s\"}]}}",
			rows[i].delay);
		cr_expect_eq(facts_of(429, text).retry_after_ms, rows[i].ms, "%s", rows[i].delay);
	}
	cr_expect_eq(
		facts_of(429, "{\"error\":{\"details\":[{\"retryDelay\":7}]}}").retry_after_ms, -1);
}

Test(gemini_errors, R_RETRY_3_delays_in_the_text)
{
	static const struct {
		const char *message;
		int64_t ms;
	} rows[] = {
		{"Quota.\\nPlease retry in 38.922534355s.", 38923},
		{"Please retry in 2s", 2000},
		{"Please retry in a few seconds.", -1},
		{"Please retry in ", -1},
		{"Please retry in 5", -1},
		{"please wait 5s", -1},
	};
	char text[200];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "{\"error\":{\"message\":\"%s\"}}", rows[i].message);
		cr_expect_eq(facts_of(429, text).retry_after_ms, rows[i].ms, "%s", text);
	}
}

#define VIOLATION(id, value) "{\"quotaId\":\"" id "\",\"quotaValue\":\"" value "\"}"
#define VIOLATIONS(list) "{\"violations\":[" list "]}"
#define MINUTE VIOLATION("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "15")
#define DAY VIOLATION("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "250")

/* A quota that a wait of seconds does not bring back, wherever it is named. */
Test(gemini_errors, R_ERR_6_quotas_that_are_spent)
{
	static const struct {
		const char *details;
		int spent;
		const char *code;
	} rows[] = {
		{VIOLATIONS(MINUTE), 0, "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"},
		{VIOLATIONS(DAY), 1, "GenerateRequestsPerDayPerProjectPerModel-FreeTier"},
		{VIOLATIONS(MINUTE "," DAY), 1,
			"GenerateRequestsPerDayPerProjectPerModel-FreeTier"},
		{VIOLATIONS(DAY "," MINUTE), 1,
			"GenerateRequestsPerDayPerProjectPerModel-FreeTier"},
		{VIOLATIONS(MINUTE) "," VIOLATIONS(DAY), 1,
			"GenerateRequestsPerDayPerProjectPerModel-FreeTier"},
		{VIOLATIONS(VIOLATION("DailyTokens", "1")), 1, "DailyTokens"},
		{VIOLATIONS(VIOLATION("RequestsPerMinute", "0")), 1, "RequestsPerMinute"},
		{VIOLATIONS("{\"quotaId\":\"X\",\"quotaValue\":0}"), 1, "X"},
		{VIOLATIONS("{\"quotaMetric\":\"m/PerDay\"}"), 0, ""},
		{VIOLATIONS("7,{\"quotaId\":7}"), 0, ""},
		{"{\"reason\":\"RATE_LIMIT_EXCEEDED\",\"metadata\":{\"quota_limit\":\"XPerDay\"}}",
			1, "XPerDay"},
		{"{\"reason\":\"RATE_LIMIT_EXCEEDED\",\"metadata\":{\"quota_limit\":\"XPerMinute\","
		 "\"quota_limit_value\":\"0\"}}",
			1, "XPerMinute"},
		{"{\"reason\":\"RATE_LIMIT_EXCEEDED\",\"metadata\":{\"service\":\"PerDay\"}}", 0,
			"RATE_LIMIT_EXCEEDED"},
	};
	char text[600];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		llm_error_facts facts;

		snprintf(text, sizeof(text),
			"{\"error\":{\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[%s,"
			"{\"retryDelay\":\"9s\"}]}}",
			rows[i].details);
		facts = facts_of(429, text);
		same_bytes(&facts.code, rows[i].code, text);
		cr_expect_eq(facts.retry_after_ms, rows[i].spent ? -1 : 9000, "%s", text);
		same_bytes(&facts.type,
			rows[i].spent ? "RESOURCE_EXHAUSTED, not by the minute" :
					"RESOURCE_EXHAUSTED",
			text);
	}
}

/* ---- streams ---- */

#define SAID "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}"
#define STOPPED "{\"candidates\":[{\"finishReason\":\"STOP\"}]}"
#define CALLED "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\"}}]}}]}"
#define COUNTED "{\"usageMetadata\":{\"promptTokenCount\":3,\"candidatesTokenCount\":4}}"
#define RATED "{\"promptFeedback\":{\"safetyRatings\":[]}}"
#define FAILED "{\"error\":{\"code\":503,\"message\":\"m\",\"status\":\"UNAVAILABLE\"}}"

Test(gemini_errors, U_05_U_13_ends_of_streams)
{
	static const struct {
		const char *frames[4];
		const char *rest;
		uint32_t complete;
		uint32_t finish;
		int errors;
	} rows[] = {
		{{SAID, STOPPED, NULL, NULL}, "", 1, LLM_FINISH_STOP, 0},
		{{SAID, STOPPED, COUNTED, NULL}, "", 1, LLM_FINISH_STOP, 0},
		{{CALLED, STOPPED, NULL, NULL}, "", 1, LLM_FINISH_TOOL_CALLS, 0},
		{{SAID, NULL, NULL, NULL}, "", 0, LLM_FINISH_NONE, 0},
		{{COUNTED, NULL, NULL, NULL}, "", 0, LLM_FINISH_NONE, 0},
		{{"{}", NULL, NULL, NULL}, "", 0, LLM_FINISH_NONE, 0},
		{{NULL, NULL, NULL, NULL}, "", 0, LLM_FINISH_NONE, 0},
		{{NULL, NULL, NULL, NULL}, FAILED, 0, LLM_FINISH_NONE, 1},
		{{SAID, NULL, NULL, NULL}, "[" FAILED "]", 0, LLM_FINISH_NONE, 1},
		{{SAID, NULL, NULL, NULL}, "{\n \"error\": {", 0, LLM_FINISH_NONE, 0},
		{{SAID, NULL, NULL, NULL}, "<html>", 0, LLM_FINISH_NONE, 0},
		{{SAID, STOPPED, NULL, NULL}, "proxy was here", 1, LLM_FINISH_STOP, 0},
		{{SAID, STOPPED, NULL, NULL}, FAILED, 0, LLM_FINISH_STOP, 1},
		{{SAID, FAILED, SAID, STOPPED}, FAILED, 0, LLM_FINISH_NONE, 1},
		{{STOPPED, STOPPED, NULL, NULL}, "", 1, LLM_FINISH_STOP, 0},
		{{RATED, NULL, NULL, NULL}, "", 1, LLM_FINISH_CONTENT_FILTER, 0},
		{{RATED, SAID, STOPPED, NULL}, "", 1, LLM_FINISH_STOP, 0},
		{{RATED, SAID, NULL, NULL}, "", 0, LLM_FINISH_NONE, 0},
		{{RATED, NULL, NULL, NULL}, FAILED, 0, LLM_FINISH_NONE, 1},
		{{SAID, "{\"promptFeedback\":{\"blockReason\":\"OTHER\"}}", NULL, NULL}, "", 1,
			LLM_FINISH_CONTENT_FILTER, 0},
	};
	size_t i, k;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_stream();
		for (k = 0; k < 4 && rows[i].frames[k]; k++)
			cr_expect_eq(push(rows[i].frames[k]), 0, "row %zu", i);
		cr_expect_eq(close_stream(rows[i].rest), rows[i].complete, "row %zu", i);
		cr_expect_eq(answer.finish, rows[i].finish, "row %zu", i);
		cr_expect_leq(answer.n_finish, 1, "row %zu", i);
		cr_expect_eq(answer.n_errors, rows[i].errors, "row %zu", i);
		cr_expect_eq(answer.n_late, 0, "row %zu", i);
		cr_expect_leq(answer.text.len, 1u, "row %zu", i);
	}
}

/* Without a reader, as after a cancel, the end says only whether the answer was whole. */
Test(gemini_errors, U_05_a_stream_that_nobody_reads_any_more)
{
	llm_bytes residue = {FAILED, sizeof(FAILED) - 1};
	uint32_t complete = 77;

	open_stream();
	cr_expect_eq(push(SAID), 0);
	cr_expect_eq(p.v->stream_close(p.instance, stream, &residue, NULL, &complete), 0);
	cr_expect_eq(complete, 0u);
	cr_expect_eq(answer.n_errors, 0);
	plug_attempt_ends(&p);
}

Test(gemini_errors, errors_in_streams_have_a_status)
{
	static const struct {
		const char *error;
		int32_t status;
	} rows[] = {
		{"{\"code\":429}", 429},
		{"{\"code\":\"503\"}", 503},
		{"{\"code\":200,\"status\":\"UNAVAILABLE\"}", 503},
		{"{\"status\":\"INVALID_ARGUMENT\"}", 400},
		{"{\"status\":\"FAILED_PRECONDITION\"}", 400},
		{"{\"status\":\"OUT_OF_RANGE\"}", 400},
		{"{\"status\":\"UNAUTHENTICATED\"}", 401},
		{"{\"status\":\"PERMISSION_DENIED\"}", 403},
		{"{\"status\":\"NOT_FOUND\"}", 404},
		{"{\"status\":\"ABORTED\"}", 409},
		{"{\"status\":\"ALREADY_EXISTS\"}", 409},
		{"{\"status\":\"RESOURCE_EXHAUSTED\"}", 429},
		{"{\"status\":\"CANCELLED\"}", 499},
		{"{\"status\":\"INTERNAL\"}", 500},
		{"{\"status\":\"UNIMPLEMENTED\"}", 501},
		{"{\"status\":\"DEADLINE_EXCEEDED\"}", 504},
		{"{\"status\":\"NEVER_HEARD_OF\"}", 500},
		{"\"text\"", 500},
	};
	char data[200];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_stream();
		snprintf(data, sizeof(data), "{\"error\":%s}", rows[i].error);
		cr_expect_eq(push(data), 0);
		cr_assert_eq(answer.n_errors, 1, "%s", data);
		cr_expect_eq(answer.facts.status, rows[i].status, "%s", data);
		cr_expect_eq(close_stream(""), 0u);
	}
}

Test(gemini_errors, R_COST_2_the_last_usage_wins)
{
	open_stream();
	cr_expect_eq(push("{\"candidates\":[{}],\"usageMetadata\":{\"promptTokenCount\":3,"
			  "\"candidatesTokenCount\":1}}"),
		0);
	cr_expect_eq(answer.usage.output_tokens, 1);
	cr_expect_eq(answer.meta[LLM_META_USAGE_RAW].len, 0u);
	cr_expect_eq(push(STOPPED), 0);
	cr_expect_eq(push(COUNTED), 0);
	cr_expect_eq(answer.usage.input_tokens, 3);
	cr_expect_eq(answer.usage.output_tokens, 4);
	cr_expect(strstr(answer.meta[LLM_META_USAGE_RAW].ptr, "\"candidatesTokenCount\":4"));
	cr_expect_eq(close_stream(""), 1u);
}

Test(gemini_errors, logprobs_of_events_are_one_list)
{
	open_stream();
	cr_expect_eq(push("{\"candidates\":[{\"logprobsResult\":{\"a\":1}}]}"), 0);
	cr_expect_str_eq(answer.meta[LLM_META_LOGPROBS].ptr, "[{\"a\":1}]");
	close_stream("");
}
