/*
 * ledger_budget_counts.c - what counts for a budget and what does not, how much is reserved, and
 * what is taken back from services that have gone.
 */
#include "ledger_budget_try.h"

#define WIDE "budget = { limit = \"100\"; window = \"8760h\"; default_cost = \"0.5\"; };\n"
#define SET_ONLY "budget = { counted = \"storage\"; default_cost = \"0.5\"; };\n"
#define FAST "profiles = { fast = { candidates = [ \"ollama/sim-small\" ]; }; };\n"
#define ESTIMATE INT64_C(1024000000)

/* ---- what counts ---- */

Test(ledger_budget_counts, R_COST_11_what_the_provider_refused_is_not_spent)
{
	bank k;

	bank_open(&k, "u_15_500", "", "max_attempts = 1;\n" WIDE);
	cr_expect_eq(oracle_do(k.o, &(oracle_ask){.stream = 1})->code, LLM_E_SERVER_ERROR);
	cr_expect_eq(REQUESTS(k.o), 1);
	cr_expect_eq(bank_look(&k).spent_nanousd, 0);
	cr_expect_eq(bank_look(&k).held_nanousd, 0);
	bank_close(&k);
}

Test(ledger_budget_counts, R_COST_11_an_answer_of_unknown_price_is_the_usual_cost)
{
	bank k;

	bank_open(&k, "hello_stream", "", WIDE);
	cr_expect_eq(oracle_do(k.o, &(oracle_ask){.stream = 1, .model = "ok/unpriced"})->code, 0);
	cr_expect_eq(bank_look(&k).spent_nanousd, USUAL);
	bank_close(&k);
}

#define TOLD_AGAIN \
	"privacy = { store = \"idempotency_only\"; };\n" \
	"budget = { limit = \"1.025\"; window = \"8760h\"; default_cost = \"0.5\"; };\n"

/* What is told again was paid for once, and comes when nothing is left. */
static void tell_again(const char *key, uint32_t source)
{
	const oracle_ask ask = {.stream = 1, .limits = {.idempotency_key = key}};
	oracle_run *again;
	bank k;

	bank_open(&k, "hello_stream", "", TOLD_AGAIN);
	cr_assert_eq(oracle_do(k.o, &ask)->code, 0);
	cr_expect_eq(bank_look(&k).spent_nanousd, COST);
	again = oracle_do(k.o, &ask);
	cr_expect_eq(again->code, 0, "%s", again->err.message);
	cr_expect_eq(llm_result_source(llm_call_result(again->call)), source);
	cr_expect_eq(oracle_do(k.o, &(oracle_ask){.stream = 1, .prompt = "new"})->err.code,
		LLM_E_BUDGET_EXCEEDED, "for another one there is not enough");
	cr_expect_eq(bank_look(&k).spent_nanousd, COST);
	cr_expect_eq(bank_look(&k).held_nanousd, 0);
	cr_expect_eq(REQUESTS(k.o), 1);
	bank_close(&k);
}

Test(ledger_budget_counts, R_COST_11_what_comes_out_of_a_store_costs_nothing)
{
	tell_again("one", LLM_SOURCE_REPLAY);
}

/* ---- how much is reserved ---- */

/* A run that may say so much; what it ends with. */
static int32_t ask_for(bank *k, const char *max_tokens)
{
	llm_err err = LLM_ERR_INIT;
	llm_request *rq = NULL;
	llm_call *call = NULL;
	int32_t rc;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, "ollama/sim-small"), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", 2), 0);
	if (max_tokens)
		cr_assert_eq(llm_request_option(rq, "max_tokens", max_tokens), 0);
	cr_assert_eq(llm_submit(k->o->svc, rq, NULL, &call, &err), 0, "%s", err.message);
	rc = llm_call_wait(call, 5000, &err);
	llm_call_free(call);
	llm_request_free(rq);
	return rc;
}

Test(ledger_budget_counts, R_COST_11_the_estimate_is_as_much_as_may_be_said)
{
	bank k;

	bank_open(&k, "hello_whole", "",
		"budget = { limit = \"0.1\"; window = \"8760h\"; default_cost = \"0.01\"; };\n");
	cr_expect_eq(ask_for(&k, NULL), LLM_E_BUDGET_EXCEEDED, "1024, where nothing is said");
	cr_expect_eq(ask_for(&k, "101"), LLM_E_BUDGET_EXCEEDED);
	cr_expect_eq(ask_for(&k, "100"), 0);
	cr_expect_gt(bank_look(&k).spent_nanousd, 0);
	cr_expect_eq(oracle_close(k.o), 0);
	book_close(&k.b);
	sim_file_free(k.prices);
}

