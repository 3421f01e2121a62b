/* Retries and fallback of real runs, until content has reached the caller. */
#include "guard_try.h"

static const llm_call_opts usual;

Test(guard_retry, R_RETRY_1_R_RETRY_14_exactly_three_requests_and_no_more)
{
	guard g;

	guard_open(&g, STATUS("503", ""), "", "");
	cr_assert_eq(guard_ask(&g, "ollama/a", 0, usual), LLM_E_UNAVAILABLE);
	cr_assert_eq(guard_requests(&g), 3, "%s", sim_log_text(g.o->up));
	cr_assert_eq(llm_result_attempt_count(g.r), 3);
	cr_assert_eq(guard_attempt(&g, 2).error_code, LLM_E_UNAVAILABLE);
	cr_assert_eq(g.run->err.attempt, 3);
	guard_close(&g);
}

Test(guard_retry, R_RETRY_1_one_attempt_disables_retries)
{
	guard g;

	guard_open(&g, STATUS("503", ""), "", "");
	cr_assert_eq(guard_ask(&g, "ollama/a", 0, (llm_call_opts){.max_attempts = 1}),
		LLM_E_UNAVAILABLE);
	cr_assert_eq(guard_requests(&g), 1);
	guard_close(&g);
}

Test(guard_retry, R_RETRY_1_more_than_ten_is_refused)
{
	const oracle_ask ask = {.limits = {.max_attempts = 11}};
	llm_err err = LLM_ERR_INIT;
	guard g;

	guard_open(&g, STATUS("503", ""), "", "");
	cr_assert_null(oracle_submit(g.o, &ask, &err));
	cr_assert_eq(err.code, LLM_E_CONFIG);
	guard_close(&g);
}

Test(guard_retry, R_RETRY_2_R_RETRY_9_a_busy_server_is_asked_again_and_answers)
{
	uint32_t stream;

	for (stream = 0; stream < 2; stream++) {
		guard g;

		guard_open(&g, STATUS("500", "") STATUS("502", "") "accept\nserve\n", "", "");
		cr_assert_eq(guard_ask(&g, "ollama/sim-small", stream, usual), 0, "%s",
			g.run->err.message);
		cr_assert_eq(llm_result_attempt_count(g.r), 3);
		cr_assert_eq(guard_attempt(&g, 0).error_code, LLM_E_SERVER_ERROR);
		cr_assert_eq(guard_attempt(&g, 1).error_code, LLM_E_UNAVAILABLE);
		cr_assert_eq(guard_attempt(&g, 2).status, LLM_STATUS_SUCCEEDED);
		cr_assert_null(llm_result_error(g.r));
		guard_close(&g);
	}
}

Test(guard_retry, R_RETRY_3_R_RETRY_4_the_servers_delay_is_waited_for_and_told)
{
	guard g;

	guard_open(&g, STATUS("429", "\"retry-after-ms: 40\"") "accept\nserve\n", "", "");
	cr_assert_eq(guard_ask(&g, "ollama/sim-small", 1, usual), 0, "%s", g.run->err.message);
	cr_assert_geq(guard_attempt(&g, 1).waited_ms, 40);
	cr_assert_eq(g.n_waiting, 1);
	cr_assert_str_eq(g.notices, "Ollama: rate limited, trying again in 0.0 s\n");
	guard_close(&g);
}

Test(guard_retry, R_RETRY_5_a_delay_that_is_too_long_is_not_waited_for)
{
	guard g;

	guard_open(&g, STATUS("429", "\"Retry-After: 61\""), "", "");
	cr_assert_eq(guard_ask(&g, "ollama/a", 0, usual), LLM_E_RATE_LIMITED);
	cr_assert_eq(guard_requests(&g), 1);
	cr_assert_eq(g.run->err.retry_after_ms, 61000);
	guard_close(&g);
}

