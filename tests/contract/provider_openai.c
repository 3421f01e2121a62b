/*
 * openai.so: what it describes, what it makes of requests, what it refuses, and the shapes
 * of answers that look-alikes send.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "support/neutral.h"

#define FILE_NAME TEST_BINARY_DIR "/plugins/openai.so"

static plug p;
static json_t *request;
static llm_request_view rq;
static plug_http http;
static plug_answer answer;

static void open_with(const char *const *config)
{
	plug_close(&p);
	cr_assert_eq(plug_open(&p, FILE_NAME, config), 0);
}

static void set_up(void)
{
	cr_assert_eq(plug_open(&p, FILE_NAME, NULL), 0);
	plug_http_init(&http);
	plug_answer_init(&answer);
}

static void tear_down(void)
{
	json_decref(request);
	plug_http_done(&http);
	plug_answer_done(&answer);
	plug_close(&p);
}

TestSuite(provider_openai, .init = set_up, .fini = tear_down);

static void ask(const char *text)
{
	json_decref(request);
	request = neutral_json(text);
	cr_assert(request, "%s", text);
	cr_assert_eq(neutral_view(&p, request, 0, &rq), 0, "%s", text);
}

static void ask_hi(void)
{
	ask("{'model':'m','messages':[{'role':'user','parts':[{'text':'hi'}]}]}");
}

static int32_t build(void)
{
	plug_http_done(&http);
	plug_http_init(&http);
	plug_begin(&p);
	return p.v->build_request(p.instance, &rq, &http.sink);
}

static void body_has(const char *key, const char *want)
{
	json_t *body = json_loads(http.body.ptr ? http.body.ptr : "", JSON_REJECT_DUPLICATES, NULL);
	json_t *expected = want ? neutral_json(want) : NULL;

	cr_assert(body, "the body is %s", http.body.ptr);
	cr_expect(neutral_same(json_object_get(body, key), expected), "%s in %s", key,
		http.body.ptr);
	json_decref(expected);
	json_decref(body);
}

static void refused(int32_t code, const char *text)
{
	cr_expect_eq(build(), code, "%s", text);
	cr_expect(p.error.ptr && strstr(p.error.ptr, text), "%s", p.error.ptr);
}

/* ---- describe, configuration ---- */

Test(provider_openai, describes_itself)
{
	llm_caps caps = { .struct_size = (uint32_t)sizeof(caps) };

	cr_expect_str_eq(p.desc->id, "org.libllm.openai");
	cr_expect_str_eq(p.info->default_base_url, "https://api.openai.com/v1");
	cr_expect_str_eq(p.info->base_url_env, "OPENAI_BASE_URL");
	cr_expect_str_eq(p.info->key_env[0], "OPENAI_API_KEY");
	cr_expect_eq(p.info->flags, LLM_PROVIDER_NEEDS_KEY | LLM_PROVIDER_EOF_ENDS);
	cr_expect_eq(p.v->capabilities(p.instance, "m", &caps), 0);
	cr_expect_eq(caps.framing, (uint32_t)LLM_FRAMING_SSE);
	cr_expect_eq(caps.auth, (uint32_t)LLM_AUTH_BEARER);
	cr_expect_eq(caps.tools, (uint32_t)LLM_CAP_NO);
	cr_expect_eq(caps.json_schema, (uint32_t)LLM_CAP_NO);
	cr_expect_null(p.v->get_extension(p.instance, LLM_EXT_STATE));
}

