/* May a candidate be asked? (core/route/breaker.h) */
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

static stage fresh(void)
{
	stage s = {.r = breaker_rules_usual(), .now = START};

	breaker_reset(&s.b, START);
	return s;
}

static breaker_ticket enter_as(stage *s, uint32_t who)
{
	breaker_ticket t = {0, 0};
	uint32_t changed = 0;

	cr_assert(breaker_admit(&s->b, &s->r, who, s->now, &t, &changed));
	return t;
}

static breaker_ticket enter(stage *s)
{
	return enter_as(s, BREAKER_AS_USUAL);
}

static int refused(stage *s)
{
	breaker_ticket t;
	uint32_t changed = 0;
	int in = breaker_admit(&s->b, &s->r, BREAKER_AS_USUAL, s->now, &t, &changed);

	if (in)
		breaker_settle(&s->b, &s->r, &t, LLM_E_CANCELLED, -1, s->now, 0);
	return !in;
}

static uint32_t settle(stage *s, breaker_ticket t, int32_t code)
{
	return breaker_settle(&s->b, &s->r, &t, code, -1, s->now, s->chance);
}

static uint32_t once(stage *s, int32_t code)
{
	return settle(s, enter(s), code);
}

static void fail_times(stage *s, int n)
{
	while (n--)
		once(s, LLM_E_UNAVAILABLE);
}

static uint32_t state(const stage *s)
{
	return breaker_state(&s->b, s->now);
}

/* Opens it and lets the time pass until it is half open. */
static void half_open(stage *s)
{
	fail_times(s, 5);
	cr_assert_eq(state(s), BREAKER_OPEN);
	s->now = s->b.until_ns;
	cr_assert_eq(state(s), BREAKER_HALF_OPEN);
}

Test(breaker, R_CB_1_cooling_is_independent_of_the_state)
{
	stage s = fresh();

	once(&s, LLM_E_RATE_LIMITED);
	cr_assert_eq(state(&s), BREAKER_CLOSED);
	cr_assert(refused(&s));
	s.now += 5 * S;
	cr_assert_not(refused(&s));
	fail_times(&s, 5);
	cr_assert_eq(state(&s), BREAKER_OPEN);
	cr_assert(refused(&s));
}

Test(breaker, R_CB_1_a_run_passes_what_its_own_failure_caused)
{
	stage s = fresh();
	breaker_ticket t;

	once(&s, LLM_E_RATE_LIMITED);
	cr_assert(refused(&s));
	t = enter_as(&s, BREAKER_AS_OWN);
	settle(&s, t, 0);
	cr_assert(refused(&s));
	s = fresh();
	fail_times(&s, 5);
	t = enter_as(&s, BREAKER_AS_OWN);
	cr_assert_eq(t.kind, BREAKER_PLAIN);
	cr_assert_eq(settle(&s, t, LLM_E_UNAVAILABLE), 0);
	cr_assert_eq(state(&s), BREAKER_OPEN);
}

Test(breaker, R_CB_2_five_failures_in_a_row_open_it)
{
	stage s = fresh();

	fail_times(&s, 4);
	cr_assert_eq(state(&s), BREAKER_CLOSED);
	once(&s, 0);
	fail_times(&s, 4);
	cr_assert_eq(state(&s), BREAKER_CLOSED);
	cr_assert_eq(once(&s, LLM_E_TIMEOUT), BREAKER_CHANGED_OPEN);
	cr_assert_eq(state(&s), BREAKER_OPEN);
}

Test(breaker, R_CB_2_half_of_ten_outcomes_in_a_minute_open_it)
{
	stage s = fresh();
	int i;

	for (i = 0; i < 4; i++) {
		once(&s, LLM_E_CONNECTION);
		once(&s, 0);
	}
	once(&s, 0);
	cr_assert_eq(state(&s), BREAKER_CLOSED);
	cr_assert_eq(once(&s, LLM_E_CONNECTION), BREAKER_CHANGED_OPEN);
}

Test(breaker, R_CB_2_what_is_older_than_a_minute_does_not_count)
{
	stage s = fresh();
	int i;

	for (i = 0; i < 4; i++) {
		once(&s, LLM_E_CONNECTION);
		once(&s, 0);
	}
	s.now += 59 * S;
	once(&s, 0);
	cr_assert_eq(s.b.good + s.b.bad, 9);
	s.now += S;
	cr_assert_eq(once(&s, LLM_E_CONNECTION), 0);
	cr_assert_eq(s.b.good + s.b.bad, 2);
	s.now += 100000 * S;
	once(&s, 0);
	cr_assert_eq(s.b.good + s.b.bad, 1);
}

