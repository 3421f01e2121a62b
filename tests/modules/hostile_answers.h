/*
 * hostile_answers.h - what the hostile provider hands over as an answer, by the model's
 * name. Private to hostile.c.
 */
#ifndef TESTS_MODULES_HOSTILE_ANSWERS_H
#define TESTS_MODULES_HOSTILE_ANSWERS_H

#include "llm/abi/provider.h"

#include <string.h>

#define BAD_UTF8 "caf\xe9"

static llm_bytes bytes(const char *text)
{
	return (llm_bytes){text, strlen(text)};
}

/* ---- what it hands over: text ---- */

static int32_t say_good(const llm_result_sink *out)
{
	return out->text(out->ctx, "fine", 4);
}

static int32_t say_bad_utf8(const llm_result_sink *out)
{
	return out->text(out->ctx, BAD_UTF8, 4);
}

static int32_t say_null(const llm_result_sink *out)
{
	return out->text(out->ctx, NULL, 5);
}

static int32_t say_nothing(const llm_result_sink *out)
{
	return out->text(out->ctx, NULL, 0);
}

static int32_t say_reasoning(const llm_result_sink *out)
{
	return out->reasoning(out->ctx, "why not", 7);
}

static int32_t say_bad_reasoning(const llm_result_sink *out)
{
	return out->reasoning(out->ctx, BAD_UTF8, 4);
}

/* ---- tool calls ---- */

static int32_t call_piece(
	const llm_result_sink *out, uint32_t index, llm_bytes id, llm_bytes name, llm_bytes args)
{
	const llm_tool_delta d = {
		.struct_size = sizeof(d), .index = index, .id = id, .name = name, .arguments = args};

	return out->tool_call(out->ctx, &d);
}

static int32_t call_200(const llm_result_sink *out)
{
	uint32_t i;

	for (i = 0; i < 200; i++) /* whatever it is told */
		(void)call_piece(out, i, bytes(""), bytes("f"), bytes("{}"));
	return 0;
}

static int32_t call_pieces(const llm_result_sink *out)
{
	(void)call_piece(out, 7, bytes("seven"), bytes("f"), bytes("{\"a\""));
	(void)call_piece(out, 0, bytes(""), bytes("g"), bytes(""));
	(void)call_piece(out, 7, bytes(""), bytes(""), bytes(":1}"));
	return call_piece(out, 0, bytes(""), bytes(""), bytes("{}"));
}

static int32_t call_null(const llm_result_sink *out)
{
	return out->tool_call(out->ctx, NULL);
}

static int32_t call_short(const llm_result_sink *out)
{
	const llm_tool_delta d = {.struct_size = 8};

	return out->tool_call(out->ctx, &d);
}

static int32_t call_null_id(const llm_result_sink *out)
{
	return call_piece(out, 0, (llm_bytes){NULL, 3}, bytes("f"), bytes("{}"));
}

static int32_t call_null_name(const llm_result_sink *out)
{
	return call_piece(out, 0, bytes("a"), (llm_bytes){NULL, 3}, bytes("{}"));
}

static int32_t call_bad_arguments(const llm_result_sink *out)
{
	return call_piece(out, 0, bytes("a"), bytes("f"), bytes(BAD_UTF8));
}

/* ---- other parts ---- */

static int32_t part(const llm_result_sink *out, uint32_t kind, const char *type, llm_bytes data)
{
	const llm_data_part d = {
		.struct_size = sizeof(d), .kind = kind, .media_type = type, .data = data};

	return out->data(out->ctx, &d);
}

static int32_t data_good(const llm_result_sink *out)
{
	int32_t rc = part(out, LLM_PART_IMAGE, "image/png", (llm_bytes){"\x89P\0\xff", 4});

	return rc ? rc : part(out, LLM_PART_AUDIO, NULL, bytes("wave"));
}

static int32_t data_null(const llm_result_sink *out)
{
	return out->data(out->ctx, NULL);
}

static int32_t data_null_bytes(const llm_result_sink *out)
{
	return part(out, LLM_PART_IMAGE, "image/png", (llm_bytes){NULL, 9});
}

static int32_t data_kind(const llm_result_sink *out)
{
	return part(out, 99, "image/png", bytes("x"));
}

static int32_t data_type(const llm_result_sink *out)
{
	return part(out, LLM_PART_FILE, BAD_UTF8, bytes("x"));
}

