/* What holds runs back: requests and tokens a minute, slots, queues, the retry quota. */
#include "guard_time.h"

#define STALLS "accept\nread request\nstall\n"
#define USES(n) \
	"accept\nread request\n" HEAD \
	"send \"{\\\"model\\\":\\\"m\\\",\\\"message\\\":{\\\"role\\\":\\\"assistant\\\"," \
	"\\\"content\\\":\\\"x\\\"},\\\"done\\\":true,\\\"done_reason\\\":\\\"stop\\\"," \
	"\\\"prompt_eval_count\\\":" n ",\\\"eval_count\\\":5}\\n\"\nclose\n"

/* ---- a minute's worth (R-LIM-8) ---- */

Test(guard_limits, R_LIM_8_requests_a_minute_wait_for_their_turn)
{
	talk_call c[3];
	still s;
	int i;

	still_open(&s, SAYS(LINE("x") LAST), "",
		"queue = \"5m\"; models = ( { id = \"ollama/a\"; rpm = 2; } );\n");
	for (i = 0; i < 3; i++)
		talk_submit(&s.t, &c[i], "ollama/a", 1, NULL);
	cr_assert(talk_finish(&s.t, &c[0]) && talk_finish(&s.t, &c[1]));
	still_pass(&s, 29900);
	cr_assert_not(c[2].ended);
	cr_assert_eq(still_requests(&s), 2);
	still_pass(&s, 200);
	cr_assert(talk_finish(&s.t, &c[2]));
	for (i = 0; i < 3; i++) {
		cr_assert_eq(c[i].code, 0, "%s", c[i].err.message);
		talk_done(&c[i]);
	}
	still_close(&s);
}

Test(guard_limits, R_LIM_8_tokens_that_were_used_are_owed_afterwards)
{
	talk_call c;
	still s;

	still_open(&s, USES("190"), "",
		"queue = \"5m\"; models = ( { id = \"ollama/a\"; tpm = 100; } );\n");
	cr_assert_eq(still_ask(&s, &c, 1), 0, "%s", c.err.message);
	/* 195 of 100: those above are owed, and the next one is about two. */
	talk_submit(&s.t, &c, "ollama/a", 1, NULL);
	still_pass(&s, 57000);
	cr_assert_not(c.ended);
	cr_assert_eq(still_requests(&s), 1);
	still_pass(&s, 2000);
	cr_assert(talk_finish(&s.t, &c));
	cr_assert_eq(c.code, 0, "%s", c.err.message);
	talk_done(&c);
	still_close(&s);
}

Test(guard_limits, R_LIM_8_who_waits_too_long_for_a_minute_is_told_so)
{
	talk_call c[2];
	still s;

	still_open(&s, SAYS(LINE("x") LAST), "",
		"queue = \"20s\"; models = ( { id = \"ollama/a\"; rpm = 1; } );\n");
	talk_submit(&s.t, &c[0], "ollama/a", 1, NULL);
	talk_submit(&s.t, &c[1], "ollama/a", 1, NULL);
	cr_assert(talk_finish(&s.t, &c[0]));
	still_pass(&s, 20001);
	cr_assert(talk_finish(&s.t, &c[1]));
	cr_assert_eq(c[1].code, LLM_E_QUEUE_TIMEOUT);
	cr_assert_not_null(strstr(c[1].err.message, "20000 ms (queue)"), "%s", c[1].err.message);
	cr_assert_eq(still_requests(&s), 1);
	talk_done(&c[0]);
	talk_done(&c[1]);
	still_close(&s);
}

/* ---- as many as it bears (R-LIM-7) ---- */

static void adapt(const char *mode, size_t seen)
{
	char more[60];
	talk_call c, two[2];
	still s;
	int i;

	snprintf(more, sizeof(more), "adaptive = \"%s\";\n", mode);
	still_open(&s, STATUS("503", "") STALLS, "max_concurrency = 2;", more);
	cr_assert_eq(still_ask(&s, &c, 1), LLM_E_UNAVAILABLE);
	for (i = 0; i < 2; i++)
		talk_submit(&s.t, &two[i], "ollama/a", 1, NULL);
	cr_assert(sim_log_count(s.up, REQUEST) <= 1);
	still_settle(&s);
	cr_assert_eq(still_requests(&s), 1 + seen, "%s: %s", mode, sim_log_text(s.up));
	for (i = 0; i < 2; i++)
		talk_done(&two[i]);
	still_settle(&s);
	still_close(&s);
}

Test(guard_limits, R_LIM_7_who_is_overloaded_gets_fewer_at_a_time)
{
	adapt("aimd", 1);
	adapt("off", 2);
}

