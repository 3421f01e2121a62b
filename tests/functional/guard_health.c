/* Breakers, cooling and limits of real runs. */
#include "guard_try.h"

static const llm_call_opts one = {.max_attempts = 1};

static llm_health health(const guard *g, uint32_t i)
{
	llm_health h = {.struct_size = (uint32_t)sizeof(h)};

	cr_assert_eq(llm_service_health(g->o->svc, i, &h), 0);
	return h;
}

Test(guard_health, R_CB_2_R_CB_7_R_CB_9_five_failures_open_it_and_a_reset_closes_it)
{
	llm_health h;
	guard g;
	int i;

	guard_open_at(&g, &guard_frozen,
		STATUS("500", "") STATUS("500", "") STATUS("500", "") STATUS("500", "")
			STATUS("500", "") STATUS("500", "") SAYS(LINE("well") LAST),
		"", "");
	for (i = 0; i < 5; i++)
		cr_assert_eq(guard_ask(&g, "ollama/a", 1, one), LLM_E_SERVER_ERROR);
	h = health(&g, 0);
	cr_assert_eq(h.state, LLM_HEALTH_IS_OPEN);
	cr_assert_str_eq(h.candidate, "ollama/a");
	cr_assert_eq(h.bad, 5);
	cr_assert_gt(h.open_ms, 20000);
	/* One a second is let in all the same; the next one is not. */
	cr_assert_eq(guard_ask(&g, "ollama/a", 1, one), LLM_E_SERVER_ERROR);
	cr_assert_eq(guard_ask(&g, "ollama/a", 1, one), LLM_E_NO_CANDIDATE);
	cr_assert_gt(g.run->err.retry_after_ms, 0);
	cr_assert_eq(guard_requests(&g), 6);
	cr_assert_eq(llm_service_health_reset(g.o->svc, "ollama/nobody"), 0);
	cr_assert_eq(llm_service_health_reset(g.o->svc, NULL), 1);
	cr_assert_eq(guard_ask(&g, "ollama/a", 1, one), 0, "%s", g.run->err.message);
	cr_assert_eq(health(&g, 0).state, LLM_HEALTH_CLOSED);
	guard_close(&g);
}

Test(guard_health, R_CB_1_R_CB_5_one_that_cools_is_passed_over)
{
	guard g;

	guard_open(&g,
		STATUS("429", "\"Retry-After: 5\"") SAYS(LINE("b") LAST) SAYS(LINE("again b") LAST),
		"", "");
	cr_assert_eq(guard_ask(&g, "two", 1, one), 0, "%s", g.run->err.message);
	cr_assert_eq(guard_ask(&g, "two", 1, one), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "again b");
	cr_assert_eq(llm_result_attempt_count(g.r), 1);
	cr_assert_gt(health(&g, 0).cooling_ms, 0);
	guard_close(&g);
}

Test(guard_health, R_CB_7_a_sole_one_that_cools_is_waited_for)
{
	guard g;

	guard_open(&g, STATUS("429", "\"retry-after-ms: 45\"") SAYS(LINE("a") LAST), "", "");
	cr_assert_eq(guard_ask(&g, "ollama/a", 1, one), LLM_E_RATE_LIMITED);
	cr_assert_eq(guard_ask(&g, "ollama/a", 1, one), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "a");
	guard_close(&g);
}

Test(guard_health, R_CB_3_a_refused_key_opens_it_at_once)
{
	guard g;

	guard_open(&g, STATUS("401", "") SAYS(LINE("b") LAST), "", "");
	cr_assert_eq(guard_ask(&g, "two", 1, one), 0, "%s", g.run->err.message);
	cr_assert_eq(health(&g, 0).state, LLM_HEALTH_IS_OPEN);
	cr_assert_eq(health(&g, 1).state, LLM_HEALTH_CLOSED);
	guard_close(&g);
}

/* ---- limits ---- */

#define SLOWLY "accept\nread request\nsleep 40\n" HEAD "send \"" LINE("x") LAST "\"\nclose\n"

static oracle_run *begin(guard *g, const char *model)
{
	const oracle_ask ask = {.model = model, .stream = 1};
	llm_err err = LLM_ERR_INIT;
	oracle_run *run = oracle_submit(g->o, &ask, &err);

	cr_assert_not_null(run, "%s", err.message);
	return run;
}

static void open_narrow(guard *g, const char *script, const char *more)
{
	oracle_opts opts = {.text = script,
		.attempts = 1,
		.time = &guard_time,
		.no_healthy = 1,
		.provider = "max_concurrency = 1; queue_max = 1;",
		.config = more};

	memset(g, 0, sizeof(*g));
	g->o = oracle_open(&opts);
	guard_now = g;
}

Test(guard_health, R_LIM_1_R_LIM_2_R_LIM_3_one_flies_one_waits_and_one_is_refused)
{
	oracle_run *runs[3];
	llm_timing t = {.struct_size = (uint32_t)sizeof(t)};
	guard g;
	int i;

	open_narrow(&g, SLOWLY, "");
	for (i = 0; i < 3; i++)
		runs[i] = begin(&g, "ollama/a");
	for (i = 0; i < 3; i++)
		oracle_finish(runs[i]);
	cr_assert_eq(runs[0]->code, 0, "%s", runs[0]->err.message);
	cr_assert_eq(runs[1]->code, 0, "%s", runs[1]->err.message);
	cr_assert_eq(runs[2]->code, LLM_E_QUEUE_FULL);
	cr_assert_eq(runs[2]->err.phase, LLM_PHASE_QUEUE);
	llm_result_timing(llm_call_result(runs[1]->call), &t);
	cr_assert_geq(t.queue_ms, 30);
	cr_assert_eq(guard_requests(&g), 2);
	guard_close(&g);
}

Test(guard_health, R_LIM_3_who_waits_too_long_is_told_so)
{
	oracle_run *runs[2];
	guard g;

	open_narrow(&g, SLOWLY, "queue = 10;\n");
	runs[0] = begin(&g, "ollama/a");
	runs[1] = begin(&g, "ollama/a");
	oracle_finish(runs[1]);
	oracle_finish(runs[0]);
	cr_assert_eq(runs[0]->code, 0);
	cr_assert_eq(runs[1]->code, LLM_E_QUEUE_TIMEOUT);
	guard_close(&g);
}

Test(guard_health, R_LIM_6_who_is_cancelled_in_the_queue_leaves_it)
{
	oracle_run *runs[3];
	guard g;

	open_narrow(&g, SLOWLY, "");
	runs[0] = begin(&g, "ollama/a");
	runs[1] = begin(&g, "ollama/a");
	oracle_until(runs[1], &runs[1]->starts, 1);
	llm_call_cancel(runs[1]->call);
	oracle_finish(runs[1]);
	runs[2] = begin(&g, "ollama/a");
	oracle_finish(runs[0]);
	oracle_finish(runs[2]);
	cr_assert_eq(runs[1]->code, LLM_E_CANCELLED);
	cr_assert_eq(runs[2]->code, 0, "%s", runs[2]->err.message);
	guard_close(&g);
}
