/*
 * ollama.so: counts, finish reasons and large texts of answers, and what it reads of models.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/plug.h"

static plug p;

static void set_up(void)
{
	cr_assert_eq(plug_open(&p, TEST_BINARY_DIR "/plugins/ollama.so", NULL), 0);
}

static void tear_down(void)
{
	plug_close(&p);
}

TestSuite(provider_ollama_answers, .init = set_up, .fini = tear_down);

static int32_t parse(const char *body, size_t len, plug_answer *a)
{
	llm_reply_view reply = {(uint32_t)sizeof(reply), 200, NULL, 0, {body, len}, NULL};

	plug_begin(&p);
	return p.v->parse_response(p.instance, &reply, &a->sink);
}

/* ---- answers ---- */

Test(provider_ollama_answers, every_finish_reason)
{
	static const struct {
		const char *members;
		uint32_t want;
		const char *raw;
	} rows[] = {
		{"", LLM_FINISH_STOP, ""},
		{",\"done_reason\":\"stop\"", LLM_FINISH_STOP, "stop"},
		{",\"done_reason\":\"\"", LLM_FINISH_STOP, ""},
		{",\"done_reason\":\"length\"", LLM_FINISH_LENGTH, "length"},
		{",\"done_reason\":\"load\"", LLM_FINISH_STOP, "load"},
		{",\"done_reason\":\"unload\"", LLM_FINISH_STOP, "unload"},
		{",\"done_reason\":\"new \\u00e9\"", LLM_FINISH_OTHER, "new \xc3\xa9"},
	};
	static const char calls[] = ",\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]";
	plug_answer a;
	char body[300];
	size_t i, called;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]) * 2; i++) {
		uint32_t want = rows[i / 2].want;

		called = i % 2;
		if (called && want == LLM_FINISH_STOP && !strstr(rows[i / 2].raw, "load"))
			want = LLM_FINISH_TOOL_CALLS;
		snprintf(body, sizeof(body), "{\"message\":{\"content\":\"\"%s},\"done\":true%s}",
			called ? calls : "", rows[i / 2].members);
		plug_answer_init(&a);
		cr_expect_eq(parse(body, strlen(body), &a), 0, "%s", body);
		cr_expect_eq(a.finish, want, "%s", body);
		cr_expect_str_eq(a.finish_raw.ptr, rows[i / 2].raw);
		cr_expect_eq(a.n_calls, called);
		plug_answer_done(&a);
	}
}

/* Without its end a whole answer is none, but what there is of it is not lost. */
Test(provider_ollama_answers, a_whole_answer_must_be_done)
{
	static const char *const ends[] = {",\"done\":false", ""};
	plug_answer a;
	char body[100];
	size_t i;

	for (i = 0; i < 2; i++) {
		snprintf(body, sizeof(body), "{\"message\":{\"content\":\"x\"}%s}", ends[i]);
		plug_answer_init(&a);
		cr_expect_eq(parse(body, strlen(body), &a), LLM_E_PROTOCOL);
		cr_expect_str_eq(a.text.ptr, "x");
		cr_expect_eq(a.n_finish, 0);
		plug_answer_done(&a);
	}
}

/* The key that v0.11.3 sent in place of "error". */
Test(provider_ollama_answers, an_object_without_message_and_error_makes_no_sense)
{
	static const char body[] = "{\"error parsing tool call\":\"raw\"}";
	plug_answer a;

	plug_answer_init(&a);
	cr_expect_eq(parse(body, sizeof(body) - 1, &a), LLM_E_PROTOCOL);
	cr_expect_eq(a.n_events, 0u);
	plug_answer_done(&a);
}

/* An error line in a stream has no status of its own: the runner's code, else 500. */
Test(provider_ollama_answers, errors_in_an_answer_have_a_status)
{
	static const struct {
		const char *body;
		int32_t status;
	} rows[] = {
		{"{\"error\":\"x\"}", 500},
		{"{\"error\":\"{\\\"error\\\":{\\\"code\\\":400,\\\"message\\\":\\\"x\\\"}}\"}",
			400},
		{"{\"error\":{\"code\":503,\"message\":\"x\"}}", 503},
		{"{\"error\":{\"code\":200,\"message\":\"x\"}}", 500},
	};
	plug_answer a;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		plug_answer_init(&a);
		cr_expect_eq(parse(rows[i].body, strlen(rows[i].body), &a), 0);
		cr_expect_eq(a.n_errors, 1);
		cr_expect_eq(a.facts.status, rows[i].status, "%s", rows[i].body);
		cr_expect_str_eq(a.facts.message.ptr, "x");
		plug_answer_done(&a);
	}
}

Test(provider_ollama_answers, U_12_numbers_that_are_no_counts)
{
	static const char *const numbers[] = {"-1", "-0", "1.5", "1e400", "9223372036854775807",
		"9223372036854775808", "-9223372036854775809", "1e2", "2.0", "1e-1"};
	static const int64_t want[] = {-1, 0, -1, -1, INT64_MAX, -1, -1, 100, 2, -1};
	plug_answer a;
	char body[300];
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(body, sizeof(body),
			"{\"message\":{},\"done\":true,\"eval_count\":%s,"
			"\"load_duration\":%s}",
			numbers[i], numbers[i]);
		plug_answer_init(&a);
		cr_expect_eq(parse(body, strlen(body), &a), 0, "%s", body);
		cr_expect_eq(a.usage.output_tokens, want[i], "%s", body);
		cr_expect_eq(a.has_metric[LLM_METRIC_LOAD_MS], want[i] >= 0, "%s", body);
		plug_answer_done(&a);
	}
}

