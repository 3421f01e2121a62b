/*
 * failalloc.c - see the header. Released blocks wait in a ring before they go back
 * to malloc, so that the header of one released twice can still be read.
 */
#include "failalloc.h"

#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAILALLOC_ALIVE UINT64_C(0x6c6976652d626c6b)
#define FAILALLOC_DEAD UINT64_C(0x646561642d626c6b)
#define FAILALLOC_RING 64
#define FAILALLOC_SWEEP_MAX 100000 /* a play that never runs out of allocations is broken */

struct failalloc_block {
	uint64_t word;
	uint64_t serial; /* the call that made it */
	size_t bytes;
	failalloc *owner;
	failalloc_block *next;
	failalloc_block *prev;
	max_align_t data[];
};

static pthread_mutex_t failalloc_lock = PTHREAD_MUTEX_INITIALIZER;
static failalloc_block *failalloc_ring[FAILALLOC_RING];
static size_t failalloc_ring_at;

static void failalloc_hold(void)
{
	pthread_mutex_lock(&failalloc_lock);
}

static void failalloc_let_go(void)
{
	pthread_mutex_unlock(&failalloc_lock);
}

/* As malloc does: a child is not born while another thread holds the lock. */
__attribute__((constructor)) static void failalloc_forks(void)
{
	pthread_atfork(failalloc_hold, failalloc_let_go, failalloc_let_go);
}

/* Called with the lock held, as all that follows up to the hooks. */
static int failalloc_refuses(failalloc *fa)
{
	fa->calls++;
	if (!fa->fail_at || fa->calls < fa->fail_at)
		return 0;
	if (fa->calls > fa->fail_at && !fa->for_ever)
		return 0;
	fa->failed++;
	return 1;
}

static void *failalloc_enter(failalloc *fa, size_t bytes)
{
	failalloc_block *block;

	if (bytes > SIZE_MAX - sizeof(*block))
		return NULL;
	block = malloc(sizeof(*block) + bytes);
	if (!block)
		return NULL;
	memset(block->data, 0xA5, bytes);
	*block = (failalloc_block){.word = FAILALLOC_ALIVE,
		.serial = fa->calls,
		.bytes = bytes,
		.owner = fa,
		.next = fa->live};
	if (fa->live)
		fa->live->prev = block;
	fa->live = block;
	fa->blocks++;
	fa->bytes += bytes;
	if (fa->bytes > fa->peak)
		fa->peak = fa->bytes;
	return block->data;
}

/* The block of a pointer, or null and a mistake when it is not alive here. */
static failalloc_block *failalloc_known(failalloc *fa, void *ptr)
{
	failalloc_block *block = (failalloc_block *)(void *)((char *)ptr -
		offsetof(failalloc_block, data));

	if (block->word == FAILALLOC_ALIVE && block->owner == fa)
		return block;
	fa->mistakes++;
	if (block->word == FAILALLOC_DEAD)
		fprintf(stderr, "failalloc: a block of call %llu was released twice\n",
			(unsigned long long)block->serial);
	else
		fprintf(stderr, "failalloc: not a block of this allocator\n");
	return NULL;
}

static void failalloc_leave(failalloc *fa, failalloc_block *block)
{
	failalloc_block **slot = &failalloc_ring[failalloc_ring_at++ % FAILALLOC_RING];

	if (block->prev)
		block->prev->next = block->next;
	else
		fa->live = block->next;
	if (block->next)
		block->next->prev = block->prev;
	fa->blocks--;
	fa->bytes -= block->bytes;
	block->word = FAILALLOC_DEAD;
	memset(block->data, 0xDD, block->bytes);
	ASAN_POISON_MEMORY_REGION(block->data, block->bytes);
	if (*slot)
		ASAN_UNPOISON_MEMORY_REGION((*slot)->data, (*slot)->bytes);
	free(*slot);
	*slot = block;
}

