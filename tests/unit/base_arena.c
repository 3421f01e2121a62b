/*
 * base_arena.c - alignment, zeroes, sizes around the chunk, failures.
 */
#include "base/arena.h"

#include "support/failalloc.h"

#include <criterion/criterion.h>
#include <stdalign.h>
#include <string.h>

Test(base_arena, takes_nothing_before_the_first_item)
{
	failalloc fa;
	arena ar;

	failalloc_init(&fa);
	arena_init(&ar, &fa.hook, 0);
	cr_assert_eq(fa.calls, 0);
	cr_assert_eq(ar.used, 0);
	cr_assert_eq(ar.chunk, 4096);
	arena_reset(&ar);
	cr_assert_eq(fa.calls, 0);
}

Test(base_arena, items_are_aligned_zeroed_and_apart)
{
	failalloc fa;
	arena ar;
	unsigned char *items[300];

	failalloc_init(&fa);
	arena_init(&ar, &fa.hook, 256);
	for (size_t i = 0; i < 300; i++) {
		items[i] = arena_new(&ar, i);
		cr_assert_not_null(items[i]);
		cr_assert_eq((uintptr_t)items[i] % alignof(max_align_t), 0, "item %zu", i);
		for (size_t k = 0; k < i; k++)
			cr_assert_eq(items[i][k], 0, "item %zu byte %zu", i, k);
		memset(items[i], (int)(i % 251 + 1), i);
	}
	for (size_t i = 0; i < 300; i++)
		for (size_t k = 0; k < i; k++)
			cr_assert_eq(items[i][k], i % 251 + 1, "item %zu byte %zu", i, k);
	cr_assert_neq(items[0], items[1]);
	arena_reset(&ar);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(base_arena, small_items_share_blocks_except_in_debug_builds)
{
	failalloc fa;
	arena ar;

	failalloc_init(&fa);
	arena_init(&ar, &fa.hook, 4096);
	for (int i = 0; i < 100; i++)
		cr_assert_not_null(arena_new(&ar, 16));
#ifdef LLM_ARENA_DEBUG
	cr_assert_eq(fa.blocks, 100);
#else
	cr_assert_eq(fa.blocks, 1);
#endif
	cr_assert_eq(ar.used, 1600);
	arena_reset(&ar);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(base_arena, a_large_item_leaves_the_room_of_the_current_block)
{
	failalloc fa;
	arena ar;
	size_t before;

	failalloc_init(&fa);
	arena_init(&ar, &fa.hook, 1024);
	cr_assert_not_null(arena_new(&ar, 16));
	cr_assert_not_null(arena_new(&ar, 100000));
	before = fa.blocks;
	cr_assert_not_null(arena_new(&ar, 16));
#ifdef LLM_ARENA_DEBUG
	cr_assert_eq(fa.blocks, before + 1);
#else
	cr_assert_eq(fa.blocks, before);
#endif
	arena_reset(&ar);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(base_arena, a_large_item_first)
{
	failalloc fa;
	arena ar;
	char *large, *small;

	failalloc_init(&fa);
	arena_init(&ar, &fa.hook, 64);
	large = arena_new(&ar, 1001);
	small = arena_new(&ar, 1);
	cr_assert_not_null(large);
	cr_assert_not_null(small);
	memset(large, 'x', 1001);
	cr_assert_eq(*small, 0);
	cr_assert_eq(ar.used, 1002);
	arena_reset(&ar);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(base_arena, chunks_smaller_than_an_item_work)
{
	failalloc fa;
	arena ar;

	failalloc_init(&fa);
	for (size_t chunk = 1; chunk < 70; chunk++) {
		arena_init(&ar, &fa.hook, chunk);
		for (size_t bytes = 0; bytes < 40; bytes++) {
			char *item = arena_new(&ar, bytes);

			cr_assert_not_null(item);
			memset(item, 'x', bytes);
		}
		arena_reset(&ar);
	}
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(base_arena, copies_end_in_nul)
{
	static const char long_text[5000] = "long";
	arena ar;
	failalloc fa;

	failalloc_init(&fa);
	arena_init(&ar, &fa.hook, 0);
	cr_assert_str_eq(arena_str(&ar, "finish"), "finish");
	cr_assert_str_eq(arena_dup(&ar, "finish", 3), "fin");
	cr_assert_str_eq(arena_dup(&ar, NULL, 0), "");
	cr_assert_null(arena_str(&ar, NULL));
	cr_assert_not_null(arena_array(&ar, 3, 0));
	failalloc_from(&fa, 1);
	cr_assert_null(arena_dup(&ar, long_text, sizeof(long_text)));
	arena_reset(&ar);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(base_arena, sizes_that_overflow_are_refused_unasked)
{
	arena ar;
	failalloc fa;

	failalloc_init(&fa);
	arena_init(&ar, &fa.hook, 0);
	cr_assert_null(arena_array(&ar, SIZE_MAX / 2, 3));
	cr_assert_null(arena_new(&ar, SIZE_MAX));
	cr_assert_null(arena_new(&ar, SIZE_MAX - 8));
	cr_assert_null(arena_dup(&ar, "", SIZE_MAX));
	cr_assert_eq(fa.calls, 0);
	cr_assert_eq(ar.used, 0);
	cr_assert_not_null(arena_array(&ar, 3, 5));
	arena_reset(&ar);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(base_arena, usable_again_after_reset)
{
	arena ar;
	failalloc fa;

	failalloc_init(&fa);
	arena_init(&ar, &fa.hook, 64);
	for (int round = 0; round < 3; round++) {
		cr_assert_str_eq(arena_str(&ar, "again"), "again");
		cr_assert_gt(ar.used, 0);
		arena_reset(&ar);
		cr_assert_eq(ar.used, 0);
		cr_assert_eq(fa.blocks, 0);
	}
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

/* A failed item changes nothing: what was taken before still reads the same. */
static int arena_play(failalloc *fa, void *arg)
{
	const char *texts[40];
	int wrong = 0;
	arena ar;

	(void)arg;
	arena_init(&ar, &fa->hook, 128);
	for (size_t i = 0; i < 40; i++) {
		size_t used = ar.used;
		char *item = arena_new(&ar, i * 3 + 1);

		texts[i] = item;
		if (item)
			memset(item, 'a' + (int)(i % 26), i * 3);
		else
			wrong += ar.used != used;
	}
	for (size_t i = 0; i < 40; i++)
		wrong += texts[i] && strspn(texts[i], (char[2]){(char)('a' + i % 26), 0}) != i * 3;
	arena_reset(&ar);
	return wrong;
}

Test(base_arena, every_failed_allocation_is_survived)
{
	cr_assert_eq(failalloc_sweep(arena_play, NULL), 0);
}

#ifndef LLM_ARENA_DEBUG
Test(base_arena, goes_on_with_one_block)
{
	failalloc fa;
	arena ar;
	size_t i;

	failalloc_init(&fa);
	arena_init(&ar, &fa.hook, 256);
	arena_rewind(&ar);
	for (i = 0; i < 40; i++)
		cr_assert_not_null(memset(arena_new(&ar, 60), 0xFF, 60));
	cr_assert_not_null(arena_new(&ar, 1000));
	arena_rewind(&ar);
	cr_expect_eq(ar.used, 0);
	fa.calls = 0;
	for (i = 0; i < 4; i++)
		cr_expect_eq(((char *)arena_new(&ar, 50))[49], 0, "zeroed");
	cr_expect_eq(fa.calls, 0, "the block is there");
	arena_reset(&ar);
}
#endif
