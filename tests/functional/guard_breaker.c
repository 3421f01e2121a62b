/* A breaker over real calls, through hours that take no time; and delays of every kind. */
#include "guard_time.h"

#define BAD STATUS("500", "")
#define FIVE_BAD BAD BAD BAD BAD BAD
#define WELL SAYS(LINE("x") LAST)
#define STALLS "accept\nread request\nstall\n"

static void fail_five(still *s)
{
	talk_call c;
	int i;

	for (i = 0; i < 5; i++)
		cr_assert_eq(still_ask(s, &c, 1), LLM_E_SERVER_ERROR, "%s", c.err.message);
	cr_assert_eq(still_health(s).state, LLM_HEALTH_IS_OPEN);
}

static void close_again(still *s)
{
	talk_call c;

	cr_assert_eq(still_health(s).state, LLM_HEALTH_HALF_OPEN);
	cr_assert_eq(still_ask(s, &c, 1), 0, "%s", c.err.message);
	cr_assert_eq(still_health(s).state, LLM_HEALTH_HALF_OPEN);
	cr_assert_eq(still_ask(s, &c, 1), 0, "%s", c.err.message);
	cr_assert_eq(still_health(s).state, LLM_HEALTH_CLOSED);
}

static void between(int64_t ms, int64_t least, int64_t most)
{
	cr_assert(ms >= least && ms <= most, "%lld ms", (long long)ms);
}

Test(guard_breaker, R_CB_2_R_CB_3_R_CB_4_it_opens_for_longer_each_time_and_forgets_in_a_calm)
{
	still s;

	still_open(&s, FIVE_BAD WELL WELL FIVE_BAD WELL WELL FIVE_BAD WELL, "", "");
	fail_five(&s);
	between(still_health(&s).open_ms, 27000, 33000);
	still_pass(&s, 33001);
	close_again(&s);
	fail_five(&s);
	between(still_health(&s).open_ms, 54000, 66000);
	cr_assert_eq(still_health(&s).openings, 2);
	still_pass(&s, 66001);
	close_again(&s);
	still_pass(&s, 300001);
	fail_five(&s);
	between(still_health(&s).open_ms, 27000, 33000);
	cr_assert_eq(still_health(&s).openings, 1);
	still_close(&s);
}

Test(guard_breaker, R_CB_7_one_a_second_is_let_in_and_the_others_are_told_when)
{
	talk_call c;
	still s;
	int64_t ms;

	still_open(&s, BAD, "", "");
	fail_five(&s);
	cr_assert_eq(still_ask(&s, &c, 1), LLM_E_SERVER_ERROR);
	cr_assert_eq(still_ask(&s, &c, 1), LLM_E_NO_CANDIDATE);
	ms = still_health(&s).open_ms;
	cr_assert_eq(c.err.retry_after_ms, ms);
	cr_assert_not_null(strstr(c.err.message, "llmctl health"), "%s", c.err.message);
	still_pass(&s, 999);
	cr_assert_eq(still_ask(&s, &c, 1), LLM_E_NO_CANDIDATE);
	cr_assert_eq(c.err.retry_after_ms, ms - 999);
	still_pass(&s, 1);
	cr_assert_eq(still_ask(&s, &c, 1), LLM_E_SERVER_ERROR);
	cr_assert_eq(still_requests(&s), 7);
	still_close(&s);
}

Test(guard_breaker, R_CB_4_R_ERR_10_a_cancelled_probe_frees_its_place)
{
	talk_call probe, c;
	still s;

	still_open(&s, FIVE_BAD STALLS WELL, "", "");
	fail_five(&s);
	still_pass(&s, 33001);
	talk_submit(&s.t, &probe, "ollama/a", 1, NULL);
	still_settle(&s);
	cr_assert_eq(still_requests(&s), 6);
	/* One probe at a time; a run that finds it out is let in as a last resort. */
	llm_call_cancel(probe.call);
	cr_assert(talk_finish(&s.t, &probe));
	cr_assert_eq(probe.code, LLM_E_CANCELLED);
	talk_done(&probe);
	cr_assert_eq(still_health(&s).state, LLM_HEALTH_HALF_OPEN);
	cr_assert_eq(still_health(&s).bad, 5);
	cr_assert_eq(still_ask(&s, &c, 1), 0, "%s", c.err.message);
	cr_assert_eq(still_ask(&s, &c, 1), 0, "%s", c.err.message);
	cr_assert_eq(still_health(&s).state, LLM_HEALTH_CLOSED);
	still_close(&s);
}

Test(guard_breaker, R_CB_4_a_probe_that_fails_opens_it_again)
{
	talk_call c;
	still s;

	still_open(&s, BAD, "", "");
	fail_five(&s);
	still_pass(&s, 33001);
	cr_assert_eq(still_ask(&s, &c, 1), LLM_E_SERVER_ERROR);
	cr_assert_eq(still_health(&s).state, LLM_HEALTH_IS_OPEN);
	between(still_health(&s).open_ms, 54000, 66000);
	still_close(&s);
}

