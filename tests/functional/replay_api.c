/* A plan made again from its record (llm/explain.h): R-ROUTE-14. */
#include "llm/explain.h"
#include "support/failalloc.h"
#include "support/route_try.h"

#define PROFILES \
	"providers = { ollama = { base_url = \"http://127.0.0.1:9\"; }; };\n" \
	"models = ( { id = \"ollama/a\"; capabilities = { tools = \"no\"; }; }, " \
	"{ id = \"ollama/b\"; price = { input = \"1\"; output = \"2\"; }; } );\n" \
	"profiles = {\n" \
	"  weighted = { policy = \"weighted\"; candidates = [ \"ollama/a\", \"ollama/b\", " \
	"\"ollama/c\" ]; weights = [ 3, 2, 1 ]; };\n" \
	"  least_busy = { policy = \"least_busy\"; candidates = [ \"ollama/a\", \"ollama/b\" ]; };\n" \
	"  latency = { policy = \"latency\"; candidates = [ \"ollama/a\", \"ollama/b\" ]; };\n" \
	"  cost = { policy = \"cost\"; candidates = [ \"ollama/a\", \"ollama/b\" ];\n" \
	"    policy_options = { expected_output_tokens = %s; }; };\n" \
	"  affinity = { policy = \"affinity\"; candidates = [ \"ollama/a\", \"ollama/b\" ]; };\n" \
	"  ordered = { candidates = [ \"ollama/b\", \"ollama/a\" ]; };\n" \
	"};\n"

static const char *const names[] = {
	"ordered", "weighted", "least_busy", "latency", "cost", "affinity"};

/* The record of one plan, as text of the test's own. */
static char *record_of(const char *config, const char *more, const char *model, uint32_t flags)
{
	route_try t;
	char *copy;

	route_open(&t, config, more);
	cr_assert_eq(route_plan_of(&t, model, "hello", flags), 0, "%s", t.err.message);
	copy = strdup(t.json);
	cr_assert_not_null(copy);
	cr_assert(copy[0], "%s has no decision", model);
	route_close(&t);
	return copy;
}

static llm_service_opts opts_of(const char *config)
{
	llm_service_opts o = LLM_SERVICE_OPTS_INIT;

	o.flags = LLM_SERVICE_NO_ENV;
	o.config_text = config;
	o.plugin_dir = TEST_BINARY_DIR "/plugins";
	return o;
}

/* What comes of it, or the code with err->message. */
static int32_t replay(const char *config, const char *record, llm_replay **ret, llm_err *err)
{
	const llm_service_opts o = opts_of(config);

	*err = (llm_err)LLM_ERR_INIT;
	*ret = NULL;
	return llm_replay_new(&o, record, strlen(record), ret, err);
}

static void refused(const char *config, const char *record, int32_t code, const char *why)
{
	llm_replay *r;
	llm_err err;

	cr_expect_eq(replay(config, record, &r, &err), code, "%s", err.message);
	cr_expect(strstr(err.message, why), "\"%s\" is not in: %s", why, err.message);
	cr_expect_null(r);
}

/* With `part` changed to `other`, which is as long. */
static char *changed(const char *record, const char *part, const char *other)
{
	char *copy = strdup(record), *at = strstr(copy, part);

	cr_assert_not_null(at, "%s is not in %s", part, record);
	cr_assert_eq(strlen(part), strlen(other));
	memcpy(at, other, strlen(other));
	return copy;
}

Test(replay_api, R_ROUTE_14_each_policy_makes_the_same_plan_again_byte_for_byte)
{
	char config[3000];
	llm_replay *r;
	llm_err err;
	size_t i, len = 0;

	snprintf(config, sizeof(config), PROFILES, "7");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *record = record_of(PROFILES, "7", names[i], 0);

		cr_assert_eq(replay(config, record, &r, &err), 0, "%s: %s", names[i], err.message);
		cr_expect_str_eq(llm_replay_decision(r, &len), record);
		cr_expect_eq(len, strlen(record));
		llm_replay_free(r);
		free(record);
	}
}

