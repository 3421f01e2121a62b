/* What runs cost: prices of the configuration and of files, budgets, the cheapest first. */
#include "guard_try.h"
#include "support/route_try.h"

#define FILE_OF_PRICES \
	"prices = ( { prefix = \"ollama/\"; input = \"1\"; output = \"1\"; },\n" \
	"  { model = \"ollama/a\"; input = \"100\"; output = \"200\"; cache_read = \"10\"; },\n" \
	"  { model = \"ollama/dated\"; input = \"1\"; output = \"1\"; },\n" \
	"  { model = \"ollama/dated\"; valid_from = \"2026-01-02\"; input = \"7\"; output = \"7\"; },\n" \
	"  { model = \"ollama/free\"; input = \"0\"; output = \"0\"; },\n" \
	"  { model = \"openai/all\"; input = \"10\"; output = \"20\"; cache_read = \"1\"; " \
	"reasoning = \"30\"; tiers = ( { above_tokens = 2000; input = \"100\"; output = \"200\"; " \
	"cache_read = \"50\"; reasoning = \"300\"; } ); } );\n"

typedef struct paid {
	oracle *o;
	char *prices;
	char config[1400];
} paid;

static void paid_open(paid *p, const char *script, const char *more)
{
	static oracle_opts opts;

	p->prices = sim_file(FILE_OF_PRICES);
	snprintf(p->config, sizeof(p->config), "price_files = [ \"%s\" ];\n%s", p->prices, more);
	opts = (oracle_opts){.mode = ORACLE_LOOP,
		.text = script,
		.config = p->config,
		.attempts = 1,
		.time = &guard_time,
		.no_healthy = 1};
	p->o = oracle_open(&opts);
}

static void paid_close(paid *p)
{
	cr_assert_eq(oracle_close(p->o), 0);
	sim_file_free(p->prices);
}

static const llm_result *paid_ask(paid *p, const char *model)
{
	const oracle_ask ask = {.model = model, .stream = 1};

	return llm_call_result(oracle_do(p->o, &ask)->call);
}

static llm_cost cost_of(const llm_result *r)
{
	llm_cost c;

	llm_result_cost(r, &c);
	return c;
}

#define WELL SAYS(LINE("x") LAST) /* 3 tokens in, 5 out */

Test(route_cost, R_COST_4_R_COST_6_R_COST_7_a_run_costs_what_its_price_says)
{
	static const struct {
		const char *model;
		int64_t nanousd;
		const char *rule; /* the line, or null */
	} rows[] = {{"ollama/a", 1300000, ":2"}, /* 3 x 100 + 5 x 200 millionths of a dollar */
		{"ollama/other", 8000, ":1"}, {"ollama/free", 0, ":5"},
		{"ollama/own", 60000, "config"}, {"ok/unpriced", -1, NULL}};
	const char *more = "models = ( { id = \"ollama/own\"; price = { input = \"5\"; "
			   "output = \"9\"; }; } );\n";
	int64_t pico;
	size_t i;
	paid p;

	paid_open(&p, WELL WELL WELL WELL WELL, more);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const llm_result *r = paid_ask(&p, rows[i].model);
		const llm_cost c = cost_of(r);

		cr_expect_eq(c.nanousd, rows[i].nanousd, "%s: %lld", rows[i].model,
			(long long)c.nanousd);
		cr_expect_eq(llm_result_attempt_cost(r, 0, &pico), 0);
		cr_expect_eq(pico, rows[i].nanousd < 0 ? -1 : rows[i].nanousd * 1000);
		cr_expect_eq(llm_result_attempt_cost(r, 1, &pico), LLM_E_NOT_FOUND);
		if (!rows[i].rule) {
			cr_expect_null(c.rule);
			cr_expect_eq(c.flags, LLM_COST_UNKNOWN);
			continue;
		}
		cr_assert_not_null(c.rule, "%s", rows[i].model);
		cr_expect_not_null(strstr(c.rule, rows[i].rule), "%s", c.rule);
		cr_expect_eq(c.version != NULL, rows[i].rule[0] == ':');
		cr_expect(!c.version || strlen(c.version) == 64);
	}
	paid_close(&p);
}

Test(route_cost, R_COST_6_without_any_price_nothing_is_known)
{
	const oracle_opts opts = {.mode = ORACLE_LOOP, .text = WELL, .no_healthy = 1};
	oracle *o = oracle_open(&opts);
	const oracle_ask ask = {.stream = 1};
	const oracle_run *run = oracle_do(o, &ask);

	cr_assert_eq(run->code, 0);
	cr_assert_eq(cost_of(llm_call_result(run->call)).nanousd, -1);
	cr_assert_eq(oracle_close(o), 0);
}