Test(provider_ollama_answers, a_count_that_is_left_out_is_unknown)
{
	static const char body[] = "{\"message\":{\"content\":\"\"},\"done\":true,"
				   "\"eval_count\":3}";
	plug_answer a;

	plug_answer_init(&a);
	cr_expect_eq(parse(body, sizeof(body) - 1, &a), 0);
	cr_expect_eq(a.usage.output_tokens, 3);
	cr_expect_eq(a.usage.input_tokens, LLM_TOKENS_UNKNOWN);
	cr_expect_eq(a.usage.reasoning_tokens, LLM_TOKENS_UNKNOWN);
	cr_expect_str_eq(a.meta[LLM_META_USAGE_RAW].ptr, "{\"eval_count\":3}");
	cr_expect_eq(a.finish, (uint32_t)LLM_FINISH_STOP);
	plug_answer_done(&a);
}

Test(provider_ollama_answers, U_12_a_text_of_ten_megabytes)
{
	static const char head[] = "{\"message\":{\"content\":\"";
	static const char tail[] = "\\n\"},\"done\":true}";
	const size_t big = 10u << 20;
	char *body = malloc(big + 100);
	size_t len = 0;
	plug_answer a;

	cr_assert(body);
	memcpy(body, head, sizeof(head) - 1);
	len = sizeof(head) - 1;
	memset(body + len, 'x', big);
	len += big;
	memcpy(body + len, tail, sizeof(tail) - 1);
	len += sizeof(tail) - 1;
	plug_answer_init(&a);
	cr_expect_eq(parse(body, len, &a), 0);
	cr_expect_eq(a.text.len, big + 1);
	plug_answer_done(&a);
	free(body);
}

/* ---- operations on models ---- */

static int32_t parse_list(const char *body, plug_models *m)
{
	const llm_state_ext *state = p.v->get_extension(p.instance, LLM_EXT_STATE);
	llm_reply_view reply = {(uint32_t)sizeof(reply), 200, NULL, 0, {body, strlen(body)}, NULL};

	plug_models_done(m);
	plug_models_init(m);
	plug_begin(&p);
	return state->parse(p.instance, &reply, &m->sink);
}

Test(provider_ollama_answers, U_12_lists_of_models_with_wrong_types)
{
	plug_models m;

	plug_models_init(&m);
	cr_expect_eq(parse_list("{\"models\":null}", &m), 0);
	cr_expect_eq(parse_list("{\"models\":[]}", &m), 0);
	cr_expect_eq(parse_list("{\"models\":[1,null,{},{\"name\":7},{\"name\":\"a\","
				"\"size\":\"x\","
				"\"details\":[],\"capabilities\":{},\"context_length\":-1,"
				"\"remote_host\":5}]}",
			     &m),
		0);
	cr_expect_eq(m.n, 1);
	cr_expect_eq(m.rows[0].size_bytes, 0);
	cr_expect_eq(m.rows[0].context_tokens, 0);
	cr_expect_eq(m.rows[0].loaded, 1u);
	cr_expect_eq(parse_list("{}", &m), LLM_E_PROTOCOL);
	cr_expect_eq(parse_list("{\"models\":7}", &m), LLM_E_PROTOCOL);
	cr_expect_eq(parse_list("[]", &m), LLM_E_PROTOCOL);
	cr_expect_eq(parse_list("{\"models\":[", &m), LLM_E_PROTOCOL);
	cr_expect_eq(parse_list("", &m), LLM_E_PROTOCOL);
	plug_models_done(&m);
}

Test(provider_ollama_answers, show_tells_the_trained_context_and_capabilities)
{
	static const char body[] =
		"{\"model_info\":{\"qwen3.context_length\":40960,"
		"\"general.architecture\":\"qwen3\"},\"capabilities\":[\"completion\",\"vision\"]}";
	const llm_model_ext *e = p.v->get_extension(p.instance, LLM_EXT_MODEL);
	llm_reply_view reply = {
		(uint32_t)sizeof(reply), 200, NULL, 0, {body, sizeof(body) - 1}, NULL};
	plug_models m;

	plug_models_init(&m);
	plug_begin(&p);
	cr_expect_eq(e->parse(p.instance, "qwen3:8b", &reply, &m.sink), 0);
	cr_assert_eq(m.n, 1);
	cr_expect_eq(m.rows[0].caps.max_input_tokens, 40960);
	cr_expect_eq(m.rows[0].caps.vision, (uint32_t)LLM_CAP_YES);
	cr_expect_eq(m.rows[0].caps.tools, (uint32_t)LLM_CAP_NO);
	cr_expect_eq(m.rows[0].context_tokens, 0);
	cr_expect_null(p.v->get_extension(p.instance, "llm.provider.nothing/1"));
	plug_models_done(&m);
}
