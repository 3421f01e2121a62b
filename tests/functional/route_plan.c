/* Runs plan by the policy of their profile; the decision is a record (llm/explain.h). */
#include "support/route_try.h"

#define PAIR \
	"profiles = { p = { candidates = [ \"ollama/a\", \"gemini/gemini-3.8-flash\" ]; %s }; };\n" MODELS
#define MODELS \
	"models = ( { id = \"ollama/a\"; capabilities = { vision = \"no\"; }; }, " \
	"{ id = \"gemini/gemini-3.8-flash\"; } );\n" \
	"providers = { gemini = { base_url = \"http://127.0.0.1:9/v1\"; }; " \
	"ollama = { base_url = \"http://127.0.0.1:9\"; }; };\n"

Test(route_plan, R_ROUTE_14_a_plan_without_a_call)
{
	route_try t;

	route_open(&t, PAIR, "");
	cr_assert_eq(route_plan_of(&t, "p", "hello", 0), 0, "%s", t.err.message);
	route_has(&t, "{\"schema\":\"llm.decision/1\",\"run_id\":\"");
	route_has(&t, "\"requested\":\"p\",\"profile\":\"p\",\"plan\":{\"schema\":\"llm.plan/1\"");
	route_has(&t, "\"policy\":\"ordered\",\"followed\":\"ordered\",\"refused\":null");
	route_has(&t, "\"plan\":[\"ollama/a\",\"gemini/gemini-3.8-flash\"]");
	route_has(&t, "\"reason\":\"place 2 of the profile\"");
	route_has(&t, "\"chosen\":null,\"moves\":[]}");
	cr_assert_eq(llm_result_attempt_count(llm_call_result(t.call)), 0);
	cr_assert_null(strstr(t.json, "hello"), "the prompt is in the record");
	route_close(&t);
}

Test(route_plan, R_ROUTE_4_R_ROUTE_14_who_lacks_something_is_out_and_the_record_says_what)
{
	llm_request *rq = NULL;
	llm_message *m = NULL;
	route_try t;

	route_open(&t, PAIR, "");
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	llm_request_model(rq, "p");
	llm_request_message(rq, LLM_ROLE_USER, &m);
	cr_assert_eq(llm_message_data(m, LLM_PART_IMAGE, "image/png", "x", 1), 0);
	cr_assert_eq(route_plan_rq(&t, rq, 0), 0, "%s", t.err.message);
	route_has(&t,
		"\"id\":\"ollama/a\",\"kept\":false,\"removed\":\"lacks\",\"lacks\":\"vision\"");
	route_has(&t, "\"plan\":[\"gemini/gemini-3.8-flash\"]");
	route_close(&t);
}

Test(route_plan, R_ROUTE_4_unknown_ranks_after_yes)
{
	static const char *const caps[] = {"no", "unknown", "yes"};
	static const char *const plans[] = {"\"plan\":[\"gemini/gemini-3.8-flash\"]",
		"\"plan\":[\"gemini/gemini-3.8-flash\",\"ollama/a\"]",
		"\"plan\":[\"ollama/a\",\"gemini/gemini-3.8-flash\"]"};
	char config[1000];
	llm_request *rq;
	route_try t;
	size_t i;

	for (i = 0; i < 3; i++) {
		snprintf(config, sizeof(config),
			"profiles = { p = { candidates = [ \"ollama/a\", \"gemini/gemini-3.8-flash\" ]; }; };\n"
			"models = ( { id = \"ollama/a\"; capabilities = { tools = \"%s\"; }; } );\n",
			caps[i]);
		route_open(&t, "%s", config);
		rq = route_request("p", "x");
		cr_assert_eq(llm_request_tool(rq, "f", "does", NULL, 0), 0);
		cr_assert_eq(route_plan_rq(&t, rq, 0), 0, "%s", t.err.message);
		route_has(&t, plans[i]);
		route_close(&t);
	}
}

