/* llm_simulate as a host calls it: what it refuses, its options, and a lack of memory. */
#include <criterion/criterion.h>
#include <string.h>

#include "llm/llm.h"
#include "llm/simulate.h"
#include "support/failalloc.h"

#define CANDIDATES "\"candidates\":[{\"id\":\"a/x\"},{\"id\":\"b/y\"}]}\n"
#define RUNS "{\"at_ms\":0,\"runs\":4,\"every_ms\":10,\"head\":\"h\"}\n"
#define OF(policy, options) "{\"policy\":\"" policy "\",\"options\":{" options "}," CANDIDATES RUNS

static llm_service_opts usual(void)
{
	llm_service_opts o = LLM_SERVICE_OPTS_INIT;

	o.flags = LLM_SERVICE_NO_ENV;
	o.plugin_dir = TEST_BINARY_DIR "/plugins";
	return o;
}

static void refused(const char *text, const llm_simulate_opts *how, const char *why)
{
	const llm_service_opts o = usual();
	llm_err err = LLM_ERR_INIT;
	llm_simulation *s = NULL;

	cr_expect_neq(llm_simulate(&o, text, strlen(text), how, &s, &err), 0, "%s", text);
	cr_expect(strstr(err.message, why), "of %s\n  %s", text, err.message);
	cr_expect_null(s);
}

static void expect_report(const char *text, const llm_simulate_opts *how, const char *part)
{
	const llm_service_opts o = usual();
	llm_err err = LLM_ERR_INIT;
	llm_simulation *s = NULL;
	const char *json;
	size_t len = 0;

	cr_assert_eq(llm_simulate(&o, text, strlen(text), how, &s, &err), 0, "%s", err.message);
	json = llm_simulation_json(s, &len);
	cr_expect_eq(strlen(json), len);
	cr_expect_str_eq(llm_simulation_json(s, NULL), json);
	cr_expect(strstr(json, part), "no %s in %s", part, json);
	llm_simulation_free(s);
}

Test(simulate_api, arguments_that_are_missing)
{
	const llm_service_opts o = usual();
	llm_err err = LLM_ERR_INIT;
	llm_simulation *s = NULL;

	cr_expect_eq(llm_simulate(&o, "{}", 2, NULL, NULL, &err), LLM_E_INVALID_REQUEST);
	cr_expect(strstr(err.message, "a place for its report"), "%s", err.message);
	cr_expect_eq(llm_simulate(&o, NULL, 2, NULL, &s, NULL), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_simulate(&o, NULL, 0, NULL, &s, &err), LLM_E_INVALID_REQUEST);
	cr_expect(strstr(err.message, "outcomes:0: there is no line"), "%s", err.message);
	cr_expect_eq(llm_simulate(NULL, "{", 1, NULL, &s, &err), LLM_E_INVALID_REQUEST);
	cr_expect(strstr(err.message, "outcomes:1: "), "%s", err.message);
	cr_expect_null(s);
	llm_simulation_free(NULL);
}

Test(simulate_api, the_caller_names_text_and_policy)
{
	llm_simulate_opts how = LLM_SIMULATE_OPTS_INIT;

	how.name = "mine.jsonl";
	refused("{", &how, "mine.jsonl:1: ");
	how.policy = "ordered";
	expect_report(OF("latency", ""), &how, "\"policy\":\"ordered\"");
	how.policy = "no_such_policy";
	refused(OF("latency", ""), &how, "no_such_policy");
}

Test(simulate_api, options_of_a_policy)
{
	refused(OF("ordered", "\"sticky\":true"), NULL,
		"outcomes: policy ordered has no option 'sticky'");
	refused(OF("latency", "\"a\":1"), NULL, "policy latency has no option 'a'");
	refused(OF("affinity", "\"stiky\":true"), NULL,
		"has no option 'stiky' - did you mean 'sticky'?");
	refused(OF("affinity", "\"zzzzzzzzzz\":true"), NULL, "has no option 'zzzzzzzzzz'");
	refused(OF("affinity", "\"sticky_ms\":\"soon\""), NULL,
		"the option sticky_ms has a value that cannot be taken\nexpected: ");
	refused(OF("cost", "\"expected_output_tokens\":true"), NULL,
		"the option expected_output_tokens has a value");
	expect_report(OF("affinity", "\"sticky\":true,\"sticky_ms\":\"5s\""), NULL,
		"\"policy\":\"affinity\"");
	expect_report(OF("cost", "\"expected_output_tokens\":7"), NULL, "\"answered\":4");
	expect_report(OF("weighted", ""), NULL, "\"runs\":4");
}

Test(simulate_api, a_configuration_that_is_wrong)
{
	llm_service_opts o = usual();
	llm_err err = LLM_ERR_INIT;
	llm_simulation *s = NULL;

	o.config_text = "deadlin = 5;";
	cr_expect_eq(llm_simulate(&o, OF("ordered", ""), strlen(OF("ordered", "")), NULL, &s, &err),
		LLM_E_CONFIG);
	cr_expect(strstr(err.message, "deadlin"), "%s", err.message);
	cr_expect_null(s);
}

Test(simulate_api, a_policy_that_stays_with_who_answered)
{
	static const char text[] =
		"{\"policy\":\"affinity\",\"options\":{\"sticky\":true}," CANDIDATES
		"{\"at_ms\":0,\"head\":\"h\",\"ends\":{\"a/x\":{\"error\":\"CONNECTION\"},"
		"\"b/y\":{\"error\":\"CONNECTION\"}}}\n"
		"{\"at_ms\":50,\"head\":\"h\",\"ends\":{\"a/x\":{\"total_ms\":5}}}\n"
		"{\"at_ms\":99,\"runs\":3,\"every_ms\":9,\"head\":\"h\"}\n";

	expect_report(text, NULL, "\"runs\":5,\"answered\":4,\"failed\":1");
}

static int play(failalloc *fa, void *arg)
{
	llm_service_opts o = usual();
	llm_err err = LLM_ERR_INIT;
	llm_simulation *s = NULL;
	const char *text = arg;
	int32_t rc;

	o.allocator = &fa->hook;
	rc = llm_simulate(&o, text, strlen(text), NULL, &s, &err);
	if (!rc && !strstr(llm_simulation_json(s, NULL), "\"answered\":4"))
		rc = LLM_E_INTERNAL;
	if (rc && (s || !err.message[0]))
		rc = LLM_E_INTERNAL;
	llm_simulation_free(s);
	return rc == LLM_E_NOMEM ? 0 : rc;
}

Test(simulate_api, every_allocation_fails_once_and_for_ever)
{
	char in_order[] = OF("ordered", ""), stays[] = OF("affinity", "\"sticky\":true");

	cr_expect_eq(failalloc_sweep(play, in_order), 0);
	cr_expect_eq(failalloc_sweep(play, stays), 0);
}
