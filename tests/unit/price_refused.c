/* What a file of prices is refused for, and which of several prices counts. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "route/price.h"
#include "support/failalloc.h"

#define ROW(members) "prices = ( { model = \"a/b\"; " members " } );"
#define DAY INT64_C(86400000000)

static arena ar;

static void begin(void)
{
	arena_init(&ar, mem_default(), 0);
}

static void end(void)
{
	arena_reset(&ar);
}

TestSuite(price_refused, .init = begin, .fini = end);

static void refused(const char *text, const char *hint)
{
	llm_err err = LLM_ERR_INIT;
	price_table t = {NULL, 7, ""};

	cr_expect_eq(price_table_text(text, strlen(text), "p.conf", &ar, &t, &err), LLM_E_CONFIG,
		"%s", text);
	cr_expect(strstr(err.message, hint), "of %s\n  %s", text, err.message);
	cr_expect_eq(strncmp(err.message, "p.conf", 6), 0, "%s", err.message);
	cr_expect_eq(t.n, 7, "written in spite of an error");
}

static price_table load(const char *text)
{
	llm_err err = LLM_ERR_INIT;
	price_table t;

	cr_assert_eq(price_table_text(text, strlen(text), "p.conf", &ar, &t, &err), 0, "%s",
		err.message);
	return t;
}

Test(price_refused, R_COST_3_what_is_no_list_of_groups)
{
	refused("", "a price file has one list and nothing else");
	refused("other = 1;", "a price file has one list");
	refused("prices = ( ); other = 1;", "a price file has one list");
	refused("prices = 5;", "a price file has one list");
	refused("prices = [ 5 ];", "a price file has one list");
	refused("prices = ( 5 );", "p.conf:1: a price is no group");
	refused("prices = (\n { input = \"1\"; } );", "p.conf:2: a price is of no model");
	refused("prices = ( { model = ", "p.conf:1: ");
	refused("prices = ( { model = \"a/b\" input } );", "syntax error (after 'model')");
	cr_expect_eq(load("prices = ( );").n, 0);
}

Test(price_refused, R_COST_3_what_is_no_text)
{
	refused(ROW("input = 1;"), "p.conf:1: a price, a model or a date is no text");
	refused(ROW("valid_from = 2026;"), "a price, a model or a date is no text");
	refused("prices = ( { model = 5; } );", "a price, a model or a date is no text");
	refused(ROW("tiers = ( { above_tokens = 5; input = 1; } );"), "is no text");
}

Test(price_refused, R_COST_3_unknown_keys_and_their_neighbours)
{
	refused(ROW("imput = \"1\";"), "unknown key 'imput' - did you mean 'input'?");
	refused(ROW("zzzzzzzzzzzzzzz = \"1\";"), "unknown key 'zzzzzzzzzzzzzzz'");
	refused(ROW("tiers = ( { above_token = 5; } );"),
		"unknown key 'above_token' - did you mean 'above_tokens'?");
	refused(ROW("prefix = \"a/\";"), "both a model and a prefix");
	refused("prices = ( { prefix = \"a/\"; model = \"a/b\"; } );", "both a model and a prefix");
}

Test(price_refused, R_COST_3_amounts)
{
	refused(ROW("input = \"0.1234567\";"), "input = \"0.1234567\" is no price");
	refused(ROW("output = \"-1\";"), "output = \"-1\" is no price");
	refused(ROW("cache_read = \"\";"), "cache_read = \"\" is no price");
	refused(ROW("cache_write = \"1e3\";"), "cache_write = \"1e3\" is no price");
	refused(ROW("reasoning = \"99999999999999999999\";"), "is no price");
	refused(ROW("tiers = ( { above_tokens = 5; input = \"x\"; } );"), "input = \"x\" is no");
	refused("prices = ( { model = \"b\"; } );", "\"b\" names no provider");
}

Test(price_refused, R_COST_5_tiers_that_do_not_grow)
{
	refused(ROW("tiers = 5;"), "p.conf:1: tiers is no list");
	refused(ROW("tiers = { };"), "tiers is no list");
	refused(ROW("tiers = ( 5 );"), "a tier is no group");
	refused(ROW("tiers = ( { above_tokens = \"5\"; } );"), "above_tokens is no whole number");
	refused(ROW("tiers = ( { above_tokens = 0; } );"), "above_tokens is not above that");
	refused(ROW("tiers = ( { input = \"1\"; } );"), "above_tokens is not above that");
	refused(ROW("tiers = ( { above_tokens = 9; }, { above_tokens = 9; } );"),
		"above_tokens is not above that");
	cr_expect_eq(load(ROW("tiers = ( );")).rows[0].n_tiers, 0);
	cr_expect_eq(load(ROW("tiers = ( { above_tokens = 5000000000L; },"
			      " { above_tokens = 5000000001L; } );"))
			     .rows[0]
			     .tiers[1]
			     .above_tokens,
		INT64_C(5000000001));
}

Test(price_refused, R_COST_8_what_is_no_day)
{
	static const char *const days[] = {"2026-1-01", "2026/01-01", "2026-01/01", "20x6-01-01",
		"2026-0x-01", "2026-01-0x", "1969-12-31", "2026-00-01", "2026-13-01", "2026-01-00",
		"2026-01-32", "2026-04-31", "2026-02-29", "2100-02-29", "", "2026-01-01T"};
	char text[100];
	size_t i;

	for (i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		(void)snprintf(text, sizeof(text), ROW("valid_from = \"%s\";"), days[i]);
		refused(text, "\" is no date\nexpected: YYYY-MM-DD");
	}
}

Test(price_refused, R_COST_8_days_of_leap_years)
{
	cr_expect_eq(load(ROW("valid_from = \"1970-01-01\";")).rows[0].valid_from_us, 0);
	cr_expect_eq(load(ROW("valid_from = \"2000-02-29\";")).rows[0].valid_from_us, 11016 * DAY);
	cr_expect_eq(load(ROW("valid_from = \"2024-02-29\";")).rows[0].valid_from_us, 19782 * DAY);
	cr_expect_eq(load(ROW("valid_from = \"2024-12-31\";")).rows[0].valid_from_us, 20088 * DAY);
}

Test(price_refused, R_COST_8_two_prices_from_one_day)
{
#define FROM(kind, name, day) "{ " kind " = \"" name "\"; valid_from = \"" day "\"; }"
	refused("prices = ( " FROM("model", "a/b", "2026-01-01") ",\n" FROM(
			"model", "a/b", "2026-01-01") " );",
		"p.conf:2: \"a/b\" has two prices from the same day (the other: p.conf:1)");
	cr_expect_eq(load("prices = ( " FROM("model", "a/b", "2026-01-01") "," FROM(
				  "model", "a/c", "2026-01-01") "," FROM("prefix", "a/b",
				  "2026-01-01") "," FROM("model", "a/b", "2026-01-02") " );")
			     .n,
		4);
}

Test(price_refused, R_COST_8_the_order_of_the_rows_decides_nothing)
{
	const price_table t = load("prices = ( " FROM("model", "a/b", "1970-01-05") "," FROM(
		"model", "a/b", "1970-01-03") "," FROM("prefix", "a/", "1970-01-04") " );");

	cr_expect_eq(price_find(&t, "a/b", 9 * DAY), &t.rows[0]);
	cr_expect_eq(price_find(&t, "a/b", 3 * DAY), &t.rows[1]);
	cr_expect_eq(price_find(&t, "a/other", 3 * DAY), &t.rows[2]);
	cr_expect_null(price_find(&t, "a/b", DAY));
	cr_expect_null(price_find(&t, "b/b", 9 * DAY));
}

Test(price_refused, R_COST_7_a_model_of_the_configuration_with_a_bad_price)
{
	conf_model m = {.id = "a/b", .price = {.amount = {NULL, "x"}, .origin = "llm.conf:3"}};
	const price_row *row = NULL;
	llm_err err = LLM_ERR_INIT;

	cr_expect_eq(price_of_model(&m, &ar, &row, &err), LLM_E_CONFIG);
	cr_expect(strstr(err.message, "llm.conf:3: output = \"x\" is no price"), "%s", err.message);
	cr_expect_null(row);
	m.price.amount[PRICES_OUTPUT] = "2";
	cr_expect_eq(price_of_model(&m, &ar, &row, &err), 0);
	cr_expect_eq(row->base.output, 2000000);
	cr_expect_eq(row->base.input, PRICE_UNKNOWN);
}

/* ---- memory ---- */

