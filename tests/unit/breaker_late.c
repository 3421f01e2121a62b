/* Late outcomes, whole plans, and what is kept of a breaker (core/route/breaker.h). */
#include "breaker_try.h"

Test(breaker_late, R_CB_6_late_successes_close_nothing)
{
	stage s = fresh();
	breaker_ticket late[3];
	int i;

	for (i = 0; i < 3; i++)
		late[i] = enter(&s);
	half_open(&s);
	cr_assert_eq(settle(&s, late[0], 0), 0);
	once(&s, LLM_E_CANCELLED); /* the state is half open now, and not only by the clock */
	cr_assert_eq(settle(&s, late[1], 0), 0);
	cr_assert_eq(settle(&s, late[2], 0), 0);
	cr_assert_eq(state(&s), BREAKER_HALF_OPEN);
	cr_assert_eq(s.b.good, 3); /* recorded all the same */
}

Test(breaker_late, R_CB_6_late_failures_open_nothing_and_free_no_place)
{
	stage s = fresh();
	breaker_ticket late[9], probe;
	int i;

	for (i = 0; i < 9; i++)
		late[i] = enter(&s);
	half_open(&s);
	probe = enter(&s);
	cr_assert_eq(settle(&s, late[0], LLM_E_TIMEOUT), 0);
	cr_assert(refused(&s));
	settle(&s, probe, 0);
	once(&s, 0);
	cr_assert_eq(state(&s), BREAKER_CLOSED);
	for (i = 1; i < 9; i++)
		cr_assert_eq(settle(&s, late[i], LLM_E_TIMEOUT), 0);
	cr_assert_eq(settle(&s, late[0], LLM_E_AUTHENTICATION), 0);
	cr_assert_eq(state(&s), BREAKER_CLOSED);
	cr_assert_eq(s.b.bad, 8);
}

static breaker_choice choose(stage *const *list, size_t n, uint64_t latest)
{
	const breaker *plan[4];
	size_t i;

	for (i = 0; i < n; i++)
		plan[i] = &list[i]->b;
	return breaker_choose(plan, n, &list[0]->r, list[0]->now, latest);
}

Test(breaker_late, R_CB_7_when_all_are_open_the_top_one_is_probed_once_a_second)
{
	stage a = fresh(), b = fresh();
	stage *list[] = {&a, &b};
	breaker_choice c;

	fail_times(&a, 5);
	c = choose(list, 2, UINT64_MAX);
	cr_assert_eq(c.action, BREAKER_GO);
	cr_assert_eq(c.index, 1);
	b.chance = 6 * S;
	fail_times(&b, 5);
	c = choose(list, 2, UINT64_MAX);
	cr_assert_eq(c.action, BREAKER_GO_LAST_RESORT);
	cr_assert_eq(c.index, 0);
	enter_as(&a, BREAKER_AS_LAST_RESORT);
	c = choose(list, 2, UINT64_MAX);
	cr_assert_eq(c.action, BREAKER_NONE);
	cr_assert_eq(c.at_ns, START + 27 * S);
	a.now += S;
	cr_assert_eq(choose(list, 2, UINT64_MAX).action, BREAKER_GO_LAST_RESORT);
}

Test(breaker_late, R_CB_7_a_last_resort_that_answers_counts_as_a_probe)
{
	stage s = fresh();
	breaker_ticket t;

	fail_times(&s, 5);
	t = enter_as(&s, BREAKER_AS_LAST_RESORT);
	cr_assert_eq(t.kind, BREAKER_LAST_RESORT);
	cr_assert_eq(settle(&s, t, LLM_E_TIMEOUT), 0);
	cr_assert_eq(s.b.until_ns, START + 27 * S);
	t = enter_as(&s, BREAKER_AS_LAST_RESORT);
	cr_assert_eq(settle(&s, t, 0), BREAKER_CHANGED_HALF);
	cr_assert_eq(once(&s, 0), BREAKER_CHANGED_CLOSED);
}

