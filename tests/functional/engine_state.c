/* What a provider says of its models: what they can do, and which of them are in memory. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/sim.h"
#include "support/talk.h"

#define MODELS "a:latest,b:latest,plain:latest=completion,seer:latest=completion+vision+tools"
#define PS "\"path\":\"/api/ps\""

typedef struct engine {
	talk t;
	sim *up;
	char *loaded;
	char config[1200];
} engine;

static void say_loaded(const engine *e, const char *names)
{
	FILE *f = fopen(e->loaded, "w");

	cr_assert_not_null(f);
	fputs(names, f);
	fclose(f);
}

/* `provider`: members of "ollama". */
static void engine_open(engine *e, const char *provider, const char *loaded)
{
	static const char form[] =
		"providers = { ollama = { base_url = \"%s\"; %s };\n"
		"  gemini = { base_url = \"%s\"; api_key = \"env:ENGINE_KEY\"; };\n"
		"  openai = { base_url = \"%s/v1\"; }; };\n"
		"models = ( { id = \"ollama/seer\"; capabilities = { vision = \"no\"; }; } );\n"
		"profiles = { p = { policy = \"least_busy\"; candidates = [ \"ollama/a\", \"ollama/b\" ]; };\n"
		"  tools = { candidates = [ \"ollama/plain\", \"ollama/seer\" ]; }; };\n";
	const char *args[] = {"--models", MODELS, "--loaded", NULL, NULL};

	setenv("ENGINE_KEY", "a-key", 1);
	e->loaded = sim_file(loaded);
	args[3] = e->loaded;
	e->up = sim_start(args);
	snprintf(e->config, sizeof(e->config), form, sim_url(e->up), provider, sim_url(e->up),
		sim_url(e->up));
	talk_open(&e->t, TEST_BINARY_DIR "/plugins", e->config, 1);
}

static void engine_close(engine *e)
{
	talk_close(&e->t);
	cr_assert_eq(sim_stop(e->up), 0);
	sim_file_free(e->loaded);
}

static void settle(engine *e)
{
	int i;

	for (i = 0; i < 12; i++)
		talk_turn(&e->t, 3);
}

static void ask(engine *e, const char *model)
{
	talk_call c;

	cr_assert_eq(talk_ask(&e->t, &c, model, 0), 0, "%s", c.err.message);
	settle(e);
}

/* The candidates of a plan in order, as JSON. */
static void plan(engine *e, const char *profile, int with_tool, const char *want)
{
	llm_request *rq = NULL;
	llm_call *c = NULL;
	llm_err err = LLM_ERR_INIT;
	const char *json, *order;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_profile(rq, profile), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "x", 1), 0);
	if (with_tool)
		cr_assert_eq(llm_request_tool(rq, "look", NULL, NULL, 0), 0);
	cr_assert_eq(llm_plan(e->t.svc, rq, NULL, &c, &err), 0, "%s", err.message);
	json = llm_result_decision(llm_call_result(c), NULL);
	cr_assert_not_null(json);
	order = strstr(json, "\"plan\":[");
	cr_assert_not_null(order, "%s", json);
	cr_assert_eq(strncmp(order + strlen("\"plan\":"), want, strlen(want)), 0, "%s", order);
	llm_call_free(c);
	llm_request_free(rq);
}

/* ---- in memory ---- */

Test(engine_state, R_ROUTE_7_warm_before_cold_as_the_engine_says)
{
	engine e;

	engine_open(&e, "watch = true;", "b:latest\n");
	plan(&e, "p", 0, "[\"ollama/a\",\"ollama/b\"]");
	cr_assert_eq(sim_log_count(e.up, PS), 0); /* a plan asks nobody */
	ask(&e, "p");
	cr_assert_eq(sim_log_count(e.up, PS), 1);
	/* What has answered is in memory whatever was said; the other one was not loaded. */
	fakeclock_advance_ms(&e.t.clock, 5000);
	ask(&e, "ollama/b");
	cr_assert_eq(sim_log_count(e.up, PS), 2);
	plan(&e, "p", 0, "[\"ollama/b\",\"ollama/a\"]");
	say_loaded(&e, "a:latest\n");
	fakeclock_advance_ms(&e.t.clock, 5000);
	ask(&e, "ollama/plain");
	cr_assert_eq(sim_log_count(e.up, PS), 3);
	plan(&e, "p", 0, "[\"ollama/a\",\"ollama/b\"]");
	engine_close(&e);
}

Test(engine_state, R_TIME_4_it_is_asked_at_most_every_5_s_and_only_while_it_is_used)
{
	engine e;
	int i;

	engine_open(&e, "watch = true;", "");
	for (i = 0; i < 5; i++) {
		ask(&e, "ollama/a");
		fakeclock_advance_ms(&e.t.clock, 1000);
	}
	cr_assert_eq(sim_log_count(e.up, PS), 1);
	for (i = 0; i < 10; i++) {
		fakeclock_advance_ms(&e.t.clock, 10000);
		settle(&e);
	}
	cr_assert_eq(sim_log_count(e.up, PS), 1);
	ask(&e, "ollama/a");
	cr_assert_eq(sim_log_count(e.up, PS), 2);
	engine_close(&e);
}