Test(provider_openai, name_of_the_output_limit)
{
	static const struct {
		const char *config[5];
		const char *field;
	} rows[] = {
		{ { NULL }, "max_completion_tokens" },
		{ { "base_url", "https://api.openai.com/v1", NULL }, "max_completion_tokens" },
		{ { "base_url", "https://r.openai.azure.com/openai/v1", NULL },
			"max_completion_tokens" },
		{ { "base_url", "http://127.0.0.1:8000/v1", NULL }, "max_tokens" },
		{ { "base_url", "https://api.openai.com.example/v1", NULL }, "max_tokens" },
		{ { "base_url", "http://[::1]:8000/v1", "max_tokens_field", "auto", NULL },
			"max_tokens" },
		{ { "max_tokens_field", "max_tokens", NULL }, "max_tokens" },
		{ { "base_url", "http://h/v1", "max_tokens_field", "max_completion_tokens", NULL },
			"max_completion_tokens" },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_with(rows[i].config);
		ask("{'model':'m','messages':[],'numbers':{'max_output_tokens':9}}");
		cr_expect_eq(build(), 0);
		body_has(rows[i].field, "9");
	}
}

Test(provider_openai, configuration_that_is_wrong)
{
	static const char *const config[] = { "max_tokens_field", "tokens", NULL };
	plug q;

	cr_expect_eq(plug_open(&q, FILE_NAME, config), LLM_E_CONFIG);
	cr_expect(strstr(q.error.ptr, "max_tokens_field"));
	plug_close(&q);
}

Test(provider_openai, usage_is_asked_for_unless_switched_off)
{
	static const char *const off[] = { "include_usage", "false", NULL };

	ask_hi();
	rq.stream = 1;
	cr_expect_eq(build(), 0);
	body_has("stream_options", "{'include_usage':true}");
	open_with(off);
	ask_hi();
	rq.stream = 1;
	cr_expect_eq(build(), 0);
	body_has("stream_options", NULL);
	body_has("stream", "true");
	rq.stream = 0;
	cr_expect_eq(build(), 0);
	body_has("stream_options", NULL);
	body_has("stream", "false");
}

/* ---- requests ---- */

Test(provider_openai, numbers_and_stop)
{
	ask("{'model':'m','messages':[],'stop':['a'],'numbers':{'temperature':0,'top_p':0.5,"
		"'seed':-3,'presence_penalty':-0.5,'frequency_penalty':2}}");
	cr_expect_eq(build(), 0);
	body_has("temperature", "0");
	body_has("top_p", "0.5");
	body_has("seed", "-3");
	body_has("presence_penalty", "-0.5");
	body_has("frequency_penalty", "2");
	body_has("stop", "['a']");
	cr_expect_str_eq(http.path.ptr, "/chat/completions");
}

Test(provider_openai, system_text_is_one_message_at_the_start)
{
	ask("{'model':'m','messages':[{'role':'system','parts':[{'text':'a'}]},"
		"{'role':'user','parts':[{'text':'b'},{'text':'c'}]},"
		"{'role':'system','parts':[{'text':'d'}]},"
		"{'role':'assistant','parts':[{'text':'e'},{'text':'f'}]}]}");
	cr_expect_eq(build(), 0);
	cr_expect_eq(http.n_warnings, 0);
	body_has("messages", "[{'role':'system','content':'a\\n\\nd'},"
		"{'role':'user','content':[{'type':'text','text':'b'},{'type':'text','text':'c'}]},"
		"{'role':'assistant','content':'ef'}]");
}

Test(provider_openai, reasoning_of_earlier_turns_is_left_out_and_told)
{
	ask("{'model':'m','messages':[{'role':'assistant','parts':[{'reasoning':'r'},"
		"{'text':'t'}]}]}");
	cr_expect_eq(build(), 0);
	cr_expect_eq(http.n_warnings, 1);
	body_has("messages", "[{'role':'assistant','content':'t'}]");
}

Test(provider_openai, end_user_has_two_names)
{
	static const char *const other[] = { "base_url", "http://h/v1", NULL };

	ask_hi();
	rq.end_user = "u";
	cr_expect_eq(build(), 0);
	body_has("safety_identifier", "'u'");
	open_with(other);
	ask_hi();
	rq.end_user = "u";
	cr_expect_eq(build(), 0);
	body_has("user", "'u'");
}

