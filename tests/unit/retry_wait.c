/* How often a candidate is asked again, and after which wait (core/run/retry.h). */
#include "retry_try.h"

#include <stdio.h>

#include "base/alloc.h"
#include "wire/httpmsg.h"

Test(retry_wait, R_RETRY_1_three_attempts_a_candidate_six_in_all)
{
	stage s = failed_with(LLM_E_SERVER_ERROR);

	cr_assert_eq(tries_until_the_end(&s), 3);
	cr_assert_eq(s.run.attempts, 3);
	memset(&s.tries, 0, sizeof(s.tries));
	retry_begin(&s.run, &s.tries, NULL, NULL);
	s.scene.untried = 1;
	expect(&s, RETRY_SAME, 0);
	s.tries.waited_ns = 0;
	cr_assert_eq(tries_until_the_end(&s), 3);
	cr_assert_eq(s.run.attempts, 6);
	memset(&s.tries, 0, sizeof(s.tries));
	expect(&s, RETRY_END, 0);
}

Test(retry_wait, R_RETRY_1_one_attempt_disables_every_retry)
{
	stage s = failed_with(LLM_E_CONNECTION);

	s.run.rules.per_candidate = 1;
	expect(&s, RETRY_END, 0);
	s.failure.facts = RETRY_UNSENT;
	expect(&s, RETRY_END, 0);
	s.failure.facts = RETRY_REUSED;
	expect(&s, RETRY_END, 0);
	s.scene.untried = 1;
	expect(&s, RETRY_NEXT, 0);
}

Test(retry_wait, R_RETRY_2_bounds_for_n_up_to_1000)
{
	retry_rules r = retry_rules_usual();
	uint64_t want = 500 * MS, limited = 1000 * MS;
	uint32_t n;

	for (n = 1; n <= 1000; n++) {
		cr_assert_eq(retry_ceiling_ns(&r, LLM_E_UNAVAILABLE, n), want, "n %u", n);
		cr_assert_eq(retry_ceiling_ns(&r, LLM_E_RATE_LIMITED, n), limited, "n %u", n);
		want = want * 2 < 8000 * MS ? want * 2 : 8000 * MS;
		limited = limited * 2 < 8000 * MS ? limited * 2 : 8000 * MS;
	}
	r.cap_ns = NEVER;
	r.base_ns = 3;
	cr_assert_eq(retry_ceiling_ns(&r, LLM_E_UNAVAILABLE, 63), UINT64_C(3) << 62);
	for (n = 64; n <= 1000; n++)
		cr_assert_eq(retry_ceiling_ns(&r, LLM_E_UNAVAILABLE, n), NEVER);
	cr_assert_eq(retry_ceiling_ns(&r, LLM_E_UNAVAILABLE, UINT32_MAX), NEVER);
}

/* Full jitter: from nothing to the ceiling, by chance. */
Test(retry_wait, R_RETRY_2_waits_are_spread_from_zero_to_the_ceiling)
{
	stage s = failed_with(LLM_E_SERVER_ERROR);
	uint64_t low = NEVER, high = 0, seed = 7;
	int i;

	s.tries.backoffs = 2;
	for (i = 0; i < 5000; i++) {
		retry_verdict v;

		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		s.scene.chance = seed ^ seed >> 33;
		v = decide(&s);
		cr_assert_eq(v.action, RETRY_SAME);
		cr_assert_eq(v.at_ns, NOW + v.wait_ns);
		low = v.wait_ns < low ? v.wait_ns : low;
		high = v.wait_ns > high ? v.wait_ns : high;
	}
	cr_assert_leq(high, 2000 * MS);
	cr_assert_gt(high, 1990 * MS);
	cr_assert_lt(low, 10 * MS);
}

/* A header as it comes in, through to the wait. */
static retry_verdict told(const char *header, int64_t in_body)
{
	stage s = failed_with(LLM_E_RATE_LIMITED);
	char line[128];
	httpmsg m;

	httpmsg_init(&m, mem_default());
	cr_assert_eq(httpmsg_line(&m, "HTTP/1.1 429 x", 14), 0);
	if (header) {
		int n = snprintf(line, sizeof(line), "%s", header);

		cr_assert_eq(httpmsg_line(&m, line, (size_t)n), 0);
	}
	s.failure.server_ms = httpmsg_retry_after_ms(&m, INT64_C(784111777000000));
	if (s.failure.server_ms < 0)
		s.failure.server_ms = in_body;
	httpmsg_done(&m);
	return decide(&s);
}