static int32_t opaque(const llm_result_sink *out, const char *kind, llm_bytes data)
{
	const llm_opaque_view o = {.struct_size = sizeof(o),
		.provider = "org.test.somebody-else",
		.kind = kind,
		.data = data};

	return out->opaque(out->ctx, &o);
}

static int32_t opaque_good(const llm_result_sink *out)
{
	int32_t rc = opaque(out, "signature", (llm_bytes){"\0\x01", 2});

	return rc ? rc : opaque(out, NULL, bytes("x"));
}

static int32_t opaque_null(const llm_result_sink *out)
{
	return out->opaque(out->ctx, NULL);
}

static int32_t opaque_null_bytes(const llm_result_sink *out)
{
	return opaque(out, "signature", (llm_bytes){NULL, 9});
}

static int32_t opaque_kind(const llm_result_sink *out)
{
	return opaque(out, BAD_UTF8, bytes("x"));
}

/* ---- usage, finish, names, numbers ---- */

static int32_t usage_null(const llm_result_sink *out)
{
	return out->usage(out->ctx, NULL);
}

static int32_t usage_short(const llm_result_sink *out)
{
	const llm_usage u = {.struct_size = 16, .input_tokens = 1};

	return out->usage(out->ctx, &u);
}

static int32_t usage_negative(const llm_result_sink *out)
{
	const llm_usage u = {.struct_size = sizeof(u),
		.flags = 0xfffffffe,
		.input_tokens = -7,
		.output_tokens = INT64_MIN,
		.cache_read_tokens = 5,
		.cache_write_tokens = -2,
		.reasoning_tokens = 3};

	return out->usage(out->ctx, &u);
}

static int32_t usage_contradicts(const llm_result_sink *out)
{
	const llm_usage u = {.struct_size = sizeof(u),
		.input_tokens = 10,
		.output_tokens = 4,
		.cache_read_tokens = 11,
		.cache_write_tokens = 10,
		.reasoning_tokens = INT64_MAX};

	return out->usage(out->ctx, &u);
}

static int32_t finish_99(const llm_result_sink *out)
{
	return out->finish(out->ctx, 99, "eos_token", 9);
}

static int32_t finish_null(const llm_result_sink *out)
{
	return out->finish(out->ctx, LLM_FINISH_LENGTH, NULL, 9);
}

static int32_t finish_bad_utf8(const llm_result_sink *out)
{
	return out->finish(out->ctx, LLM_FINISH_LENGTH, BAD_UTF8, 4);
}

static int32_t meta(const llm_result_sink *out, uint32_t key, const char *text)
{
	return out->meta(out->ctx, key, text, strlen(text));
}

static int32_t meta_good(const llm_result_sink *out)
{
	(void)meta(out, LLM_META_MODEL, "first");
	(void)meta(out, LLM_META_MODEL, "second");
	(void)meta(out, LLM_META_RESPONSE_ID, "r-1");
	(void)meta(out, LLM_META_REQUEST_ID, "q-1");
	(void)meta(out, LLM_META_USAGE_RAW, "{\"n\":1}");
	(void)meta(out, LLM_META_USAGE_RAW, "{\"n\":2}");
	(void)out->metric(out->ctx, LLM_METRIC_LOAD_MS, 1234);
	(void)meta(out, LLM_META_LOGPROBS, "[]");
	(void)meta(out, LLM_META_LOGPROBS, "[{\"t\":\"a\"}]");
	(void)meta(out, LLM_META_LOGPROBS, "[{\"t\":\"b\"},{\"t\":\"c\"}]");
	return meta(out, LLM_META_LOGPROBS, "[]");
}

static int32_t meta_bad(const llm_result_sink *out)
{
	(void)meta(out, 77, "of no meaning");
	(void)meta(out, 0, "of no meaning");
	(void)out->meta(out->ctx, LLM_META_MODEL, NULL, 3);
	(void)meta(out, LLM_META_RESPONSE_ID, BAD_UTF8);
	(void)meta(out, LLM_META_REQUEST_ID, "");
	(void)out->metric(out->ctx, LLM_METRIC_LOAD_MS, UINT64_MAX);
	(void)out->metric(out->ctx, LLM_METRIC_PROMPT_MS, 5);
	return out->metric(out->ctx, 99, 5);
}

static int32_t logprobs_null(const llm_result_sink *out)
{
	return out->meta(out->ctx, LLM_META_LOGPROBS, NULL, 3);
}

