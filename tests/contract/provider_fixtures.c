/*
 * Every answer of tests/fixtures: what the plugin makes of it, in one piece, byte by byte
 * and cut where it hurts. The format is described in tests/fixtures/README.md.
 */
#include <stdlib.h>
#include <string.h>

#include "llm/error.h"
#include "provider_same.h"
#include "support/neutral.h"

/* ---- comparing ---- */

static void same_calls(const exchange *x, const plug_answer *a, const json_t *want)
{
	size_t i;

	SAME(x, a->n_calls, json_array_size(want), "number of tool calls");
	for (i = 0; i < json_array_size(want) && i < a->n_calls; i++) {
		const json_t *w = json_array_get(want, i);
		json_t *arguments = json_loads(a->calls[i].arguments.ptr, 0, NULL);

		same_text(x, &a->calls[i].id, json_object_get(w, "id"), "tool call's id");
		same_text(x, &a->calls[i].name, json_object_get(w, "name"), "tool call's name");
		cr_expect(neutral_same(arguments, json_object_get(w, "arguments")),
			"%s/%s: tool call's arguments", x->provider, x->name);
		SAME(x, a->calls[i].complete, 1, "tool call complete");
		json_decref(arguments);
	}
}

/* "text", "reasoning", "tool_call"; "end" is a part of its own. */
static uint32_t part_named(const char *name)
{
	if (strcmp(name, "text") == 0)
		return LLM_PART_TEXT;
	if (strcmp(name, "reasoning") == 0)
		return LLM_PART_REASONING;
	if (strcmp(name, "tool_call") == 0)
		return LLM_PART_TOOL_CALL;
	return strcmp(name, "end") == 0 ? 0 : 999;
}

static void same_opaque(const exchange *x, const plug_answer *a, const json_t *want)
{
	size_t i;

	SAME(x, a->n_opaque, json_array_size(want), "number of opaque parts");
	for (i = 0; i < json_array_size(want) && i < a->n_opaque; i++) {
		const json_t *w = json_array_get(want, i);
		const json_t *data = json_object_get(w, "data");
		json_t *got = json_loads(a->opaque[i].data.ptr, JSON_DECODE_ANY, NULL);

		const char *part = json_string_value(json_object_get(w, "attached_to"));

		same_text(x, &a->opaque[i].kind, json_object_get(w, "kind"), "opaque kind");
		if (part)
			SAME(x, a->opaque[i].part, part_named(part), "opaque attached to");
		SAME(x, a->opaque[i].part_index, json_integer_value(json_object_get(w, "index")),
			"opaque's index");
		if (json_is_string(data))
			same_text(x, &a->opaque[i].data, data, "opaque data");
		else
			cr_expect(neutral_same(got, data), "%s/%s: opaque data is %s", x->provider,
				x->name, a->opaque[i].data.ptr);
		json_decref(got);
	}
}

static void same_count(const exchange *x, int64_t got, const json_t *usage, const char *key)
{
	const json_t *want = json_object_get(usage, key);
	int64_t n = json_is_integer(want) ? json_integer_value(want) : LLM_TOKENS_UNKNOWN;

	SAME(x, got, n, key);
}

static void same_usage(const exchange *x, const llm_usage *got, const json_t *want)
{
	same_count(x, got->input_tokens, want, "input_tokens");
	same_count(x, got->output_tokens, want, "output_tokens");
	same_count(x, got->cache_read_tokens, want, "cache_read_tokens");
	same_count(x, got->cache_write_tokens, want, "cache_write_tokens");
	same_count(x, got->reasoning_tokens, want, "reasoning_tokens");
}

static void same_warnings(const exchange *x, const plug_answer *a, const json_t *want)
{
	size_t i;

	SAME(x, a->n_warnings, json_array_size(want), "number of warnings");
	for (i = 0; a->n_warnings && i < json_array_size(want); i++)
		cr_expect(strstr(a->warnings.ptr, json_string_value(json_array_get(want, i))),
			"%s/%s: warnings are %s", x->provider, x->name, a->warnings.ptr);
}

