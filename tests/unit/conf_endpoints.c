/* Providers with several endpoints, and what a profile says of its candidates. */
#include "conf_try.h"

#define TWO(first, second) \
	"providers = { w = {\n endpoints = ( { id = \"eu\"; " first " },\n { id = \"us\"; " second \
	" } ); }; };\n"

static conf_try try_keys(const char *text)
{
	static const char *const vars[] = {"A=canary-a", "B=canary-b", NULL};

	return try_all(text, vars, NULL);
}

Test(conf_endpoints, several_with_what_each_says)
{
	conf *c = accepted(
		try_keys(TWO("base_url = \"http://a/v1\"; api_key = \"env:A\"; weight = 0;"
			     " max_concurrency = 2; rpm = 60; tpm = 1000;"
			     " locality = \"local\";",
			"base_url = \"http://b/v1\"; api_key = \"env:B\";")));
	const conf_provider *p = conf_provider_named(c, "w");

	cr_assert_eq(p->n_endpoints, 2);
	cr_assert(c->many_endpoints);
	cr_assert_str_eq(p->endpoints[0].id, "eu");
	cr_assert_eq(p->endpoints[0].weight, 0);
	cr_assert_eq(p->endpoints[0].max_concurrency, 2);
	cr_assert_eq(p->endpoints[0].rpm, 60);
	cr_assert_eq(p->endpoints[0].tpm, 1000);
	cr_assert_eq(p->endpoints[0].locality, LLM_LOCALITY_LOCAL);
	cr_assert_str_eq(p->endpoints[0].key.value, "canary-a");
	cr_assert_str_eq(p->endpoints[1].base_url, "http://b/v1");
	cr_assert_eq(p->endpoints[1].weight, 1);
	cr_assert_str_eq(p->endpoints[1].key.value, "canary-b");
	cr_assert_eq(conf_endpoint_named(p, "us"), &p->endpoints[1]);
	cr_assert_eq(conf_endpoint_named(p, ""), &p->endpoints[0]);
	cr_assert_null(conf_endpoint_named(p, "de"));
	conf_free(c);
}

Test(conf_endpoints, what_the_provider_says_holds_for_all)
{
	conf *c = accepted(try_keys("providers = { w = { base_url = \"http://a\"; endpoints = (\n"
				    "{ id = \"x\"; api_key = \"env:A\"; },\n"
				    "{ id = \"y\"; api_key = \"env:B\"; } ); }; };"));

	cr_assert_str_eq(c->providers[0].endpoints[0].base_url, "http://a");
	cr_assert_str_eq(c->providers[0].endpoints[1].base_url, "http://a");
	conf_free(c);
	REFUSED(try_text("providers = { a = {\nbase_url = \"http://h\";\n"
			 "endpoints = ( { base_url = \"http://i\"; } ); }; };"),
		"config_text:2", "'providers.a.base_url'", "keep one");
}

Test(conf_endpoints, R_CFG_4_a_key_is_for_one_server)
{
	REFUSED(try_keys("providers = { w = {\n api_key = \"env:A\"; endpoints = (\n"
			 "{ id = \"x\"; base_url = \"http://a\"; },\n"
			 "{ id = \"y\"; base_url = \"http://b\"; } ); }; };"),
		"config_text:2", "several servers", "of its own");
	conf_free(accepted(try_keys("providers = { w = { api_key = \"env:A\"; endpoints = (\n"
				    "{ id = \"x\"; base_url = \"http://a/1\"; },\n"
				    "{ id = \"y\"; base_url = \"http://a/2\"; } ); }; };")));
}

Test(conf_endpoints, each_of_several_has_a_name_of_its_own)
{
	REFUSED(try_text("providers = { w = { endpoints = ( { id = \"x\"; }, { } ); }; };"),
		"provider 'w' has no id", "id = ");
	REFUSED(try_text(
			"providers = { w = { endpoints = ( { id = \"x\"; }, { id = \"x\"; } ); }; };"),
		"two endpoints 'x'");
	conf_free(accepted(try_text("providers = { w = { endpoints = ( { } ); }; };")));
	REFUSED(try_text(TWO("", "") "profiles = { a = { candidates = [ \"w#de/m\" ]; }; };"),
		"it has: eu, us");
}

Test(conf_endpoints, a_model_is_found_whatever_its_endpoint)
{
	conf *c = accepted(try_text("models = ( { id = \"w/a/b#c\"; rpm = 3; } );"));

	cr_assert_not_null(conf_model_named(c, "w/a/b#c"));
	cr_assert_not_null(conf_model_named(c, "w#eu/a/b#c"));
	cr_assert_null(conf_model_named(c, "w#eu/a/b"));
	cr_assert_null(conf_model_named(c, "v#eu/a/b#c"));
	cr_assert_null(conf_model_named(c, "w"));
	conf_free(c);
}

/* ---- profiles ---- */

#define PAIR(more) "profiles = { a = {\n candidates = [ \"o/m\", \"o/n\" ]; " more " }; };"

Test(conf_endpoints, R_ROUTE_7_weights_are_numbers_one_for_each)
{
	conf *c = accepted(try_text(PAIR("weights = [ 95, 5 ]; split_by = \"user\";")));

	cr_assert_eq(c->profiles[0].shares[0], 95);
	cr_assert_eq(c->profiles[0].shares[1], 5);
	cr_assert_eq(c->profiles[0].split_by, SPLIT_BY_USER);
	conf_free(c);
	conf_free(accepted(try_text(PAIR("weights = [ \"1000\", \"0\" ];"))));
	REFUSED(try_text(PAIR("weights = [ 1 ];")), "1 weights and 2 candidates");
	REFUSED(try_text(PAIR("weights = [ 0, 0 ];")), "all weights");
	REFUSED(try_text(PAIR("weights = [ -1, 5 ];")), "wrong form", "0 to 1000");
	REFUSED(try_text(PAIR("weights = [ 1001, 5 ];")), "wrong form");
	REFUSED(try_text(PAIR("weights = [ 9223372036854775808L, 5L ];")), "config_text:2");
	REFUSED(try_text(PAIR("weights = [ \"9223372036854775808\", \"5\" ];")), "wrong form");
	REFUSED(try_text(PAIR("weights = 3;")), "wrong type");
	REFUSED(try_text(PAIR("split_by = \"tenant\";")), "\"run\" or \"user\"");
	REFUSED(try_text("profiles = { a = { candidates = [ 1, 2 ]; }; };"), "wrong type");
}

Test(conf_endpoints, R_ROUTE_15_a_profile_requires_local_or_nothing)
{
	conf *c = accepted(try_text(PAIR("require = { locality = \"local\"; };")));

	cr_assert_eq(c->profiles[0].require_locality, LLM_LOCALITY_LOCAL);
	conf_free(c);
	c = accepted(try_text(PAIR("require = { locality = \"any\"; };")));
	cr_assert_eq(c->profiles[0].require_locality, LLM_LOCALITY_UNKNOWN);
	conf_free(c);
	REFUSED(try_text(PAIR("require = { locality = \"cloud\"; };")), "\"local\" or \"any\"");
	REFUSED(try_text(PAIR("require = { localty = \"local\"; };")), "did you mean 'locality'");
}
