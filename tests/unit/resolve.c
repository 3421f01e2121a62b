/* From the name in a request to candidates (core/route/resolve.h). */
#include <criterion/criterion.h>
#include <string.h>

#include "base/alloc.h"
#include "route/resolve.h"

static const char text[] =
	"default_profile = \"local-fast\";\n"
	"aliases = { fast = \"ollama/gemma3:270m\"; best = \"cloud\"; };\n"
	"profiles = {\n"
	"  local-fast = { candidates = [ \"fast\", \"gemini/gemini-3.8-flash\" ]; };\n"
	"  cloud = { candidates = [ \"gemini/gemini-4-argon\" ]; };\n"
	"};\n";

static conf *load(void)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	const conf_env nothing = {NULL};
	llm_err err = LLM_ERR_INIT;
	conf *c;

	opts.config_text = text;
	opts.flags = LLM_SERVICE_NO_ENV;
	cr_assert_eq(
		conf_load(&opts, &nothing, mem_default(), NULL, &c, &err), 0, "%s", err.message);
	return c;
}

static void expect_first(const char *name, int want_profile, const char *profile, const char *first)
{
	conf *c = load();
	llm_err err = LLM_ERR_INIT;
	route r;

	cr_assert_eq(resolve_target(c, name, want_profile, &r, &err), 0, "%s", err.message);
	cr_assert_str_eq(r.names[0], first);
	if (profile)
		cr_assert_str_eq(r.profile->name, profile);
	else
		cr_assert_null(r.profile);
	conf_free(c);
}

static void expect_refusal(const char *name, int want_profile, const char *hint)
{
	conf *c = load();
	llm_err err = LLM_ERR_INIT;
	route r;

	cr_assert_eq(resolve_target(c, name, want_profile, &r, &err), LLM_E_INVALID_REQUEST);
	cr_assert(strstr(err.message, hint), "%s", err.message);
	conf_free(c);
}

Test(resolve, R_ROUTE_1_a_slash_names_a_model)
{
	expect_first("ollama/llama3.2", 0, NULL, "ollama/llama3.2");
	expect_first("openai/org/model:tag@2", 0, NULL, "openai/org/model:tag@2");
}

Test(resolve, R_ROUTE_1_no_slash_is_an_alias_or_a_profile)
{
	expect_first("cloud", 0, "cloud", "gemini/gemini-4-argon");
	expect_first(NULL, 0, "local-fast", "fast");
	expect_refusal("clout", 0, "cloud");
	expect_refusal("zzzzzzzz", 0, "provider/model");
	expect_refusal("local-fats", 1, "local-fast");
}

Test(resolve, R_ROUTE_2_an_alias_of_a_model_is_no_profile)
{
	llm_err err = LLM_ERR_INIT;
	conf *c = load();
	route r;

	cr_assert_eq(resolve_target(c, "fast", 1, &r, &err), LLM_E_INVALID_REQUEST);
	cr_expect_str_eq(err.message, "\"fast\" is no profile: name it as a model (llmctl: -m)");
	conf_free(c);
}

Test(resolve, R_ROUTE_2_aliases_lead_to_profiles_and_models)
{
	expect_first("fast", 0, NULL, "ollama/gemma3:270m");
	expect_first("best", 0, "cloud", "gemini/gemini-4-argon");
}

static void expect_candidate(
	const char *name, const char *provider, const char *endpoint, const char *model)
{
	conf *c = load();
	llm_err err = LLM_ERR_INIT;
	candidate got;

	cr_assert_eq(resolve_candidate(c, name, &got, &err), 0, "%s", err.message);
	cr_assert_str_eq(got.provider, provider);
	cr_assert_str_eq(got.endpoint, endpoint);
	cr_assert_str_eq(got.model, model);
	conf_free(c);
}

