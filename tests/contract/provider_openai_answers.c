/*
 * openai.so: the shapes of answers and streams that OpenAI and its look-alikes send.
 */
#include "openai_help.h"
#include "provider_answer.h"

static void begin(void)
{
	static const llm_header_view id = {"X-Request-Id", "req_1"};
	static const llm_header_view *const headers[] = {&id};

	begin_answers();
	reply_head.headers = headers;
	reply_head.n_headers = 1;
}

TestSuite(provider_openai_answers, .init = begin, .fini = end_answers);

/* ---- answers ---- */

static uint32_t finish_of(const char *reason, const char *members)
{
	char body[400];

	snprintf(body, sizeof(body),
		"{\"choices\":[{\"message\":{\"content\":\"x\"%s},"
		"\"finish_reason\":%s}]}",
		members, reason);
	cr_expect_eq(parse(body), 0, "%s", body);
	return answer.finish;
}

Test(provider_openai_answers, every_finish_reason)
{
	static const struct {
		const char *word;
		uint32_t want;
	} rows[] = {
		{"\"stop\"", LLM_FINISH_STOP},
		{"\"eos\"", LLM_FINISH_STOP},
		{"\"end_turn\"", LLM_FINISH_STOP},
		{"\"stop_sequence\"", LLM_FINISH_STOP},
		{"\"length\"", LLM_FINISH_LENGTH},
		{"\"max_tokens\"", LLM_FINISH_LENGTH},
		{"\"model_length\"", LLM_FINISH_LENGTH},
		{"\"tool_calls\"", LLM_FINISH_TOOL_CALLS},
		{"\"tool_use\"", LLM_FINISH_TOOL_CALLS},
		{"\"function_call\"", LLM_FINISH_TOOL_CALLS},
		{"\"content_filter\"", LLM_FINISH_CONTENT_FILTER},
		{"\"safety\"", LLM_FINISH_CONTENT_FILTER},
		{"\"refusal\"", LLM_FINISH_CONTENT_FILTER},
		{"\"never_heard\"", LLM_FINISH_OTHER},
		{"null", LLM_FINISH_STOP},
		{"\"\"", LLM_FINISH_STOP},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(finish_of(rows[i].word, ""), rows[i].want, "%s", rows[i].word);
		cr_expect_eq(answer.n_finish, 1);
		cr_expect_eq(answer.n_errors, 0);
	}
	cr_expect_eq(finish_of("\"stop\"", ",\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]"),
		LLM_FINISH_TOOL_CALLS);
	cr_expect_eq(
		finish_of("null", ",\"function_call\":{\"name\":\"f\"}"), LLM_FINISH_TOOL_CALLS);
	cr_expect_eq(finish_of("\"stop\"", ",\"tool_calls\":[]"), LLM_FINISH_STOP);
	cr_expect_eq(answer.n_warnings, 0);
}

/* With text there is a result, without any there is nothing but the finish: the core's to judge. */
Test(provider_openai_answers, R_ERR_8_filtered_answers)
{
	cr_expect_eq(finish_of("\"content_filter\"", ""), LLM_FINISH_CONTENT_FILTER);
	cr_expect_str_eq(answer.text.ptr, "x");
	cr_expect_eq(parse("{\"choices\":[{\"message\":{\"content\":null},"
			   "\"finish_reason\":\"content_filter\"}]}"),
		0);
	cr_expect_eq(answer.finish, (uint32_t)LLM_FINISH_CONTENT_FILTER);
	cr_expect_eq(answer.text.len, 0);
	cr_expect_eq(answer.n_errors, 0);
	cr_expect_eq(parse("{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"No.\"},"
			   "\"finish_reason\":\"stop\"}]}"),
		0);
	cr_expect_eq(answer.finish, (uint32_t)LLM_FINISH_CONTENT_FILTER);
	cr_expect_str_eq(answer.text.ptr, "No.");
}

Test(provider_openai_answers, finish_reasons_that_are_failures)
{
	static const char *const words[] = {
		"error", "insufficient_system_resource", "abort", "cancelled"};
	char word[64];
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(word, sizeof(word), "\"%s\"", words[i]);
		finish_of(word, "");
		cr_expect_eq(answer.n_errors, 1);
		cr_expect_eq(answer.n_finish, 0);
		cr_expect_str_eq(answer.text.ptr, "x");
		cr_expect_str_eq(answer.facts.code.ptr, words[i]);
	}
}

