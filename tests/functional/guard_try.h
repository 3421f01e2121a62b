/*
 * guard_try.h - runs over several candidates, against a script whose connections come in
 * the order in which the candidates are asked. Chance is nought, so that backoffs are too.
 */
#ifndef TESTS_GUARD_TRY_H
#define TESTS_GUARD_TRY_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/oracle.h"

#define REQUEST "\"event\":\"request\""
#define TWO \
	"default_profile = \"two\"; profiles = { two = { candidates = " \
	"[ \"ollama/a\", \"ok/b\" ]; %s }; quick = { candidates = " \
	"[ \"openai/a\", \"ok/b\" ]; %s }; gem = { candidates = " \
	"[ \"ollama/a\", \"gemini/gemini-2.0-flash\" ]; %s }; };\n"
#define LINE(text) \
	"{\\\"model\\\":\\\"m\\\",\\\"message\\\":{\\\"role\\\":\\\"assistant\\\"," \
	"\\\"content\\\":\\\"" text "\\\"},\\\"done\\\":false}\\n"
#define LAST \
	"{\\\"model\\\":\\\"m\\\",\\\"message\\\":{\\\"role\\\":\\\"assistant\\\"," \
	"\\\"content\\\":\\\"\\\"},\\\"done\\\":true,\\\"done_reason\\\":\\\"stop\\\"," \
	"\\\"prompt_eval_count\\\":3,\\\"eval_count\\\":5}\\n"
#define HEAD "head 200 \"Content-Type: application/x-ndjson\" \"Connection: close\"\n"
/* One connection that answers with pieces and then goes. */
#define SAYS(lines) "accept\nread request\n" HEAD "send \"" lines "\"\nclose\n"
#define STATUS(n, headers) \
	"accept\nread request\nreply " n " \"Connection: close\" " headers \
	" \"{\\\"error\\\":\\\"busy\\\"}\"\nclose\n"

static inline void no_chance(void *ctx, void *bytes, size_t len)
{
	(void)ctx;
	memset(bytes, 0, len);
}

/* Where a test is about a moment: time stands still. Waits are not for such tests. */
static inline uint64_t no_passing(void *ctx)
{
	(void)ctx;
	return UINT64_C(3600000000000);
}

static const llm_time_source guard_time = {.random = no_chance};
static const llm_time_source guard_frozen = {.random = no_chance, .monotonic_ns = no_passing};

typedef struct guard {
	oracle *o;
	oracle_run *run;
	const llm_result *r;
	char config[1000];
	char notices[1200]; /* lines, in order */
	size_t n_waiting, n_fallback, n_recovered;
} guard;

static guard *guard_now;

static inline void guard_event(oracle_run *run, llm_call *call, const llm_event *e)
{
	guard *g = guard_now;
	size_t n = strlen(g->notices);

	(void)run;
	(void)call;
	g->n_waiting += e->kind == LLM_EVENT_WAITING;
	g->n_fallback += e->kind == LLM_EVENT_FALLBACK;
	g->n_recovered += e->kind == LLM_EVENT_RECOVERED;
	if (e->kind >= LLM_EVENT_WAITING)
		snprintf(g->notices + n, sizeof(g->notices) - n, "%s\n", e->text);
}

/* `profile`: members of the profile "two"; `more`: the rest of the configuration. */
static inline void guard_open_at(guard *g, const llm_time_source *time, const char *script,
	const char *profile, const char *more)
{
	static const char *const args[] = {"--log-body", NULL};
	oracle_opts opts = {.sim_args = args,
		.text = script,
		.config = g->config,
		.attempts = 1,
		.time = time,
		.no_healthy = 1};

	memset(g, 0, sizeof(*g));
	snprintf(g->config, sizeof(g->config), TWO "%s", profile, profile, profile, more);
	g->o = oracle_open(&opts);
	guard_now = g;
}

static inline void guard_open(guard *g, const char *script, const char *profile, const char *more)
{
	guard_open_at(g, &guard_time, script, profile, more);
}

static inline int32_t guard_ask(guard *g, const char *model, uint32_t stream, llm_call_opts limits)
{
	const oracle_ask ask = {
		.model = model, .stream = stream, .limits = limits, .on_event = guard_event};

	g->notices[0] = '\0';
	g->n_waiting = g->n_fallback = g->n_recovered = 0;
	g->run = oracle_do(g->o, &ask);
	g->r = llm_call_result(g->run->call);
	return g->run->code;
}

static inline size_t guard_requests(const guard *g)
{
	return sim_log_count(g->o->up, REQUEST);
}

static inline llm_attempt guard_attempt(const guard *g, uint32_t i)
{
	llm_attempt a = {.struct_size = (uint32_t)sizeof(a)};

	cr_assert_eq(llm_result_attempt(g->r, i, &a), 0);
	return a;
}

static inline void guard_close(guard *g)
{
	cr_assert_eq(oracle_close(g->o), 0);
}

#endif
