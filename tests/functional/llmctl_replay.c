/* "llmctl route explain --run ID": a recorded run as it was planned then. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "support/run.h"
#include "support/sim.h"

#define CONFIG \
	"providers = { ollama = { base_url = \"%s\"; }; };\n" \
	"profiles = { p = { policy = \"weighted\"; candidates = [ \"ollama/sim-small\", " \
	"\"ollama/sim-large\" ]; weights = [ %s ]; }; };\n" \
	"default_profile = \"p\";\n"

/* An account with a configuration and an upstream. */
typedef struct account {
	sim *s;
	char *home;
	char config[600];
} account;

static void put_config(account *a, const char *weights)
{
	char text[1000];

	snprintf(text, sizeof(text), CONFIG, sim_url(a->s), weights);
	run_folder_put(a->home, "llm.conf", text);
}

static void account_new(account *a)
{
	a->s = sim_start(RUN_LIST("--say", "All is well."));
	a->home = run_folder();
	snprintf(a->config, sizeof(a->config), "%s/llm.conf", a->home);
	put_config(a, "3, 1");
}

static void account_end(account *a)
{
	run_folder_free(a->home);
	sim_stop(a->s);
}

static void run_in(const account *a, const char *const *args, run_result *ret)
{
	const char *argv[32] = {LLMCTL};
	run_opts o = {.home = a->home, .records = true};
	size_t n = 0;

	for (; args[n] && n < 26; n++)
		argv[n + 1] = args[n];
	argv[n + 1] = "-c";
	argv[n + 2] = a->config;
	run_program(argv, &o, ret);
}

#define RUN(a, r, ...) run_in(a, RUN_LIST(__VA_ARGS__), r)

/* Its id, of `cap` bytes. */
static void last_run(const account *a, char *id, size_t cap)
{
	run_result r;
	json_t *o;

	RUN(a, &r, "runs", "list", "--json");
	o = json_loads(r.out, 0, NULL);
	snprintf(id, cap, "%s",
		json_string_value(
			json_object_get(json_array_get(json_object_get(o, "runs"), 0), "id")));
	json_decref(o);
	run_done(&r);
}

Test(llmctl_replay, R_ROUTE_14_the_same_is_printed_as_then)
{
	char id[64], *then;
	run_result r;
	account a;

	account_new(&a);
	RUN(&a, &r, "ask", "--explain", "why");
	cr_assert_eq(r.status, 0, "%s", r.err);
	then = strdup(strstr(r.err, "profile p, policy weighted"));
	run_done(&r);
	last_run(&a, id, sizeof(id));
	RUN(&a, &r, "route", "explain", "--run", id);
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect_str_eq(r.out, then);
	cr_expect_str_eq(r.err, "");
	run_done(&r);
	free(then);
	account_end(&a);
}

Test(llmctl_replay, R_ROUTE_14_as_json_it_is_the_record)
{
	json_t *shown, *replayed;
	run_result r, two;
	char id[64];
	account a;

	account_new(&a);
	RUN(&a, &r, "ask", "why");
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	last_run(&a, id, sizeof(id));
	RUN(&a, &r, "runs", "show", id, "--json");
	RUN(&a, &two, "route", "explain", "--run", id, "--json", "--workspace", "default");
	cr_expect_eq(two.status, 0, "%s", two.err);
	shown = json_loads(r.out, 0, NULL);
	replayed = json_loads(two.out, 0, NULL);
	cr_assert_not_null(replayed, "%s", two.out);
	cr_expect(json_equal(
		replayed, json_object_get(json_object_get(shown, "run"), "decision_json")));
	cr_expect_str_eq(json_string_value(json_object_get(replayed, "run_id")), id);
	json_decref(shown);
	json_decref(replayed);
	run_done(&r);
	run_done(&two);
	account_end(&a);
}

/* Weights are part of the snapshot, so they are those of then; another policy is told. */
Test(llmctl_replay, R_ROUTE_14_what_has_changed_since_is_told)
{
	char id[64], text[1000];
	run_result r;
	account a;

	account_new(&a);
	RUN(&a, &r, "ask", "why");
	run_done(&r);
	last_run(&a, id, sizeof(id));
	put_config(&a, "1, 300");
	RUN(&a, &r, "route", "explain", "--run", id);
	cr_expect_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	snprintf(text, sizeof(text),
		"providers = { ollama = { base_url = \"%s\"; }; };\n"
		"profiles = { p = { policy = \"cost\"; policy_options = { "
		"expected_output_tokens = %d; }; candidates = [ \"ollama/sim-small\" ]; }; };\n"
		"default_profile = \"p\";\n"
		"models = ( { id = \"ollama/sim-small\"; price = { input = \"1\"; output = \"1\"; "
		"}; } );\n",
		sim_url(a.s), 7);
	run_folder_put(a.home, "llm.conf", text);
	RUN(&a, &r, "ask", "why");
	cr_expect_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	last_run(&a, id, sizeof(id));
	*strstr(text, "= 7") = '=';
	strstr(text, "= 7")[2] = '8';
	run_folder_put(a.home, "llm.conf", text);
	RUN(&a, &r, "route", "explain", "--run", id);
	cr_expect_eq(r.status, 1);
	cr_expect(strstr(r.err, "the record differs (its order is ollama/sim-small)"), "%s", r.err);
	cr_expect(strstr(r.out, "for 13 tokens"), "%s", r.out);
	run_done(&r);
	account_end(&a);
}

static void expect_refused(const account *a, const char *const *args, int status, const char *why)
{
	run_result r;

	run_in(a, args, &r);
	cr_expect_eq(r.status, status, "%s", r.err);
	cr_expect(strstr(r.err, why), "no \"%s\" in: %s", why, r.err);
	cr_expect_str_eq(r.out, "");
	run_done(&r);
}

Test(llmctl_replay, R_ROUTE_14_what_cannot_be_explained_says_why)
{
	static const char none[] = "01900000-0000-7000-8000-000000000001";
	run_result r;
	account a;

	account_new(&a);
	expect_refused(&a, RUN_LIST("route", "explain", "--run", none), 3,
		"workspace default has no run 01900000");
	expect_refused(&a, RUN_LIST("route", "explain", "--run", "x", "-m", "ollama/b"), 2,
		"no question and no option of a request goes with it");
	expect_refused(&a, RUN_LIST("route", "explain", "--run", "x", "Why?"), 2,
		"no question and no option");
	expect_refused(&a, RUN_LIST("route", "explain", "--run", "x", "--workspace", "a b"), 2,
		"--workspace a b is no workspace");
	expect_refused(&a, RUN_LIST("route", "explain", "--run", ""), 2, "--run");
	RUN(&a, &r, "route", "explain", "--run", none, "--json");
	cr_expect_eq(r.status, 3);
	cr_expect(strstr(r.out, "\"NOT_FOUND\""), "%s", r.out);
	run_done(&r);
	account_end(&a);
}
