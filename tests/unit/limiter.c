/* How many attempts at a time, and who is next (core/route/limiter.h). */
#include <criterion/criterion.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "route/limiter.h"
#include "support/failalloc.h"

#define S NS_PER_S
#define NEVER UINT64_MAX

typedef struct stage {
	limiter l;
	limit_provider p;
	limit_candidate c;
	uint64_t now;
} stage;

static void stage_init(stage *s, const llm_allocator *mem, uint32_t slots)
{
	s->now = 1000 * S;
	limiter_init(&s->l, mem, LIMITER_SERVICE, LIMITER_WORKSPACE);
	limiter_provider_init(&s->p, slots, LIMITER_QUEUE);
	limiter_candidate_init(&s->c, slots, 0, 0, 0, s->now);
}

static limit_waiter waiter(stage *s)
{
	return (limit_waiter){.provider = &s->p, .candidate = &s->c, .expires_ns = NEVER};
}

static int32_t ask(stage *s, limit_waiter *w, const char *workspace)
{
	return limiter_ask(&s->l, w, workspace, s->now);
}

/* Ends `w`, and gives who is granted then; one at most, as one place came free. */
static limit_waiter *hand_over(stage *s, limit_waiter *w)
{
	limit_waiter *next;

	limiter_leave(&s->l, w);
	next = limiter_next(&s->l, s->now);
	cr_assert_null(limiter_next(&s->l, s->now));
	return next;
}

static void expect_nothing_left(stage *s)
{
	size_t i;

	cr_assert_eq(s->l.slots.used + s->l.waiting + s->l.metered, 0);
	cr_assert_eq(s->p.slots.used + s->p.waiting, 0);
	cr_assert_eq(s->c.slots.used + s->c.waiting, 0);
	cr_assert_null(s->l.turn);
	cr_assert(!s->p.turn[0] && !s->p.turn[1]);
	for (i = 0; i < LIMITER_TABLE; i++)
		cr_assert_null(s->l.workspaces[i]);
	limiter_done(&s->l);
}

/* Each level in turn is the one that has no slot; then nothing of the others is taken. */
Test(limiter, R_LIM_1_all_four_levels_or_none)
{
	uint32_t level;

	for (level = 0; level < 4; level++) {
		stage s;
		limit_waiter a, b;

		stage_init(&s, mem_default(), 9);
		s.l.slots.limit = level == 0 ? 1 : 9;
		s.p.slots.limit = level == 1 ? 1 : 9;
		s.c.slots.limit = level == 2 ? 1 : 9;
		s.l.workspace_slots = level == 3 ? 1 : 9;
		a = waiter(&s);
		b = waiter(&s);
		cr_assert_eq(ask(&s, &a, "w"), 0);
		cr_assert_eq(ask(&s, &b, "w"), LIMITER_WAITS);
		cr_assert_eq(s.l.slots.used, 1);
		cr_assert_eq(s.p.slots.used, 1);
		cr_assert_eq(s.c.slots.used, 1);
		cr_assert_null(limiter_next(&s.l, s.now));
		cr_assert_eq(hand_over(&s, &a), &b);
		cr_assert_eq(b.state, LIMIT_HOLDING);
		limiter_leave(&s.l, &b);
		expect_nothing_left(&s);
	}
}

Test(limiter, R_LIM_1_a_full_workspace_holds_up_nobody_else)
{
	stage s;
	limit_waiter a, b, c;

	stage_init(&s, mem_default(), 9);
	s.l.workspace_slots = 1;
	a = b = c = waiter(&s);
	cr_assert_eq(ask(&s, &a, "one"), 0);
	cr_assert_eq(ask(&s, &b, "one"), LIMITER_WAITS);
	cr_assert_eq(ask(&s, &c, "two"), 0);
	cr_assert_eq(hand_over(&s, &a), &b);
	limiter_leave(&s.l, &b);
	limiter_leave(&s.l, &c);
	expect_nothing_left(&s);
}

Test(limiter, R_LIM_1_the_defaults)
{
	cr_assert_eq(LIMITER_SERVICE, 1024);
	cr_assert_eq(LIMITER_PROVIDER, 256);
	cr_assert_eq(LIMITER_WORKSPACE, 256);
	cr_assert_eq(LIMITER_QUEUE, 256);
}

Test(limiter, R_LIM_2_between_attempts_nothing_is_held)
{
	stage s;
	limit_waiter a, b;

	stage_init(&s, mem_default(), 1);
	a = b = waiter(&s);
	cr_assert_eq(ask(&s, &a, ""), 0);
	limiter_leave(&s.l, &a);
	cr_assert_eq(ask(&s, &b, ""), 0);
	cr_assert_eq(ask(&s, &a, ""), LIMITER_WAITS);
	cr_assert_eq(hand_over(&s, &b), &a);
	limiter_leave(&s.l, &a);
	limiter_leave(&s.l, &a);
	expect_nothing_left(&s);
}

