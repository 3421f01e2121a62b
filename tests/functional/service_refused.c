/* What the functions of a service refuse: nothing to work on, nowhere to put it, too small. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llm/capabilities.h"
#include "llm/config.h"
#include "llm/llm.h"
#include "llm/unit.h"
#include "support/failalloc.h"

#define CONFIG \
	"providers = { ollama = { base_url = \"http://127.0.0.1:9\"; }; };\n" \
	"profiles = { p = { candidates = [ \"ollama/a\" ]; }; };\n"

static llm_service_opts options(const char *config)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;

	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	return so;
}

static llm_service *open_service(const char *config)
{
	const llm_service_opts so = options(config);
	llm_err err = LLM_ERR_INIT;
	llm_service *svc = NULL;

	cr_assert_eq(llm_service_new(&so, &svc, &err), 0, "%s", err.message);
	return svc;
}

/* ---- capabilities ---- */

Test(service_refused, capabilities_need_a_service_a_model_and_a_place)
{
	static const char says[] =
		"llm_service_capabilities needs a service, a model and a place for the table";
	llm_service *svc = open_service(CONFIG);
	llm_capabilities *all = NULL;
	llm_err err = LLM_ERR_INIT;

	cr_expect_eq(llm_service_capabilities(NULL, "ollama/a", 0, 0, &all, &err),
		LLM_E_INVALID_REQUEST);
	cr_expect_str_eq(err.message, says);
	cr_expect_eq(llm_service_capabilities(svc, NULL, 0, 0, &all, &err), LLM_E_INVALID_REQUEST);
	cr_expect_str_eq(err.message, says);
	cr_expect_eq(
		llm_service_capabilities(svc, "ollama/a", 0, 0, NULL, &err), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_service_capabilities(svc, "p", 0, 0, &all, &err), LLM_E_INVALID_REQUEST);
	cr_expect_not_null(strstr(err.message, "name one of its candidates"), "%s", err.message);
	cr_expect_neq(llm_service_capabilities(svc, "not there/", 0, 0, &all, NULL), 0);
	cr_expect_null(all);
	llm_service_free(svc);
}

Test(service_refused, a_table_of_capabilities_ends_and_needs_a_place)
{
	llm_service *svc = open_service(CONFIG);
	llm_capability cell = {.struct_size = sizeof(cell)};
	llm_capabilities *all = NULL;
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(
		llm_service_capabilities(svc, "ollama/a", LLM_CAPABILITIES_KNOWN, 1000, &all, &err),
		0, "%s", err.message);
	cr_expect_eq(llm_capabilities_at(NULL, 0, &cell), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_capabilities_at(all, 0, NULL), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_capabilities_at(all, 0, &cell), 0);
	cr_expect_not_null(cell.name);
	cr_expect_eq(llm_capabilities_at(all, 1000, &cell), LLM_E_NOT_FOUND);
	cr_expect_null(llm_capabilities_problem(NULL));
	cr_expect_null(llm_capabilities_problem(all));
	llm_capabilities_free(all);
	llm_capabilities_free(NULL);
	llm_service_free(svc);
}

/* ---- health ---- */

Test(service_refused, health_needs_a_service_and_room)
{
	llm_service *svc = open_service(CONFIG);
	llm_health h = {.struct_size = sizeof(h)}, small = {.struct_size = 3};
	llm_watch w = {.struct_size = sizeof(w)}, narrow = {.struct_size = 3};

	cr_expect_eq(llm_service_health(NULL, 0, &h), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_service_health(svc, 0, NULL), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_service_health(svc, 0, &small), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_service_health(svc, 0, &h), LLM_E_NOT_FOUND);
	cr_expect_eq(llm_service_health_reset(NULL, NULL), 0);
	cr_expect_eq(llm_service_health_reset(svc, NULL), 0, "no run has asked anybody");
	cr_expect_eq(llm_service_watch(NULL, &w), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_service_watch(svc, NULL), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_service_watch(svc, &narrow), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_service_watch(svc, &w), 0);
	cr_expect_eq(w.late, 0);
	llm_service_free(svc);
}

Test(service_refused, a_switch_needs_a_candidate)
{
	static const char says[] =
		"llm_candidate_enable needs a service, a candidate and what is to become of it";
	llm_service *svc = open_service(CONFIG);
	llm_err err = LLM_ERR_INIT;

	cr_expect_eq(llm_candidate_enable(NULL, "ollama/a", 0, &err), LLM_E_INVALID_REQUEST);
	cr_expect_str_eq(err.message, says);
	cr_expect_eq(llm_candidate_enable(svc, NULL, 0, &err), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_candidate_enable(svc, "ollama/a", LLM_CANDIDATE_DRAIN + 1, &err),
		LLM_E_INVALID_REQUEST);
	cr_expect_str_eq(err.message, says);
	cr_expect_eq(llm_candidate_enable(svc, "ollama/a", LLM_CANDIDATE_DRAIN, &err), 0);
	llm_service_free(svc);
}

