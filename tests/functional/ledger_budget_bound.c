/*
 * ledger_budget_bound.c - budgets of runs that the host records in its own transaction: what is on
 * record is looked at before they are sent, nothing is reserved, and what they cost counts when the
 * host has committed.
 */
#include "bound_try.h"

/* A run is estimated at 1024 tokens out, a bit over a dollar; hello_stream has two of them. */
#define PRICED "prices = ( { prefix = \"ollama/\"; input = \"0\"; output = \"1000\"; } );\n"
#define COST INT64_C(2000000)
#define ESTIMATE INT64_C(1024000000)
/* Of a service without a storage of its own: wide, so that what was set is what counts. */
#define WIDE "budget = { limit = \"1000\"; window = \"8760h\"; default_cost = \"0.5\"; };\n"

typedef struct bank {
	shop s;
	char *prices;
} bank;

static void bank_open(bank *k, const char *budget)
{
	char config[900];

	k->prices = sim_file(PRICED);
	snprintf(config, sizeof(config),
		"workspace = \"" WS "\";\nprice_files = [ \"%s\" ];\n%s"
		"profiles = { fast = { candidates = [ \"ollama/sim-small\" ]; }; };\n",
		k->prices, budget);
	shop_open_with(&k->s, "hello_stream", config);
}

static void bank_close(bank *k)
{
	shop_close(&k->s);
	sim_file_free(k->prices);
}

/* As llmctl budgets set does. */
static void set_limit(bank *k, const char *profile, int64_t limit, int64_t usual)
{
	llm_budget_row row = {.struct_size = sizeof(row),
		.fixed = 1,
		.workspace_id = WS,
		.profile = profile,
		.period = "month",
		.limit_nanousd = limit,
		.usual_nanousd = usual,
		.nanousd = LLM_UNKNOWN};
	book *b = &k->s.b;
	llm_err err = LLM_ERR_INIT;

	row.span_us = row.spent_nanousd = row.held_nanousd = LLM_UNKNOWN;
	row.window_us = row.left_us = row.updated_us = LLM_UNKNOWN;
	book_take(b);
	cr_assert_eq(llm_unit_begin(b->unit, &err), 0, "%s", err.message);
	cr_assert_eq(llm_budget_set(b->unit, &row, &err), 0, "%s", err.message);
	cr_assert_eq(llm_unit_commit(b->unit, &err), 0, "%s", err.message);
	book_give(b);
}

static int64_t spent(bank *k, const char *profile)
{
	char text[200];

	snprintf(text, sizeof(text),
		"SELECT coalesce(sum(spent_nanousd), 0) FROM llm_budgets WHERE profile = '%s'",
		profile);
	return count(&k->s, text);
}

static void want(bank *k, const char *model)
{
	llm_request_free(k->s.rq);
	cr_assert_eq(llm_request_new(NULL, &k->s.rq), 0);
	cr_assert_eq(llm_request_model(k->s.rq, model), 0);
	cr_assert_eq(llm_request_text(k->s.rq, LLM_ROLE_USER, "hi", 2), 0);
}

/* Bound, and as far as it comes: nothing of it is written. */
static int32_t ask(bank *k, const char *model, llm_call **ret, llm_err *err)
{
	const int changes = sqlite3_total_changes(k->s.db);
	int32_t rc;

	*err = (llm_err)LLM_ERR_INIT;
	want(k, model);
	sql(&k->s, "BEGIN");
	bind(&k->s);
	submit(&k->s, k->s.unit, ret);
	llm_unit_release(k->s.unit);
	sql(&k->s, "COMMIT");
	rc = llm_call_wait(*ret, 5000, err);
	cr_expect_eq(sqlite3_total_changes(k->s.db), changes, "%s", k->s.seen);
	return rc;
}

static void keep(bank *k, llm_call *call, int commits)
{
	begin(&k->s);
	cr_expect_eq(record(&k->s, call, NULL), 0);
	end(&k->s, commits);
	llm_call_free(call);
}

/* An answered run, recorded or rolled back; what it cost. */
static int64_t pay(bank *k, const char *model, int commits)
{
	llm_call *call = NULL;
	llm_cost cost;
	llm_err err;

	cr_assert_eq(ask(k, model, &call, &err), 0, "%s", err.message);
	llm_result_cost(llm_call_result(call), &cost);
	keep(k, call, commits);
	return cost.nanousd;
}

/* Refused before it is sent, and on record as that. */
static void refused(bank *k, const char *model, const char *says)
{
	const size_t sent = REQUESTS(k->s.o);
	llm_call *call = NULL;
	llm_err err;

	cr_expect_eq(ask(k, model, &call, &err), LLM_E_BUDGET_EXCEEDED, "%s", err.message);
	cr_expect_not_null(strstr(err.message, says), "%s", err.message);
	cr_expect_gt(err.retry_after_ms, 0);
	cr_expect_eq(REQUESTS(k->s.o), sent, "nothing was sent");
	keep(k, call, 1);
}

