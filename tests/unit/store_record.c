/*
 * store_record.c - rows of a run from facts, workspaces, and what is kept of content.
 */
#include "store/record.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "store/privacy.h"
#include "store/workspace.h"
#include "support/failalloc.h"

static const record_begin begun = {.workspace = "w",
	.id = "r1",
	.operation = "chat",
	.profile = "fast",
	.metadata_json = "{\"note\":\"sk-canary-4711\"}",
	.stream = 1,
	.created_us = 7,
	.started_us = 8};

static record_end ended(const llm_err *error, const llm_usage *usage)
{
	return (record_end){.workspace = "w",
		.id = "r1",
		.version = 1,
		.status = error ? LLM_STATUS_FAILED : LLM_STATUS_SUCCEEDED,
		.finish = error ? LLM_FINISH_NONE : LLM_FINISH_STOP,
		.error = error,
		.usage = usage,
		.cost_nanousd = -1,
		.delivered = 1,
		.finished_us = 9};
}

Test(store_record, R_RUN_2_unknown_counts_are_absent)
{
	llm_usage usage = LLM_USAGE_INIT;
	record_end end = ended(NULL, &usage);
	llm_run_row *row = NULL;
	arena ar;

	arena_init(&ar, mem_default(), 0);
	cr_assert_eq(record_run_end(&end, NULL, &ar, &row), 0);
	cr_expect_eq(row->input_tokens, LLM_UNKNOWN);
	cr_expect_str_eq(row->usage_source, "none");
	cr_expect_eq(row->cost_nanousd, LLM_UNKNOWN);
	cr_expect_str_eq(row->finish_reason, "stop");
	cr_expect_null(row->error_code);
	usage.input_tokens = 4;
	usage.output_tokens = 0;
	cr_assert_eq(record_run_end(&end, NULL, &ar, &row), 0);
	cr_expect_eq(row->output_tokens, 0);
	cr_expect_str_eq(row->usage_source, "provider");
	end.estimated = 1;
	cr_assert_eq(record_run_end(&end, NULL, &ar, &row), 0);
	cr_expect_str_eq(row->usage_source, "estimated");
	arena_reset(&ar);
}

Test(store_record, R_RUN_4_a_broken_stream_invents_nothing)
{
	llm_err error = LLM_ERR_INIT;
	llm_timing timing = {.struct_size = sizeof(timing), .ttft_ms = 120, .duration_ms = 900};
	record_end end = ended(&error, NULL);
	llm_run_row *row = NULL;
	arena ar;

	error.code = LLM_E_STREAM_BROKEN;
	end.timing = &timing;
	arena_init(&ar, mem_default(), 0);
	cr_assert_eq(record_run_end(&end, NULL, &ar, &row), 0);
	cr_expect_str_eq(row->status, "failed");
	cr_expect_str_eq(row->error_code, "STREAM_BROKEN");
	cr_expect_eq(row->ttft_ms, 120);
	cr_expect_eq(row->delivered, 1);
	cr_expect_eq(row->output_tokens, LLM_UNKNOWN);
	cr_expect_str_eq(row->usage_source, "none");
	arena_reset(&ar);
}

Test(store_record, R_RUN_3_attempts)
{
	llm_attempt a = {.struct_size = sizeof(a),
		.seq = 1,
		.candidate = "ollama/small",
		.provider = "ollama",
		.model = "small",
		.status = LLM_STATUS_FAILED,
		.error_code = LLM_E_RATE_LIMITED,
		.phase = LLM_PHASE_FIRST_TOKEN,
		.http_status = 429,
		.retry_after_ms = 1500,
		.ttft_ms = -1,
		.load_ms = -1};
	const llm_attempt *list[] = {&a};
	record_attempt more = {"a1", "org.libllm.ollama 0.1.0", NULL, "{}", 1, 2};
	record_end end = ended(NULL, NULL);
	llm_attempt_row *row = NULL;
	arena ar;

	end.attempts = list;
	end.n_attempts = 1;
	arena_init(&ar, mem_default(), 0);
	cr_assert_eq(record_attempt_of(&end, 0, &more, &ar, &row), 0);
	cr_expect_str_eq(row->run_id, "r1");
	cr_expect_str_eq(row->id, "a1");
	cr_expect_str_eq(row->cost_json, "{}");
	cr_expect_str_eq(row->status, "failed");
	cr_expect_str_eq(row->error_code, "RATE_LIMITED");
	cr_expect_str_eq(row->error_class, "wait");
	cr_expect_str_eq(row->phase, "first_token");
	cr_expect_eq(row->http_status, 429);
	cr_expect_eq(row->retry_after_ms, 1500);
	cr_expect_eq(row->input_tokens, LLM_UNKNOWN);
	arena_reset(&ar);
}

