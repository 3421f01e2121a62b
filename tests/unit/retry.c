/* What follows a failed attempt (core/run/retry.h). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "run/retry.h"
#include "wire/httpmsg.h"

#define MS NS_PER_MS
#define NOW (1000 * NS_PER_S)
#define NEVER UINT64_MAX

/* A run whose first attempt at its first candidate has failed. */
typedef struct stage {
	retry_run run;
	retry_tries tries;
	retry_failure failure;
	retry_scene scene;
} stage;

static stage failed_with(int32_t code)
{
	stage s = {.run = {.rules = retry_rules_usual(), .deadline_ns = NEVER},
		.failure = {.code = code, .server_ms = -1},
		.scene = {.now_ns = NOW, .affordable = 1}};

	retry_begin(&s.run, &s.tries, 0);
	return s;
}

static retry_verdict decide(const stage *s)
{
	return retry_decide(&s->run, &s->tries, &s->failure, &s->scene);
}

/* The verdict is followed and the next attempt fails the same way. */
static void again(stage *s, const retry_verdict *v)
{
	retry_follow(&s->tries, &s->failure, v);
	s->scene.now_ns = v->at_ns;
	retry_begin(&s->run, &s->tries, v->why == RETRY_FREE);
}

static void expect(const stage *s, uint32_t action, uint32_t flags)
{
	retry_verdict v = decide(s);

	cr_assert_eq(v.action, action, "action %u, not %u (%s)", v.action, action,
		llm_error_name(s->failure.code));
	cr_assert_eq(v.flags, flags, "flags %u, not %u", v.flags, flags);
}

/* Attempts at one candidate when every one fails and every verdict is followed. */
static uint32_t tries_until_the_end(stage *s)
{
	retry_verdict v = decide(s);
	uint32_t wire = 1;

	while (v.action == RETRY_SAME && wire < 100) {
		again(s, &v);
		wire++;
		v = decide(s);
	}
	return wire;
}

Test(retry, R_RETRY_1_three_attempts_a_candidate_six_in_all)
{
	stage s = failed_with(LLM_E_SERVER_ERROR);

	cr_assert_eq(tries_until_the_end(&s), 3);
	cr_assert_eq(s.run.attempts, 3);
	memset(&s.tries, 0, sizeof(s.tries));
	retry_begin(&s.run, &s.tries, 0);
	s.scene.untried = 1;
	expect(&s, RETRY_SAME, 0);
	s.tries.waited_ns = 0;
	cr_assert_eq(tries_until_the_end(&s), 3);
	cr_assert_eq(s.run.attempts, 6);
	memset(&s.tries, 0, sizeof(s.tries));
	expect(&s, RETRY_END, 0);
}

Test(retry, R_RETRY_1_one_attempt_disables_every_retry)
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

Test(retry, R_RETRY_2_bounds_for_n_up_to_1000)
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
Test(retry, R_RETRY_2_waits_are_spread_from_zero_to_the_ceiling)
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

Test(retry, R_RETRY_3_every_form_of_delay_becomes_the_wait)
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

Test(retry, R_RETRY_3_bad_input_falls_back_to_jitter)
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

Test(retry, R_RETRY_4_a_little_more_than_the_server_says_never_less)
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

Test(retry, R_RETRY_4_the_counter_restarts_after_it)
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

Test(retry, R_RETRY_5_a_delay_that_is_too_long_is_not_waited_for)
{
	stage s = failed_with(LLM_E_RATE_LIMITED);

	s.failure.server_ms = 60000;
	expect(&s, RETRY_SAME, 0);
	s.failure.server_ms = 60001;
	expect(&s, RETRY_END, 0);
	s.scene.untried = 1;
	expect(&s, RETRY_NEXT, 0);
}

Test(retry, R_RETRY_5_a_delay_past_the_deadline_is_not_waited_for)
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