static void same_ids(const exchange *x, const outcome *o, const json_t *want)
{
	const json_t *request_id = json_object_get(want, "request_id");
	const plug_text *told = &o->answer.meta[LLM_META_REQUEST_ID];
	plug_text got = {(char *)(uintptr_t)o->facts.request_id.ptr, o->facts.request_id.len};

	if (json_object_get(want, "response_id"))
		same_text(x, &o->answer.meta[LLM_META_RESPONSE_ID],
			json_object_get(want, "response_id"), "response id");
	if (request_id)
		same_text(x, got.len ? &got : told, request_id, "request id");
}

static void same_chat(const exchange *x, const outcome *o, const json_t *want)
{
	const plug_answer *a = &o->answer;
	const json_t *load = json_object_get(want, "load_ms");

	same_text(x, &a->text, json_object_get(want, "text"), "text");
	same_text(x, &a->reasoning, json_object_get(want, "reasoning"), "reasoning");
	same_calls(x, a, json_object_get(want, "tool_calls"));
	same_opaque(x, a, json_object_get(want, "opaque"));
	same_usage(x, &a->usage, json_object_get(want, "usage"));
	SAME(x, a->finish, neutral_finish(json_string_value(json_object_get(want, "finish"))),
		"finish");
	same_text(x, &a->finish_raw, json_object_get(want, "finish_raw"), "finish_raw");
	same_warnings(x, a, json_object_get(want, "warnings"));
	same_text(x, &a->meta[LLM_META_MODEL], json_object_get(want, "response_model"), "model");
	SAME(x, a->has_metric[LLM_METRIC_LOAD_MS], json_is_integer(load), "load_ms known");
	SAME(x, a->metric[LLM_METRIC_LOAD_MS], (uint64_t)json_integer_value(load), "load_ms");
	SAME(x, a->meta[LLM_META_LOGPROBS].len > 0, json_is_true(json_object_get(want, "logprobs")),
		"logprobs");
	SAME(x, a->n_cut, 0, "pieces of text that cut a character");
	SAME(x, a->n_late, 0, "events behind the error");
	SAME(x, a->n_finish > 1, 0, "finished twice");
}

static int has_text(const llm_bytes *b, const char *text)
{
	return b->len > 0 && memmem(b->ptr, b->len, text, strlen(text)) != NULL;
}

static void same_error(const exchange *x, const outcome *o, const json_t *want)
{
	const char *code = json_string_value(json_object_get(want, "code"));
	const json_t *contains = json_object_get(want, "message_contains");
	const json_t *provider_code = json_object_get(want, "provider_code");
	const llm_bytes *said = o->facts.code.len ? &o->facts.code : &o->facts.type;
	plug_text copy = {NULL, said->len};

	cr_expect_str_eq(llm_error_name(o->code), code ? code : "UNKNOWN", "%s/%s: code is %s",
		x->provider, x->name, llm_error_name(o->code));
	if (!code)
		return;
	SAME(x, x->status, json_integer_value(json_object_get(want, "http_status")), "status");
	if (contains)
		cr_expect(has_text(&o->facts.message, json_string_value(contains)),
			"%s/%s: message is %.*s", x->provider, x->name, (int)o->facts.message.len,
			o->facts.message.ptr);
	cr_expect(json_is_string(provider_code), "%s/%s: no provider code", x->provider, x->name);
	copy.ptr = plug_keep_text(x->p, said->ptr ? said->ptr : "", said->len);
	same_text(x, &copy, provider_code, "provider code");
	SAME(x, (o->flags & LLM_ERRF_RESOURCE) != 0,
		json_is_true(json_object_get(want, "resource")), "resource");
	/* Delays in headers are the core's to read; only Gemini names one in a body. */
	if (o->answer.n_errors || x->status >= 400)
		SAME(x, o->facts.retry_after_ms,
			strcmp(x->provider, "gemini") ?
				-1 :
				json_integer_value(json_object_get(want, "retry_after_ms")),
			"delay in the body");
}

