/*
 * gemini.so: answers, whole and in events; usage, ends, errors, lists of models.
 */
#include "gemini_help.h"
#include "provider_answer.h"

#include "run/classify.h"

TestSuite(gemini_answers, .init = begin_answers, .fini = end_answers);

/* A whole answer of these parts, with further members of the candidate. */
static int32_t parse_parts(const char *parts, const char *more)
{
	char text[2000];

	snprintf(text, sizeof(text),
		"{\"candidates\":[{\"content\":{\"parts\":%s},\"finishReason\":\"STOP\"%s}]}",
		parts, more);
	return parse(text);
}

/* ---- parts ---- */

Test(gemini_answers, parts_of_every_kind)
{
	cr_expect_eq(parse_parts("[{\"text\":\"th\\u00e9\",\"thought\":true},{\"text\":\"a\"},"
				 "{\"text\":\"b\",\"thought\":null,\"videoMetadata\":{}},"
				 "{\"functionCall\":{\"name\":\"f\"}},"
				 "{\"functionCall\":{\"name\":\"g\",\"args\":null,\"id\":\"7\"}},"
				 "{\"thoughtSignature\":null},{}]",
			     ""),
		0);
	cr_expect_str_eq(answer.reasoning.ptr, "th\xc3\xa9");
	cr_expect_str_eq(answer.text.ptr, "ab");
	cr_expect_eq(answer.n_calls, 2u);
	cr_expect_str_eq(answer.calls[0].id.ptr, "unnamed_call_1");
	cr_expect_str_eq(answer.calls[0].arguments.ptr, "{}");
	cr_expect_str_eq(answer.calls[1].id.ptr, "7");
	cr_expect_eq(answer.finish, (uint32_t)LLM_FINISH_TOOL_CALLS);
	cr_expect_eq(answer.n_opaque, 0u);
}

Test(gemini_answers, bytes_of_an_image)
{
	static const struct {
		const char *data;
		const char *want; /* null: PROTOCOL */
		size_t len;
	} rows[] = {
		{"AAEC", "\0\1\2", 3},
		{"AAE=", "\0\1", 2},
		{"AA==", "\0", 1},
		{"AAE", "\0\1", 2},
		{"-_\\/+", "\xfb\xff\xfe", 3},
		{"A", NULL, 0},
		{"AA=A", NULL, 0},
		{"AA===", NULL, 0},
		{"A A=", NULL, 0},
		{"", NULL, 0},
	};
	char parts[200];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(parts, sizeof(parts),
			"[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"%s\"},"
			"\"thoughtSignature\":\"s\"}]",
			rows[i].data);
		cr_expect_eq(parse_parts(parts, ""), rows[i].want ? 0 : LLM_E_PROTOCOL, "%s",
			rows[i].data);
		if (!rows[i].want) {
			cr_expect_eq(answer.n_events, 0u);
			continue;
		}
		cr_expect_str_eq(answer.media_type.ptr, "image/png");
		cr_assert_eq(answer.data.len, rows[i].len, "%s", rows[i].data);
		cr_expect_eq(memcmp(answer.data.ptr, rows[i].want, rows[i].len), 0);
		cr_expect_eq(answer.opaque[0].part, (uint32_t)LLM_PART_IMAGE);
	}
}

Test(gemini_answers, signatures_and_what_they_belong_to)
{
	static const uint32_t parts[] = {
		LLM_PART_REASONING, LLM_PART_TEXT, 0, LLM_PART_TOOL_CALL, LLM_PART_TOOL_CALL};
	char data[2];
	size_t i;

	cr_expect_eq(parse_parts("[{\"text\":\"r\",\"thought\":true,\"thoughtSignature\":\"0\"},"
				 "{\"text\":\"t\",\"thoughtSignature\":\"\\u0031\"},"
				 "{\"text\":\"\",\"thoughtSignature\":\"2\"},"
				 "{\"functionCall\":{\"name\":\"f\"},\"thoughtSignature\":\"3\"},"
				 "{\"functionCall\":{\"name\":\"f\"},\"thoughtSignature\":\"4\"}]",
			     ""),
		0);
	cr_assert_eq(answer.n_opaque, 5u);
	for (i = 0; i < 5; i++) {
		snprintf(data, sizeof(data), "%zu", i);
		cr_expect_str_eq(answer.opaque[i].kind.ptr, "thoughtSignature");
		cr_expect_str_eq(answer.opaque[i].data.ptr, data);
		cr_expect_eq(answer.opaque[i].part, parts[i], "%zu", i);
		cr_expect_eq(answer.opaque[i].part_index, (uint32_t)(i == 4));
	}
}

