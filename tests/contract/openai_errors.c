/*
 * openai.so: what each status, code, type and text of an error comes to, row by row, as
 * whole answers and inside streams; and every shape that an error's body has.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "run/classify.h"
#include "support/plug.h"

static plug p;

static void set_up(void)
{
	cr_assert_eq(plug_open(&p, TEST_BINARY_DIR "/plugins/openai.so", NULL), 0);
}

static void tear_down(void)
{
	plug_close(&p);
}

TestSuite(openai_errors, .init = set_up, .fini = tear_down);

typedef struct row {
	int32_t status;
	const char *type; /* JSON */
	const char *code; /* JSON */
	const char *text;
	int32_t want;
} row;

static const row rows[] = {
	{400, "\"invalid_request_error\"", "null", "x", LLM_E_INVALID_REQUEST},
	{400, "\"invalid_request_error\"", "\"invalid_type\"", "x", LLM_E_INVALID_REQUEST},
	{400, "\"invalid_request_error\"", "\"missing_required_parameter\"", "x",
		LLM_E_INVALID_REQUEST},
	{400, "\"invalid_request_error\"", "\"invalid_value\"", "x", LLM_E_INVALID_REQUEST},
	{400, "\"invalid_request_error\"", "\"integer_above_max_value\"", "x",
		LLM_E_INVALID_REQUEST},
	{400, "\"invalid_request_error\"", "\"invalid_json_schema\"", "x", LLM_E_INVALID_REQUEST},
	{400, "\"invalid_request_error\"", "\"string_above_max_length\"", "x",
		LLM_E_INVALID_REQUEST},
	{400, "\"invalid_request_error\"", "\"unknown_parameter\"", "x", LLM_E_INVALID_REQUEST},
	{400, "\"invalid_request_error\"", "\"context_length_exceeded\"", "x",
		LLM_E_CONTEXT_LENGTH_EXCEEDED},
	{400, "\"invalid_request_error\"", "\"unsupported_parameter\"", "x", LLM_E_UNSUPPORTED},
	{400, "\"invalid_request_error\"", "\"unsupported_value\"", "x", LLM_E_UNSUPPORTED},
	{400, "null", "\"content_filter\"", "x", LLM_E_CONTENT_FILTERED},
	{400, "\"invalid_request_error\"", "\"content_policy_violation\"", "x",
		LLM_E_CONTENT_FILTERED},
	{400, "\"invalid_request_error\"", "\"invalid_prompt\"", "x", LLM_E_CONTENT_FILTERED},
	{401, "\"invalid_request_error\"", "\"invalid_api_key\"", "x", LLM_E_AUTHENTICATION},
	{401, "\"invalid_request_error\"", "null", "x", LLM_E_AUTHENTICATION},
	{401, "null", "\"mismatched_organization\"", "x", LLM_E_AUTHENTICATION},
	{401, "null", "\"invalid_organization\"", "x", LLM_E_AUTHENTICATION},
	{402, "\"unknown_error\"", "\"invalid_request_error\"", "x", LLM_E_QUOTA_EXHAUSTED},
	{403, "\"request_forbidden\"", "\"unsupported_country_region_territory\"", "x",
		LLM_E_PERMISSION_DENIED},
	{403, "\"invalid_request_error\"", "null", "x", LLM_E_PERMISSION_DENIED},
	{404, "\"invalid_request_error\"", "\"model_not_found\"", "x", LLM_E_NOT_FOUND},
	{404, "\"invalid_request_error\"", "null", "x", LLM_E_NOT_FOUND},
	{408, "null", "null", "x", LLM_E_TIMEOUT},
	{409, "null", "null", "x", LLM_E_CONFLICT},
	{413, "null", "null", "x", LLM_E_INVALID_REQUEST},
	{422, "null", "null", "x", LLM_E_INVALID_REQUEST},
	{429, "\"requests\"", "\"rate_limit_exceeded\"", "x", LLM_E_RATE_LIMITED},
	{429, "\"tokens\"", "\"rate_limit_exceeded\"", "x", LLM_E_RATE_LIMITED},
	{429, "\"tokens\"", "\"rate_limit_exceeded\"", "Request too large for m",
		LLM_E_INVALID_REQUEST},
	{429, "\"insufficient_quota\"", "\"insufficient_quota\"", "x", LLM_E_QUOTA_EXHAUSTED},
	{429, "\"insufficient_quota\"", "\"credit_balance_exhausted\"", "x", LLM_E_QUOTA_EXHAUSTED},
	{429, "null", "\"billing_hard_limit_reached\"", "x", LLM_E_QUOTA_EXHAUSTED},
	{429, "null", "null", "You exceeded your current quota", LLM_E_QUOTA_EXHAUSTED},
	{429, "\"rate_limit_error\"", "\"slow_down\"", "x", LLM_E_RATE_LIMITED},
	{498, "null", "null", "x", LLM_E_RATE_LIMITED},
	{499, "null", "null", "x", LLM_E_UNAVAILABLE},
	{500, "\"server_error\"", "null", "x", LLM_E_SERVER_ERROR},
	{500, "\"server_error\"", "\"server_error\"", "x", LLM_E_SERVER_ERROR},
	{501, "\"not_supported_error\"", "501", "x", LLM_E_UNSUPPORTED},
	{502, "null", "null", "x", LLM_E_UNAVAILABLE},
	{503, "\"service_unavailable_error\"", "\"server_is_overloaded\"", "x", LLM_E_UNAVAILABLE},
	{504, "null", "null", "x", LLM_E_UNAVAILABLE},
	{529, "null", "null", "x", LLM_E_UNAVAILABLE},
	{520, "null", "null", "x", LLM_E_SERVER_ERROR},
	/* the servers beside OpenAI */
	{404, "null", "\"DeploymentNotFound\"", "x", LLM_E_NOT_FOUND},
	{401, "null", "\"401\"", "x", LLM_E_AUTHENTICATION},
	{400, "\"BadRequestError\"", "400", "the model's context length is only 8 tokens",
		LLM_E_CONTEXT_LENGTH_EXCEEDED},
	{404, "\"NotFoundError\"", "404", "x", LLM_E_NOT_FOUND},
	{400, "\"invalid_request_error\"", "400", "x", LLM_E_INVALID_REQUEST},
	{401, "\"authentication_error\"", "401", "x", LLM_E_AUTHENTICATION},
	{403, "\"permission_error\"", "403", "x", LLM_E_PERMISSION_DENIED},
	{404, "\"not_found_error\"", "404", "x", LLM_E_NOT_FOUND},
	{503, "\"unavailable_error\"", "503", "Loading model", LLM_E_UNAVAILABLE},
	{400, "\"exceed_context_size_error\"", "400", "x", LLM_E_CONTEXT_LENGTH_EXCEEDED},
	{500, "\"server_error\"", "500", "Context size has been exceeded.",
		LLM_E_CONTEXT_LENGTH_EXCEEDED},
	{400, "null", "null", "the context size of the model is exceeded",
		LLM_E_CONTEXT_LENGTH_EXCEEDED},
	{400, "\"invalid_request_error\"", "\"invalid_request_error\"",
		"maximum context length is 8", LLM_E_CONTEXT_LENGTH_EXCEEDED},
	{400, "\"invalid_request_error\"", "\"tool_use_failed\"", "x", LLM_E_PROTOCOL},
	{402, "null", "402", "Insufficient credits", LLM_E_QUOTA_EXHAUSTED},
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static int32_t code_of(int32_t status, const char *body)
{
	llm_reply_view reply = {
		(uint32_t)sizeof(reply), status, NULL, 0, {body, strlen(body)}, NULL};
	llm_error_facts facts;
	int32_t code;

	plug_begin(&p);
	cr_assert_eq(p.v->classify_error(p.instance, &reply, &facts), 0);
	code = classify_reply(status, &facts, p.info->error_rules).code;
	plug_attempt_ends(&p);
	return code;
}

Test(openai_errors, R_ERR_1_R_ERR_12_row_by_row)
{
	char body[400];
	size_t i;

	for (i = 0; i < N_ROWS; i++) {
		snprintf(body, sizeof(body),
			"{\"error\":{\"message\":\"%s\",\"type\":%s,\"param\":null,\"code\":%s}}",
			rows[i].text, rows[i].type, rows[i].code);
		cr_expect_eq(code_of(rows[i].status, body), rows[i].want, "%d %s: %s",
			rows[i].status, body, llm_error_name(code_of(rows[i].status, body)));
	}
}

/* ---- inside a stream, where the HTTP status is 200 ---- */

static int32_t code_in_stream(const char *data)
{
	llm_reply_view head = {(uint32_t)sizeof(head), 200, NULL, 0, {"", 0}, NULL};
	llm_frame_view f = {(uint32_t)sizeof(f), 0, {"", 0}, {data, strlen(data)}, {"", 0}};
	llm_bytes residue = {"", 0};
	plug_answer a;
	uint32_t complete;
	void *stream;
	int32_t code = 0;

	plug_answer_init(&a);
	plug_begin(&p);
	cr_assert_eq(p.v->stream_open(p.instance, &head, &stream), 0);
	plug_begin(&p);
	cr_expect_eq(p.v->stream_frame(p.instance, stream, &f, &a.sink), 0, "%s", data);
	if (a.n_errors)
		code = classify_reply(200, &a.facts, p.info->error_rules).code;
	cr_expect_eq(p.v->stream_close(p.instance, stream, &residue, NULL, &complete), 0);
	cr_expect_eq(complete, 0u);
	plug_answer_done(&a);
	plug_attempt_ends(&p);
	return code;
}

Test(openai_errors, R_ERR_1_in_streams)
{
	static const struct {
		const char *data;
		int32_t want;
	} in[] = {
		{"{\"error\":{\"message\":\"x\",\"type\":\"server_error\",\"code\":null}}",
			LLM_E_SERVER_ERROR},
		{"{\"error\":{\"message\":\"x\",\"type\":\"server_error\","
		 "\"code\":\"server_error\"}}",
			LLM_E_SERVER_ERROR},
		{"{\"error\":{\"message\":\"x\",\"code\":\"rate_limit_exceeded\"}}",
			LLM_E_RATE_LIMITED},
		{"{\"error\":{\"message\":\"x\",\"code\":\"server_is_overloaded\"}}",
			LLM_E_UNAVAILABLE},
		{"{\"error\":{\"message\":\"x\",\"type\":\"invalid_request_error\"}}",
			LLM_E_INVALID_REQUEST},
		{"{\"error\":{\"message\":\"maximum context length is 8\","
		 "\"type\":\"invalid_request_error\"}}",
			LLM_E_CONTEXT_LENGTH_EXCEEDED},
		{"{\"error\":{\"message\":\"x\",\"type\":\"BadRequestError\",\"code\":400}}",
			LLM_E_INVALID_REQUEST},
		{"{\"error\":{\"message\":\"x\",\"code\":502},\"choices\":[{\"delta\":{},"
		 "\"finish_reason\":\"error\"}]}",
			LLM_E_UNAVAILABLE},
		{"{\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}", LLM_E_UNAVAILABLE},
		{"{\"choices\":[{\"delta\":{},\"finish_reason\":\"abort\"}]}", LLM_E_CANCELLED},
		{"{\"error\":\"busy\"}", LLM_E_SERVER_ERROR},
		{"{\"object\":\"error\",\"message\":\"x\",\"code\":404}", LLM_E_NOT_FOUND},
		{"{\"x_groq\":{\"error\":\"busy\"}}", LLM_E_SERVER_ERROR},
		{"{\"x_groq\":{\"error\":{\"message\":\"x\",\"code\":\"slow_down\"}}}",
			LLM_E_RATE_LIMITED},
		{"{\"x_groq\":{\"error\":null}}", 0},
		{"{\"error\":null}", 0},
		{"{\"error\":{}}", 0},
		{"{\"error\":\"\"}", 0},
	};
	size_t i;

	for (i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		cr_expect_eq(code_in_stream(in[i].data), in[i].want, "%s: %s", in[i].data,
			llm_error_name(code_in_stream(in[i].data)));
}

/* ---- facts ---- */

static void same(const llm_bytes *got, const char *want, const char *body)
{
	cr_expect(got->len == strlen(want) && (!got->len || !memcmp(got->ptr, want, got->len)),
		"%.*s is not %s: %s", (int)got->len, got->ptr, want, body);
}

Test(openai_errors, R_ERR_12_facts_of_bodies)
{
	static const struct {
		const char *body;
		const char *message;
		const char *type;
		const char *request_id;
	} in[] = {
		{"{\"message\":\"Unauthorized\",\"request_id\":\"r1\"}", "Unauthorized", "", "r1"},
		{"{\"object\":\"error\",\"message\":\"x\",\"type\":\"t\",\"param\":null,\"code\":"
		 "null}",
			"x", "t", ""},
		{"{\"error\":{\"code\":403,\"message\":\"flagged\",\"metadata\":{\"reasons\":["
		 "\"a\"]}}}",
			"flagged", "moderation", ""},
		{"{\"error\":{\"code\":502,\"message\":\"x\",\"metadata\":{\"raw\":\"y\"}}}", "x",
			"", ""},
		{"{\"error\":{\"code\":502,\"message\":\"x\",\"metadata\":7}}", "x", "", ""},
		{"{\"error\":{\"code\":403,\"message\":\"x\",\"metadata\":{\"reasons\":[]}}}", "x",
			"", ""},
		{"{\"error\":\"Unauthorized\"}", "Unauthorized", "", ""},
		{"{\"detail\":[{\"type\":\"t\",\"loc\":[\"body\"],\"msg\":\"m\"}]}", "m", "", ""},
		{"upstream connect error", "upstream connect error", "", ""},
		{"{\"error\":{\"innererror\":{\"code\":\"x\"}}}",
			"{\"innererror\":{\"code\":\"x\"}}", "", ""},
	};
	llm_error_facts facts;
	size_t i;

	for (i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		llm_reply_view reply = {(uint32_t)sizeof(reply), 403, NULL, 0,
			{in[i].body, strlen(in[i].body)}, NULL};

		plug_begin(&p);
		cr_assert_eq(p.v->classify_error(p.instance, &reply, &facts), 0);
		same(&facts.message, in[i].message, in[i].body);
		same(&facts.type, in[i].type, in[i].body);
		same(&facts.request_id, in[i].request_id, in[i].body);
		plug_attempt_ends(&p);
	}
}

Test(openai_errors, the_headers_request_id_wins)
{
	static const llm_header_view id = {"X-Request-Id", "of_header"};
	static const llm_header_view *const headers[] = {&id};
	static const char body[] = "{\"message\":\"x\",\"request_id\":\"of_body\"}";
	llm_reply_view reply = {
		(uint32_t)sizeof(reply), 401, headers, 1, {body, sizeof(body) - 1}, NULL};
	llm_error_facts facts;

	plug_begin(&p);
	cr_assert_eq(p.v->classify_error(p.instance, &reply, &facts), 0);
	same(&facts.request_id, "of_header", body);
	plug_attempt_ends(&p);
}
