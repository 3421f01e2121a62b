/*
 * ledger_time.c - the lease of a service, and how long an end waits for its row, on a clock
 * that the test moves. The database's own clock goes on meanwhile.
 */
#include <sqlite3.h>

#include "guard_time.h"
#include "ledger_try.h"

#define MINUTE_MS 60000

typedef struct desk {
	book b;
	still s;
	sqlite3 *db;
} desk;

static void desk_open(desk *d, const char *script, const char *storage)
{
	memset(d, 0, sizeof(*d));
	book_open(&d->b, storage, "");
	still_open(&d->s, script, "", d->b.config);
	cr_assert_eq(sqlite3_open(d->b.dsn, &d->db), SQLITE_OK);
	sqlite3_busy_timeout(d->db, 2000);
}

static void desk_close(desk *d)
{
	cr_expect_eq(sqlite3_close(d->db), SQLITE_OK);
	still_close(&d->s);
	book_close(&d->b);
}

static int64_t number(desk *d, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n = -1;

	cr_assert_eq(sqlite3_prepare_v2(d->db, text, -1, &stmt, NULL), SQLITE_OK, "%s", text);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

#define LEASE "SELECT max(lease_until_us) FROM llm_owners"

/* As if nobody had renewed it for long. */
static void forget_lease(desk *d)
{
	cr_assert_eq(
		sqlite3_exec(d->db, "UPDATE llm_owners SET lease_until_us = 7", NULL, NULL, NULL),
		SQLITE_OK);
}

/* The runner's thread writes it: as soon as it can, and 2 s are for a busy machine. */
static int is_renewed(desk *d)
{
	const struct timespec ms2 = {0, 2000000};
	int i;

	for (i = 0; i < 1000 && number(d, LEASE) == 7; i++)
		nanosleep(&ms2, NULL);
	return number(d, LEASE) != 7;
}

#define STARES "accept\nread request\n" HEAD "send \"" LINE("Hel") "\"\nkeep\n"

static void submit(desk *d, talk_call *c, uint32_t total_ms)
{
	const llm_call_opts limits = {.total_ms = total_ms,
		.attempt_ms = total_ms,
		.idle_ms = total_ms,
		.silence_ms = total_ms};

	talk_submit(&d->s.t, c, "ollama/a", 1, &limits);
}

Test(ledger_time, R_RUN_5_a_long_run_keeps_its_lease_and_ends_as_its_own)
{
	talk_call c;
	desk d;
	int i;

	desk_open(&d, STARES, "");
	submit(&d, &c, 10 * MINUTE_MS);
	for (i = 0; i < 200 && !c.len; i++)
		still_settle(&d.s);
	cr_assert_gt(c.len, 0);
	for (i = 0; i < 3; i++) {
		forget_lease(&d);
		still_pass(&d.s, 9900);
		cr_expect_eq(number(&d, LEASE), 7, "every 10 s is enough");
		still_pass(&d.s, 200);
		cr_expect(is_renewed(&d), "beat %d", i);
	}
	llm_call_cancel(c.call);
	cr_assert(talk_finish(&d.s.t, &c));
	talk_done(&c);
	cr_expect_eq(number(&d, "SELECT count(*) FROM llm_runs WHERE status = 'cancelled'"), 1);
	desk_close(&d);
}

Test(ledger_time, R_RUN_5_the_lease_rests_with_the_service_and_comes_back_with_a_run)
{
	talk_call c;
	desk d;

	desk_open(&d, SAYS(LINE("ok") LAST) SAYS(LINE("ok") LAST), "");
	cr_expect_eq(still_ask(&d.s, &c, 1), 0);
	forget_lease(&d);
	still_pass(&d.s, 10 * MINUTE_MS);
	still_pass(&d.s, 10 * MINUTE_MS);
	cr_expect_eq(number(&d, LEASE), 7, "nothing is open: nothing is written");
	cr_expect_eq(still_ask(&d.s, &c, 1), 0);
	cr_expect(is_renewed(&d));
	cr_expect_eq(number(&d, "SELECT count(*) FROM llm_runs WHERE status = 'succeeded'"), 2);
	desk_close(&d);
}

static llm_ledger_stats stats(desk *d)
{
	llm_ledger_stats l = {.struct_size = sizeof(l)};

	cr_assert_eq(llm_service_ledger(d->s.t.svc, &l), 0);
	return l;
}

static void lock(desk *d, const char *text)
{
	cr_assert_eq(sqlite3_exec(d->db, text, NULL, NULL, NULL), SQLITE_OK, "%s",
		sqlite3_errmsg(d->db));
}

/* The answer is there and the storage takes its time: until the deadline, or a second behind. */
static void end_is_late(uint32_t total_ms, uint64_t waits_ms)
{
	talk_call c;
	desk d;
	int i;

	desk_open(&d,
		"accept\nread request\n" HEAD "send \"" LINE("Hel") "\"\nsleep 40\nsend \"" LAST
								    "\"\nclose\n",
		"busy_timeout = 5000;");
	submit(&d, &c, total_ms);
	for (i = 0; i < 200 && !c.len; i++)
		talk_turn(&d.s.t, 2);
	lock(&d, "BEGIN IMMEDIATE");
	for (i = 0; i < 20; i++)
		still_settle(&d.s);
	cr_assert_not(c.ended);
	still_pass(&d.s, waits_ms - 50);
	cr_expect_not(c.ended, "%d ms", (int)total_ms);
	still_pass(&d.s, 100);
	cr_assert(c.ended, "%d ms", (int)total_ms);
	cr_assert(talk_finish(&d.s.t, &c));
	cr_expect_eq(c.code, 0, "%s", c.err.message);
	cr_expect_eq(llm_result_persisted(llm_call_result(c.call), NULL), LLM_PERSISTED_QUEUED);
	cr_expect_eq(stats(&d).late, 1);
	cr_expect_eq(number(&d, "SELECT count(*) FROM llm_runs WHERE status = 'running'"), 1);
	lock(&d, "COMMIT");
	for (i = 0; i < 500 && stats(&d).settled == 0; i++)
		talk_turn(&d.s.t, 4);
	cr_expect_eq(stats(&d).settled, 1, "the row follows");
	cr_expect_eq(stats(&d).failed, 0);
	talk_done(&c);
	cr_expect_eq(number(&d, "SELECT count(*) FROM llm_runs WHERE status = 'succeeded'"), 1);
	desk_close(&d);
}

Test(ledger_time, R_UOW_9_an_end_waits_for_its_row_until_the_deadline)
{
	end_is_late(30000, 30000);
}

Test(ledger_time, R_UOW_9_an_end_waits_a_second_where_the_deadline_is_near)
{
	end_is_late(500, 1000);
}

/* One job is in the runner's hands, one in its queue: the third finds no room until its deadline. */
Test(ledger_time, R_UOW_10_what_finds_no_room_is_given_up_at_its_deadline)
{
	talk_call c[3];
	desk d;
	int i;

	desk_open(&d, SAYS(LINE("ok") LAST), "busy_timeout = 5000; queue = 1;");
	lock(&d, "BEGIN IMMEDIATE");
	for (i = 0; i < 3; i++) {
		submit(&d, &c[i], 2000);
		still_settle(&d.s);
	}
	still_pass(&d.s, 2100);
	for (i = 0; i < 3; i++) {
		cr_assert(c[i].ended);
		cr_assert(talk_finish(&d.s.t, &c[i]));
		cr_expect_eq(c[i].code, LLM_E_DB_BUSY, "%s", c[i].err.message);
	}
	cr_expect_eq(still_requests(&d.s), 0);
	still_pass(&d.s, 11000); /* the ledger looks after what waits */
	lock(&d, "COMMIT");
	for (i = 0; i < 500 && stats(&d).settled + stats(&d).failed < 3; i++)
		talk_turn(&d.s.t, 4);
	for (i = 0; i < 3; i++)
		talk_done(&c[i]);
	cr_expect_eq(number(&d, "SELECT count(*) FROM llm_runs WHERE status = 'running'"), 0);
	cr_expect_eq(number(&d,
			     "SELECT count(*) FROM llm_runs WHERE status = 'failed' AND "
			     "error_code = 'DB_BUSY'"),
		(int64_t)stats(&d).settled);
	cr_expect_geq(stats(&d).settled, 1);
	desk_close(&d);
}

/* ---- a storage that takes its time ---- */

static llm_watch watch(desk *d)
{
	llm_watch w = {.struct_size = sizeof(w)};

	cr_assert_eq(llm_service_watch(d->s.t.svc, &w), 0);
	return w;
}

Test(ledger_time, P_11_a_storage_that_does_not_return_is_named_and_counted_when_it_has)
{
	talk_call c;
	llm_watch w;
	desk d;
	int i;

	desk_open(&d, SAYS(LINE("ok") LAST), "busy_timeout = 60000;");
	cr_expect_eq(watch(&d).late, 0);
	lock(&d, "BEGIN IMMEDIATE");
	submit(&d, &c, 30000);
	still_settle(&d.s);
	cr_expect_eq(watch(&d).inside_ms, 0, "it is not late yet");
	still_pass(&d.s, 3000);
	w = watch(&d);
	cr_expect_eq(w.inside_ms, 3000);
	cr_expect_str_eq(w.plugin, "sqlite");
	cr_expect_str_eq(w.function, "begin");
	cr_expect_eq(w.late, 0);
	lock(&d, "COMMIT");
	cr_assert(talk_finish(&d.s.t, &c));
	cr_expect_eq(c.code, 0, "%s", c.err.message);
	talk_done(&c);
	for (i = 0; i < 200 && !watch(&d).late; i++)
		still_settle(&d.s);
	w = watch(&d);
	cr_expect_eq(w.late, 1);
	cr_expect_str_eq(w.last_plugin, "sqlite");
	cr_expect_str_eq(w.last_function, "begin");
	cr_expect_eq(w.last_ms, 3000);
	cr_expect_str_eq(w.function, "");
	desk_close(&d);
}