Test(store_record, R_PRIV_3_texts_are_redacted)
{
	redact *clean = redact_new(mem_default());
	llm_err error = LLM_ERR_INIT;
	record_end end = ended(&error, NULL);
	llm_run_row *row = NULL;
	arena ar;

	redact_add(clean, "sk-canary-4711", 14);
	error.code = LLM_E_AUTHENTICATION;
	snprintf(error.message, sizeof(error.message), "the key sk-canary-4711 was refused");
	end.decision_json = "{\"key\":\"sk-canary-4711\"}";
	arena_init(&ar, mem_default(), 0);
	cr_assert_eq(record_run_end(&end, clean, &ar, &row), 0);
	cr_expect_null(strstr(row->error_message, "canary"), "%s", row->error_message);
	cr_expect_null(strstr(row->decision_json, "canary"), "%s", row->decision_json);
	cr_assert_eq(record_run_begin(&begun, clean, &ar, &row), 0);
	cr_expect_null(strstr(row->metadata_json, "canary"), "%s", row->metadata_json);
	cr_expect_str_eq(row->status, "running");
	cr_expect_eq(row->stream, 1);
	arena_reset(&ar);
	redact_free(clean);
}

Test(store_record, R_PRIV_3_metadata_is_bounded)
{
	static char big[RECORD_METADATA_MAX + 8], many[2048];
	llm_err err = LLM_ERR_INIT;
	size_t n = 0;
	int i;

	cr_expect_eq(record_metadata("{\"a\":1}", 7, &err), 0);
	cr_expect_eq(record_metadata("[1]", 3, &err), LLM_E_INVALID_REQUEST);
	cr_expect_eq(record_metadata("{", 1, &err), LLM_E_INVALID_REQUEST);
	memset(big, ' ', sizeof(big));
	cr_expect_eq(record_metadata(big, sizeof(big), &err), LLM_E_INVALID_REQUEST);
	for (i = 0; i < 65; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "%s\"k%d\":0", i ? "," : "{", i);
	many[n++] = '}';
	cr_expect_eq(record_metadata(many, n, &err), LLM_E_INVALID_REQUEST);
	cr_expect_not_null(strstr(err.message, "65 members"), "%s", err.message);
	*strrchr(many, ',') = '}';
	cr_expect_eq(record_metadata(many, (size_t)(strchr(many, '}') - many) + 1, &err), 0, "64");
	memcpy(big, "{\"a\":1", 6);
	big[RECORD_METADATA_MAX - 1] = '}';
	cr_expect_eq(record_metadata(big, RECORD_METADATA_MAX, &err), 0, "%s", err.message);
}

/* ---- memory ---- */

static int play_rows(failalloc *fa, void *arg)
{
	llm_err error = LLM_ERR_INIT;
	record_end end = ended(&error, NULL);
	llm_run_row *row = NULL;
	int32_t a, b;
	arena ar;

	(void)arg;
	error.code = LLM_E_TIMEOUT;
	snprintf(error.message, sizeof(error.message), "late");
	end.provider = "p";
	arena_init(&ar, &fa->hook, 64);
	a = record_run_begin(&begun, NULL, &ar, &row);
	b = record_run_end(&end, NULL, &ar, &row);
	arena_reset(&ar);
	return (a && a != LLM_E_NOMEM) || (b && b != LLM_E_NOMEM) || (!fa->failed && (a || b));
}

Test(store_record, P_01_rows)
{
	cr_expect_eq(failalloc_sweep(play_rows, NULL), 0);
}

/* ---- workspaces ---- */

static int32_t resolve(const char *request, const char *metadata, const char *bound,
	const char *config, const char **ret)
{
	const workspace_said said = {request, metadata, bound, config};
	llm_err err = LLM_ERR_INIT;

	return workspace_resolve(&said, 1, ret, &err);
}

Test(store_record, R_WS_1_required)
{
	const workspace_said nobody = {0};
	const char *got = "untouched";
	llm_err err = LLM_ERR_INIT;

	cr_expect_eq(workspace_resolve(&nobody, 1, &got, &err), LLM_E_WORKSPACE_REQUIRED);
	cr_expect_str_eq(got, "untouched");
	cr_expect_eq(workspace_resolve(&nobody, 0, &got, &err), 0);
	cr_expect_null(got);
}

Test(store_record, R_WS_2_sources)
{
	const char *got = NULL;

	cr_expect_eq(resolve(NULL, NULL, NULL, "conf", &got), 0);
	cr_expect_str_eq(got, "conf");
	cr_expect_eq(resolve("a", NULL, NULL, "conf", &got), 0, "a default conflicts with nobody");
	cr_expect_str_eq(got, "a");
	cr_expect_eq(resolve("a", "a", "a", NULL, &got), 0);
	cr_expect_eq(resolve("a", "b", NULL, NULL, &got), LLM_E_WORKSPACE_CONFLICT);
	cr_expect_eq(resolve("a", NULL, "b", NULL, &got), LLM_E_WORKSPACE_CONFLICT);
	cr_expect_eq(resolve(NULL, "a", "b", NULL, &got), LLM_E_WORKSPACE_CONFLICT);
	cr_expect_eq(resolve("a", "A", NULL, NULL, &got), LLM_E_WORKSPACE_CONFLICT, "no folding");
}