/* The column C of the table, one code after the other. */
Test(breaker, R_CB_2_only_the_tables_failures_count)
{
	uint32_t i;

	for (i = 0; llm_error_info_at(i); i++) {
		const llm_error_info *row = llm_error_info_at(i);
		stage s = fresh();
		int n;

		for (n = 0; n < 20; n++)
			settle(&s, enter_as(&s, BREAKER_AS_OWN), row->code);
		cr_assert_eq(state(&s) == BREAKER_OPEN,
			row->health == LLM_HEALTH_FAILURE || row->health == LLM_HEALTH_OPEN, "%s",
			row->name);
		cr_assert_eq(s.b.cooling_ns > s.now,
			row->health == LLM_HEALTH_COOL || row->health == LLM_HEALTH_COOL_LONG, "%s",
			row->name);
	}
}

Test(breaker, R_CB_3_each_opening_is_twice_as_long_up_to_five_minutes)
{
	static const uint64_t seconds[] = {30, 60, 120, 240, 300, 300, 300};
	stage s = fresh();
	size_t i;

	s.chance = 3 * S; /* the middle of the 10 % either way for 30 s */
	fail_times(&s, 5);
	for (i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		uint64_t d = s.b.until_ns - s.now;

		cr_assert_geq(d, seconds[i] * S / 10 * 9, "opening %zu", i);
		cr_assert_leq(d, seconds[i] * S / 10 * 11, "opening %zu", i);
		s.now = s.b.until_ns;
		s.chance = s.chance * 7 + 1;
		cr_assert_eq(once(&s, LLM_E_SERVER_ERROR), BREAKER_CHANGED_OPEN);
	}
}

Test(breaker, R_CB_3_chance_moves_it_by_ten_percent)
{
	static const struct {
		uint64_t chance;
		uint64_t ns;
	} rows[] = {{0, 27 * S}, {3 * S, 30 * S}, {6 * S, 33 * S}, {6 * S + 1, 27 * S}};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stage s = fresh();

		s.chance = rows[i].chance;
		fail_times(&s, 5);
		cr_assert_eq(s.b.until_ns - s.now, rows[i].ns);
	}
}

Test(breaker, R_CB_3_five_calm_minutes_forget_earlier_openings)
{
	stage s = fresh();
	uint64_t calm;

	for (calm = 299 * S; calm <= 300 * S; calm += S) {
		s = fresh();
		half_open(&s);
		once(&s, 0);
		once(&s, 0);
		cr_assert_eq(state(&s), BREAKER_CLOSED);
		s.now += calm;
		fail_times(&s, 5);
		cr_assert_eq(s.b.until_ns - s.now, calm < 300 * S ? 54 * S : 27 * S);
	}
}

Test(breaker, R_CB_3_the_account_opens_it_for_a_minute_and_doubles_nothing)
{
	static const int32_t codes[] = {
		LLM_E_AUTHENTICATION, LLM_E_PERMISSION_DENIED, LLM_E_NOT_FOUND};
	size_t i;

	for (i = 0; i < 3; i++) {
		stage s = fresh();

		cr_assert_eq(once(&s, codes[i]), BREAKER_CHANGED_OPEN);
		cr_assert_eq(s.b.until_ns - s.now, 60 * S);
		cr_assert_eq(s.b.openings, 0);
		s.now += 60 * S;
		cr_assert_eq(once(&s, codes[i]), BREAKER_CHANGED_OPEN);
		cr_assert_eq(s.b.until_ns - s.now, 60 * S);
		cr_assert_eq(s.b.openings, 0);
	}
}

Test(breaker, R_CB_4_one_probe_at_a_time_and_two_successes_close)
{
	stage s = fresh();
	breaker_ticket t;

	half_open(&s);
	t = enter(&s);
	cr_assert_eq(t.kind, BREAKER_PROBE);
	cr_assert(refused(&s));
	cr_assert_eq(settle(&s, t, 0), 0);
	t = enter(&s);
	cr_assert(refused(&s));
	cr_assert_eq(settle(&s, t, 0), BREAKER_CHANGED_CLOSED);
	cr_assert_eq(s.b.good + s.b.bad + s.b.in_a_row, 0);
	fail_times(&s, 4);
	cr_assert_eq(state(&s), BREAKER_CLOSED);
}