Test(provider_openai, extra_joins_but_may_not_write_the_plugins_members)
{
	ask("{'model':'m','messages':[],'extra':{'reasoning_effort':'low','top_k':4}}");
	cr_expect_eq(build(), 0);
	body_has("reasoning_effort", "'low'");
	body_has("top_k", "4");
	ask("{'model':'m','messages':[],'extra':{'max_tokens':4}}");
	refused(LLM_E_INVALID_REQUEST, "max_tokens");
	ask("{'model':'m','messages':[],'extra':{'stream_options':{}}}");
	refused(LLM_E_INVALID_REQUEST, "stream_options");
}

Test(provider_openai, what_comes_later_is_refused)
{
	ask("{'model':'m','messages':[],'tools':[{'name':'f'}]}");
	refused(LLM_E_UNSUPPORTED, "tools");
	ask("{'model':'m','messages':[],'format':'json'}");
	refused(LLM_E_UNSUPPORTED, "format");
	ask("{'model':'m','messages':[],'reasoning':'low'}");
	refused(LLM_E_UNSUPPORTED, "reasoning");
	ask("{'model':'m','messages':[],'logprobs':true}");
	refused(LLM_E_UNSUPPORTED, "logprobs");
	ask("{'model':'m','messages':[{'role':'user','parts':[{'image_base64':'AAAA',"
		"'media_type':'image/png'}]}]}");
	refused(LLM_E_UNSUPPORTED, "text only");
	ask("{'model':'m','messages':[{'role':'assistant','parts':[{'tool_call':{'id':'1',"
		"'name':'f','arguments':'{}'}}]}]}");
	refused(LLM_E_UNSUPPORTED, "tools");
	ask("{'model':'m','messages':[{'role':'tool','parts':[]}]}");
	refused(LLM_E_UNSUPPORTED, "tools");
}

Test(provider_openai, what_cannot_be_honoured_is_refused)
{
	static const uint64_t bits[] = { LLM_HAS_TOP_K, LLM_HAS_MIN_P, LLM_HAS_REPEAT_PENALTY };
	size_t i;

	ask_hi();
	for (i = 0; i < 3; i++) {
		rq.has = bits[i];
		refused(LLM_E_UNSUPPORTED, "top_k");
	}
	rq.has = LLM_HAS_CHOICES;
	rq.choices = 2;
	refused(LLM_E_UNSUPPORTED, "one answer");
	ask_hi();
	rq.safety = (llm_bytes){ "[]", 2 };
	refused(LLM_E_UNSUPPORTED, "safety");
	ask_hi();
	rq.continue_last_turn = 1;
	refused(LLM_E_UNSUPPORTED, "continue");
	ask("{'model':'m','messages':[],'options':{'num_ctx':1}}");
	refused(LLM_E_UNSUPPORTED, "num_ctx");
	ask("{'model':'','messages':[]}");
	refused(LLM_E_INVALID_REQUEST, "no model");
	ask("{'model':'m','messages':[{'role':'user','parts':[{'reasoning':'r'}]}]}");
	refused(LLM_E_INVALID_REQUEST, "assistant");
}

/* ---- answers ---- */

static int32_t parse(const char *body)
{
	llm_reply_view reply = { (uint32_t)sizeof(reply), 200, NULL, 0, { body, strlen(body) }, NULL };

	plug_answer_done(&answer);
	plug_answer_init(&answer);
	plug_begin(&p);
	return p.v->parse_response(p.instance, &reply, &answer.sink);
}

static uint32_t finish_of(const char *reason, const char *members)
{
	char body[400];

	snprintf(body, sizeof(body), "{\"choices\":[{\"message\":{\"content\":\"x\"%s},"
		"\"finish_reason\":%s}]}", members, reason);
	cr_expect_eq(parse(body), 0, "%s", body);
	return answer.finish;
}