Test(limiter, R_LIM_3_a_full_queue_refuses_and_keeps_nothing)
{
	static limit_waiter w[300];
	failalloc fa;
	stage s;
	size_t i, blocks;

	failalloc_init(&fa);
	stage_init(&s, &fa.hook, 1);
	for (i = 0; i < 300; i++)
		w[i] = waiter(&s);
	cr_assert_eq(ask(&s, &w[0], "a"), 0);
	for (i = 1; i <= LIMITER_QUEUE; i++)
		cr_assert_eq(ask(&s, &w[i], "a"), LIMITER_WAITS);
	blocks = fa.blocks;
	cr_assert_eq(ask(&s, &w[i], "a"), LLM_E_QUEUE_FULL);
	cr_assert_eq(ask(&s, &w[i], "b"), LLM_E_QUEUE_FULL);
	cr_assert_eq(w[i].state, LIMIT_IDLE);
	cr_assert_eq(fa.blocks, blocks);
	limiter_leave(&s.l, &w[5]);
	cr_assert_eq(ask(&s, &w[i], "b"), LIMITER_WAITS);
	for (i = 0; i < 300; i++)
		limiter_leave(&s.l, &w[i]);
	expect_nothing_left(&s);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(limiter, R_LIM_3_who_waited_too_long_is_not_granted)
{
	stage s;
	limit_waiter a, b, c;

	stage_init(&s, mem_default(), 1);
	a = b = c = waiter(&s);
	b.expires_ns = s.now + 30 * S;
	cr_assert_eq(ask(&s, &a, ""), 0);
	cr_assert_eq(ask(&s, &b, ""), LIMITER_WAITS);
	cr_assert_eq(ask(&s, &c, ""), LIMITER_WAITS);
	s.now += 30 * S;
	cr_assert_eq(hand_over(&s, &a), &c);
	limiter_leave(&s.l, &b);
	limiter_leave(&s.l, &c);
	a.expires_ns = s.now;
	cr_assert_eq(ask(&s, &a, ""), LIMITER_WAITS);
	cr_assert_null(limiter_next(&s.l, s.now));
	limiter_leave(&s.l, &a);
	expect_nothing_left(&s);
}

Test(limiter, R_LIM_4_two_hundred_waiters_delay_another_workspace_by_one_round)
{
	static limit_waiter many[200];
	stage s;
	limit_waiter held, one, *next;
	size_t i;

	stage_init(&s, mem_default(), 1);
	held = one = waiter(&s);
	cr_assert_eq(ask(&s, &held, "many"), 0);
	for (i = 0; i < 200; i++) {
		many[i] = waiter(&s);
		cr_assert_eq(ask(&s, &many[i], "many"), LIMITER_WAITS);
	}
	cr_assert_eq(hand_over(&s, &held), &many[0]);
	cr_assert_eq(ask(&s, &one, "one"), LIMITER_WAITS);
	next = hand_over(&s, &many[0]);
	if (next != &one)
		next = hand_over(&s, next);
	cr_assert_eq(next, &one);
	for (i = 0; i < 200; i++)
		limiter_leave(&s.l, &many[i]);
	limiter_leave(&s.l, &one);
	expect_nothing_left(&s);
}

/* Whoever asks again at once stands behind everybody whose turn has not come. */
Test(limiter, R_LIM_4_workspaces_take_turns_first_come_first_served_inside)
{
	static const char *const names[] = {"a", "b", "c"};
	static limit_waiter w[3][4];
	stage s;
	limit_waiter held, *next = &held;
	size_t i, k;

	stage_init(&s, mem_default(), 1);
	held = waiter(&s);
	cr_assert_eq(ask(&s, &held, "a"), 0);
	for (i = 0; i < 3; i++) {
		for (k = 0; k < 4; k++) {
			w[i][k] = waiter(&s);
			cr_assert_eq(ask(&s, &w[i][k], names[i]), LIMITER_WAITS);
		}
	}
	for (k = 0; k < 4; k++) {
		for (i = 0; i < 3; i++) {
			next = hand_over(&s, next);
			cr_assert_eq(next, &w[i][k], "round %zu of %s", k, names[i]);
		}
	}
	limiter_leave(&s.l, next);
	expect_nothing_left(&s);
}

Test(limiter, R_LIM_5_eight_interactive_then_one_batch)
{
	static limit_waiter inter[40], batch[4];
	stage s;
	limit_waiter held, *next = &held;
	size_t i, n = 0, b = 0;

	stage_init(&s, mem_default(), 1);
	held = waiter(&s);
	cr_assert_eq(ask(&s, &held, ""), 0);
	for (i = 0; i < 4; i++) {
		batch[i] = waiter(&s);
		batch[i].priority = LIMITER_BATCH;
		cr_assert_eq(ask(&s, &batch[i], ""), LIMITER_WAITS);
	}
	for (i = 0; i < 40; i++) {
		inter[i] = waiter(&s);
		cr_assert_eq(ask(&s, &inter[i], ""), LIMITER_WAITS);
	}
	for (i = 1; i <= 44; i++) {
		next = hand_over(&s, next);
		if (i % 9 == 0)
			cr_assert_eq(next, &batch[b++], "grant %zu", i);
		else
			cr_assert_eq(next, &inter[n++], "grant %zu", i);
	}
	limiter_leave(&s.l, next);
	expect_nothing_left(&s);
}

Test(limiter, R_LIM_6_who_left_the_queue_is_never_granted)
{
	stage s;
	limit_waiter w[5];
	size_t i;

	stage_init(&s, mem_default(), 1);
	for (i = 0; i < 5; i++) {
		w[i] = waiter(&s);
		cr_assert_eq(ask(&s, &w[i], i % 2 ? "x" : "y"), i ? LIMITER_WAITS : 0);
	}
	limiter_leave(&s.l, &w[1]);
	limiter_leave(&s.l, &w[1]);
	limiter_leave(&s.l, &w[4]);
	limiter_leave(&s.l, &w[2]);
	cr_assert_eq(hand_over(&s, &w[0]), &w[3]);
	cr_assert_null(hand_over(&s, &w[3]));
	expect_nothing_left(&s);
}

Test(limiter, R_LIM_6_a_slot_granted_to_one_who_leaves_is_passed_on)
{
	stage s;
	limit_waiter a, b, c;

	stage_init(&s, mem_default(), 1);
	a = b = c = waiter(&s);
	cr_assert_eq(ask(&s, &a, ""), 0);
	cr_assert_eq(ask(&s, &b, ""), LIMITER_WAITS);
	cr_assert_eq(ask(&s, &c, ""), LIMITER_WAITS);
	cr_assert_eq(hand_over(&s, &a), &b);
	cr_assert_eq(hand_over(&s, &b), &c);
	limiter_leave(&s.l, &c);
	expect_nothing_left(&s);
}

static void learn(stage *s, int32_t code)
{
	limiter_learn(&s->c, code, s->now);
}

Test(limiter, R_LIM_7_cut_by_a_tenth_at_most_once_a_second)
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

Test(limiter, R_LIM_7_grows_by_one_after_a_window_of_successes_in_use)
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

Test(limiter, R_LIM_7_off_by_default)
{
	stage s;

	stage_init(&s, mem_default(), 10);
	learn(&s, LLM_E_TIMEOUT);
	cr_assert_eq(s.c.slots.limit, 10);
}

Test(limiter, R_LIM_8_requests_and_tokens_a_minute)
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

Test(limiter, R_LIM_8_one_that_is_larger_than_a_minute_waits_for_a_full_bucket)
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

Test(limiter, R_LIM_8_real_usage_corrects_the_bucket)
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

Test(limiter, R_LIM_8_filling_often_fills_as_much_as_filling_once)
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

static int play(failalloc *fa, void *arg)
{
	limit_waiter w[6];
	stage s;
	size_t i;
	int bad = 0;

	(void)arg;
	stage_init(&s, &fa->hook, 2);
	for (i = 0; i < 6; i++) {
		int32_t rc;

		w[i] = waiter(&s);
		rc = ask(&s, &w[i], i % 2 ? "a" : "b");
		bad += rc != 0 && rc != LIMITER_WAITS && rc != LLM_E_NOMEM;
		bad += rc < 0 && w[i].state != LIMIT_IDLE;
	}
	for (i = 0; i < 6; i++) {
		limiter_leave(&s.l, &w[i]);
		while (limiter_next(&s.l, s.now))
			;
	}
	bad += s.l.slots.used != 0 || s.l.waiting != 0;
	limiter_done(&s.l);
	return bad;
}

Test(limiter, P_01_every_allocation_may_fail)
{
	cr_assert_eq(failalloc_sweep(play, NULL), 0);
}

/* ---- a random schedule ---- */

#define CROWD 700
#define STEPS 1000000

typedef struct crowd {
	limiter l;
	limit_provider p[3];
	limit_candidate c[6];
	limit_waiter w[CROWD];
	uint64_t now;
	uint64_t seed;
	uint64_t granted;
	uint64_t full;
} crowd;

static uint32_t chance(crowd *k, uint32_t n)
{
	k->seed = k->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(k->seed >> 33) % n;
}

static void crowd_init(crowd *k)
{
	size_t i;

	memset(k, 0, sizeof(*k));
	k->seed = 20261122;
	k->now = S;
	limiter_init(&k->l, mem_default(), 40, 12);
	for (i = 0; i < 3; i++)
		limiter_provider_init(&k->p[i], 4 + 10 * (uint32_t)i, 60);
	for (i = 0; i < 6; i++)
		limiter_candidate_init(&k->c[i], 3 + 5 * (uint32_t)i, i == 4, i == 5 ? 6000 : 0,
			i == 3 ? 100000 : 0, k->now);
}

static void crowd_ask(crowd *k, limit_waiter *w)
{
	static const char *const names[] = {"", "a", "b", "c", "some-workspace"};
	uint32_t i = chance(k, 6);
	int32_t rc;

	w->provider = &k->p[i / 2];
	w->candidate = &k->c[i];
	w->priority = chance(k, 4) == 0;
	w->tokens = chance(k, 3000);
	w->expires_ns = k->now + chance(k, 3000) * NS_PER_MS;
	rc = limiter_ask(&k->l, w, names[chance(k, 5)], k->now);
	cr_assert(rc == 0 || rc == LIMITER_WAITS || rc == LLM_E_QUEUE_FULL);
	k->full += rc == LLM_E_QUEUE_FULL;
}

static void crowd_step(crowd *k)
{
	limit_waiter *w = &k->w[chance(k, CROWD)];

	if (chance(k, 2))
		k->now += chance(k, 20000000);
	if (w->state == LIMIT_IDLE) {
		crowd_ask(k, w);
	} else {
		if (w->state == LIMIT_HOLDING)
			limiter_learn(w->candidate, chance(k, 20) ? 0 : LLM_E_RATE_LIMITED, k->now);
		limiter_leave(&k->l, w);
	}
	for (;;) {
		uint64_t now = k->now;

		w = limiter_next(&k->l, now);
		if (!w)
			break;
		cr_assert_eq(w->state, LIMIT_HOLDING);
		cr_assert_gt(w->expires_ns, now);
		k->granted++;
	}
}

static uint32_t used_by_workspace(const crowd *k, const limit_waiter *w)
{
	uint32_t n = 0, i;

	for (i = 0; i < CROWD; i++)
		n += k->w[i].state == LIMIT_HOLDING && k->w[i].workspace == w->workspace;
	return n;
}

/* Waits although a slot of each level is free, and no bucket, that is a mistake. */
static int forgotten(const crowd *k, const limit_waiter *w)
{
	const limit_candidate *c = w->candidate;

	return w->state == LIMIT_WAITING && w->expires_ns > k->now && c != &k->c[3] &&
		c != &k->c[5] && k->l.slots.used < k->l.slots.limit &&
		w->provider->slots.used < w->provider->slots.limit &&
		c->slots.used < c->slots.limit && used_by_workspace(k, w) < k->l.workspace_slots;
}

static void crowd_check(crowd *k)
{
	uint32_t held = 0, waiting = 0, i;

	for (i = 0; i < CROWD; i++) {
		cr_assert_not(forgotten(k, &k->w[i]));
		held += k->w[i].state == LIMIT_HOLDING;
		waiting += k->w[i].state == LIMIT_WAITING;
	}
	cr_assert_eq(k->l.slots.used, held);
	cr_assert_eq(k->l.waiting, waiting);
	cr_assert_leq(held, k->l.slots.limit);
	for (i = 0; i < CROWD; i++)
		if (k->w[i].state == LIMIT_HOLDING)
			cr_assert_leq(used_by_workspace(k, &k->w[i]), k->l.workspace_slots);
	for (i = 0; i < 3; i++) {
		cr_assert_leq(k->p[i].slots.used, k->p[i].slots.limit);
		cr_assert_leq(k->p[i].waiting, k->p[i].queue);
	}
}

Test(limiter, R_LIM_6_after_a_random_schedule_all_counters_are_zero)
{
	static crowd k;
	size_t i;
	int step;

	crowd_init(&k);
	for (step = 0; step < STEPS; step++) {
		crowd_step(&k);
		if (step % 1000 == 0)
			crowd_check(&k);
	}
	cr_assert_gt(k.granted, 10000);
	cr_assert_gt(k.full, 1000);
	for (i = 0; i < CROWD; i++)
		limiter_leave(&k.l, &k.w[i]);
	cr_assert_null(limiter_next(&k.l, k.now));
	cr_assert_eq(k.l.slots.used + k.l.waiting + k.l.metered, 0);
	cr_assert_null(k.l.turn);
	for (i = 0; i < 3; i++)
		cr_assert(!k.p[i].slots.used && !k.p[i].waiting && !k.p[i].turn[0] &&
			!k.p[i].turn[1]);
	for (i = 0; i < 6; i++)
		cr_assert_eq(k.c[i].slots.used + k.c[i].waiting, 0);
	for (i = 0; i < LIMITER_TABLE; i++)
		cr_assert_null(k.l.workspaces[i]);
	limiter_done(&k.l);
}
