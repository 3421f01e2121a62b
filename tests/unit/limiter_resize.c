/* Limits that change while somebody holds a place or waits for one (a reload). */
#include "limiter_try.h"

Test(limiter_resize, R_LIM_1_more_places_are_taken_at_once_and_fewer_throw_nobody_out)
{
	limit_waiter a, b, c;
	stage s;

	stage_init(&s, mem_default(), 1);
	a = waiter(&s);
	b = waiter(&s);
	c = waiter(&s);
	cr_assert_eq(ask(&s, &a, "x"), 0);
	cr_assert_eq(ask(&s, &b, "x"), LIMITER_WAITS);
	limiter_resize(&s.l, LIMITER_SERVICE, LIMITER_WORKSPACE);
	cr_assert_null(limiter_next(&s.l, s.now), "there is no place yet");
	limiter_provider_resize(&s.p, 2, LIMITER_QUEUE);
	s.c.slots.limit = 2;
	limiter_resize(&s.l, LIMITER_SERVICE, LIMITER_WORKSPACE);
	cr_assert_eq(limiter_next(&s.l, s.now), &b);
	limiter_provider_resize(&s.p, 1, LIMITER_QUEUE);
	cr_assert_eq(ask(&s, &c, "x"), LIMITER_WAITS);
	limiter_leave(&s.l, &a);
	cr_assert_null(limiter_next(&s.l, s.now), "the other still has the only place");
	cr_assert_eq(hand_over(&s, &b), &c);
	cr_assert_null(hand_over(&s, &c));
	expect_nothing_left(&s);
}

static void resize(stage *s, uint32_t slots, int adaptive, int64_t rpm, int64_t tpm)
{
	limit_candidate to;

	limiter_candidate_init(&to, slots, adaptive, rpm, tpm, s->now);
	limiter_candidate_resize(&s->l, &s->c, &to);
}

Test(limiter_resize, R_LIM_7_what_was_learnt_stays_while_the_bound_is_the_same)
{
	stage s;

	stage_init(&s, mem_default(), 8);
	resize(&s, 8, 1, 0, 0);
	cr_assert_eq(s.c.adapt.most, 8);
	s.c.slots.limit = 3; /* learnt */
	resize(&s, 8, 1, 0, 0);
	cr_assert_eq(s.c.slots.limit, 3);
	resize(&s, 6, 1, 0, 0);
	cr_assert_neq(s.c.slots.limit, 3, "another bound: it is learnt anew");
	resize(&s, 5, 0, 0, 0);
	cr_assert_eq(s.c.slots.limit, 5);
	expect_nothing_left(&s);
}

Test(limiter_resize, R_LIM_4_a_rate_that_is_the_same_goes_on_and_another_begins)
{
	limit_waiter a, b;
	stage s;

	stage_init(&s, mem_default(), 4);
	resize(&s, 4, 0, 1, 0);
	a = waiter(&s);
	b = waiter(&s);
	cr_assert_eq(ask(&s, &a, "x"), 0);
	cr_assert_eq(ask(&s, &b, "x"), LIMITER_WAITS);
	cr_assert_eq(s.l.metered, 1);
	resize(&s, 4, 0, 1, 0);
	limiter_resize(&s.l, LIMITER_SERVICE, LIMITER_WORKSPACE);
	cr_assert_null(limiter_next(&s.l, s.now), "the minute's one is used up");
	cr_assert_eq(s.l.metered, 1);
	resize(&s, 4, 0, 0, 0);
	cr_assert_eq(s.l.metered, 0, "nobody waits for a rate any more");
	limiter_resize(&s.l, LIMITER_SERVICE, LIMITER_WORKSPACE);
	cr_assert_eq(limiter_next(&s.l, s.now), &b);
	limiter_leave(&s.l, &b);
	resize(&s, 4, 0, 0, 100);
	b = waiter(&s);
	b.tokens = 100;
	cr_assert_eq(ask(&s, &b, "x"), 0);
	limiter_leave(&s.l, &b);
	limiter_leave(&s.l, &a);
	expect_nothing_left(&s);
}