Test(retry_wait, R_RETRY_3_every_form_of_delay_becomes_the_wait)
{
	static const struct {
		const char *header;
		int64_t body_ms;
		uint64_t wait_ms;
	} rows[] = {
		{"retry-after-ms: 1500", -1, 1500},
		{"Retry-After: 7", -1, 7000},
		{"Retry-After: 0.25", -1, 250},
		{"Retry-After: Sun, 06 Nov 1994 08:50:07 GMT", -1, 30000},
		{"Retry-After: Sunday, 06-Nov-94 08:50:07 GMT", 9, 30000},
		{NULL, 45838, 45838}, /* RetryInfo 45.837906927s, as the plugin tells it */
		{"Retry-After: -1", 2000, 2000},
		{"Retry-After: soon", 2000, 2000},
		{"Retry-After: Thu, 01 Jan 1970 00:00:00 GMT", 2000, 2000},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		retry_verdict v = told(rows[i].header, rows[i].body_ms);

		cr_assert_eq(v.why, RETRY_BY_SERVER, "%s", rows[i].header);
		cr_assert_eq(v.wait_ns, rows[i].wait_ms * MS, "%s", rows[i].header);
	}
}

Test(retry_wait, R_RETRY_3_bad_input_falls_back_to_jitter)
{
	static const char *const rows[] = {"Retry-After: -1", "Retry-After: soon",
		"Retry-After: NaN", "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT", "Retry-After: 0",
		"retry-after-ms: -5", "Retry-After: "};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(told(rows[i], -1).why, RETRY_BY_BACKOFF, "%s", rows[i]);
	cr_assert_eq(told("Retry-After: 1000000000000", -1).action, RETRY_END);
	cr_assert_eq(told("Retry-After: 99999999999999999999", -1).action, RETRY_END);
	cr_assert_eq(told(NULL, INT64_MAX).action, RETRY_END);
}

Test(retry_wait, R_RETRY_4_a_little_more_than_the_server_says_never_less)
{
	stage s = failed_with(LLM_E_UNAVAILABLE);
	int64_t ms;
	uint64_t seed = 3;

	for (ms = 1; ms <= 60000; ms += 37) {
		uint64_t d = (uint64_t)ms * MS;
		uint64_t more = d / 10 < 1000 * MS ? d / 10 : 1000 * MS;
		retry_verdict v;

		seed = seed * UINT64_C(6364136223846793005) + 1;
		s.scene.chance = seed ^ seed >> 33;
		s.failure.server_ms = ms;
		v = decide(&s);
		cr_assert_eq(v.action, RETRY_SAME);
		cr_assert_geq(v.wait_ns, d);
		cr_assert_leq(v.wait_ns, d + more);
	}
}

Test(retry_wait, R_RETRY_4_the_counter_restarts_after_it)
{
	stage s = failed_with(LLM_E_SERVER_ERROR);
	retry_verdict v;

	s.run.rules.per_candidate = s.run.rules.in_all = 10;
	s.scene.chance = 8000 * MS; /* shows the ceiling of a span below it, less one */
	v = decide(&s);
	again(&s, &v);
	v = decide(&s);
	again(&s, &v);
	cr_assert_eq(s.tries.backoffs, 2);
	s.failure.server_ms = 100;
	v = decide(&s);
	again(&s, &v);
	cr_assert_eq(s.tries.backoffs, 0);
	s.failure.server_ms = -1;
	s.scene.chance = 500 * MS;
	cr_assert_eq(decide(&s).wait_ns, 500 * MS);
	s.scene.chance = 500 * MS + 1;
	cr_assert_eq(decide(&s).wait_ns, 0);
}

Test(retry_wait, R_RETRY_5_a_delay_that_is_too_long_is_not_waited_for)
{
	stage s = failed_with(LLM_E_RATE_LIMITED);

	s.failure.server_ms = 60000;
	expect(&s, RETRY_SAME, 0);
	s.failure.server_ms = 60001;
	expect(&s, RETRY_END, 0);
	s.scene.untried = 1;
	expect(&s, RETRY_NEXT, 0);
}

Test(retry_wait, R_RETRY_5_a_delay_past_the_deadline_is_not_waited_for)
{
	stage s = failed_with(LLM_E_RATE_LIMITED);

	s.failure.server_ms = 20000;
	s.run.deadline_ns = NOW + 20250 * MS;
	expect(&s, RETRY_SAME, 0);
	s.run.deadline_ns--;
	expect(&s, RETRY_END, RETRY_NO_TIME);
	s.scene.untried = 1;
	expect(&s, RETRY_NEXT, 0);
}
