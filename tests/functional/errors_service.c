/*
 * Every exchange of tests/fixtures that fails, through the service: each provider's answer
 * comes from a real socket with its own headers, and the error says all that it must.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "llm/llm.h"
#include "support/exchange.h"
#include "support/sim.h"
#include "support/wires.h"

/* What the simulator or the connection says itself. */
static int is_own_header(const char *name)
{
	return strcasecmp(name, "content-length") == 0 ||
		strcasecmp(name, "transfer-encoding") == 0 || strcasecmp(name, "connection") == 0;
}

/* A script that answers once, as the fixture says. */
static char *script_of(const exchange *x)
{
	char text[4000];
	size_t n, i;

	n = (size_t)snprintf(text, sizeof(text),
		"accept\nread request\nhead %d \"Connection: close\"", x->status);
	for (i = 0; i < x->n_headers; i++)
		if (!is_own_header(x->headers[i].name))
			n += (size_t)snprintf(text + n, sizeof(text) - n, " \"%s: %s\"",
				x->headers[i].name, x->headers[i].value);
	snprintf(text + n, sizeof(text) - n,
		"\nsend-file " TEST_SOURCE_DIR "/tests/fixtures/%s/%s%s\nclose\n", x->provider,
		x->name, x->is_stream ? ".stream.txt" : ".response.json");
	return sim_file(text);
}

static llm_service *service_for(const exchange *x, const sim *up)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	llm_err err = LLM_ERR_INIT;
	char config[400];

	snprintf(config, sizeof(config),
		"response_headers = [ \"x-request-id\" ];\n"
		"max_attempts = 1; providers = { %s = { base_url = \"%s\"; }; };",
		x->provider, sim_url(up));
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(llm_service_new(&so, &svc, &err), 0, "%s", err.message);
	return svc;
}

static llm_call *ask(llm_service *svc, const exchange *x)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_request *rq = NULL;
	llm_call *call = NULL;
	llm_err err = LLM_ERR_INIT;
	char model[100];

	opts.flags = json_is_true(json_object_get(x->expectation, "stream")) ? LLM_CALL_STREAM : 0;
	opts.total_ms = 5000;
	snprintf(model, sizeof(model), "%s/m", x->provider);
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, model), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", LLM_NUL_TERMINATED), 0);
	cr_assert_eq(llm_submit(svc, rq, &opts, &call, &err), 0, "%s", err.message);
	llm_request_free(rq);
	(void)llm_call_wait(call, 6000, &err);
	return call;
}

#define SAME(x, got, want, what) \
	cr_expect((got) == (want), "%s/%s: %s is %lld, expected %lld", (x)->provider, (x)->name, \
		what, (long long)(got), (long long)(want))

static void same_text(const exchange *x, const char *got, const json_t *want, const char *what)
{
	if (json_is_string(want))
		cr_expect_str_eq(
			got, json_string_value(want), "%s/%s: %s", x->provider, x->name, what);
}

/* What the fixture says of its failure. */
static void check_facts(const exchange *x, const llm_err *e, const json_t *want)
{
	const llm_error_info *row = llm_error_info_named(
		json_string_value(json_object_get(want, "code")));
	const char *contains = json_string_value(json_object_get(want, "message_contains"));

	cr_assert_not_null(row, "%s/%s", x->provider, x->name);
	SAME(x, e->code, row->code, "code");
	SAME(x, e->err_class, row->err_class, "class");
	SAME(x, e->http_status, json_integer_value(json_object_get(want, "http_status")), "status");
	SAME(x, e->retry_after_ms, json_integer_value(json_object_get(want, "retry_after_ms")),
		"delay");
	SAME(x, (e->flags & LLM_ERRF_RESOURCE) != 0,
		json_is_true(json_object_get(want, "resource")), "resource");
	same_text(x, e->provider_code, json_object_get(want, "provider_code"), "provider code");
	if (exchange_expects(x, "request_id"))
		same_text(x, e->request_id, exchange_expects(x, "request_id"), "request id");
	if (contains)
		cr_expect(strstr(e->message, contains), "%s/%s: %s", x->provider, x->name,
			e->message);
}

/* What only the library knows. */
static void check_rest(const exchange *x, const llm_err *e, const llm_result *r)
{
	llm_attempt row = {.struct_size = (uint32_t)sizeof(row)};
	char candidate[100];
	size_t len = 0;

	llm_result_text(r, &len);
	snprintf(candidate, sizeof(candidate), "%s/m", x->provider);
	cr_expect_str_eq(e->provider, x->provider);
	cr_expect_str_eq(e->candidate, candidate);
	SAME(x, e->attempt, 1u, "attempt");
	SAME(x, e->sent, (uint32_t)LLM_SENT_YES, "sent");
	SAME(x, e->delivered, (uint32_t)(x->is_stream && len > 0), "delivered");
	SAME(x, e->phase != LLM_PHASE_NONE, 1, "phase known");
	SAME(x, strlen(e->message) > 0 && strlen(e->message) <= LLM_ERR_MESSAGE_MAX, 1, "length");
	SAME(x, llm_result_attempt_count(r), 1u, "attempts");
	cr_assert_eq(llm_result_attempt(r, 0, &row), 0);
	cr_assert_not_null(row.error, "%s/%s", x->provider, x->name);
	SAME(x, row.error->code, e->code, "code of the attempt");
	SAME(x, row.error_code, e->code, "code of the attempt's row");
}

