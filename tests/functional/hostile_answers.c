/* What a provider hands over is checked before anybody sees it, whole or streamed. */
#include "hostile_try.h"

static hostile_try t;
static uint32_t flags;

/* Plays `test` with whole answers, then with streams. */
static void both(void (*test)(void))
{
	hostile_open(&t, HOSTILE_WHOLE, "", "");
	flags = 0;
	test();
	hostile_close(&t);
	hostile_open(&t, HOSTILE_STREAM, "", "");
	flags = LLM_CALL_STREAM;
	test();
	hostile_close(&t);
}

static const llm_result *ok(const char *model)
{
	const llm_result *r = hostile_ask(&t, model, flags);

	cr_assert_eq(t.rc, 0, "%s: %s", model, t.err.message);
	cr_assert_eq(llm_result_status(r), LLM_STATUS_SUCCEEDED);
	cr_assert_null(llm_result_error(r));
	return r;
}

static void refused(void)
{
	static const char utf8[] = "the answer holds bytes that are not UTF-8";
	static const char damaged[] = "the plugin handed over a damaged part of the answer";
	static const struct {
		const char *model;
		int32_t code;
		const char *words;
	} rows[] = {
		{"text-bad-utf8", LLM_E_PROTOCOL, utf8},
		{"text-null", LLM_E_PROTOCOL, utf8},
		{"reasoning-bad-utf8", LLM_E_PROTOCOL, utf8},
		{"calls-200", LLM_E_PROTOCOL, "the answer calls more than 128 tools"},
		{"call-null", LLM_E_PLUGIN, damaged},
		{"call-short", LLM_E_PLUGIN, damaged},
		{"call-null-id", LLM_E_PROTOCOL, utf8},
		{"call-null-name", LLM_E_PROTOCOL, utf8},
		{"call-bad-arguments", LLM_E_PROTOCOL, utf8},
		{"data-null", LLM_E_PLUGIN, damaged},
		{"data-null-bytes", LLM_E_PLUGIN, damaged},
		{"data-kind", LLM_E_PLUGIN, damaged},
		{"data-type", LLM_E_PROTOCOL, utf8},
		{"opaque-null", LLM_E_PLUGIN, damaged},
		{"opaque-null-bytes", LLM_E_PLUGIN, damaged},
		{"opaque-kind", LLM_E_PROTOCOL, utf8},
		{"usage-null", LLM_E_PLUGIN, damaged},
		{"usage-short", LLM_E_PLUGIN, damaged},
		{"logprobs-null", LLM_E_PROTOCOL, utf8},
		{"error-null", LLM_E_PLUGIN, damaged},
		{"error-short", LLM_E_PLUGIN, damaged},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		hostile_fails(&t, rows[i].model, flags, rows[i].code, rows[i].words);
}

Test(hostile_answers, X_06_damaged_parts_end_the_run_and_not_the_process)
{
	both(refused);
}

static void calls_are_joined(void)
{
	const llm_result *r = ok("calls-pieces");
	llm_tool_call call;

	cr_assert_eq(llm_result_tool_call_count(r), 2);
	cr_assert_eq(llm_result_tool_call(r, 0, &call), 0);
	cr_assert_eq(call.struct_size, sizeof(call));
	cr_assert_str_eq(call.id, "seven");
	cr_assert_str_eq(call.name, "f");
	cr_assert_str_eq(call.arguments, "{\"a\":1}");
	cr_assert_eq(call.arguments_len, 7);
	cr_assert_eq(llm_result_tool_call(r, 1, &call), 0);
	cr_assert_str_eq(call.id, "call_2", "a call without an id gets one");
	cr_assert_str_eq(call.arguments, "{}");
	cr_assert_eq(llm_result_tool_call(r, 2, &call), LLM_E_NOT_FOUND);
	(void)hostile_ask(&t, "calls-200", flags);
	cr_assert_eq(llm_result_tool_call_count(llm_call_result(t.call)), 128);
}

Test(hostile_answers, X_06_pieces_of_calls_are_joined_by_their_index)
{
	both(calls_are_joined);
}

static void parts_are_kept(void)
{
	const llm_result *r = ok("data-good");
	llm_result_part part;

	cr_assert_eq(llm_result_part_count(r), 2);
	cr_assert_eq(llm_result_part_at(r, 0, &part), 0);
	cr_assert_eq(part.kind, LLM_PART_IMAGE);
	cr_assert_str_eq(part.media_type, "image/png");
	cr_assert_eq(part.len, 4);
	cr_assert_eq(memcmp(part.data, "\x89P\0\xff", 4), 0);
	cr_assert_eq(llm_result_part_at(r, 1, &part), 0);
	cr_assert_eq(part.kind, LLM_PART_AUDIO);
	cr_assert_str_eq(part.media_type, "application/octet-stream");
	cr_assert_eq(llm_result_part_at(r, 2, &part), LLM_E_NOT_FOUND);
	r = ok("opaque-good");
	cr_assert_eq(llm_result_part_count(r), 2);
	cr_assert_eq(llm_result_part_at(r, 0, &part), 0);
	cr_assert_eq(part.kind, LLM_PART_OPAQUE);
	cr_assert_str_eq(part.provider, "org.test.hostile", "what a plugin says of itself");
	cr_assert_str_eq(part.opaque_kind, "signature");
	cr_assert_eq(memcmp(part.data, "\0\x01", 2), 0);
	cr_assert_eq(llm_result_part_at(r, 1, &part), 0);
	cr_assert_str_eq(part.opaque_kind, "");
}

Test(hostile_answers, binary_and_opaque_parts_are_kept_as_they_are)
{
	both(parts_are_kept);
}

static void usage_is_clamped(void)
{
	llm_usage u;

	llm_result_usage(ok("usage-negative"), &u);
	cr_assert_eq(u.input_tokens, LLM_TOKENS_UNKNOWN);
	cr_assert_eq(u.output_tokens, LLM_TOKENS_UNKNOWN);
	cr_assert_eq(u.cache_read_tokens, 5);
	cr_assert_eq(u.cache_write_tokens, LLM_TOKENS_UNKNOWN);
	cr_assert_eq(u.reasoning_tokens, 3);
	cr_assert_eq(u.flags, 0, "a flag that nobody knows was passed on");
	llm_result_usage(ok("usage-contradicts"), &u);
	cr_assert_eq(u.input_tokens, 10);
	cr_assert_eq(u.output_tokens, 4);
	cr_assert_eq(u.cache_read_tokens, 10);
	cr_assert_eq(u.cache_write_tokens, 10);
	cr_assert_eq(u.reasoning_tokens, 4);
	cr_assert_eq(u.flags, LLM_USAGE_INCONSISTENT);
	llm_result_usage(ok("good"), &u);
	cr_assert_eq(u.input_tokens, LLM_TOKENS_UNKNOWN);
}

Test(hostile_answers, X_06_negative_counts_are_unknown_and_contradictions_clamped)
{
	both(usage_is_clamped);
}

static void finish_is_known_or_other(void)
{
	const char *raw = NULL;

	cr_assert_eq(llm_result_finish(ok("finish-99"), &raw), LLM_FINISH_OTHER);
	cr_assert_str_eq(raw, "eos_token");
	cr_assert_eq(llm_result_finish(ok("finish-null"), &raw), LLM_FINISH_LENGTH);
	cr_assert_null(raw);
	cr_assert_eq(llm_result_finish(ok("finish-bad-utf8"), &raw), LLM_FINISH_LENGTH);
	cr_assert_null(raw);
	cr_assert_eq(llm_result_finish(ok("good"), NULL), LLM_FINISH_NONE);
}

Test(hostile_answers, X_06_an_unknown_finish_is_other)
{
	both(finish_is_known_or_other);
}

static void names_and_numbers(void)
{
	const llm_result *r = ok("meta-good");
	llm_timing timing;
	llm_attempt row;

	cr_assert_str_eq(llm_result_response_model(r), "first");
	cr_assert_str_eq(llm_result_response_id(r), "r-1");
	cr_assert_str_eq(llm_result_request_id(r), "q-1");
	cr_assert_str_eq(llm_result_usage_raw(r), "{\"n\":2}");
	cr_assert_str_eq(llm_result_logprobs(r), "[{\"t\":\"a\"},{\"t\":\"b\"},{\"t\":\"c\"}]");
	llm_result_timing(r, &timing);
	cr_assert_eq(timing.struct_size, sizeof(timing));
	cr_assert_eq(timing.load_ms, 1234);
	cr_assert_eq(llm_result_attempt(r, 0, &row), 0);
	cr_assert_eq(row.load_ms, 1234);
	cr_assert_eq(llm_result_attempt(r, 1, &row), LLM_E_NOT_FOUND);
	r = ok("meta-bad");
	cr_assert_null(llm_result_response_model(r));
	cr_assert_null(llm_result_response_id(r));
	cr_assert_null(llm_result_request_id(r));
	cr_assert_null(llm_result_logprobs(r));
	cr_assert_null(llm_result_usage_raw(r));
	llm_result_timing(r, &timing);
	cr_assert_eq(timing.load_ms, -1);
	cr_assert_str_eq(llm_result_logprobs(ok("logprobs-objects")), "{}[1]");
}

Test(hostile_answers, X_06_unknown_names_and_numbers_are_left_out)
{
	both(names_and_numbers);
}

static void texts_and_warnings(void)
{
	const llm_result *r = ok("warnings-100");
	size_t len = 9;

	cr_assert_eq(llm_result_warning_count(r), 64);
	cr_assert_str_eq(llm_result_warning(r, 0), "mind the");
	cr_assert_str_eq(llm_result_warning(r, 63), "mind the");
	cr_assert_null(llm_result_warning(r, 64));
	cr_assert_str_eq(llm_result_text(ok("text-nothing"), &len), "");
	cr_assert_eq(len, 0);
	cr_assert_str_eq(llm_result_reasoning(ok("reasoning"), &len), "why not");
	cr_assert_eq(len, 7);
}

Test(hostile_answers, X_06_at_most_64_warnings_and_an_empty_text_is_none)
{
	both(texts_and_warnings);
}

static void failures(void)
{
	hostile_fails(&t, "error-after-finish", flags, LLM_E_RATE_LIMITED, "failed after all");
	hostile_fails(&t, "error-then-text", flags, LLM_E_RATE_LIMITED, "it failed at once");
	(void)hostile_ask(&t, "error-twice", flags);
	cr_assert_eq(t.rc, LLM_E_RATE_LIMITED);
	cr_assert_str_eq(t.err.message, "Hostile: too fast");
	cr_assert_str_eq(t.err.provider_code, "slow_down");
	cr_assert_eq(t.err.retry_after_ms, 2500);
	(void)hostile_ask(&t, "error-garbage", flags);
	cr_assert_eq(t.rc, LLM_E_PROTOCOL, "%s", t.err.message);
	cr_assert_str_eq(
		t.err.message, "Hostile answered with status 200 and no reason that can be read");
	cr_assert_str_eq(t.err.provider_code, "");
	cr_assert_str_eq(t.err.request_id, "");
	cr_assert_eq(t.err.retry_after_ms, -1);
	(void)hostile_ask(&t, "error-bad-text", flags);
	cr_assert_eq(t.rc, LLM_E_RATE_LIMITED);
	cr_assert_str_eq(t.err.provider_code, "");
	cr_assert(strstr(t.err.message, "no reason that can be read"), "%s", t.err.message);
	hostile_still_works(&t, flags, "the errors");
}

Test(hostile_answers, X_06_the_first_error_counts_and_garbage_in_it_does_not)
{
	both(failures);
}

Test(hostile_answers, X_06_codes_that_do_not_exist_are_the_plugins_fault)
{
	static const char none[] = "which is no code of this libllm";
	static const char quiet[] = "CONFLICT without saying why";

	hostile_open(&t, HOSTILE_WHOLE, "", "");
	hostile_fails(&t, "code-capabilities", 0, LLM_E_PLUGIN, none);
	hostile_fails(&t, "code-build", 0, LLM_E_PLUGIN, none);
	hostile_fails(&t, "low-build", 0, LLM_E_PLUGIN, none);
	hostile_fails(&t, "quiet-build", 0, LLM_E_CONFLICT, quiet);
	hostile_fails(&t, "code-parse", 0, LLM_E_PLUGIN, none);
	hostile_fails(&t, "low-parse", 0, LLM_E_PLUGIN, none);
	hostile_fails(&t, "quiet-parse", 0, LLM_E_CONFLICT, quiet);
	hostile_close(&t);
	hostile_open(&t, HOSTILE_STREAM, "", "");
	hostile_fails(&t, "code-open", LLM_CALL_STREAM, LLM_E_PLUGIN, none);
	hostile_fails(&t, "quiet-open", LLM_CALL_STREAM, LLM_E_CONFLICT, quiet);
	hostile_fails(&t, "code-frame", LLM_CALL_STREAM, LLM_E_PLUGIN, none);
	hostile_fails(&t, "low-frame", LLM_CALL_STREAM, LLM_E_PLUGIN, none);
	hostile_fails(&t, "quiet-frame", LLM_CALL_STREAM, LLM_E_CONFLICT, quiet);
	hostile_fails(&t, "code-close", LLM_CALL_STREAM, LLM_E_PLUGIN, none);
	hostile_fails(&t, "quiet-close", LLM_CALL_STREAM, LLM_E_CONFLICT, quiet);
	hostile_close(&t);
}

Test(hostile_answers, X_06_a_stream_ends_where_the_provider_says)
{
	hostile_open(&t, HOSTILE_STREAM, "", "");
	flags = LLM_CALL_STREAM;
	hostile_fails(&t, "never-complete", flags, LLM_E_STREAM_BROKEN, "ended before the answer");
	cr_assert_str_eq(llm_result_text(ok("text-at-close"), NULL), "last words");
	cr_assert_str_eq(llm_result_text(ok("framing-99"), NULL), "");
	hostile_close(&t);
}

Test(hostile_answers, X_06_a_failed_classification_leaves_the_status)
{
	static const char script[] = HOSTILE_REPLY(
		"500", "text/plain", "it \\xff broke") "accept\n";
	static const char *const models[] = {"good", "code-classify", "quiet-classify"};
	size_t i;

	for (i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		hostile_open(&t, script, "", "");
		(void)hostile_ask(&t, models[i], 0);
		cr_assert_eq(t.rc, LLM_E_SERVER_ERROR, "%s", t.err.message);
		cr_assert_eq(t.err.http_status, 500);
		cr_assert_eq(t.err.retry_after_ms, -1);
		cr_assert(strstr(t.err.message, "status 500"), "%s", t.err.message);
		hostile_close(&t);
	}
}

/* ---- short of memory ---- */

/* Every allocation of the run fails, one at a time: it ends, and the next one works. */
static void sweep(const char *model)
{
	uint64_t n, failed;

	for (n = 1; n < 1000; n++) {
		failed = t.fa.failed;
		failalloc_once(&t.fa, n);
		(void)hostile_ask(&t, model, flags);
		failalloc_never(&t.fa);
		cr_assert(t.rc == 0 || t.rc == LLM_E_NOMEM, "%s, allocation %u: %s", model,
			(unsigned)n, t.err.message);
		if (t.fa.failed == failed)
			break;
	}
	cr_assert_geq(n, 10, "%s needs next to no memory?", model);
	hostile_still_works(&t, flags, model);
}

static void short_of_memory(void)
{
	static const char *const models[] = {"calls-pieces", "data-good", "opaque-good",
		"meta-good", "finish-99", "warns", "reasoning"};
	size_t i;

	for (i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		sweep(models[i]);
}

Test(hostile_answers, P_01_an_answer_survives_every_failed_allocation)
{
	both(short_of_memory);
}
