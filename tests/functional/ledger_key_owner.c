/*
 * ledger_key_owner.c - one key, several services: who has it, who takes it over, and what
 * becomes of an owner that was paused. Leases are moved by SQL.
 */
#include "ledger_key_try.h"

/* Another service on the same database, in this process but as far apart as any two. */
static oracle *service_at(const keys *k, const char *script, const llm_time_source *time)
{
	const oracle_opts opts = {.mode = ORACLE_THREAD,
		.script = script,
		.config = k->b.config,
		.time = time,
		.attempts = 1,
		.no_healthy = 1};

	return oracle_open(&opts);
}

static oracle *other_service(const keys *k, const char *script)
{
	return service_at(k, script, NULL);
}

/* Its descriptors on the file stay with SQLite as long as the first service has one there. */
static void leave(oracle *b)
{
	(void)oracle_close(b);
}

#define LATE "UPDATE llm_owners SET lease_until_us = 7"

static struct {
	keys *k;
	oracle *b;
	oracle_run *taken; /* by the other service */
	int done;
} play;

/* In the callback of the first piece: as long as it runs, its service does nothing else. */
static void pause_first(oracle_run *got, llm_call *call, const llm_event *e)
{
	const oracle_ask ask = keys_ask("one");

	(void)got;
	(void)call;
	if (e->kind != LLM_EVENT_TEXT || play.done)
		return;
	play.done = 1;
	keys_sql(play.k, LATE);
	play.taken = oracle_do(play.b, &ask);
}

Test(ledger_key_owner, R_IDEM_6_R_IDEM_14_a_paused_owner_never_overwrites_its_successor)
{
	oracle_ask ask = keys_ask("one");
	oracle_run *paused, *again;
	keys k;

	keys_open_with(&k, ORACLE_THREAD, "hello_stream", KEPT);
	play.k = &k;
	play.b = other_service(&k, NULL);
	ask.on_event = pause_first;
	paused = oracle_do(k.o, &ask);
	cr_assert_not_null(play.taken);
	cr_expect_eq(play.taken->code, 0, "%s", play.taken->err.message);
	cr_expect_eq(llm_result_replayed(keys_result(play.taken)), 0);
	cr_expect_eq(paused->code, LLM_E_IDEMPOTENCY_LOST, "%s", paused->err.message);
	cr_expect_str_eq(keys_said(paused), "Hello", "what was paid for is not thrown away");
	cr_expect_eq(keys_number(&k, KEYS_GENERATION), 2);
	cr_expect_str_eq(keys_text(&k, "SELECT run_id FROM llm_idempotency"), book_id(play.taken));
	cr_expect_str_eq(book_find(&k.b, book_id(paused))->error_code, "IDEMPOTENCY_LOST");
	cr_expect_str_eq(book_find(&k.b, book_id(paused))->status, "failed");
	cr_expect_eq(book_attempts(&k.b, book_id(paused))->n, 1, "and what it used is on record");
	again = keys_do(&k, "one");
	cr_expect_eq(again->code, 0, "%s", again->err.message);
	cr_expect_str_eq(keys_said(again), keys_said(play.taken));
	cr_expect_eq(REQUESTS(play.b), 1);
	leave(play.b);
	keys_close(&k);
}

