/*
 * ledger_budget_try.h - runs that are priced and on record in a SQLite file, and the budget of their
 * workspace.
 */
#ifndef TESTS_LEDGER_BUDGET_TRY_H
#define TESTS_LEDGER_BUDGET_TRY_H

#include "ledger_try.h"

/* A run is estimated at 1024 tokens out, a bit over a dollar; hello_stream has two of them. */
#define PRICED "prices = ( { prefix = \"ollama/\"; input = \"0\"; output = \"1000\"; } );\n"
#define COST INT64_C(2000000)
#define USUAL INT64_C(500000000)

typedef struct bank {
	book b;
	char *prices;
	oracle *o;
} bank;

static inline void bank_open(bank *k, const char *script, const char *storage, const char *budget)
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

static inline void bank_close(bank *k)
{
	cr_assert_eq(oracle_close(k->o), 0);
	book_close(&k->b);
	sim_file_free(k->prices);
}

static inline int32_t bank_row(void *ctx, const void *row)
{
	*(llm_budget_row *)ctx = *(const llm_budget_row *)row;
	return 0;
}

/* Of the workspace; all zero: there is none. */
static inline llm_budget_row bank_look(bank *k)
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
static inline int64_t bank_pay(bank *k)
{
	const oracle_run *asked = oracle_do(k->o, &(oracle_ask){.stream = 1});
	llm_cost cost;

	cr_expect_eq(asked->code, 0, "%s", asked->err.message);
	llm_result_cost(llm_call_result(asked->call), &cost);
	return cost.nanousd;
}

#define ONE "budget = { limit = \"1.1\"; window = \"1h\"; default_cost = \"0.5\"; };\n"

#endif