/* ---- two budgets ---- */

static int32_t apply(book *b, const llm_op *const *ops, size_t n)
{
	llm_op_result results[4] = {0}, *list[4];
	llm_err err = LLM_ERR_INIT;
	size_t i;
	int32_t rc;

	for (i = 0; i < n; i++) {
		results[i].struct_size = sizeof(results[i]);
		list[i] = &results[i];
	}
	book_take(b);
	cr_assert_eq(llm_unit_begin(b->unit, &err), 0, "%s", err.message);
	llm_unit_call(b->unit);
	rc = llm_unit_table(b->unit)->apply(llm_unit_connection(b->unit), ops, n, list);
	cr_assert_eq(llm_unit_called(b->unit, "apply", rc, &err), 0, "%s", err.message);
	cr_assert_eq(llm_unit_commit(b->unit, &err), 0, "%s", err.message);
	book_give(b);
	return results[0].code;
}

static llm_budget_row budget_of(const char *profile, int64_t limit)
{
	llm_budget_row row = {.struct_size = sizeof(row),
		.fixed = 1,
		.workspace_id = WS,
		.profile = profile,
		.period = "total",
		.limit_nanousd = limit,
		.usual_nanousd = USUAL,
		.nanousd = LLM_UNKNOWN};

	row.span_us = row.spent_nanousd = row.held_nanousd = LLM_UNKNOWN;
	row.window_us = row.left_us = row.updated_us = LLM_UNKNOWN;
	return row;
}

static void set_limit(bank *k, const char *profile, int64_t limit)
{
	const llm_budget_row row = budget_of(profile, limit);
	const llm_op op = {sizeof(op), LLM_OP_BUDGET_SET, &row}, *ops[] = {&op};

	cr_assert_eq(apply(&k->b, ops, 1), 0);
}

Test(ledger_budget_counts, R_COST_11_a_run_has_to_fit_into_both)
{
	const oracle_ask fast = {.stream = 1, .model = "fast"};
	oracle_run *got;
	bank k;

	bank_open(&k, "hello_stream", "", SET_ONLY FAST);
	set_limit(&k, "", 100 * ESTIMATE);
	set_limit(&k, "fast", ESTIMATE - 1);
	got = oracle_do(k.o, &fast);
	cr_expect_eq(got->err.code, LLM_E_BUDGET_EXCEEDED);
	cr_expect_not_null(strstr(got->err.message, "profile \"fast\""), "%s", got->err.message);
	cr_expect_not_null(
		strstr(got->err.message, "set " WS " --profile fast"), "%s", got->err.message);
	cr_expect_eq(got->err.retry_after_ms, -1, "a total has no next window");
	cr_expect_eq(REQUESTS(k.o), 0);
	cr_expect_eq(bank_look(&k).held_nanousd, 0, "the other one has it back");
	cr_expect_eq(bank_look(&k).spent_nanousd, 0);
	set_limit(&k, "fast", 100 * ESTIMATE);
	set_limit(&k, "", ESTIMATE - 1);
	got = oracle_do(k.o, &fast);
	cr_expect_eq(got->err.code, LLM_E_BUDGET_EXCEEDED);
	cr_expect_not_null(strstr(got->err.message, "workspace"), "%s", got->err.message);
	set_limit(&k, "", ESTIMATE);
	cr_expect_eq(oracle_do(k.o, &fast)->code, 0);
	cr_expect_eq(bank_look(&k).spent_nanousd, COST);
	bank_close(&k);
}

/* ---- services that have gone ---- */

#define GONE "01900000-0000-7000-8000-000000000001"

static void unknown(int64_t *first, int64_t *last)
{
	for (; first <= last; first++)
		*first = LLM_UNKNOWN;
}