#define USED(input, cached, output, reasoned) \
	"accept\nread request\nreply 200 \"Connection: close\" " \
	"\"Content-Type: application/json\" " \
	"\"{\\\"object\\\":\\\"chat.completion\\\",\\\"model\\\":\\\"m\\\",\\\"choices\\\":[{" \
	"\\\"index\\\":0,\\\"message\\\":{\\\"role\\\":\\\"assistant\\\",\\\"content\\\":\\\"x\\\"}," \
	"\\\"finish_reason\\\":\\\"stop\\\"}],\\\"usage\\\":{\\\"prompt_tokens\\\":" input "," \
	"\\\"completion_tokens\\\":" output ",\\\"total_tokens\\\":1," \
	"\\\"prompt_tokens_details\\\":{\\\"cached_tokens\\\":" cached "}," \
	"\\\"completion_tokens_details\\\":{\\\"reasoning_tokens\\\":" reasoned "}}}\"\nclose\n"

/* Millionths of a dollar a token, as prices are named, times tokens: so many nano-dollars. */
Test(route_cost, R_COST_5_what_was_cached_or_thought_has_its_own_price_in_a_run)
{
	static const char more[] = "models = ( { id = \"openai/plain\"; price = { input = \"10\"; "
				   "output = \"20\"; }; } );\n";
	static const struct {
		const char *model;
		int64_t nanousd;
	} rows[] = {
		/* 600 x 10 + 400 x 1 + 60 x 20 + 40 x 30 */
		{"openai/all", (6000 + 400 + 1200 + 1200) * INT64_C(1000)},
		/* What has no price of its own: that of input and output, and counted once. */
		{"openai/plain", (1000 * 10 + 100 * 20) * INT64_C(1000)},
		/* 2000 is not above 2000. */
		{"openai/all", (1600 * 10 + 400 * 1 + 60 * 20 + 40 * 30) * INT64_C(1000)},
		/* And above it all tokens cost the tier's. */
		{"openai/all", (1601 * 100 + 400 * 50 + 60 * 200 + 40 * 300) * INT64_C(1000)},
		/* More was cached than read: it is cut to what was read, and the run says so. */
		{"openai/all", (1000 * 1 + 60 * 20 + 40 * 30) * INT64_C(1000)},
	};
	size_t i;
	paid p;

	paid_open(&p,
		USED("1000", "400", "100", "40") USED("1000", "400", "100", "40")
			USED("2000", "400", "100", "40") USED("2001", "400", "100", "40")
				USED("1000", "4000", "100", "40"),
		more);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const oracle_ask ask = {.model = rows[i].model};
		const llm_result *r = llm_call_result(oracle_do(p.o, &ask)->call);
		llm_usage u = LLM_USAGE_INIT;

		cr_assert_eq(llm_result_status(r), LLM_STATUS_SUCCEEDED);
		cr_expect_eq(cost_of(r).nanousd, rows[i].nanousd, "row %zu: %lld", i,
			(long long)cost_of(r).nanousd);
		(void)llm_result_attempt_usage(r, 0, &u);
		cr_expect_eq(u.flags, i == 4 ? (uint32_t)LLM_USAGE_INCONSISTENT : 0, "row %zu", i);
	}
	paid_close(&p);
}

/* The first breaks off after a piece, and nobody said what it used. */
Test(route_cost, R_COST_10_attempts_that_reported_usage_are_billed)
{
	static const char broken[] = "accept\nread request\n" HEAD
				     "send \"" LINE("x") "\"\nclose\n";
	char script[3000];
	paid p;

	snprintf(script, sizeof(script), "%s%s" WELL, STATUS("503", ""), broken);
	paid_open(&p, script, "max_attempts = 2;\nstream_recovery = \"off\";\n");
	{
		const llm_result *refused = paid_ask(&p, "ollama/free");

		/* refused, then broken: content came, and what it cost is not known */
		cr_assert_eq(llm_result_attempt_count(refused), 2);
		cr_assert_eq(llm_result_status(refused), LLM_STATUS_FAILED);
		cr_assert_eq(cost_of(refused).nanousd, -1);
		cr_assert_eq(cost_of(refused).flags, LLM_COST_UNKNOWN);
	}
	paid_close(&p);
	snprintf(script, sizeof(script), "%s" WELL, STATUS("503", ""));
	paid_open(&p, script, "max_attempts = 2;\n");
	{
		const llm_result *again = paid_ask(&p, "ollama/a");

		cr_assert_eq(llm_result_attempt_count(again), 2);
		cr_assert_eq(cost_of(again).nanousd, 1300000);
	}
	paid_close(&p);
}

