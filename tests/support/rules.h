/*
 * rules.h - retries, retry quota and breakers once more, slowly: written from the rules
 * of docs/behaviour.md, without the core's code or its table of errors.
 *
 * Nothing is counted on the way: everything that happened is kept, and each question is
 * answered by going through it from the beginning.
 */
#ifndef TESTS_RULES_H
#define TESTS_RULES_H

#include "llm/error.h"

#define RULES_LOG 100 /* of anything in one history */

enum { RULES_END, RULES_SAME, RULES_NEXT };

/* ---- a run ---- */

typedef struct rules_attempt { /* one that was begun, and how it failed */
	int candidate;
	int free;
	int32_t code;
	int unsent, silent, reused, forbidden, wanted;
	int64_t server_ms;
	int answer; /* RULES_* that its failure was given, once that is done */
	int immediate; /* RULES_SAME without a wait because the connection was a kept one */
	uint64_t wait_ns; /* of RULES_SAME */
} rules_attempt;

typedef struct rules_settings {
	uint32_t per_candidate, in_all;
	int fastest;
	uint64_t patience_ns, longest_delay_ns, least_ns;
} rules_settings;

typedef struct rules_run {
	rules_settings set;
	uint64_t deadline_ns;
	int committed;
	rules_attempt log[RULES_LOG]; /* the last one is the one that has just failed */
	int n;
} rules_run;

typedef struct rules_scene {
	uint64_t now_ns, chance;
	int untried, peers, context, content, on_invalid, affordable, refused;
} rules_scene;

typedef struct rules_answer {
	int what; /* RULES_* */
	int free, immediate, no_budget, no_time;
	uint64_t at_ns;
} rules_answer;

rules_answer rules_decide(const rules_run *r, const rules_scene *s);

/* ---- the quota ---- */

enum { RULES_SPENT, RULES_RETURNED, RULES_FIRST_TRY };

typedef struct rules_quota {
	struct {
		int what;
		int32_t cause;
	} log[RULES_LOG];
	int n;
} rules_quota;

int rules_tokens(const rules_quota *q);
int rules_affordable(const rules_quota *q, int on_wire, int retries, int32_t cause);

/* ---- a breaker ---- */

enum { RULES_CLOSED, RULES_HALF_OPEN, RULES_OPEN };

typedef struct rules_breaker {
	int state;
	int changes; /* of the state, so far */
	int probe_out, probe_successes;
	uint64_t until_ns, cool_ns, resort_ns, closed_ns;
	struct {
		uint64_t ns;
		int good, late;
	} seen[RULES_LOG]; /* since it was closed last */
	int n_seen;
	uint64_t opened[RULES_LOG]; /* for failures, not for the account */
	int n_opened;
	uint64_t calm_end_ns; /* of the last long time of being closed */
	uint64_t missing_ns; /* its model is not there, as it said then; 0: it did not */
	int missing_changes; /* `changes` behind that */
} rules_breaker;

typedef struct rules_ticket {
	int changes;
	int probe; /* holds the place */
	int counts; /* as a probe */
} rules_ticket;

/* `who`: 0 as usual, 1 by what the run itself caused, 2 as a last resort. */
int rules_admit(rules_breaker *b, int who, uint64_t now_ns, rules_ticket *ret);
void rules_settle(rules_breaker *b, rules_ticket t, int32_t code, int64_t server_ms,
	uint64_t now_ns, uint64_t chance);
/* It is not asked for that (R-CACHE-16). */
int rules_is_missing(const rules_breaker *b, uint64_t now_ns);
uint64_t rules_ready_ns(const rules_breaker *b, uint64_t now_ns);

#endif