Test(breaker_late, R_CB_7_a_sole_candidate_that_cools_is_waited_for)
{
	stage a = fresh(), b = fresh();
	stage *list[] = {&a, &b};

	once(&a, LLM_E_RATE_LIMITED);
	cr_assert_eq(choose(list, 1, START + 5 * S).action, BREAKER_WAIT);
	cr_assert_eq(choose(list, 1, START + 5 * S).at_ns, START + 5 * S);
	cr_assert_eq(choose(list, 1, START + 5 * S - 1).action, BREAKER_NONE);
	once(&b, LLM_E_QUOTA_EXHAUSTED);
	cr_assert_eq(choose(list, 2, UINT64_MAX).action, BREAKER_NONE);
	cr_assert_eq(choose(list, 2, UINT64_MAX).at_ns, START + 5 * S);
	a = fresh();
	once(&a, LLM_E_RATE_LIMITED);
	while (state(&a) != BREAKER_OPEN)
		settle(&a, enter_as(&a, BREAKER_AS_OWN), LLM_E_UNAVAILABLE);
	cr_assert_eq(choose(list, 1, UINT64_MAX).action, BREAKER_NONE);
}

Test(breaker_late, R_CB_9_reset_closes_it_and_makes_tickets_late)
{
	stage s = fresh();
	breaker_ticket t = enter(&s);
	int i;

	fail_times(&s, 5);
	s.b.cooling_ns = s.now + S;
	breaker_reset(&s.b, s.now);
	cr_assert_eq(state(&s), BREAKER_CLOSED);
	cr_assert_not(refused(&s));
	cr_assert_eq(s.b.openings + s.b.bad, 0);
	for (i = 0; i < 6; i++)
		cr_assert_eq(settle(&s, t, LLM_E_CONNECTION), 0);
}

Test(breaker_late, R_CB_9_kept_state_comes_back_on_another_clock)
{
	const int64_t utc = INT64_C(1767225600000000);
	const uint64_t later = 7 * S; /* a process that has just begun */
	stage s = fresh(), back = {.r = breaker_rules_usual(), .now = later};
	breaker_saved kept;

	once(&s, LLM_E_RATE_LIMITED);
	while (state(&s) != BREAKER_OPEN)
		settle(&s, enter_as(&s, BREAKER_AS_OWN), LLM_E_UNAVAILABLE);
	breaker_save(&s.b, s.now, utc, &kept);
	cr_assert_eq(kept.until_us, utc + 27000000);
	breaker_load(&back.b, &back.r, &kept, later, utc + 2000000);
	cr_assert_eq(breaker_state(&back.b, later), BREAKER_OPEN);
	cr_assert_eq(back.b.until_ns, later + 25 * S);
	cr_assert_eq(back.b.cooling_ns, later + 3 * S);
	cr_assert_eq(back.b.openings, 1);
	memset(&back.b, 0, sizeof(back.b));
	breaker_load(&back.b, &back.r, &kept, later, utc + 60000000);
	cr_assert_eq(breaker_state(&back.b, later), BREAKER_HALF_OPEN);
	cr_assert_leq(breaker_ready_ns(&back.b, &back.r, later), later);
}

Test(breaker_late, R_CB_9_kept_nonsense_is_cut)
{
	static const breaker_saved rows[] = {
		{BREAKER_OPEN, UINT32_MAX, INT64_MAX, INT64_MAX, INT64_MAX},
		{77, 77, INT64_MIN, INT64_MIN, INT64_MIN},
		{BREAKER_HALF_OPEN, 1, -1, INT64_MAX, 0},
	};
	static const int64_t clocks[] = {0, -5, INT64_C(1767225600000000)};
	size_t i, k;

	for (i = 0; i < 3; i++) {
		for (k = 0; k < 3; k++) {
			stage s = {.r = breaker_rules_usual(), .now = START};
			breaker_saved again;

			breaker_load(&s.b, &s.r, &rows[i], s.now, clocks[k]);
			cr_assert_leq(s.b.until_ns, s.now + 330 * S);
			cr_assert_leq(s.b.cooling_ns, s.now + 86400 * S);
			cr_assert_leq(s.b.closed_ns, s.now);
			breaker_save(&s.b, s.now, clocks[k], &again);
			s.now += 86400 * S;
			cr_assert_not(refused(&s));
			once(&s, LLM_E_TIMEOUT);
		}
	}
}
