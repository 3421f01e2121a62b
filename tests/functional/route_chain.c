/* Chains: where a run goes on when a request is too long, or an answer is withheld. */
#include "guard_try.h"
#include "support/route_try.h"

#define SIZES \
	"models = ( { id = \"ollama/small\"; max_input_tokens = 100; }, " \
	"{ id = \"ollama/same\"; max_input_tokens = 100; }, " \
	"{ id = \"ollama/large\"; max_input_tokens = 100000; } );\n"
#define PROFILE(chains) \
	"profiles = { p = { candidates = [ \"ollama/small\", \"ollama/same\" ]; " chains " }; };\n"
#define CONTEXT "fallbacks = { context = [ \"ollama/same\", \"ollama/large\" ]; };"
#define TOO_LONG \
	"accept\nread request\nreply 400 \"Connection: close\" " \
	"\"{\\\"error\\\":\\\"exceeds the available context size\\\"}\"\nclose\n"
#define WELL SAYS(LINE("x") LAST)

static oracle *chain_open(const char *script, const char *config)
{
	static oracle_opts opts;

	opts = (oracle_opts){.mode = ORACLE_LOOP,
		.text = script,
		.config = config,
		.attempts = 1,
		.time = &guard_time,
		.no_healthy = 1};
	return oracle_open(&opts);
}

static const char *candidate(const llm_result *r, uint32_t i)
{
	llm_attempt a = {.struct_size = sizeof(a)};

	return llm_result_attempt(r, i, &a) ? "" : a.candidate;
}

static const llm_result *chain_ask(oracle *o, const char *model, const char *text, uint32_t flags)
{
	const oracle_ask ask = {
		.model = model, .prompt = text, .stream = 1, .limits = {.flags = flags}};

	return llm_call_result(oracle_do(o, &ask)->call);
}

Test(route_chain, R_ROUTE_10_too_long_goes_to_a_larger_one_only)
{
	oracle *o = chain_open(TOO_LONG WELL, SIZES PROFILE(CONTEXT));
	const llm_result *r = chain_ask(o, "p", NULL, 0);

	cr_assert_eq(llm_result_status(r), LLM_STATUS_SUCCEEDED);
	cr_assert_eq(llm_result_attempt_count(r), 2);
	cr_assert_str_eq(candidate(r, 0), "ollama/small");
	cr_assert_str_eq(candidate(r, 1), "ollama/large");
	cr_assert_eq(oracle_close(o), 0);
}

Test(route_chain, R_ROUTE_10_without_a_chain_the_error_is_the_end_and_chains_do_not_nest)
{
	static const char nested[] =
		"fallbacks = { context = [ \"ollama/large\" ]; general = [ \"ok/b\" ]; };";
	static char config[1000];
	const llm_result *r;
	oracle *o;

	o = chain_open(TOO_LONG WELL, SIZES PROFILE(""));
	r = chain_ask(o, "p", NULL, 0);
	cr_assert_eq(llm_result_error(r)->code, LLM_E_CONTEXT_LENGTH_EXCEEDED);
	cr_assert_eq(llm_result_attempt_count(r), 1);
	cr_assert_eq(oracle_close(o), 0);
	snprintf(config, sizeof(config), SIZES PROFILE("%s"), nested);
	o = chain_open(TOO_LONG TOO_LONG WELL, config);
	r = chain_ask(o, "p", NULL, 0);
	cr_assert_eq(llm_result_error(r)->code, LLM_E_CONTEXT_LENGTH_EXCEEDED);
	cr_assert_eq(llm_result_attempt_count(r), 2);
	cr_assert_str_eq(candidate(r, 1), "ollama/large");
	cr_assert_eq(oracle_close(o), 0);
}

static char *long_text(void)
{
	const size_t n = 6000;
	char *text = malloc(n + 1);
	size_t i;

	for (i = 0; i < n; i++)
		text[i] = "word "[i % 5];
	text[n] = '\0';
	return text;
}

