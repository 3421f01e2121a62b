/*
 * base_alloc.c - the door to memory, with libc's allocator and with one that fails.
 */
#include "base/alloc.h"

#include "support/failalloc.h"

#include <criterion/criterion.h>
#include <string.h>

Test(base_alloc, default_allocates_resizes_and_frees)
{
	const llm_allocator *a = mem_default();
	char *ptr = mem_new(a, 100);

	cr_assert_not_null(ptr);
	for (size_t i = 0; i < 100; i++)
		cr_assert_eq(ptr[i], 0, "byte %zu", i);
	memset(ptr, 'x', 100);
	ptr = mem_resize(a, ptr, 100000);
	cr_assert_not_null(ptr);
	cr_assert_eq(ptr[99], 'x');
	mem_free(a, ptr);
	mem_free(a, NULL);
}

Test(base_alloc, memory_is_zeroed_whatever_the_hook_gives)
{
	static const char zeros[64];
	failalloc fa;
	char *ptr;

	failalloc_init(&fa);
	ptr = mem_new(&fa.hook, sizeof(zeros));
	cr_assert_not_null(ptr);
	cr_assert_eq(memcmp(ptr, zeros, sizeof(zeros)), 0);
	mem_free(&fa.hook, ptr);
	ptr = mem_array(&fa.hook, 16, 4);
	cr_assert_not_null(ptr);
	cr_assert_eq(memcmp(ptr, zeros, sizeof(zeros)), 0);
	mem_free(&fa.hook, ptr);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(base_alloc, zero_bytes_are_distinct_pointers)
{
	failalloc fa;
	void *one, *two;

	failalloc_init(&fa);
	one = mem_new(&fa.hook, 0);
	two = mem_array(&fa.hook, 0, 8);
	cr_assert_not_null(one);
	cr_assert_not_null(two);
	cr_assert_neq(one, two);
	one = mem_resize(&fa.hook, one, 0);
	cr_assert_not_null(one);
	cr_assert_eq(fa.bytes, 2);
	mem_free(&fa.hook, one);
	mem_free(&fa.hook, two);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(base_alloc, products_and_lengths_that_overflow_are_refused_unasked)
{
	failalloc fa;

	failalloc_init(&fa);
	cr_assert_null(mem_array(&fa.hook, SIZE_MAX / 2, 3));
	cr_assert_null(mem_array(&fa.hook, 2, SIZE_MAX));
	cr_assert_null(mem_dup(&fa.hook, "", SIZE_MAX));
	cr_assert_eq(fa.calls, 0);
}

Test(base_alloc, copies_end_in_nul)
{
	failalloc fa;
	char *whole, *part, *empty, *nothing;

	failalloc_init(&fa);
	whole = mem_str(&fa.hook, "candidate");
	part = mem_dup(&fa.hook, "candidate", 3);
	empty = mem_dup(&fa.hook, NULL, 0);
	nothing = mem_str(&fa.hook, NULL);
	cr_assert_str_eq(whole, "candidate");
	cr_assert_str_eq(part, "can");
	cr_assert_str_eq(empty, "");
	cr_assert_null(nothing);
	mem_free(&fa.hook, whole);
	mem_free(&fa.hook, part);
	mem_free(&fa.hook, empty);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(base_alloc, a_failure_is_null_and_the_old_block_stays)
{
	failalloc fa;
	char *kept;

	failalloc_init(&fa);
	kept = mem_str(&fa.hook, "kept");
	failalloc_from(&fa, 1);
	cr_assert_null(mem_new(&fa.hook, 8));
	cr_assert_null(mem_array(&fa.hook, 2, 8));
	cr_assert_null(mem_dup(&fa.hook, "a", 1));
	cr_assert_null(mem_str(&fa.hook, "a"));
	cr_assert_null(mem_resize(&fa.hook, kept, 100));
	cr_assert_str_eq(kept, "kept");
	cr_assert_eq(fa.failed, 5);
	mem_free(&fa.hook, kept);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

/* What release was given, at the moment it was given. */
static char wiped[8];

static void *wipe_alloc(void *ctx, size_t bytes)
{
	return bytes <= 8 ? ctx : NULL;
}

static void wipe_release(void *ctx, void *ptr)
{
	(void)ctx;
	memcpy(wiped, ptr, sizeof(wiped));
}

Test(base_alloc, wipe_overwrites_before_it_releases)
{
	char room[8] = "xxxxxxx";
	llm_allocator a = {.ctx = room, .alloc = wipe_alloc, .release = wipe_release};
	char *secret = mem_dup(&a, "sk-1234", 7);
	static const char zeros[7];

	cr_assert_str_eq(secret, "sk-1234");
	memset(wiped, 'x', sizeof(wiped));
	mem_wipe(&a, secret, 7);
	cr_assert_eq(memcmp(wiped, zeros, 7), 0);
	memset(wiped, 'x', sizeof(wiped));
	mem_wipe(&a, NULL, 7);
	cr_assert_eq(wiped[0], 'x');
}