Test(store_record, R_WS_3_form)
{
	char longest[WORKSPACE_MAX + 2];
	const char *got = NULL;

	memset(longest, 'x', sizeof(longest) - 1);
	longest[WORKSPACE_MAX + 1] = '\0';
	cr_expect_eq(resolve(longest, NULL, NULL, NULL, &got), LLM_E_INVALID_REQUEST);
	longest[WORKSPACE_MAX] = '\0';
	cr_expect_eq(resolve(longest, NULL, NULL, NULL, &got), 0);
	cr_expect_eq(resolve("Az0._:-", NULL, NULL, NULL, &got), 0);
	cr_expect_eq(resolve("", NULL, NULL, NULL, &got), LLM_E_INVALID_REQUEST);
	cr_expect_eq(resolve("a b", NULL, NULL, NULL, &got), LLM_E_INVALID_REQUEST);
	cr_expect_eq(resolve(" a", NULL, NULL, NULL, &got), LLM_E_INVALID_REQUEST, "no trimming");
	cr_expect_eq(resolve("a\n", NULL, NULL, NULL, &got), LLM_E_INVALID_REQUEST);
	cr_expect_eq(resolve("a'--", NULL, NULL, NULL, &got), LLM_E_INVALID_REQUEST);
	cr_expect_eq(resolve("\xc3\xa9", NULL, NULL, NULL, &got), LLM_E_INVALID_REQUEST);
}

/* ---- content ---- */

static llm_content_row *content(const privacy *p, arena *ar)
{
	const llm_bytes text = {"my secret prompt", 16};
	llm_content_row *row = NULL;

	cr_assert_eq(privacy_content(p, "w", "prompt", &text, "r1", 5, ar, &row), 0);
	return row;
}

static int32_t half(
	void *ctx, const llm_bytes *text, int32_t (*add)(void *to, const char *, size_t), void *to)
{
	(void)text;
	return ctx ? -1 : add(to, "my ***", 6);
}

Test(store_record, R_PRIV_1_modes)
{
	privacy p = {.mode = PRIVACY_NONE};
	llm_content_row *row;
	arena ar;

	arena_init(&ar, mem_default(), 0);
	cr_expect_null(content(&p, &ar));
	p.mode = PRIVACY_HASH;
	row = content(&p, &ar);
	cr_expect(row->size == 16 && !row->has_bytes, "without a key the count only");
	cr_expect_str_eq(row->hash, "r1");
	p.key = "installation";
	p.key_len = 12;
	row = content(&p, &ar);
	cr_expect(!row->has_bytes && !row->bytes.ptr);
	cr_expect_eq(strlen(row->hash), 64);
	p.mode = PRIVACY_FULL;
	row = content(&p, &ar);
	cr_expect(row->has_bytes && row->bytes.len == 16);
	p.mode = PRIVACY_REDACTED;
	cr_expect_null(content(&p, &ar), "no hook, nothing stored");
	p.hook = half;
	row = content(&p, &ar);
	cr_expect(row->has_bytes && row->bytes.len == 6 && row->size == 16);
	p.hook_ctx = &p;
	cr_expect_null(content(&p, &ar), "a hook that fails stores nothing");
	arena_reset(&ar);
}

/* RFC 4231 gives HMAC-SHA-256 of "what do ya want for nothing?" under "Jefe". */
Test(store_record, R_PRIV_1_hashes_are_keyed)
{
	static const char *const known =
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
	const llm_bytes text = {"hi", 2};
	privacy p = {.key = "k", .key_len = 1}, q = {.key = "l", .key_len = 1}, bare = {0};
	char a[SHA256_HEX], b[SHA256_HEX];

	cr_assert_eq(hash_keyed_hex("Jefe", 4, "what do ya want for nothing?", 28, a), 0);
	cr_expect_str_eq(a, known);
	cr_assert_eq(privacy_hash(&p, "cache", &text, mem_default(), a), 0);
	cr_assert_eq(privacy_hash(&p, "cache", &text, mem_default(), b), 0);
	cr_expect_str_eq(a, b);
	privacy_hash(&p, "request", &text, mem_default(), b);
	cr_expect_str_neq(a, b, "each purpose has its own");
	privacy_hash(&q, "cache", &text, mem_default(), b);
	cr_expect_str_neq(a, b, "each key has its own");
	privacy_hash(&bare, "cache", &text, mem_default(), b);
	cr_expect_str_neq(a, b);
	cr_expect_eq(strlen(b), 64);
}
