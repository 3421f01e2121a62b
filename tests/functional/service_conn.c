/* Connections: kept, never used twice for one request, never led elsewhere. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fakeclock.h"
#include "support/oracle.h"
#include "support/wires.h"

#define REQUEST "\"event\":\"request\""
#define ACCEPT "\"event\":\"accept\""

static oracle *play(const char *script, uint32_t mode)
{
	const oracle_opts opts = {
		.mode = mode, .script = script, .config = "max_attempts = 2;\n", .attempts = 1};

	return oracle_open(&opts);
}

Test(service_conn, keep_alive_two_calls_on_one_connection)
{
	uint32_t i;

	for (i = 0; i < ORACLE_MODES * 2; i++) {
		oracle *o = play(NULL, i / 2);
		const oracle_ask ask = {.stream = i % 2};

		cr_assert_eq(oracle_do(o, &ask)->code, 0);
		cr_assert_eq(oracle_do(o, &ask)->code, 0);
		cr_assert_eq(sim_log_count(o->up, REQUEST), 2);
		cr_assert_eq(sim_log_count(o->up, ACCEPT), 1);
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(service_conn, two_runs_at_once_have_a_connection_each)
{
	oracle *o = play(NULL, ORACLE_LOOP);
	const oracle_ask ask = {.stream = 1};
	oracle_run *one = oracle_submit(o, &ask, NULL), *two = oracle_submit(o, &ask, NULL);

	oracle_finish(one);
	oracle_finish(two);
	cr_assert_eq(one->code, 0);
	cr_assert_eq(two->code, 0);
	cr_assert_eq(sim_log_count(o->up, ACCEPT), 2, "%s", sim_log_text(o->up));
	cr_assert_eq(oracle_close(o), 0);
}

static void first_was_lost(oracle_run *run)
{
	const llm_result *r = llm_call_result(run->call);
	llm_attempt a = {.struct_size = (uint32_t)sizeof(a)};

	cr_assert_eq(llm_result_attempt_count(r), 2);
	cr_assert_eq(llm_result_attempt(r, 0, &a), 0);
	cr_assert_eq(a.error_code, LLM_E_CONNECTION);
	cr_assert(a.error->flags & LLM_ERRF_REUSED);
	cr_assert_eq(a.error->sent, LLM_SENT_YES);
	cr_assert_eq(a.seq, 1);
	cr_assert_eq(llm_result_attempt(r, 1, &a), 0);
	cr_assert_eq(a.seq, 2);
}

/* Nobody moves the clock: the second attempt waits for nothing. */
Test(service_conn, R_RETRY_14_U_20_a_dying_kept_connection_is_asked_once_more_at_once)
{
	static const char *const scripts[] = {"reused_dies", "reused_leaves"};
	uint32_t i;

	for (i = 0; i < 4 * ORACLE_MODES; i++) {
		const oracle_ask ask = {.stream = i / 2 % 2};
		oracle_opts opts = {.mode = i / 4, .script = scripts[i % 2], .attempts = 1};
		oracle_run *run;
		fakeclock fc;
		oracle *o;

		fakeclock_init(&fc, 14);
		opts.time = &fc.source;
		o = oracle_open(&opts);
		cr_assert_str_eq(oracle_do(o, NULL)->text, "one");
		run = oracle_do(o, &ask);
		cr_assert_eq(run->code, 0, "%s", run->err.message);
		first_was_lost(run);
		cr_assert_eq(sim_log_count(o->up, REQUEST), 3, "%s", sim_log_text(o->up));
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* And never twice: the new connection's end is the run's. */
Test(service_conn, R_RETRY_14_U_20_a_request_is_sent_twice_at_most)
{
	uint32_t i;

	for (i = 0; i < ORACLE_MODES; i++) {
		oracle *o = play("reused_dies_twice", i);
		oracle_run *run;

		cr_assert_str_eq(oracle_do(o, NULL)->text, "one");
		run = oracle_do(o, NULL);
		cr_assert_eq(run->code, LLM_E_CONNECTION, "%s", run->err.message);
		cr_assert_eq(run->err.flags & LLM_ERRF_REUSED, 0);
		cr_assert_eq(run->err.attempt, 2);
		first_was_lost(run);
		cr_assert_eq(sim_log_count(o->up, REQUEST), 3, "%s", sim_log_text(o->up));
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(service_conn, R_RETRY_14_a_dying_new_connection_is_not_asked_again)
{
	static const char *const scripts[] = {"fresh_dies", "fresh_leaves"};
	uint32_t i;

	for (i = 0; i < 4; i++) {
		const oracle_opts opts = {.script = scripts[i % 2]};
		oracle *o = oracle_open(&opts);
		const oracle_ask ask = {.stream = i / 2};
		oracle_run *run = oracle_do(o, &ask);

		cr_assert_eq(run->code, LLM_E_CONNECTION, "%s", run->err.message);
		cr_assert_eq(run->err.flags & LLM_ERRF_REUSED, 0);
		cr_assert_eq(sim_log_count(o->up, REQUEST), 1);
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* A listing has no body, and libcurl would send it again as it likes. */
Test(service_conn, R_RETRY_14_U_20_a_listing_is_asked_twice_at_most)
{
	static const char *const scripts[] = {"reused_leaves", "reused_dies_twice"};
	uint32_t i;

	for (i = 0; i < 2; i++) {
		oracle *o = play(scripts[i], ORACLE_BLOCK);
		llm_models *models = NULL;
		llm_err err = LLM_ERR_INIT;

		cr_assert_str_eq(oracle_do(o, NULL)->text, "one");
		cr_assert_eq(llm_service_models(o->svc, "ollama", LLM_MODELS_ALL, 0, &models, &err),
			i ? LLM_E_CONNECTION : 0, "%s", err.message);
		cr_assert_eq(sim_log_count(o->up, REQUEST), 3, "%s", sim_log_text(o->up));
		llm_models_free(models);
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* ---- redirects ---- */

static void redirected(int status, const char *to, size_t n, sim *other)
{
	char text[512];
	const uint32_t stream = n % 2;
	oracle_opts opts = {.text = text};
	const oracle_ask ask = {.model = wires[n % WIRES].model, .stream = stream};
	oracle *o;
	oracle_run *run;

	snprintf(text, sizeof(text),
		"accept\nread request\n"
		"reply %d \"Location: %s\" \"Content-Type: text/html\" \"moved\"\nserve\n",
		status, to);
	o = oracle_open(&opts);
	run = oracle_do(o, &ask);
	cr_assert_eq(run->code, LLM_E_PROTOCOL, "%d: %s", status, run->err.message);
	cr_assert_eq(run->err.http_status, status);
	cr_assert_not_null(strstr(run->err.message, "redirect"));
	cr_assert_eq(sim_log_count(o->up, REQUEST), 1);
	cr_assert_eq(sim_log_count(other, ACCEPT), 0, "%s", sim_log_text(other));
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_conn, U_18_redirects_are_not_followed_and_no_key_leaves_its_origin)
{
	static const int statuses[] = {301, 302, 303, 307, 308};
	sim *other = sim_start(NULL);
	char elsewhere[96], secure[96];
	const char *const to[] = {elsewhere, secure, "/api/chat", "http://10.0.0.1/", ""};
	size_t i, k, n;

	snprintf(elsewhere, sizeof(elsewhere), "%s/api/chat", sim_url(other));
	snprintf(secure, sizeof(secure), "https://127.0.0.1:%u/", (unsigned)sim_port(other));
	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		for (k = 0; k < sizeof(to) / sizeof(to[0]); k++)
			for (n = 0; n < 2 * WIRES; n++)
				redirected(statuses[i], to[k], n, other);
	cr_assert_eq(sim_stop(other), 0);
}

/* ---- whom it talks to at all ---- */

Test(service_conn, U_18_only_http_and_https)
{
	static const char *const urls[] = {"ftp://127.0.0.1/", "file:///etc/passwd",
		"gopher://127.0.0.1:70/", "http://user:word@127.0.0.1/", "http://"};
	size_t i;

	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
		llm_service *svc = NULL;
		llm_err err = LLM_ERR_INIT;
		char text[128];

		snprintf(text, sizeof(text), "providers = { openai = { base_url = \"%s\"; }; };",
			urls[i]);
		opts.flags = LLM_SERVICE_NO_ENV;
		opts.config_text = text;
		opts.plugin_dir = TEST_BINARY_DIR "/plugins";
		cr_assert_eq(llm_service_new(&opts, &svc, &err), LLM_E_CONFIG, "%s", urls[i]);
		cr_assert_null(strstr(err.message, "word"), "%s", err.message);
	}
}

/* The environment names a proxy; a loopback service that nobody asked to use it does not. */
Test(service_conn, the_proxy_of_the_environment_is_not_used)
{
	oracle *o;

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	o = play(NULL, ORACLE_PULL);
	cr_assert_eq(oracle_do(o, NULL)->code, 0);
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_conn, the_key_is_sent_where_it_belongs_and_is_seen_nowhere_else)
{
	oracle *o = play(NULL, ORACLE_PULL);
	oracle_run *run = oracle_do(o, &(oracle_ask){.stream = 1});
	const char *exchange = llm_result_exchange(llm_call_result(run->call));

	cr_assert_eq(sim_log_count(o->up, "\"authorization\":\"***\""), 1);
	cr_assert_not_null(exchange);
	cr_assert_not_null(strstr(exchange, "Authorization: [redacted]"), "%s", exchange);
	cr_assert_not_null(strstr(exchange, ORACLE_PROMPT), "the exchange shows the request");
	cr_assert_eq(oracle_close(o), 0);
}