Test(gemini_answers, parts_that_are_not_read_are_kept)
{
	static const char code[] =
		"{\"executableCode\":{\"code\":\"1\"},\"thoughtSignature\":\"s\"}";
	static const char image[] =
		"{\"thought\":true,\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"?\"}}";
	char parts[300];

	snprintf(parts, sizeof(parts), "[%s,{\"text\":\"t\"},%s]", code, image);
	cr_expect_eq(parse_parts(parts, ""), 0);
	cr_assert_eq(answer.n_opaque, 2u);
	cr_expect_str_eq(answer.opaque[0].kind.ptr, "part");
	cr_expect_str_eq(answer.opaque[0].data.ptr, code);
	cr_expect_str_eq(answer.opaque[1].data.ptr, image);
	cr_expect_eq(answer.opaque[0].part, 0u);
	cr_expect_str_eq(answer.text.ptr, "t");
}

Test(gemini_answers, U_12_parts_that_make_no_sense)
{
	static const char *const parts[] = {"[7]", "[[]]", "[null]", "[{\"text\":7}]",
		"[{\"text\":\"a\"},{\"thought\":1}]", "[{\"thoughtSignature\":{}}]",
		"[{\"functionCall\":7}]", "[{\"functionCall\":{}}]",
		"[{\"functionCall\":{\"name\":\"\"}}]", "[{\"functionCall\":{\"name\":7}}]",
		"[{\"functionCall\":{\"name\":\"f\",\"args\":[1]}}]",
		"[{\"functionCall\":{\"name\":\"f\",\"args\":\"{}\"}}]", "[{\"inlineData\":7}]",
		"[{\"inlineData\":{\"mimeType\":\"image/png\"}}]",
		"[{\"inlineData\":{\"data\":\"AAAA\"}}]",
		"[{\"inlineData\":{\"mimeType\":7,\"data\":\"AAAA\"}}]"};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		cr_expect_eq(parse_parts(parts[i], ""), LLM_E_PROTOCOL, "%s", parts[i]);
		cr_expect_eq(answer.n_events, 0u, "%s", parts[i]);
	}
}

Test(gemini_answers, what_stands_beside)
{
	cr_expect_eq(parse_parts("[{\"text\":\"t\"}]", ",\"logprobsResult\":{\"a\":1}"), 0);
	cr_expect_str_eq(answer.meta[LLM_META_LOGPROBS].ptr, "[{\"a\":1}]");
	cr_expect_eq(
		parse("{\"candidates\":[{\"finishReason\":\"OTHER\",\"finishMessage\":\"w\\n\"}],"
		      "\"modelStatus\":{\"modelStage\":\"DEPRECATED\",\"message\":\"m\"}}"),
		0);
	cr_expect_eq(answer.n_warnings, 2u);
	cr_expect(strstr(answer.warnings.ptr, "being retired: m"));
	cr_expect(strstr(answer.warnings.ptr, "Gemini: w\n"));
	cr_expect_eq(parse("{\"candidates\":[{\"finishReason\":\"STOP\"}],"
			   "\"modelStatus\":{\"modelStage\":\"STABLE\",\"message\":\"m\"}}"),
		0);
	cr_expect_eq(answer.n_warnings, 0u);
	cr_expect_eq(
		parse("{\"candidates\":[{\"index\":1,\"finishReason\":\"STOP\",\"content\":"
		      "{\"parts\":[{\"text\":\"no\"}]}},{\"index\":0,\"finishReason\":\"STOP\","
		      "\"content\":{\"parts\":[{\"text\":\"yes\"}]}}]}"),
		0);
	cr_expect_str_eq(answer.text.ptr, "yes");
}

/* ---- finish ---- */

