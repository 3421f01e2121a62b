/*
 * ledger_bound.c - runs that the host writes in a transaction of its own: before the answer
 * nothing is written, then all of it at once, and what is refused.
 */
#include "bound_try.h"

#include <time.h>

/* ---- the two calls ---- */

Test(ledger_bound, R_UOW_3_R_UOW_5_nothing_is_written_before_the_answer_and_then_all_of_it)
{
	llm_call *call = NULL;
	int changes;
	shop s;

	shop_open(&s);
	sql(&s, "BEGIN IMMEDIATE; INSERT INTO orders VALUES ('x')");
	changes = sqlite3_total_changes(s.db);
	bind(&s);
	submit(&s, s.unit, &call);
	cr_assert_eq(llm_call_wait(call, 5000, NULL), 0);
	cr_expect_eq(sqlite3_total_changes(s.db), changes, "%s", s.seen);
	cr_expect_eq(persisted(call), LLM_PERSISTED_NO);
	s.seen[0] = '\0';
	cr_expect_eq(record(&s, call, NULL), 0);
	cr_expect_eq(sqlite3_total_changes(s.db), changes + 3, "the run, its end, an attempt");
	cr_expect_eq(strncmp(s.seen, "SAVEPOINT llm_unit\n", 19), 0, "%s", s.seen);
	cr_expect_null(strstr(s.seen, "COMMIT"), "%s", s.seen);
	cr_expect_null(strstr(s.seen, "BEGIN"), "%s", s.seen);
	cr_expect_eq(persisted(call), LLM_PERSISTED_QUEUED, "not before the host says so");
	cr_expect_null(book_find(&s.b, llm_result_run_id(llm_call_result(call))));
	end(&s, 1);
	cr_expect_eq(persisted(call), LLM_PERSISTED_YES);
	cr_expect_eq(count(&s,
			     "SELECT count(*) FROM llm_runs WHERE status = 'succeeded' AND "
			     "input_tokens = 3 AND output_tokens = 2 AND owner_id IS NULL"),
		1);
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_attempts"), 1);
	llm_call_free(call);
	cr_expect_eq(book_stats(s.o).settled, 1);
	cr_expect_eq(book_stats(s.o).unrecorded, 0);
	shop_close(&s);
}

Test(ledger_bound, R_UOW_6_rolled_back_it_can_be_recorded_again)
{
	llm_call *call;
	shop s;

	shop_open(&s);
	call = answered(&s);
	begin(&s);
	cr_expect_eq(record(&s, call, NULL), 0);
	end(&s, 0);
	cr_expect_eq(persisted(call), LLM_PERSISTED_NO, "memory does not say otherwise");
	cr_expect_eq(book_stats(s.o).settled, 0);
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_runs"), 0);
	cr_expect_eq(count(&s, "SELECT count(*) FROM orders"), 0);
	begin(&s);
	cr_expect_eq(record(&s, call, NULL), 0);
	end(&s, 1);
	cr_expect_eq(persisted(call), LLM_PERSISTED_YES);
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_runs"), 1);
	cr_expect_eq(count(&s, "SELECT count(*) FROM orders"), 1);
	llm_call_free(call);
	shop_close(&s);
}

/* It counts from the end of the run, whoever takes how long to write it. */
Test(ledger_bound, R_UOW_11_a_row_says_how_long_its_settle_took)
{
	const struct timespec nap = {0, 3000000};
	llm_call *call;
	shop s;
	int i;

	shop_open(&s);
	call = answered(&s);
	for (i = 0; i < 2; i++) {
		nanosleep(&nap, NULL);
		begin(&s);
		cr_expect_eq(record(&s, call, NULL), 0);
		end(&s, i);
	}
	cr_expect_geq(count(&s, "SELECT settle_us FROM llm_runs"), 6000);
	cr_expect_lt(count(&s, "SELECT settle_us FROM llm_runs"), 10000000);
	llm_call_free(call);
	shop_close(&s);
}

/* ---- refused ---- */

Test(ledger_bound, R_UOW_5_recorded_twice)
{
	llm_call *call;
	shop s;

	shop_open(&s);
	call = answered(&s);
	begin(&s);
	cr_expect_eq(record(&s, call, NULL), 0);
	cr_expect_eq(record(&s, call, "recorded already"), LLM_E_STATE);
	end(&s, 1);
	begin(&s);
	cr_expect_eq(record(&s, call, "recorded already"), LLM_E_STATE);
	end(&s, 1);
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_runs"), 1);
	llm_call_free(call);
	shop_close(&s);
}