Test(provider_openai_answers, R_COST_1_usage_in_all_its_members)
{
	static const struct {
		const char *usage;
		int64_t want[5];
	} rows[] = {
		{"{\"prompt_tokens\":9,\"completion_tokens\":2}", {9, 2, -1, -1, -1}},
		{"{\"prompt_tokens\":0,\"completion_tokens\":0}", {0, 0, -1, -1, -1}},
		{"{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":16,"
		 "\"completion_tokens_details\":{\"reasoning_tokens\":5}}",
			{9, 7, -1, -1, 5}},
		{"{\"prompt_tokens\":9,\"completion_tokens\":7,\"total_tokens\":16,"
		 "\"completion_tokens_details\":{\"reasoning_tokens\":5}}",
			{9, 7, -1, -1, 5}},
		{"{\"prompt_tokens\":9,\"prompt_tokens_details\":{\"cached_tokens\":4,"
		 "\"cache_write_tokens\":1}}",
			{9, -1, 4, 1, -1}},
		{"{\"prompt_tokens\":9,\"completion_tokens\":2,\"prompt_cache_hit_tokens\":3}",
			{9, 2, 3, -1, -1}},
		{"{\"prompt_tokens\":9,\"completion_tokens\":2,\"num_cached_tokens\":6}",
			{9, 2, 6, -1, -1}},
		{"{\"prompt_tokens\":-1,\"completion_tokens\":\"2\"}", {-1, -1, -1, -1, -1}},
		{"{\"prompt_tokens\":1.5,\"completion_tokens\":2.0}", {-1, 2, -1, -1, -1}},
		{"null", {-1, -1, -1, -1, -1}},
		{"[7]", {-1, -1, -1, -1, -1}},
	};
	char body[500];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const llm_usage *u = &answer.usage;

		snprintf(body, sizeof(body), "{\"choices\":[{\"message\":{}}],\"usage\":%s}",
			rows[i].usage);
		cr_expect_eq(parse(body), 0);
		cr_expect_eq(u->input_tokens, rows[i].want[0], "%s", body);
		cr_expect_eq(u->output_tokens, rows[i].want[1], "%s", body);
		cr_expect_eq(u->cache_read_tokens, rows[i].want[2], "%s", body);
		cr_expect_eq(u->cache_write_tokens, rows[i].want[3], "%s", body);
		cr_expect_eq(u->reasoning_tokens, rows[i].want[4], "%s", body);
	}
}

Test(provider_openai_answers, content_in_parts_and_choices_out_of_order)
{
	static const char body[] =
		"\n\n {\"choices\":[{\"index\":1,\"message\":{\"content\":\"no\"},"
		"\"finish_reason\":\"length\"},{\"index\":0,\"message\":{\"content\":["
		"{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\","
		"\"text\":\"th\\u00e9\"}]},{\"type\":\"text\",\"text\":\"yes\"},"
		"{\"type\":\"reference\"},7]},\"finish_reason\":\"stop\"}]}";

	cr_expect_eq(parse(body), 0);
	cr_expect_str_eq(answer.text.ptr, "yes");
	cr_expect_str_eq(answer.reasoning.ptr, "th\xc3\xa9");
	cr_expect_eq(answer.finish, (uint32_t)LLM_FINISH_STOP);
}

/* ---- streams ---- */

#define SAID "{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}"
#define STOPPED "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}"

Test(provider_openai_answers, U_13_ends_of_streams)
{
	static const struct {
		const char *frames[4];
		uint32_t complete;
		uint32_t finish;
	} rows[] = {
		{{SAID, STOPPED, "[DONE]", NULL}, 1, LLM_FINISH_STOP},
		{{SAID, STOPPED, NULL, NULL}, 1, LLM_FINISH_STOP},
		{{SAID, "[DONE] ", NULL, NULL}, 1, LLM_FINISH_STOP},
		{{SAID, NULL, NULL, NULL}, 0, LLM_FINISH_NONE},
		{{"[DONE]", NULL, NULL, NULL}, 0, LLM_FINISH_NONE},
		{{NULL, NULL, NULL, NULL}, 0, LLM_FINISH_NONE},
		{{STOPPED, "{\"error\":{\"message\":\"x\"}}", NULL, NULL}, 0, LLM_FINISH_STOP},
		{{STOPPED, "[DONE]", SAID, NULL}, 1, LLM_FINISH_STOP},
	};
	size_t i, k;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_stream();
		for (k = 0; k < 4 && rows[i].frames[k]; k++)
			cr_expect_geq(push(rows[i].frames[k]), 0);
		cr_expect_eq(answer.finish, rows[i].finish, "row %zu", i);
		cr_expect_leq(answer.text.len, 1u, "row %zu", i);
		cr_expect_eq(close_stream(""), rows[i].complete, "row %zu", i);
	}
}

Test(provider_openai_answers, end_mark_is_the_last_frame)
{
	open_stream();
	cr_expect_eq(push(SAID), 0);
	cr_expect_eq(push(STOPPED), 0, "usage may follow");
	cr_expect_eq(push("[DONE]"), LLM_FRAME_LAST);
	cr_expect_str_eq(answer.meta[LLM_META_REQUEST_ID].ptr, "req_1");
	close_stream("");
}

Test(provider_openai_answers, an_error_key_that_is_empty_is_no_error)
{
	static const char *const errors[] = {"null", "\"\"", "{}", "false", "[]", "0"};
	char data[200];
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		open_stream();
		snprintf(data, sizeof(data),
			"{\"error\":%s,\"choices\":[{\"delta\":"
			"{\"content\":\"x\"}}]}",
			errors[i]);
		cr_expect_eq(push(data), 0, "%s", data);
		cr_expect_eq(answer.n_errors, 0, "%s", data);
		cr_expect_eq(answer.text.len, 1u, "%s", data);
		close_stream("");
	}
}

