/* The same candidate, the next one, or the end (core/run/retry.h). */
#include "retry_try.h"

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

/* Others have opened its breaker or cooled it: it is not asked, however early it failed. */
Test(retry, R_CB_1_a_candidate_that_refuses_is_not_retried)
{
	stage s = failed_with(LLM_E_CONNECTION);

	s.scene.refused = 1;
	expect(&s, RETRY_END, 0);
	s.failure.facts = RETRY_UNSENT;
	expect(&s, RETRY_END, 0);
	s.scene.untried = 1;
	expect(&s, RETRY_NEXT, 0);
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
