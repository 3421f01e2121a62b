/*
 * ledger_budget.c - budgets that the storage counts: reserved with the row `running`, settled
 * with the end, told of what was recorded otherwise.
 */
#include "ledger_budget_try.h"

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
