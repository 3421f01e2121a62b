/* Limits that adapt, and so much a minute (core/route/limiter.h, bucket.h). */
#include "limiter_try.h"

static void learn(stage *s, int32_t code)
{
	limiter_learn(&s->c, code, s->now);
}

Test(limiter_rates, R_LIM_7_cut_by_a_tenth_at_most_once_a_second)
{
	static const int32_t codes[] = {LLM_E_RATE_LIMITED, LLM_E_UNAVAILABLE, LLM_E_TIMEOUT};
	stage s;
	int i;

	stage_init(&s, mem_default(), 20);
	limiter_candidate_init(&s.c, 20, 1, 0, 0, s.now);
	for (i = 0; i < 3; i++)
		learn(&s, codes[i]);
	cr_assert_eq(s.c.slots.limit, 18);
	s.now += S - 1;
	learn(&s, LLM_E_TIMEOUT);
	cr_assert_eq(s.c.slots.limit, 18);
	s.now += 1;
	learn(&s, LLM_E_SERVER_ERROR);
	learn(&s, LLM_E_CANCELLED);
	cr_assert_eq(s.c.slots.limit, 18);
	learn(&s, LLM_E_TIMEOUT);
	cr_assert_eq(s.c.slots.limit, 16);
	for (i = 0; i < 50; i++) {
		s.now += S;
		learn(&s, LLM_E_TIMEOUT);
	}
	cr_assert_eq(s.c.slots.limit, 1);
}

Test(limiter_rates, R_LIM_7_grows_by_one_after_a_window_of_successes_in_use)
{
	stage s;
	uint32_t i;

	stage_init(&s, mem_default(), 12);
	limiter_candidate_init(&s.c, 12, 1, 0, 0, s.now);
	s.c.slots.limit = 10;
	s.c.slots.used = 4;
	for (i = 0; i < 100; i++)
		learn(&s, 0);
	cr_assert_eq(s.c.slots.limit, 10);
	s.c.slots.used = 5;
	for (i = 0; i < 9; i++)
		learn(&s, 0);
	cr_assert_eq(s.c.slots.limit, 10);
	learn(&s, 0);
	cr_assert_eq(s.c.slots.limit, 11);
	s.c.slots.used = 12;
	for (i = 0; i < 1000; i++)
		learn(&s, 0);
	cr_assert_eq(s.c.slots.limit, 12);
}

Test(limiter_rates, R_LIM_7_off_by_default)
{
	stage s;

	stage_init(&s, mem_default(), 10);
	learn(&s, LLM_E_TIMEOUT);
	cr_assert_eq(s.c.slots.limit, 10);
}

Test(limiter_rates, R_LIM_8_requests_and_tokens_a_minute)
{
	stage s;
	limit_waiter a, b, c;

	stage_init(&s, mem_default(), 9);
	limiter_candidate_init(&s.c, 9, 0, 60, 6000, s.now);
	a = b = c = waiter(&s);
	a.tokens = 5000;
	b.tokens = 3000;
	c.tokens = 100;
	cr_assert_eq(ask(&s, &a, ""), 0);
	cr_assert_eq(ask(&s, &b, ""), LIMITER_WAITS);
	/* There is enough for the small one, but then the large one would wait for ever. */
	cr_assert_eq(ask(&s, &c, ""), LIMITER_WAITS);
	cr_assert_null(limiter_next(&s.l, s.now));
	cr_assert_eq(limiter_due_ns(&s.l, s.now), s.now + 20 * S);
	s.now += 20 * S - 1;
	cr_assert_null(limiter_next(&s.l, s.now));
	s.now += 1;
	cr_assert_eq(limiter_next(&s.l, s.now), &b);
	cr_assert_null(limiter_next(&s.l, s.now));
	s.now += 1 * S;
	cr_assert_eq(limiter_next(&s.l, s.now), &c);
	cr_assert_eq(limiter_due_ns(&s.l, s.now), NEVER);
	limiter_leave(&s.l, &a);
	limiter_leave(&s.l, &b);
	limiter_leave(&s.l, &c);
	expect_nothing_left(&s);
}

Test(limiter_rates, R_LIM_8_one_that_is_larger_than_a_minute_waits_for_a_full_bucket)
{
	stage s;
	limit_waiter a, b;

	stage_init(&s, mem_default(), 9);
	limiter_candidate_init(&s.c, 9, 0, 0, 600, s.now);
	a = b = waiter(&s);
	a.tokens = 60;
	b.tokens = INT64_MAX;
	cr_assert_eq(ask(&s, &a, ""), 0);
	cr_assert_eq(ask(&s, &b, ""), LIMITER_WAITS);
	cr_assert_eq(limiter_due_ns(&s.l, s.now), s.now + 6 * S);
	s.now += 6 * S;
	cr_assert_eq(limiter_next(&s.l, s.now), &b);
	limiter_leave(&s.l, &a);
	limiter_leave(&s.l, &b);
	expect_nothing_left(&s);
}

Test(limiter_rates, R_LIM_8_real_usage_corrects_the_bucket)
{
	bucket b;
	uint64_t now = 77 * S;

	bucket_init(&b, 6000, now);
	bucket_take(&b, 1000, now);
	bucket_correct(&b, 1000, 400);
	cr_assert_eq(bucket_ready_ns(&b, 5600, now), 0);
	cr_assert_eq(bucket_ready_ns(&b, 5601, now), now + 10000000);
	bucket_correct(&b, 400, 7000);
	cr_assert_eq(bucket_ready_ns(&b, 100, now), now + 11 * S);
	bucket_correct(&b, 0, INT64_MAX);
	cr_assert_eq(bucket_ready_ns(&b, 0, now), now + 60 * S);
	bucket_correct(&b, INT64_MAX, -5);
	bucket_correct(&b, INT64_MAX, -5);
	bucket_correct(&b, INT64_MAX, -5);
	cr_assert_eq(bucket_ready_ns(&b, 6000, now), 0);
	cr_assert_eq(bucket_ready_ns(&b, 6001, now), 0);
}

Test(limiter_rates, R_LIM_8_filling_often_fills_as_much_as_filling_once)
{
	bucket often, once;
	uint64_t now = 5 * S, i;

	bucket_init(&often, 7, now);
	bucket_init(&once, 7, now);
	bucket_take(&often, 7, now);
	bucket_take(&once, 7, now);
	for (i = 0; i < 20000; i++) {
		now += 123457;
		bucket_take(&often, 0, now);
	}
	bucket_take(&once, 0, now);
	cr_assert_eq(often.parts, once.parts);
	bucket_init(&often, INT64_MAX, now);
	bucket_take(&often, INT64_MAX, now);
	cr_assert_eq(bucket_ready_ns(&often, INT64_MAX, now), now / 1000000 * 1000000 + 60 * S);
	cr_assert_eq(bucket_ready_ns(&often, 1, NEVER - S), 0);
}
