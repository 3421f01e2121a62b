/* What the configuration says, seen from a run: names, times, keys. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/oracle.h"

static oracle *with(const char *script, const char *config)
{
	const oracle_opts opts = {.script = script, .config = config};

	return oracle_open(&opts);
}

static const char names[] =
	"default_profile = \"daily\";\n"
	"aliases = { quick = \"fast\"; fast = \"ok/sim-large\"; day = \"daily\"; };\n"
	"profiles = { daily = { candidates = [ \"ollama/sim-small\", \"ok/sim-large\" ]; };\n"
	"  other = { candidates = [ \"ok/sim-large\" ]; }; };\n";

Test(config_service, R_ROUTE_1_R_ROUTE_2_names_lead_where_the_configuration_says)
{
	static const struct {
		const char *asked, *profile, *provider, *model;
	} rows[] = {{"ollama/sim-large", NULL, "ollama", "sim-large"},
		{"quick", NULL, "ok", "sim-large"}, {"day", "daily", "ollama", "sim-small"},
		{"daily", "daily", "ollama", "sim-small"}, {"other", "other", "ok", "sim-large"}};
	oracle *o = with(NULL, names);
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		oracle_run *run = oracle_do(o, &(oracle_ask){.model = rows[i].asked});
		const llm_result *r = llm_call_result(run->call);

		cr_assert_eq(run->code, 0, "%s: %s", rows[i].asked, run->err.message);
		cr_assert_str_eq(llm_result_requested_model(r), rows[i].asked);
		if (rows[i].profile)
			cr_assert_str_eq(llm_result_profile(r), rows[i].profile);
		else
			cr_assert_null(llm_result_profile(r));
		cr_assert_str_eq(llm_result_provider(r), rows[i].provider);
		cr_assert_str_eq(llm_result_model(r), rows[i].model);
		cr_assert_str_eq(llm_result_response_model(r), rows[i].model);
	}
	cr_assert_eq(oracle_close(o), 0);
}

Test(config_service, R_ROUTE_2_without_a_name_the_default_profile_answers)
{
	oracle *o = with(NULL, names);
	llm_call *call = NULL;
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_ask(o->svc, NULL, "hi", &call, &err), 0, "%s", err.message);
	cr_assert_str_eq(llm_result_profile(llm_call_result(call)), "daily");
	llm_call_free(call);
	cr_assert_str_eq(llm_service_default_profile(o->svc), "daily");
	cr_assert_str_eq(llm_service_candidate_at(o->svc, "daily", 1), "ok/sim-large");
	cr_assert_null(llm_service_candidate_at(o->svc, "daily", 2));
	cr_assert_eq(oracle_close(o), 0);
}

Test(config_service, nothing_named_and_no_default_is_refused)
{
	oracle *o = with(NULL, NULL);
	llm_call *call = NULL;
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_ask(o->svc, NULL, "hi", &call, &err), LLM_E_INVALID_REQUEST);
	cr_assert_null(call);
	oracle_golden(o, "lib_config_no_default", &err);
	cr_assert_eq(oracle_close(o), 0);
}

/* ---- times: the nearest that speaks wins ---- */

