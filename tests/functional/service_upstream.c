/* Streams put together, times reported and times switched off (R-TIME-3, -8, -9). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/fakeclock.h"
#include "support/oracle.h"

#define STREAMED "\\\"stream\\\":true"
#define WHOLE "\\\"stream\\\":false"
#define TWO "profiles = { two = { candidates = [ \"ollama/sim-small\", \"ok/sim-large\" ]; }; };\n"
#define ONE "profiles = { one = { candidates = [ \"ollama/sim-small\" ]; }; };\n"

/* ---- when a stream is asked for ---- */

typedef struct asked {
	const char *config;
	const char *model;
	const char *body; /* what the request holds */
} asked;

static const asked rows[] = {
	{NULL, NULL, WHOLE},
	{"upstream_stream = \"auto\";\n", NULL, WHOLE},
	{"upstream_stream = \"on\";\n", NULL, STREAMED},
	{TWO, "two", STREAMED},
	{TWO, NULL, WHOLE},
	{ONE, "one", WHOLE},
	{"upstream_stream = \"off\";\n" TWO, "two", WHOLE},
	{"upstream_stream = \"off\"; profiles = { a = { upstream_stream = \"on\";"
	 " candidates = [ \"ollama/sim-small\" ]; }; };\n",
		"a", STREAMED},
	{"upstream_stream = \"on\"; models = ( { id = \"ollama/sim-small\";"
	 " capabilities = { stream = \"no\"; }; } );\n",
		NULL, WHOLE},
};

Test(service_upstream, R_TIME_3_when_a_stream_is_asked_for)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const oracle_opts opts = {.config = rows[i].config};
		oracle *o = oracle_open(&opts);
		oracle_run *run = oracle_do(o, &(oracle_ask){.model = rows[i].model});

		cr_assert_eq(run->code, 0, "row %zu: %s", i, run->err.message);
		cr_assert_eq(run->deltas, 0, "row %zu: pieces were delivered", i);
		cr_assert_eq(sim_log_count(o->up, rows[i].body), 1, "row %zu: %s", i,
			sim_log_text(o->up));
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* A provider's own word comes before that of the top level. */
Test(service_upstream, R_TIME_3_the_nearest_wins)
{
	const oracle_opts opts = {
		.config = "upstream_stream = \"on\";\n", .provider = "upstream_stream = \"off\";"};
	oracle *o = oracle_open(&opts);

	cr_assert_eq(oracle_do(o, NULL)->code, 0);
	cr_assert_eq(sim_log_count(o->up, WHOLE), 1);
	cr_assert_eq(oracle_do(o, &(oracle_ask){.model = "ok/sim-small"})->code, 0);
	cr_assert_eq(sim_log_count(o->up, STREAMED), 1);
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_upstream, R_TIME_1_a_providers_times_come_before_the_top_level_s)
{
	const oracle_opts opts = {.script = "stall_in_stream",
		.config = "idle = \"4s\"; silence = \"4s\"; deadline = \"3s\";\n",
		.provider = "idle = \"40ms\"; silence = \"2s\";"};
	oracle *o = oracle_open(&opts);
	oracle_run *run = oracle_do(o, &(oracle_ask){.stream = 1});

	cr_assert_eq(run->code, LLM_E_TIMEOUT, "%s", run->err.message);
	cr_assert_eq(run->err.phase, LLM_PHASE_IDLE);
	cr_assert_not_null(strstr(run->err.message, "40 ms"), "%s", run->err.message);
	cr_assert_eq(oracle_close(o), 0);
}

/* ---- what comes of it ---- */

static size_t put_tools(const llm_result *r, char *ret, size_t cap)
{
	llm_tool_call t;
	uint32_t i;
	size_t n = 0;

	for (i = 0; llm_result_tool_call(r, i, &t) == 0 && n < cap; i++)
		n += (size_t)snprintf(
			ret + n, cap - n, "call %s %s %s\n", t.id, t.name, t.arguments);
	return n;
}

static size_t put_parts(const llm_result *r, char *ret, size_t cap)
{
	llm_result_part p;
	uint32_t i;
	size_t n = 0;

	for (i = 0; llm_result_part_at(r, i, &p) == 0 && n < cap; i++)
		n += (size_t)snprintf(ret + n, cap - n, "part %u %s %.*s of %u %u\n", p.kind,
			p.opaque_kind ? p.opaque_kind : "", (int)p.len, (const char *)p.data,
			p.part, p.part_index);
	return n;
}

static const char *word(const char *text)
{
	return text ? text : "-";
}