/* Each asks again now and then, until it is settled or the time is up. */
Test(ledger_key_owner, R_IDEM_10_who_is_elsewhere_waits_until_it_is_settled)
{
	oracle_ask ask = keys_ask("one");
	oracle_run *first, *second, *third;
	oracle *b;
	keys k;

	keys_open_with(&k, ORACLE_THREAD, "stall_in_stream", KEPT);
	b = other_service(&k, NULL);
	first = oracle_submit(k.o, &ask, NULL);
	cr_assert(sim_log_wait(k.o->up, "\"event\":\"request\"", 1, 5000));
	ask.limits.on_duplicate = LLM_DUPLICATE_FAIL;
	second = oracle_do(b, &ask);
	cr_expect_eq(second->code, LLM_E_IDEMPOTENCY_IN_PROGRESS);
	cr_expect_gt(second->err.retry_after_ms, 1000);
	cr_expect_leq(second->err.retry_after_ms, 30000);
	cr_expect_str_eq(book_find(&k.b, book_id(second))->status, "failed");
	ask.limits.on_duplicate = LLM_DUPLICATE_WAIT;
	ask.limits.total_ms = 130;
	second = oracle_do(b, &ask);
	cr_expect_eq(second->code, LLM_E_IDEMPOTENCY_IN_PROGRESS, "%s", second->err.message);
	ask.limits.total_ms = 0;
	third = oracle_submit(b, &ask, NULL);
	llm_call_cancel(first->call);
	oracle_finish(first);
	oracle_finish(third);
	cr_expect_eq(third->code, 0, "%s", third->err.message);
	cr_expect_eq(llm_result_replayed(keys_result(third)), 0, "it was released, and is its own");
	cr_expect_eq(keys_number(&k, KEYS_GENERATION), 2);
	cr_expect_eq(REQUESTS(b), 1);
	leave(b);
	keys_close(&k);
}

Test(ledger_key_owner, R_IDEM_11_what_one_service_was_told_another_tells_again)
{
	const oracle_ask ask = keys_ask("one");
	oracle_run *first, *again;
	oracle *b;
	keys k;

	keys_open(&k, ORACLE_THREAD);
	first = keys_do(&k, "one");
	b = other_service(&k, NULL);
	again = oracle_do(b, &ask);
	cr_expect_eq(again->code, 0, "%s", again->err.message);
	cr_expect_str_eq(keys_said(again), keys_said(first));
	cr_expect_str_eq(llm_result_original_run_id(keys_result(again)), book_id(first));
	cr_expect_eq(REQUESTS(b), 0);
	leave(b);
	keys_close(&k);
}

/* Whose process is gone: its lease passes, and the key is free. */
Test(ledger_key_owner, R_IDEM_5_the_key_of_an_owner_that_is_late_is_taken_over)
{
	const oracle_ask ask = keys_ask("one");
	oracle_run *first, *second;
	oracle *b;
	keys k;

	keys_open_with(&k, ORACLE_THREAD, "stall_in_stream", KEPT);
	b = other_service(&k, NULL);
	first = oracle_submit(k.o, &ask, NULL);
	cr_assert(sim_log_wait(k.o->up, "\"event\":\"request\"", 1, 5000));
	cr_expect_str_eq(keys_text(&k, KEYS_STATE), "claimed");
	keys_sql(&k, LATE);
	second = oracle_do(b, &ask);
	cr_expect_eq(second->code, 0, "%s", second->err.message);
	cr_expect_eq(keys_number(&k, KEYS_GENERATION), 2);
	llm_call_cancel(first->call);
	oracle_finish(first);
	cr_expect_eq(first->code, LLM_E_IDEMPOTENCY_LOST, "%s", first->err.message);
	cr_expect_str_eq(keys_text(&k, KEYS_STATE), "succeeded");
	leave(b);
	keys_close(&k);
}

/* ---- wall clocks that step ---- */

#define HOUR_US INT64_C(3600000000)

static _Atomic int64_t step_us;

static int64_t stepping(void *ctx)
{
	struct timespec ts;

	(void)ctx;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 + atomic_load(&step_us);
}

static const llm_time_source steps = {.realtime_us = stepping};

/* While the first has the key: whatever the clock of a service says, it is the first's. */
static void step_about(oracle_run *got, llm_call *call, const llm_event *e)
{
	static const int64_t hours[] = {5, -7, 9000, -9000, 0, -1, 1};
	oracle_ask ask = keys_ask("one");
	const oracle_run *other;
	size_t i;

	(void)got;
	(void)call;
	if (e->kind != LLM_EVENT_TEXT || play.done)
		return;
	play.done = 1;
	ask.limits.on_duplicate = LLM_DUPLICATE_FAIL;
	for (i = 0; i < sizeof(hours) / sizeof(hours[0]); i++) {
		atomic_store(&step_us, hours[i] * HOUR_US);
		other = oracle_do(play.b, &ask);
		cr_expect_eq(other->code, LLM_E_IDEMPOTENCY_IN_PROGRESS, "%d h: %s", (int)hours[i],
			other->err.message);
		cr_expect_gt(other->err.retry_after_ms, 0, "%d h", (int)hours[i]);
		cr_expect_leq(other->err.retry_after_ms, 30000, "%d h", (int)hours[i]);
	}
}

