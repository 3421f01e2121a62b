/* How many attempts at a time, and who is next (core/route/limiter.h). */
#include "limiter_try.h"
#include "support/failalloc.h"

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

Test(limiter, R_LIM_1_what_one_gives_back_another_takes)
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
	cr_assert_eq(fa.blocks, blocks + 1); /* the workspace, kept for its next attempt */
	cr_assert_eq(ask(&s, &w[i], "b"), LLM_E_QUEUE_FULL);
	cr_assert_eq(fa.blocks, blocks + 1);
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

/* Between a slot that came back and limiter_next somebody else may ask. */
Test(limiter, R_LIM_4_who_asks_meanwhile_passes_nobody_who_waits_for_the_slot)
{
	limit_waiter held, first, late;
	stage s;

	stage_init(&s, mem_default(), 1);
	held = first = late = waiter(&s);
	cr_assert_eq(ask(&s, &held, ""), 0);
	cr_assert_eq(ask(&s, &first, ""), LIMITER_WAITS);
	limiter_leave(&s.l, &held);
	cr_assert_eq(ask(&s, &late, ""), LIMITER_WAITS);
	cr_assert_eq(limiter_next(&s.l, s.now), &first);
	cr_assert_null(limiter_next(&s.l, s.now));
	cr_assert_eq(hand_over(&s, &first), &late);
	limiter_leave(&s.l, &late);
	/* Nobody waits any more. */
	cr_assert_eq(ask(&s, &held, ""), 0);
	limiter_leave(&s.l, &held);
	expect_nothing_left(&s);
	limiter_done(&s.l);
}

/* One that cannot be granted holds up nobody. */
Test(limiter, R_LIM_4_who_waits_for_something_else_is_passed)
{
	limit_candidate other;
	limit_waiter held[3], blocked, late;
	stage s;

	stage_init(&s, mem_default(), 3);
	s.c.slots.limit = 1;
	limiter_candidate_init(&other, 3, 0, 0, 0, s.now);
	held[0] = held[1] = held[2] = blocked = late = waiter(&s);
	held[1].candidate = held[2].candidate = late.candidate = &other;
	cr_assert_eq(ask(&s, &held[0], ""), 0);
	cr_assert_eq(ask(&s, &held[1], ""), 0);
	cr_assert_eq(ask(&s, &held[2], ""), 0);
	cr_assert_eq(ask(&s, &blocked, ""), LIMITER_WAITS);
	limiter_leave(&s.l, &held[1]);
	cr_assert_eq(ask(&s, &late, ""), 0);
	cr_assert_null(limiter_next(&s.l, s.now));
	limiter_leave(&s.l, &late);
	limiter_leave(&s.l, &held[2]);
	cr_assert_eq(hand_over(&s, &held[0]), &blocked);
	limiter_leave(&s.l, &blocked);
	expect_nothing_left(&s);
	limiter_done(&s.l);
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
