/* gemini.so from end to end: the fixtures' bytes over a socket, through the public interface. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "llm/llm.h"
#include "support/sim.h"

#define MODEL "gemini/gemini-3.8-flash"
#define KEY "canary-key-3b1f70a98ec2"

static sim *up;
static llm_service *svc;
static char *key_file;
static char *script;

/* A server that plays these answers, a connection each, and a service that asks it. */
static void play(const char *text)
{
	const char *args[] = {"--script", NULL, "--log-secrets", NULL};
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char config[600];

	script = sim_file(text);
	key_file = sim_file(KEY "\n");
	chmod(key_file, 0600);
	args[1] = script;
	up = sim_start(args);
	snprintf(config, sizeof(config),
		"providers = { gemini = { base_url = \"%s\"; api_key = \"file:%s\"; }; };",
		sim_url(up), key_file);
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(llm_service_new(&so, &svc, &err), 0, "%s", err.message);
}

static void tear_down(void)
{
	llm_service_free(svc);
	sim_stop(up);
	sim_file_free(script);
	sim_file_free(key_file);
}

TestSuite(gemini_service, .fini = tear_down);

#define FIXTURE TEST_SOURCE_DIR "/tests/fixtures/gemini/"
#define SAYS(status, type, file) \
	"accept\nread request\nhead " status " \"Content-Type: " type \
	"\" \"Connection: close\"\nsend-file " FIXTURE file "\nclose\n"
#define STREAMS(name) SAYS("200", "text/event-stream", name ".stream.txt")
#define ANSWERS(status, name) SAYS(status, "application/json", name ".response.json")

static llm_request *question(const char *text)
{
	llm_request *request = NULL;

	cr_assert_eq(llm_request_new(NULL, &request), 0);
	cr_assert_eq(llm_request_model(request, MODEL), 0);
	cr_assert_eq(llm_request_text(request, LLM_ROLE_USER, text, LLM_NUL_TERMINATED), 0);
	return request;
}

/* Asks and waits; lets go of the request. */
static llm_call *run(llm_request *request, int stream, llm_err *err)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_call *call = NULL;

	opts.flags = stream ? LLM_CALL_STREAM : 0;
	opts.total_ms = 5000;
	cr_assert_eq(llm_submit(svc, request, &opts, &call, err), 0, "%s", err->message);
	llm_request_free(request);
	llm_call_wait(call, 6000, err);
	return call;
}

/* The body of request `n` (1, ...) as the server saw it. */
static json_t *request_body(size_t n)
{
	char *log = strdup(sim_log_text(up));
	char *rest = log;
	json_t *body = NULL;
	char *line;

	while (!body && (line = strsep(&rest, "\n"))) {
		json_t *row = json_loads(line, 0, NULL);
		const char *event = json_string_value(json_object_get(row, "event"));

		if (event && strcmp(event, "request") == 0 && --n == 0)
			body = json_loads(json_string_value(json_object_get(row, "body")), 0, NULL);
		json_decref(row);
	}
	free(log);
	cr_assert(body);
	return body;
}

/* ---- a conversation with tools ---- */

/* What is attached to a part goes back with it. */
static void attach(const llm_result *r, uint32_t part, uint32_t index, llm_message *m)
{
	llm_result_part p;
	uint32_t i;

	for (i = 0; llm_result_part_at(r, i, &p) == 0; i++)
		if (p.kind == LLM_PART_OPAQUE && p.part == part && p.part_index == index)
			cr_assert_eq(
				llm_message_opaque(m, p.provider, p.opaque_kind, p.data, p.len), 0);
}

static void add_calls(const llm_result *r, llm_request *request)
{
	llm_message *m = NULL;
	llm_tool_call c;
	uint32_t i;

	cr_assert_eq(llm_request_message(request, LLM_ROLE_ASSISTANT, &m), 0);
	for (i = 0; llm_result_tool_call(r, i, &c) == 0; i++) {
		cr_assert_eq(
			llm_message_tool_call(m, c.id, c.name, c.arguments, c.arguments_len), 0);
		attach(r, LLM_PART_TOOL_CALL, i, m);
	}
}

static void add_result(llm_message *m, const char *id, const char *text, uint32_t is_error)
{
	cr_assert_eq(
		llm_message_tool_result(m, id, "get_weather", text, LLM_NUL_TERMINATED, is_error),
		0);
}

static void add_tool(llm_request *request)
{
	static const char schema[] =
		"{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},"
		"\"required\":[\"city\"]}";

	cr_assert_eq(llm_request_tool(request, "get_weather", "Current weather for a city", schema,
			     LLM_NUL_TERMINATED),
		0);
}

/* `add` makes the answer a turn of the next request. */
static void go_back(void (*add)(const llm_result *r, llm_request *request))
{
	llm_request *request;
	llm_message *m = NULL;
	llm_err err = LLM_ERR_INIT;
	llm_call *first, *second;
	json_t *got, *want;

	play(STREAMS("stream_tools_parallel") ANSWERS("200", "tool_result_turn"));
	request = question("Weather in Porto and Faro?");
	add_tool(request);
	first = run(request, 1, &err);
	cr_assert_eq(err.code, 0, "%s", err.message);
	cr_expect_eq(
		llm_result_finish(llm_call_result(first), NULL), (uint32_t)LLM_FINISH_TOOL_CALLS);
	request = question("Weather in Porto and Faro?");
	add_tool(request);
	add(llm_call_result(first), request);
	cr_assert_eq(llm_request_message(request, LLM_ROLE_TOOL, &m), 0);
	add_result(m, "call_7310050", "{\"temp_c\":19}", 0);
	add_result(m, "call_7310051", "station offline", 1);
	second = run(request, 0, &err);
	cr_assert_eq(err.code, 0, "%s", err.message);
	cr_expect_str_eq(
		llm_result_text(llm_call_result(second), NULL), "Porto: 19 C. Faro: no data.");
	got = request_body(2);
	want = json_load_file(FIXTURE "tool_result_turn.request.json", 0, NULL);
	cr_expect(json_equal(got, want), "%s", sim_log_text(up));
	json_decref(got);
	json_decref(want);
	llm_call_free(first);
	llm_call_free(second);
}

