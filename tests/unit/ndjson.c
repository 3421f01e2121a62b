/*
 * ndjson.c - lines as frames, whole and in pieces.
 */
#include "wire/ndjson.h"

#include "base/alloc.h"
#include "support/failalloc.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define CASE(text, result) \
	{ \
		text, sizeof(text) - 1, result \
	}

/* Every frame is followed by "|" in the result. */
static const struct {
	const char *text;
	size_t len;
	const char *result;
} cases[] = {
	CASE("", ""),
	CASE("\n", ""),
	CASE("\r\n", ""),
	CASE("\n\n\r\n\n", ""),
	CASE("{}", "{}|"),
	CASE("{}\n", "{}|"),
	CASE("{}\r\n", "{}|"),
	CASE("{}\r", "{}|"),
	CASE("{}\n{}", "{}|{}|"),
	CASE("{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}|{\"b\":2}|"),
	CASE("{\"a\":1}\r\n{\"b\":2}\r\n", "{\"a\":1}|{\"b\":2}|"),
	CASE("{\"a\":1}\n\n\n{\"b\":2}\r\n\r\n", "{\"a\":1}|{\"b\":2}|"),
	CASE("a\rb\n", "a\rb|"),
	CASE("a\r\r\n", "a\r|"),
	CASE(" \n", " |"),
	CASE("not json\n", "not json|"),
	CASE("\xef\xbb\xbf{}\n\xef\xbb\xbf{}\n", "{}|\xef\xbb\xbf{}|"),
	CASE("\xc3\xa4\xe2\x82\xac\n\xff\n", "\xc3\xa4\xe2\x82\xac|\xff|"),
	CASE("{\"done\":false}\n{\"error\":\"x\"}\n", "{\"done\":false}|{\"error\":\"x\"}|"),
	CASE("{\"done\":fal", "{\"done\":fal|"),
};

typedef struct record {
	char text[512];
	size_t len;
	size_t frames;
	size_t stop_at;
} record;

static int32_t record_fn(void *ctx, const frame *f)
{
	record *r = ctx;

	if (++r->frames == r->stop_at)
		return 77;
	if (f->event.len || f->id.len || f->data.len + 2 > sizeof(r->text) - r->len)
		return LLM_E_INTERNAL;
	memcpy(r->text + r->len, f->data.ptr, f->data.len);
	r->len += f->data.len;
	r->text[r->len++] = '|';
	r->text[r->len] = '\0';
	return 0;
}

static int32_t feed_copy(ndjson *n, const char *bytes, size_t len, record *r)
{
	char *copy = malloc(len ? len : 1);
	int32_t rc;

	cr_assert(copy);
	memcpy(copy, bytes, len);
	rc = ndjson_feed(n, copy, len, record_fn, r);
	free(copy);
	return rc;
}

static int32_t parse(const llm_allocator *mem, size_t max, llm_bytes text, size_t step, record *r)
{
	llm_bytes residue = {"x", 1};
	int32_t rc = 0;
	ndjson n;

	ndjson_init(&n, mem, max);
	for (size_t at = 0; !rc && at < text.len; at += step)
		rc = feed_copy(&n, text.ptr + at, step < text.len - at ? step : text.len - at, r);
	if (!rc)
		rc = ndjson_end(&n, record_fn, r, &residue);
	if (!rc && residue.len)
		rc = LLM_E_INTERNAL;
	ndjson_done(&n);
	return rc;
}

Test(ndjson, U_07_one_byte_at_a_time_as_in_one_block)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t step = 1; step <= cases[i].len + 1; step++) {
			record r = {.text = ""};
			llm_bytes text = {cases[i].text, cases[i].len};

			cr_assert_eq(parse(mem_default(), 0, text, step, &r), 0);
			cr_assert_str_eq(r.text, cases[i].result, "case %zu, step %zu", i, step);
		}
	}
}

Test(ndjson, a_line_longer_than_the_limit_is_too_large)
{
	static const struct {
		const char *text;
		int32_t rc;
	} rows[] = {
		{"12345678\n", 0},
		{"12345678\r\n", 0},
		{"12345678", 0},
		{"12345678\r", 0},
		{"123456789\n", LLM_E_TOO_LARGE},
		{"123456789\r\n", LLM_E_TOO_LARGE},
		{"123456789", LLM_E_TOO_LARGE},
		{"1234567890123456789012345678901234567890", LLM_E_TOO_LARGE},
		{"1\n123456789\n2\n", LLM_E_TOO_LARGE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t step = 1; step < 45; step++) {
			record r = {.text = ""};
			llm_bytes text = {rows[i].text, strlen(rows[i].text)};

			cr_assert_eq(parse(mem_default(), 8, text, step, &r), rows[i].rc,
				"%s, step %zu", rows[i].text, step);
		}
	}
}

Test(ndjson, a_limit_beyond_reason)
{
	record r = {.text = ""};

	cr_assert_eq(parse(mem_default(), SIZE_MAX, (llm_bytes){"1\n2", 3}, 1, &r), 0);
	cr_assert_str_eq(r.text, "1|2|");
}

Test(ndjson, what_the_callback_returns_stops_the_feeding)
{
	record r = {.stop_at = 2};

	cr_assert_eq(parse(mem_default(), 0, (llm_bytes){"1\n2\n3\n", 6}, 6, &r), 77);
	cr_assert_str_eq(r.text, "1|");
	cr_assert_eq(r.frames, 2);
	r = (record){.stop_at = 1};
	cr_assert_eq(parse(mem_default(), 0, (llm_bytes){"1", 1}, 1, &r), 77);
}

Test(ndjson, a_whole_line_is_handed_out_without_a_copy)
{
	failalloc fa;
	record r = {.text = ""};

	failalloc_init(&fa);
	cr_assert_eq(parse(&fa.hook, 0, (llm_bytes){"1\n2\r\n", 5}, 5, &r), 0);
	cr_assert_str_eq(r.text, "1|2|");
	cr_assert_eq(fa.calls, 0);
}

static int play(failalloc *fa, void *arg)
{
	size_t step = *(size_t *)arg;
	int32_t rc = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) && !rc; i++) {
		record r = {.text = ""};

		rc = parse(&fa->hook, 0, (llm_bytes){cases[i].text, cases[i].len}, step, &r);
		if (!rc && strcmp(r.text, cases[i].result) != 0)
			rc = LLM_E_INTERNAL;
	}
	return rc && !(rc == LLM_E_NOMEM && fa->failed);
}

Test(ndjson, P_01_every_allocation_fails)
{
	size_t steps[] = {1, 4, 100};

	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(failalloc_sweep(play, &steps[i]), 0);
}
