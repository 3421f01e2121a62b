/*
 * ledger_unit.c - a host's transaction and every call that may have to do with it: the blocking
 * form, a state that is too old, and what never comes to the host's handle.
 */
#include "bound_try.h"

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

static void other_writes(shop *s)
{
	sqlite3 *db = NULL;

	cr_assert_eq(sqlite3_open(s->b.dsn, &db), SQLITE_OK);
	cr_assert_eq(
		sqlite3_exec(db, "INSERT INTO orders VALUES ('y')", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* It has read, and somebody else has written since: no wait helps, only a new transaction. */
Test(ledger_bound,
	R_UOW_8_S_02_a_transaction_that_has_read_an_older_state_is_the_hosts_to_begin_anew)
{
	llm_err err = LLM_ERR_INIT;
	llm_call *call;
	shop s;

	shop_open(&s);
	call = answered(&s);
	sql(&s, "BEGIN");
	cr_assert_eq(count(&s, "SELECT count(*) FROM llm_runs"), 0);
	other_writes(&s);
	bind(&s);
	cr_expect_eq(llm_unit_record(s.unit, call, &err), LLM_E_DB_BUSY, "%s", err.message);
	cr_expect_neq(err.flags & LLM_ERRF_RETRY_UNIT, 0);
	cr_expect_eq(sqlite3_get_autocommit(s.db), 0, "it is still the host's to end");
	end(&s, 0);
	begin(&s);
	cr_expect_eq(record(&s, call, NULL), 0);
	end(&s, 1);
	llm_call_free(call);
	shop_close(&s);
}

/* ---- whatever is called, the transaction is the host's ---- */

static int is_control(const char *line)
{
	static const char *const words[] = {
		"BEGIN", "COMMIT", "END", "ROLLBACK;", "ATTACH", "DETACH", "PRAGMA", "VACUUM"};
	size_t i;

	if (strcmp(line, "ROLLBACK") == 0)
		return 1;
	if (strncmp(line, "SAVEPOINT ", 10) == 0)
		return strcmp(line, "SAVEPOINT llm_unit") != 0;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(line, words[i], strlen(words[i])) == 0)
			return 1;
	return 0;
}

/* What came to the host's handle since the last time; none of it may be the host's to say. */
static void expect_no_control(shop *s, const char *who)
{
	char *line, *rest = NULL;

	cr_expect_eq(sqlite3_get_autocommit(s->db), 0, "%s has ended it", who);
	cr_expect_lt(strlen(s->seen), sizeof(s->seen) - 1, "%s: too much to see", who);
	for (line = strtok_r(s->seen, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		cr_expect_not(is_control(line), "%s: %s", who, line);
	s->seen[0] = '\0';
}

static int32_t any_row(void *ctx, const void *row)
{
	(void)row;
	++*(int *)ctx;
	return 0;
}

static void expect_refused(shop *s, const char *who, int32_t rc)
{
	cr_expect_eq(rc, LLM_E_STATE, "%s: %d", who, (int)rc);
	cr_expect_str_eq(s->seen, "", "%s", who);
}

static void read_all(shop *s)
{
	llm_filter filter = LLM_FILTER_INIT;
	llm_schema_state state = {.struct_size = sizeof(state)};
	llm_err err = LLM_ERR_INIT;
	uint32_t kind;
	int n = 0;
	llm_row_sink sink = {sizeof(sink), 0, &n, any_row};

	filter.workspace_id = WS;
	filter.id = filter.operation = "x";
	filter.group = LLM_GROUP_DAY;
	for (kind = LLM_QUERY_RUN; kind <= LLM_QUERY_HEALTH; kind++) {
		cr_expect_eq(llm_records_read(s->unit, kind, &filter, &sink, &err), 0, "%s",
			err.message);
		expect_no_control(s, "llm_records_read");
	}
	cr_expect_gt(n, 0);
	cr_expect_eq(llm_records_schema(s->unit, &state, &err), 0, "%s", err.message);
	cr_expect_eq(llm_unit_check_schema(s->unit, &err), 0, "%s", err.message);
	expect_no_control(s, "llm_records_schema");
}

static void look_after(shop *s)
{
	llm_purge what = {.struct_size = sizeof(what),
		.workspace_id = WS,
		.contents_before_us = 1,
		.runs_before_us = 1,
		.limit = 10};
	llm_err err = LLM_ERR_INIT;
	uint32_t n = 0;

	cr_expect_eq(llm_runs_reap(s->unit, 10, &n, &err), 0, "%s", err.message);
	expect_no_control(s, "llm_runs_reap");
	cr_expect_eq(llm_records_purge(s->unit, &what, &n, &err), 0, "%s", err.message);
	expect_no_control(s, "llm_records_purge");
}

Test(ledger_bound, R_UOW_1_no_public_call_begins_or_ends_the_hosts_transaction)
{
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL, *second = NULL;
	shop s;

	shop_open(&s);
	begin(&s);
	s.seen[0] = '\0';
	submit(&s, s.unit, &call);
	cr_assert_eq(llm_call_wait(call, 5000, NULL), 0);
	expect_no_control(&s, "llm_submit");
	cr_expect_eq(record(&s, call, NULL), 0);
	expect_no_control(&s, "llm_unit_record");
	cr_expect_eq(run_bound(&s, &second, ""), 0);
	expect_no_control(&s, "llm_run");
	read_all(&s);
	look_after(&s);
	expect_refused(&s, "llm_unit_begin", llm_unit_begin(s.unit, &err));
	expect_refused(&s, "llm_unit_commit", llm_unit_commit(s.unit, &err));
	expect_refused(&s, "llm_unit_rollback", llm_unit_rollback(s.unit, &err));
	expect_refused(&s, "llm_unit_migrate", llm_unit_migrate(s.unit, LLM_SCHEMA_LATEST, &err));
	expect_refused(&s, "llm_records_maintain",
		llm_records_maintain(s.unit, LLM_MAINTAIN_VACUUM, NULL, &err));
	llm_unit_interrupt(s.unit);
	llm_unit_committed(s.unit);
	llm_call_free(call);
	llm_call_free(second);
	llm_unit_release(s.unit);
	expect_no_control(&s, "the end of the unit");
	sql(&s, "COMMIT");
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_runs WHERE status = 'succeeded'"), 2);
	cr_expect_eq(count(&s, "SELECT count(*) FROM orders"), 1);
	shop_close(&s);
}
