/* Routing that is configured wrongly: refused whole, with the file, the line and the key. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/run.h"

static void check(const char *conf, run_result *ret)
{
	char *home = run_folder(), path[600];

	run_folder_put(home, "bad.conf", conf);
	snprintf(path, sizeof(path), "%s/bad.conf", home);
	run_llmctl(NULL, NULL, RUN_LIST("route", "explain", "-c", path, "-p", "a"), ret);
	run_folder_free(home);
}

/* At most three lines; the first says where and what, `more` may be on any. */
static void expect_refused(const char *conf, const char *where, const char *more)
{
	run_result got;
	size_t lines = 0;

	check(conf, &got);
	cr_expect_eq(got.status, 2, "%d of %s", got.status, conf);
	cr_expect(strstr(got.err, where), "no %s in %s", where, got.err);
	cr_expect(strstr(got.err, more), "no %s in %s", more, got.err);
	for (const char *at = got.err; *at; at++)
		lines += *at == '\n';
	cr_expect_leq(lines, 3, "%s", got.err);
	cr_expect_str_empty(got.out);
	run_done(&got);
}

#define PROFILE(more) \
	"profiles = {\n a = {\n  candidates = [ \"ollama/x\", \"ollama/y\" ];\n  " more "\n }; };\n"
#define ENDPOINT(more) \
	"providers = { w = { plugin = \"openai\";\n endpoints = ( { id = \"eu\";\n  " more \
	"\n base_url = \"http://127.0.0.1:9\"; } ); }; };\n" \
	"profiles = { a = { candidates = [ \"w#eu/m\" ]; }; };\n"

Test(route_inputs, R_ROUTE_7_policies_and_options_that_there_are_not)
{
	expect_refused(PROFILE("policy = \"fastest\";"),
		"bad.conf:4: 'profiles.a.policy' cannot be had",
		"there is no plugin fastest: looked for");
	expect_refused(PROFILE("policy = \"latncy\";"),
		"bad.conf:4: 'profiles.a.policy' cannot be had - did you mean 'latency'?", "");
	expect_refused(PROFILE("policy = \"gemini\";"),
		"bad.conf:4: 'profiles.a.policy' cannot be had", "holds no policy");
	expect_refused(PROFILE("policy = \"\";"), "bad.conf:4: ", "'profiles.a.policy'");
	expect_refused(PROFILE("polisy = \"cost\";"), "bad.conf:4: ", "did you mean 'policy'?");
	expect_refused(PROFILE("policy = \"affinity\"; policy_options = { stick = true; };"),
		"bad.conf:4: ", "stick");
	expect_refused(PROFILE("policy = \"affinity\"; policy_options = { sticky = \"x\"; };"),
		"bad.conf:4: ", "sticky");
}

Test(route_inputs, R_ROUTE_7_weights)
{
	expect_refused(PROFILE("weights = [ -1, 1 ];"), "bad.conf:4: ", "weights");
	expect_refused(PROFILE("weights = [ 9223372036854775808, 1 ];"), "bad.conf:4: ", "weights");
	expect_refused(PROFILE("weights = [ 1 ];"), "bad.conf:4: ", "weights");
	expect_refused(PROFILE("weights = [ 1, 2, 3 ];"), "bad.conf:4: ", "weights");
	expect_refused(
		ENDPOINT("weight = -1;"), "bad.conf:3: ", "'providers.w.endpoints.0.weight'");
	expect_refused(ENDPOINT("weight = 9223372036854775808;"), "bad.conf:3: ", "weight");
	expect_refused(ENDPOINT("weight = 1.5;"), "bad.conf:3: ", "weight");
}

Test(route_inputs, R_ROUTE_7_a_weight_of_zero_is_allowed_and_never_first)
{
	run_result got;

	check(PROFILE("policy = \"weighted\"; weights = [ 0, 1 ];"), &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "1\tollama/y\t"), "%s", got.out);
	cr_expect(strstr(got.out, "2\tollama/x\t"), "%s", got.out);
	run_done(&got);
}

