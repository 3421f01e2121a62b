/* ledger_key.c - one key, one service: what is refused, stored, told again. */
#include "ledger_key_try.h"

#include <stdlib.h>

/* ---- keys that are none ---- */

Test(ledger_key, R_IDEM_1_a_key_has_1_to_255_printable_bytes)
{
	char long_key[257];
	keys k;
	llm_err err;

	keys_open(&k, ORACLE_THREAD);
	memset(long_key, 'k', sizeof(long_key));
	long_key[256] = '\0';
	cr_expect_eq(keys_refused(&k, "", &err), LLM_E_INVALID_REQUEST);
	cr_expect_eq(keys_refused(&k, long_key, &err), LLM_E_INVALID_REQUEST);
	cr_expect_eq(keys_refused(&k, "k\xC3\xA9", &err), LLM_E_INVALID_REQUEST);
	cr_expect_eq(keys_refused(&k, "a\tb", &err), LLM_E_INVALID_REQUEST);
	cr_expect_eq(keys_refused(&k, "a\x7F", &err), LLM_E_INVALID_REQUEST);
	cr_expect_not_null(strstr(err.message, "1 to 255 printable ASCII"));
	cr_expect_eq(keys_number(&k, "SELECT count(*) FROM llm_runs"), 0);
	cr_expect_eq(REQUESTS(k.o), 0);
	long_key[255] = '\0';
	cr_expect_eq(keys_refused(&k, long_key, &err), 0, "%s", err.message);
	cr_expect_eq(keys_refused(&k, " ~", &err), 0, "%s", err.message);
	keys_close(&k);
}

Test(ledger_key, R_IDEM_15_without_stored_answers_a_key_is_refused)
{
	keys k;
	llm_err err;

	keys_open_with(&k, ORACLE_THREAD, NULL, "");
	cr_expect_eq(keys_refused(&k, "one", &err), LLM_E_CONFIG);
	cr_expect_not_null(strstr(err.message, "privacy.store = \"idempotency_only\""));
	cr_expect_eq(keys_number(&k, "SELECT count(*) FROM llm_runs"), 0);
	cr_expect_eq(REQUESTS(k.o), 0);
	keys_close(&k);
}

Test(ledger_key, R_IDEM_15_without_a_storage_a_key_is_refused)
{
	const oracle_opts opts = {.mode = ORACLE_THREAD, .no_healthy = 1};
	const oracle_ask ask = keys_ask("one");
	oracle *o = oracle_open(&opts);
	llm_err err = LLM_ERR_INIT;

	cr_expect_null(oracle_submit(o, &ask, &err));
	cr_expect_eq(err.code, LLM_E_CONFIG);
	cr_expect_not_null(strstr(err.message, "needs a storage"));
	cr_expect_eq(REQUESTS(o), 0);
	cr_assert_eq(oracle_close(o), 0);
}

/* ---- told again ---- */

