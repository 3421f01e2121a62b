/*
 * limiter_try.h - a limiter with one provider and one candidate, for its tests.
 */
#ifndef TESTS_LIMITER_TRY_H
#define TESTS_LIMITER_TRY_H

#include <criterion/criterion.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "route/limiter.h"

#define S NS_PER_S
#define NEVER UINT64_MAX

typedef struct stage {
	limiter l;
	limit_provider p;
	limit_candidate c;
	uint64_t now;
} stage;

static inline void stage_init(stage *s, const llm_allocator *mem, uint32_t slots)
{
	s->now = 1000 * S;
	limiter_init(&s->l, mem, LIMITER_SERVICE, LIMITER_WORKSPACE);
	limiter_provider_init(&s->p, slots, LIMITER_QUEUE);
	limiter_candidate_init(&s->c, slots, 0, 0, 0, s->now);
}

static inline limit_waiter waiter(stage *s)
{
	return (limit_waiter){.provider = &s->p, .candidate = &s->c, .expires_ns = NEVER};
}

static inline int32_t ask(stage *s, limit_waiter *w, const char *workspace)
{
	return limiter_ask(&s->l, w, workspace, s->now);
}

/* Ends `w`, and gives who is granted then; one at most, as one place came free. */
static inline limit_waiter *hand_over(stage *s, limit_waiter *w)
{
	limit_waiter *next;

	limiter_leave(&s->l, w);
	next = limiter_next(&s->l, s->now);
	cr_assert_null(limiter_next(&s->l, s->now));
	return next;
}

static inline void expect_nothing_left(stage *s)
{
	size_t i;

	cr_assert_eq(s->l.slots.used + s->l.waiting + s->l.metered, 0);
	cr_assert_eq(s->p.slots.used + s->p.waiting, 0);
	cr_assert_eq(s->c.slots.used + s->c.waiting, 0);
	cr_assert_null(s->l.turn);
	cr_assert(!s->p.turn[0] && !s->p.turn[1]);
	for (i = 0; i < LIMITER_TABLE; i++) {
		cr_assert(!s->l.workspaces[i] || s->l.workspaces[i] == s->l.idle);
	}
	limiter_done(&s->l);
}

#endif
