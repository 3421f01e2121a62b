#include <stdlib.h>
#include <time.h>

#include "bytes.h"
#include "timer.h"

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void put(struct timers *t, size_t i, struct timer *one)
{
	t->heap[i] = one;
	one->at = i + 1;
}

static void rise(struct timers *t, size_t i)
{
	struct timer *one = t->heap[i];

	for (; i && t->heap[(i - 1) / 2]->due_ns > one->due_ns; i = (i - 1) / 2)
		put(t, i, t->heap[(i - 1) / 2]);
	put(t, i, one);
}

static void sink(struct timers *t, size_t i)
{
	struct timer *one = t->heap[i];
	size_t child;

	while ((child = 2 * i + 1) < t->count) {
		if (child + 1 < t->count && t->heap[child + 1]->due_ns < t->heap[child]->due_ns)
			child++;
		if (t->heap[child]->due_ns >= one->due_ns)
			break;
		put(t, i, t->heap[child]);
		i = child;
	}
	put(t, i, one);
}

void timer_stop(struct timers *t, struct timer *one)
{
	size_t i = one->at;
	struct timer *last;

	if (!i--)
		return;
	one->at = 0;
	last = t->heap[--t->count];
	if (last == one)
		return;
	put(t, i, last);
	rise(t, i);
	sink(t, last->at - 1);
}

void timer_set(struct timers *t, struct timer *one, uint64_t due_ns)
{
	if (one->at && one->due_ns == due_ns)
		return;
	timer_stop(t, one);
	one->due_ns = due_ns;
	if (t->count == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->heap = mem_grow(t->heap, t->cap * sizeof(struct timer *));
	}
	put(t, t->count++, one);
	rise(t, t->count - 1);
}

uint64_t timer_next(const struct timers *t)
{
	return t->count ? t->heap[0]->due_ns : 0;
}

struct timer *timer_due(struct timers *t, uint64_t now)
{
	struct timer *one;

	if (!t->count || t->heap[0]->due_ns > now)
		return NULL;
	one = t->heap[0];
	timer_stop(t, one);
	return one;
}

void timers_done(struct timers *t)
{
	free(t->heap);
	*t = (struct timers){0};
}