Test(provider_openai, every_finish_reason)
{
	static const struct {
		const char *word;
		uint32_t want;
	} rows[] = {
		{ "\"stop\"", LLM_FINISH_STOP }, { "\"eos\"", LLM_FINISH_STOP },
		{ "\"end_turn\"", LLM_FINISH_STOP }, { "\"stop_sequence\"", LLM_FINISH_STOP },
		{ "\"length\"", LLM_FINISH_LENGTH }, { "\"max_tokens\"", LLM_FINISH_LENGTH },
		{ "\"model_length\"", LLM_FINISH_LENGTH },
		{ "\"tool_calls\"", LLM_FINISH_TOOL_CALLS },
		{ "\"tool_use\"", LLM_FINISH_TOOL_CALLS },
		{ "\"function_call\"", LLM_FINISH_TOOL_CALLS },
		{ "\"content_filter\"", LLM_FINISH_CONTENT_FILTER },
		{ "\"safety\"", LLM_FINISH_CONTENT_FILTER },
		{ "\"refusal\"", LLM_FINISH_CONTENT_FILTER },
		{ "\"never_heard\"", LLM_FINISH_OTHER }, { "null", LLM_FINISH_STOP },
		{ "\"\"", LLM_FINISH_STOP },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(finish_of(rows[i].word, ""), rows[i].want, "%s", rows[i].word);
		cr_expect_eq(answer.n_finish, 1);
		cr_expect_eq(answer.n_errors, 0);
	}
	cr_expect_eq(finish_of("\"stop\"", ",\"tool_calls\":[{}]"), LLM_FINISH_TOOL_CALLS);
	cr_expect_eq(answer.n_warnings, 1);
	cr_expect_eq(finish_of("\"stop\"", ",\"tool_calls\":[]"), LLM_FINISH_STOP);
	cr_expect_eq(answer.n_warnings, 0);
}

/* With text there is a result, without any there is nothing but the finish: the core's to judge. */
Test(provider_openai, R_ERR_8_filtered_answers)
{
	cr_expect_eq(finish_of("\"content_filter\"", ""), LLM_FINISH_CONTENT_FILTER);
	cr_expect_str_eq(answer.text.ptr, "x");
	cr_expect_eq(parse("{\"choices\":[{\"message\":{\"content\":null},"
		"\"finish_reason\":\"content_filter\"}]}"), 0);
	cr_expect_eq(answer.finish, (uint32_t)LLM_FINISH_CONTENT_FILTER);
	cr_expect_eq(answer.text.len, 0);
	cr_expect_eq(answer.n_errors, 0);
	cr_expect_eq(parse("{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"No.\"},"
		"\"finish_reason\":\"stop\"}]}"), 0);
	cr_expect_eq(answer.finish, (uint32_t)LLM_FINISH_CONTENT_FILTER);
	cr_expect_str_eq(answer.text.ptr, "No.");
}

