/*
 * race.h - two attempts of one run in flight: the first was slow to begin (R-RETRY-20).
 *
 * Everything else knows of one attempt only: the one at work, whose state stands in the
 * llm_call. That of the other rests in its `race`, and the two change places whenever
 * something happens to the other one. Both end before content of either is told twice:
 * the first delta decides, and from then on the loser's bytes are read by nobody.
 */
#ifndef LLM_RUN_RACE_H
#define LLM_RUN_RACE_H

#include "attempt.h"

struct race {
	/* of the attempt that rests, as in llm_call */
	target *at;
	attempt *att;
	phase_limits limits;
	retry_failure failure;
	retry_verdict verdict;
	uint32_t state;
	uint32_t repeats;
	uint32_t admitted;
	uint32_t slow_done;
	uint32_t cost;
	uint32_t retrying;
	limit_waiter slot;
	breaker_ticket ticket;
	llm_result res; /* what an attempt fills; the rest is the run's */

	uint32_t won; /* by the one at work */
};

/* Asks `to` as well, if it is let in and has a slot now. 0: it is not asked. */
int race_begin(llm_call *c, target *to);
/* The two change places. */
void race_swap(llm_call *c);
/* The one at work has content. */
static inline void race_won(llm_call *c)
{
	if (c->race)
		c->race->won = 1;
}
/* Ends the one that rests: its answer is not needed. */
void race_drop(llm_call *c);
/* The one at work has failed and is gone: the other goes on alone. */
void race_fall(llm_call *c);
/* 1 when the run has no use for a second attempt, now that one has ended. */
int race_is_over(const llm_call *c, int32_t code);
/* When a timer of the one that rests is due; without one: never. */
phase_due race_due(const llm_call *c);

int race_turn(attempt *a);
/* Something happens to `a`, which is at work from now on. 0: it has lost. */
static inline int race_enter(attempt *a)
{
	return a->c->att == a || race_turn(a);
}

/* Outside of the transfers' callbacks: who has lost ends. */
static inline void race_settle(llm_call *c)
{
	if (c->race && c->race->won)
		race_drop(c);
}

#endif