Test(route_plan, R_ROUTE_14_nobody_left_has_a_record_too)
{
	llm_request *rq;
	route_try t;

	route_open(&t, PAIR, "");
	rq = route_request("ollama/a", "x");
	cr_assert_eq(llm_request_tool(rq, "f", "does", NULL, 0), 0);
	cr_assert_eq(llm_request_tool_choice(rq, LLM_TOOLS_REQUIRED, NULL), 0);
	cr_assert_eq(route_plan_rq(&t, rq, 0), LLM_E_UNSUPPORTED);
	cr_assert_not_null(
		strstr(t.err.message, "ollama/a lacks tool_choice"), "%s", t.err.message);
	route_has(&t, "\"profile\":null");
	route_has(&t, "\"plan\":[]");
	route_close(&t);
}

Test(route_plan, R_ROUTE_14_a_dry_run_shows_the_request_and_sends_nothing)
{
	const llm_result *r;
	const char *shown;
	route_try t;

	route_open(&t, PAIR, "");
	cr_assert_eq(
		route_plan_of(&t, "p", "hello there", LLM_CALL_DRY_RUN), 0, "%s", t.err.message);
	r = llm_call_result(t.call);
	shown = llm_result_exchange(r);
	cr_assert_not_null(shown);
	cr_assert_not_null(strstr(shown, "> http://127.0.0.1:9/api/chat"), "%s", shown);
	cr_assert_not_null(strstr(shown, "hello there"), "%s", shown);
	cr_assert_eq(llm_result_attempt_count(r), 0);
	cr_assert_eq(llm_result_status(r), LLM_STATUS_SUCCEEDED);
	route_has(&t, "\"chosen\":null");
	route_close(&t);
}

Test(route_plan, R_ROUTE_7_each_of_the_six_ranks_a_profile)
{
	static const char *const policies[] = {
		"ordered", "weighted", "least_busy", "latency", "cost", "affinity"};
	char more[80], part[80];
	route_try t;
	size_t i;

	for (i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		snprintf(more, sizeof(more), "policy = \"%s\";", policies[i]);
		snprintf(part, sizeof(part), "\"policy\":\"%s\",\"followed\":\"%s\"", policies[i],
			policies[i]);
		route_open(&t, PAIR, more);
		cr_assert_eq(route_plan_of(&t, "p", "x", 0), 0, "%s", t.err.message);
		route_has(&t, part);
		route_close(&t);
	}
}

Test(route_plan, R_ROUTE_7_a_missing_policy_fails_only_the_runs_that_need_it)
{
	route_try t;

	route_open(&t, PAIR, "policy = \"nosuch\";");
	cr_assert_eq(route_plan_of(&t, "p", "x", 0), LLM_E_PLUGIN);
	cr_assert_not_null(strstr(t.err.message, "nosuch"), "%s", t.err.message);
	cr_assert_not_null(strstr(t.log, "profile p cannot be used"), "%s", t.log);
	cr_assert_eq(route_plan_of(&t, "ollama/a", "x", 0), 0, "%s", t.err.message);
	route_close(&t);
}

Test(route_plan, R_ROUTE_7_options_of_a_policy_are_checked)
{
	static const struct {
		const char *more, *says;
	} rows[] = {
		{"policy = \"affinity\"; policy_options = { stickyy = true; };",
			"unknown key 'profiles.p.policy_options.stickyy' - did you mean 'sticky'?"},
		{"policy = \"affinity\"; policy_options = { sticky_ms = \"soon\"; };",
			"'profiles.p.policy_options.sticky_ms' has a value that cannot be taken"},
		{"policy = \"latency\"; policy_options = { x = 1; };",
			"unknown key 'profiles.p.policy_options.x'"},
	};
	route_try t;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(route_try_open(&t, PAIR, rows[i].more), LLM_E_CONFIG);
		cr_assert_not_null(strstr(t.err.message, rows[i].says), "%s", t.err.message);
	}
	route_open(&t, PAIR,
		"policy = \"affinity\"; policy_options = { sticky = true; sticky_ms = \"5s\"; };");
	route_close(&t);
}