/* Committed without a word to the unit: the rows are there, and not written over. */
Test(ledger_bound, R_UOW_5_a_run_that_has_a_row_is_a_conflict)
{
	llm_call *call;
	shop s;

	shop_open(&s);
	call = answered(&s);
	begin(&s);
	cr_expect_eq(record(&s, call, NULL), 0);
	sql(&s, "COMMIT");
	llm_unit_release(s.unit);
	cr_expect_eq(persisted(call), LLM_PERSISTED_NO, "nobody said that it was committed");
	begin(&s);
	cr_expect_eq(record(&s, call, "has a row already"), LLM_E_CONFLICT);
	cr_expect_eq(sqlite3_get_autocommit(s.db), 0, "the host's transaction goes on");
	end(&s, 1);
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_runs"), 1);
	cr_expect_eq(count(&s, "SELECT count(*) FROM orders"), 2);
	llm_call_free(call);
	shop_close(&s);
}

Test(ledger_bound, R_UOW_5_what_is_not_bound_or_not_ready)
{
	llm_call *plain = NULL, *early = NULL;
	llm_err err = LLM_ERR_INIT;
	shop s;

	shop_open(&s);
	begin(&s);
	submit(&s, NULL, &plain);
	cr_assert_eq(llm_call_wait(plain, 5000, NULL), 0);
	cr_expect_eq(record(&s, plain, "was not bound at submit"), LLM_E_STATE);
	submit(&s, s.unit, &early);
	cr_expect_eq(record(&s, early, "has not completed"), LLM_E_STATE);
	cr_assert_eq(llm_call_wait(early, 5000, NULL), 0);
	sql(&s, "ROLLBACK");
	cr_expect_eq(llm_unit_record(s.unit, early, &err), LLM_E_STATE);
	cr_expect_not_null(strstr(err.message, "no transaction is open"), "%s", err.message);
	cr_expect_eq(persisted(early), LLM_PERSISTED_NO);
	sql(&s, "BEGIN");
	cr_expect_eq(record(&s, early, NULL), 0, "a transaction is open again");
	end(&s, 1);
	cr_expect_eq(persisted(early), LLM_PERSISTED_YES);
	llm_call_free(plain);
	llm_call_free(early);
	shop_close(&s);
}

Test(ledger_bound, R_UOW_5_what_is_never_recorded_is_counted_and_logged)
{
	llm_call *call;
	shop s;

	shop_open(&s);
	call = answered(&s);
	cr_expect_eq(book_stats(s.o).unrecorded, 0);
	llm_call_free(call);
	cr_expect_eq(book_stats(s.o).unrecorded, 1);
	cr_expect_eq(atomic_load(&s.o->log_words), 1);
	call = answered(&s);
	begin(&s);
	cr_expect_eq(record(&s, call, NULL), 0);
	end(&s, 0);
	llm_call_free(call);
	cr_expect_eq(book_stats(s.o).unrecorded, 2, "rolled back, and not again");
	shop_close(&s);
}

/* Somebody else writes: the host's unit is busy, and nothing is tried again for it. */
Test(ledger_bound, R_UOW_8_a_busy_database_is_the_hosts_to_try_again)
{
	llm_err err = LLM_ERR_INIT;
	llm_call *call;
	shop s;

	shop_open(&s);
	call = answered(&s);
	sqlite3_busy_timeout(s.db, 0);
	book_lock(&s.b);
	sql(&s, "BEGIN");
	bind(&s);
	cr_expect_eq(llm_unit_record(s.unit, call, &err), LLM_E_DB_BUSY, "%s", err.message);
	cr_expect_neq(err.flags & LLM_ERRF_RETRY_UNIT, 0);
	cr_expect_eq(sqlite3_get_autocommit(s.db), 0, "it is still the host's to end");
	end(&s, 0);
	book_unlock(&s.b);
	begin(&s);
	cr_expect_eq(record(&s, call, NULL), 0);
	end(&s, 1);
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_runs"), 1);
	llm_call_free(call);
	shop_close(&s);
}
