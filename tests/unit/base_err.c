/*
 * base_err.c - the table of errors against a second one written by hand, and
 * filling an llm_err.
 */
#include "base/err.h"

#include "base/text.h"

#include <criterion/criterion.h>
#include <string.h>

/* Code, retry, fallback, effect on health, class, llmctl's exit status. */
static const struct {
	int32_t code;
	const char *name;
	uint32_t retry;
	uint32_t fallback;
	uint32_t health;
	const char *err_class;
	uint32_t exit_code;
} expected[] = {
	{LLM_E_INVALID_REQUEST, "INVALID_REQUEST", 0, 0, 0, "call", 2},
	{LLM_E_UNSUPPORTED, "UNSUPPORTED", 0, 1, 0, "call", 2},
	{LLM_E_CONTEXT_LENGTH_EXCEEDED, "CONTEXT_LENGTH_EXCEEDED", 0, 2, 0, "call", 2},
	{LLM_E_CONTENT_FILTERED, "CONTENT_FILTERED", 0, 3, 0, "content", 1},
	{LLM_E_AUTHENTICATION, "AUTHENTICATION", 0, 1, 2, "account", 4},
	{LLM_E_PERMISSION_DENIED, "PERMISSION_DENIED", 0, 1, 2, "account", 4},
	{LLM_E_NOT_FOUND, "NOT_FOUND", 0, 1, 2, "account", 3},
	{LLM_E_CONFLICT, "CONFLICT", 1, 1, 0, "elsewhere", 6},
	{LLM_E_RATE_LIMITED, "RATE_LIMITED", 1, 1, 3, "wait", 5},
	{LLM_E_QUOTA_EXHAUSTED, "QUOTA_EXHAUSTED", 0, 1, 4, "account", 5},
	{LLM_E_UNAVAILABLE, "UNAVAILABLE", 1, 1, 1, "elsewhere", 6},
	{LLM_E_SERVER_ERROR, "SERVER_ERROR", 1, 1, 1, "elsewhere", 6},
	{LLM_E_CONNECTION, "CONNECTION", 1, 1, 1, "elsewhere", 6},
	{LLM_E_TIMEOUT, "TIMEOUT", 1, 1, 1, "elsewhere", 7},
	{LLM_E_PROTOCOL, "PROTOCOL", 2, 1, 1, "elsewhere", 6},
	{LLM_E_STREAM_BROKEN, "STREAM_BROKEN", 3, 4, 1, "elsewhere", 6},
	{LLM_E_OUTPUT_INVALID, "OUTPUT_INVALID", 0, 5, 0, "content", 1},
	{LLM_E_DEADLINE, "DEADLINE", 0, 0, 0, "wait", 7},
	{LLM_E_CANCELLED, "CANCELLED", 0, 0, 0, "local", 1},
	{LLM_E_QUEUE_FULL, "QUEUE_FULL", 0, 1, 0, "wait", 5},
	{LLM_E_QUEUE_TIMEOUT, "QUEUE_TIMEOUT", 0, 1, 0, "wait", 5},
	{LLM_E_NO_CANDIDATE, "NO_CANDIDATE", 0, 0, 0, "wait", 6},
	{LLM_E_IDEMPOTENCY_MISMATCH, "IDEMPOTENCY_MISMATCH", 0, 0, 0, "local", 1},
	{LLM_E_IDEMPOTENCY_IN_PROGRESS, "IDEMPOTENCY_IN_PROGRESS", 0, 0, 0, "local", 1},
	{LLM_E_IDEMPOTENCY_LOST, "IDEMPOTENCY_LOST", 0, 0, 0, "local", 1},
	{LLM_E_BUDGET_EXCEEDED, "BUDGET_EXCEEDED", 0, 0, 0, "account", 5},
	{LLM_E_WORKSPACE_REQUIRED, "WORKSPACE_REQUIRED", 0, 0, 0, "call", 2},
	{LLM_E_WORKSPACE_CONFLICT, "WORKSPACE_CONFLICT", 0, 0, 0, "call", 2},
	{LLM_E_SCHEMA_INVALID, "SCHEMA_INVALID", 0, 0, 0, "call", 2},
	{LLM_E_CONFIG, "CONFIG", 0, 0, 0, "local", 2},
	{LLM_E_SCHEMA, "SCHEMA", 0, 0, 0, "local", 1},
	{LLM_E_DB_BUSY, "DB_BUSY", 0, 0, 0, "local", 1},
	{LLM_E_PERSISTENCE, "PERSISTENCE", 0, 0, 0, "local", 1},
	{LLM_E_STATE, "STATE", 0, 0, 0, "local", 1},
	{LLM_E_PLUGIN, "PLUGIN", 0, 0, 0, "local", 2},
	{LLM_E_TOO_LARGE, "TOO_LARGE", 0, 0, 0, "local", 2},
	{LLM_E_NOMEM, "NOMEM", 0, 0, 0, "local", 1},
	{LLM_E_INTERNAL, "INTERNAL", 0, 0, 0, "local", 1},
};