Test(provider_openai_answers, errors_in_streams_have_a_status)
{
	static const struct {
		const char *data;
		int32_t status;
		const char *message;
	} rows[] = {
		{"{\"error\":{\"message\":\"a\",\"code\":429}}", 429, "a"},
		{"{\"error\":{\"message\":\"a\",\"code\":\"502\"}}", 502, "a"},
		{"{\"error\":{\"message\":\"a\",\"code\":\"x\"}}", 500, "a"},
		{"{\"error\":{\"message\":\"a\",\"code\":200}}", 500, "a"},
		{"{\"error\":\"a\"}", 500, "a"},
		{"{\"object\":\"error\",\"message\":\"a\",\"code\":400}", 400, "a"},
		{"{\"error\":{\"code\":5}}", 500, "{\"code\":5}"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_stream();
		cr_expect_eq(push(rows[i].data), 0);
		cr_assert_eq(answer.n_errors, 1, "%s", rows[i].data);
		cr_expect_eq(answer.facts.status, rows[i].status, "%s", rows[i].data);
		cr_expect_str_eq(answer.facts.message.ptr, rows[i].message);
		cr_expect_str_eq(answer.facts.request_id.ptr, "req_1");
		cr_expect_eq(close_stream(""), 0u);
	}
}

static void same_bytes(const llm_bytes *got, const char *want)
{
	cr_expect(got->len == strlen(want) && (!got->len || !memcmp(got->ptr, want, got->len)),
		"%.*s, expected %s", (int)got->len, got->ptr, want);
}

Test(provider_openai_answers, R_ERR_12_error_bodies_in_every_shape)
{
	static const struct {
		const char *body;
		const char *message;
		const char *code;
		const char *type;
	} rows[] = {
		{"{\"error\":{\"message\":\"a\",\"type\":\"t\",\"code\":\"c\"}}", "a", "c", "t"},
		{"{\"error\":{\"message\":\"a\",\"type\":null,\"code\":400}}", "a", "400", ""},
		{"{\"error\":\"a \\u0026\"}", "a &", "", ""},
		{"{\"object\":\"error\",\"message\":\"a\",\"type\":\"t\",\"code\":7}", "a", "7",
			"t"},
		{"{\"message\":\"a\",\"request_id\":\"r\"}", "a", "", ""},
		{"{\"detail\":\"a\"}", "a", "", ""},
		{"{\"detail\":[{\"loc\":[1],\"msg\":\"a\"},{\"msg\":\"b\"},7]}", "a", "", ""},
		{"{\"error\":\"first\",\"message\":\"second\"}", "first", "", ""},
		{"{\"detail\":[]}", "{\"detail\":[]}", "", ""},
		{" <html>a</html>\n", "<html>a</html>", "", ""},
	};
	llm_error_facts facts;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		llm_reply_view reply = {(uint32_t)sizeof(reply), 400, NULL, 0,
			{rows[i].body, strlen(rows[i].body)}, NULL};

		plug_begin(&p);
		cr_expect_eq(p.v->classify_error(p.instance, &reply, &facts), 0);
		same_bytes(&facts.message, rows[i].message);
		same_bytes(&facts.code, rows[i].code);
		same_bytes(&facts.type, rows[i].type);
		cr_expect_eq(facts.status, 0);
		plug_attempt_ends(&p);
	}
}

/* ---- models ---- */

Test(provider_openai_answers, U_12_lists_of_models)
{
	static const struct {
		const char *body;
		int32_t rc;
		size_t n;
		int64_t window;
	} rows[] = {
		{"{\"data\":[{\"id\":\"a\",\"max_model_len\":8}]}", 0, 1, 8},
		{"[{\"id\":\"a\",\"context_length\":9}]", 0, 1, 9},
		{"{\"data\":[{\"id\":\"a\",\"context_window\":\"x\"},{},7,{\"id\":null}]}", 0, 1,
			0},
		{"{\"data\":[]}", 0, 0, 0},
		{"{\"data\":7}", LLM_E_PROTOCOL, 0, 0},
		{"{}", LLM_E_PROTOCOL, 0, 0},
		{"[", LLM_E_PROTOCOL, 0, 0},
		{"", LLM_E_PROTOCOL, 0, 0},
	};
	const llm_models_ext *e = p.v->get_extension(p.instance, LLM_EXT_MODELS);
	plug_models m;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		llm_reply_view reply = {(uint32_t)sizeof(reply), 200, NULL, 0,
			{rows[i].body, strlen(rows[i].body)}, NULL};

		plug_models_init(&m);
		plug_begin(&p);
		cr_expect_eq(e->parse(p.instance, &reply, &m.sink), rows[i].rc, "%s", rows[i].body);
		cr_expect_eq(m.n, rows[i].n, "%s", rows[i].body);
		if (m.n)
			cr_expect_eq(m.rows[0].context_tokens, rows[i].window);
		plug_models_done(&m);
	}
}