static size_t tried;

static void check_exchange(exchange *x)
{
	const char *operation = json_string_value(json_object_get(x->expectation, "operation"));
	const json_t *want = exchange_expects(x, "error");
	const char *args[] = {"--script", NULL, NULL};
	const llm_result *r;
	llm_service *svc;
	llm_call *call;
	char *script;
	sim *up;

	if (strcmp(operation, "chat") != 0 || !json_is_object(want))
		return;
	tried++;
	args[1] = script = script_of(x);
	up = sim_start(args);
	svc = service_for(x, up);
	call = ask(svc, x);
	r = llm_call_result(call);
	cr_assert_not_null(llm_result_error(r), "%s/%s: no error", x->provider, x->name);
	check_facts(x, llm_result_error(r), want);
	check_rest(x, llm_result_error(r), r);
	same_text(x, llm_result_text(r, NULL), exchange_expects(x, "text"), "text");
	llm_call_free(call);
	llm_service_free(svc);
	sim_stop(up);
	sim_file_free(script);
}

static void check_provider(const char *provider, size_t failures)
{
	char path[300];
	plug p;

	snprintf(path, sizeof(path), TEST_BINARY_DIR "/plugins/%s.so", provider);
	cr_assert_eq(plug_open(&p, path, NULL), 0);
	cr_expect_gt(exchange_all(&p, provider, check_exchange), 0);
	cr_expect_eq(tried, failures, "%zu failures", tried);
	plug_close(&p);
}

Test(errors_service, R_ERR_3_R_ERR_12_ollama)
{
	check_provider("ollama", 24);
}

Test(errors_service, R_ERR_3_R_ERR_8_R_ERR_12_openai)
{
	check_provider("openai", 36);
}

Test(errors_service, R_ERR_3_R_ERR_5_R_ERR_6_R_ERR_8_R_ERR_12_gemini)
{
	check_provider("gemini", 32);
}

/* ---- what is no error ---- */

static llm_service *service_of(const wire *w, const sim *up, const char *key_file)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	llm_err err = LLM_ERR_INIT;
	char config[400];

	snprintf(config, sizeof(config),
		"providers = { %s = { base_url = \"%s%s\"; api_key = \"file:%s\"; }; };", w->name,
		sim_url(up), w->base, key_file);
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(llm_service_new(&so, &svc, &err), 0, "%s", err.message);
	return svc;
}

static void must_be_cut_off(llm_service *svc, const wire *w, uint32_t flags)
{
	const llm_call_opts co = {.struct_size = (uint32_t)sizeof(co), .flags = flags};
	llm_request *rq = NULL;
	llm_call *call = NULL;
	llm_err err = LLM_ERR_INIT;
	size_t len = 0;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, w->model), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hello", LLM_NUL_TERMINATED), 0);
	cr_assert_eq(llm_request_option(rq, "max_tokens", "2"), 0);
	cr_assert_eq(llm_submit(svc, rq, &co, &call, &err), 0, "%s", err.message);
	llm_request_free(rq);
	cr_assert_eq(llm_call_wait(call, 5000, &err), 0, "%s: %s", w->name, err.message);
	cr_assert_eq(llm_result_status(llm_call_result(call)), LLM_STATUS_SUCCEEDED);
	cr_assert_eq(
		llm_result_finish(llm_call_result(call), NULL), LLM_FINISH_LENGTH, "%s", w->name);
	(void)llm_result_text(llm_call_result(call), &len);
	cr_assert_gt(len, 0);
	cr_assert_null(llm_result_error(llm_call_result(call)));
	llm_call_free(call);
}

Test(errors_service, R_ERR_9_an_answer_at_its_limit_is_an_answer)
{
	static const char *const args[] = {"--say", "one two three four", NULL};
	sim *up = sim_start(args);
	char *key = sim_file("a-key\n");
	size_t w;

	for (w = 0; w < WIRES; w++) {
		llm_service *svc = service_of(&wires[w], up, key);

		must_be_cut_off(svc, &wires[w], 0);
		must_be_cut_off(svc, &wires[w], LLM_CALL_STREAM);
		llm_service_free(svc);
	}
	sim_file_free(key);
	sim_stop(up);
}