Test(guard_retry, R_RETRY_6_the_server_may_forbid_it)
{
	guard g;

	guard_open(&g, STATUS("503", "\"x-should-retry: false\""), "", "");
	cr_assert_eq(guard_ask(&g, "ollama/a", 0, usual), LLM_E_UNAVAILABLE);
	cr_assert_eq(guard_requests(&g), 1);
	guard_close(&g);
}

Test(guard_retry, R_RETRY_7_primary_stays_and_fastest_moves_on)
{
	guard g;

	guard_open(&g, STATUS("500", "") SAYS(LINE("b") LAST), "prefer = \"fastest\";", "");
	cr_assert_eq(guard_ask(&g, "two", 1, usual), 0, "%s", g.run->err.message);
	cr_assert_str_eq(guard_attempt(&g, 1).candidate, "ok/b");
	cr_assert_eq(g.n_fallback, 1);
	cr_assert_str_eq(llm_result_provider(g.r), "ok");
	cr_assert_str_eq(llm_result_model(g.r), "b");
	guard_close(&g);
	guard_open(&g, STATUS("500", "") SAYS(LINE("a") LAST), "", "");
	cr_assert_eq(guard_ask(&g, "two", 1, usual), 0, "%s", g.run->err.message);
	cr_assert_str_eq(guard_attempt(&g, 1).candidate, "ollama/a");
	cr_assert_eq(g.n_fallback, 0);
	guard_close(&g);
}

Test(guard_retry, R_RETRY_7_what_was_said_in_vain_is_gone)
{
	guard g;

	guard_open(&g, STATUS("429", "\"Retry-After: 5\"") SAYS(LINE("from b") LAST), "", "");
	cr_assert_eq(guard_ask(&g, "two", 0, usual), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "from b");
	cr_assert_eq(llm_result_attempt_count(g.r), 2);
	guard_close(&g);
}

Test(guard_retry, R_ERR_4_the_last_attempts_error_is_the_runs)
{
	guard g;

	guard_open(&g, STATUS("429", "\"Retry-After: 500\"") STATUS("500", ""), "",
		"max_attempts = 1;\n");
	cr_assert_eq(guard_ask(&g, "two", 0, usual), LLM_E_SERVER_ERROR);
	cr_assert_str_eq(g.run->err.candidate, "ok/b");
	cr_assert_eq(guard_attempt(&g, 0).error_code, LLM_E_RATE_LIMITED);
	guard_close(&g);
}

Test(guard_retry, R_RETRY_16_the_error_before_is_told_when_time_is_short)
{
	guard g;

	guard_open(&g, STATUS("500", ""), "", "");
	cr_assert_eq(
		guard_ask(&g, "ollama/a", 0, (llm_call_opts){.total_ms = 240}), LLM_E_SERVER_ERROR);
	cr_assert_eq(guard_requests(&g), 1);
	cr_assert(g.run->err.flags & LLM_ERRF_DEADLINE);
	guard_close(&g);
}

#define WRONG STATUS("400", "")
#define FIVE_WRONG WRONG WRONG WRONG WRONG WRONG

/* Had each the price of a retry, the bucket would be empty after twenty. */
Test(guard_retry, R_RETRY_12_a_wrong_request_spends_nothing)
{
	guard g;
	int i;

	guard_open(&g,
		FIVE_WRONG FIVE_WRONG FIVE_WRONG FIVE_WRONG FIVE_WRONG STATUS("503", "")
			SAYS(LINE("a") LAST),
		"", "");
	for (i = 0; i < 25; i++)
		cr_assert_eq(guard_ask(&g, "ollama/a", 1, usual), LLM_E_INVALID_REQUEST);
	cr_assert_eq(guard_ask(&g, "ollama/a", 1, usual), 0, "%s", g.run->err.message);
	cr_assert_eq(llm_result_attempt_count(g.r), 2);
	guard_close(&g);
}

#define MOST_NS UINT64_C(9600000000) /* of a deadline of ten seconds */
#define LOOK_NS UINT64_C(20000000) /* from then on each look at the clock takes so long */

static uint64_t passed_ns;

