/* When a breaker opens and closes (core/route/breaker.h). */
#include "breaker_try.h"

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