/* All that a result says of the answer; times, ids and raw usage differ by nature. */
static void tell(const llm_result *r, char *ret, size_t cap)
{
	const char *raw = NULL;
	uint32_t finish = llm_result_finish(r, &raw), i;
	llm_usage u;
	size_t n;

	llm_result_usage(r, &u);
	n = (size_t)snprintf(ret, cap,
		"text %s\nreasoning %s\nfinish %s %s\nusage %lld %lld %lld %lld %lld %u\nmodel %s\n"
		"logprobs %s\n",
		llm_result_text(r, NULL), llm_result_reasoning(r, NULL), llm_finish_name(finish),
		word(raw), (long long)u.input_tokens, (long long)u.output_tokens,
		(long long)u.cache_read_tokens, (long long)u.cache_write_tokens,
		(long long)u.reasoning_tokens, u.flags, word(llm_result_response_model(r)),
		word(llm_result_logprobs(r)));
	n += put_tools(r, ret + n, cap - n);
	n += put_parts(r, ret + n, cap - n);
	for (i = 0; i < llm_result_warning_count(r) && n < cap; i++)
		n += (size_t)snprintf(ret + n, cap - n, "warning %s\n", llm_result_warning(r, i));
}

typedef struct question {
	const char *model;
	const char *text;
	int tools;
	int think;
} question;

static llm_request *request_of(const question *q)
{
	static const char schema[] = "{\"type\":\"object\",\"properties\":{\"city\":"
				     "{\"type\":\"string\"},\"days\":{\"type\":\"integer\"}}}";
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, q->model), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, q->text, LLM_NUL_TERMINATED), 0);
	if (q->tools) {
		cr_assert_eq(
			llm_request_tool(rq, "weather", "the weather", schema, sizeof(schema) - 1),
			0);
		cr_assert_eq(
			llm_request_tool(rq, "clock", "the time", schema, sizeof(schema) - 1), 0);
	}
	if (q->think)
		cr_assert_eq(llm_request_reasoning(rq, LLM_REASONING_ON), 0);
	return rq;
}

static void answer(oracle *o, const question *q, char *ret, size_t cap)
{
	llm_request *rq = request_of(q);
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;

	cr_assert_eq(llm_submit(o->svc, rq, NULL, &call, &err), 0, "%s", err.message);
	llm_request_free(rq);
	cr_assert_eq(llm_call_wait(call, 5000, &err), 0, "%s", err.message);
	tell(llm_call_result(call), ret, cap);
	llm_call_free(call);
}

/* The same question to a service that asks for a stream and to one that does not. */
static void same(const char *const script[2], const char *provider, const question *q)
{
	static const char *const config[] = {
		"upstream_stream = \"on\";\n", "upstream_stream = \"off\";\n"};
	char told[2][8192];
	size_t i;

	for (i = 0; i < 2; i++) {
		const oracle_opts opts = {.config = config[i],
			.text = script ? script[i] : NULL,
			.provider = provider,
			.no_healthy = script != NULL};
		oracle *o = oracle_open(&opts);

		answer(o, q, told[i], sizeof(told[i]));
		cr_assert_eq(sim_log_count(o->up, "\"event\":\"request\""), 1);
		cr_assert_eq(oracle_close(o), 0);
	}
	cr_assert_str_eq(told[0], told[1]);
	cr_assert_gt(strlen(told[0]), 80);
}

Test(service_upstream, R_TIME_3_the_same_result_put_together)
{
	static const question questions[] = {
		{"ollama/sim-small", "Why is the sky blue?", 0, 0},
		{"ollama/sim-small", "call weather and clock", 1, 0},
		{"ollama/sim-small", "Think about it.", 0, 1},
		{"openai/sim-small", "Why is the sky blue?", 0, 0},
		{"openai/sim-small", "call weather and clock", 1, 0},
	};
	size_t i;

	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		same(NULL, NULL, &questions[i]);
}

#define USED \
	"\\\"usageMetadata\\\":{\\\"promptTokenCount\\\":9,\\\"candidatesTokenCount\\\":4," \
	"\\\"thoughtsTokenCount\\\":6,\\\"totalTokenCount\\\":19}"
#define THOUGHT "{\\\"text\\\":\\\"Hm.\\\",\\\"thought\\\":true}"
#define CALLS \
	"{\\\"functionCall\\\":{\\\"name\\\":\\\"clock\\\",\\\"args\\\":{\\\"days\\\":2}}," \
	"\\\"thoughtSignature\\\":\\\"c2ln\\\"}"
#define SAYS(text) "{\\\"text\\\":\\\"" text "\\\"}"
#define PARTS(list, rest) \
	"{\\\"candidates\\\":[{\\\"content\\\":{\\\"role\\\":\\\"model\\\",\\\"parts\\\":[" list \
	"]}" rest "}],\\\"modelVersion\\\":\\\"gemini-x\\\"," USED "}"
#define STOPS ",\\\"finishReason\\\":\\\"STOP\\\""
#define EVENT(json) "send \"data: " json "\\r\\n\\r\\n\"\n"