/* ---- plans: no upstream ---- */

#define BUDGET "budget = { limit = \"%s\"; window = \"1h\"; default_cost = \"0.5\"; };\n"

Test(route_cost, R_COST_8_the_day_of_the_run_selects_the_price)
{
	char *file = sim_file(FILE_OF_PRICES);
	route_try t;

	route_open(&t, "price_files = [ \"%s\" ];\n", file);
	cr_assert_eq(route_plan_of(&t, "ollama/dated", "x", 0), 0, "%s", t.err.message);
	route_has(&t, "\"input_picousd\":1000000,");
	fakeclock_set_utc_us(&t.clock, FAKECLOCK_UTC_US + INT64_C(86400000000) - 1);
	cr_assert_eq(route_plan_of(&t, "ollama/dated", "x", 0), 0);
	route_has(&t, "\"input_picousd\":1000000,");
	fakeclock_set_utc_us(&t.clock, FAKECLOCK_UTC_US + INT64_C(86400000000));
	cr_assert_eq(route_plan_of(&t, "ollama/dated", "x", 0), 0);
	route_has(&t, "\"input_picousd\":7000000,");
	route_close(&t);
	sim_file_free(file);
}

/* Exact before a beginning, a longer beginning before a shorter; of equals the first file's. */
Test(route_cost, R_COST_7_of_several_files_the_closest_row_counts)
{
	static const struct {
		const char *model, *has;
	} rows[] = {{"ollama/z", "\"input_picousd\":1000000,"},
		{"ollama/longer", "\"input_picousd\":2000000,"},
		{"ollama/a", "\"input_picousd\":3000000,"},
		{"ollama/b", "\"input_picousd\":5000000,"},
		{"openai/q", "\"input_picousd\":9000000,"}};
	char *one = sim_file(
		"prices = ( { prefix = \"ollama/\"; input = \"1\"; output = \"1\"; },\n"
		"{ model = \"ollama/b\"; input = \"5\"; output = \"1\"; },\n"
		"{ prefix = \"openai/q\"; input = \"9\"; output = \"1\"; } );");
	char *two = sim_file(
		"prices = ( { prefix = \"ollama/long\"; input = \"2\"; output = \"1\"; },\n"
		"{ model = \"ollama/a\"; input = \"3\"; output = \"1\"; },\n"
		"{ model = \"ollama/b\"; valid_from = \"2020-01-01\"; input = \"6\"; output = "
		"\"1\"; },\n{ model = \"ollama/b\"; valid_from = \"2027-01-01\"; input = \"7\"; "
		"output = \"1\"; },\n"
		"{ prefix = \"openai/\"; input = \"8\"; output = \"1\"; } );");
	char config[600];
	route_try t;
	size_t i, again;

	snprintf(config, sizeof(config),
		"price_files = [ \"%s\", \"%s\" ];\nproviders = { openai = { base_url = "
		"\"http://127.0.0.1:9/v1\"; }; };\n",
		one, two);
	route_open(&t, "%s", config);
	for (again = 0; again < 2; again++) /* looked up, then remembered */
		for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			cr_assert_eq(
				route_plan_of(&t, rows[i].model, "x", 0), 0, "%s", t.err.message);
			route_has(&t, rows[i].has);
		}
	route_close(&t);
	sim_file_free(one);
	sim_file_free(two);
}

/* What was sent and answered without a word of its price may be billed: the usual cost counts. */
Test(route_cost, R_COST_11_an_answer_of_unknown_price_counts_as_the_usual_cost)
{
	char more[200];
	const llm_result *r;
	paid p;

	snprintf(more, sizeof(more), BUDGET, "0.8");
	paid_open(&p, WELL WELL, more);
	r = paid_ask(&p, "ok/unpriced");
	cr_assert_eq(llm_result_status(r), LLM_STATUS_SUCCEEDED);
	r = paid_ask(&p, "ok/unpriced");
	cr_assert_eq(llm_result_error(r)->code, LLM_E_BUDGET_EXCEEDED);
	paid_close(&p);
	/* What the provider refused is not. */
	snprintf(more, sizeof(more), BUDGET "max_attempts = 1;\n", "0.8");
	paid_open(&p, STATUS("503", "") STATUS("503", ""), more);
	r = paid_ask(&p, "ollama/unknown/x");
	cr_assert_eq(llm_result_error(r)->code, LLM_E_UNAVAILABLE);
	r = paid_ask(&p, "ollama/unknown/x");
	cr_assert_eq(llm_result_error(r)->code, LLM_E_UNAVAILABLE);
	paid_close(&p);
}

