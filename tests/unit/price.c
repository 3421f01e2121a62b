/* Price files, costs and budgets (core/route/price.h, budget.h). */
#include <criterion/criterion.h>
#include <string.h>

#include "base/alloc.h"
#include "route/budget.h"
#include "route/price.h"

static arena ar;

static void begin(void)
{
	arena_init(&ar, mem_default(), 0);
}

static void end(void)
{
	arena_reset(&ar);
}

TestSuite(price, .init = begin, .fini = end);

static const char file[] =
	"prices = (\n"
	"  { model = \"gemini/gemini-3.8-flash\"; input = \"0.30\"; output = \"2.50\";\n"
	"    cache_read = \"0.03\"; tiers = ( { above_tokens = 200000; input = \"0.60\";\n"
	"    output = \"5\"; } ); },\n"
	"  { prefix = \"work/\"; input = \"1\"; output = \"2\"; },\n"
	"  { prefix = \"work/small-\"; input = \"0.1\"; output = \"0.2\"; },\n"
	"  { model = \"work/dated\"; valid_from = \"2026-01-01\"; input = \"3\"; output = \"3\"; },\n"
	"  { model = \"work/dated\"; valid_from = \"2026-09-02\"; input = \"4\"; output = \"4\"; },\n"
	"  { model = \"ollama/gemma3:270m\"; input = \"0\"; output = \"0\"; }\n"
	");";

static price_table load(const char *text)
{
	llm_err err = LLM_ERR_INIT;
	price_table t;

	cr_assert_eq(price_table_text(text, strlen(text), "p.conf", &ar, &t, &err), 0, "%s",
		err.message);
	return t;
}

static void refused(const char *text, const char *hint)
{
	llm_err err = LLM_ERR_INIT;
	price_table t;

	cr_expect_eq(price_table_text(text, strlen(text), "p.conf", &ar, &t, &err), LLM_E_CONFIG,
		"%s", text);
	cr_expect(strstr(err.message, hint), "%s", err.message);
	cr_expect(strstr(err.message, "p.conf"), "%s", err.message);
}

#define DAY INT64_C(86400000000)
#define SEPTEMBER (INT64_C(20698) * DAY) /* 2026-09-02 */

Test(price, R_COST_3_prices_are_picodollars)
{
	const price_table t = load(file);

	cr_expect_eq(t.rows[0].base.input, 300000);
	cr_expect_eq(t.rows[0].base.cache_read, 30000);
	cr_expect_eq(t.rows[0].base.cache_write, PRICE_UNKNOWN);
	refused("prices = ( { model = \"a/b\"; input = \"0.0000001\"; } );", "six decimals");
	refused("prices = ( { model = \"a/b\"; input = 0.5; } );", "p.conf:1");
	refused("prices = ( { model = \"a/b\"; input = \"-1\"; } );", "no price");
	refused("prices = ( { model = \"a/b\"; inputs = \"1\"; } );", "did you mean 'input'");
	refused("prices = ( { input = \"1\"; } );", "of no model");
	refused("prices = ( { model = \"a/b\"; prefix = \"a/\"; } );", "once");
	refused("prices = ( { model = \"b\"; } );", "names no provider");
	refused("prices = ( { model = \"a/b\"; }, { model = \"a/b\"; } );", "two prices");
	refused("prices = ( 1 );", "no group");
	refused("price = ( );", "one list");
	refused("prices = ( { model = \"a/b\"; tiers = ( { above_tokens = 0; } ); } );", "grow");
	refused("prices = ( { model = \"a/b\"; tiers = ( { above_tokens = \"x\"; } ); } );",
		"whole number");
}

Test(price, R_COST_7_exact_then_the_longest_beginning)
{
	const price_table t = load(file);

	cr_expect_str_eq(price_find(&t, "work/any", 0)->rule, "p.conf:5");
	cr_expect_str_eq(price_find(&t, "work/small-1", 0)->rule, "p.conf:6");
	cr_expect_str_eq(price_find(&t, "work/dated", SEPTEMBER)->rule, "p.conf:8");
	cr_expect_null(price_find(&t, "gemini/gemini-3.8-flash-lite", 0));
	cr_expect_eq(strlen(t.version), 64);
	cr_expect_str_neq(load("prices = ( );").version, t.version);
}

Test(price, R_COST_8_the_start_of_the_run_selects_the_row)
{
	const price_table t = load(file);

	cr_expect_eq(price_find(&t, "work/dated", SEPTEMBER - 1)->base.input, 3000000);
	cr_expect_eq(price_find(&t, "work/dated", SEPTEMBER)->base.input, 4000000);
	cr_expect_str_eq(
		price_find(&t, "work/dated", 0)->rule, "p.conf:5", "before the first date");
	refused("prices = ( { model = \"a/b\"; valid_from = \"2026-02-29\"; } );", "YYYY-MM-DD");
	refused("prices = ( { model = \"a/b\"; valid_from = \"2026-2-2\"; } );", "YYYY-MM-DD");
	load("prices = ( { model = \"a/b\"; valid_from = \"2028-02-29\"; } );");
}

