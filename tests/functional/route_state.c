/* What runs leave behind for the next plan: latencies, and what a policy remembers. */
#include "guard_try.h"
#include "support/route_try.h"

#define WELL SAYS(LINE("x") LAST)
#define TWO_OF(policy) \
	"profiles = { p = { candidates = [ \"ollama/a\", \"ollama/b\" ]; max_attempts = 1; " policy \
	" }; };\n"

static oracle *state_open(const char *script, const char *config)
{
	static oracle_opts opts;

	opts = (oracle_opts){.mode = ORACLE_PULL,
		.text = script,
		.config = config,
		.attempts = 1,
		.time = &guard_time,
		.no_healthy = 1};
	return oracle_open(&opts);
}

static const llm_result *state_ask(oracle *o, const char *text, uint32_t flags)
{
	const oracle_ask ask = {
		.model = "p", .prompt = text, .stream = 1, .limits = {.flags = flags}};

	return llm_call_result(oracle_do(o, &ask)->call);
}

static const char *answered_by(const llm_result *r)
{
	llm_attempt a = {.struct_size = sizeof(a)};

	cr_assert_eq(llm_result_attempt(r, llm_result_attempt_count(r) - 1, &a), 0);
	return a.candidate;
}

Test(route_state, R_ROUTE_8_only_successes_make_a_candidate_known)
{
	oracle *o = state_open(STATUS("503", "") WELL WELL, TWO_OF("policy = \"latency\";"));
	const llm_result *r = state_ask(o, "x", LLM_CALL_EXPLAIN);
	const char *json, *first, *second;

	cr_assert_eq(llm_result_attempt_count(r), 2);
	json = llm_result_decision(r, NULL);
	cr_assert_not_null(json);
	cr_assert_not_null(strstr(json, "\"cause\":\"UNAVAILABLE\""), "%s", json);
	cr_assert_not_null(strstr(json, "\"chosen\":\"ollama/"), "%s", json);
	r = state_ask(o, "x", LLM_CALL_EXPLAIN);
	json = llm_result_decision(r, NULL);
	first = strstr(json, "\"latency_us\":");
	cr_assert_not_null(first);
	second = strstr(first + 1, "\"latency_us\":");
	cr_assert_not_null(second);
	/* One has failed and is as unknown as before. */
	cr_assert_eq(strncmp(first + 13, "null", 4) == 0, strncmp(second + 13, "null", 4) != 0,
		"%s", json);
	cr_assert_eq(oracle_close(o), 0);
}

Test(route_state, R_ROUTE_12_after_a_failover_the_same_head_stays_where_it_was_answered)
{
	oracle *o = state_open(STATUS("503", "") WELL WELL WELL,
		TWO_OF("policy = \"affinity\"; policy_options = { sticky = true; };"));
	char text[4000], chosen[40], part[80];
	const char *json;
	const llm_result *r;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	r = state_ask(o, text, 0);
	cr_assert_eq(llm_result_attempt_count(r), 2);
	snprintf(chosen, sizeof(chosen), "%s", answered_by(r));
	r = state_ask(o, text, LLM_CALL_EXPLAIN);
	cr_assert_eq(llm_result_attempt_count(r), 1);
	cr_assert_str_eq(answered_by(r), chosen);
	json = llm_result_decision(r, NULL);
	snprintf(part, sizeof(part), "\"plan\":[\"%s\",", chosen);
	cr_assert_not_null(strstr(json, part), "%s", json);
	cr_assert_not_null(strstr(json, "stays where it was answered"), "%s", json);
	/* Another head goes where it belongs. */
	text[0] = 'y';
	r = state_ask(o, text, LLM_CALL_EXPLAIN);
	cr_assert_null(strstr(llm_result_decision(r, NULL), "stays where"));
	cr_assert_eq(oracle_close(o), 0);
}
