/* What a service with records refuses: another storage while it runs, units not of the host. */
#include "ledger_try.h"

static llm_service *serve(const char *config)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_service *svc = NULL;

	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(llm_service_new(&so, &svc, &err), 0, "%s", err.message);
	return svc;
}

static int32_t reload(llm_service *svc, const char *config, llm_err *err)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;

	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	return llm_service_reload(svc, &so, err);
}

static void stays(llm_service *svc, const char *config, const char *key)
{
	llm_err err = LLM_ERR_INIT;

	cr_expect_eq(reload(svc, config, &err), LLM_E_CONFIG, "%s", key);
	cr_expect_eq(strncmp(err.message, key, strlen(key)), 0, "%s", err.message);
	cr_expect_not_null(strstr(err.message, " cannot change while the service runs"));
}

Test(ledger_refused, P_08_storage_and_privacy_stay_as_the_service_was_made)
{
	char other[1400], more[1400];
	llm_err err = LLM_ERR_INIT;
	llm_service *svc;
	book b;

	book_open(&b, "", "");
	svc = serve(b.config);
	cr_expect_eq(reload(svc, b.config, &err), 0, "%s", err.message);
	snprintf(more, sizeof(more),
		"%sdefault_profile = \"p\";\n"
		"profiles = { p = { candidates = [ \"ollama/a\" ]; }; };\n",
		b.config);
	cr_expect_eq(reload(svc, more, &err), 0, "%s", err.message);
	snprintf(other, sizeof(other), "%sprivacy = { content = \"full\"; };\n", b.config);
	stays(svc, other, "privacy.content");
	run_replace(b.config, "runs.db", "else.db", other, sizeof(other));
	stays(svc, other, "storage.dsn");
	run_replace(b.config, "runs.db\";", "runs.db\"; ledger = \"after\";", other, sizeof(other));
	stays(svc, other, "storage.ledger");
	stays(svc, "workspace = \"" WS "\";\n", "storage.");
	cr_expect_not_null(llm_service_default_profile(svc), "the last good one is in force");
	llm_service_free(svc);
	book_close(&b);
}

Test(ledger_refused, a_unit_on_a_connection_of_our_own_takes_no_run)
{
	llm_err err = LLM_ERR_INIT;
	oracle_run *asked;
	oracle *o;
	book b;

	book_open(&b, "", "");
	o = oracle_open(&(oracle_opts){.mode = ORACLE_THREAD,
		.script = "hello_stream",
		.config = b.config,
		.no_healthy = 1});
	asked = oracle_do(o, &(oracle_ask){.stream = 1});
	cr_assert_eq(asked->code, 0, "%s", asked->err.message);
	book_take(&b);
	cr_expect_eq(llm_unit_record(b.unit, asked->call, &err), LLM_E_INVALID_REQUEST);
	cr_expect_not_null(strstr(err.message, "a unit on a handle of the host's"));
	book_give(&b);
	cr_assert_eq(oracle_close(o), 0);
	book_close(&b);
}

static int play(failalloc *fa, void *arg)
{
	const book *b = arg;
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	llm_storage *st = NULL;
	llm_unit *u = NULL;
	int32_t rc;

	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = b->config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	so.allocator = &fa->hook;
	so.log_level = LLM_LOG_ERROR;
	o.service = &so;
	rc = llm_storage_new(&o, &st, NULL);
	if (!rc)
		rc = llm_unit_new(st, &u, NULL);
	llm_unit_release(u);
	llm_storage_free(st);
	return rc == LLM_E_NOMEM ? 0 : rc;
}

Test(ledger_refused, a_configured_storage_short_of_memory)
{
	book b;

	book_open(&b, "", "");
	cr_expect_eq(failalloc_sweep(play, &b), 0);
	book_close(&b);
}

Test(ledger_refused, a_setting_that_the_configured_storage_does_not_know)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_storage *st = NULL;

	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = "storage = { dsn = \"x.db\"; qqqqqqqq = \"1\"; };";
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.service = &so;
	cr_expect_eq(llm_storage_new(&o, &st, &err), LLM_E_CONFIG);
	cr_expect_not_null(strstr(err.message, "qqqqqqqq"), "%s", err.message);
	cr_expect_null(st);
}
