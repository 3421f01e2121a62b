/* "llmctl route": what a policy would do, before anybody is asked. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/run.h"
#include "support/sim.h"

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

/* ---- explain, dry-run, capabilities: with an upstream that must not be asked ---- */

#define CONF \
	"providers = { ollama = { base_url = \"%s\"; };\n" \
	"  cloud = { plugin = \"gemini\"; base_url = \"%s\"; api_key = \"env:CLOUD_KEY\";\n" \
	"    locality = \"cloud\"; }; };\n" \
	"models = ( { id = \"ollama/first\"; capabilities = { vision = \"no\"; }; } );\n" \
	"profiles = { both = { candidates = [ \"ollama/first\", \"cloud/second\" ]; };\n" \
	"  here = { candidates = [ \"cloud/second\" ]; require = { locality = \"local\"; }; }; };\n"
#define SECRET "a-key-that-nobody-may-see-123456"

static size_t requests; /* that the upstream saw */

static void with_upstream(const char *const *args, run_result *ret)
{
	static const char *const env[] = {"CLOUD_KEY=" SECRET, NULL};
	const char *argv[16] = {LLMCTL};
	sim *s = sim_start(RUN_LIST("--models", "first,second"));
	char *home = run_folder(), conf[900], path[600];
	const run_opts opts = {.env = env};
	size_t n = 1;

	snprintf(conf, sizeof(conf), CONF, sim_url(s), sim_url(s));
	run_folder_put(home, "llm.conf", conf);
	run_folder_put(home, "photo.png", "\x89PNG\r\n\x1a\n");
	snprintf(path, sizeof(path), "%s/llm.conf", home);
	while (*args)
		argv[n++] = *args++;
	argv[n++] = "-c";
	argv[n++] = path;
	argv[n] = NULL;
	run_program(argv, &opts, ret);
	requests = 0;
	for (const char *at = sim_log_text(s); (at = strstr(at, "\"method\"")); at++)
		requests++;
	cr_expect_null(strstr(ret->out, SECRET), "%s", ret->out);
	cr_expect_null(strstr(ret->err, SECRET), "%s", ret->err);
	run_folder_free(home);
	sim_stop(s);
}

Test(llmctl_route, R_ROUTE_14_explain_shows_the_plan_and_asks_nobody)
{
	run_result got;

	with_upstream(RUN_LIST("route", "explain", "-p", "both"), &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_str_eq(got.out,
		"profile both, policy ordered, about 5 tokens\n"
		"1\tollama/first\tclosed\tlocal\tscore 0\tplace 1 of the profile\n"
		"2\tcloud/second\tclosed\tcloud\tscore -1\tplace 2 of the profile\n");
	cr_expect_eq(requests, 0);
	run_done(&got);
}

Test(llmctl_route, R_ROUTE_14_explain_says_who_was_left_out_and_why)
{
	run_result got;

	with_upstream(RUN_LIST("route", "explain", "-p", "both", "--local-only"), &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "-\tcloud/second\tclosed\tcloud\t-\tremoved: not local\n"), "%s",
		got.out);
	run_done(&got);
	with_upstream(RUN_LIST("route", "explain", "-p", "here", "--json"), &got);
	cr_expect_eq(got.status, 6, "%d", got.status);
	cr_expect(strstr(got.err, "NO_CANDIDATE"), "%s", got.err);
	cr_expect(strstr(got.out, "\"removed\":\"not local\""), "%s", got.out);
	cr_expect_eq(requests, 0);
	run_done(&got);
}

Test(llmctl_route, R_ROUTE_14_explain_in_json_is_the_record_without_the_prompt)
{
	run_result got;

	with_upstream(RUN_LIST("route", "explain", "-p", "both", "--json", "-s", "unheard-of",
			      "a word of the prompt"),
		&got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "{\"schema\":\"llm.decision/1\""), "%s", got.out);
	cr_expect(strstr(got.out, "\"plan\":[\"ollama/first\",\"cloud/second\"]"), "%s", got.out);
	cr_expect_null(strstr(got.out, "unheard-of"));
	cr_expect_null(strstr(got.out, "a word of the prompt"));
	cr_expect_eq(requests, 0);
	run_done(&got);
}