/* llmsim plays Gemini's part from a script: thoughts, text in two pieces, a signed call. */
Test(service_upstream, R_TIME_3_the_same_result_put_together_from_gemini)
{
	static const question q = {"ollama/gemini-x", "What time is it?", 1, 0};
	static const char *const script[2] = {
		"accept\nread request\nhead 200 \"Content-Type: text/event-stream\"\n" EVENT(
			PARTS(THOUGHT, "")) EVENT(PARTS(SAYS("Let me "), ""))
			EVENT(PARTS(SAYS("look."), "")) EVENT(PARTS(CALLS, STOPS)) "close\n",
		"accept\nread request\nreply 200 \"Content-Type: application/json\" \"" PARTS(
			THOUGHT "," SAYS("Let me ") "," SAYS("look.") "," CALLS,
			STOPS) "\"\nclose\n"};

	same(script, "plugin = \"gemini\";", &q);
}

/* ---- what guards it ---- */

static const struct stalls {
	const char *script;
	llm_call_opts limits;
	uint32_t phase;
	const char *text;
} stalls[] = {
	{"stall_before_head", {.first_token_ms = 40}, LLM_PHASE_FIRST_TOKEN, ""},
	{"alive_before_text", {.first_token_ms = 120}, LLM_PHASE_FIRST_TOKEN, ""},
	{"stall_in_stream", {.idle_ms = 40, .silence_ms = 3000}, LLM_PHASE_IDLE, "Hel"},
	{"stall_in_stream", {.idle_ms = 3000, .silence_ms = 40}, LLM_PHASE_SILENCE, "Hel"},
};