Test(guard_breaker, R_CB_3_a_refused_key_opens_it_for_a_minute_and_counts_for_nothing)
{
	talk_call c;
	still s;

	still_open(&s, STATUS("401", "") WELL, "", "");
	cr_assert_eq(still_ask(&s, &c, 3), LLM_E_AUTHENTICATION);
	cr_assert_eq(still_requests(&s), 1);
	cr_assert_eq(still_health(&s).open_ms, 60000);
	cr_assert_eq(still_health(&s).openings, 0);
	still_pass(&s, 60001);
	close_again(&s);
	still_close(&s);
}

/* ---- cooling (R-CB-5) ---- */

Test(guard_breaker, R_CB_5_it_cools_as_long_as_it_asked_or_as_is_usual)
{
	static const struct {
		const char *script;
		int32_t code;
		int64_t ms;
	} rows[] = {
		{STATUS("429", "\"Retry-After: 7\""), LLM_E_RATE_LIMITED, 7000},
		{STATUS("429", ""), LLM_E_RATE_LIMITED, 5000},
		{STATUS("402", ""), LLM_E_QUOTA_EXHAUSTED, 900000},
		{STATUS("402", "\"Retry-After: 100\""), LLM_E_QUOTA_EXHAUSTED, 100000},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		talk_call c;
		still s;

		still_open(&s, rows[i].script, "", "");
		cr_assert_eq(still_ask(&s, &c, 1), rows[i].code, "%s", c.err.message);
		cr_assert_eq(still_health(&s).cooling_ms, rows[i].ms, "row %zu", i);
		cr_assert_eq(still_health(&s).state, LLM_HEALTH_CLOSED);
		cr_assert_eq(still_health(&s).bad, 0);
		still_close(&s);
	}
}

Test(guard_breaker, R_CB_7_a_sole_candidate_that_cools_is_waited_for_if_there_is_time)
{
	const llm_call_opts short_time = {.total_ms = 6000};
	talk_call c;
	still s;

	still_open(&s, STATUS("429", "\"Retry-After: 7\"") WELL, "", "");
	cr_assert_eq(still_ask(&s, &c, 1), LLM_E_RATE_LIMITED);
	talk_submit(&s.t, &c, "ollama/a", 1, &short_time);
	cr_assert(talk_finish(&s.t, &c));
	cr_assert_eq(c.code, LLM_E_NO_CANDIDATE);
	cr_assert_eq(c.err.retry_after_ms, 7000);
	talk_done(&c);
	talk_submit(&s.t, &c, "ollama/a", 1, NULL);
	still_pass(&s, 6900);
	cr_assert_not(c.ended);
	cr_assert_eq(still_requests(&s), 1);
	still_pass(&s, 101);
	cr_assert(talk_finish(&s.t, &c));
	cr_assert_eq(c.code, 0, "%s", c.err.message);
	talk_done(&c);
	still_close(&s);
}

/* ---- what a server may say about a delay (R-RETRY-3, R-RETRY-5) ---- */

Test(guard_breaker, R_RETRY_3_a_delay_that_is_none_is_as_if_it_had_not_been_said)
{
	static const char *const rows[] = {
		STATUS("429", "\"Retry-After: -1\"") WELL,
		STATUS("429", "\"Retry-After: soon\"") WELL,
		STATUS("429", "\"Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\"") WELL,
		STATUS("429", "\"Retry-After: 0\"") WELL,
		STATUS("429", "\"Retry-After: nan\"") WELL,
		STATUS("429", "\"Retry-After: inf\"") WELL,
		STATUS("429", "\"retry-after-ms: -5\"") WELL,
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		guard g;

		/* Without chance the backoff is nought: the second attempt is at once. */
		guard_open(&g, rows[i], "", "");
		cr_assert_eq(guard_ask(&g, "ollama/a", 1, (llm_call_opts){.max_attempts = 3}), 0,
			"row %zu: %s", i, g.run->err.message);
		cr_assert_eq(guard_requests(&g), 2);
		cr_assert_leq(guard_attempt(&g, 0).retry_after_ms, 0, "row %zu: %lld", i,
			(long long)guard_attempt(&g, 0).retry_after_ms);
		cr_assert_lt(guard_attempt(&g, 1).waited_ms, 500, "row %zu", i);
		guard_close(&g);
	}
}

Test(guard_breaker, R_RETRY_5_a_delay_of_ages_is_told_and_neither_waited_for_nor_believed)
{
	talk_call c;
	still s;

	still_open(&s, STATUS("429", "\"Retry-After: 1000000000000\"") WELL, "", "");
	cr_assert_eq(still_ask(&s, &c, 3), LLM_E_RATE_LIMITED);
	cr_assert_eq(still_requests(&s), 1);
	cr_assert_gt(c.err.retry_after_ms, 86400000);
	cr_assert_eq(still_health(&s).cooling_ms, 86400000);
	cr_assert_eq(still_ask(&s, &c, 3), LLM_E_NO_CANDIDATE);
	cr_assert_eq(c.err.retry_after_ms, 86400000);
	still_pass(&s, 86400001);
	cr_assert_eq(still_ask(&s, &c, 3), 0, "%s", c.err.message);
	still_close(&s);
}
