/* store_answer.c - stored answers: what goes in comes out, and damage is told. */
#include "store/answer.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/hash.h"
#include "support/failalloc.h"

static const answer_tool tools[] = {
	{0, {"call_1", 6}, {"look", 4}, {"{\"a\":1}", 7}}, {7, {"call_2", 6}, {"", 0}, {"", 0}}};
static const llm_result_part parts[] = {{.struct_size = sizeof(parts[0]),
						.kind = LLM_PART_OPAQUE,
						.provider = "org.libllm.gemini",
						.opaque_kind = "signature",
						.data = "x\0y",
						.len = 3,
						.part = LLM_PART_TOOL_CALL,
						.part_index = 1,
						.text_len = 5},
	{.struct_size = sizeof(parts[0]),
		.kind = LLM_PART_IMAGE,
		.media_type = "image/png",
		.data = "",
		.len = 0,
		.text_len = 0}};
static const char *const warnings[] = {"one", "zw\xC3\xB6lf"};

static answer full(void)
{
	answer a = {.run_id = "01900000-0000-7000-8000-000000000001",
		.candidate = "ollama/a",
		.provider = "ollama",
		.model = "a",
		.response_model = "a:latest",
		.response_id = "r1",
		.request_id = "q1",
		.finish_raw = "stop",
		.usage_raw = "{}",
		.text = {"hello", 5},
		.reasoning = {"h\xC3\xB6m", 4},
		.logprobs = {"[]", 2},
		.finish = LLM_FINISH_STOP,
		.usage = {sizeof(a.usage), LLM_USAGE_INCONSISTENT, 1, 2, 0, LLM_TOKENS_UNKNOWN, 3},
		.tools = tools,
		.n_tools = 2,
		.parts = parts,
		.n_parts = 2,
		.warnings = warnings,
		.n_warnings = 2,
		.error = LLM_ERR_INIT};

	return a;
}

static buf written(const answer *a)
{
	buf out;

	buf_init(&out, mem_default(), 0);
	cr_assert_eq(answer_write(a, &out), 0);
	return out;
}

static int32_t read_back(const char *bytes, size_t len, arena *ar, answer *ret)
{
	const llm_bytes b = {bytes, len};

	return answer_read(&b, ar, ret);
}

static int same_bytes(const llm_bytes *a, const llm_bytes *b)
{
	return a->len == b->len && (!a->len || memcmp(a->ptr, b->ptr, a->len) == 0);
}

static void expect_texts(const answer *a, const answer *b)
{
	cr_expect_str_eq(a->run_id, b->run_id);
	cr_expect_str_eq(a->candidate, b->candidate);
	cr_expect_str_eq(a->provider, b->provider);
	cr_expect_str_eq(a->model, b->model);
	cr_expect_str_eq(a->response_model, b->response_model);
	cr_expect_str_eq(a->response_id, b->response_id);
	cr_expect_str_eq(a->request_id, b->request_id);
	cr_expect_str_eq(a->finish_raw, b->finish_raw);
	cr_expect_str_eq(a->usage_raw, b->usage_raw);
	cr_expect(same_bytes(&a->text, &b->text));
	cr_expect(same_bytes(&a->reasoning, &b->reasoning));
	cr_expect(same_bytes(&a->logprobs, &b->logprobs));
}

static void expect_lists(const answer *a, const answer *b)
{
	size_t i;

	cr_assert_eq(a->n_tools, b->n_tools);
	cr_assert_eq(a->n_parts, b->n_parts);
	cr_assert_eq(a->n_warnings, b->n_warnings);
	for (i = 0; i < a->n_tools; i++) {
		cr_expect_eq(a->tools[i].index, b->tools[i].index);
		cr_expect(same_bytes(&a->tools[i].id, &b->tools[i].id));
		cr_expect(same_bytes(&a->tools[i].name, &b->tools[i].name));
		cr_expect(same_bytes(&a->tools[i].arguments, &b->tools[i].arguments));
	}
	for (i = 0; i < a->n_parts; i++) {
		const llm_result_part *p = &a->parts[i], *q = &b->parts[i];

		cr_expect_eq(p->kind, q->kind);
		cr_expect_eq(p->part, q->part);
		cr_expect_eq(p->part_index, q->part_index);
		cr_expect_eq(p->text_len, q->text_len);
		cr_expect_eq(p->len, q->len);
		cr_expect_eq(memcmp(p->data, q->data, p->len), 0);
		cr_expect_eq(p->provider == NULL, q->provider == NULL);
		cr_expect_eq(p->media_type == NULL, q->media_type == NULL);
	}
	for (i = 0; i < a->n_warnings; i++)
		cr_expect_str_eq(a->warnings[i], b->warnings[i]);
}

Test(store_answer, R_IDEM_8_an_answer_survives_whole)
{
	answer a = full(), b;
	buf out = written(&a), again;
	arena ar;

	arena_init(&ar, mem_default(), 0);
	cr_assert_eq(read_back(out.ptr, out.len, &ar, &b), 0);
	expect_texts(&a, &b);
	expect_lists(&a, &b);
	cr_expect_eq(b.finish, a.finish);
	cr_expect_eq(memcmp(&b.usage, &a.usage, sizeof(a.usage)), 0);
	cr_expect_eq(b.error.code, 0);
	again = written(&b);
	cr_assert_eq(again.len, out.len);
	cr_expect_eq(memcmp(again.ptr, out.ptr, out.len), 0, "the same bytes each time");
	buf_done(&again);
	buf_done(&out);
	arena_reset(&ar);
}

