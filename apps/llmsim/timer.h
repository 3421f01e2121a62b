/*
 * timer.h - a heap of moments. Each owner embeds one struct timer.
 */
#ifndef LLMSIM_TIMER_H
#define LLMSIM_TIMER_H

#include <stddef.h>
#include <stdint.h>

struct timer {
	uint64_t due_ns; /* CLOCK_MONOTONIC */
	size_t at; /* place in the heap + 1; 0: not set */
	void *owner;
};

struct timers {
	struct timer **heap;
	size_t count;
	size_t cap;
};

uint64_t now_ns(void);
void timer_set(struct timers *t, struct timer *one, uint64_t due_ns);
void timer_stop(struct timers *t, struct timer *one);
/* The earliest moment, 0 if there is none. */
uint64_t timer_next(const struct timers *t);
/* Takes out one that is due; null if none is. */
struct timer *timer_due(struct timers *t, uint64_t now);
void timers_done(struct timers *t);

#endif