Test(base_err, R_ERR_11_every_code_has_exactly_one_row)
{
	uint32_t rows = 0;

	while (llm_error_info_at(rows))
		rows++;
	cr_assert_eq(rows, -LLM_E_LAST);
	for (int32_t code = -1; code >= LLM_E_LAST; code--) {
		const llm_error_info *info = llm_error_info_of(code);
		uint32_t found = 0;

		cr_assert_not_null(info, "code %d has no row", code);
		for (uint32_t i = 0; i < rows; i++)
			found += llm_error_info_at(i)->code == code;
		cr_assert_eq(found, 1, "code %d has %u rows", code, found);
		cr_assert_eq(info, llm_error_info_at((uint32_t)(-code - 1)));
		cr_assert_eq(info->struct_size, sizeof(*info));
		cr_assert(info->name && info->name[0], "code %d has no name", code);
	}
}

/* One sentence for a person: a capital first, a full stop last, on one line. */
static void check_sentence(const char *name, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	cr_assert_gt(len, 10, "%s says too little", name);
	cr_assert(text[0] >= 'A' && text[0] <= 'Z', "%s: %s", name, text);
	cr_assert_eq(text[len - 1], '.', "%s: %s", name, text);
	cr_assert_null(strchr(text, '\n'), "%s: %s", name, text);
}

Test(base_err, R_ERR_11_every_row_says_what_it_means_and_what_to_do)
{
	for (uint32_t i = 0; llm_error_info_at(i); i++) {
		const llm_error_info *info = llm_error_info_at(i);

		check_sentence(info->name, info->meaning);
		check_sentence(info->name, info->fix);
		for (uint32_t k = 0; k < i; k++)
			cr_assert_str_neq(info->meaning, llm_error_info_at(k)->meaning);
	}
}

Test(base_err, R_ERR_11_retry_fallback_and_health_of_every_code)
{
	const size_t n = sizeof(expected) / sizeof(expected[0]);

	cr_assert_eq(n, -LLM_E_LAST, "a code was added without a row in this test");
	for (size_t i = 0; i < n; i++) {
		const llm_error_info *info = llm_error_info_of(expected[i].code);
		const char *name = expected[i].name;

		cr_assert_not_null(info, "%s", name);
		cr_assert_str_eq(info->name, name);
		cr_assert_eq(info->retry, expected[i].retry, "retry of %s", name);
		cr_assert_eq(info->fallback, expected[i].fallback, "fallback of %s", name);
		cr_assert_eq(info->health, expected[i].health, "health of %s", name);
		cr_assert_str_eq(
			llm_class_name(info->err_class), expected[i].err_class, "%s", name);
		cr_assert_eq(info->exit_code, expected[i].exit_code, "exit of %s", name);
	}
}

Test(base_err, R_ERR_10_cancel_and_deadline_say_nothing_about_health)
{
	cr_assert_eq(llm_error_info_of(LLM_E_CANCELLED)->health, LLM_HEALTH_NONE);
	cr_assert_eq(llm_error_info_of(LLM_E_DEADLINE)->health, LLM_HEALTH_NONE);
}

Test(base_err, numbers_that_are_no_code)
{
	static const int32_t codes[] = {0, 1, 38, LLM_E_LAST - 1, INT32_MAX, INT32_MIN};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		cr_assert_null(llm_error_info_of(codes[i]), "%d", codes[i]);
		cr_assert_str_eq(llm_error_name(codes[i]), "UNKNOWN", "%d", codes[i]);
	}
	cr_assert_null(llm_error_info_at(UINT32_MAX));
}