static llm_usage usage(int64_t in, int64_t out, int64_t read, int64_t written, int64_t reasoned)
{
	llm_usage u = LLM_USAGE_INIT;

	u.input_tokens = in;
	u.output_tokens = out;
	u.cache_read_tokens = read;
	u.cache_write_tokens = written;
	u.reasoning_tokens = reasoned;
	return u;
}

static int64_t cost_of(const price_row *row, const llm_usage *u)
{
	cost c = {0, 0, 0};
	int64_t nano = -7;

	cost_add(&c, row, u);
	return cost_nanousd(&c, &nano) ? nano : -1;
}

Test(price, R_COST_1_subsets_are_cut_and_flagged)
{
	llm_usage u = usage(100, 10, 150, 20, 11);

	cost_clamp(&u);
	cr_expect_eq(u.cache_read_tokens, 100);
	cr_expect_eq(u.cache_write_tokens, 0);
	cr_expect_eq(u.reasoning_tokens, 10);
	cr_expect(u.flags & LLM_USAGE_INCONSISTENT);
	u = usage(100, 10, 60, 40, 10);
	cost_clamp(&u);
	cr_expect_eq(u.flags, 0);
}

Test(price, R_COST_4_rounded_once_half_to_even)
{
	static const struct {
		int64_t pico, nano;
	} rows[] = {{499, 0}, {500, 0}, {501, 1}, {1499, 1}, {1500, 2}, {2500, 2}, {2501, 3}};
	int64_t nano;
	size_t i;
	cost c = {0, 0, 0};

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		c.picousd = rows[i].pico;
		cr_expect_eq(cost_nanousd(&c, &nano), 1);
		cr_expect_eq(nano, rows[i].nano, "%lld", (long long)rows[i].pico);
	}
}

Test(price, R_COST_4_an_overflow_is_no_cost)
{
	const price_table t = load(
		"prices = ( { model = \"a/b\"; input = \"9000000\"; output = \"1\"; } );");
	llm_usage u = usage(INT64_MAX / 2, 1, -1, -1, -1);
	cost c = {0, 0, 0};
	int64_t nano = -7;

	cost_add(&c, &t.rows[0], &u);
	cr_expect(c.flags & COST_OVERFLOW);
	cr_expect_eq(cost_nanousd(&c, &nano), 0);
	cr_expect_eq(nano, -7);
}

Test(price, R_COST_5_parts_at_their_own_price)
{
	const price_table t = load(
		"prices = ( { model = \"a/b\"; input = \"10\"; output = \"20\"; cache_read = \"1\";\n"
		"cache_write = \"12\"; reasoning = \"30\"; }, { model = \"a/c\"; input = \"10\";\n"
		"output = \"20\"; } );");
	llm_usage u = usage(1000, 100, 300, 200, 40);

	/* 500 x 10 + 300 x 1 + 200 x 12 + 60 x 20 + 40 x 30, in nanodollars a thousandth */
	cr_expect_eq(cost_of(&t.rows[0], &u),
		5000 * 1000 + 300 * 1000 + 2400 * 1000 + 1200 * 1000 + 1200 * 1000);
	cr_expect_eq(cost_of(&t.rows[1], &u), 10000 * 1000 + 2000 * 1000);
}

Test(price, R_COST_5_above_a_tier_all_tokens_cost_more)
{
	const price_table t = load(file);
	llm_usage u = usage(200000, 0, -1, -1, -1);

	cr_expect_eq(cost_of(&t.rows[0], &u), INT64_C(200000) * 300);
	u.input_tokens = 200001;
	cr_expect_eq(cost_of(&t.rows[0], &u), INT64_C(200001) * 600);
}

Test(price, R_COST_6_unknown_is_never_zero)
{
	const price_table t = load(file);
	llm_usage known = usage(10, 10, -1, -1, -1), unknown = usage(10, -1, -1, -1, -1);
	const price_row *free_one = price_find(&t, "ollama/gemma3:270m", 0);

	cr_expect_eq(cost_of(price_find(&t, "ollama/other", 0), &known), -1);
	cr_expect_eq(cost_of(free_one, &unknown), -1);
	cr_expect_eq(cost_of(free_one, &known), 0);
	cr_expect_eq(
		cost_of(&load("prices = ( { model = \"a/b\"; input = \"1\"; } );").rows[0], &known),
		-1);
}

