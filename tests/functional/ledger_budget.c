/*
 * ledger_budget.c - budgets that the storage counts: reserved with the row `running`, settled
 * with the end, told of what was recorded otherwise.
 */
#include <sqlite3.h>

#include "ledger_try.h"

#include "llm/native/sqlite.h"

/* A run is estimated at 1024 tokens out, a bit over a dollar; hello_stream has two of them. */
#define PRICED "prices = ( { prefix = \"ollama/\"; input = \"0\"; output = \"1000\"; } );\n"
#define COST INT64_C(2000000)
#define USUAL INT64_C(500000000)

typedef struct bank {
	book b;
	char *prices;
	oracle *o;
} bank;

static void bank_open(bank *k, const char *script, const char *storage, const char *budget)
{
	oracle_opts opts = {
		.mode = ORACLE_THREAD, .script = script, .attempts = 1, .no_healthy = 1};
	char more[600];

	k->prices = sim_file(PRICED);
	snprintf(more, sizeof(more), "price_files = [ \"%s\" ];\n%s", k->prices, budget);
	book_open(&k->b, storage, more);
	opts.config = k->b.config;
	k->o = oracle_open(&opts);
}

static void bank_close(bank *k)
{
	cr_assert_eq(oracle_close(k->o), 0);
	book_close(&k->b);
	sim_file_free(k->prices);
}

static int32_t bank_row(void *ctx, const void *row)
{
	*(llm_budget_row *)ctx = *(const llm_budget_row *)row;
	return 0;
}

/* Of the workspace; all zero: there is none. */
static llm_budget_row bank_look(bank *k)
{
	llm_budget_row found = {0};
	llm_row_sink sink = {sizeof(sink), 0, &found, bank_row};
	llm_filter filter = LLM_FILTER_INIT;
	llm_err err = LLM_ERR_INIT;
	int32_t rc;

	book_take(&k->b);
	filter.workspace_id = WS;
	filter.profile = "";
	llm_unit_call(k->b.unit);
	rc = llm_unit_table(k->b.unit)->query(
		llm_unit_connection(k->b.unit), LLM_QUERY_BUDGETS, &filter, &sink);
	cr_assert_eq(llm_unit_called(k->b.unit, "query", rc, &err), 0, "%s", err.message);
	book_give(&k->b);
	return found;
}

/* A run that is answered; what it cost. */
static int64_t bank_pay(bank *k)
{
	const oracle_run *asked = oracle_do(k->o, &(oracle_ask){.stream = 1});
	llm_cost cost;

	cr_expect_eq(asked->code, 0, "%s", asked->err.message);
	llm_result_cost(llm_call_result(asked->call), &cost);
	return cost.nanousd;
}

#define ONE "budget = { limit = \"1.1\"; window = \"1h\"; default_cost = \"0.5\"; };\n"

Test(ledger_budget, R_COST_11_held_with_the_row_and_settled_with_the_end)
{
	oracle_run *first, *second;
	const llm_run_row *row;
	bank k;

	bank_open(&k, "stall_in_stream", "", ONE);
	first = oracle_submit(k.o, &(oracle_ask){.stream = 1}, NULL);
	cr_assert(sim_log_wait(k.o->up, "\"event\":\"request\"", 1, 5000));
	cr_expect_gt(
		bank_look(&k).held_nanousd, INT64_C(1000000000), "committed before it was sent");
	second = oracle_do(k.o, &(oracle_ask){.stream = 1});
	cr_expect_eq(second->err.code, LLM_E_BUDGET_EXCEEDED);
	cr_expect_not_null(strstr(second->err.message, "1.1"), "%s", second->err.message);
	cr_expect(second->err.retry_after_ms > 0 && second->err.retry_after_ms <= 3600001);
	cr_expect_eq(REQUESTS(k.o), 1, "nothing was sent");
	row = book_find(&k.b, book_id(second));
	cr_assert_not_null(row);
	cr_expect_str_eq(row->status, "failed");
	cr_expect_str_eq(row->error_code, "BUDGET_EXCEEDED");
	cr_expect_eq(row->attempts, 0);
	llm_call_cancel(first->call);
	oracle_finish(first);
	cr_expect_eq(bank_look(&k).held_nanousd, 0);
	cr_expect_eq(bank_look(&k).spent_nanousd, USUAL, "cut off: nobody knows what it cost");
	bank_close(&k);
}