Test(base_err, rows_by_name)
{
	cr_assert_eq(llm_error_info_named("RATE_LIMITED"), llm_error_info_of(LLM_E_RATE_LIMITED));
	cr_assert_eq(llm_error_info_named("rate_limited"), llm_error_info_of(LLM_E_RATE_LIMITED));
	cr_assert_eq(llm_error_info_named("Schema"), llm_error_info_of(LLM_E_SCHEMA));
	cr_assert_null(llm_error_info_named("RATE"));
	cr_assert_null(llm_error_info_named(""));
	cr_assert_null(llm_error_info_named(NULL));
	for (uint32_t i = 0; llm_error_info_at(i); i++) {
		const llm_error_info *info = llm_error_info_at(i);

		cr_assert_eq(llm_error_info_named(info->name), info);
		cr_assert_str_eq(llm_error_name(info->code), info->name);
	}
}

Test(base_err, names_of_classes_phases_and_finishes)
{
	static const char *const classes[] = {
		"none", "call", "account", "wait", "elsewhere", "content", "local", "none"};
	static const char *const phases[] = {"none", "queue", "connect", "first_token", "idle",
		"silence", "attempt", "deadline", "none"};
	static const char *const finishes[] = {
		"none", "stop", "length", "tool_calls", "content_filter", "other", "other"};

	for (uint32_t i = 0; i < 8; i++)
		cr_assert_str_eq(llm_class_name(i), classes[i]);
	for (uint32_t i = 0; i < 9; i++)
		cr_assert_str_eq(llm_phase_name(i), phases[i]);
	for (uint32_t i = 0; i < 7; i++)
		cr_assert_str_eq(llm_finish_name(i), finishes[i]);
	cr_assert_str_eq(llm_class_name(UINT32_MAX), "none");
	cr_assert_str_eq(llm_phase_name(UINT32_MAX), "none");
	cr_assert_str_eq(llm_finish_name(UINT32_MAX), "other");
}

Test(base_err, set_fills_and_clears_the_rest)
{
	llm_err err = LLM_ERR_INIT;

	err.http_status = 500;
	err.retry_after_ms = 7;
	memcpy(err.provider, "ollama", 7);
	cr_assert_eq(
		err_set(&err, LLM_E_CONFIG, "%s: %d is not allowed", "retries", 99), LLM_E_CONFIG);
	cr_assert_eq(err.struct_size, sizeof(err));
	cr_assert_eq(err.code, LLM_E_CONFIG);
	cr_assert_eq(err.err_class, LLM_CLASS_LOCAL);
	cr_assert_eq(err.http_status, 0);
	cr_assert_eq(err.retry_after_ms, -1);
	cr_assert_str_eq(err.provider, "");
	cr_assert_str_eq(err.message, "retries: 99 is not allowed");
	cr_assert_eq(err_set(NULL, LLM_E_TIMEOUT, "%s", "nobody reads"), LLM_E_TIMEOUT);
	cr_assert_eq(err_set(&err, LLM_E_LAST - 1, "%s", ""), LLM_E_LAST - 1);
	cr_assert_eq(err.err_class, LLM_CLASS_LOCAL, "a code it does not know is told in the text");
	cr_assert_str_eq(err.message, "");
}

Test(base_err, set_may_quote_the_error_it_replaces)
{
	llm_err err = LLM_ERR_INIT;

	err_set(&err, LLM_E_CONNECTION, "refused");
	err_set(&err, LLM_E_UNAVAILABLE, "%s: %s", "ollama", err.message);
	cr_assert_str_eq(err.message, "ollama: refused");
}

Test(base_err, R_ERR_3_messages_are_cut_at_a_character)
{
	llm_err err = LLM_ERR_INIT;
	char text[2101];

	for (size_t lead = 0; lead < 4; lead++) {
		memset(text, 'x', lead);
		for (size_t at = lead; at + 4 <= sizeof(text); at += 4)
			memcpy(text + at, "\xf0\x9f\x98\x80", 4);
		text[2096] = '\0';
		err_set(&err, LLM_E_PROTOCOL, "%s", text);
		cr_assert(utf8_valid(err.message, strlen(err.message)), "lead %zu", lead);
		cr_assert_eq(strlen(err.message), lead ? 1996 + lead : 2000);
		err_message(&err, text, 2096);
		cr_assert_eq(strlen(err.message), lead ? 1996 + lead : 2000);
	}
	memset(text, 'y', 2100);
	text[2000] = '\0';
	err_set(&err, LLM_E_PROTOCOL, "%s", text);
	cr_assert_str_eq(err.message, text);
}