static void check_outcome(const exchange *x, const outcome *o)
{
	const json_t *want = json_object_get(x->expectation, "expect");
	const json_t *error = json_object_get(want, "error");

	if (json_object_get(want, "text"))
		same_chat(x, o, want);
	same_ids(x, o, want);
	if (json_object_get(want, "complete"))
		SAME(x, o->complete, (uint32_t)json_is_true(json_object_get(want, "complete")),
			"complete");
	if (json_is_object(error))
		same_error(x, o, error);
	else
		SAME(x, o->code, 0, "code");
}

/* ---- each kind of exchange ---- */

static void check_cut(exchange *x, const size_t *cuts, const char *whole, const char *how)
{
	outcome o;
	char *text;

	play_stream(x, cuts, &o);
	text = plug_answer_print(&o.answer);
	cr_expect_str_eq(text, whole, "%s/%s: %s", x->provider, x->name, how);
	free(text);
	outcome_done(&o);
}

static void check_stream(exchange *x)
{
	const json_t *cuts = json_object_get(x->expectation, "cuts");
	size_t *ends = plug_keep(x->p, (x->body_len + 1) * sizeof(*ends));
	outcome o;
	char *whole;
	size_t i;

	ends[0] = x->body_len;
	play_stream(x, ends, &o);
	check_outcome(x, &o);
	whole = plug_answer_print(&o.answer);
	outcome_done(&o);
	for (i = 0; i < x->body_len; i++)
		ends[i] = i + 1;
	check_cut(x, ends, whole, "byte by byte");
	cr_expect(json_array_size(cuts) > 0, "%s/%s: no cuts", x->provider, x->name);
	for (i = 0; i < json_array_size(cuts); i++) {
		ends[0] = (size_t)json_integer_value(json_array_get(cuts, i));
		ends[1] = x->body_len;
		check_cut(x, ends, whole, "cut in two");
	}
	for (i = 0; i < json_array_size(cuts); i++)
		ends[i] = (size_t)json_integer_value(json_array_get(cuts, i));
	ends[i] = x->body_len;
	check_cut(x, ends, whole, "cut at each place");
	free(whole);
}

static void check_whole(exchange *x)
{
	outcome o;

	play_whole(x, &o);
	check_outcome(x, &o);
	outcome_done(&o);
}

static void check_exchange(exchange *x)
{
	const char *operation = json_string_value(json_object_get(x->expectation, "operation"));

	cr_assert(operation, "%s/%s: no operation", x->provider, x->name);
	if (strcmp(operation, "none") == 0)
		cr_expect(exchange_pinned(x, "none"), "%s/%s: \"none\" is not pinned", x->provider,
			x->name);
	if (strcmp(operation, "chat") == 0 && x->is_stream)
		check_stream(x);
	else if (strcmp(operation, "chat") == 0 || json_is_object(exchange_expects(x, "error")))
		check_whole(x);
	plug_attempt_ends(x->p);
}

Test(provider_fixtures, R_ERR_2_R_ERR_12_ollama_answers)
{
	cr_expect_eq(play_all(TEST_BINARY_DIR, "ollama", check_exchange), 51);
}

Test(provider_fixtures, R_ERR_2_R_ERR_12_openai_answers)
{
	cr_expect_eq(play_all(TEST_BINARY_DIR, "openai", check_exchange), 78);
}

Test(provider_fixtures, R_ERR_5_R_ERR_6_R_ERR_8_R_COST_2_gemini_answers)
{
	cr_expect_eq(play_all(TEST_BINARY_DIR, "gemini", check_exchange), 51);
}