Test(breaker, R_CB_4_one_failed_probe_opens_it_again)
{
	stage s = fresh();

	half_open(&s);
	once(&s, 0);
	cr_assert_eq(once(&s, LLM_E_PROTOCOL), BREAKER_CHANGED_OPEN);
	cr_assert_eq(s.b.until_ns - s.now, 54 * S);
	s.now = s.b.until_ns;
	cr_assert_eq(once(&s, 0), 0); /* the success before does not count any more */
	cr_assert_eq(state(&s), BREAKER_HALF_OPEN);
}

Test(breaker, R_CB_4_a_cancelled_probe_frees_the_place_and_changes_nothing)
{
	static const int32_t codes[] = {LLM_E_CANCELLED, LLM_E_DEADLINE, LLM_E_INVALID_REQUEST};
	size_t i;

	for (i = 0; i < 3; i++) {
		stage s = fresh();
		breaker_ticket t;

		half_open(&s);
		once(&s, 0);
		t = enter(&s);
		cr_assert(refused(&s));
		cr_assert_eq(settle(&s, t, codes[i]), 0);
		cr_assert_eq(state(&s), BREAKER_HALF_OPEN);
		cr_assert_eq(once(&s, 0), BREAKER_CHANGED_CLOSED);
	}
}

Test(breaker, R_ERR_10_cancelled_and_deadline_say_nothing)
{
	stage s = fresh();
	breaker before = s.b;
	int i;

	for (i = 0; i < 50; i++) {
		once(&s, LLM_E_CANCELLED);
		once(&s, LLM_E_DEADLINE);
	}
	cr_assert_eq(memcmp(&before, &s.b, sizeof(before)), 0);
}

Test(breaker, R_CB_5_rate_limits_cool_for_the_servers_delay_or_five_seconds)
{
	stage s = fresh();
	breaker_ticket t = enter(&s);

	cr_assert_eq(breaker_settle(&s.b, &s.r, &t, LLM_E_RATE_LIMITED, 12000, s.now, 0),
		BREAKER_CHANGED_COOLING);
	cr_assert_eq(breaker_ready_ns(&s.b, &s.r, s.now), START + 12 * S);
	t = enter_as(&s, BREAKER_AS_OWN);
	cr_assert_eq(settle(&s, t, LLM_E_RATE_LIMITED), 0);
	cr_assert_eq(breaker_ready_ns(&s.b, &s.r, s.now), START + 12 * S);
	s.now += 12 * S;
	cr_assert_eq(once(&s, LLM_E_RATE_LIMITED), BREAKER_CHANGED_COOLING);
	cr_assert_eq(breaker_ready_ns(&s.b, &s.r, s.now), s.now + 5 * S);
	cr_assert_eq(s.b.bad, 0);
}

Test(breaker, R_CB_5_a_used_up_quota_cools_a_quarter_of_an_hour_or_until_its_reset)
{
	stage s = fresh();
	breaker_ticket t;

	once(&s, LLM_E_QUOTA_EXHAUSTED);
	cr_assert_eq(breaker_ready_ns(&s.b, &s.r, s.now), START + 900 * S);
	s = fresh();
	t = enter(&s);
	breaker_settle(&s.b, &s.r, &t, LLM_E_QUOTA_EXHAUSTED, 7200000, s.now, 0);
	cr_assert_eq(breaker_ready_ns(&s.b, &s.r, s.now), START + 7200 * S);
}

Test(breaker, R_CB_5_no_server_puts_a_candidate_away_for_ever)
{
	stage s = fresh();
	breaker_ticket t = enter(&s);

	breaker_settle(&s.b, &s.r, &t, LLM_E_RATE_LIMITED, INT64_MAX, s.now, 0);
	cr_assert_eq(breaker_ready_ns(&s.b, &s.r, s.now), START + 86400 * S);
}

Test(breaker, R_CB_6_late_successes_close_nothing)
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

Test(breaker, R_CB_6_late_failures_open_nothing_and_free_no_place)
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

Test(breaker, R_CB_7_when_all_are_open_the_top_one_is_probed_once_a_second)
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

Test(breaker, R_CB_7_a_last_resort_that_answers_counts_as_a_probe)
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

Test(breaker, R_CB_7_a_sole_candidate_that_cools_is_waited_for)
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

Test(breaker, R_CB_9_reset_closes_it_and_makes_tickets_late)
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

Test(breaker, R_CB_9_kept_state_comes_back_on_another_clock)
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

Test(breaker, R_CB_9_kept_nonsense_is_cut)
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
