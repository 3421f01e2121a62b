/* "llmctl route": what a policy would do, before anybody is asked. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/run.h"

static const char outcomes[] =
	"# a local model that goes away for a while, and a cloud\n"
	"{\"policy\":\"weighted\",\"seed\":7,\"candidates\":["
	"{\"id\":\"ollama/small\",\"weight\":3,\"ends\":{\"first_token_ms\":100,\"total_ms\":400}},"
	"{\"id\":\"gemini/flash\",\"weight\":1,\"ends\":{\"first_token_ms\":300}}]}\n"
	"{\"at_ms\":0,\"runs\":400,\"every_ms\":10}\n"
	"{\"at_ms\":5000,\"ends\":{\"ollama/small\":{\"error\":\"CONNECTION\"}},\"runs\":10}\n";

static void simulate(const char *text, const char *const *args, run_result *ret)
{
	const char *argv[12] = {"route", "simulate"};
	char *home = run_folder(), path[600];
	size_t n = 2;

	run_folder_put(home, "outcomes.jsonl", text);
	snprintf(path, sizeof(path), "%s/outcomes.jsonl", home);
	for (; args && *args; args++)
		argv[n++] = *args;
	argv[n++] = path;
	argv[n] = NULL;
	run_llmctl(NULL, NULL, argv, ret);
	run_folder_free(home);
}

Test(llmctl_route, simulate_prints_who_would_have_been_asked)
{
	run_result got;

	simulate(outcomes, NULL, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out,
			  "weighted: 410 runs, 410 answered, 0 failed; first token after 100 ms "
			  "(median), 300 ms (p99)\n"),
		"%s", got.out);
	cr_expect(strstr(got.out, "ollama/small\tfirst in 3"), "%s", got.out);
	cr_expect_null(strstr(got.out, "0 ms\t"));
	run_done(&got);
}

Test(llmctl_route, R_ROUTE_6_simulate_says_the_same_each_time)
{
	run_result one, two;

	simulate(outcomes, RUN_LIST("--json", "--plans"), &one);
	simulate(outcomes, RUN_LIST("--json", "--plans"), &two);
	cr_expect(strstr(one.out, "\"schema\":\"llm.simulation/1\""), "%.300s", one.out);
	cr_expect(strstr(one.out, "\"run\":410"));
	cr_expect_str_eq(one.out, two.out);
	run_done(&one);
	run_done(&two);
}

Test(llmctl_route, simulate_takes_another_policy_and_shows_each_run)
{
	run_result got;

	simulate(outcomes, RUN_LIST("--policy", "cost", "--plans"), &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "0 ms\tgemini/flash > ollama/small\t"), "%s", got.out);
	cr_expect(strstr(got.out, "cost: 410 runs"), "%s", got.out);
	run_done(&got);
}

static void expect_refused(const char *text, const char *const *args, const char *why)
{
	run_result got;

	simulate(text, args, &got);
	cr_expect_eq(got.status, 2, "%d", got.status);
	cr_expect(strstr(got.err, why), "%s", got.err);
	cr_expect_str_empty(got.out);
	run_done(&got);
}

#define HEAD "{\"policy\":\"affinity\",\"candidates\":[{\"id\":\"a/b\"}],\"options\":"

Test(llmctl_route, simulate_names_what_is_wrong)
{
	expect_refused(outcomes, RUN_LIST("--policy", "fastest"), "there is no plugin fastest");
	expect_refused(outcomes, RUN_LIST("--policy", "ollama"), "is no policy");
	expect_refused(HEAD "{\"stick\":true}}\n", NULL,
		"policy affinity has no option 'stick' - did you mean 'sticky'?");
	expect_refused(HEAD "{\"sticky\":\"perhaps\"}}\n", NULL,
		"the option sticky has a value that cannot be taken\n");
	expect_refused("{\"candidates\":1}\n", NULL, "outcomes.jsonl:1: candidates has a value");
	expect_refused("{\"options\":{\"x\":1},\"candidates\":[{\"id\":\"a/b\"}]}\n", NULL,
		"policy ordered has no option 'x'");
}

Test(llmctl_route, simulate_without_its_file)
{
	run_result got;

	run_llmctl(NULL, NULL, RUN_LIST("route", "simulate"), &got);
	cr_expect_eq(got.status, 2);
	cr_expect(strstr(got.err, "which file?"), "%s", got.err);
	run_done(&got);
	run_llmctl(NULL, NULL, RUN_LIST("route", "simulate", "/nonesuch"), &got);
	cr_expect_eq(got.status, 3);
	cr_expect(strstr(got.err, "/nonesuch cannot be opened"), "%s", got.err);
	run_done(&got);
	run_llmctl(NULL, "{\"candidates\":[{\"id\":\"a/b\"}]}\n{\"at_ms\":1}\n",
		RUN_LIST("route", "simulate", "-"), &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "ordered: 1 runs, 1 answered"), "%s", got.out);
	run_done(&got);
}