Test(service_upstream, R_TIME_3_first_token_and_idle_guard_whole_answers_too)
{
	size_t i;

	for (i = 0; i < sizeof(stalls) / sizeof(stalls[0]); i++) {
		const oracle_opts opts = {
			.script = stalls[i].script, .config = "upstream_stream = \"on\";\n"};
		oracle *o = oracle_open(&opts);
		oracle_run *run = oracle_do(o, &(oracle_ask){.limits = stalls[i].limits});

		cr_assert_eq(run->code, LLM_E_TIMEOUT, "row %zu: %s", i, run->err.message);
		cr_assert_eq(run->err.phase, stalls[i].phase, "row %zu", i);
		cr_assert_str_eq(run->text, stalls[i].text);
		cr_assert_eq(run->err.delivered, 0);
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(service_upstream, R_TIME_3_a_broken_stream_was_not_delivered)
{
	const oracle_opts opts = {.text = "accept\nread request\n"
					  "head 200 \"Content-Type: application/x-ndjson\"\n"
					  "send \"{\\\"message\\\":{\\\"content\\\":\\\"Hel\\\"},"
					  "\\\"done\\\":false}\\n\"\nclose\naccept\nserve\n",
		.config = "upstream_stream = \"on\";\n"};
	oracle *o = oracle_open(&opts);
	oracle_run *run = oracle_do(o, NULL);

	cr_assert_eq(run->code, LLM_E_STREAM_BROKEN, "%s", run->err.message);
	cr_assert_str_eq(run->text, "Hel");
	cr_assert_eq(run->err.delivered, 0);
	cr_assert_eq(oracle_close(o), 0);
}

/* ---- what is reported ---- */

static const char paced[] =
	"accept\nread request\nhead 200 \"Content-Type: application/x-ndjson\"\nsleep 10\n"
	"send \"{\\\"message\\\":{\\\"content\\\":\\\"Hel\\\"},\\\"done\\\":false}\\n\"\nsleep 10\n"
	"send \"{\\\"message\\\":{\\\"content\\\":\\\"lo\\\"},\\\"done\\\":true,"
	"\\\"done_reason\\\":\\\"stop\\\",\\\"load_duration\\\":25000000}\\n\"\nclose\naccept\nserve\n";

/* Time moves only here: 30 ms in the queue, 40 until the first piece, 50 until the end. */
Test(service_upstream, R_TIME_8_what_the_times_are_counted_from)
{
	fakeclock fc;
	const oracle_opts opts = {.mode = ORACLE_LOOP, .text = paced, .time = &fc.source};
	oracle *o;
	oracle_run *run;
	llm_timing t;
	llm_attempt a;

	fakeclock_init(&fc, 5);
	o = oracle_open(&opts);
	run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
	fakeclock_advance_ms(&fc, 30);
	while (!sim_log_count(o->up, "\"event\":\"request\""))
		oracle_turn(o, 5);
	fakeclock_advance_ms(&fc, 40);
	oracle_until(run, &run->deltas, 1);
	fakeclock_advance_ms(&fc, 50);
	oracle_finish(run);
	cr_assert_eq(run->code, 0, "%s", run->err.message);
	llm_result_timing(llm_call_result(run->call), &t);
	cr_assert_eq(t.queue_ms, 30);
	cr_assert_eq(t.ttft_ms, 40);
	cr_assert_eq(t.first_content_ms, 70);
	cr_assert_eq(t.duration_ms, 120);
	cr_assert_eq(t.load_ms, 25);
	cr_assert_eq(llm_result_attempt(llm_call_result(run->call), 0, &a), 0);
	cr_assert_eq(a.ttft_ms, 40);
	cr_assert_eq(a.duration_ms, 90);
	cr_assert_eq(a.load_ms, 25);
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_upstream, R_TIME_8_no_content_no_time_to_it)
{
	const oracle_opts opts = {.script = "u_15_500"};
	oracle *o = oracle_open(&opts);
	oracle_run *run = oracle_do(o, &(oracle_ask){.stream = 1});
	llm_timing t;

	llm_result_timing(llm_call_result(run->call), &t);
	cr_assert_eq(t.ttft_ms, -1);
	cr_assert_eq(t.first_content_ms, -1);
	cr_assert_eq(t.load_ms, -1);
	cr_assert_geq(t.queue_ms, 0);
	cr_assert_geq(t.duration_ms, t.queue_ms);
	cr_assert_eq(oracle_close(o), 0);
}

/* ---- no limit ---- */

#define DAY_MS UINT64_C(86400000)

/* A run of which only the deadline is left: whole days pass. */
static void lasts(const char *config, const char *script, const char *seen)
{
	fakeclock fc;
	const oracle_opts opts = {
		.mode = ORACLE_LOOP, .script = script, .config = config, .time = &fc.source};
	const oracle_ask ask = {.stream = 1, .limits = {.total_ms = UINT32_MAX}};
	oracle *o;
	oracle_run *run;
	int i;

	fakeclock_init(&fc, 9);
	o = oracle_open(&opts);
	run = oracle_submit(o, &ask, NULL);
	for (i = 0; i < 1000 && !sim_log_count(o->up, seen); i++)
		oracle_turn(o, 5);
	if (strstr(script, "in_stream"))
		oracle_until(run, &run->deltas, 1);
	fakeclock_advance_ms(&fc, 40 * DAY_MS);
	oracle_turn(o, 0);
	cr_assert_eq(run->ends, 0, "it ended");
	llm_call_cancel(run->call);
	oracle_finish(run);
	cr_assert_eq(run->code, LLM_E_CANCELLED, "%s", run->err.message);
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_upstream, R_TIME_9_no_limit_for_idle_first_token_and_attempt)
{
	lasts("attempt = 0; first_token = 0;\n", "stall_before_head", "\"event\":\"request\"");
	lasts("attempt = 0; idle = 0;\n", "stall_in_stream", "\"event\":\"first_byte\"");
}

Test(service_upstream, R_TIME_9_no_deadline_only_when_that_is_said)
{
	static const char *const texts[] = {"deadline = 0;\n",
		"deadline = 0; allow_unbounded = false;\n",
		"profiles = { p = { candidates = [ \"ollama/x\" ]; deadline = 0; }; };\n",
		"connect = 0;\n", "silence = 0;\n", "consumer_idle = 0;\n",
		"idle_keepalive = 0;\n"};
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	llm_err err = LLM_ERR_INIT;
	size_t i;

	so.flags = LLM_SERVICE_NO_ENV;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		so.config_text = texts[i];
		cr_assert_eq(llm_service_new(&so, &svc, &err), LLM_E_CONFIG, "%s", texts[i]);
		cr_assert_null(svc);
	}
	so.config_text = "deadline = 0; allow_unbounded = true;\n";
	cr_assert_eq(llm_service_new(&so, &svc, &err), 0, "%s", err.message);
	llm_service_free(svc);
}

/* And then there is none: a run of a service without a deadline outlasts the usual one. */
Test(service_upstream, R_TIME_9_a_service_without_a_deadline)
{
	fakeclock fc;
	const oracle_opts opts = {.mode = ORACLE_LOOP,
		.script = "stall_before_head",
		.config = "deadline = 0; allow_unbounded = true; first_token = 0; attempt = 0;\n",
		.time = &fc.source};
	const question q = {"ollama/sim-small", "hello", 0, 0};
	llm_request *rq = request_of(&q);
	llm_call *call = NULL;
	oracle *o;

	fakeclock_init(&fc, 11);
	o = oracle_open(&opts);
	cr_assert_eq(llm_submit(o->svc, rq, NULL, &call, NULL), 0);
	llm_request_free(rq);
	while (!sim_log_count(o->up, "\"event\":\"request\""))
		oracle_turn(o, 5);
	fakeclock_advance_ms(&fc, 400 * DAY_MS);
	oracle_turn(o, 0);
	cr_assert_null(llm_call_result(call));
	llm_call_free(call);
	cr_assert_eq(oracle_close(o), 0);
}