Test(gemini_service, signatures_go_back_through_the_public_interface)
{
	go_back(add_calls);
}

static void add_answer(const llm_result *r, llm_request *request)
{
	cr_assert_eq(llm_request_add_result(request, r), 0, "%s", llm_request_problem(request));
}

Test(gemini_service, signatures_go_back_with_the_answer_as_a_turn)
{
	go_back(add_answer);
}

Test(gemini_service, a_signature_of_its_own)
{
	llm_err err = LLM_ERR_INIT;
	llm_result_part part;
	llm_call *call;

	play(STREAMS("stream_basic"));
	call = run(question("Two Portuguese cities."), 1, &err);
	cr_assert_eq(err.code, 0, "%s", err.message);
	cr_assert_eq(llm_result_part_at(llm_call_result(call), 0, &part), 0);
	cr_expect_str_eq(part.provider, "org.libllm.gemini");
	cr_expect_str_eq(part.opaque_kind, "thoughtSignature");
	cr_expect_eq(part.part, 0u);
	cr_expect_eq(part.text_len, strlen("Lisbon and Porto."));
	cr_expect_eq(llm_result_part_count(llm_call_result(call)), 1u);
	llm_call_free(call);
}

/* ---- the request's head ---- */

Test(gemini_service, the_key_travels_in_its_header_only)
{
	llm_err err = LLM_ERR_INIT;
	const char *log;

	play(STREAMS("stream_utf8"));
	llm_call_free(run(question("hi"), 1, &err));
	cr_assert_eq(err.code, 0, "%s", err.message);
	log = sim_log_text(up);
	cr_expect(strstr(log, "\"x-goog-api-key\":\"" KEY "\""), "%s", log);
	cr_expect_null(strstr(log, "authorization"));
	cr_expect_null(strstr(strstr(log, KEY) + 1, KEY), "twice: %s", log);
	cr_expect(strstr(log, "/v1beta/models/gemini-3.8-flash:streamGenerateContent"), "%s", log);
}

/* ---- errors ---- */

typedef struct row {
	const char *script;
	int stream;
	int32_t code;
	const char *text; /* of the answer so far */
	int64_t retry_after_ms;
	const char *provider_code;
} row;

static void check_row(const row *r)
{
	llm_err err = LLM_ERR_INIT;
	const llm_result *result;
	llm_call *call;

	play(r->script);
	call = run(question("hi"), r->stream, &err);
	result = llm_call_result(call);
	cr_expect_eq(err.code, r->code, "%s: %s", r->script, err.message);
	cr_expect_str_eq(llm_result_text(result, NULL), r->text);
	if (r->code) {
		cr_expect_eq(err.retry_after_ms, r->retry_after_ms, "%s", r->script);
		cr_expect_str_eq(err.provider_code, r->provider_code, "%s", r->script);
		cr_expect_null(strstr(err.message, KEY));
	}
	llm_call_free(call);
}

static void check_rows(const row *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (i > 0)
			tear_down();
		check_row(&rows[i]);
	}
}

Test(gemini_service, R_ERR_5_R_ERR_8_what_is_withheld)
{
	static const row rows[] = {
		{ANSWERS("200", "prompt_blocked"), 0, LLM_E_CONTENT_FILTERED, "", -1, ""},
		{STREAMS("stream_prompt_blocked"), 1, LLM_E_CONTENT_FILTERED, "", -1, ""},
		{ANSWERS("200", "safety_candidate"), 0, LLM_E_CONTENT_FILTERED, "", -1, ""},
		{ANSWERS("200", "recitation"), 0, 0, "It was", -1, ""},
		{ANSWERS("200", "malformed_function_call"), 0, LLM_E_PROTOCOL, "", -1,
			"MALFORMED_FUNCTION_CALL"},
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

Test(gemini_service, R_ERR_6_R_RETRY_3_limits_and_delays)
{
	static const row rows[] = {
		{ANSWERS("429", "err_429_per_minute"), 0, LLM_E_RATE_LIMITED, "", 34075,
			"GenerateRequestsPerMinutePerProjectPerModel-FreeTier"},
		{ANSWERS("429", "err_429_per_day"), 1, LLM_E_QUOTA_EXHAUSTED, "", -1,
			"GenerateRequestsPerDayPerProjectPerModel-FreeTier"},
		{SAYS("502", "text/html", "err_html_502.response.json"), 1, LLM_E_UNAVAILABLE, "",
			-1, ""},
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

Test(gemini_service, U_05_streams_that_break_off)
{
	static const row rows[] = {
		{STREAMS("stream_midstream_error_raw"), 1, LLM_E_UNAVAILABLE, "The answer", -1,
			"UNAVAILABLE"},
		{STREAMS("stream_midstream_error_sse"), 1, LLM_E_RATE_LIMITED, "The", -1,
			"RESOURCE_EXHAUSTED"},
		{STREAMS("stream_truncated"), 1, LLM_E_STREAM_BROKEN, "The ans", -1, ""},
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}