static void expect_replay(keys *k, const oracle_run *first, const oracle_run *again)
{
	const llm_result *a = keys_result(first), *b = keys_result(again);
	llm_usage paid, was = LLM_USAGE_INIT, then = LLM_USAGE_INIT;
	llm_cost cost;
	const llm_run_row *row;

	cr_assert_eq(again->code, 0, "%s", again->err.message);
	cr_expect_eq(llm_result_replayed(a), 0);
	cr_expect_eq(llm_result_source(a), LLM_SOURCE_PROVIDER);
	cr_expect_null(llm_result_original_run_id(a));
	cr_expect_eq(llm_result_age_ms(a), -1);
	cr_expect_eq(llm_result_replayed(b), 1);
	cr_expect_str_eq(llm_source_name(llm_result_source(b)), "replay");
	cr_expect_str_eq(llm_result_original_run_id(b), llm_result_run_id(a));
	cr_expect_geq(llm_result_age_ms(b), 0);
	cr_expect_str_eq(keys_said(again), keys_said(first));
	cr_expect_gt(strlen(keys_said(again)), 0);
	llm_result_usage(b, &paid);
	llm_result_usage(a, &was);
	llm_result_original_usage(b, &then);
	cr_expect_eq(paid.input_tokens, 0);
	cr_expect_eq(paid.output_tokens, 0);
	cr_expect_gt(then.input_tokens, 0);
	cr_expect_eq(memcmp(&was, &then, sizeof(was)), 0);
	llm_result_cost(b, &cost);
	cr_expect_eq(cost.nanousd, 0);
	cr_expect_eq(llm_result_attempt_count(b), 0);
	cr_expect_str_eq(llm_result_model(b), llm_result_model(a));
	cr_expect_eq(llm_result_finish(b, NULL), llm_result_finish(a, NULL));
	row = book_find(&k->b, llm_result_run_id(b));
	cr_assert_not_null(row);
	cr_expect_str_eq(row->source, "replay");
	cr_expect_str_eq(row->status, "succeeded");
	cr_expect_eq(row->attempts, 0);
	cr_expect_eq(row->input_tokens, LLM_UNKNOWN);
	cr_expect_eq(row->cost_nanousd, 0);
	cr_expect_not_null(row->idempotency_key_hash);
	cr_expect_eq(book_attempts(&k->b, row->id)->n, 0);
}

Test(ledger_key, R_IDEM_11_the_result_is_told_again_in_every_mode)
{
	uint32_t mode;
	keys k;

	for (mode = 0; mode < ORACLE_MODES; mode++) {
		oracle_run *first, *again;

		keys_open(&k, mode);
		first = keys_do(&k, "one");
		cr_assert_eq(first->code, 0, "%s", first->err.message);
		cr_expect_str_eq(keys_text(&k, KEYS_STATE), "succeeded");
		again = keys_do(&k, "one");
		expect_replay(&k, first, again);
		cr_expect_eq(REQUESTS(k.o), 1);
		cr_expect_eq(book_persisted(again), LLM_PERSISTED_YES);
		keys_close(&k);
	}
}

static atomic_size_t longest;
static char heard[20000]; /* all pieces */
static size_t heard_len;

static void measure(oracle_run *got, llm_call *call, const llm_event *e)
{
	(void)got;
	(void)call;
	if (e->kind != LLM_EVENT_TEXT)
		return;
	if (e->len > atomic_load(&longest))
		atomic_store(&longest, e->len);
	cr_assert_lt(heard_len + e->len, sizeof(heard));
	memcpy(heard + heard_len, e->text, e->len);
	heard_len += e->len;
}

/* However it was asked for the first time, and however it is asked for again. */
Test(ledger_key, R_IDEM_12_streams_and_whole_answers_stand_for_each_other)
{
	static const char *const sizes[] = {"--bytes", "10000", NULL};
	static char said[20000];
	oracle_opts opts = {
		.mode = ORACLE_THREAD, .sim_args = sizes, .attempts = 1, .no_healthy = 1};
	uint32_t i;
	keys k = {0};

	book_open(&k.b, "", KEPT);
	opts.config = k.b.config;
	keys_start(&k, &opts);
	for (i = 0; i < 4; i++) {
		oracle_ask ask = keys_ask(i < 2 ? "a" : "b");
		oracle_run *got;

		ask.on_event = measure;
		ask.stream = i == 0 || i == 3;
		atomic_store(&longest, 0);
		memset(heard, 0, sizeof(heard));
		heard_len = 0;
		got = oracle_do(k.o, &ask);
		cr_assert_eq(got->code, 0, "%s", got->err.message);
		cr_expect_eq(llm_result_replayed(keys_result(got)), i % 2);
		if (i % 2)
			cr_expect_str_eq(keys_said(got), said);
		snprintf(said, sizeof(said), "%s", keys_said(got));
		cr_expect_geq(strlen(said), 10000);
		if (ask.stream)
			cr_expect_str_eq(heard, said);
		if (i == 3) {
			cr_expect_leq(atomic_load(&longest), 4096);
			cr_expect_geq(atomic_load(&got->deltas), 3);
		}
	}
	cr_expect_eq(REQUESTS(k.o), 2);
	keys_close(&k);
}