static void *failalloc_alloc(void *ctx, size_t bytes)
{
	failalloc *fa = ctx;
	void *ptr = NULL;

	pthread_mutex_lock(&failalloc_lock);
	if (!failalloc_refuses(fa))
		ptr = failalloc_enter(fa, bytes);
	pthread_mutex_unlock(&failalloc_lock);
	return ptr;
}

static void *failalloc_resize(void *ctx, void *ptr, size_t bytes)
{
	failalloc *fa = ctx;
	failalloc_block *old = NULL;
	void *moved = NULL;

	pthread_mutex_lock(&failalloc_lock);
	if (failalloc_refuses(fa))
		goto unlock;
	if (ptr) {
		old = failalloc_known(fa, ptr);
		if (!old)
			goto unlock;
	}
	moved = failalloc_enter(fa, bytes);
	if (moved && old) {
		memcpy(moved, ptr, old->bytes < bytes ? old->bytes : bytes);
		failalloc_leave(fa, old);
	}
unlock:
	pthread_mutex_unlock(&failalloc_lock);
	return moved;
}

static void failalloc_release(void *ctx, void *ptr)
{
	failalloc *fa = ctx;
	failalloc_block *block;

	if (!ptr)
		return;
	pthread_mutex_lock(&failalloc_lock);
	block = failalloc_known(fa, ptr);
	if (block)
		failalloc_leave(fa, block);
	pthread_mutex_unlock(&failalloc_lock);
}

void failalloc_init(failalloc *fa)
{
	*fa = (failalloc){.hook = {
				  .ctx = fa,
				  .alloc = failalloc_alloc,
				  .resize = failalloc_resize,
				  .release = failalloc_release,
			  }};
}

static void failalloc_plan(failalloc *fa, uint64_t nth, int for_ever)
{
	pthread_mutex_lock(&failalloc_lock);
	fa->fail_at = nth ? fa->calls + nth : 0;
	fa->for_ever = for_ever;
	pthread_mutex_unlock(&failalloc_lock);
}

void failalloc_once(failalloc *fa, uint64_t nth)
{
	failalloc_plan(fa, nth, 0);
}

void failalloc_from(failalloc *fa, uint64_t nth)
{
	failalloc_plan(fa, nth, 1);
}

void failalloc_never(failalloc *fa)
{
	failalloc_plan(fa, 0, 0);
}

size_t failalloc_leaks(failalloc *fa)
{
	size_t found;

	pthread_mutex_lock(&failalloc_lock);
	for (const failalloc_block *at = fa->live; at; at = at->next)
		fprintf(stderr, "failalloc: %zu bytes of call %llu are still held\n", at->bytes,
			(unsigned long long)at->serial);
	found = fa->blocks + fa->mistakes;
	pthread_mutex_unlock(&failalloc_lock);
	return found;
}

/* Returns 1 when it went wrong; *ret_failed says whether the failure was reached. */
static int failalloc_once_through(
	failalloc_play play, void *arg, uint64_t nth, int for_ever, int *ret_failed)
{
	failalloc fa;
	size_t leaks;
	int result;

	failalloc_init(&fa);
	failalloc_plan(&fa, nth, for_ever);
	result = play(&fa, arg);
	leaks = failalloc_leaks(&fa);
	*ret_failed = fa.failed > 0;
	if (!result && !leaks)
		return 0;
	fprintf(stderr,
		"failalloc: play failed (result %d, %zu leaks or mistakes), "
		"allocation %llu failing %s\n",
		result, leaks, (unsigned long long)nth, for_ever ? "for ever" : "once");
	return 1;
}

size_t failalloc_sweep(failalloc_play play, void *arg)
{
	int reached = 1;
	size_t wrong = (size_t)failalloc_once_through(play, arg, 0, 0, &reached);

	reached = 1;
	for (uint64_t n = 1; reached && n < FAILALLOC_SWEEP_MAX; n++) {
		wrong += (size_t)failalloc_once_through(play, arg, n, 0, &reached);
		if (reached)
			wrong += (size_t)failalloc_once_through(play, arg, n, 1, &reached);
	}
	return wrong + (reached != 0);
}