Test(llmctl_route, R_ROUTE_14_ask_explains_itself_when_told_to)
{
	run_result got;

	with_upstream(RUN_LIST("ask", "--explain", "-p", "both", "Why?"), &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.err, "1\tollama/first\t"), "%s", got.err);
	cr_expect(strstr(got.err, "answered: ollama/first\n"), "%s", got.err);
	cr_expect_null(strstr(got.out, "profile both"));
	run_done(&got);
	with_upstream(RUN_LIST("ask", "--explain", "--json", "-p", "both", "Why?"), &got);
	cr_expect(strstr(got.out, "\"decision\":{\"schema\":\"llm.decision/1\""), "%s", got.out);
	cr_expect(strstr(got.out, "\"chosen\":\"ollama/first\""), "%s", got.out);
	run_done(&got);
}

Test(llmctl_route, dry_run_prints_the_request_without_secrets_and_sends_nothing)
{
	run_result got;

	with_upstream(RUN_LIST("ask", "--dry-run", "-m", "cloud/second", "-o", "temperature=0",
			      "Why is it blue?"),
		&got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "> POST\n"), "%s", got.out);
	cr_expect(strstr(got.out, "/v1beta/models/second:streamGenerateContent"), "%s", got.out);
	cr_expect(strstr(got.out, "x-goog-api-key: [redacted]"), "%s", got.out);
	cr_expect(strstr(got.out, "Why is it blue?"), "%s", got.out);
	cr_expect(strstr(got.out, "\"temperature\":0"), "%s", got.out);
	cr_expect_str_empty(got.err);
	cr_expect_eq(requests, 0);
	run_done(&got);
	with_upstream(RUN_LIST("ask", "--dry-run", "--json", "-p", "both", "Why?"), &got);
	cr_expect(strstr(got.out, "\"request\":\"> POST\\n"), "%s", got.out);
	cr_expect(strstr(got.out, "\"source\":null"), "%s", got.out);
	cr_expect_eq(requests, 0);
	run_done(&got);
}

Test(llmctl_route, explain_wants_somebody_to_plan_for)
{
	run_result got;

	run_llmctl(NULL, NULL, RUN_LIST("route", "explain"), &got);
	cr_expect_eq(got.status, 2);
	cr_expect(
		strstr(got.err, "no model is named, and no profile is configured"), "%s", got.err);
	run_done(&got);
	with_upstream(RUN_LIST("route", "explain", "-p", "bth"), &got);
	cr_expect_eq(got.status, 2);
	cr_expect(strstr(got.err, "did you mean \"both\"?"), "%s", got.err);
	run_done(&got);
}

Test(llmctl_route, R_ROUTE_3_capabilities_say_who_says_so)
{
	run_result got;

	with_upstream(RUN_LIST("models", "ollama/first", "--capabilities"), &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "ollama/first\tvision\tno\tconfiguration\n"), "%s", got.out);
	cr_expect(strstr(got.out, "ollama/first\ttools\tyes\tprovider\n"), "%s", got.out);
	cr_expect(strstr(got.out, "ollama/first\tmax_input_tokens\t"), "%s", got.out);
	run_done(&got);
	with_upstream(RUN_LIST("models", "ollama", "--capabilities", "--json"), &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "\"vision\":{\"value\":\"yes\",\"source\":\"provider\"}"), "%s",
		got.out);
	cr_expect(strstr(got.out, "\"name\":\"second:latest\""), "%s", got.out);
	run_done(&got);
	with_upstream(RUN_LIST("models", "nonesuch/first", "--capabilities"), &got);
	cr_expect_neq(got.status, 0);
	cr_expect(strstr(got.err, "nonesuch"), "%s", got.err);
	run_done(&got);
}

Test(llmctl_route, R_ROUTE_7_a_user_is_drawn_alike_and_other_users_are_not)
{
	static const char config[] =
		"profiles = { p = { policy = \"weighted\"; candidates = [ \"ollama/a\", "
		"\"ollama/b\" ]; weights = [ 50, 50 ]; split_by = \"user\"; }; };\n";
	char *home = run_folder(), path[600], user[20], first[2][400];
	size_t i, seen_b = 0;
	run_result r;

	run_folder_put(home, "llm.conf", config);
	snprintf(path, sizeof(path), "%s/llm.conf", home);
	for (i = 0; i < 12; i++) {
		snprintf(user, sizeof(user), "user-%zu", i / 2);
		run_llmctl(NULL, NULL,
			RUN_LIST("route", "explain", "-c", path, "-p", "p", "--user", user), &r);
		cr_assert_eq(r.status, 0, "%s", r.err);
		snprintf(first[i % 2], sizeof(first[0]), "%s", r.out);
		seen_b += strstr(r.out, "1\tollama/b\t") != NULL;
		run_done(&r);
		if (i % 2)
			cr_expect_str_eq(first[0], first[1]);
	}
	cr_expect(seen_b > 0 && seen_b < 12, "%zu of 12", seen_b);
	run_folder_free(home);
}