Test(retry, R_RETRY_6_the_header_forbids_and_permits)
{
	stage s = failed_with(LLM_E_SERVER_ERROR);

	cr_assert_eq(retry_header("false"), RETRY_FORBIDDEN);
	cr_assert_eq(retry_header("True"), RETRY_WANTED);
	cr_assert_eq(retry_header("maybe"), 0);
	cr_assert_eq(retry_header(NULL), 0);
	s.failure.facts = RETRY_FORBIDDEN;
	expect(&s, RETRY_END, 0);
	s.scene.untried = 1;
	expect(&s, RETRY_NEXT, 0);
	s = failed_with(LLM_E_INVALID_REQUEST);
	expect(&s, RETRY_END, 0);
	s.failure.facts = RETRY_WANTED;
	expect(&s, RETRY_SAME, 0);
	s.scene.untried = 1; /* nobody else takes it either */
	s.tries.vague = 9;
	expect(&s, RETRY_SAME, 0);
}

Test(retry, R_RETRY_6_it_overrides_no_commit_no_budget_and_no_deadline)
{
	stage s = failed_with(LLM_E_SERVER_ERROR);

	s.failure.facts = RETRY_WANTED;
	s.scene.affordable = 0;
	expect(&s, RETRY_END, RETRY_NO_BUDGET);
	s.scene.affordable = 1;
	s.run.deadline_ns = NOW + 100 * MS;
	expect(&s, RETRY_END, RETRY_NO_TIME);
	s.run.deadline_ns = NEVER;
	s.run.committed = 1;
	expect(&s, RETRY_END, 0);
	s.run.committed = 0;
	s.run.attempts = 6;
	expect(&s, RETRY_END, 0);
}

Test(retry, R_RETRY_7_primary_stays_while_its_waits_fit_patience)
{
	stage s = failed_with(LLM_E_SERVER_ERROR);

	s.scene.untried = s.scene.untried_peers = 1;
	expect(&s, RETRY_SAME, 0);
	s.tries.waited_ns = 2900 * MS;
	s.scene.chance = 100 * MS;
	expect(&s, RETRY_SAME, 0);
	s.scene.chance = 100 * MS + 1;
	expect(&s, RETRY_NEXT, 0);
	s.scene.untried = s.scene.untried_peers = 0;
	expect(&s, RETRY_SAME, 0);
}

Test(retry, R_RETRY_7_a_server_delay_counts_as_the_wait)
{
	stage s = failed_with(LLM_E_RATE_LIMITED);

	s.scene.untried = 1;
	s.failure.server_ms = 2000;
	expect(&s, RETRY_SAME, 0);
	s.failure.server_ms = 3001;
	expect(&s, RETRY_NEXT, 0);
}

Test(retry, R_RETRY_7_fastest_moves_at_once_to_a_peer)
{
	stage s = failed_with(LLM_E_SERVER_ERROR);
	retry_verdict v;

	s.run.rules.prefer = RETRY_FASTEST;
	s.scene.untried = 2;
	expect(&s, RETRY_SAME, 0); /* only others of a worse level */
	s.scene.untried_peers = 1;
	v = decide(&s);
	cr_assert_eq(v.action, RETRY_NEXT);
	cr_assert_eq(v.at_ns, NOW);
	cr_assert_eq(v.wait_ns, 0);
}

Test(retry, R_RETRY_7_a_silent_provider_is_left_while_another_is_untried)
{
	uint32_t prefer;

	for (prefer = RETRY_PRIMARY; prefer <= RETRY_FASTEST; prefer++) {
		stage s = failed_with(LLM_E_TIMEOUT);

		s.run.rules.prefer = prefer;
		s.failure.facts = RETRY_SILENT | RETRY_UNSENT;
		s.scene.untried = 1;
		expect(&s, RETRY_NEXT, 0);
		s.scene.untried = 0;
		expect(&s, RETRY_SAME, 0);
	}
}

Test(retry, R_RETRY_7_not_now_without_a_time_is_retried_once)
{
	static const int32_t codes[] = {LLM_E_UNAVAILABLE, LLM_E_RATE_LIMITED};
	size_t i;

	for (i = 0; i < 2; i++) {
		stage s = failed_with(codes[i]);
		retry_verdict v = decide(&s);

		s.scene.untried = 1;
		expect(&s, RETRY_SAME, 0);
		again(&s, &v);
		expect(&s, RETRY_NEXT, 0);
		s.failure.server_ms = 1000;
		expect(&s, RETRY_SAME, 0);
		s.failure.server_ms = 0; /* as good as none */
		expect(&s, RETRY_NEXT, 0);
		s.scene.untried = 0;
		expect(&s, RETRY_SAME, 0);
	}
}