Test(engine_state, R_TIME_4_and_not_at_all_unless_it_is_configured)
{
	engine e;

	engine_open(&e, "", "");
	ask(&e, "p");
	cr_assert_eq(sim_log_count(e.up, PS), 0);
	engine_close(&e);
}

/* ---- what a model can do ---- */

static llm_capability cell(const llm_capabilities *all, const char *name)
{
	llm_capability c = {.struct_size = (uint32_t)sizeof(c)};
	uint32_t i;

	for (i = 0; llm_capabilities_at(all, i, &c) == 0; i++)
		if (strcmp(c.name, name) == 0)
			return c;
	cr_assert_fail("no cell %s", name);
	return c;
}

static llm_capabilities *capabilities(engine *e, const char *model, uint32_t flags)
{
	llm_capabilities *all = NULL;
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_service_capabilities(e->t.svc, model, flags, 5000, &all, &err), 0, "%s",
		err.message);
	return all;
}

static void expect(const llm_capabilities *all, const char *name, const char *text, uint32_t source)
{
	const llm_capability c = cell(all, name);

	cr_assert_str_eq(c.text, text, "%s", name);
	cr_assert_eq(c.source, source, "%s is said by %s", name, c.said_by);
}

Test(engine_state, R_ROUTE_3_configuration_then_provider_then_plugin)
{
	llm_capabilities *all;
	engine e;

	engine_open(&e, "", "");
	all = capabilities(&e, "ollama/seer", LLM_CAPABILITIES_KNOWN);
	expect(all, "vision", "no", LLM_SAID_BY_CONFIGURATION);
	expect(all, "tools", "unknown", LLM_SAID_BY_NOBODY);
	cr_assert_eq(sim_log_count(e.up, "\"event\":\"request\""), 0);
	llm_capabilities_free(all);
	all = capabilities(&e, "ollama/seer", 0);
	cr_assert_null(llm_capabilities_problem(all));
	cr_assert_eq(sim_log_count(e.up, "\"path\":\"/api/show\""), 1);
	expect(all, "vision", "no", LLM_SAID_BY_CONFIGURATION);
	expect(all, "tools", "yes", LLM_SAID_BY_PROVIDER);
	expect(all, "reasoning", "no", LLM_SAID_BY_PROVIDER);
	/* Of what the answer does not tell the plugin is the source, not the provider. */
	expect(all, "seed", "yes", LLM_SAID_BY_PLUGIN);
	expect(all, "json_schema", "enforced", LLM_SAID_BY_PLUGIN);
	cr_assert_eq(cell(all, "max_input_tokens").number, 8192);
	cr_assert_str_eq(cell(all, "max_input_tokens").said_by, "provider");
	llm_capabilities_free(all);
	engine_close(&e);
}

Test(engine_state, R_ROUTE_4_plans_go_by_what_the_provider_has_said)
{
	engine e;

	engine_open(&e, "", "");
	plan(&e, "tools", 1, "[\"ollama/plain\",\"ollama/seer\"]");
	llm_capabilities_free(capabilities(&e, "ollama/plain", 0));
	plan(&e, "tools", 1, "[\"ollama/seer\"]");
	engine_close(&e);
}

Test(engine_state, R_ROUTE_3_gemini_says_more_of_its_models_than_openai)
{
	llm_capabilities *all;
	engine e;

	engine_open(&e, "", "");
	all = capabilities(&e, "gemini/seer", 0);
	cr_assert_null(llm_capabilities_problem(all));
	cr_assert_eq(cell(all, "max_input_tokens").source, LLM_SAID_BY_PROVIDER);
	llm_capabilities_free(all);
	all = capabilities(&e, "openai/seer", 0);
	cr_assert_null(llm_capabilities_problem(all));
	cr_assert_eq(sim_log_count(e.up, "\"path\":\"/v1/models/seer\""), 1);
	expect(all, "chat", "yes", LLM_SAID_BY_PLUGIN);
	llm_capabilities_free(all);
	engine_close(&e);
}

Test(engine_state, R_ROUTE_3_what_cannot_be_asked_is_told)
{
	llm_capabilities *all = NULL;
	llm_err err = LLM_ERR_INIT;
	engine e;

	engine_open(&e, "", "");
	all = capabilities(&e, "ollama/absent", 0);
	cr_assert_eq(llm_capabilities_problem(all)->code, LLM_E_NOT_FOUND);
	expect(all, "chat", "yes", LLM_SAID_BY_PLUGIN);
	llm_capabilities_free(all);
	cr_assert_eq(
		llm_service_capabilities(e.t.svc, "p", 0, 0, &all, &err), LLM_E_INVALID_REQUEST);
	cr_assert_not_null(strstr(err.message, "is a profile"), "%s", err.message);
	cr_assert_eq(llm_service_capabilities(NULL, "p", 0, 0, &all, &err), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_capabilities_at(NULL, 0, NULL), LLM_E_INVALID_REQUEST);
	llm_capabilities_free(NULL);
	engine_close(&e);
}