Test(replay_api, R_ROUTE_14_options_and_configuration_are_those_of_now)
{
	char *record = record_of(PROFILES, "7", "cost", 0), config[3000];
	llm_replay *r;
	llm_err err;

	snprintf(config, sizeof(config), PROFILES, "70");
	cr_assert_eq(replay(config, record, &r, &err), 0, "%s", err.message);
	cr_expect_str_neq(llm_replay_decision(r, NULL), record);
	cr_expect(strstr(llm_replay_decision(r, NULL), "for 75 tokens"), "%s",
		llm_replay_decision(r, NULL));
	llm_replay_free(r);
	/* Without the profile, or where it goes by another policy, there are no options. */
	cr_assert_eq(replay("", record, &r, &err), 0, "%s", err.message);
	cr_expect(strstr(llm_replay_decision(r, NULL), "for 261 tokens"), "%s",
		llm_replay_decision(r, NULL));
	llm_replay_free(r);
	cr_assert_eq(replay("profiles = { cost = { candidates = [ \"ollama/z\" ]; }; };", record,
			     &r, &err),
		0, "%s", err.message);
	cr_expect(strstr(llm_replay_decision(r, NULL), "for 261 tokens"));
	llm_replay_free(r);
	snprintf(config, sizeof(config), PROFILES, "\"many\"");
	refused(config, record, LLM_E_CONFIG, "expected_output_tokens");
	free(record);
}

Test(replay_api, R_ROUTE_14_nobody_left_is_made_again_too)
{
	char config[3000];
	llm_replay *r;
	llm_request *rq;
	llm_err err;
	route_try t;

	snprintf(config, sizeof(config), PROFILES, "7");
	route_open(&t, PROFILES, "7");
	rq = route_request("ollama/a", "x");
	cr_assert_eq(llm_request_tool(rq, "f", "does", NULL, 0), 0);
	cr_assert_eq(route_plan_rq(&t, rq, 0), LLM_E_UNSUPPORTED, "%s", t.err.message);
	route_has(&t, "\"profile\":null");
	route_has(&t, "\"plan\":[]");
	cr_assert_eq(replay(config, t.json, &r, &err), 0, "%s", err.message);
	cr_expect_str_eq(llm_replay_decision(r, NULL), t.json);
	llm_replay_free(r);
	route_close(&t);
}

/* What was not followed then is not asked again. */
Test(replay_api, R_ROUTE_14_a_refused_policy_stays_refused)
{
	char *record = record_of(PROFILES, "7", "latency", 0);
	char *was = changed(record, "\"followed\":\"latency\",\"refused\":null",
		"\"followed\":\"ordered\",\"refused\":\"no\"");
	llm_replay *r;
	llm_err err;

	cr_assert_eq(replay("", was, &r, &err), 0, "%s", err.message);
	cr_expect(strstr(llm_replay_decision(r, NULL),
			  "\"policy\":\"latency\",\"followed\":\"ordered\",\"refused\":\"no\""),
		"%s", llm_replay_decision(r, NULL));
	cr_expect(strstr(llm_replay_decision(r, NULL), "place 1 of the profile"));
	llm_replay_free(r);
	free(record);
	free(was);
}

Test(replay_api, R_ROUTE_14_of_many_candidates_there_is_nothing_to_make_it_of)
{
	char config[1200] = "profiles = { p = { candidates = [ \"ollama/m0\"", *record;
	size_t i;

	for (i = 1; i <= 16; i++)
		snprintf(config + strlen(config), sizeof(config) - strlen(config),
			", \"ollama/m%zu\"", i);
	strncat(config, " ]; }; };", sizeof(config) - strlen(config) - 1);
	record = record_of("%s", config, "p", 0);
	cr_expect(strstr(record, "\"replayable\":false"), "%s", record);
	refused(config, record, LLM_E_UNSUPPORTED, "more than 16 candidates");
	free(record);
}

Test(replay_api, R_ROUTE_14_a_policy_that_is_gone_is_named)
{
	char *record = record_of(PROFILES, "7", "weighted", 0), *at = record, *gone;

	gone = changed(record, "\"policy\":\"weighted\"", "\"policy\":\"heighted\"");
	refused("", gone, LLM_E_PLUGIN,
		"the run was planned by heighted, which is no policy that can be had now\n");
	free(gone);
	gone = changed(record, "\"policy\":\"weighted\"", "\"policy\": \"gemini\" ");
	refused("", gone, LLM_E_PLUGIN, "is not the policy gemini");
	free(gone);
	free(at);
}