Test(ledger_budget, R_COST_11_the_estimate_is_corrected)
{
	llm_budget_row seen;
	int64_t sum = 0;
	bank k;
	int i;

	bank_open(&k, "hello_stream", "", ONE);
	for (i = 0; i < 3; i++)
		sum += bank_pay(&k);
	seen = bank_look(&k);
	cr_expect_eq(seen.held_nanousd, 0);
	cr_expect_gt(sum, COST);
	cr_expect_eq(seen.spent_nanousd, sum);
	cr_expect_eq(seen.limit_nanousd, INT64_C(1100000000));
	cr_expect_eq(seen.span_us, INT64_C(3600000000));
	cr_expect_eq(seen.fixed, 0);
	bank_close(&k);
}

static void tell_only(const char *storage, const char *budget)
{
	bank k;

	bank_open(&k, "hello_stream", storage, budget);
	cr_expect_eq(oracle_do(k.o, &(oracle_ask){.stream = 1})->code, 0);
	cr_assert_eq(oracle_close(k.o), 0); /* what waits is written on the way out */
	cr_expect_eq(bank_look(&k).spent_nanousd, COST);
	cr_expect_eq(bank_look(&k).held_nanousd, 0);
	book_close(&k.b);
	sim_file_free(k.prices);
}

Test(ledger_budget, R_COST_11_what_is_recorded_afterwards_counts_as_well)
{
	tell_only("ledger = \"after\";", ONE);
	tell_only("settle = \"queued\";", ONE);
}

/* A run in a transaction of the host's, which it ends with `end`; what is spent then. */
static int64_t spent_bound(bank *k, sqlite3 *db, const char *end)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_sqlite_calls calls;
	llm_request *rq = NULL;
	llm_call *call = NULL;
	llm_native native;

	opts.flags = LLM_CALL_STREAM;
	llm_native_sqlite(db, &calls, &native);
	cr_assert_eq(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
	cr_assert_eq(llm_unit_bind(k->b.storage, &native, &opts.unit, &err), 0, "%s", err.message);
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, "ollama/sim-small"), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", 2), 0);
	cr_assert_eq(llm_submit(k->o->svc, rq, &opts, &call, &err), 0, "%s", err.message);
	cr_assert_eq(llm_call_wait(call, 5000, &err), 0, "%s", err.message);
	cr_assert_eq(llm_unit_record(opts.unit, call, &err), 0, "%s", err.message);
	cr_assert_eq(sqlite3_exec(db, end, NULL, NULL, NULL), SQLITE_OK);
	if (strcmp(end, "COMMIT") == 0)
		llm_unit_committed(opts.unit);
	llm_unit_release(opts.unit);
	llm_request_free(rq);
	llm_call_free(call);
	return bank_look(k).spent_nanousd;
}

Test(ledger_budget, R_COST_11_a_bound_run_is_told_with_its_rows)
{
	oracle_opts opts = {.mode = ORACLE_BLOCK, .script = "hello_stream", .no_healthy = 1};
	sqlite3 *db = NULL;
	char config[600];
	int64_t spent;
	bank k;

	k.prices = sim_file(PRICED);
	snprintf(config, sizeof(config), "workspace = \"" WS "\";\nprice_files = [ \"%s\" ];\n" ONE,
		k.prices);
	opts.config = config;
	book_open(&k.b, "", "");
	k.o = oracle_open(&opts);
	cr_assert_eq(sqlite3_open(k.b.dsn, &db), SQLITE_OK);
	spent = spent_bound(&k, db, "COMMIT");
	cr_expect_gt(spent, 0);
	cr_expect_eq(spent_bound(&k, db, "ROLLBACK"), spent, "nothing is left of it");
	cr_expect_eq(sqlite3_close(db), SQLITE_OK);
	oracle_close(k.o); /* runs of our own are not among its points */
	book_close(&k.b);
	sim_file_free(k.prices);
}