Test(gemini_answers, R_ERR_5_finish_reasons)
{
	static const struct {
		const char *word;
		uint32_t reason;
	} rows[] = {
		{"STOP", LLM_FINISH_STOP},
		{"MAX_TOKENS", LLM_FINISH_LENGTH},
		{"CONTINUATION", LLM_FINISH_LENGTH},
		{"SAFETY", LLM_FINISH_CONTENT_FILTER},
		{"RECITATION", LLM_FINISH_CONTENT_FILTER},
		{"BLOCKLIST", LLM_FINISH_CONTENT_FILTER},
		{"PROHIBITED_CONTENT", LLM_FINISH_CONTENT_FILTER},
		{"SPII", LLM_FINISH_CONTENT_FILTER},
		{"IMAGE_SAFETY", LLM_FINISH_CONTENT_FILTER},
		{"IMAGE_PROHIBITED_CONTENT", LLM_FINISH_CONTENT_FILTER},
		{"IMAGE_RECITATION", LLM_FINISH_CONTENT_FILTER},
		{"LANGUAGE", LLM_FINISH_OTHER},
		{"OTHER", LLM_FINISH_OTHER},
		{"NO_IMAGE", LLM_FINISH_OTHER},
		{"IMAGE_OTHER", LLM_FINISH_OTHER},
		{"FINISH_REASON_UNSPECIFIED", LLM_FINISH_OTHER},
		{"NEVER_HEARD_OF", LLM_FINISH_OTHER},
		{"stop", LLM_FINISH_OTHER},
	};
	char text[200];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "{\"candidates\":[{\"finishReason\":\"%s\"}]}",
			rows[i].word);
		cr_expect_eq(parse(text), 0);
		cr_expect_eq(answer.finish, rows[i].reason, "%s", rows[i].word);
		cr_expect_str_eq(answer.finish_raw.ptr, rows[i].word);
	}
}

Test(gemini_answers, R_ERR_5_finish_reasons_that_are_failures)
{
	static const char *const words[] = {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL",
		"TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE"};
	char text[300];
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(text, sizeof(text),
			"{\"candidates\":[{\"finishReason\":\"%s\",\"content\":{\"parts\":["
			"{\"text\":\"so far\"}]}}]}",
			words[i]);
		cr_expect_eq(parse(text), 0);
		cr_assert_eq(answer.n_errors, 1, "%s", words[i]);
		cr_expect_str_eq(answer.facts.code.ptr, words[i]);
		cr_expect(strstr(answer.facts.message.ptr, "malformed"));
		cr_expect_str_eq(answer.text.ptr, "so far");
		cr_expect_eq(classify_reply(200, &answer.facts, p.info->error_rules).code,
			LLM_E_PROTOCOL);
	}
}

Test(gemini_answers, R_ERR_5_no_candidates)
{
	static const struct {
		const char *body;
		int32_t code;
		const char *raw;
	} rows[] = {
		{"{\"promptFeedback\":{\"blockReason\":\"OTHER\"}}", 0, "OTHER"},
		{"{\"promptFeedback\":{\"blockReason\":\"\"}}", 0, "BLOCK_REASON_UNSPECIFIED"},
		{"{\"promptFeedback\":{}}", 0, "BLOCK_REASON_UNSPECIFIED"},
		{"{\"promptFeedback\":{},\"candidates\":[]}", 0, "BLOCK_REASON_UNSPECIFIED"},
		{"{\"promptFeedback\":{},\"candidates\":null}", 0, "BLOCK_REASON_UNSPECIFIED"},
		{"{\"promptFeedback\":null}", LLM_E_PROTOCOL, NULL},
		{"{\"promptFeedback\":7,\"candidates\":[]}", LLM_E_PROTOCOL, NULL},
		{"{\"candidates\":[]}", LLM_E_PROTOCOL, NULL},
		{"{}", LLM_E_PROTOCOL, NULL},
		{"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"t\"}]}}]}", LLM_E_PROTOCOL,
			NULL},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(parse(rows[i].body), rows[i].code, "%s", rows[i].body);
		cr_expect_eq(answer.n_finish, rows[i].raw != NULL);
		if (!rows[i].raw)
			continue;
		cr_expect_eq(answer.finish, (uint32_t)LLM_FINISH_CONTENT_FILTER);
		cr_expect_str_eq(answer.finish_raw.ptr, rows[i].raw);
	}
}

/* ---- usage ---- */