Test(price, R_COST_10_every_attempt_that_reported_usage_counts)
{
	const price_table t = load(file);
	const price_row *row = price_find(&t, "work/any", 0);
	llm_usage u = usage(100, 10, -1, -1, -1);
	cost c = {0, 0, 0};
	int64_t nano = -7;

	cost_add(&c, row, &u);
	cost_add(&c, row, &u);
	cr_expect_eq(c.attempts, 2);
	cr_expect_eq(cost_nanousd(&c, &nano), 1);
	cr_expect_eq(nano, 2 * (100 * 1000 + 10 * 2000));
	cost_add(&c, NULL, &u);
	cr_expect_eq(cost_nanousd(&c, &nano), 0, "one of them is not known");
}

Test(price, R_COST_7_a_model_of_the_configuration)
{
	conf_model m = {.id = "a/b", .price = {.amount = {"0.5", "1"}, .origin = "llm.conf:3"}};
	const price_row *row = NULL;
	llm_err err = LLM_ERR_INIT;

	cr_expect_eq(price_of_model(&m, &ar, &row, &err), 0);
	cr_expect_eq(row->base.input, 500000);
	cr_expect_str_eq(row->rule, "llm.conf:3");
	m.price = (prices_set){.origin = "llm.conf:3"};
	cr_expect_eq(price_of_model(&m, &ar, &row, &err), 0);
	cr_expect_null(row);
}

/* ---- budgets ---- */

static const budget_rules rules = {.limit_nanousd = 1000, .usual_nanousd = 400, .window_ms = 60000};

Test(price, R_COST_11_a_budget_is_reserved_and_corrected)
{
	llm_err err = LLM_ERR_INIT;
	budget_hold a, b, c;
	budgets all;

	cr_assert_eq(budgets_init(&all, mem_default(), &rules, NULL), 0);
	cr_expect_eq(budgets_reserve(&all, "w", 500, 1000, &a, NULL), 0);
	cr_expect_eq(budgets_reserve(&all, "w", -1, 1000, &b, NULL), 0, "counts as 400");
	cr_expect_eq(budgets_reserve(&all, "w", 101, 1000, &c, &err), LLM_E_BUDGET_EXCEEDED);
	cr_expect(strstr(err.message, "0.000001 US dollars"), "%s", err.message);
	cr_expect_eq(err.retry_after_ms, 59000);
	cr_expect_eq(budgets_reserve(&all, "other", 1000, 1000, &c, NULL), 0, "its own budget");
	budgets_settle(&all, &c, 0, 1000);
	budgets_settle(&all, &a, 100, 1000);
	budgets_settle(&all, &b, -1, 1000);
	cr_expect_eq(budgets_used(&all, "w", 1000), 500);
	budgets_settle(&all, &b, 99999, 1000);
	cr_expect_eq(budgets_used(&all, "w", 1000), 500, "settled once");
	cr_expect_eq(budgets_used(&all, "w", 60000), 0, "another window");
	cr_expect_eq(budgets_reserve(&all, "w", 1000, 60000, &a, NULL), 0);
	budgets_settle(&all, &a, INT64_MAX, 60000);
	cr_expect_eq(budgets_used(&all, "w", 60000), INT64_MAX);
	budgets_done(&all);
}

Test(price, R_COST_11_a_budget_needs_a_usual_cost)
{
	budget_rules bad = rules, none = {0, 0, 0};
	llm_err err = LLM_ERR_INIT;
	budget_hold h;
	budgets all;

	bad.usual_nanousd = 0;
	cr_expect_eq(budgets_init(&all, mem_default(), &bad, &err), LLM_E_CONFIG);
	cr_expect(strstr(err.message, "default_cost"));
	cr_assert_eq(budgets_init(&all, mem_default(), &none, &err), 0);
	cr_expect_eq(budgets_reserve(&all, "w", INT64_MAX, 0, &h, &err), 0, "no budget");
	budgets_settle(&all, &h, 5, 0);
	budgets_done(&all);
}

/* ---- the file that is shipped ---- */

Test(price, R_COST_6_what_runs_here_is_explicitly_free)
{
	llm_err err = LLM_ERR_INIT;
	price_table t;
	llm_usage u = usage(5, 5, -1, -1, -1);

	cr_assert_eq(price_table_read(TEST_SOURCE_DIR "/conf/prices.conf", &ar, &t, &err), 0, "%s",
		err.message);
	cr_expect_eq(cost_of(price_find(&t, "ollama/gemma3:270m", 0), &u), 0);
	cr_expect_null(price_find(&t, "ollama/gpt-oss:120b-cloud", 0));
	cr_expect_eq(price_table_read("/nonexistent/p.conf", &ar, &t, &err), LLM_E_CONFIG);
	cr_expect(strstr(err.message, "/nonexistent/p.conf"), "%s", err.message);
}
