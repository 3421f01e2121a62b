/*
 * ledger_bound.c - runs that the host writes in a transaction of its own: before the answer
 * nothing is written, then all of it at once, and what is refused.
 */
#include <sqlite3.h>

#include "ledger_try.h"

#include "llm/native/sqlite.h"

/* A host with a table of its own, and a service that answers. */
typedef struct shop {
	book b;
	oracle *o;
	sqlite3 *db;
	llm_sqlite_calls calls;
	llm_native native;
	llm_unit *unit;
	llm_request *rq;
	char seen[4096]; /* statements on the host's handle, a line each */
} shop;

static int note(unsigned kind, void *ctx, void *stmt, void *sql)
{
	shop *s = ctx;
	size_t n = strlen(s->seen);

	(void)kind;
	(void)stmt;
	snprintf(s->seen + n, sizeof(s->seen) - n, "%.60s\n", (const char *)sql);
	return 0;
}

static void sql(shop *s, const char *text)
{
	char *why = NULL;

	cr_assert_eq(sqlite3_exec(s->db, text, NULL, NULL, &why), SQLITE_OK, "%s: %s", text, why);
}

static int count(shop *s, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	int n;

	cr_assert_eq(sqlite3_prepare_v2(s->db, text, -1, &stmt, NULL), SQLITE_OK, "%s", text);
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

static void shop_open_at(shop *s, const char *script)
{
	const oracle_opts opts = {.mode = ORACLE_BLOCK,
		.script = script,
		.config = "workspace = \"" WS "\";\n",
		.log_word = "never recorded",
		.no_healthy = 1};

	memset(s, 0, sizeof(*s));
	book_open(&s->b, "", "");
	s->o = oracle_open(&opts);
	cr_assert_eq(sqlite3_open(s->b.dsn, &s->db), SQLITE_OK);
	sql(s, "CREATE TABLE orders (run TEXT)");
	sqlite3_trace_v2(s->db, SQLITE_TRACE_STMT, note, s);
	llm_native_sqlite(s->db, &s->calls, &s->native);
	cr_assert_eq(llm_request_new(NULL, &s->rq), 0);
	cr_assert_eq(llm_request_model(s->rq, "ollama/sim-small"), 0);
	cr_assert_eq(llm_request_text(s->rq, LLM_ROLE_USER, "hi", 2), 0);
}

static void shop_open(shop *s)
{
	shop_open_at(s, "hello_stream");
}

static void shop_close(shop *s)
{
	llm_request_free(s->rq);
	cr_expect_eq(sqlite3_close(s->db), SQLITE_OK, "no statement was left behind");
	oracle_close(s->o); /* runs of our own are not among its points */
	book_close(&s->b);
}

static void bind(shop *s)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_unit_bind(s->b.storage, &s->native, &s->unit, &err), 0, "%s", err.message);
}

static void submit(shop *s, llm_unit *unit, llm_call **ret)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;

	opts.flags = LLM_CALL_STREAM;
	opts.unit = unit;
	cr_assert_eq(llm_submit(s->o->svc, s->rq, &opts, ret, &err), 0, "%s", err.message);
}

/* Bound, asked and answered; the transaction at submit has ended. */
static llm_call *answered(shop *s)
{
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;

	sql(s, "BEGIN");
	bind(s);
	submit(s, s->unit, &call);
	llm_unit_release(s->unit);
	sql(s, "COMMIT");
	cr_assert_eq(llm_call_wait(call, 5000, &err), 0, "%s", err.message);
	return call;
}

static int32_t record(shop *s, llm_call *call, const char *says)
{
	llm_err err = LLM_ERR_INIT;
	int32_t rc = llm_unit_record(s->unit, call, &err);

	if (says)
		cr_expect_not_null(strstr(err.message, says), "%s", err.message);
	else
		cr_expect_eq(rc, 0, "%s", err.message);
	return rc;
}