Test(config_service, R_TIME_1_the_nearest_time_wins)
{
	static const struct {
		const char *config;
		uint32_t call_ms;
		uint64_t least_ms, most_ms;
	} rows[] = {
		{"idle = \"40ms\";", 0, 40, 200},
		{"idle = \"9s\"; profiles = { p = { candidates = [ \"ollama/sim-small\" ]; "
		 "idle = \"40ms\"; }; };",
			0, 40, 200},
		{"profiles = { p = { candidates = [ \"ollama/sim-small\" ]; idle = \"9s\"; }; };",
			40, 40, 200},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		oracle *o = with("stall_in_stream", rows[i].config);
		const oracle_ask ask = {.model = strstr(rows[i].config, "profiles") ? "p" : NULL,
			.stream = 1,
			.limits = {.idle_ms = rows[i].call_ms}};
		oracle_run *run = oracle_do(o, &ask);
		uint64_t ms = (run->end_ns - run->submit_ns) / 1000000;

		cr_assert_eq(run->code, LLM_E_TIMEOUT, "%s", run->err.message);
		cr_assert_eq(run->err.phase, LLM_PHASE_IDLE, "%s", run->err.message);
		cr_assert(ms >= rows[i].least_ms && ms <= rows[i].most_ms, "row %zu: %llu ms", i,
			(unsigned long long)ms);
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* ---- keys ---- */

/* A service of its own: the configuration is what is refused. */
static int32_t try_key(const char *how, llm_err *err)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	char text[512];
	int32_t rc;

	snprintf(text, sizeof(text),
		"providers = { openai = { base_url = \"http://127.0.0.1:1/v1\"; "
		"api_key = \"%s\"; }; };",
		how);
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = text;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	rc = llm_service_new(&so, &svc, err);
	llm_service_free(svc);
	return rc;
}

Test(config_service, R_CFG_4_keys_that_are_not_safe_are_refused)
{
	char *path = sim_file(ORACLE_KEY "\n"), how[300];
	char *two = sim_file(ORACLE_KEY "\nX-Injected: 1\n");
	llm_err err = LLM_ERR_INIT;

	snprintf(how, sizeof(how), "file:%s", path);
	chmod(path, 0644);
	cr_assert_eq(try_key(how, &err), LLM_E_CONFIG);
	cr_assert_not_null(strstr(err.message, "chmod"), "%s", err.message);
	cr_assert_eq(try_key(ORACLE_KEY, &err), LLM_E_CONFIG);
	cr_assert_null(strstr(err.message, ORACLE_KEY), "%s", err.message);
	snprintf(how, sizeof(how), "file:%s", two);
	chmod(two, 0600);
	cr_assert_eq(try_key(how, &err), LLM_E_CONFIG);
	cr_assert_null(strstr(err.message, ORACLE_KEY), "%s", err.message);
	sim_file_free(path);
	sim_file_free(two);
}

/* A key that cannot be had breaks the calls that need it, before anything is sent. */
Test(config_service, R_CFG_4_K_07_a_call_without_its_key_sends_nothing)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	sim *up = sim_start(NULL);
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;
	char text[512];

	snprintf(text, sizeof(text),
		"providers = { openai = { base_url = \"%s/v1\"; "
		"api_key = \"file:/nonexistent/key\"; }; };",
		sim_url(up));
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = text;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(llm_service_new(&so, &svc, &err), 0, "%s", err.message);
	cr_assert_eq(llm_ask(svc, "openai/m", "hi", &call, &err), LLM_E_AUTHENTICATION, "%s",
		err.message);
	cr_assert_eq(err.sent, LLM_SENT_NO);
	cr_assert_eq(err.phase, LLM_PHASE_NONE);
	cr_assert_not_null(strstr(err.message, "/nonexistent/key"), "%s", err.message);
	cr_assert_eq(sim_log_count(up, "\"event\":\"accept\""), 0);
	llm_call_free(call);
	llm_service_free(svc);
	sim_stop(up);
}

/* A key belongs to the origin it was configured for: another provider does not get it. */
Test(config_service, K_04_a_key_goes_to_its_own_provider_only)
{
	oracle *o = with(NULL, NULL);

	cr_assert_eq(oracle_do(o, &(oracle_ask){.model = "ok/sim-small"})->code, 0);
	cr_assert_eq(sim_log_count(o->up, "\"authorization\""), 0);
	cr_assert_eq(oracle_do(o, &(oracle_ask){.model = "openai/sim-small"})->code, 0);
	cr_assert_eq(sim_log_count(o->up, "\"authorization\":\"***\""), 1);
	cr_assert_eq(oracle_close(o), 0);
}