Test(route_cost, R_ROUTE_7_R_COST_7_the_cheapest_is_first_and_an_unknown_price_last)
{
	char *file = sim_file(FILE_OF_PRICES);
	char config[600];
	route_try t;

	snprintf(config, sizeof(config),
		"price_files = [ \"%s\" ];\nprofiles = { p = { policy = \"cost\"; candidates = "
		"[ \"openai/x\", \"ollama/a\", \"ollama/free\", \"ollama/z\" ]; }; };\n"
		"providers = { openai = { base_url = \"http://127.0.0.1:9/v1\"; }; };\n",
		file);
	route_open(&t, "%s", config);
	cr_assert_eq(route_plan_of(&t, "p", "x", 0), 0, "%s", t.err.message);
	route_has(&t, "\"plan\":[\"ollama/free\",\"ollama/z\",\"ollama/a\",\"openai/x\"]");
	route_has(&t, "\"reason\":\"its price is not known\"");
	route_close(&t);
	sim_file_free(file);
}

Test(route_cost, R_COST_3_a_price_file_that_is_wrong_is_refused)
{
	static const struct {
		const char *text, *says;
	} rows[] = {{"prices = ( { model = \"a/b\"; input = \"0.0000001\"; } );", "is no price"},
		{"prices = ( { model = \"a/b\"; input = 0.5; } );", "input"}};
	route_try t;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *file = sim_file(rows[i].text);

		cr_expect_eq(route_try_open(&t, "price_files = [ \"%s\" ];\n", file), LLM_E_CONFIG);
		cr_expect_not_null(strstr(t.err.message, rows[i].says), "%s", t.err.message);
		sim_file_free(file);
	}
	cr_expect_eq(route_try_open(&t, "price_files = [ \"/nowhere/%s\" ];\n", "x"), LLM_E_CONFIG);
	cr_expect_not_null(strstr(t.err.message, "/nowhere/x"), "%s", t.err.message);
}

Test(route_cost, R_COST_11_a_budget_ends_runs_before_they_are_sent)
{
	char more[200];
	const llm_result *r;
	paid p;

	/* A run is estimated at some 1 k tokens for 200 dollars a million: 0.2 dollars. */
	snprintf(more, sizeof(more), BUDGET, "0.21");
	paid_open(&p, WELL WELL, more);
	r = paid_ask(&p, "ollama/a");
	cr_assert_eq(llm_result_status(r), LLM_STATUS_SUCCEEDED);
	/* Corrected at the end: the next one fits as well. */
	r = paid_ask(&p, "ollama/a");
	cr_assert_eq(llm_result_status(r), LLM_STATUS_SUCCEEDED);
	/* Of unknown price: half a dollar, and that is too much. */
	r = paid_ask(&p, "ok/unpriced");
	cr_assert_eq(llm_result_error(r)->code, LLM_E_BUDGET_EXCEEDED);
	cr_assert_eq(llm_result_attempt_count(r), 0);
	cr_assert_geq(llm_result_error(r)->retry_after_ms, 1);
	/* What was not sent was not spent. */
	r = paid_ask(&p, "ollama/free");
	cr_assert(!llm_result_error(r) || llm_result_error(r)->code != LLM_E_BUDGET_EXCEEDED);
	paid_close(&p);
}

Test(route_cost, R_COST_11_a_budget_needs_a_window_and_a_default_cost)
{
	route_try t;

	cr_assert_eq(route_try_open(&t, "budget = { limit = \"%s\"; };\n", "1"), LLM_E_CONFIG);
	cr_assert_not_null(strstr(t.err.message, "default_cost"), "%s", t.err.message);
	cr_assert_eq(route_try_open(&t, "budget = { limit = \"%s\"; };\n", "much"), LLM_E_CONFIG);
	cr_assert_not_null(strstr(t.err.message, "budget.limit"), "%s", t.err.message);
}