Test(resolve, R_ROUTE_1_the_rest_is_passed_verbatim)
{
	expect_candidate("fast", "ollama", "", "gemma3:270m");
	expect_candidate("openai/a/b:c@d", "openai", "", "a/b:c@d");
	expect_candidate("work#eu/gpt", "work", "eu", "gpt");
	expect_candidate("ollama/#x", "ollama", "", "#x");
}

Test(resolve, R_ROUTE_1_malformed_names_are_refused)
{
	static const char *const bad[] = {
		"/x", "ollama/", "Ollama/x", "ol lama/x", "9a/x", "a#/x", "a#B/x", "", "nothing"};
	conf *c = load();
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		llm_err err = LLM_ERR_INIT;
		candidate got;

		cr_assert_eq(resolve_candidate(c, bad[i], &got, &err), LLM_E_INVALID_REQUEST,
			"\"%s\" was taken", bad[i]);
		cr_assert(err.message[0]);
	}
	conf_free(c);
}

/* ---- providers with several endpoints ---- */

static const char many[] =
	"aliases = { big = \"work/gpt\"; };\n"
	"providers = { work = { endpoints = ( { id = \"eu\"; weight = 3; },\n"
	"  { id = \"us\"; } ); }; };\n"
	"profiles = { split = { weights = [ 95, 5 ]; candidates = [ \"big\", \"o/m\" ]; };\n"
	"  named = { candidates = [ \"work#us/gpt\", \"o/m\" ]; }; };\n";

static conf *load_many(void)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	const conf_env nothing = {NULL};
	llm_err err = LLM_ERR_INIT;
	conf *c;

	opts.config_text = many;
	cr_assert_eq(
		conf_load(&opts, &nothing, mem_default(), NULL, &c, &err), 0, "%s", err.message);
	return c;
}

static void expand(const char *name, const char *const *names, const uint32_t *weights, size_t n)
{
	conf *c = load_many();
	llm_err err = LLM_ERR_INIT;
	arena ar;
	route r;
	size_t i;

	arena_init(&ar, mem_default(), 0);
	cr_assert_eq(resolve_target(c, name, 0, &r, &err), 0, "%s", err.message);
	cr_assert_eq(resolve_expand(c, &ar, &r), 0);
	cr_assert_eq(r.n_names, n);
	for (i = 0; i < n; i++) {
		cr_assert_str_eq(r.names[i], names[i]);
		cr_assert_eq(r.weights ? r.weights[i] : 1, weights[i], "%s: %u", names[i],
			(unsigned)r.weights[i]);
	}
	arena_reset(&ar);
	conf_free(c);
}

Test(resolve, R_ROUTE_1_each_endpoint_is_a_candidate_with_its_part_of_the_weight)
{
	static const char *const both[] = {"work#eu/gpt", "work#us/gpt"};
	static const char *const three[] = {"work#eu/gpt", "work#us/gpt", "o/m"};
	static const char *const named[] = {"work#us/gpt", "o/m"};
	static const uint32_t shares[] = {3, 1}, split[] = {57, 19, 4}, same[] = {1, 1};

	expand("work/gpt", both, shares, 2);
	expand("big", both, shares, 2);
	expand("split", three, split, 3);
	expand("named", named, same, 2);
	expand("work#us/gpt", named, same, 1);
}

Test(resolve, R_ROUTE_11_a_list_of_the_request_takes_the_place_of_the_profiles)
{
	static const char *const own[] = {"x/y", "o/m"};
	conf *c = load_many();
	llm_err err = LLM_ERR_INIT;
	route r;

	cr_assert_eq(resolve_target(c, "split", 0, &r, &err), 0);
	cr_assert_eq(resolve_list(own, 2, &r, &err), 0);
	cr_assert_str_eq(r.profile->name, "split");
	cr_assert_str_eq(r.names[0], "x/y");
	cr_assert_null(r.weights);
	cr_assert_eq(resolve_target(c, "o/m", 0, &r, &err), 0);
	cr_assert_eq(resolve_list(own, 2, &r, &err), LLM_E_INVALID_REQUEST);
	conf_free(c);
}
