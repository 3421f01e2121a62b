/* The end of a service, announced beforehand: who may stay, for how long (R-CORE-6). */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "support/fakeclock.h"
#include "support/oracle.h"

#define GRACE_MS 50 /* as the oracle configures it */
#define NS_PER_MS UINT64_C(1000000)

static oracle *play_with(const char *script, uint32_t mode, const char *grace)
{
	const oracle_opts opts = {.mode = mode, .script = script, .no_healthy = 1, .grace = grace};

	return oracle_open(&opts);
}

static oracle *play(const char *script, uint32_t mode)
{
	return play_with(script, mode, NULL);
}

static void shut(oracle *o)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_service_shutdown(o->svc, &err), 0, "%s", err.message);
}

Test(service_shutdown, R_CORE_6_admission_stops_at_once)
{
	uint32_t mode;

	for (mode = 0; mode < ORACLE_MODES; mode++) {
		oracle *o = play("hello_stream", mode);
		llm_err err = LLM_ERR_INIT;
		llm_models *models = NULL;

		shut(o);
		cr_assert_null(oracle_submit(o, &(oracle_ask){.stream = 1}, &err));
		cr_assert_eq(err.code, LLM_E_STATE, "%s", err.message);
		cr_assert_eq(llm_service_models(o->svc, "ok", LLM_MODELS_ALL, 0, &models, NULL),
			LLM_E_STATE);
		cr_assert_eq(sim_log_count(o->up, "\"event\":\"accept\""), 0);
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* What has not begun is not begun any more: no START, no byte. */
Test(service_shutdown, R_CORE_6_queued_runs_are_cancelled_at_once)
{
	static const uint32_t modes[] = {ORACLE_PULL, ORACLE_BLOCK, ORACLE_LOOP};
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		oracle *o = play_with("stall_in_stream", modes[i], "2s");
		oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
		llm_timing t;

		shut(o);
		oracle_finish(run);
		cr_assert_eq(run->code, LLM_E_CANCELLED, "%s", run->err.message);
		cr_assert_eq(run->err.phase, LLM_PHASE_QUEUE);
		cr_assert_eq(run->err.sent, LLM_SENT_NO);
		if (modes[i] != ORACLE_BLOCK)
			cr_assert_eq(run->starts, 0);
		cr_assert_lt(run->end_ns - run->submit_ns, 1000 * NS_PER_MS);
		cr_assert_eq(llm_result_attempt_count(llm_call_result(run->call)), 0);
		llm_result_timing(llm_call_result(run->call), &t);
		cr_assert_eq(t.queue_ms, t.duration_ms);
		cr_assert_eq(t.ttft_ms, -1);
		cr_assert_eq(sim_log_count(o->up, "\"event\":\"accept\""), 0);
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(service_shutdown, R_CORE_6_what_runs_may_end_by_itself)
{
	static const uint32_t modes[] = {ORACLE_PULL, ORACLE_THREAD, ORACLE_LOOP};
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		oracle *o = play_with("one_piece_then_end", modes[i], "2s");
		oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);

		oracle_until(run, &run->deltas, 1);
		shut(o);
		oracle_finish(run);
		cr_assert_eq(run->code, 0, "%s", run->err.message);
		cr_assert_str_eq(run->text, "Hello");
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(service_shutdown, R_CORE_6_the_rest_is_cancelled_when_the_grace_time_is_over)
{
	static const uint32_t modes[] = {ORACLE_PULL, ORACLE_THREAD, ORACLE_LOOP};
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		oracle *o = play("stall_in_stream", modes[i]);
		oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
		uint64_t from;

		oracle_until(run, &run->deltas, 1);
		from = sim_now_ns();
		shut(o);
		cr_assert_lt(sim_now_ns() - from, GRACE_MS * NS_PER_MS, "it waited");
		oracle_finish(run);
		cr_assert_eq(run->code, LLM_E_CANCELLED, "%s", run->err.message);
		cr_assert_str_eq(run->text, "Hel");
		cr_assert_geq(run->end_ns - from, (GRACE_MS - 1) * NS_PER_MS);
		cr_assert_leq(run->end_ns - from, (GRACE_MS + ORACLE_GRACE_MS) * NS_PER_MS);
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* To the millisecond, on the service's own clock; a second shutdown does not begin anew. */
Test(service_shutdown, R_CORE_6_R_CORE_5_the_grace_time_is_that_of_the_first_call)
{
	fakeclock fc;
	const oracle_opts opts = {.mode = ORACLE_LOOP,
		.script = "stall_in_stream",
		.no_healthy = 1,
		.grace = "5s",
		.time = &fc.source};
	oracle *o;
	oracle_run *run;

	fakeclock_init(&fc, 3);
	o = oracle_open(&opts);
	run = oracle_submit(o, &(oracle_ask){.stream = 1, .limits = {.total_ms = 60000}}, NULL);
	oracle_until(run, &run->deltas, 1);
	shut(o);
	oracle_turn(o, 0);
	fakeclock_advance_ms(&fc, 3000);
	shut(o);
	oracle_turn(o, 0);
	fakeclock_advance_ms(&fc, 1999);
	oracle_turn(o, 0);
	cr_assert_eq(run->ends, 0, "it ended early");
	fakeclock_advance_ms(&fc, 1);
	oracle_turn(o, 0);
	cr_assert_eq(run->ends, 1, "it did not end");
	oracle_finish(run);
	cr_assert_eq(run->code, LLM_E_CANCELLED);
	cr_assert_eq(oracle_close(o), 0);
}

/* Free gives what is left, not the whole again. */
Test(service_shutdown, R_CORE_6_free_after_shutdown_waits_for_the_rest_only)
{
	const struct timespec rest = {.tv_nsec = 50000000};
	oracle *o = play_with("stall_in_stream", ORACLE_LOOP, "300ms");
	oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
	uint64_t from, freed;
	int i;

	oracle_until(run, &run->deltas, 1);
	from = sim_now_ns();
	shut(o);
	for (i = 0; i < 3; i++)
		nanosleep(&rest, NULL);
	freed = sim_now_ns();
	llm_service_free(o->svc);
	o->svc = NULL;
	cr_assert_geq(sim_now_ns() - from, 299 * NS_PER_MS);
	cr_assert_lt(sim_now_ns() - freed, 299 * NS_PER_MS);
	cr_assert_eq(run->ends, 1);
	oracle_finish(run);
	cr_assert_eq(run->code, LLM_E_CANCELLED);
	cr_assert_eq(oracle_close(o), 0);
}

/* ---- inside a callback ---- */

static int32_t again;

static void shut_in_callback(oracle_run *run, llm_call *call, const llm_event *e)
{
	(void)call;
	if (e->kind != LLM_EVENT_TEXT)
		return;
	shut(run->o);
	again = llm_service_shutdown(run->o->svc, NULL);
}

Test(service_shutdown, R_CORE_6_a_callback_may_shut_down)
{
	static const uint32_t modes[] = {ORACLE_THREAD, ORACLE_LOOP};
	const oracle_ask ask = {.stream = 1, .on_event = shut_in_callback};
	size_t i;

	for (i = 0; i < 2; i++) {
		oracle *o = play("hello_stream", modes[i]);
		oracle_run *run = oracle_do(o, &ask);

		cr_assert_eq(run->code, 0, "%s", run->err.message);
		cr_assert_str_eq(run->text, "Hello");
		cr_assert_eq(again, 0);
		cr_assert_null(oracle_submit(o, &(oracle_ask){.stream = 1}, NULL));
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* The oldest of several is cancelled, and its callback lets go of another one. */
static oracle_run *other;

static void free_other(oracle_run *run, llm_call *call, const llm_event *e)
{
	(void)run, (void)call;
	if (e->kind != LLM_EVENT_END || !other)
		return;
	llm_call_free(other->call);
	other->call = NULL;
	other = NULL;
}

Test(service_shutdown, R_CORE_6_R_CORE_4_callbacks_may_free_calls_meanwhile)
{
	oracle *o = play("stall_in_stream", ORACLE_LOOP);
	oracle_run *a = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
	oracle_run *b = oracle_submit(o, &(oracle_ask){.stream = 1, .on_event = free_other}, NULL);

	oracle_until(a, &a->deltas, 1);
	other = a;
	shut(o);
	while (!a->ends || !b->ends)
		oracle_turn(o, 10);
	cr_assert_eq(a->ends, 1);
	cr_assert_eq(b->ends, 1);
	oracle_finish(b);
	cr_assert_eq(oracle_close(o), 0);
}