/* ---- another request ---- */

Test(ledger_key, R_IDEM_2_the_same_key_with_another_request_is_a_mismatch)
{
	oracle_ask ask = keys_ask("one");
	oracle_run *got;
	keys k;

	keys_open(&k, ORACLE_THREAD);
	cr_assert_eq(keys_do(&k, "one")->code, 0);
	ask.prompt = "something else";
	got = oracle_do(k.o, &ask);
	cr_expect_eq(got->code, LLM_E_IDEMPOTENCY_MISMATCH);
	cr_expect_eq(got->err.sent, LLM_SENT_NO);
	cr_expect_null(strstr(got->err.message, ORACLE_PROMPT));
	cr_expect_eq(llm_result_replayed(keys_result(got)), 0);
	cr_expect_eq(strlen(keys_said(got)), 0, "nothing of the other one is told");
	cr_expect_str_eq(book_find(&k.b, book_id(got))->status, "failed");
	ask = keys_ask("one");
	ask.model = "ollama/sim-large";
	cr_expect_eq(oracle_do(k.o, &ask)->code, LLM_E_IDEMPOTENCY_MISMATCH);
	ask = keys_ask("one");
	ask.stream = 0;
	ask.limits.first_token_ms = 777;
	ask.limits.priority = LLM_PRIORITY_BATCH;
	got = oracle_do(k.o, &ask);
	cr_expect_eq(got->code, 0, "how it is asked is no part of it: %s", got->err.message);
	cr_expect_eq(llm_result_replayed(keys_result(got)), 1);
	cr_expect_eq(REQUESTS(k.o), 1);
	keys_sql(&k, "UPDATE llm_idempotency SET state = 'released', response = NULL");
	ask.prompt = "something else";
	got = oracle_do(k.o, &ask);
	cr_expect_eq(got->code, LLM_E_IDEMPOTENCY_MISMATCH, "at any state");
	keys_close(&k);
}

/* ---- what is kept of failures ---- */

Test(ledger_key, R_IDEM_8_a_failure_that_would_come_again_is_told_again)
{
	static const char script[] =
		"accept\nread request\n"
		"head 400 \"Content-Type: application/json\" \"Content-Length: 24\"\n"
		"send \"{\\\"error\\\":\\\"bad request\\\"}\\n\"\nserve\n";
	oracle_opts opts = {.mode = ORACLE_THREAD, .text = script, .attempts = 1, .no_healthy = 1};
	oracle_run *first, *again;
	keys k = {0};

	book_open(&k.b, "", KEPT);
	opts.config = k.b.config;
	keys_start(&k, &opts);
	first = keys_do(&k, "one");
	cr_assert_eq(first->code, LLM_E_INVALID_REQUEST, "%s", first->err.message);
	cr_expect_str_eq(keys_text(&k, KEYS_STATE), "failed");
	cr_expect_str_eq(
		keys_text(&k, "SELECT error_code FROM llm_idempotency"), "INVALID_REQUEST");
	again = keys_do(&k, "one");
	cr_expect_eq(again->code, LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_result_replayed(keys_result(again)), 1);
	cr_expect_str_eq(again->err.message, first->err.message);
	cr_expect_eq(again->err.http_status, 400);
	cr_expect_eq(REQUESTS(k.o), 1);
	cr_expect_str_eq(book_find(&k.b, book_id(again))->source, "replay");
	keys_close(&k);
}

