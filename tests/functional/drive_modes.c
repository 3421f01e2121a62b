/* One table of scenarios, every way to drive a service: the same events, the same result. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/oracle.h"

#define LINES "accept\nread request\nhead 200 \"Content-Type: application/x-ndjson\"\n"
#define MESSAGE(members, rest) \
	"send \"{\\\"message\\\":{\\\"role\\\":\\\"assistant\\\"," members "}," rest "}\\n\"\n"
#define TEXT(text) MESSAGE("\\\"content\\\":\\\"" text "\\\"", "\\\"done\\\":false")
#define THOUGHT(text) \
	MESSAGE("\\\"content\\\":\\\"\\\",\\\"thinking\\\":\\\"" text "\\\"", "\\\"done\\\":false")
#define CALL(name) \
	MESSAGE("\\\"content\\\":\\\"\\\",\\\"tool_calls\\\":[{\\\"function\\\":{\\\"name\\\":\\\"" name \
		"\\\",\\\"arguments\\\":{\\\"n\\\":[1,2.5]}}}]", \
		"\\\"done\\\":false")
#define DONE \
	MESSAGE("\\\"content\\\":\\\"\\\"", \
		"\\\"done\\\":true,\\\"done_reason\\\":\\\"stop\\\",\\\"prompt_eval_count\\\":5," \
		"\\\"eval_count\\\":7") \
	"close\n"
#define NEXT "accept\nserve\n"
#define BUSY \
	"accept\nread request\nreply 429 \"Retry-After: 2\" \"{\\\"error\\\":\\\"busy\\\"}\"\nserve\n"

typedef struct scenario {
	const char *script; /* of tests/fixtures/scripts, */
	const char *text; /* or as it is */
	int32_t code;
	const char *events; /* S start, T text, R reasoning, C call, W warning, E end */
	uint32_t whole; /* 1: no pieces are asked for */
	int cancel_after; /* so many pieces; 0: never */
	llm_call_opts limits;
	const char *config;
} scenario;

static const scenario table[] = {
	{"hello_stream", NULL, 0, "STTE", 0, 0, {.idle_ms = 0}, NULL},
	{"hello_whole", NULL, 0, "SE", 1, 0, {.idle_ms = 0}, NULL},
	{"hello_stream", NULL, 0, "SE", 1, 0, {.idle_ms = 0}, "upstream_stream = \"on\";\n"},
	{NULL,
		LINES THOUGHT("Hm. ") THOUGHT("So.") TEXT("Let me \xc3\xa9") TEXT("look.") CALL("a")
			CALL("b") DONE NEXT,
		0, "SRRTTCCE", 0, 0, {.idle_ms = 0}, NULL},
	{NULL, LINES TEXT("Hel") "send \"{\\\"message\\\":\\n\"\n" TEXT("lo") DONE NEXT, 0, "STWTE",
		0, 0, {.idle_ms = 0}, NULL},
	{"one_piece_then_end", NULL, 0, "STTE", 0, 0, {.idle_ms = 0}, NULL},
	{"stall_in_stream", NULL, LLM_E_CANCELLED, "STE", 0, 1, {.idle_ms = 0}, NULL},
	{"stall_in_stream", NULL, LLM_E_TIMEOUT, "STE", 0, 0, {.idle_ms = 40}, NULL},
	{"stall_before_head", NULL, LLM_E_DEADLINE, "SE", 0, 0, {.total_ms = 40}, NULL},
	{"u_15_500", NULL, LLM_E_SERVER_ERROR, "SE", 0, 0, {.idle_ms = 0}, NULL},
	{NULL, BUSY NEXT, LLM_E_RATE_LIMITED, "SE", 1, 0, {.idle_ms = 0}, NULL},
	{"u_16_bad_chunk", NULL, LLM_E_PROTOCOL, NULL, 0, 0, {.idle_ms = 0}, NULL},
	{NULL, LINES TEXT("Hel") "close\n" NEXT, LLM_E_STREAM_BROKEN, "STE", 0, 0, {.idle_ms = 0},
		NULL},
	{NULL, LINES TEXT("Hel") "reset\n" NEXT, LLM_E_STREAM_BROKEN, NULL, 0, 0, {.idle_ms = 0},
		NULL},
};

/* Beyond the oracle's four: a host that turns the loop by hand, and then pulls or waits. */
enum { HOST_PULL = ORACLE_MODES, HOST_BLOCK, ALL_MODES };

static int blocks(uint32_t mode)
{
	return mode == ORACLE_BLOCK || mode == HOST_BLOCK;
}

static struct {
	char kinds[64];
	char events[4096];
	size_t len;
	int pieces;
	int cancel_after;
} seen;

static void note(oracle_run *run, llm_call *call, const llm_event *e)
{
	static const char letters[] = "?STRCWE";
	size_t n = strlen(seen.kinds);

	(void)run;
	if (n + 1 < sizeof(seen.kinds))
		seen.kinds[n] = letters[e->kind <= LLM_EVENT_END ? e->kind : 0];
	seen.len += (size_t)snprintf(seen.events + seen.len, sizeof(seen.events) - seen.len,
		"%u %u %s %s %zu %s\n", e->kind, e->index, e->id ? e->id : "-",
		e->name ? e->name : "-", e->len, e->text);
	cr_assert_lt(seen.len, sizeof(seen.events));
	if (e->kind < LLM_EVENT_TEXT || e->kind > LLM_EVENT_TOOL_CALL)
		return;
	if (++seen.pieces == seen.cancel_after)
		llm_call_cancel(call);
}