/* One whose lease has passed, with a run that holds `nanousd` and has `status`. */
static void leave_behind(book *b, const char *status, int64_t nanousd)
{
	const llm_owner_row owner = {.struct_size = sizeof(owner),
		.id = "gone",
		.started_us = LLM_UNKNOWN,
		.lease_us = -1000000};
	llm_budget_row row = budget_of("", 0);
	llm_run_row begin = {.struct_size = sizeof(begin),
			    .workspace_id = WS,
			    .id = GONE,
			    .owner_id = "gone",
			    .operation = "chat",
			    .status = "running"},
		    end;
	llm_op ops[4];
	const llm_op *list[4];
	size_t i;

	unknown(&begin.attempts, &begin.reasoning_tokens);
	begin.cost_nanousd = LLM_UNKNOWN;
	unknown(&begin.queue_ms, &begin.settle_us);
	unknown(&begin.created_us, &begin.delivered);
	begin.created_us = 1;
	end = begin;
	end.status = status ? status : "failed";
	end.attempts = 0;
	end.version = 1;
	row.run_id = GONE;
	row.nanousd = nanousd;
	ops[0] = (llm_op){sizeof(ops[0]), LLM_OP_OWNER_BEAT, &owner};
	ops[1] = (llm_op){sizeof(ops[0]), LLM_OP_BUDGET_HOLD, &row};
	ops[2] = (llm_op){sizeof(ops[0]), LLM_OP_RUN_BEGIN, &begin};
	ops[3] = (llm_op){sizeof(ops[0]), LLM_OP_RUN_FINISH, &end};
	for (i = 0; i < 4; i++)
		list[i] = &ops[i];
	cr_assert_eq(apply(b, list, status ? 4 : 3), 0);
}

Test(ledger_budget_counts, R_COST_11_who_is_refused_takes_back_what_the_dead_hold)
{
	bank k;

	bank_open(&k, "hello_stream", "", SET_ONLY);
	set_limit(&k, "", 2 * ESTIMATE);
	leave_behind(&k.b, "failed", 2 * ESTIMATE); /* before it had sent anything */
	cr_expect_eq(bank_look(&k).held_nanousd, 2 * ESTIMATE);
	cr_expect_eq(oracle_do(k.o, &(oracle_ask){.stream = 1})->err.code, LLM_E_BUDGET_EXCEEDED);
	cr_expect_eq(oracle_do(k.o, &(oracle_ask){.stream = 1})->code, 0, "it is free again");
	cr_expect_eq(bank_look(&k).held_nanousd, 0);
	cr_expect_eq(bank_look(&k).spent_nanousd, COST);
	bank_close(&k);
}

Test(ledger_budget_counts, R_COST_11_who_starts_takes_back_what_the_dead_hold)
{
	oracle_opts opts = {.mode = ORACLE_THREAD, .attempts = 1, .no_healthy = 1};
	bank k = {0};

	book_open(&k.b, "", SET_ONLY);
	set_limit(&k, "", 2 * ESTIMATE);
	leave_behind(&k.b, NULL, ESTIMATE);
	cr_expect_eq(bank_look(&k).held_nanousd, ESTIMATE);
	opts.config = k.b.config;
	k.o = oracle_open(&opts);
	cr_expect_eq(bank_look(&k).held_nanousd, 0);
	cr_expect_eq(bank_look(&k).spent_nanousd, ESTIMATE, "what it was billed nobody knows");
	cr_expect_str_eq(book_find(&k.b, GONE)->status, "abandoned");
	cr_assert_eq(oracle_close(k.o), 0);
	book_close(&k.b);
}

/* ---- a storage that has none ---- */

static int32_t try_service(const char *budget, llm_err *ret_err)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	char text[400];
	int32_t rc;

	*ret_err = (llm_err)LLM_ERR_INIT;
	snprintf(text, sizeof(text),
		"workspace = \"" WS "\";\nstorage = { plugin = \"memstore\"; dsn = \"one\"; };\n"
		"budget = { limit = \"1\"; window = \"1h\"; default_cost = \"1\"; %s };\n",
		budget);
	opts.flags = LLM_SERVICE_NO_ENV;
	opts.config_text = text;
	opts.plugin_dir = TEST_BINARY_DIR "/tests/modules";
	rc = llm_service_new(&opts, &svc, ret_err);
	llm_service_free(svc);
	return rc;
}

Test(ledger_budget_counts, R_COST_11_a_storage_that_keeps_no_budgets)
{
	llm_err err;

	cr_expect_eq(try_service("", &err), 0, "%s", err.message);
	cr_expect_eq(try_service("counted = \"process\";", &err), 0, "%s", err.message);
	cr_expect_eq(try_service("counted = \"storage\";", &err), LLM_E_CONFIG);
	cr_expect_not_null(strstr(err.message, "memstore keeps no budgets"), "%s", err.message);
}
