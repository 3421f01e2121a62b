/*
 * sse.c - the framer of event streams, against a slow parser that is obvious and
 * against the results in sse_cases.h.
 */
#include "wire/sse.h"

#include "base/alloc.h"
#include "sse_cases.h"
#include "support/failalloc.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1024 * 1024)

/* ---- results as text ---- */

typedef struct record {
	char *text;
	size_t len;
	size_t cap;
	size_t frames;
	int32_t stop_at; /* this frame's callback returns 77; 0: none */
} record;

static void record_add(record *r, const char *bytes, size_t len)
{
	if (r->len + len + 1 > r->cap) {
		r->cap = (r->len + len + 1) * 2;
		r->text = realloc(r->text, r->cap);
		cr_assert(r->text);
	}
	memcpy(r->text + r->len, bytes, len);
	r->len += len;
	r->text[r->len] = '\0';
}

static void record_frame(record *r, llm_bytes event, llm_bytes data, llm_bytes id)
{
	record_add(r, "{", 1);
	record_add(r, event.ptr, event.len);
	record_add(r, "|", 1);
	record_add(r, data.ptr, data.len);
	record_add(r, "|", 1);
	record_add(r, id.ptr, id.len);
	record_add(r, "}", 1);
}

static void record_residue(record *r, llm_bytes residue)
{
	if (!residue.len)
		return;
	record_add(r, "~", 1);
	record_add(r, residue.ptr, residue.len);
}

static int32_t record_fn(void *ctx, const frame *f)
{
	record *r = ctx;

	r->frames++;
	if (r->stop_at && r->frames == (size_t)r->stop_at)
		return 77;
	record_frame(r, f->event, f->data, f->id);
	return 0;
}

static int record_same(const record *r, const char *text, size_t len)
{
	return r->len == len && (!len || !memcmp(r->text, text, len));
}

/* ---- the slow parser: all of the text at once, everything copied ---- */

typedef struct slow {
	record data, event, id, rest;
	int have_data;
} slow;

static void slow_set(record *r, llm_bytes value)
{
	r->len = 0;
	record_add(r, value.ptr, value.len);
}

static llm_bytes slow_bytes(const record *r)
{
	return (llm_bytes){r->len ? r->text : "", r->len};
}

static void slow_give(slow *s, record *out)
{
	if (s->have_data)
		record_frame(out, slow_bytes(&s->event), slow_bytes(&s->data), slow_bytes(&s->id));
	s->have_data = 0;
	s->data.len = 0;
	s->event.len = 0;
}

static void slow_field(slow *s, llm_bytes line)
{
	size_t n = 0;
	llm_bytes value;

	while (n < line.len && line.ptr[n] != ':')
		n++;
	value.ptr = n < line.len ? line.ptr + n + 1 : line.ptr + n;
	value.len = line.len - (size_t)(value.ptr - line.ptr);
	if (value.len && value.ptr[0] == ' ') {
		value.ptr++;
		value.len--;
	}
	if (n == 4 && !memcmp(line.ptr, "data", 4)) {
		if (s->have_data)
			record_add(&s->data, "\n", 1);
		record_add(&s->data, value.ptr, value.len);
		s->have_data = 1;
	} else if (n == 5 && !memcmp(line.ptr, "event", 5)) {
		slow_set(&s->event, value);
	} else if (n == 2 && !memcmp(line.ptr, "id", 2)) {
		if (!memchr(value.ptr, 0, value.len))
			slow_set(&s->id, value);
	} else if (n != 5 || memcmp(line.ptr, "retry", 5)) {
		if (s->rest.len)
			record_add(&s->rest, "\n", 1);
		record_add(&s->rest, line.ptr, line.len);
	}
}

static void slow_line(slow *s, llm_bytes line, record *out)
{
	if (!line.len) {
		if (s->have_data)
			s->rest.len = 0;
		slow_give(s, out);
	} else if (line.ptr[0] != ':') {
		slow_field(s, line);
	}
}

static void slow_parse(const char *text, size_t len, record *out)
{
	slow s;
	size_t at = len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;

	memset(&s, 0, sizeof(s));
	while (at < len) {
		size_t n = 0;

		while (at + n < len && text[at + n] != '\r' && text[at + n] != '\n')
			n++;
		slow_line(&s, (llm_bytes){text + at, n}, out);
		at += n;
		if (at == len)
			break;
		at += text[at] == '\r' && at + 1 < len && text[at + 1] == '\n' ? 2 : 1;
	}
	slow_give(&s, out);
	record_residue(out, slow_bytes(&s.rest));
	free(s.data.text);
	free(s.event.text);
	free(s.id.text);
	free(s.rest.text);
}

/* ---- feeding ---- */

/* A piece lives in a block of its own that is gone afterwards, so that a kept pointer shows. */
static int32_t feed_copy(sse *s, const char *bytes, size_t len, record *r)
{
	char *copy = malloc(len ? len : 1);
	int32_t rc;

	cr_assert(copy);
	memcpy(copy, bytes, len);
	rc = sse_feed(s, copy, len, record_fn, r);
	memset(copy, 'X', len);
	free(copy);
	return rc;
}

