/*
 * base_support.c - the allocator and the clock that other tests lean on.
 */
#include "support/failalloc.h"
#include "support/fakeclock.h"
#include "support/litter.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

Test(failalloc, counts_and_keeps_a_ledger)
{
	failalloc fa;
	void *one, *two;

	failalloc_init(&fa);
	one = fa.hook.alloc(fa.hook.ctx, 10);
	two = fa.hook.resize(fa.hook.ctx, NULL, 20);
	cr_assert_eq(fa.calls, 2);
	cr_assert_eq(fa.blocks, 2);
	cr_assert_eq(fa.bytes, 30);
	one = fa.hook.resize(fa.hook.ctx, one, 100);
	cr_assert_eq(fa.bytes, 120);
	cr_assert_eq(failalloc_leaks(&fa), 2);
	fa.hook.release(fa.hook.ctx, one);
	fa.hook.release(fa.hook.ctx, two);
	fa.hook.release(fa.hook.ctx, NULL);
	cr_assert_eq(fa.bytes, 0);
	cr_assert_eq(fa.peak, 130, "old and new block live together in a resize");
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(failalloc, resize_moves_and_keeps_the_bytes)
{
	failalloc fa;
	char *old, *grown, *shrunk;

	failalloc_init(&fa);
	old = fa.hook.alloc(&fa, 4);
	memcpy(old, "abc", 4);
	grown = fa.hook.resize(&fa, old, 400);
	cr_assert_neq(old, grown);
	cr_assert_str_eq(grown, "abc");
	shrunk = fa.hook.resize(&fa, grown, 2);
	cr_assert_eq(memcmp(shrunk, "ab", 2), 0);
	fa.hook.release(&fa, shrunk);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(failalloc, fails_once)
{
	failalloc fa;
	void *got[5];

	failalloc_init(&fa);
	failalloc_once(&fa, 3);
	for (int i = 0; i < 5; i++)
		got[i] = fa.hook.alloc(&fa, 1);
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(got[i] == NULL, i == 2, "%d", i);
		fa.hook.release(&fa, got[i]);
	}
	cr_assert_eq(fa.failed, 1);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(failalloc, fails_for_ever_until_told_otherwise)
{
	failalloc fa;
	void *got;

	failalloc_init(&fa);
	failalloc_from(&fa, 2);
	got = fa.hook.alloc(&fa, 1);
	cr_assert_not_null(got);
	for (int i = 0; i < 5; i++)
		cr_assert_null(fa.hook.resize(&fa, got, 2));
	cr_assert_eq(fa.failed, 5);
	failalloc_never(&fa);
	got = fa.hook.resize(&fa, got, 2);
	cr_assert_not_null(got);
	fa.hook.release(&fa, got);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(failalloc, sees_a_block_released_twice)
{
	failalloc fa;
	void *ptr;

	failalloc_init(&fa);
	ptr = fa.hook.alloc(&fa, 8);
	fa.hook.release(&fa, ptr);
	fa.hook.release(&fa, ptr);
	cr_assert_eq(fa.mistakes, 1);
	cr_assert_null(fa.hook.resize(&fa, ptr, 16));
	cr_assert_eq(fa.mistakes, 2);
	cr_assert_eq(failalloc_leaks(&fa), 2);
}

Test(failalloc, sees_a_block_that_is_not_its_own)
{
	static _Alignas(max_align_t) char foreign[256];
	failalloc fa, other;
	void *ptr;

	failalloc_init(&fa);
	failalloc_init(&other);
	fa.hook.release(&fa, foreign + 128);
	cr_assert_eq(fa.mistakes, 1);
	ptr = other.hook.alloc(&other, 8);
	fa.hook.release(&fa, ptr);
	cr_assert_eq(fa.mistakes, 2);
	cr_assert_eq(other.blocks, 1);
	other.hook.release(&other, ptr);
	cr_assert_eq(failalloc_leaks(&other), 0);
}

Test(failalloc, sizes_that_cannot_be)
{
	failalloc fa;

	failalloc_init(&fa);
	cr_assert_null(fa.hook.alloc(&fa, SIZE_MAX));
	cr_assert_eq(fa.failed, 0);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

static void *hammer(void *arg)
{
	failalloc *fa = arg;

	for (size_t i = 0; i < 2000; i++) {
		char *ptr = fa->hook.alloc(fa, i % 100 + 1);

		ptr[i % 100] = 'x';
		ptr = fa->hook.resize(fa, ptr, 200);
		fa->hook.release(fa, ptr);
	}
	return NULL;
}

Test(failalloc, from_several_threads)
{
	pthread_t threads[4];
	failalloc fa;

	failalloc_init(&fa);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, hammer, &fa), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(fa.calls, 4 * 2 * 2000);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

/* Where a sanitizer still finds what leaky_play forgets on purpose. */
static void *forgotten[2];

/* Leaks the first block when the second cannot be had. */
static int leaky_play(failalloc *fa, void *arg)
{
	void *one = fa->hook.alloc(fa, 1);
	void *two = fa->hook.alloc(fa, 1);

	(*(int *)arg)++;
	fa->hook.release(fa, two);
	if (two)
		fa->hook.release(fa, one);
	else
		forgotten[fa->for_ever] = one;
	return 0;
}

static int good_play(failalloc *fa, void *arg)
{
	for (int i = 0; i < 3; i++)
		fa->hook.release(fa, fa->hook.alloc(fa, 1));
	(*(int *)arg)++;
	return 0;
}

static int result_play(failalloc *fa, void *arg)
{
	void *ptr = fa->hook.alloc(fa, 1);
	int result = ptr ? 0 : 7;

	(void)arg;
	fa->hook.release(fa, ptr);
	return result;
}

Test(failalloc, sweep_fails_every_allocation_in_both_ways)
{
	int plays = 0;

	cr_assert_eq(failalloc_sweep(good_play, &plays), 0);
	cr_assert_eq(plays, 1 + 3 * 2 + 1, "whole, three allocations twice, one past the end");
	plays = 0;
	cr_assert_eq(failalloc_sweep(leaky_play, &plays), 1 * 2);
	cr_assert_eq(failalloc_sweep(result_play, NULL), 1 * 2);
}

Test(fakeclock, moves_when_told)
{
	fakeclock fc;
	const llm_time_source *ts = &fc.source;

	fakeclock_init(&fc, 1);
	cr_assert_eq(ts->monotonic_ns(ts->ctx), FAKECLOCK_NS);
	cr_assert_eq(ts->monotonic_ns(ts->ctx), FAKECLOCK_NS);
	fakeclock_advance_ns(&fc, 2500);
	cr_assert_eq(ts->monotonic_ns(ts->ctx), FAKECLOCK_NS + 2500);
	cr_assert_eq(ts->realtime_us(ts->ctx), FAKECLOCK_UTC_US + 2);
	cr_assert_eq(fc.reads, 4);
}

Test(fakeclock, chance_is_spread_and_repeats)
{
	unsigned char one[4096], two[4096];
	size_t seen[256] = {0};
	fakeclock fc;

	fakeclock_init(&fc, 12);
	fc.source.random(&fc, one, sizeof(one));
	fakeclock_init(&fc, 12);
	fc.source.random(&fc, two, sizeof(two));
	cr_assert_eq(memcmp(one, two, sizeof(one)), 0);
	fakeclock_init(&fc, 13);
	fc.source.random(&fc, two, sizeof(two));
	cr_assert_neq(memcmp(one, two, sizeof(one)), 0);
	for (size_t i = 0; i < sizeof(one); i++)
		seen[one[i]]++;
	for (size_t i = 0; i < 256; i++)
		cr_assert(seen[i] > 0 && seen[i] < 64, "byte %zu came %zu times", i, seen[i]);
}

/* ---- litter ---- */

static int there(const char *path)
{
	return access(path, F_OK) == 0;
}

Test(litter, what_is_removed_is_gone_with_all_that_is_in_it)
{
	char *folder = litter_folder(), *file = litter_file(), *copy = strdup(folder);
	char inside[4200];

	snprintf(inside, sizeof(inside), "%s/inside", folder);
	cr_assert_eq(mkdir(inside, 0700), 0);
	cr_assert(there(file));
	litter_remove(folder);
	litter_remove(file);
	litter_remove(NULL);
	cr_assert_not(there(copy));
	free(copy);
}

/* The process is gone, and the file is old: the next one that makes something removes it. */
Test(litter, what_a_killed_process_left_is_found)
{
	int ends[2], status;
	char path[4096] = "";
	pid_t pid;

	cr_assert_eq(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		char *file = litter_file();

		_exit(write(ends[1], file, strlen(file)) < 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_assert_gt(read(ends[0], path, sizeof(path) - 1), 0);
	cr_assert(there(path), "it was not removed by anybody");
	cr_assert_eq(utimensat(AT_FDCWD, path, (struct timespec[2]){{0}, {0}}, 0), 0);
	pid = fork();
	if (!pid) {
		litter_remove(litter_file());
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_not(there(path));
	close(ends[0]);
	close(ends[1]);
}