/* The first block is filled a little more each time, so that each item once needs a new one. */
static size_t sweep_filled(failalloc_play play)
{
	size_t wrong = 0, fill;

	for (fill = 16; fill <= 64; fill += 16)
		wrong += failalloc_sweep(play, &fill);
	return wrong;
}

static int filled(arena *mem, failalloc *fa, const void *fill)
{
	arena_init(mem, &fa->hook, 1);
	return arena_new(mem, *(const size_t *)fill) != NULL;
}

static int nomem(int32_t rc, const llm_err *err)
{
	if (rc == LLM_E_NOMEM)
		return strncmp(err->message, "no memory", 9) != 0;
	return rc;
}

static int play_file(failalloc *fa, void *arg)
{
	llm_err err = LLM_ERR_INIT;
	price_table t;
	arena mem;
	int32_t rc;

	arena_init(&mem, &fa->hook, 1);
	rc = price_table_read(arg, &mem, &t, &err);
	if (!rc && (!t.n || strlen(t.version) != 64 || !price_find(&t, "ollama/gemma3:270m", 0)))
		rc = LLM_E_INTERNAL;
	arena_reset(&mem);
	return nomem(rc, &err);
}

Test(price_refused, R_COST_3_a_file_survives_a_lack_of_memory)
{
	char path[] = TEST_SOURCE_DIR "/conf/prices.conf";

	cr_expect_eq(failalloc_sweep(play_file, path), 0);
}

static int play_tiers(failalloc *fa, void *arg)
{
	static const char text[] = ROW("valid_from = \"2026-01-01\"; reasoning = \"1\"; tiers = ("
				       " { above_tokens = 5; input = \"3\"; } );");
	const conf_model m = {.id = "a/b", .price = {.amount = {"1", "2"}, .origin = "c:1"}};
	const price_row *row = NULL;
	llm_err err = LLM_ERR_INIT;
	price_table t;
	arena mem;
	int32_t rc;

	if (!filled(&mem, fa, arg)) {
		arena_reset(&mem);
		return 0;
	}
	rc = price_table_text(text, sizeof(text) - 1, "p.conf", &mem, &t, &err);
	if (!rc)
		rc = price_of_model(&m, &mem, &row, &err);
	if (!rc && (row->base.output != 2000000 || price_for(t.rows, 6)->input != 3000000))
		rc = LLM_E_INTERNAL;
	arena_reset(&mem);
	return nomem(rc, &err);
}

Test(price_refused, R_COST_5_tiers_survive_a_lack_of_memory)
{
	cr_expect_eq(sweep_filled(play_tiers), 0);
}