static int32_t logprobs_objects(const llm_result_sink *out)
{
	(void)meta(out, LLM_META_LOGPROBS, "");
	(void)meta(out, LLM_META_LOGPROBS, "{}");
	(void)meta(out, LLM_META_LOGPROBS, "[1]");
	return meta(out, LLM_META_LOGPROBS, "");
}

static int32_t warnings_100(const llm_result_sink *out)
{
	int i;

	(void)out->warning(out->ctx, NULL, 4);
	(void)out->warning(out->ctx, BAD_UTF8, 4);
	for (i = 0; i < 100; i++)
		(void)out->warning(out->ctx, "mind the gap", 8);
	return 0;
}

/* ---- failures ---- */

static int32_t fail(const llm_result_sink *out, const char *code, const char *text)
{
	const llm_error_facts f = {.struct_size = sizeof(f),
		.status = 429,
		.code = bytes(code),
		.message = bytes(text),
		.retry_after_ms = 2500};

	return out->error(out->ctx, &f);
}

static int32_t error_null(const llm_result_sink *out)
{
	return out->error(out->ctx, NULL);
}

static int32_t error_short(const llm_result_sink *out)
{
	const llm_error_facts f = {.struct_size = 24, .status = 429};

	return out->error(out->ctx, &f);
}

static int32_t error_twice(const llm_result_sink *out)
{
	(void)fail(out, "slow_down", "too fast");
	return fail(out, "other", "another");
}

static int32_t error_after_finish(const llm_result_sink *out)
{
	(void)out->finish(out->ctx, LLM_FINISH_STOP, "stop", 4);
	return fail(out, "late", "it failed after all");
}

static int32_t error_then_text(const llm_result_sink *out)
{
	(void)fail(out, "early", "it failed at once");
	(void)out->text(out->ctx, BAD_UTF8, 4);
	return out->finish(out->ctx, LLM_FINISH_STOP, "stop", 4);
}

static int32_t error_garbage(const llm_result_sink *out)
{
	const llm_error_facts f = {.struct_size = sizeof(f),
		.status = -3,
		.code = {NULL, 7},
		.type = bytes("two\nlines"),
		.message = {NULL, 7},
		.request_id = bytes(BAD_UTF8),
		.retry_after_ms = INT64_MIN};

	return out->error(out->ctx, &f);
}

static int32_t error_bad_text(const llm_result_sink *out)
{
	return fail(out, BAD_UTF8, BAD_UTF8);
}

static const struct {
	const char *model;
	int32_t (*act)(const llm_result_sink *out);
} acts[] = {
	{"good", say_good},
	{"text-bad-utf8", say_bad_utf8},
	{"text-null", say_null},
	{"text-nothing", say_nothing},
	{"reasoning", say_reasoning},
	{"reasoning-bad-utf8", say_bad_reasoning},
	{"calls-200", call_200},
	{"calls-pieces", call_pieces},
	{"call-null", call_null},
	{"call-short", call_short},
	{"call-null-id", call_null_id},
	{"call-null-name", call_null_name},
	{"call-bad-arguments", call_bad_arguments},
	{"data-good", data_good},
	{"data-null", data_null},
	{"data-null-bytes", data_null_bytes},
	{"data-kind", data_kind},
	{"data-type", data_type},
	{"opaque-good", opaque_good},
	{"opaque-null", opaque_null},
	{"opaque-null-bytes", opaque_null_bytes},
	{"opaque-kind", opaque_kind},
	{"usage-null", usage_null},
	{"usage-short", usage_short},
	{"usage-negative", usage_negative},
	{"usage-contradicts", usage_contradicts},
	{"finish-99", finish_99},
	{"finish-null", finish_null},
	{"finish-bad-utf8", finish_bad_utf8},
	{"meta-good", meta_good},
	{"meta-bad", meta_bad},
	{"logprobs-null", logprobs_null},
	{"logprobs-objects", logprobs_objects},
	{"warnings-100", warnings_100},
	{"error-null", error_null},
	{"error-short", error_short},
	{"error-twice", error_twice},
	{"error-after-finish", error_after_finish},
	{"error-then-text", error_then_text},
	{"error-garbage", error_garbage},
	{"error-bad-text", error_bad_text},
};

/* Whatever the sink says, it is only passed on by models with an even length of name. */
static int32_t act_as(const char *model, const llm_result_sink *out)
{
	int32_t rc = 0;
	size_t i;

	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(acts[i].model, model) == 0)
			rc = acts[i].act(out);
	return strlen(model) % 2 ? 0 : rc;
}

#endif