Test(gemini_answers, R_COST_1_R_COST_2_U_22_usage)
{
	static const struct {
		const char *usage;
		int64_t input, output, cached, thoughts;
	} rows[] = {
		{"{\"promptTokenCount\":5,\"candidatesTokenCount\":2,\"thoughtsTokenCount\":3,"
		 "\"toolUsePromptTokenCount\":4,\"cachedContentTokenCount\":1}",
			9, 5, 1, 3},
		{"{\"promptTokenCount\":\"5\",\"candidatesTokenCount\":\"2\"}", 5, 2, -1, -1},
		{"{\"promptTokenCount\":5,\"totalTokenCount\":5}", 5, 0, -1, -1},
		{"{\"promptTokenCount\":5,\"totalTokenCount\":9}", 5, 4, -1, -1},
		{"{\"promptTokenCount\":5,\"totalTokenCount\":4}", 5, -1, -1, -1},
		{"{\"promptTokenCount\":5}", 5, -1, -1, -1},
		{"{\"thoughtsTokenCount\":3}", -1, 3, -1, 3},
		{"{\"promptTokenCount\":-5,\"candidatesTokenCount\":2}", -1, 2, -1, -1},
		{"{\"promptTokenCount\":1.5,\"candidatesTokenCount\":\"x\"}", -1, -1, -1, -1},
		{"{\"promptTokenCount\":9223372036854775807,\"toolUsePromptTokenCount\":1,"
		 "\"candidatesTokenCount\":2}",
			-1, 2, -1, -1},
		{"{\"promptTokenCount\":9223372036854775808,\"candidatesTokenCount\":2}", -1, 2, -1,
			-1},
		{"{}", -1, -1, -1, -1},
		{"null", -1, -1, -1, -1},
		{"[]", -1, -1, -1, -1},
	};
	char text[400];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
			"{\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":%s}",
			rows[i].usage);
		cr_expect_eq(parse(text), 0);
		cr_expect_eq(answer.usage.input_tokens, rows[i].input, "%s", text);
		cr_expect_eq(answer.usage.output_tokens, rows[i].output, "%s", text);
		cr_expect_eq(answer.usage.cache_read_tokens, rows[i].cached, "%s", text);
		cr_expect_eq(answer.usage.reasoning_tokens, rows[i].thoughts, "%s", text);
		if (answer.n_usage)
			cr_expect_str_eq(answer.meta[LLM_META_USAGE_RAW].ptr, rows[i].usage);
	}
}

/* ---- models ---- */

Test(gemini_answers, U_12_lists_of_models)
{
	static const struct {
		const char *body;
		int32_t rc;
		size_t n;
		const char *next;
	} rows[] = {
		{"{\"models\":[{\"name\":\"models/a\"},{},7,{\"name\":null},{\"name\":\"b\"}]}", 0,
			2, ""},
		{"{\"models\":[],\"nextPageToken\":\"a\\u0062\"}", 0, 0, "ab"},
		{"{}", 0, 0, ""},
		{"{\"models\":null,\"nextPageToken\":7}", 0, 0, ""},
		{"{\"models\":7}", LLM_E_PROTOCOL, 0, ""},
		{"{\"models\":[{\"name\":\"a\"}]", LLM_E_PROTOCOL, 1, ""},
		{"[]", LLM_E_PROTOCOL, 0, ""},
		{"", LLM_E_PROTOCOL, 0, ""},
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
		cr_expect_str_eq(m.cursor.ptr ? m.cursor.ptr : "", rows[i].next);
		plug_models_done(&m);
	}
}

Test(gemini_answers, pages_and_single_models)
{
	static const char body_of[] =
		"{\"name\":\"models/gemini-3.8-flash\",\"displayName\":\"G\",\"inputTokenLimit\":\"7\","
		"\"outputTokenLimit\":8,\"supportedGenerationMethods\":[7,\"countTokens\"]}";
	const llm_models_ext *list = p.v->get_extension(p.instance, LLM_EXT_MODELS);
	const llm_model_ext *one = p.v->get_extension(p.instance, LLM_EXT_MODEL);
	llm_reply_view reply = {
		(uint32_t)sizeof(reply), 200, NULL, 0, {body_of, sizeof(body_of) - 1}, NULL};
	plug_models m;

	cr_expect_eq(list->build(p.instance, NULL, &http.sink), 0);
	cr_expect_str_eq(http.path.ptr, "/v1beta/models?pageSize=1000");
	plug_clear(&http.path);
	cr_expect_eq(list->build(p.instance, "a+/=&b", &http.sink), 0);
	cr_expect_str_eq(http.path.ptr, "/v1beta/models?pageSize=1000&pageToken=a%2B%2F%3D%26b");
	plug_clear(&http.path);
	cr_expect_eq(one->build(p.instance, "models/x y", &http.sink), 0);
	cr_expect_str_eq(http.path.ptr, "/v1beta/models/x%20y");
	plug_models_init(&m);
	cr_expect_eq(one->parse(p.instance, "x", &reply, &m.sink), 0);
	cr_assert_eq(m.n, 1u);
	cr_expect_str_eq(m.rows[0].name.ptr, "gemini-3.8-flash");
	cr_expect_eq(m.rows[0].caps.max_input_tokens, 7);
	cr_expect_eq(m.rows[0].caps.max_output_tokens, 8);
	cr_expect_eq(m.rows[0].caps.chat, (uint32_t)LLM_CAP_NO);
	reply.body = (llm_bytes){"{}", 2};
	cr_expect_eq(one->parse(p.instance, "x", &reply, &m.sink), LLM_E_PROTOCOL);
	plug_models_done(&m);
}
