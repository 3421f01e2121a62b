/* "llmctl prices import": a price map of LiteLLM's shape as a price file. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/run.h"

static void import(const char *map, run_result *ret)
{
	char *home = run_folder(), path[600];

	run_folder_put(home, "map.json", map);
	snprintf(path, sizeof(path), "%s/map.json", home);
	run_llmctl(NULL, NULL, RUN_LIST("prices", "import", path), ret);
	run_folder_free(home);
}

static const char map[] =
	"{\"sample_spec\":{\"input_cost_per_token\":0.0,\"litellm_provider\":\"one of\"},"
	"\"big-1\":{\"litellm_provider\":\"openai\",\"mode\":\"chat\",\"input_cost_per_token\":"
	"1.25e-06,\"output_cost_per_token\":0.00001,\"cache_read_input_token_cost\":1.25e-07,"
	"\"supports_vision\":true,\"input_cost_per_token_batches\":1e-9},"
	"\"gemini/fast\":{\"litellm_provider\":\"gemini\",\"output_cost_per_token\":"
	"2.4999999999999998e-06,\"input_cost_per_token_above_200k_tokens\":2e-06,"
	"\"input_cost_per_token\":1e-06,\"output_cost_per_token_above_200k_tokens\":5e-06,"
	"\"cache_creation_input_token_cost_above_1hr\":3e-06,"
	"\"output_cost_per_reasoning_token\":null},"
	"\"pictures\":{\"litellm_provider\":\"openai\",\"output_cost_per_image\":0.04},"
	"\"odd\":{\"litellm_provider\":\"openai\",\"input_cost_per_token\":1.23456789012345e-07,"
	"\"output_cost_per_token\":1e-06},"
	"\"strange\":{\"litellm_provider\":\"Open AI\",\"input_cost_per_token\":1e-06},"
	"\"openai/big-1\":{\"litellm_provider\":\"openai\",\"input_cost_per_token\":9e-06}}";

Test(llmctl_prices, R_COST_9_amounts_come_from_the_text_of_numbers)
{
	run_result got;

	import(map, &got);
	cr_expect_eq(got.status, 1, "%s", got.err);
	cr_expect(strstr(got.out,
			  "{ model = \"openai/big-1\"; input = \"1.25\"; output = \"10\"; "
			  "cache_read = \"0.125\"; }"),
		"%s", got.out);
	cr_expect(strstr(got.out,
			  "{ model = \"gemini/fast\"; input = \"1\"; output = \"2.5\"; "
			  "tiers = ( { above_tokens = 200000; input = \"2\"; output = \"5\"; } "
			  "); }"),
		"%s", got.out);
	cr_expect_null(strstr(got.out, "sample_spec"));
	cr_expect_null(strstr(got.out, "pictures"));
	cr_expect_null(strstr(got.out, "odd"));
	run_done(&got);
}

Test(llmctl_prices, R_COST_9_what_was_snapped_or_left_out_is_listed)
{
	run_result got;

	import(map, &got);
	cr_expect(strstr(got.err,
			  "snapped: gemini/fast: output_cost_per_token = "
			  "2.4999999999999998e-06 taken as 2500000 picodollars"),
		"%s", got.err);
	cr_expect(strstr(got.err, "left out: odd: a price is no whole number of picodollars"), "%s",
		got.err);
	cr_expect(strstr(got.err, "left out: strange: "), "%s", got.err);
	cr_expect(strstr(got.err, "left out: openai/big-1: another entry"), "%s", got.err);
	cr_expect(
		strstr(got.err, "1 prices were snapped, 3 models left out, 1 not priced by token"),
		"%s", got.err);
	run_done(&got);
}

Test(llmctl_prices, R_COST_9_what_is_no_map_is_refused)
{
	run_result got;

	import("[1,2]", &got);
	cr_expect_eq(got.status, 2);
	cr_expect(strstr(got.err, "is no JSON object"), "%s", got.err);
	run_done(&got);
	import("{\"a\":{\"litellm_provider\":\"x\",\"input_cost_per_token\":1e-6}", &got);
	cr_expect_eq(got.status, 2);
	run_done(&got);
	import("{}", &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	run_done(&got);
	run_llmctl(NULL, NULL, RUN_LIST("prices", "import", "/nonexistent"), &got);
	cr_expect_eq(got.status, 3, "%s", got.err);
	run_done(&got);
	run_llmctl(NULL, NULL, RUN_LIST("prices", "import"), &got);
	cr_expect_eq(got.status, 2, "%s", got.err);
	run_done(&got);
}