Test(replay_api, R_ROUTE_14_what_is_no_record_is_refused)
{
	static const struct {
		const char *record;
		const char *why;
	} rows[] = {
		{"", "it is not one JSON object"},
		{"[]", "it is not one JSON object"},
		{"{\"schema\":\"llm.decision/1\"", "it is not one JSON object"},
		{"{\"schema\":\"llm.decision/1\"} x", "it is not one JSON object"},
		{"{}", "its schema is not llm.decision/1"},
		{"{\"schema\":1}", "its schema is not llm.decision/1"},
		{"{\"schema\":\"llm.plan/1\"}", "its schema is not llm.decision/1"},
		{"{\"schema\":\"llm.decision/1\"}", "it has no plan"},
		{"{\"schema\":\"llm.decision/1\",\"plan\":null}", "it has no plan"},
		{"{\"schema\":\"llm.decision/1\",\"plan\":{}}", "its plan lacks policy"},
		{"{\"schema\":\"llm.decision/1\",\"plan\":{\"policy\":\"ordered\"}}",
			"its plan lacks policy"},
		{"{\"schema\":\"llm.decision/1\",\"plan\":{\"policy\":\"a\",\"followed\":\"a\"}}",
			"its plan lacks policy"},
		{"{\"schema\":\"llm.decision/1\",\"plan\":{\"frozen\":\"*\"}}",
			"its snapshot is not base64"},
		{"{\"schema\":\"llm.decision/1\",\"plan\":{\"policy\":\"a\",\"followed\":\"a\","
		 "\"snapshot\":\"0\",\"frozen\":\"AAAA\"}}",
			"these bytes are no snapshot"},
		{"{\"schema\":\"llm.decision/1\",\"plan\":{\"policy\":\"a\",\"followed\":\"a\","
		 "\"snapshot\":\"0\",\"frozen\":\"\"}}",
			"these bytes are no snapshot"},
	};
	char *record = record_of(PROFILES, "7", "ordered", 0), *at;
	llm_replay *r = NULL;
	llm_err err = LLM_ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused("", rows[i].record, LLM_E_INVALID_REQUEST, rows[i].why);
	at = strstr(record, "\"snapshot\":\"") + 12;
	*at = *at == '0' ? '1' : '0';
	refused("", record, LLM_E_INVALID_REQUEST, "not the one that its hash names");
	free(record);
	cr_expect_eq(llm_replay_new(NULL, "{}", 2, NULL, &err), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_replay_new(NULL, NULL, 2, &r, NULL), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_replay_new(NULL, NULL, 0, &r, &err), LLM_E_INVALID_REQUEST);
	cr_expect_null(r);
	refused("polisy = 1;", "{}", LLM_E_INVALID_REQUEST, "its schema");
	llm_replay_free(NULL);
}

Test(replay_api, R_ROUTE_14_the_configuration_that_it_reads_is_checked)
{
	char *record = record_of(PROFILES, "7", "cost", 0);

	refused("polisy = 1;", record, LLM_E_CONFIG, "polisy");
	free(record);
}

static int play(failalloc *fa, void *arg)
{
	llm_service_opts o = opts_of("");
	llm_err err = LLM_ERR_INIT;
	llm_replay *r = NULL;
	const char *record = arg;
	int32_t rc;

	o.allocator = &fa->hook;
	rc = llm_replay_new(&o, record, strlen(record), &r, &err);
	if (!rc && strcmp(llm_replay_decision(r, NULL), record) != 0)
		rc = LLM_E_INTERNAL;
	if (rc && (r || !err.message[0]))
		rc = LLM_E_INTERNAL;
	llm_replay_free(r);
	return rc == LLM_E_NOMEM ? 0 : rc;
}

Test(replay_api, every_allocation_fails_once_and_for_ever)
{
	char *record = record_of(PROFILES, "256", "cost", 0);

	cr_expect_eq(failalloc_sweep(play, record), 0);
	free(record);
}
