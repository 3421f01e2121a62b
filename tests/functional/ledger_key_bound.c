/*
 * ledger_key_bound.c - keys of runs that the host records in its own transaction: a look at
 * submit, one result whoever comes first, and nothing that a rollback leaves behind.
 */
#include "bound_try.h"

static void desk_open(shop *s)
{
	shop_open_with(s, "hello_stream",
		"workspace = \"" WS "\";\nprivacy = { store = \"idempotency_only\"; };\n");
}

static int32_t try_submit(shop *s, const char *key, llm_call **ret, llm_err *err)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	int32_t rc;

	*err = (llm_err)LLM_ERR_INIT;
	opts.flags = LLM_CALL_STREAM;
	opts.idempotency_key = key;
	sql(s, "BEGIN");
	bind(s);
	opts.unit = s->unit;
	rc = llm_submit(s->o->svc, s->rq, &opts, ret, err);
	llm_unit_release(s->unit);
	sql(s, "COMMIT");
	return rc;
}

static llm_call *ask(shop *s, const char *key)
{
	llm_call *call = NULL;
	llm_err err;

	cr_assert_eq(try_submit(s, key, &call, &err), 0, "%s", err.message);
	cr_assert_eq(llm_call_wait(call, 5000, &err), 0, "%s", err.message);
	return call;
}

static void keep(shop *s, llm_call *call, int commits)
{
	begin(s);
	cr_expect_eq(record(s, call, NULL), 0);
	end(s, commits);
}

static uint32_t replayed(llm_call *call)
{
	return llm_result_replayed(llm_call_result(call));
}

static const char *said(llm_call *call)
{
	return llm_result_text(llm_call_result(call), NULL);
}

Test(ledger_key_bound, R_UOW_5_what_is_stored_is_told_at_submit_by_reads_alone)
{
	llm_call *first, *again;
	int changes;
	shop s;

	desk_open(&s);
	first = ask(&s, "one");
	keep(&s, first, 1);
	cr_expect_eq(count(&s,
			     "SELECT count(*) FROM llm_idempotency WHERE state = 'succeeded' AND "
			     "generation = 1"),
		1);
	changes = sqlite3_total_changes(s.db);
	again = ask(&s, "one");
	cr_expect_eq(sqlite3_total_changes(s.db), changes);
	cr_expect_eq(replayed(again), 1);
	cr_expect_str_eq(said(again), "Hello");
	keep(&s, again, 1);
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_runs WHERE source = 'replay'"), 1);
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_attempts"), 1);
	cr_expect_eq(REQUESTS(s.o), 1);
	llm_call_free(first);
	llm_call_free(again);
	shop_close(&s);
}

Test(ledger_key_bound, R_UOW_5_who_records_second_is_told_the_result_of_the_first)
{
	llm_call *first, *second;
	shop s;

	desk_open(&s);
	first = ask(&s, "one");
	second = ask(&s, "one");
	cr_expect_eq(replayed(second), 0, "nothing was stored when it was asked");
	cr_expect_str_neq(said(second), "Hello", "it has an answer of its own");
	keep(&s, first, 1);
	keep(&s, second, 1);
	cr_expect_eq(replayed(first), 0);
	cr_expect_eq(replayed(second), 1);
	cr_expect_str_eq(said(second), "Hello");
	cr_expect_str_eq(llm_result_original_run_id(llm_call_result(second)),
		llm_result_run_id(llm_call_result(first)));
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_idempotency"), 1);
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_runs"), 2);
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_attempts"), 2, "both were paid for");
	cr_expect_eq(count(&s, "SELECT count(*) FROM orders"), 2);
	llm_call_free(first);
	llm_call_free(second);
	shop_close(&s);
}

Test(ledger_key_bound, R_UOW_6_what_was_rolled_back_is_told_to_nobody)
{
	llm_call *first, *second;
	shop s;

	desk_open(&s);
	first = ask(&s, "one");
	keep(&s, first, 0);
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_idempotency"), 0);
	second = ask(&s, "one");
	cr_expect_eq(replayed(second), 0);
	keep(&s, first, 1);
	cr_expect_eq(count(&s, "SELECT count(*) FROM llm_idempotency"), 1);
	cr_expect_eq(persisted(first), LLM_PERSISTED_YES);
	llm_call_free(first);
	llm_call_free(second);
	shop_close(&s);
}

Test(ledger_key_bound, R_IDEM_2_another_request_or_a_claim_in_force_is_refused_at_submit)
{
	llm_call *call, *none = NULL;
	llm_request *rq;
	llm_err err;
	shop s;

	desk_open(&s);
	call = ask(&s, "one");
	keep(&s, call, 1);
	rq = s.rq;
	cr_assert_eq(llm_request_new(NULL, &s.rq), 0);
	cr_assert_eq(llm_request_model(s.rq, "ollama/sim-small"), 0);
	cr_assert_eq(llm_request_text(s.rq, LLM_ROLE_USER, "else", 4), 0);
	cr_expect_eq(try_submit(&s, "one", &none, &err), LLM_E_IDEMPOTENCY_MISMATCH);
	llm_request_free(s.rq);
	s.rq = rq;
	sql(&s,
		"UPDATE llm_idempotency SET state = 'claimed', owner_id = 'o', expires_us = NULL; "
		"INSERT INTO llm_owners VALUES ('o', 1, 9223372036854775807, NULL)");
	cr_expect_eq(try_submit(&s, "one", &none, &err), LLM_E_IDEMPOTENCY_IN_PROGRESS);
	cr_expect_gt(err.retry_after_ms, 0);
	llm_call_free(call);
	shop_close(&s);
}