Test(retry, R_RETRY_8_a_committed_run_ends)
{
	uint32_t i;

	for (i = 0; llm_error_info_at(i); i++) {
		stage s = failed_with(llm_error_info_at(i)->code);

		s.run.committed = 1;
		s.scene.untried = s.scene.untried_peers = 3;
		s.failure.facts = RETRY_WANTED;
		expect(&s, RETRY_END, 0);
	}
}

Test(retry, R_RETRY_9_what_delivers_nothing_stays_retryable)
{
	stage s = failed_with(LLM_E_STREAM_BROKEN);

	expect(&s, RETRY_SAME, 0);
	cr_assert_eq(tries_until_the_end(&s), 3);
	s.scene.untried = 1;
	expect(&s, RETRY_NEXT, 0);
}

Test(retry, R_RETRY_10_an_empty_bucket_stops_retries_and_no_fallback)
{
	stage s = failed_with(LLM_E_UNAVAILABLE);

	s.scene.affordable = 0;
	expect(&s, RETRY_END, RETRY_NO_BUDGET);
	s.scene.untried = 1;
	expect(&s, RETRY_NEXT, RETRY_NO_BUDGET);
	s = failed_with(LLM_E_NOT_FOUND);
	s.scene.affordable = 0;
	expect(&s, RETRY_END, 0);
}

/* The first failure before the first byte costs nothing, the second counts. */
Test(retry, R_RETRY_13_one_free_retry_before_the_first_byte)
{
	stage s = failed_with(LLM_E_CONNECTION);
	retry_verdict v;

	s.failure.facts = RETRY_UNSENT;
	s.scene.affordable = 0;
	v = decide(&s);
	cr_assert_eq(v.action, RETRY_SAME);
	cr_assert_eq(v.why, RETRY_FREE);
	cr_assert_eq(v.at_ns, NOW);
	again(&s, &v);
	cr_assert_eq(s.run.attempts, 1);
	cr_assert_eq(s.tries.attempts, 1);
	expect(&s, RETRY_END, RETRY_NO_BUDGET);
	s.scene.affordable = 1;
	expect(&s, RETRY_SAME, 0);
	cr_assert_eq(decide(&s).why, RETRY_BY_BACKOFF);
	cr_assert_eq(tries_until_the_end(&s), 3);
	cr_assert_eq(s.run.attempts, 3);
}

Test(retry, R_RETRY_13_it_is_taken_in_both_preferences)
{
	stage s = failed_with(LLM_E_CONNECTION);

	s.failure.facts = RETRY_UNSENT;
	s.scene.untried = s.scene.untried_peers = 1;
	cr_assert_eq(decide(&s).why, RETRY_FREE);
	s.run.rules.prefer = RETRY_FASTEST;
	cr_assert_eq(decide(&s).action, RETRY_SAME);
	s.run.deadline_ns = NOW + 249 * MS;
	expect(&s, RETRY_END, RETRY_NO_TIME);
}

Test(retry, R_RETRY_14_a_kept_connection_that_died_is_retried_at_once_once)
{
	stage s = failed_with(LLM_E_CONNECTION);
	retry_verdict v;

	s.failure.facts = RETRY_REUSED | RETRY_SILENT;
	s.scene.chance = 77;
	s.scene.untried = s.scene.untried_peers = 1;
	s.run.rules.prefer = RETRY_FASTEST;
	v = decide(&s);
	cr_assert_eq(v.action, RETRY_SAME);
	cr_assert_eq(v.why, RETRY_AT_ONCE);
	cr_assert_eq(v.wait_ns, 0);
	again(&s, &v);
	cr_assert_eq(s.run.attempts, 2);
	expect(&s, RETRY_NEXT, 0);
	s.scene.untried = s.scene.untried_peers = 0;
	v = decide(&s);
	cr_assert_eq(v.why, RETRY_BY_BACKOFF);
	cr_assert_eq(v.wait_ns, 77);
}