Test(ledger_key, R_IDEM_8_after_a_failure_that_passes_the_key_is_free_again)
{
	oracle_run *got;
	keys k;

	keys_open_with(&k, ORACLE_THREAD, "u_15_500", KEPT "max_attempts = 1;");
	got = keys_do(&k, "one");
	cr_assert_eq(got->code, LLM_E_SERVER_ERROR, "%s", got->err.message);
	cr_expect_str_eq(keys_text(&k, KEYS_STATE), "released");
	cr_expect_eq(keys_number(&k, "SELECT response IS NULL FROM llm_idempotency"), 1);
	got = keys_do(&k, "one");
	cr_expect_eq(got->code, 0, "%s", got->err.message);
	cr_expect_eq(llm_result_replayed(keys_result(got)), 0);
	cr_expect_str_eq(keys_text(&k, KEYS_STATE), "succeeded");
	cr_expect_eq(keys_number(&k, KEYS_GENERATION), 2);
	keys_close(&k);
}

Test(ledger_key, R_IDEM_8_a_cancelled_run_frees_its_key)
{
	const oracle_ask ask = keys_ask("one");
	oracle_run *got;
	keys k;

	keys_open_with(&k, ORACLE_THREAD, "stall_in_stream", KEPT);
	got = oracle_submit(k.o, &ask, NULL);
	cr_assert(sim_log_wait(k.o->up, "\"event\":\"request\"", 1, 5000));
	cr_expect_str_eq(keys_text(&k, KEYS_STATE), "claimed");
	llm_call_cancel(got->call);
	oracle_finish(got);
	cr_expect_eq(got->code, LLM_E_CANCELLED);
	cr_expect_str_eq(keys_text(&k, KEYS_STATE), "released");
	keys_close(&k);
}

/* ---- two at a time ---- */

Test(ledger_key, R_IDEM_10_R_IDEM_14_a_second_run_waits_for_the_first_without_asking)
{
	oracle_ask ask = keys_ask("one");
	oracle_run *runs[5];
	size_t i;
	keys k;

	keys_open_with(&k, ORACLE_THREAD, NULL, KEPT);
	for (i = 0; i < 5; i++) {
		ask.stream = i % 2;
		runs[i] = oracle_submit(k.o, &ask, NULL);
	}
	for (i = 0; i < 5; i++) {
		oracle_finish(runs[i]);
		cr_expect_eq(runs[i]->code, 0, "%s", runs[i]->err.message);
		cr_expect_str_eq(keys_said(runs[i]), keys_said(runs[0]));
		cr_expect_eq(llm_result_replayed(keys_result(runs[i])), i > 0);
	}
	cr_expect_eq(REQUESTS(k.o), 1);
	cr_expect_eq(keys_number(&k, KEYS_GENERATION), 1);
	cr_expect_eq(keys_number(&k,
			     "SELECT count(*) FROM llm_runs WHERE source = 'replay' AND "
			     "status = 'succeeded'"),
		4);
	keys_close(&k);
}

Test(ledger_key, R_IDEM_10_or_is_told_so_at_once)
{
	oracle_ask ask = keys_ask("one"), other = keys_ask("one");
	oracle_run *first, *second;
	keys k;

	keys_open_with(&k, ORACLE_THREAD, "stall_in_stream", KEPT);
	first = oracle_submit(k.o, &ask, NULL);
	cr_assert(sim_log_wait(k.o->up, "\"event\":\"request\"", 1, 5000));
	ask.limits.on_duplicate = LLM_DUPLICATE_FAIL;
	second = oracle_do(k.o, &ask);
	cr_expect_eq(second->code, LLM_E_IDEMPOTENCY_IN_PROGRESS);
	cr_expect_gt(second->err.retry_after_ms, 0);
	cr_expect_leq(second->err.retry_after_ms, 30000);
	cr_expect_eq(second->err.sent, LLM_SENT_NO);
	other.prompt = "something else";
	cr_expect_eq(oracle_do(k.o, &other)->code, LLM_E_IDEMPOTENCY_MISMATCH);
	ask.limits.on_duplicate = LLM_DUPLICATE_WAIT;
	ask.limits.total_ms = 30;
	second = oracle_do(k.o, &ask);
	cr_expect_eq(second->code, LLM_E_IDEMPOTENCY_IN_PROGRESS, "%s", second->err.message);
	llm_call_cancel(first->call);
	oracle_finish(first);
	keys_close(&k);
}