Test(provider_openai, finish_reasons_that_are_failures)
{
	static const char *const words[] = { "error", "insufficient_system_resource", "abort",
		"cancelled" };
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

Test(provider_openai, R_COST_1_usage_in_all_its_members)
{
	static const struct {
		const char *usage;
		int64_t want[5];
	} rows[] = {
		{ "{\"prompt_tokens\":9,\"completion_tokens\":2}", { 9, 2, -1, -1, -1 } },
		{ "{\"prompt_tokens\":0,\"completion_tokens\":0}", { 0, 0, -1, -1, -1 } },
		{ "{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":16,"
			"\"completion_tokens_details\":{\"reasoning_tokens\":5}}", { 9, 7, -1, -1, 5 } },
		{ "{\"prompt_tokens\":9,\"completion_tokens\":7,\"total_tokens\":16,"
			"\"completion_tokens_details\":{\"reasoning_tokens\":5}}", { 9, 7, -1, -1, 5 } },
		{ "{\"prompt_tokens\":9,\"prompt_tokens_details\":{\"cached_tokens\":4,"
			"\"cache_write_tokens\":1}}", { 9, -1, 4, 1, -1 } },
		{ "{\"prompt_tokens\":9,\"completion_tokens\":2,\"prompt_cache_hit_tokens\":3}",
			{ 9, 2, 3, -1, -1 } },
		{ "{\"prompt_tokens\":9,\"completion_tokens\":2,\"num_cached_tokens\":6}",
			{ 9, 2, 6, -1, -1 } },
		{ "{\"prompt_tokens\":-1,\"completion_tokens\":\"2\"}", { -1, -1, -1, -1, -1 } },
		{ "{\"prompt_tokens\":1.5,\"completion_tokens\":2.0}", { -1, 2, -1, -1, -1 } },
		{ "null", { -1, -1, -1, -1, -1 } },
		{ "[7]", { -1, -1, -1, -1, -1 } },
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

Test(provider_openai, content_in_parts_and_choices_out_of_order)
{
	cr_expect_eq(parse("\n\n {\"choices\":[{\"index\":1,\"message\":{\"content\":\"no\"},"
		"\"finish_reason\":\"length\"},{\"index\":0,\"message\":{\"content\":["
		"{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"th\\u00e9\"}]},"
		"{\"type\":\"text\",\"text\":\"yes\"},{\"type\":\"reference\"},7]},"
		"\"finish_reason\":\"stop\"}]}"), 0);
	cr_expect_str_eq(answer.text.ptr, "yes");
	cr_expect_str_eq(answer.reasoning.ptr, "th\xc3\xa9");
	cr_expect_eq(answer.finish, (uint32_t)LLM_FINISH_STOP);
}

/* ---- streams ---- */

static void *stream;

static void open_stream(void)
{
	static const llm_header_view id = { "X-Request-Id", "req_1" };
	static const llm_header_view *const headers[] = { &id };
	llm_reply_view head = { (uint32_t)sizeof(head), 200, headers, 1, { "", 0 }, NULL };

	plug_answer_done(&answer);
	plug_answer_init(&answer);
	plug_begin(&p);
	cr_assert_eq(p.v->stream_open(p.instance, &head, &stream), 0);
}

static int32_t push(const char *data)
{
	llm_frame_view f = { (uint32_t)sizeof(f), 0, { "", 0 }, { data, strlen(data) }, { "", 0 } };

	plug_begin(&p);
	return p.v->stream_frame(p.instance, stream, &f, &answer.sink);
}

static uint32_t close_stream(void)
{
	llm_bytes residue = { "", 0 };
	uint32_t complete = 77;

	plug_begin(&p);
	cr_expect_eq(p.v->stream_close(p.instance, stream, &residue, NULL, &complete), 0);
	plug_attempt_ends(&p);
	return complete;
}

#define SAID "{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}"
#define STOPPED "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}"

Test(provider_openai, U_13_ends_of_streams)
{
	static const struct {
		const char *frames[4];
		uint32_t complete;
		uint32_t finish;
	} rows[] = {
		{ { SAID, STOPPED, "[DONE]", NULL }, 1, LLM_FINISH_STOP },
		{ { SAID, STOPPED, NULL, NULL }, 1, LLM_FINISH_STOP },
		{ { SAID, "[DONE] ", NULL, NULL }, 1, LLM_FINISH_STOP },
		{ { SAID, NULL, NULL, NULL }, 0, LLM_FINISH_NONE },
		{ { "[DONE]", NULL, NULL, NULL }, 0, LLM_FINISH_NONE },
		{ { NULL, NULL, NULL, NULL }, 0, LLM_FINISH_NONE },
		{ { STOPPED, "{\"error\":{\"message\":\"x\"}}", NULL, NULL }, 0, LLM_FINISH_STOP },
		{ { STOPPED, "[DONE]", SAID, NULL }, 1, LLM_FINISH_STOP },
	};
	size_t i, k;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_stream();
		for (k = 0; k < 4 && rows[i].frames[k]; k++)
			cr_expect_geq(push(rows[i].frames[k]), 0);
		cr_expect_eq(answer.finish, rows[i].finish, "row %zu", i);
		cr_expect_leq(answer.text.len, 1u, "row %zu", i);
		cr_expect_eq(close_stream(), rows[i].complete, "row %zu", i);
	}
}

Test(provider_openai, end_mark_is_the_last_frame)
{
	open_stream();
	cr_expect_eq(push(SAID), 0);
	cr_expect_eq(push(STOPPED), 0, "usage may follow");
	cr_expect_eq(push("[DONE]"), LLM_FRAME_LAST);
	cr_expect_str_eq(answer.meta[LLM_META_REQUEST_ID].ptr, "req_1");
	close_stream();
}

Test(provider_openai, an_error_key_that_is_empty_is_no_error)
{
	static const char *const errors[] = { "null", "\"\"", "{}", "false", "[]", "0" };
	char data[200];
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		open_stream();
		snprintf(data, sizeof(data), "{\"error\":%s,\"choices\":[{\"delta\":"
			"{\"content\":\"x\"}}]}", errors[i]);
		cr_expect_eq(push(data), 0, "%s", data);
		cr_expect_eq(answer.n_errors, 0, "%s", data);
		cr_expect_eq(answer.text.len, 1u, "%s", data);
		close_stream();
	}
}

Test(provider_openai, errors_in_streams_have_a_status)
{
	static const struct {
		const char *data;
		int32_t status;
		const char *message;
	} rows[] = {
		{ "{\"error\":{\"message\":\"a\",\"code\":429}}", 429, "a" },
		{ "{\"error\":{\"message\":\"a\",\"code\":\"502\"}}", 502, "a" },
		{ "{\"error\":{\"message\":\"a\",\"code\":\"x\"}}", 500, "a" },
		{ "{\"error\":{\"message\":\"a\",\"code\":200}}", 500, "a" },
		{ "{\"error\":\"a\"}", 500, "a" },
		{ "{\"object\":\"error\",\"message\":\"a\",\"code\":400}", 400, "a" },
		{ "{\"error\":{\"code\":5}}", 500, "{\"code\":5}" },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_stream();
		cr_expect_eq(push(rows[i].data), 0);
		cr_assert_eq(answer.n_errors, 1, "%s", rows[i].data);
		cr_expect_eq(answer.facts.status, rows[i].status, "%s", rows[i].data);
		cr_expect_str_eq(answer.facts.message.ptr, rows[i].message);
		cr_expect_str_eq(answer.facts.request_id.ptr, "req_1");
		cr_expect_eq(close_stream(), 0u);
	}
}

/* ---- models ---- */

Test(provider_openai, U_12_lists_of_models)
{
	static const struct {
		const char *body;
		int32_t rc;
		size_t n;
		int64_t window;
	} rows[] = {
		{ "{\"data\":[{\"id\":\"a\",\"max_model_len\":8}]}", 0, 1, 8 },
		{ "[{\"id\":\"a\",\"context_length\":9}]", 0, 1, 9 },
		{ "{\"data\":[{\"id\":\"a\",\"context_window\":\"x\"},{},7,{\"id\":null}]}", 0, 1, 0 },
		{ "{\"data\":[]}", 0, 0, 0 },
		{ "{\"data\":7}", LLM_E_PROTOCOL, 0, 0 },
		{ "{}", LLM_E_PROTOCOL, 0, 0 },
		{ "[", LLM_E_PROTOCOL, 0, 0 },
		{ "", LLM_E_PROTOCOL, 0, 0 },
	};
	const llm_models_ext *e = p.v->get_extension(p.instance, LLM_EXT_MODELS);
	plug_models m;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		llm_reply_view reply = { (uint32_t)sizeof(reply), 200, NULL, 0,
			{ rows[i].body, strlen(rows[i].body) }, NULL };

		plug_models_init(&m);
		plug_begin(&p);
		cr_expect_eq(e->parse(p.instance, &reply, &m.sink), rows[i].rc, "%s", rows[i].body);
		cr_expect_eq(m.n, rows[i].n, "%s", rows[i].body);
		if (m.n)
			cr_expect_eq(m.rows[0].context_tokens, rows[i].window);
		plug_models_done(&m);
	}
}
