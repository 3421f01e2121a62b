/*
 * simulate.h - a policy on a written course of events: whom it plans to ask, run by run, and
 * what comes of it.
 *
 * The text says how each candidate ends an attempt and when runs come; time, chance and
 * answers are taken from it and from nowhere else, so the same text and policy give the same
 * report on every machine. docs/routing.md describes the text.
 */
#ifndef LLM_ROUTE_SIMULATE_H
#define LLM_ROUTE_SIMULATE_H

#include "base/arena.h"
#include "plugin/plugin.h"
#include "route/breaker.h"
#include "route/rank.h"
#include "route/stats.h"
#include "wire/jsonw.h"

#define SIM_CANDIDATES 64
#define SIM_RUNS 100000
#define SIM_MS_MAX INT64_C(2592000000) /* 30 days */

/* How an attempt ends. */
typedef struct sim_end {
	int64_t code; /* 0: it answers; else LLM_E_* */
	int64_t first_token_ms; /* -1: when it is whole */
	int64_t total_ms; /* -1: with the first token */
	int64_t retry_after_ms; /* -1: it does not say */
} sim_end;

typedef struct sim_candidate {
	const char *id;
	int64_t position; /* in the text, 0 first */
	int64_t level;
	int64_t weight;
	int64_t limit; /* 0: none */
	int64_t local; /* 1, 0, -1: not said */
	int64_t loaded;
	int64_t input_picousd; /* -1: not known */
	int64_t output_picousd;
	int64_t max_input_tokens;
	sim_end end; /* as of now */
	/* what is known of it by now */
	stats usual;
	breaker health;
	uint32_t in_flight;
	/* sums */
	uint32_t first; /* plans that it stood first in */
	uint32_t asked;
	uint32_t answered;
} sim_candidate;

typedef struct sim_change {
	uint32_t candidate;
	sim_end end;
} sim_change;

/* One line: from then on candidates end so, and so many runs come. */
typedef struct sim_moment {
	int64_t at_ms;
	int64_t runs;
	int64_t every_ms;
	int64_t input_tokens;
	int64_t output_tokens; /* -1: not said */
	int64_t head_bytes;
	const char *head; /* what prompts begin with, or null */
	sim_change *changes;
	size_t n_changes;
} sim_moment;

typedef struct sim_run {
	uint64_t at_ms;
	int64_t wait_ms; /* to the first token; -1: no answer */
	int32_t code;
	uint32_t answered; /* UINT32_MAX: nobody */
	const sim_moment *moment;
	const char *why; /* the first of the plan is the first; "" */
	const char *refused; /* why the policy was not followed, or null */
	uint8_t *order; /* numbers of candidates */
	uint8_t *asked;
	uint32_t n_order;
	uint32_t n_asked;
	uint64_t tried; /* bit N: candidate N */
	uint64_t affinity_key;
	uint64_t begun_ms; /* the attempt that is under way */
	sim_end end; /* of it, as it was decided when it began */
	breaker_ticket ticket;
} sim_run;

typedef struct sim_world {
	arena *mem;
	const char *name; /* of the text */
	const char *policy; /* its name */
	host_config_item *options; /* of the policy, as text */
	size_t n_options;
	int64_t seed;
	int64_t local_only;
	sim_candidate *candidates; /* in byte order of their ids */
	uint32_t n;
	sim_moment *moments;
	size_t n_moments;
	sim_run *runs; /* simulate_run makes them */
	uint32_t n_runs;
} sim_world;

/*
 * Reads the text; everything lives in `mem`. LLM_E_INVALID_REQUEST naming file, line, key and
 * what is expected; LLM_E_NOMEM.
 */
int32_t simulate_read(
	const char *text, size_t len, const char *name, arena *mem, sim_world *ret, llm_err *err);

/* Who ranks. All null: the order of the text. */
typedef struct sim_policy {
	rank_policy rank;
	const llm_policy_info *info;
	instance *seat; /* for the brackets around a plugin's calls, or null */
} sim_policy;

/* All runs to their end. LLM_E_NOMEM. */
int32_t simulate_run(sim_world *w, const sim_policy *p, llm_err *err);

/* The report as one JSON object, "llm.simulation/1". */
int32_t simulate_write(const sim_world *w, jsonw *out);

#endif