Test(base_err, message_changes_nothing_else)
{
	llm_err err = LLM_ERR_INIT;

	err_set(&err, LLM_E_TIMEOUT, "first");
	err.phase = LLM_PHASE_IDLE;
	err_message(&err, "second and more", 6);
	cr_assert_str_eq(err.message, "second");
	cr_assert_eq(err.code, LLM_E_TIMEOUT);
	cr_assert_eq(err.phase, LLM_PHASE_IDLE);
	err_message(&err, NULL, 0);
	cr_assert_str_eq(err.message, "");
	err_message(NULL, "x", 1);
}

Test(base_err, clear_is_no_error)
{
	llm_err err = LLM_ERR_INIT;
	const llm_err none = LLM_ERR_INIT;

	err_set(&err, LLM_E_TIMEOUT, "late");
	err_clear(&err);
	cr_assert_eq(memcmp(&err, &none, sizeof(err)), 0);
	err_clear(NULL);
}

Test(base_err, copy_cuts_and_ends_in_nul)
{
	char dst[6] = "zzzzz";

	err_copy(dst, sizeof(dst), "abc", 3);
	cr_assert_str_eq(dst, "abc");
	err_copy(dst, sizeof(dst), "abcd\xc3\xa4", 6);
	cr_assert_str_eq(dst, "abcd");
	err_copy(dst, sizeof(dst), NULL, 4);
	cr_assert_str_eq(dst, "");
	err_copy(dst, 1, "abc", 3);
	cr_assert_str_eq(dst, "");
	err_copy(dst, sizeof(dst), "xyz", 3);
	err_copy(dst, 0, "abc", 3);
	cr_assert_str_eq(dst, "xyz");
	err_copy(dst, sizeof(dst), dst + 1, 2);
	cr_assert_str_eq(dst, "yz");
}

/* A caller built against an older header has a shorter struct. */
Test(base_err, export_writes_no_further_than_the_callers_struct)
{
	const uint32_t older = (uint32_t)offsetof(llm_err, flags);
	llm_err src = LLM_ERR_INIT, dst;

	err_set(&src, LLM_E_PROTOCOL, "text");
	src.flags = LLM_ERRF_REUSED;
	memset(&dst, 0x5A, sizeof(dst));
	dst.struct_size = older;
	err_export(&dst, &src);
	cr_assert_eq(dst.struct_size, older);
	cr_assert_eq(dst.code, LLM_E_PROTOCOL);
	for (size_t i = older; i < sizeof(dst); i++)
		cr_assert_eq(((unsigned char *)&dst)[i], 0x5A, "byte %zu", i);
	err_message(&dst, "text", 4);
	cr_assert_eq(err_set(&dst, LLM_E_CONFIG, "x"), LLM_E_CONFIG);
	cr_assert_eq(dst.code, LLM_E_CONFIG);
	err_clear(&dst);
	cr_assert_eq(dst.code, 0);
	cr_assert_eq(dst.struct_size, older);
	cr_assert_eq((unsigned char)dst.message[0], 0x5A);
}

Test(base_err, export_of_the_same_and_of_a_newer_size)
{
	llm_err src = LLM_ERR_INIT;
	struct {
		llm_err err;
		char later[16];
	} newer = {.err = LLM_ERR_INIT};

	err_set(&src, LLM_E_NOT_FOUND, "no such model");
	newer.err.struct_size = (uint32_t)sizeof(newer);
	memset(newer.later, 0x5A, sizeof(newer.later));
	err_export(&newer.err, &src);
	cr_assert_eq(newer.err.struct_size, sizeof(newer));
	cr_assert_str_eq(newer.err.message, "no such model");
	cr_assert_eq(newer.later[0], 0x5A);
	newer.err.struct_size = 0;
	err_export(&newer.err, &(llm_err)LLM_ERR_INIT);
	cr_assert_str_eq(
		newer.err.message, "no such model", "a struct without a size is left alone");
	err_export(NULL, &src);
}