Test(ledger_budget_bound, R_COST_11_R_UOW_5_refused_by_what_is_on_record)
{
	int64_t sum = COST;
	bank k;

	bank_open(&k, WIDE);
	set_limit(&k, "", ESTIMATE + COST - 1, 1);
	pay(&k, "ollama/sim-small", 1);
	cr_expect_eq(spent(&k, ""), COST);
	refused(&k, "ollama/sim-small", "workspace \"" WS "\"");
	cr_expect_eq(spent(&k, ""), COST, "and it cost nothing");
	cr_expect_eq(
		count(&k.s, "SELECT count(*) FROM llm_runs WHERE error_code = 'BUDGET_EXCEEDED'"),
		1);
	set_limit(&k, "", ESTIMATE + COST, 1);
	sum += pay(&k, "ollama/sim-small", 1);
	cr_expect_eq(spent(&k, ""), sum);
	set_limit(&k, "", LLM_UNKNOWN, 1);
	pay(&k, "ollama/sim-small", 1);
	cr_expect_eq(
		count(&k.s, "SELECT count(*) FROM llm_budget_holds"), 0, "nothing is reserved");
	bank_close(&k);
}

Test(ledger_budget_bound, R_COST_11_R_UOW_6_what_is_rolled_back_is_not_spent)
{
	int64_t cost;
	bank k;

	bank_open(&k, WIDE);
	set_limit(&k, "", ESTIMATE + COST - 1, 1);
	cr_expect_eq(pay(&k, "ollama/sim-small", 0), COST);
	cr_expect_eq(spent(&k, ""), 0);
	cost = pay(&k, "ollama/sim-small", 1);
	cr_expect_eq(spent(&k, ""), cost);
	bank_close(&k);
}

Test(ledger_budget_bound, R_COST_11_R_UOW_5_a_profile_has_its_own)
{
	int64_t cost;
	bank k;

	bank_open(&k, WIDE);
	set_limit(&k, "", 100 * ESTIMATE, 1);
	set_limit(&k, "fast", ESTIMATE + COST - 1, 1);
	set_limit(&k, "slow", 0, 1);
	pay(&k, "fast", 1);
	cr_expect_eq(spent(&k, "fast"), COST);
	cr_expect_eq(spent(&k, ""), COST, "it counts for both");
	refused(&k, "fast", "profile \"fast\"");
	refused(&k, "fast", "set " WS " --profile fast");
	cost = pay(&k, "ollama/sim-small", 1);
	cr_expect_eq(spent(&k, ""), COST + cost);
	cr_expect_eq(spent(&k, "fast"), COST);
	bank_close(&k);
}

/* What others of the same configuration have spent: its own limit, or what was set for it. */
Test(ledger_budget_bound, R_COST_11_R_UOW_5_a_limit_that_is_configured)
{
	bank k;

	bank_open(
		&k, "budget = { limit = \"1.1\"; window = \"8760h\"; default_cost = \"0.5\"; };\n");
	pay(&k, "ollama/sim-small", 1);
	cr_expect_eq(spent(&k, ""), COST, "the row is there from the first on");
	sql(&k.s, "UPDATE llm_budgets SET spent_nanousd = 1000000000");
	refused(&k, "ollama/sim-small", "1.1");
	sql(&k.s, "UPDATE llm_budgets SET spent_nanousd = 0, held_nanousd = 1000000000");
	refused(&k, "ollama/sim-small", "1.1"); /* what others have reserved is theirs */
	sql(&k.s, "UPDATE llm_budgets SET held_nanousd = 0");
	pay(&k, "ollama/sim-small", 1);
	bank_close(&k);
}

/* A cost that nobody knows counts as the usual one, before and behind. */
Test(ledger_budget_bound, R_COST_11_R_UOW_5_a_price_that_is_not_known)
{
	bank k;

	bank_open(&k, WIDE);
	set_limit(&k, "", 100, 60);
	pay(&k, "ok/unpriced", 1);
	cr_expect_eq(spent(&k, ""), 60);
	refused(&k, "ok/unpriced", "workspace \"" WS "\"");
	bank_close(&k);
}

/* Where each process counts alone the storage is not asked, and what was set there holds for others. */
Test(ledger_budget_bound, R_COST_11_R_UOW_5_counted_in_the_process)
{
	bank k;

	bank_open(&k,
		"budget = { limit = \"5\"; window = \"1h\"; default_cost = \"0.5\"; counted = "
		"\"process\"; };\n");
	set_limit(&k, "", 0, 1);
	pay(&k, "ollama/sim-small", 1);
	cr_expect_eq(spent(&k, ""), 0);
	bank_close(&k);
}