/* The one that holds the key leaves: the next in line asks, and the rest hear of it. */
Test(ledger_key, R_IDEM_10_who_waits_goes_on_when_the_first_is_cancelled)
{
	const oracle_ask ask = keys_ask("one");
	oracle_run *runs[4];
	size_t i;
	keys k;

	keys_open_with(&k, ORACLE_THREAD, "stall_in_stream", KEPT);
	runs[0] = oracle_submit(k.o, &ask, NULL);
	cr_assert(sim_log_wait(k.o->up, "\"event\":\"request\"", 1, 5000));
	for (i = 1; i < 4; i++)
		runs[i] = oracle_submit(k.o, &ask, NULL);
	llm_call_cancel(runs[2]->call);
	oracle_finish(runs[2]);
	cr_expect_eq(runs[2]->code, LLM_E_CANCELLED);
	llm_call_cancel(runs[0]->call);
	oracle_finish(runs[0]);
	oracle_finish(runs[1]);
	oracle_finish(runs[3]);
	cr_expect_eq(runs[1]->code, 0, "%s", runs[1]->err.message);
	cr_expect_eq(runs[3]->code, 0, "%s", runs[3]->err.message);
	cr_expect_eq(llm_result_replayed(keys_result(runs[1])) +
			llm_result_replayed(keys_result(runs[3])),
		1);
	cr_expect_eq(REQUESTS(k.o), 2);
	cr_expect_eq(keys_number(&k, KEYS_GENERATION), 2);
	keys_close(&k);
}

/* ---- refused after the claim ---- */

#define BUDGET \
	"price_files = [ \"%s\" ];\nbudget = { limit = \"1.1\"; window = \"1h\"; " \
	"default_cost = \"0.01\"; };\n" KEPT

/* A run that holds the budget stands in the way; when it is gone the key is no obstacle. */
Test(ledger_key, R_IDEM_9_without_a_budget_the_key_is_free)
{
	char *prices = sim_file(
		"prices = ( { prefix = \"ollama/\"; input = \"0\"; output = \"1000\"; } );\n");
	oracle_run *first, *second;
	char more[400];
	keys k;

	snprintf(more, sizeof(more), BUDGET, prices);
	keys_open_with(&k, ORACLE_THREAD, "stall_in_stream", more);
	first = oracle_submit(k.o, &(oracle_ask){.stream = 1}, NULL);
	cr_assert(sim_log_wait(k.o->up, "\"event\":\"request\"", 1, 5000));
	second = keys_do(&k, "one");
	cr_expect_eq(second->code, LLM_E_BUDGET_EXCEEDED, "%s", second->err.message);
	cr_expect_str_eq(keys_text(&k, KEYS_STATE), "released");
	cr_expect_str_eq(book_find(&k.b, book_id(second))->error_code, "BUDGET_EXCEEDED");
	cr_expect_str_eq(book_find(&k.b, book_id(second))->status, "failed");
	cr_expect_eq(REQUESTS(k.o), 1, "nothing was sent");
	llm_call_cancel(first->call);
	oracle_finish(first);
	second = keys_do(&k, "one");
	cr_expect_eq(second->code, 0, "%s", second->err.message);
	cr_expect_eq(llm_result_replayed(keys_result(second)), 0);
	cr_expect_eq(REQUESTS(k.o), 2);
	cr_expect_eq(keys_number(&k, KEYS_GENERATION), 2);
	keys_close(&k);
	sim_file_free(prices);
}

/* ---- expiry, damage ---- */