Test(ledger_key_owner, R_IDEM_7_wall_clocks_that_step_move_no_lease_and_no_expiry)
{
	oracle_ask ask = keys_ask("one");
	oracle_run *first, *again;
	keys k;

	memset(&k, 0, sizeof(k));
	book_open(&k.b, "", KEPT);
	keys_start(&k,
		&(oracle_opts){.mode = ORACLE_THREAD,
			.script = "hello_stream",
			.config = k.b.config,
			.time = &steps,
			.attempts = 1,
			.no_healthy = 1});
	play.k = &k;
	play.b = service_at(&k, NULL, &steps);
	ask.on_event = step_about;
	first = oracle_do(k.o, &ask);
	cr_assert_eq(play.done, 1);
	cr_expect_eq(first->code, 0, "%s", first->err.message);
	cr_expect_eq(keys_number(&k, KEYS_GENERATION), 1);
	cr_expect_eq(
		keys_number(&k, "SELECT (expires_us - settled_us) / 1000000 FROM llm_idempotency"),
		24 * 3600);
	cr_expect_lt(keys_number(&k,
			     "SELECT abs(settled_us / 1000000 - strftime('%s', 'now')) FROM "
			     "llm_idempotency"),
		60);
	for (int hours = -48; hours <= 48; hours += 96) {
		atomic_store(&step_us, hours * HOUR_US);
		ask.on_event = NULL;
		again = oracle_do(play.b, &ask);
		cr_expect_eq(again->code, 0, "%s", again->err.message);
		cr_expect_eq(llm_result_replayed(keys_result(again)), 1, "%d h", hours);
		cr_expect_geq(llm_result_age_ms(keys_result(again)), 0, "%d h", hours);
	}
	cr_expect_eq(REQUESTS(play.b), 0);
	leave(play.b);
	keys_close(&k);
}

/* The database's steps on by an hour and back: one owner each time, and one result. */
static void step_the_database(oracle_run *got, llm_call *call, const llm_event *e)
{
	const oracle_ask ask = keys_ask("one");

	(void)got;
	(void)call;
	if (e->kind != LLM_EVENT_TEXT || play.done)
		return;
	play.done = 1;
	keys_sql(play.k, "UPDATE llm_owners SET lease_until_us = lease_until_us - 3600000000");
	play.taken = oracle_do(play.b, &ask);
	keys_sql(play.k, "UPDATE llm_owners SET lease_until_us = lease_until_us + 7200000000");
}

Test(ledger_key_owner, R_IDEM_6_R_IDEM_7_a_database_whose_clock_steps_lets_one_owner_settle)
{
	oracle_ask ask = keys_ask("one");
	oracle_run *first;
	keys k;

	keys_open_with(&k, ORACLE_THREAD, "hello_stream", KEPT);
	play.k = &k;
	play.b = other_service(&k, NULL);
	ask.on_event = step_the_database;
	first = oracle_do(k.o, &ask);
	cr_assert_not_null(play.taken);
	cr_expect_eq(play.taken->code, 0, "%s", play.taken->err.message);
	cr_expect_eq(first->code, LLM_E_IDEMPOTENCY_LOST, "its lease looks good again, too late");
	cr_expect_eq(keys_number(&k, KEYS_GENERATION), 2);
	cr_expect_str_eq(keys_text(&k, "SELECT run_id FROM llm_idempotency"), book_id(play.taken));
	cr_expect_eq(
		keys_number(&k, "SELECT count(*) FROM llm_runs WHERE status = 'succeeded'"), 1);
	leave(play.b);
	keys_close(&k);
}