static void end(shop *s, int commits)
{
	sql(s, commits ? "COMMIT" : "ROLLBACK");
	if (commits)
		llm_unit_committed(s->unit);
	llm_unit_release(s->unit);
}

static void begin(shop *s)
{
	sql(s, "BEGIN IMMEDIATE; INSERT INTO orders VALUES ('x')");
	bind(s);
}

static uint32_t persisted(llm_call *call)
{
	return llm_result_persisted(llm_call_result(call), NULL);
}

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

/* ---- in one call ---- */

static int32_t run_bound(shop *s, llm_call **ret, const char *says)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	int32_t rc;

	opts.flags = LLM_CALL_STREAM;
	opts.unit = s->unit;
	rc = llm_run(s->o->svc, s->rq, &opts, ret, &err);
	cr_expect_not_null(strstr(err.message, says), "%s", err.message);
	return rc;
}

Test(ledger_bound, R_UOW_5_the_blocking_call_records_by_itself)
{
	llm_call *call = NULL;
	shop s;

	shop_open(&s);
	begin(&s);
	cr_expect_eq(run_bound(&s, &call, ""), 0);
	cr_expect_eq(persisted(call), LLM_PERSISTED_QUEUED);
	cr_expect_null(strstr(s.seen, "COMMIT"), "%s", s.seen);
	end(&s, 0);
	cr_expect_eq(persisted(call), LLM_PERSISTED_NO);
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_runs"), 0);
	begin(&s);
	cr_expect_eq(record(&s, call, NULL), 0, "once more, after a roll-back");
	end(&s, 1);
	llm_call_free(call);
	begin(&s);
	cr_expect_eq(run_bound(&s, &call, ""), 0);
	cr_expect_eq(record(&s, call, "recorded already"), LLM_E_STATE);
	end(&s, 1);
	cr_expect_eq(persisted(call), LLM_PERSISTED_YES);
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_runs WHERE status = 'succeeded'"), 2);
	cr_expect_eq(count(&s, "SELECT count(*) FROM orders"), 2);
	llm_call_free(call);
	cr_expect_eq(book_stats(s.o).unrecorded, 0);
	shop_close(&s);
}

Test(ledger_bound, R_UOW_5_of_a_run_that_failed_the_blocking_call_records_that)
{
	llm_call *call = NULL;
	shop s;

	shop_open_at(&s, "u_15_500");
	begin(&s);
	cr_expect_eq(run_bound(&s, &call, ""), LLM_E_SERVER_ERROR);
	end(&s, 1);
	cr_expect_eq(persisted(call), LLM_PERSISTED_YES);
	cr_expect_eq(count(&s,
			     "SELECT count(*) FROM llm_runs WHERE status = 'failed' AND "
			     "error_code = 'SERVER_ERROR'"),
		1);
	llm_call_free(call);
	shop_close(&s);
}

/* The answer is paid for: it is there, with the reason why its row is not. */
Test(ledger_bound, R_UOW_9_an_answer_is_there_when_the_blocking_call_cannot_record_it)
{
	const llm_err *fault = NULL;
	llm_call *call = NULL;
	size_t len;
	shop s;

	shop_open(&s);
	sqlite3_busy_timeout(s.db, 0);
	book_lock(&s.b);
	sql(&s, "BEGIN");
	bind(&s);
	cr_expect_eq(run_bound(&s, &call, "try the unit again"), LLM_E_DB_BUSY);
	cr_expect_str_eq(llm_result_text(llm_call_result(call), &len), "Hello");
	cr_expect_eq(llm_result_persisted(llm_call_result(call), &fault), LLM_PERSISTED_NO);
	cr_assert_not_null(fault);
	cr_expect_eq(fault->code, LLM_E_DB_BUSY);
	end(&s, 0);
	book_unlock(&s.b);
	begin(&s);
	cr_expect_eq(record(&s, call, NULL), 0);
	end(&s, 1);
	cr_expect_eq(llm_result_persisted(llm_call_result(call), &fault), LLM_PERSISTED_YES);
	cr_expect_null(fault);
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