Test(route_inputs, R_ROUTE_6_two_candidates_with_one_id_and_none)
{
	expect_refused(
		"profiles = {\n a = {\n  candidates = [ \"ollama/x\",\n \"ollama/x\" ]; }; };",
		"bad.conf:3: profile 'a' has 'ollama/x' twice", "remove one");
	expect_refused("aliases = { z = \"ollama/x\"; };\nprofiles = {\n a = {\n"
		       "  candidates = [ \"ollama/x\", \"z\" ]; }; };",
		"bad.conf:4: profile 'a' has 'ollama/x' and 'z', which are one candidate",
		"remove one");
	expect_refused("profiles = {\n a = {\n  candidates = [ ]; }; };",
		"bad.conf:3: 'profiles.a.candidates' is empty", "expected: a list");
	expect_refused("profiles = {\n a = {\n  deadline = \"1s\"; }; };",
		"bad.conf:2: profile 'a' has no candidates", "add: candidates");
}

Test(route_inputs, R_ROUTE_2_an_alias_that_leads_to_itself)
{
	expect_refused("aliases = {\n b = \"c\";\n c = \"d\";\n d = \"b\"; };\n",
		"bad.conf:2: alias 'b' ends in a circle", "let one of them name a profile");
}

#define PRICE(input) \
	"models = (\n { id = \"ollama/x\";\n price = {\n input = \"" input "\"; }; } );\n" \
	"profiles = { a = { candidates = [ \"ollama/x\" ]; }; };\n"

Test(route_inputs, R_COST_3_a_price_that_does_not_fit)
{
	expect_refused(
		PRICE("0.1234567"), "bad.conf:4: 'models.0.price.input'", "at most six decimals");
	expect_refused(PRICE("99999999999999999999"), "bad.conf:4: 'models.0.price.input'",
		"US dollars per million tokens");
	expect_refused(PRICE("-1"), "bad.conf:4: 'models.0.price.input'", "expected");
	expect_refused(PRICE("1e-3"), "bad.conf:4: 'models.0.price.input'", "expected");
}

Test(route_inputs, R_ROUTE_7_config_check_warns_of_a_policy_that_is_not_there)
{
	char *home = run_folder(), path[600];
	run_result got;

	run_folder_put(home, "bad.conf", PROFILE("policy = \"latncy\";"));
	snprintf(path, sizeof(path), "%s/bad.conf", home);
	run_llmctl(NULL, NULL, RUN_LIST("config", "check", "-c", path), &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out,
			  "bad.conf:4: 'profiles.a.policy' cannot be had - did you mean "
			  "'latency'?"),
		"%s%s", got.out, got.err);
	run_done(&got);
	run_folder_free(home);
}

/* What a service would refuse is refused where it is only looked at, too. */
Test(route_inputs, R_COST_3_config_check_reads_the_files_of_prices)
{
	static const struct {
		const char *prices, *says;
	} rows[] = {
		{"prices = ( { model = \"a/b\"; input = \"1\"; output = \"2\"; } );", NULL},
		{"prices = ( { model = \"a/b\"; input = \"0.0000001\"; output = \"2\"; } );",
			"prices.conf:1: "},
		{NULL, "prices.conf"},
	};
	char *home = run_folder(), path[600], prices[600], text[700];
	run_result got;
	size_t i;

	snprintf(path, sizeof(path), "%s/llm.conf", home);
	snprintf(prices, sizeof(prices), "%s/prices.conf", home);
	snprintf(text, sizeof(text), "price_files = [ \"%s\" ];\n", prices);
	run_folder_put(home, "llm.conf", text);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].prices)
			run_folder_put(home, "prices.conf", rows[i].prices);
		else
			remove(prices);
		run_llmctl(NULL, NULL, RUN_LIST("config", "check", "-c", path), &got);
		cr_expect_eq(got.status, rows[i].says ? 2 : 0, "%s", got.err);
		if (rows[i].says)
			cr_expect(strstr(got.err, rows[i].says), "%s", got.err);
		run_done(&got);
	}
	run_folder_put(home, "llm.conf", "budget = { limit = \"1\"; };\n");
	run_llmctl(NULL, NULL, RUN_LIST("config", "check", "-c", path), &got);
	cr_expect_eq(got.status, 2);
	cr_expect(strstr(got.err, "default_cost"), "%s", got.err);
	run_done(&got);
	run_folder_free(home);
}
