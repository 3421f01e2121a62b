/*
 * engine_world.h - what happens to the runs of one random history: who asks what and when,
 * who cancels, and what each attempt meets. All of it follows from numbers, so that the
 * engine and the slow rules (engine_rules.h) live through the same history apart.
 */
#ifndef TESTS_ENGINE_WORLD_H
#define TESTS_ENGINE_WORLD_H

#include <stdio.h>

#include "llm/llm.h"
#include "support/fates.h"

#define RUNS 5
#define PROVIDERS 3
#define CANDIDATES 4
#define PROFILES 3
#define PLANS (PROFILES + 2)

static const char *const candidate_ids[CANDIDATES] = {"p0/m", "p0/n", "p1/m", "p2/m"};
static const int provider_of[CANDIDATES] = {0, 0, 1, 2};

typedef struct plan_row {
	const char *name; /* a profile, or the one candidate */
	int n;
	int candidates[3];
} plan_row;

static const plan_row plan_rows[PLANS] = {{"a", 3, {0, 1, 2}}, {"b", 2, {2, 0}},
	{"c", 3, {3, 2, 0}}, {"p0/m", 1, {0}}, {"p1/m", 1, {2}}};

/* ---- a service ---- */

typedef struct guards { /* of a profile; the last ones are those of none */
	uint32_t fastest, per_candidate, in_all;
	uint32_t patience_ms, least_ms, recovery;
} guards;

typedef struct setup {
	guards of[PROFILES + 1];
	uint32_t slots[PROVIDERS], queue[PROVIDERS];
	uint32_t narrow; /* slots of candidate 0; 0: as its provider's */
	uint32_t queue_ms, connect_ms, first_ms, idle_ms, attempt_ms;
} setup;

static setup setup_of(uint64_t seed)
{
	static const guards usual = {0, 3, 6, 3000, 250, LLM_RECOVER_MATCH};
	static const uint32_t modes[] = {
		LLM_RECOVER_OFF, LLM_RECOVER_MATCH, LLM_RECOVER_MATCH, LLM_RECOVER_BUFFER};
	dice d = {seed};
	setup s = {.of = {usual, usual, usual, usual}};
	int i;

	for (i = 0; i < PROFILES; i++) {
		guards *g = &s.of[i];

		g->fastest = (uint32_t)roll(&d, 2);
		g->per_candidate = (uint32_t)(1 + roll(&d, 4));
		g->in_all = (uint32_t)(1 + roll(&d, 8));
		g->patience_ms = (uint32_t)roll(&d, 5000);
		g->least_ms = (uint32_t)(100 + roll(&d, 400));
		g->recovery = modes[roll(&d, 4)];
	}
	for (i = 0; i < PROVIDERS; i++) {
		s.slots[i] = (uint32_t)(1 + roll(&d, 3));
		s.queue[i] = (uint32_t)(1 + roll(&d, 3));
	}
	s.narrow = (uint32_t)roll(&d, 3);
	s.queue_ms = (uint32_t)(300 + roll(&d, 8000));
	s.connect_ms = (uint32_t)(300 + roll(&d, 2000));
	s.first_ms = (uint32_t)(500 + roll(&d, 5000));
	s.idle_ms = (uint32_t)(300 + roll(&d, 2000));
	s.attempt_ms = (uint32_t)(2000 + roll(&d, 10000));
	return s;
}

static const char *recovery_name(uint32_t mode)
{
	return mode == LLM_RECOVER_OFF ? "off" : mode == LLM_RECOVER_MATCH ? "match" : "buffer";
}

