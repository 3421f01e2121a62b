/*
 * breaker_try.h - one breaker and its time, for the tests of core/route/breaker.h.
 */
#ifndef TESTS_BREAKER_TRY_H
#define TESTS_BREAKER_TRY_H

#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "route/breaker.h"

#define S NS_PER_S
#define START (100000 * S)

typedef struct stage {
	breaker b;
	breaker_rules r;
	uint64_t now;
	uint64_t chance;
} stage;

static inline stage fresh(void)
{
	stage s = {.r = breaker_rules_usual(), .now = START};

	breaker_reset(&s.b, START);
	return s;
}

static inline breaker_ticket enter_as(stage *s, uint32_t who)
{
	breaker_ticket t = {0, 0};
	uint32_t changed = 0;

	cr_assert(breaker_admit(&s->b, &s->r, who, s->now, &t, &changed));
	return t;
}

static inline breaker_ticket enter(stage *s)
{
	return enter_as(s, BREAKER_AS_USUAL);
}

static inline int refused(stage *s)
{
	breaker_ticket t;
	uint32_t changed = 0;
	int in = breaker_admit(&s->b, &s->r, BREAKER_AS_USUAL, s->now, &t, &changed);

	if (in)
		breaker_settle(&s->b, &s->r, &t, LLM_E_CANCELLED, -1, s->now, 0);
	return !in;
}

static inline uint32_t settle(stage *s, breaker_ticket t, int32_t code)
{
	return breaker_settle(&s->b, &s->r, &t, code, -1, s->now, s->chance);
}

static inline uint32_t once(stage *s, int32_t code)
{
	return settle(s, enter(s), code);
}

static inline void fail_times(stage *s, int n)
{
	while (n--)
		once(s, LLM_E_UNAVAILABLE);
}

static inline uint32_t state(const stage *s)
{
	return breaker_state(&s->b, s->now);
}

/* Opens it and lets the time pass until it is half open. */
static inline void half_open(stage *s)
{
	fail_times(s, 5);
	cr_assert_eq(state(s), BREAKER_OPEN);
	s->now = s->b.until_ns;
	cr_assert_eq(state(s), BREAKER_HALF_OPEN);
}

#endif