static uint64_t leaping(void *ctx)
{
	(void)ctx;
	if (passed_ns)
		passed_ns += LOOK_NS;
	return sim_now_ns() + passed_ns;
}

/* Nearly all the time is gone when the next candidate is asked. */
static void leap(oracle_run *run, llm_call *call, const llm_event *e)
{
	guard_event(run, call, e);
	if (e->kind == LLM_EVENT_FALLBACK)
		passed_ns = MOST_NS;
}

Test(guard_retry, R_TIME_6_the_next_candidate_has_what_is_left_and_no_more)
{
	static const llm_time_source time = {.random = no_chance, .monotonic_ns = leaping};
	const oracle_ask ask = {
		.model = "two", .limits = {.total_ms = 10000}, .on_event = leap, .stream = 1};
	guard g;

	guard_open_at(&g, &time, STATUS("500", "") "accept\nread request\nstall\n",
		"prefer = \"fastest\"; connect = \"20s\"; first_token = \"20s\";", "");
	g.run = oracle_do(g.o, &ask);
	g.r = llm_call_result(g.run->call);
	cr_assert_eq(g.run->code, LLM_E_DEADLINE, "%s", g.run->err.message);
	cr_assert_str_eq(guard_attempt(&g, 1).candidate, "ok/b");
	cr_assert_lt(g.run->end_ns - g.run->submit_ns, UINT64_C(3000000000));
	guard_close(&g);
}

Test(guard_retry, R_RETRY_13_a_refused_connection_has_one_free_retry)
{
	const oracle_opts opts = {.base_url = "http://127.0.0.1:1",
		.config = "max_attempts = 2;\n",
		.attempts = 1,
		.time = &guard_time};
	oracle *o = oracle_open(&opts);
	const oracle_run *run = oracle_do(o, NULL);

	cr_assert_eq(run->code, LLM_E_CONNECTION, "%s", run->err.message);
	cr_assert_eq(llm_result_attempt_count(llm_call_result(run->call)), 3);
	cr_assert_eq(oracle_close(o), 0);
}

Test(guard_retry, R_ROUTE_4_who_cannot_is_not_asked_and_all_who_cannot_are_named)
{
	static const char caps[] =
		"models = ( { id = \"ollama/a\"; capabilities = { chat = \"no\"; }; },"
		"{ id = \"ok/b\"; capabilities = { chat = \"no\"; }; } );\n";
	static const char one[] =
		"models = ( { id = \"ollama/a\"; capabilities = { chat = \"no\"; }; } );\n";
	guard g;

	guard_open(&g, SAYS(LINE("b") LAST), "", one);
	cr_assert_eq(guard_ask(&g, "two", 0, usual), 0, "%s", g.run->err.message);
	cr_assert_str_eq(guard_attempt(&g, 0).candidate, "ok/b");
	guard_close(&g);
	guard_open(&g, SAYS(LINE("b") LAST), "", caps);
	cr_assert_eq(guard_ask(&g, "two", 0, usual), LLM_E_UNSUPPORTED);
	cr_assert_not_null(strstr(g.run->err.message, "ok/b lacks chat, ollama/a lacks chat"));
	cr_assert_eq(guard_requests(&g), 0);
	guard_close(&g);
}

Test(guard_retry, R_RETRY_15_a_cancel_ends_the_wait_at_once)
{
	const oracle_ask ask = {.model = "ollama/a", .stream = 1, .on_event = guard_event};
	oracle_run *run;
	llm_err err = LLM_ERR_INIT;
	guard g;
	int i;

	guard_open(&g, STATUS("429", "\"Retry-After: 4\""), "", "");
	run = oracle_submit(g.o, &ask, &err);
	for (i = 0; i < 100 && !guard_requests(&g); i++)
		oracle_step(run);
	for (i = 0; i < 10; i++)
		oracle_step(run);
	llm_call_cancel(run->call);
	oracle_finish(run);
	cr_assert_eq(run->code, LLM_E_CANCELLED);
	cr_assert_lt(run->end_ns - run->submit_ns, UINT64_C(3000000000));
	guard_close(&g);
}