Test(guard_limits, R_LIM_7_and_more_again_when_it_answers)
{
	talk_call c, two[2];
	still s;
	int i;

	still_open(&s, STATUS("503", "") SAYS(LINE("x") LAST) STALLS, "max_concurrency = 2;",
		"adaptive = \"aimd\";\n");
	cr_assert_eq(still_ask(&s, &c, 1), LLM_E_UNAVAILABLE);
	cr_assert_eq(still_ask(&s, &c, 1), 0, "%s", c.err.message);
	for (i = 0; i < 2; i++)
		talk_submit(&s.t, &two[i], "ollama/a", 1, NULL);
	still_settle(&s);
	cr_assert_eq(still_requests(&s), 4);
	for (i = 0; i < 2; i++)
		talk_done(&two[i]);
	still_settle(&s);
	still_close(&s);
}

/* ---- who is first, and who has no place (R-LIM-3, R-LIM-5) ---- */

#define SOON "accept\nread request\nsleep 20\n" HEAD "send \"" LINE("x") LAST "\"\nclose\n"

static void open_narrow(guard *g, const char *script, const char *provider, const char *more)
{
	static const char *const args[] = {"--log-body", NULL};
	oracle_opts opts = {.sim_args = args,
		.text = script,
		.attempts = 1,
		.time = &guard_time,
		.no_healthy = 1,
		.provider = provider,
		.config = more};

	memset(g, 0, sizeof(*g));
	g->o = oracle_open(&opts);
	guard_now = g;
}

static oracle_run *begin(guard *g, const char *model, const char *prompt, uint32_t priority)
{
	const oracle_ask ask = {
		.model = model, .prompt = prompt, .stream = 1, .limits = {.priority = priority}};
	llm_err err = LLM_ERR_INIT;
	oracle_run *run = oracle_submit(g->o, &ask, &err);

	cr_assert_not_null(run, "%s", err.message);
	return run;
}

Test(guard_limits, R_LIM_5_who_talks_to_a_person_comes_before_a_batch)
{
	oracle_run *runs[3];
	const char *log, *batch;
	guard g;
	int i;

	open_narrow(&g, SOON, "max_concurrency = 1;", "");
	runs[0] = begin(&g, "ollama/a", "the first", LLM_PRIORITY_INTERACTIVE);
	runs[1] = begin(&g, "ollama/a", "a batch", LLM_PRIORITY_BATCH);
	runs[2] = begin(&g, "ollama/a", "a person", LLM_PRIORITY_INTERACTIVE);
	for (i = 0; i < 3; i++) {
		oracle_finish(runs[i]);
		cr_assert_eq(runs[i]->code, 0, "%s", runs[i]->err.message);
	}
	log = sim_log_text(g.o->up);
	batch = strstr(log, "a batch");
	cr_assert_not_null(batch);
	cr_assert(strstr(log, "a person") < batch, "%s", log);
	guard_close(&g);
}

Test(guard_limits, R_LIM_3_a_full_queue_sends_the_run_to_the_next_candidate)
{
	oracle_run *runs[3];
	llm_attempt a = {.struct_size = (uint32_t)sizeof(a)};
	guard g;
	int i;

	open_narrow(&g, SOON, "max_concurrency = 1; queue_max = 1;",
		"profiles = { two = { candidates = [ \"ollama/a\", \"ok/b\" ]; }; };\n");
	for (i = 0; i < 3; i++)
		runs[i] = begin(&g, i < 2 ? "ollama/a" : "two", "hello", 0);
	for (i = 0; i < 3; i++) {
		oracle_finish(runs[i]);
		cr_assert_eq(runs[i]->code, 0, "%s", runs[i]->err.message);
	}
	cr_assert_eq(llm_result_attempt_count(llm_call_result(runs[2]->call)), 1);
	llm_result_attempt(llm_call_result(runs[2]->call), 0, &a);
	cr_assert_str_eq(a.candidate, "ok/b");
	guard_close(&g);
}

Test(guard_limits, R_LIM_3_the_deadline_is_what_counts_when_it_is_nearer)
{
	const llm_call_opts limits = {.total_ms = 5000};
	talk_call c[2];
	still s;

	still_open(&s, STALLS, "max_concurrency = 1;", "queue = \"5s\";\n");
	talk_submit(&s.t, &c[0], "ollama/a", 1, NULL);
	talk_submit(&s.t, &c[1], "ollama/a", 1, &limits);
	still_settle(&s);
	still_pass(&s, 5001);
	cr_assert(talk_finish(&s.t, &c[1]));
	cr_assert_eq(c[1].code, LLM_E_DEADLINE);
	cr_assert_eq(still_requests(&s), 1);
	talk_done(&c[0]);
	talk_done(&c[1]);
	still_settle(&s);
	still_close(&s);
}