Test(ledger_key, R_IDEM_13_what_has_expired_counts_as_absent)
{
	oracle_run *got;
	keys k;

	keys_open_with(&k, ORACLE_THREAD, NULL, KEPT "idempotency = { ttl = \"2h\"; };");
	cr_assert_eq(keys_do(&k, "one")->code, 0);
	cr_expect_eq(
		keys_number(&k, "SELECT (expires_us - settled_us) / 1000000 FROM llm_idempotency"),
		7200);
	keys_sql(&k, "UPDATE llm_idempotency SET expires_us = 7");
	got = keys_do(&k, "one");
	cr_expect_eq(got->code, 0, "%s", got->err.message);
	cr_expect_eq(llm_result_replayed(keys_result(got)), 0);
	cr_expect_eq(REQUESTS(k.o), 2);
	cr_expect_eq(keys_number(&k, KEYS_GENERATION), 2);
	keys_close(&k);
}

Test(ledger_key, R_IDEM_8_what_was_altered_by_hand_is_told_and_not_guessed_at)
{
	oracle_run *got;
	keys k;

	keys_open(&k, ORACLE_THREAD);
	cr_assert_eq(keys_do(&k, "one")->code, 0);
	keys_sql(&k, "UPDATE llm_idempotency SET response = substr(response, 1, 40)");
	got = keys_do(&k, "one");
	cr_expect_eq(got->code, LLM_E_PERSISTENCE);
	cr_expect_not_null(strstr(got->err.message, "cannot be read"));
	cr_expect_eq(atomic_load(&got->deltas), 0);
	cr_expect_eq(REQUESTS(k.o), 1);
	keys_close(&k);
}

/* ---- in two workspaces ---- */

/* Answered, or the code of what it came to. */
static int32_t ask_in(keys *k, const char *workspace, const char *text, uint32_t *ret_replayed)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_request *rq = NULL;
	llm_call *call = NULL;
	int32_t rc;

	opts.idempotency_key = "one";
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, "ollama/sim-small"), 0);
	cr_assert_eq(llm_request_workspace(rq, workspace), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, text, LLM_NUL_TERMINATED), 0);
	cr_assert_eq(llm_submit(k->o->svc, rq, &opts, &call, &err), 0, "%s", err.message);
	rc = llm_call_wait(call, 5000, &err);
	*ret_replayed = llm_result_replayed(llm_call_result(call));
	cr_expect_null(strstr(err.message, "the first"), "%s", err.message);
	llm_call_free(call);
	llm_request_free(rq);
	return rc;
}

Test(ledger_key, K_22_R_WS_4_a_key_with_another_body_is_a_conflict_in_another_workspace_its_own)
{
	uint32_t replayed = 1;
	keys k;

	keys_open(&k, ORACLE_THREAD);
	cr_expect_eq(ask_in(&k, "team-a", "the first", &replayed), 0);
	cr_expect_eq(replayed, 0);
	cr_expect_eq(ask_in(&k, "team-a", "another", &replayed), LLM_E_IDEMPOTENCY_MISMATCH);
	cr_expect_eq(llm_error_info_of(LLM_E_IDEMPOTENCY_MISMATCH)->err_class, LLM_CLASS_LOCAL);
	cr_expect_eq(ask_in(&k, "team-b", "the first", &replayed), 0);
	cr_expect_eq(replayed, 0, "nothing of another's is told");
	cr_expect_eq(ask_in(&k, "team-c", "another", &replayed), 0);
	cr_expect_eq(replayed, 0);
	cr_expect_eq(ask_in(&k, "team-a", "the first", &replayed), 0);
	cr_expect_eq(replayed, 1);
	cr_expect_eq(REQUESTS(k.o), 3);
	cr_expect_eq(keys_number(&k, "SELECT count(DISTINCT key_hash) FROM llm_idempotency"), 3);
	keys_close(&k);
}