Test(route_chain, R_ROUTE_10_R_ROUTE_13_what_is_too_long_for_all_begins_in_the_chain)
{
	char *text = long_text();
	oracle *o = chain_open(WELL, SIZES PROFILE(CONTEXT));
	const llm_result *r = chain_ask(o, "p", text, 0);

	cr_assert_eq(llm_result_status(r), LLM_STATUS_SUCCEEDED);
	cr_assert_eq(llm_result_attempt_count(r), 1);
	cr_assert_str_eq(candidate(r, 0), "ollama/large");
	cr_assert_eq(oracle_close(o), 0);
	free(text);
}

Test(route_chain, R_ROUTE_13_by_more_than_a_tenth_it_is_not_asked)
{
	char *text = long_text();
	char config[400];
	route_try t;
	int i;

	/* About 1200 tokens by the estimate. */
	for (i = 0; i < 2; i++) {
		snprintf(config, sizeof(config),
			"models = ( { id = \"ollama/a\"; max_input_tokens = %d; } );\n"
			"profiles = { p = { candidates = [ \"ollama/a\", \"ollama/b\" ]; }; };\n",
			i ? 1150 : 1000);
		route_open(&t, "%s", config);
		cr_assert_eq(route_plan_of(&t, "p", text, 0), 0, "%s", t.err.message);
		/* The other's window is not known. */
		route_has(
			&t, i ? "\"plan\":[\"ollama/a\",\"ollama/b\"]" : "\"plan\":[\"ollama/b\"]");
		cr_assert_eq(route_plan_of(&t, "ollama/a", text, 0),
			i ? 0 : LLM_E_CONTEXT_LENGTH_EXCEEDED);
		route_close(&t);
	}
	free(text);
}

Test(route_chain, R_ROUTE_13_a_sole_candidate_is_not_asked_either)
{
	char *text = long_text();
	oracle *o = chain_open(WELL, SIZES);
	const llm_result *r = chain_ask(o, "ollama/small", text, 0);

	cr_assert_eq(llm_result_error(r)->code, LLM_E_CONTEXT_LENGTH_EXCEEDED);
	cr_assert_eq(llm_result_attempt_count(r), 0);
	cr_assert_eq(oracle_close(o), 0);
	free(text);
}

#define BUSY STATUS("503", "")
#define PINNED \
	"default_profile = \"p\";\nprofiles = { p = { candidates = [ \"ollama/a\", \"ok/b\" ]; " \
	"%s }; };\nmax_attempts = 1;\n"

Test(route_chain, R_ROUTE_11_one_that_is_named_has_fallbacks_only_where_wanted)
{
	static const struct {
		const char *more;
		uint32_t flags;
		uint32_t attempts;
	} rows[] = {{"", 0, 1}, {"", LLM_CALL_FALLBACKS, 2}, {"pinned_fallbacks = true;", 0, 2},
		{"pinned_fallbacks = true;", LLM_CALL_NO_FALLBACKS, 1}};
	static char config[1000];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const llm_result *r;
		oracle *o;

		snprintf(config, sizeof(config), PINNED, rows[i].more);
		o = chain_open(BUSY WELL, config);
		r = chain_ask(o, "ollama/pinned", NULL, rows[i].flags);
		cr_expect_eq(llm_result_attempt_count(r), rows[i].attempts, "row %zu: %u", i,
			llm_result_attempt_count(r));
		cr_expect_str_eq(candidate(r, 0), "ollama/pinned");
		if (rows[i].attempts == 2)
			cr_expect_str_eq(candidate(r, 1), "ollama/a");
		cr_expect_eq(oracle_close(o), 0);
	}
}

Test(route_chain, R_ROUTE_11_without_fallbacks_one_candidate_is_left)
{
	static char config[1000];
	const llm_result *r;
	oracle *o;

	snprintf(config, sizeof(config), PINNED, "");
	o = chain_open(BUSY WELL, config);
	r = chain_ask(o, "p", NULL, LLM_CALL_NO_FALLBACKS);
	cr_assert_eq(llm_result_attempt_count(r), 1);
	cr_assert_eq(llm_result_error(r)->code, LLM_E_UNAVAILABLE);
	cr_assert_eq(oracle_close(o), 0);
}
