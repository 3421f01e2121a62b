/*
 * base_buf.c - growth, the ceiling, dropping, handing over, failures.
 */
#include "base/alloc.h"
#include "base/buf.h"

#include "support/failalloc.h"

#include <criterion/criterion.h>
#include <string.h>

static failalloc fa;
static buf b;

static void begin(size_t max)
{
	failalloc_init(&fa);
	buf_init(&b, &fa.hook, max);
}

static void end(void)
{
	buf_done(&b);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(base_buf, empty_is_empty_text)
{
	begin(0);
	cr_assert_str_eq(buf_text(&b), "");
	cr_assert_eq(buf_add(&b, NULL, 0), 0);
	cr_assert_eq(buf_add_str(&b, ""), 0);
	cr_assert_eq(buf_add_str(&b, NULL), 0);
	buf_clear(&b);
	cr_assert_null(b.ptr);
	cr_assert_eq(fa.calls, 0);
	end();
}

Test(base_buf, grows_and_keeps_a_nul_behind)
{
	begin(0);
	for (size_t i = 0; i < 5000; i++) {
		cr_assert_eq(buf_add_char(&b, (char)('a' + i % 26)), 0);
		cr_assert_eq(b.len, i + 1);
		cr_assert_eq(b.ptr[b.len], '\0');
	}
	for (size_t i = 0; i < 5000; i++)
		cr_assert_eq(b.ptr[i], 'a' + (char)(i % 26), "byte %zu", i);
	cr_assert_lt(fa.calls, 20, "%zu calls for 5000 bytes", (size_t)fa.calls);
	end();
}

Test(base_buf, carries_any_byte)
{
	begin(0);
	cr_assert_eq(buf_add(&b, "a\0b", 3), 0);
	cr_assert_eq(buf_add_str(&b, "cd"), 0);
	cr_assert_eq(b.len, 5);
	cr_assert_eq(memcmp(b.ptr, "a\0bcd", 6), 0);
	end();
}

Test(base_buf, ceiling_is_exact_and_a_refusal_adds_nothing)
{
	begin(10);
	cr_assert_eq(buf_add_str(&b, "0123456"), 0);
	cr_assert_eq(buf_add_str(&b, "789A"), LLM_E_TOO_LARGE);
	cr_assert_str_eq(buf_text(&b), "0123456");
	cr_assert_eq(buf_add_str(&b, "789"), 0);
	cr_assert_eq(buf_add_char(&b, 'A'), LLM_E_TOO_LARGE);
	cr_assert_eq(buf_reserve(&b, SIZE_MAX), LLM_E_TOO_LARGE);
	cr_assert_eq(buf_reserve(&b, 0), 0);
	cr_assert_str_eq(buf_text(&b), "0123456789");
	cr_assert_eq(b.cap, 10);
	end();
}

Test(base_buf, growth_stops_at_a_ceiling_that_is_no_power_of_two)
{
	begin(100);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(buf_add_char(&b, 'x'), 0);
	cr_assert_eq(b.cap, 100);
	cr_assert_eq(buf_add_char(&b, 'x'), LLM_E_TOO_LARGE);
	end();
}

Test(base_buf, no_ceiling_still_refuses_what_cannot_be)
{
	begin(0);
	cr_assert_eq(buf_reserve(&b, SIZE_MAX / 2 + 1), LLM_E_TOO_LARGE);
	cr_assert_eq(fa.calls, 0);
	end();
	begin(SIZE_MAX);
	cr_assert_eq(b.max, SIZE_MAX / 2);
	end();
}

Test(base_buf, reserved_room_cannot_fail)
{
	begin(0);
	cr_assert_eq(buf_reserve(&b, 1000), 0);
	cr_assert_str_eq(buf_text(&b), "");
	failalloc_from(&fa, 1);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(buf_add_char(&b, 'x'), 0);
	cr_assert_eq(fa.failed, 0);
	cr_assert_eq(buf_reserve(&b, 1000), LLM_E_NOMEM);
	cr_assert_eq(b.len, 1000);
	end();
}

Test(base_buf, clear_keeps_the_memory)
{
	size_t cap;

	begin(0);
	cr_assert_eq(buf_add_str(&b, "some text"), 0);
	cap = b.cap;
	buf_clear(&b);
	cr_assert_str_eq(buf_text(&b), "");
	cr_assert_eq(b.len, 0);
	cr_assert_eq(b.cap, cap);
	cr_assert_eq(buf_add_str(&b, "other"), 0);
	cr_assert_str_eq(buf_text(&b), "other");
	cr_assert_eq(fa.calls, 1);
	end();
}

/* On failure the text is what it was; afterwards adding works again. */
static int buf_play(failalloc *mem, void *arg)
{
	char expected[2048];
	size_t len = 0;
	int wrong = 0;
	buf mine;

	(void)arg;
	buf_init(&mine, &mem->hook, 0);
	for (size_t i = 0; i < 60; i++) {
		char piece[32];

		memset(piece, 'a' + (int)(i % 26), sizeof(piece));
		if (!buf_add(&mine, piece, sizeof(piece))) {
			memcpy(expected + len, piece, sizeof(piece));
			len += sizeof(piece);
		}
		wrong += mine.len != len || (len && memcmp(mine.ptr, expected, len) != 0);
	}
	buf_done(&mine);
	return wrong;
}

Test(base_buf, every_failed_allocation_is_survived)
{
	cr_assert_eq(failalloc_sweep(buf_play, NULL), 0);
}