static void tell(const oracle_run *run, char *ret, size_t cap)
{
	const llm_result *r = llm_call_result(run->call);
	llm_tool_call t;
	llm_usage u;
	uint32_t i;
	size_t n;

	llm_result_usage(r, &u);
	n = (size_t)snprintf(ret, cap, "%s %s %s %s %lld %lld %u %u %u\n%s\n%s\n",
		llm_status_name(llm_result_status(r)), llm_error_name(run->code),
		llm_phase_name(run->err.phase), llm_finish_name(llm_result_finish(r, NULL)),
		(long long)u.input_tokens, (long long)u.output_tokens, run->err.sent,
		llm_result_attempt_count(r), llm_result_warning_count(r), llm_result_text(r, NULL),
		llm_result_reasoning(r, NULL));
	for (i = 0; llm_result_tool_call(r, i, &t) == 0; i++)
		n += (size_t)snprintf(ret + n, cap - n, "%s %s %s\n", t.id, t.name, t.arguments);
	cr_assert_lt(n, cap);
}

/* A wait tells nothing of what comes: it is cancelled when the upstream has sent something. */
static void cancel_blindly(oracle_run *run)
{
	int i;

	for (i = 0; i < 200 && !sim_log_count(run->o->up, "\"event\":\"first_byte\""); i++)
		oracle_step(run);
	oracle_step(run);
	llm_call_cancel(run->call);
}

static void drive(const scenario *s, uint32_t mode, char *ret_result, size_t cap)
{
	const oracle_opts opts = {.mode = mode == HOST_PULL ? ORACLE_PULL :
			mode == HOST_BLOCK		    ? ORACLE_BLOCK :
							      mode,
		.script = s->script,
		.text = s->text,
		.config = s->config};
	const oracle_ask ask = {.stream = !s->whole, .limits = s->limits, .on_event = note};
	oracle *o = oracle_open(&opts);
	oracle_run *run;

	memset(&seen, 0, sizeof(seen));
	seen.cancel_after = s->cancel_after;
	if (mode >= HOST_PULL)
		cr_assert_eq(llm_service_dispatch(o->svc, NULL), 0);
	run = oracle_submit(o, &ask, NULL);
	if (blocks(mode) && s->cancel_after)
		cancel_blindly(run);
	oracle_finish(run);
	tell(run, ret_result, cap);
	cr_assert_eq(run->code, s->code, "%s", run->err.message);
	cr_assert_eq(oracle_close(o), 0);
}

static void same_in_every_mode(size_t row)
{
	const scenario *s = &table[row];
	char events[4096], kinds[64], first[4096], result[4096];
	uint32_t mode;

	for (mode = 0; mode < ALL_MODES; mode++) {
		drive(s, mode, mode ? result : first, sizeof(result));
		if (!mode) {
			memcpy(events, seen.events, sizeof(events));
			memcpy(kinds, seen.kinds, sizeof(kinds));
			cr_assert(!s->events || strcmp(kinds, s->events) == 0, "row %zu: %s", row,
				kinds);
			continue;
		}
		cr_assert_str_eq(
			result, first, "row %zu, mode %u:\n%s%s", row, mode, result, first);
		if (blocks(mode))
			cr_assert_eq(seen.kinds[strlen(seen.kinds) - 1], 'E');
		else
			cr_assert_str_eq(seen.events, events, "row %zu, mode %u:\n%s%s", row, mode,
				seen.events, events);
	}
}

Test(drive_modes, R_CORE_2_answers_and_pieces)
{
	size_t i;

	for (i = 0; i < 6; i++)
		same_in_every_mode(i);
}

Test(drive_modes, R_CORE_2_R_CORE_4_failures_time_outs_and_cancels)
{
	size_t i;

	for (i = 6; i < sizeof(table) / sizeof(table[0]); i++)
		same_in_every_mode(i);
}

/* Several at once, each with its own pace: whoever drives, none waits for another. */
Test(drive_modes, R_CORE_2_eight_streams_at_once)
{
	const oracle_opts usual = {
		.sim_args = (const char *const[]){"--tokens", "12", "--pace-ms", "5", NULL}};
	uint32_t mode;
	size_t i;

	for (mode = 0; mode < ORACLE_MODES; mode++) {
		oracle_opts opts = usual;
		oracle_run *run[8];
		uint64_t from;
		oracle *o;

		opts.mode = mode;
		o = oracle_open(&opts);
		from = sim_now_ns();
		for (i = 0; i < 8; i++)
			run[i] = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
		for (i = 0; i < 8; i++)
			oracle_finish(run[i]);
		/* One after the other they would take eight times 60 ms. */
		cr_assert_lt(sim_now_ns() - from, UINT64_C(400000000));
		for (i = 1; i < 8; i++)
			cr_assert_str_eq(run[i]->text, run[0]->text);
		cr_assert_gt(run[0]->text_len, 12);
		cr_assert_eq(oracle_close(o), 0);
	}
}