/* `first` bytes, then pieces of `step`. */
static record parse_cut(const char *text, size_t len, size_t first, size_t step)
{
	record r = {0};
	llm_bytes residue = {"", 0};
	size_t n = first < len ? first : len;
	sse s;

	sse_init(&s, mem_default(), 0);
	for (size_t at = 0; at < len; at += n, n = step < len - at ? step : len - at)
		cr_assert_eq(feed_copy(&s, text + at, n, &r), 0);
	cr_assert_eq(sse_end(&s, record_fn, &r, &residue), 0);
	record_residue(&r, residue);
	sse_done(&s);
	return r;
}

static void check_cut(size_t i, const record *want, size_t first, size_t step)
{
	record got = parse_cut(cases[i].text, cases[i].len, first, step);

	cr_assert(record_same(&got, want->text, want->len), "case %zu (%s), cut %zu/%zu: %s not %s",
		i, cases[i].text, first, step, got.len ? got.text : "",
		want->len ? want->text : "");
	free(got.text);
}

Test(sse, U_13_table_against_the_slow_parser_at_every_cut)
{
	const size_t n = sizeof(cases) / sizeof(cases[0]);

	cr_assert_geq(n, 80);
	for (size_t i = 0; i < n; i++) {
		size_t len = cases[i].len;
		record want = {0};

		slow_parse(cases[i].text, len, &want);
		cr_assert(record_same(&want, cases[i].result, strlen(cases[i].result)),
			"the slow parser, case %zu (%s): %s", i, cases[i].text,
			want.len ? want.text : "");
		check_cut(i, &want, len ? len : 1, 1);
		check_cut(i, &want, 1, 1);
		for (size_t cut = 1; cut < len; cut++) {
			check_cut(i, &want, cut, len);
			check_cut(i, &want, cut, 3);
		}
		free(want.text);
	}
}

Test(sse, U_07_all_cases_as_one_stream_byte_by_byte)
{
	record all = {0};
	record want = {0};
	record whole;
	record drip;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		record_add(&all, cases[i].text, cases[i].len);
		record_add(&all, "\n\n", 2);
	}
	slow_parse(all.text, all.len, &want);
	whole = parse_cut(all.text, all.len, all.len, 1);
	drip = parse_cut(all.text, all.len, 1, 1);
	cr_assert(record_same(&whole, want.text, want.len));
	cr_assert(record_same(&drip, want.text, want.len));
	cr_assert_gt(whole.frames, 80);
	free(all.text);
	free(want.text);
	free(whole.text);
	free(drip.text);
}

Test(sse, U_13_events_of_one_mebibyte)
{
	record text = {0};
	record want = {0};
	char *filler = malloc(MIB);
	const size_t cuts[] = {1, 5, 6, 7, 4096, MIB, MIB + 5, MIB + 6, MIB + 7, MIB + 8, 2 * MIB};

	cr_assert(filler);
	memset(filler, 'x', MIB);
	record_add(&text, "data: ", 6);
	record_add(&text, filler, MIB);
	record_add(&text, "\n\ndata: ", 8);
	record_add(&text, filler, MIB);
	record_add(&text, "\ndata: b\n\n", 10);
	slow_parse(text.text, text.len, &want);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		record got = parse_cut(text.text, text.len, cuts[i], 16384);

		cr_assert_eq(got.frames, 2);
		cr_assert(record_same(&got, want.text, want.len), "cut %zu", cuts[i]);
		free(got.text);
	}
	free(filler);
	free(text.text);
	free(want.text);
}

Test(sse, a_whole_line_is_handed_out_without_a_copy)
{
	static const char text[] = "data: hello\n\n";
	failalloc fa;
	record r = {0};
	sse s;

	failalloc_init(&fa);
	sse_init(&s, &fa.hook, 0);
	cr_assert_eq(sse_feed(&s, text, sizeof(text) - 1, record_fn, &r), 0);
	cr_assert_str_eq(r.text, "{|hello|}");
	cr_assert_eq(fa.calls, 0);
	sse_done(&s);
	free(r.text);
}

static int32_t feed_limited(size_t max, const char *text, size_t step, record *r)
{
	llm_bytes residue;
	size_t len = strlen(text);
	int32_t rc = 0;
	sse s;

	sse_init(&s, mem_default(), max);
	for (size_t at = 0; !rc && at < len; at += step)
		rc = feed_copy(&s, text + at, step < len - at ? step : len - at, r);
	if (!rc)
		rc = sse_end(&s, record_fn, r, &residue);
	sse_done(&s);
	return rc;
}