Test(ledger_budget, R_COST_11_counted_in_the_process_nothing_is_written)
{
	bank k;

	bank_open(&k, "hello_stream", "",
		"budget = { limit = \"1.1\"; window = \"1h\"; default_cost = \"2\"; counted = "
		"\"process\"; };\n");
	cr_expect_eq(oracle_do(k.o, &(oracle_ask){.stream = 1})->code, 0);
	cr_expect_eq(oracle_do(k.o, &(oracle_ask){.stream = 1, .model = "ok/unpriced"})->err.code,
		LLM_E_BUDGET_EXCEEDED);
	cr_expect_null(bank_look(&k).workspace_id);
	bank_close(&k);
}

/* Without one that is configured only budgets count that were set. */
Test(ledger_budget, R_COST_11_a_budget_that_was_set)
{
	llm_budget_row row = {.struct_size = sizeof(row),
		.fixed = 1,
		.workspace_id = WS,
		.profile = "",
		.period = "month",
		.limit_nanousd = 1100000000,
		.usual_nanousd = 1100000000,
		.nanousd = LLM_UNKNOWN};
	llm_err err = LLM_ERR_INIT;
	bank k;

	row.span_us = row.spent_nanousd = row.held_nanousd = LLM_UNKNOWN;
	row.window_us = row.left_us = row.updated_us = LLM_UNKNOWN;
	bank_open(&k, "hello_stream", "",
		"budget = { counted = \"storage\"; default_cost = \"2\"; };\n");
	cr_expect_eq(oracle_do(k.o, &(oracle_ask){.stream = 1})->code, 0);
	cr_expect_null(bank_look(&k).workspace_id, "none was set");
	book_take(&k.b);
	cr_assert_eq(llm_unit_begin(k.b.unit, &err), 0, "%s", err.message);
	cr_assert_eq(llm_budget_set(k.b.unit, &row, &err), 0, "%s", err.message);
	cr_assert_eq(llm_unit_commit(k.b.unit, &err), 0, "%s", err.message);
	book_give(&k.b);
	cr_expect_eq(bank_look(&k).spent_nanousd, COST, "what was on record");
	cr_expect_eq(bank_look(&k).spent_nanousd + bank_pay(&k), bank_look(&k).spent_nanousd);
	cr_expect_eq(oracle_do(k.o, &(oracle_ask){.model = "ok/unpriced"})->err.code,
		LLM_E_BUDGET_EXCEEDED, "of unknown price: all of it");
	bank_close(&k);
}

/* Two processes, 200 requests at once; it compares the sums with the rows of the runs as well. */
Test(ledger_budget, K_20_of_200_at_once_a_budget_for_ten_lets_ten_through)
{
	static const char *const argv[] = {
		TEST_BINARY_DIR "/tests/prove_budget", "race", "3", NULL};
	const run_opts opts = {.home = NULL};
	run_result r;

	run_program(argv, &opts, &r);
	cr_expect_eq(r.status, 0, "%s%s", r.out, r.err);
	cr_expect_not_null(strstr(r.out, "at most 10 admitted"), "%s", r.out);
	run_done(&r);
}

/* ---- configurations that are refused ---- */

static int32_t try_config(const char *text, llm_err *ret_err)
{
	char *folder = run_folder();
	char path[500];
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	int32_t rc;

	*ret_err = (llm_err)LLM_ERR_INIT;
	snprintf(path, sizeof(path), "%s/llm.conf", folder);
	run_folder_put(folder, "llm.conf", text);
	opts.flags = LLM_SERVICE_NO_ENV;
	opts.config_path = path;
	opts.plugin_dir = TEST_BINARY_DIR "/plugins";
	rc = llm_service_new(&opts, &svc, ret_err);
	llm_service_free(svc);
	run_folder_free(folder);
	return rc;
}

Test(ledger_budget, R_COST_11_counted_in_a_storage_that_there_is)
{
	llm_err err;

	cr_expect_eq(
		try_config("budget = { counted = \"storage\"; default_cost = \"1\"; };\n", &err),
		LLM_E_CONFIG);
	cr_expect_not_null(strstr(err.message, "ledger"), "%s", err.message);
	cr_expect_eq(try_config("budget = { counted = \"storage\"; };\n", &err), LLM_E_CONFIG);
	cr_expect_not_null(strstr(err.message, "default_cost"), "%s", err.message);
	cr_expect_eq(try_config("budget = { counted = \"paper\"; };\n", &err), LLM_E_CONFIG);
	cr_expect_not_null(strstr(err.message, "\"process\""), "%s", err.message);
}