Test(store_answer, R_IDEM_8_a_failure_survives_and_so_does_an_answer_of_nothing)
{
	const answer nothing = {.run_id = "r", .usage = LLM_USAGE_INIT};
	answer a = full(), b;
	buf out;
	arena ar;

	arena_init(&ar, mem_default(), 0);
	err_set(&a.error, LLM_E_CONTENT_FILTERED, "it was withheld");
	a.error.http_status = 400;
	a.error.phase = LLM_PHASE_FIRST_TOKEN;
	memcpy(a.error.provider_code, "SAFETY", sizeof("SAFETY"));
	out = written(&a);
	cr_assert_eq(read_back(out.ptr, out.len, &ar, &b), 0);
	cr_expect_eq(b.error.code, LLM_E_CONTENT_FILTERED);
	cr_expect_eq(b.error.err_class, LLM_CLASS_CONTENT);
	cr_expect_eq(b.error.http_status, 400);
	cr_expect_eq(b.error.phase, LLM_PHASE_FIRST_TOKEN);
	cr_expect_eq(b.error.retry_after_ms, -1);
	cr_expect_str_eq(b.error.provider_code, "SAFETY");
	cr_expect_str_eq(b.error.message, "it was withheld");
	buf_done(&out);
	out = written(&nothing);
	cr_assert_eq(read_back(out.ptr, out.len, &ar, &b), 0);
	cr_expect_null(b.provider);
	cr_expect_eq(b.text.len, 0);
	cr_expect_eq(b.usage.input_tokens, LLM_TOKENS_UNKNOWN);
	buf_done(&out);
	arena_reset(&ar);
}

/* ---- damage ---- */

/* With a checksum that fits what is in front of it. */
static void seal(buf *b)
{
	char hex[SHA256_HEX];

	cr_assert_eq(hash_keyed_hex(NULL, 0, b->ptr, b->len - ANSWER_CHECK, hex), 0);
	memcpy(b->ptr + b->len - ANSWER_CHECK, hex, ANSWER_CHECK);
}

Test(store_answer, R_IDEM_8_every_cut_and_every_changed_byte_is_told)
{
	answer a = full(), b;
	buf out;
	arena ar;
	size_t i;

	err_set(&a.error, LLM_E_OUTPUT_INVALID, "no");
	out = written(&a);
	for (i = 0; i < out.len; i++) {
		arena_init(&ar, mem_default(), 0);
		cr_assert_eq(read_back(out.ptr, i, &ar, &b), LLM_E_PROTOCOL, "cut at %zu", i);
		out.ptr[i] = (char)(out.ptr[i] ^ 0x20);
		cr_assert_eq(read_back(out.ptr, out.len, &ar, &b),
			i == 4 ? LLM_E_UNSUPPORTED : LLM_E_PROTOCOL, "byte %zu", i);
		out.ptr[i] = (char)(out.ptr[i] ^ 0x20);
		arena_reset(&ar);
	}
	buf_done(&out);
}

/* Someone who knows the checksum: nothing out of range comes through, whatever is changed. */
Test(store_answer, R_IDEM_8_sealed_damage_stays_within_its_bounds)
{
	const answer a = full();
	buf out = written(&a);
	unsigned told = 0;
	answer b;
	arena ar;
	size_t i, p;

	for (i = 5; i < out.len - ANSWER_CHECK; i++) {
		const char was = out.ptr[i];

		out.ptr[i] = (char)(was ^ 0x81);
		seal(&out);
		arena_init(&ar, mem_default(), 0);
		if (read_back(out.ptr, out.len, &ar, &b)) {
			told++;
		} else {
			cr_assert_leq(b.finish, LLM_FINISH_OTHER);
			for (p = 0; p < b.n_parts; p++)
				cr_assert_leq(b.parts[p].text_len, b.text.len);
			cr_assert_geq(b.usage.input_tokens, LLM_TOKENS_UNKNOWN);
		}
		arena_reset(&ar);
		out.ptr[i] = was;
	}
	cr_expect_gt(told, 200);
	buf_done(&out);
}

/* ---- without memory ---- */

static int play(failalloc *fa, void *arg)
{
	const answer a = full();
	answer b;
	int32_t rc;
	buf out;
	arena ar;

	(void)arg;
	buf_init(&out, &fa->hook, 0);
	arena_init(&ar, &fa->hook, 0);
	rc = answer_write(&a, &out);
	if (!rc)
		rc = read_back(out.ptr, out.len, &ar, &b);
	if (!rc && (b.n_parts != 2 || b.text.len != 5))
		rc = LLM_E_INTERNAL;
	arena_reset(&ar);
	buf_done(&out);
	return rc == LLM_E_NOMEM ? 0 : rc;
}

Test(store_answer, a_lack_of_memory_is_told)
{
	cr_expect_eq(failalloc_sweep(play, NULL), 0);
}