Test(sse, what_is_longer_than_the_limit_is_too_large)
{
	static const struct {
		const char *text;
		int32_t rc;
	} rows[] = {
		{"data: 12345678\n\n", 0},
		{"data: 123456789\n\n", LLM_E_TOO_LARGE},
		{"data: 1234\ndata: 567\n\n", 0},
		{"data: 1234\ndata: 5678\n\n", LLM_E_TOO_LARGE},
		{"event: 123456789\n\n", LLM_E_TOO_LARGE},
		{"id: 123456789\n\n", LLM_E_TOO_LARGE},
		{": a comment of forty bytes, give or take one\n", LLM_E_TOO_LARGE},
		{"forty bytes that never come to an end, never", LLM_E_TOO_LARGE},
		{"data: 12345678\n\ndata: 12345678\n\ndata: 12345678\n\n", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t step = 1; step < 60; step++) {
			record r = {0};

			cr_assert_eq(feed_limited(8, rows[i].text, step, &r), rows[i].rc,
				"%s, step %zu", rows[i].text, step);
			free(r.text);
		}
	}
}

Test(sse, a_limit_beyond_reason_and_pieces_of_nothing)
{
	record r = {0};
	llm_bytes residue;
	sse s;

	sse_init(&s, mem_default(), SIZE_MAX);
	cr_assert_eq(sse_feed(&s, "data: ", 6, record_fn, &r), 0);
	cr_assert_eq(sse_feed(&s, "", 0, record_fn, &r), 0);
	cr_assert_eq(sse_feed(&s, "a\n", 2, record_fn, &r), 0);
	cr_assert_eq(sse_end(&s, record_fn, &r, &residue), 0);
	cr_assert_str_eq(r.text, "{|a|}");
	cr_assert_eq(sse_end(&s, record_fn, &r, &residue), 0);
	cr_assert_eq(r.frames, 1);
	sse_done(&s);
	free(r.text);
}

Test(sse, the_residue_ends_at_64_kib)
{
	static const char line[] = "this line is no field of an event stream at all\n";
	llm_bytes residue = {0};
	record r = {0};
	sse s;

	sse_init(&s, mem_default(), 0);
	cr_assert_eq(feed_copy(&s, "data: a\n\n", 9, &r), 0);
	for (size_t i = 0; i < 3000; i++)
		cr_assert_eq(feed_copy(&s, line, sizeof(line) - 1, &r), 0);
	cr_assert_eq(sse_end(&s, record_fn, &r, &residue), 0);
	cr_assert_eq(residue.len, 65536);
	cr_assert_eq(memcmp(residue.ptr, line, sizeof(line) - 1), 0);
	sse_done(&s);
	free(r.text);
}

Test(sse, comments_are_counted)
{
	sse s;
	record r = {0};

	sse_init(&s, mem_default(), 0);
	cr_assert_eq(feed_copy(&s, ": a\n\n:\n: b", 10, &r), 0);
	cr_assert_eq(s.comments, 2);
	cr_assert_eq(feed_copy(&s, "c\r\n", 3, &r), 0);
	cr_assert_eq(s.comments, 3);
	cr_assert_eq(r.frames, 0);
	sse_done(&s);
}

Test(sse, what_the_callback_returns_stops_the_feeding)
{
	static const char text[] = "data: a\n\ndata: b\n\ndata: c\n\n";
	record r = {.stop_at = 2};
	llm_bytes residue = {"untouched", 9};
	sse s;

	sse_init(&s, mem_default(), 0);
	cr_assert_eq(feed_copy(&s, text, sizeof(text) - 1, &r), 77);
	cr_assert_str_eq(r.text, "{|a|}");
	sse_done(&s);
	r.stop_at = 3;
	sse_init(&s, mem_default(), 0);
	cr_assert_eq(feed_copy(&s, "data: d", 7, &r), 0);
	cr_assert_eq(sse_end(&s, record_fn, &r, &residue), 77);
	cr_assert_str_eq(residue.ptr, "untouched");
	sse_done(&s);
	free(r.text);
}

static int play_all_cases(failalloc *fa, void *arg)
{
	size_t step = *(size_t *)arg;
	int32_t rc = 0;
	sse s;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) && !rc; i++) {
		record r = {0};
		llm_bytes residue = {"", 0};

		sse_init(&s, &fa->hook, 0);
		for (size_t at = 0; !rc && at < cases[i].len; at += step)
			rc = feed_copy(&s, cases[i].text + at,
				step < cases[i].len - at ? step : cases[i].len - at, &r);
		if (!rc)
			rc = sse_end(&s, record_fn, &r, &residue);
		record_residue(&r, residue);
		if (!rc && !record_same(&r, cases[i].result, strlen(cases[i].result)))
			rc = LLM_E_INTERNAL;
		sse_done(&s);
		free(r.text);
	}
	return rc && !(rc == LLM_E_NOMEM && fa->failed);
}

Test(sse, P_01_every_allocation_fails)
{
	size_t steps[] = {1, 5, 1000};

	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(failalloc_sweep(play_all_cases, &steps[i]), 0);
}