Test(retry, R_RETRY_16_no_attempt_begins_with_too_little_time)
{
	stage s = failed_with(LLM_E_SERVER_ERROR);

	s.scene.untried = 1;
	s.run.deadline_ns = NOW + 250 * MS;
	expect(&s, RETRY_SAME, 0);
	s.scene.chance = 1;
	expect(&s, RETRY_NEXT, 0); /* the wait would take too much of it */
	s.run.deadline_ns--;
	expect(&s, RETRY_END, RETRY_NO_TIME);
	s.run.deadline_ns = NOW - 1;
	expect(&s, RETRY_END, RETRY_NO_TIME);
	s = failed_with(LLM_E_INVALID_REQUEST);
	s.run.deadline_ns = NOW;
	expect(&s, RETRY_END, 0);
}

Test(retry, R_RETRY_16_a_phase_leaves_the_untried_candidate_its_share)
{
	retry_run run = {.rules = retry_rules_usual(), .deadline_ns = NOW + 10000 * MS};

	cr_assert_eq(retry_share_ns(&run, 60000 * MS, NOW, 0), 60000 * MS);
	cr_assert_eq(retry_share_ns(&run, 60000 * MS, NOW, 1), 5000 * MS);
	cr_assert_eq(retry_share_ns(&run, NEVER, NOW, 1), 5000 * MS);
	cr_assert_eq(retry_share_ns(&run, 9750 * MS, NOW, 1), 9750 * MS);
	cr_assert_eq(retry_share_ns(&run, 9751 * MS, NOW, 1), 5000 * MS);
	cr_assert_eq(retry_share_ns(&run, 100 * MS, run.deadline_ns - 300 * MS, 1), 100 * MS);
	cr_assert_eq(retry_share_ns(&run, 5000 * MS, run.deadline_ns + 1, 1), 0);
	run.attempts = 6;
	cr_assert_eq(retry_share_ns(&run, 60000 * MS, NOW, 1), 60000 * MS);
	run.deadline_ns = NEVER;
	cr_assert_eq(retry_share_ns(&run, NEVER, NOW, 1), NEVER);
}

/* The columns R and F of the table, one code after the other. */
Test(retry, R_ERR_11_the_table_decides_who_is_asked_next)
{
	uint32_t i;

	for (i = 0; llm_error_info_at(i); i++) {
		const llm_error_info *row = llm_error_info_at(i);
		stage s = failed_with(row->code);
		int same = row->retry != LLM_RETRY_NO;
		int next = row->fallback == LLM_FALLBACK_YES ||
			row->fallback == LLM_FALLBACK_BEFORE_COMMIT;

		expect(&s, same ? RETRY_SAME : RETRY_END, 0);
		s.scene.untried = 1;
		s.run.rules.per_candidate = 1;
		expect(&s, next ? RETRY_NEXT : RETRY_END, 0);
		s.scene.next_on_invalid = 1;
		s.scene.untried_content = s.scene.untried_context = 1;
		expect(&s, row->fallback != LLM_FALLBACK_NO ? RETRY_NEXT : RETRY_END, 0);
	}
}

Test(retry, R_ERR_11_once_is_once)
{
	stage s = failed_with(LLM_E_PROTOCOL);

	cr_assert_eq(tries_until_the_end(&s), 2);
}

Test(retry, R_ERR_4_the_error_that_says_what_to_change_is_told)
{
	static const int32_t last[] = {LLM_E_TIMEOUT, LLM_E_UNAVAILABLE};
	static const int32_t filtered[] = {LLM_E_CONTENT_FILTERED, LLM_E_TIMEOUT, LLM_E_TIMEOUT};
	static const int32_t three[] = {LLM_E_INVALID_REQUEST, LLM_E_CONTEXT_LENGTH_EXCEEDED,
		LLM_E_CONTENT_FILTERED, LLM_E_SERVER_ERROR};
	static const int32_t hidden[] = {LLM_E_STREAM_BROKEN, 0, 0};

	cr_assert_eq(retry_telling(last, 2), 1);
	cr_assert_eq(retry_telling(filtered, 3), 0);
	cr_assert_eq(retry_telling(three, 4), 0);
	cr_assert_eq(retry_telling(three + 1, 3), 0);
	cr_assert_eq(retry_telling(hidden, 3), 0);
	cr_assert_eq(retry_telling(hidden + 1, 2), 2);
	cr_assert_eq(retry_telling(last, 0), 0);
}