/* The same as a configuration. */
static void write_config(const setup *s, char *to, size_t cap)
{
	size_t n = 0;
	int i, k;

#define PUT(...) n += (size_t)snprintf(to + n, n < cap ? cap - n : 0, __VA_ARGS__)
	PUT("upstream_stream = \"on\";\nqueue = %u; connect = %u; first_token = %u;\n"
	    "first_token_warm = %u; idle = %u; silence = %u; attempt = %u;\nproviders = {\n",
		s->queue_ms, s->connect_ms, s->first_ms, s->first_ms, s->idle_ms, s->idle_ms,
		s->attempt_ms);
	for (i = 0; i < PROVIDERS; i++)
		PUT("  p%d = { plugin = \"ollama\"; base_url = \"http://127.0.0.1:%d\";\n"
		    "    max_concurrency = %u; queue_max = %u; };\n",
			i, i + 1, s->slots[i], s->queue[i]);
	PUT("};\nprofiles = {\n");
	for (i = 0; i < PROFILES; i++) {
		const guards *g = &s->of[i];

		PUT("  %s = { candidates = [", plan_rows[i].name);
		for (k = 0; k < plan_rows[i].n; k++)
			PUT("%s\"%s\"", k ? ", " : "", candidate_ids[plan_rows[i].candidates[k]]);
		PUT("];\n    prefer = \"%s\"; max_attempts = %u; max_attempts_total = %u;\n"
		    "    patience = %u; min_attempt_budget = %u; stream_recovery = \"%s\"; };\n",
			g->fastest ? "fastest" : "primary", g->per_candidate, g->in_all,
			g->patience_ms, g->least_ms, recovery_name(g->recovery));
	}
	PUT("};\n");
	if (s->narrow)
		PUT("models = ( { id = \"p0/m\"; max_concurrency = %u; } );\n", s->narrow);
#undef PUT
}

/* ---- who asks ---- */

typedef struct ask_row {
	int plan;
	uint32_t stream, batch, seeded;
	uint64_t submit_ns, cancel_ns; /* from the beginning of the history */
	uint32_t total_ms, longest_delay_ms, per_candidate, in_all; /* 0: not said */
} ask_row;

static ask_row ask_of(uint64_t history, int run)
{
	dice d = {mix(history) + 1000 + (uint64_t)run};
	ask_row a = {.plan = (int)roll(&d, PLANS)};

	a.stream = roll(&d, 3) != 0;
	a.batch = roll(&d, 3) == 0;
	a.seeded = roll(&d, 2) == 0;
	a.submit_ns = some_ns(&d, roll(&d, 4) ? 2000 : 60000);
	a.cancel_ns = roll(&d, 6) ? NEVER : a.submit_ns + some_ns(&d, 8000);
	a.total_ms = roll(&d, 2) ? 0 : (uint32_t)(300 + roll(&d, 12000));
	a.longest_delay_ms = roll(&d, 3) ? 0 : (uint32_t)(50 + roll(&d, 9000));
	a.per_candidate = roll(&d, 3) ? 0 : (uint32_t)(1 + roll(&d, 5));
	a.in_all = roll(&d, 3) ? 0 : (uint32_t)(1 + roll(&d, 10));
	return a;
}

/* ---- what an attempt meets ---- */

/* A candidate is good or bad for a whole history. */
static fate fate_in(uint64_t history, int run, int nth, int candidate)
{
	const uint64_t mood = mix(mix(history) + 7000 + (uint64_t)candidate) % 4;
	const uint64_t which = (uint64_t)(run * 64 + nth) * 8 + (uint64_t)candidate;

	return fate_of(mix(mix(history) + 5000 + which), mood);
}

static int32_t code_of_status(int32_t status)
{
	static const int32_t rows[][2] = {{400, LLM_E_INVALID_REQUEST}, {401, LLM_E_AUTHENTICATION},
		{402, LLM_E_QUOTA_EXHAUSTED}, {403, LLM_E_PERMISSION_DENIED},
		{404, LLM_E_NOT_FOUND}, {409, LLM_E_CONFLICT}, {429, LLM_E_RATE_LIMITED},
		{500, LLM_E_SERVER_ERROR}, {501, LLM_E_UNSUPPORTED}, {502, LLM_E_UNAVAILABLE},
		{503, LLM_E_UNAVAILABLE}};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i][0] == status)
			return rows[i][1];
	return LLM_E_INTERNAL;
}

/* ---- what is seen from outside ---- */

enum { TALE_BEGINS = 1, TALE_WAITS, TALE_MOVES, TALE_MENDED, TALE_ENDS, TALE_READY, TALE_ROW };

typedef struct tale_line {
	uint64_t at_ns; /* from the beginning of the history */
	int what; /* TALE_* */
	int candidate; /* -1: none */
	int64_t value; /* ms of a wait, a code of an end or of a row */
	int64_t more; /* of an end: flags */
} tale_line;

#define TALE_LINES 120

typedef struct tale {
	tale_line lines[TALE_LINES];
	int n;
	char told[64]; /* by events */
	size_t told_len;
	char kept[64]; /* the result's */
	size_t kept_len;
} tale;

static void tell(tale *t, uint64_t at_ns, int what, int candidate, int64_t value, int64_t more)
{
	if (t->n < TALE_LINES)
		t->lines[t->n++] = (tale_line){at_ns, what, candidate, value, more};
}

#endif