Test(service_refused, the_switch_of_a_name_that_is_too_long)
{
	static const char two[] = "providers = { ollama = { endpoints = (\n"
				  "{ id = \"x\"; base_url = \"http://127.0.0.1:9\"; },\n"
				  "{ id = \"y\"; base_url = \"http://127.0.0.1:8\"; } ); }; };\n";
	llm_service *svc = open_service(two);
	llm_err err = LLM_ERR_INIT;
	char model[600];
	int32_t rc;

	memset(model, 'm', sizeof(model));
	memcpy(model, "ollama/", 7);
	model[599] = '\0';
	rc = llm_candidate_enable(svc, model, LLM_CANDIDATE_DRAIN, &err);
	cr_expect_neq(rc, 0);
	cr_expect_eq(err.code, rc, "%s", err.message);
	cr_expect_eq(llm_candidate_enable(svc, "ollama/a", LLM_CANDIDATE_DRAIN, &err), 0, "%s",
		err.message);
	cr_expect_eq(llm_candidate_enable(svc, "ollama#x/a", LLM_CANDIDATE_DRAIN, &err), 0, "%s",
		err.message);
	llm_service_free(svc);
}

/* ---- records ---- */

Test(service_refused, a_service_without_a_storage_counts_nothing)
{
	llm_service *svc = open_service(CONFIG);
	llm_ledger_stats s = {.struct_size = sizeof(s)}, small = {.struct_size = 4};

	cr_expect_eq(llm_service_ledger(NULL, &s), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_service_ledger(svc, NULL), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_service_ledger(svc, &small), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_service_ledger(svc, &s), 0);
	cr_expect_eq(s.mode, 0);
	cr_expect_eq(s.begun, 0);
	llm_service_free(svc);
}

static void no_storage(const char *plugin, const char *sha256, const char *config, int32_t code)
{
	llm_service_opts so = options(config);
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_storage *st = NULL;

	o.plugin = plugin;
	o.sha256 = sha256;
	o.service = &so;
	cr_expect_eq(llm_storage_new(&o, &st, &err), code, "%s: %s", plugin, err.message);
	cr_expect_eq(err.code, code);
	cr_expect_null(st);
}

Test(service_refused, a_storage_that_is_not_there_or_not_meant)
{
	no_storage("no_such_storage", NULL, CONFIG, LLM_E_PLUGIN);
	no_storage("ollama", NULL, CONFIG, LLM_E_PLUGIN);
	no_storage(NULL, "0000", CONFIG, LLM_E_PLUGIN);
	no_storage(NULL, NULL, "providers = {", LLM_E_CONFIG);
	no_storage(NULL, NULL, "storage = { plugin = \"no_such_storage\"; };", LLM_E_PLUGIN);
}

/* ---- configurations ---- */

static const char warned[] =
	"providers = { ollama = { endpoints = (\n"
	"{ id = \"x\"; base_url = \"http://127.0.0.1:9\"; },\n"
	"{ id = \"y\"; base_url = \"http://127.0.0.1:8\"; } ); };\n"
	"openai = { base_url = \"http://127.0.0.1:7\"; };\n"
	"gone = { plugin = \"no_such_plugin\"; };\n"
	"kept = { plugin = \"ordered\"; }; };\n"
	"profiles = { p = { policy = \"no_policy\"; candidates = [ \"ollama/a\" ]; };\n"
	"q = { policy = \"ollama\"; candidates = [ \"ollama/a\" ]; }; };\n";

static int warns_of(const llm_config *cfg, const char *word)
{
	const char *text;
	uint32_t i;

	for (i = 0; (text = llm_config_warning_at(cfg, i)); i++)
		if (strstr(text, word) && !strchr(text, '\n'))
			return 1;
	return 0;
}

Test(service_refused, a_configuration_warns_of_what_cannot_be_had)
{
	llm_service_opts so = options(warned);
	llm_err err = LLM_ERR_INIT;
	llm_config *cfg = NULL;
	llm_config_item item;

	setenv("OPENAI_API_KEY", "canary-service-refused", 1);
	so.flags = 0;
	cr_expect_eq(llm_config_load(&so, NULL, &err), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_config_load(&so, &cfg, &err), 0, "%s", err.message);
	cr_expect(warns_of(cfg, "no_such_plugin"));
	cr_expect(warns_of(cfg, "'profiles.p.policy' cannot be had"));
	cr_expect(warns_of(cfg, "'profiles.q.policy' cannot be had"));
	cr_expect_eq(llm_config_at(cfg, 10000, &item), LLM_E_NOT_FOUND);
	cr_expect_eq(llm_config_at(cfg, 0, &item), 0);
	cr_expect_not_null(item.key);
	llm_config_free(cfg);
	llm_config_free(NULL);
}

static int play_config(failalloc *fa, void *arg)
{
	llm_service_opts so = options(arg);
	llm_config *cfg = NULL;
	int32_t rc;

	so.flags = 0;
	so.allocator = &fa->hook;
	rc = llm_config_load(&so, &cfg, NULL);
	llm_config_free(cfg);
	return rc == LLM_E_NOMEM ? 0 : rc;
}

Test(service_refused, a_configuration_short_of_memory)
{
	static char text[sizeof(warned)];

	setenv("OPENAI_API_KEY", "canary-service-refused", 1);
	memcpy(text, warned, sizeof(text));
	cr_expect_eq(failalloc_sweep(play_config, text), 0);
}