/* ---- the retry quota (R-RETRY-10 to 12) ---- */

Test(guard_limits, R_RETRY_10_an_empty_bucket_retries_no_more_but_asks_others)
{
	const llm_call_opts three = {.max_attempts = 3};
	guard g;
	int i;

	guard_open(&g, STATUS("500", ""), "", "");
	for (i = 0; i < 10; i++) {
		(void)llm_service_health_reset(g.o->svc, NULL);
		cr_assert_eq(guard_ask(&g, "ollama/a", 0, three), LLM_E_SERVER_ERROR);
		cr_assert_eq(llm_result_attempt_count(g.r), 3);
		cr_assert_not(g.run->err.flags & LLM_ERRF_RETRY_BUDGET);
	}
	(void)llm_service_health_reset(g.o->svc, NULL);
	cr_assert_eq(guard_ask(&g, "ollama/a", 0, three), LLM_E_SERVER_ERROR);
	cr_assert_eq(llm_result_attempt_count(g.r), 1);
	cr_assert(g.run->err.flags & LLM_ERRF_RETRY_BUDGET);
	cr_assert_eq(guard_requests(&g), 31);
	/* A fallback is no retry, and the other provider has a bucket of its own. */
	(void)llm_service_health_reset(g.o->svc, NULL);
	cr_assert_eq(guard_ask(&g, "two", 0, three), LLM_E_SERVER_ERROR);
	cr_assert_eq(llm_result_attempt_count(g.r), 4);
	cr_assert_str_eq(guard_attempt(&g, 1).candidate, "ok/b");
	guard_close(&g);
}

Test(guard_limits, R_RETRY_10_a_success_at_the_first_try_fills_it_by_one)
{
	const llm_call_opts three = {.max_attempts = 3};
	char script[9000] = "";
	guard g;
	int i;

	for (i = 0; i < 31; i++)
		strncat(script, STATUS("500", ""), sizeof(script) - strlen(script) - 1);
	for (i = 0; i < 5; i++)
		strncat(script, SAYS(LAST), sizeof(script) - strlen(script) - 1);
	strncat(script, STATUS("500", "") SAYS(LAST), sizeof(script) - strlen(script) - 1);
	guard_open(&g, script, "", "");
	for (i = 0; i < 11; i++) {
		(void)llm_service_health_reset(g.o->svc, NULL);
		(void)guard_ask(&g, "ollama/a", 1, three);
	}
	cr_assert(g.run->err.flags & LLM_ERRF_RETRY_BUDGET);
	for (i = 0; i < 5; i++)
		cr_assert_eq(guard_ask(&g, "ollama/a", 1, three), 0, "%s", g.run->err.message);
	/* Five of them pay one retry. */
	cr_assert_eq(guard_ask(&g, "ollama/a", 1, three), 0, "%s", g.run->err.message);
	cr_assert_eq(llm_result_attempt_count(g.r), 2);
	guard_close(&g);
}

Test(guard_limits, R_RETRY_11_three_retries_at_a_time_and_no_more)
{
	oracle_run *runs[5];
	size_t ended = 0;
	guard g;
	int i;

	open_narrow(&g,
		STATUS("503", "") STATUS("503", "") STATUS("503", "") STATUS("503", "")
			STATUS("503", "") STALLS,
		"max_concurrency = 16;", "breaker = { failures = 50; outcomes = 50; };\n");
	for (i = 0; i < 5; i++)
		runs[i] = begin(&g, "ollama/a", "hello", 0);
	for (i = 0; i < 200 && guard_requests(&g) < 8; i++)
		oracle_step(runs[0]);
	for (i = 0; i < 5; i++)
		oracle_step(runs[0]);
	for (i = 0; i < 5; i++)
		ended += llm_call_result(runs[i]->call) != NULL;
	cr_assert_eq(ended, 2);
	cr_assert_eq(guard_requests(&g), 8);
	for (i = 0; i < 5; i++) {
		llm_call_cancel(runs[i]->call);
		oracle_finish(runs[i]);
		if (runs[i]->code == LLM_E_UNAVAILABLE)
			cr_assert(runs[i]->err.flags & LLM_ERRF_RETRY_BUDGET);
		else
			cr_assert_eq(runs[i]->code, LLM_E_CANCELLED);
	}
	guard_close(&g);
}
