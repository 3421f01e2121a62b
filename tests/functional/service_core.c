/* What every run keeps to, whoever turns the loop (R-CORE-2, R-CORE-3, R-CORE-4). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/oracle.h"

/* The events of one run, as letters: S start, T text, E end. */
static char seen[64];
static int cancel_at; /* LLM_EVENT_*: cancel in the callback of this kind */

static void note(oracle_run *run, llm_call *call, const llm_event *e)
{
	static const char letters[] = "?STRCWE";
	size_t n = strlen(seen);

	(void)run;
	if (n + 1 < sizeof(seen))
		seen[n] = letters[e->kind <= LLM_EVENT_END ? e->kind : 0];
	if (e->kind == (uint32_t)cancel_at) {
		llm_call_cancel(call);
		llm_call_cancel(call);
	}
}

static oracle *play(const char *script, uint32_t mode)
{
	const oracle_opts opts = {.mode = mode, .script = script};

	memset(seen, 0, sizeof(seen));
	cancel_at = 0;
	return oracle_open(&opts);
}

Test(service_core, same_events_in_every_mode)
{
	static const char *const want[ORACLE_MODES] = {"STTE", "E", "STTE", "STTE"};
	const oracle_ask ask = {.stream = 1, .on_event = note};
	uint32_t mode;

	for (mode = 0; mode < ORACLE_MODES; mode++) {
		oracle *o = play("hello_stream", mode);
		oracle_run *run = oracle_do(o, &ask);

		cr_assert_eq(run->code, 0, "%s", run->err.message);
		cr_assert_str_eq(run->text, "Hello");
		cr_assert_str_eq(seen, want[mode], "mode %u: %s", (unsigned)mode, seen);
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(service_core, whole_answers_have_start_and_end_only)
{
	const oracle_ask ask = {.on_event = note};
	uint32_t mode;

	for (mode = 0; mode < ORACLE_MODES; mode++) {
		oracle *o = play("hello_whole", mode);
		oracle_run *run = oracle_do(o, &ask);

		cr_assert_eq(run->code, 0, "%s", run->err.message);
		cr_assert_str_eq(run->text, "Hello");
		cr_assert_str_eq(seen, mode == ORACLE_BLOCK ? "E" : "SE");
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(service_core, R_CORE_2_once_on_success_and_failure)
{
	static const struct {
		const char *script;
		int32_t code;
	} rows[] = {{"hello_stream", 0}, {"u_15_500", LLM_E_SERVER_ERROR},
		{"u_16_bad_chunk", LLM_E_PROTOCOL}};
	const oracle_ask ask = {.stream = 1, .on_event = note};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]) * ORACLE_MODES; i++) {
		oracle *o = play(rows[i / ORACLE_MODES].script, i % ORACLE_MODES);
		oracle_run *run = oracle_do(o, &ask);
		const char *end = strchr(seen, 'E');

		cr_assert_eq(run->code, rows[i / ORACLE_MODES].code, "%s", run->err.message);
		cr_assert(end && !end[1], "%s", seen);
		cr_assert_eq(llm_result_attempt_count(llm_call_result(run->call)), 1);
		cr_assert_eq(strlen(llm_result_run_id(llm_call_result(run->call))), 36);
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(service_core, R_CORE_2_cancelled_runs_keep_their_text)
{
	const oracle_ask ask = {.stream = 1, .on_event = note};
	uint32_t mode;

	for (mode = 0; mode < ORACLE_MODES; mode++) {
		oracle *o = play("stall_in_stream", mode);
		oracle_run *run = oracle_submit(o, &ask, NULL);
		llm_timing t = {.struct_size = (uint32_t)sizeof(t)};

		cr_assert_not_null(run);
		/* A wait that has begun turns the loop; it tells nothing of what comes. */
		if (mode == ORACLE_BLOCK)
			cr_assert_eq(llm_call_wait(run->call, 1, NULL), LLM_E_TIMEOUT);
		if (mode == ORACLE_BLOCK)
			cr_assert(sim_log_wait(o->up, "\"event\":\"first_byte\"", 1, 2000));
		else
			oracle_until(run, &run->deltas, 1);
		llm_call_cancel(run->call);
		oracle_finish(run);
		cr_assert_eq(run->code, LLM_E_CANCELLED);
		if (mode != ORACLE_BLOCK)
			cr_assert_str_eq(run->text, "Hel");
		cr_assert_eq(run->err.sent, LLM_SENT_YES);
		llm_result_timing(llm_call_result(run->call), &t);
		cr_assert_geq(t.duration_ms, 0);
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(service_core, R_CORE_2_R_CORE_4_callbacks_that_cancel)
{
	static const uint32_t modes[] = {ORACLE_THREAD, ORACLE_LOOP};
	const oracle_ask ask = {.stream = 1, .on_event = note};
	size_t i;
	int kind;

	for (i = 0; i < 2; i++) {
		for (kind = LLM_EVENT_START; kind <= LLM_EVENT_TEXT; kind++) {
			/* Cancelled at START it may not have come to the first connection. */
			oracle *o = play(
				kind == LLM_EVENT_START ? "hello_stream" : "stall_in_stream",
				modes[i]);
			oracle_run *run;

			cancel_at = kind;
			run = oracle_do(o, &ask);
			cr_assert_eq(run->code, LLM_E_CANCELLED, "%s", run->err.message);
			cr_assert_eq(strcspn(seen, "E"), strlen(seen) - 1, "%s", seen);
			cr_assert_eq(oracle_close(o), 0);
		}
	}
}

Test(service_core, R_CORE_4_cancel_in_and_after_the_end_changes_nothing)
{
	static const uint32_t modes[] = {ORACLE_THREAD, ORACLE_LOOP};
	const oracle_ask ask = {.stream = 1, .on_event = note};
	size_t i;

	for (i = 0; i < 2; i++) {
		oracle *o = play("hello_stream", modes[i]);
		oracle_run *run;

		cancel_at = LLM_EVENT_END;
		run = oracle_do(o, &ask);
		llm_call_cancel(run->call);
		if (modes[i] == ORACLE_LOOP)
			oracle_turn(o, 1);
		cr_assert_eq(run->code, 0);
		cr_assert_eq(llm_result_status(llm_call_result(run->call)), LLM_STATUS_SUCCEEDED);
		cr_assert_str_eq(seen, "STTE");
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(service_core, R_CORE_2_shutdown_completes_what_runs)
{
	const oracle_ask ask = {.stream = 1, .on_event = note};
	uint32_t mode;

	for (mode = 0; mode < ORACLE_MODES; mode++) {
		oracle *o = play("stall_in_stream", mode);
		oracle_run *run = oracle_submit(o, &ask, NULL);
		llm_event e;

		cr_assert_not_null(run);
		if (mode != ORACLE_BLOCK)
			oracle_until(run, &run->deltas, 1);
		o->opts.no_healthy = 1;
		llm_service_free(o->svc);
		o->svc = NULL;
		/* What the host still holds stays readable, and has its end. */
		if (mode == ORACLE_PULL)
			cr_assert_eq(llm_call_next(run->call, 0, &e), 0);
		cr_assert_not_null(llm_call_result(run->call));
		cr_assert_eq(llm_result_status(llm_call_result(run->call)), LLM_STATUS_CANCELLED);
		cr_assert_eq(llm_call_wait(run->call, 0, NULL), LLM_E_CANCELLED);
		if (mode >= ORACLE_THREAD)
			cr_assert_eq(run->ends, 1);
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(service_core, R_CORE_2_R_CORE_6_shutdown_completes_what_was_never_turned)
{
	const oracle_ask ask = {.stream = 1, .on_event = note};
	oracle *o = play("stall_in_stream", ORACLE_LOOP);
	oracle_run *run = oracle_submit(o, &ask, NULL);

	o->opts.no_healthy = 1;
	llm_service_free(o->svc);
	o->svc = NULL;
	cr_assert_str_eq(seen, "E");
	cr_assert_eq(llm_result_status(llm_call_result(run->call)), LLM_STATUS_CANCELLED);
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_core, R_CORE_3_no_callback_inside_submit_or_cancel)
{
	const oracle_ask ask = {.stream = 1, .on_event = note};
	oracle *o = play("hello_stream", ORACLE_LOOP);
	oracle_run *run = oracle_submit(o, &ask, NULL);

	cr_assert_str_eq(seen, "", "%s came inside submit", seen);
	llm_call_cancel(run->call);
	cr_assert_str_eq(seen, "", "%s came inside cancel", seen);
	oracle_finish(run);
	cr_assert_eq(run->code, LLM_E_CANCELLED);
	cr_assert_str_eq(seen, "SE");
	cr_assert_eq(sim_log_count(o->up, "\"event\":\"request\""), 0);
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_core, R_CORE_3_a_refusal_is_the_return_code_and_nothing_follows)
{
	const oracle_ask ask = {.model = "nobody/x", .stream = 1, .on_event = note};
	uint32_t mode;

	for (mode = 0; mode < ORACLE_MODES; mode++) {
		oracle *o = play("hello_stream", mode);
		llm_err err = LLM_ERR_INIT;

		cr_assert_null(oracle_submit(o, &ask, &err));
		cr_assert_eq(err.err_class, llm_error_info_of(err.code)->err_class);
		if (mode == ORACLE_LOOP)
			oracle_turn(o, 1);
		cr_assert_str_eq(seen, "");
		cr_assert_eq(sim_log_count(o->up, "\"event\":\"accept\""), 0);
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* ---- freeing the call is leaving ---- */

Test(service_core, R_CORE_4_a_freed_call_ends_as_cancelled)
{
	const oracle_ask ask = {.stream = 1, .on_event = note};
	oracle *o = play("stall_in_stream", ORACLE_LOOP);
	oracle_run *run = oracle_submit(o, &ask, NULL);
	llm_call *call = run->call;

	oracle_until(run, &run->deltas, 1);
	run->call = NULL;
	llm_call_free(call);
	while (!strchr(seen, 'E'))
		oracle_turn(o, 10);
	cr_assert_str_eq(seen, "STE");
	cr_assert(sim_log_wait(o->up, "\"who\":\"peer\"", 1, 100));
	cr_assert_eq(oracle_close(o), 0);
}
