/*
 * rank.h - from a sealed snapshot to the order in which candidates are asked.
 *
 * Pure: the same snapshot and policy give the same plan. Candidates that cannot answer
 * are removed with a reason; the rest is ordered by level, capability, health, the
 * policy's score and id (R-ROUTE-6). What a policy says is checked before it counts.
 */
#ifndef LLM_ROUTE_RANK_H
#define LLM_ROUTE_RANK_H

#include "route/snapshot.h"

/* Why a candidate is not in the plan. */
enum {
	RANK_KEPT = 0,
	RANK_SWITCHED_OFF,
	RANK_DRAINING,
	RANK_NOT_LOCAL, /* only local ones may be asked */
	RANK_LACKS, /* a capability: snapshot_candidate.missing */
	RANK_TOO_LONG, /* the request, for its window (R-ROUTE-13) */
	RANK_LEFT_OUT, /* by the policy */
	RANK_REASONS
};
const char *rank_reason_name(uint32_t removed); /* "kept", "lacks", ...; static */

typedef struct rank_policy {
	const llm_policy_vtable *vt; /* null: in the order of the profile */
	void *instance;
	const char *name;
	int strict; /* a bad answer is LLM_E_CONFIG: a host's own router (R-ROUTE-15) */
} rank_policy;

typedef struct rank_row { /* about candidate number i of the snapshot */
	uint32_t removed; /* RANK_* */
	uint32_t rank; /* place in the plan, 0 first; UINT32_MAX: not in it */
	uint32_t reason; /* of the policy's */
	uint32_t reserved;
	int64_t score;
	int64_t a;
	int64_t b;
} rank_row;

typedef struct plan_key plan_key;

/* Reused from plan to plan; its memory grows and stays. */
typedef struct plan {
	const llm_allocator *mem;
	rank_row *rows; /* one for each candidate of the snapshot */
	uint32_t *order; /* numbers of candidates, first to be asked first */
	uint32_t n;
	uint32_t n_order;
	const char *policy; /* that was followed: "ordered" after a refusal */
	char refusal[200]; /* why the policy was not followed; "" usually: warn and count */
	/* private */
	uint32_t cap;
	uint32_t scored;
	const llm_candidate_view **views;
	uint32_t *kept;
	plan_key *keys;
	plan_key *spare;
} plan;

void plan_init(plan *p, const llm_allocator *mem);
void plan_done(plan *p);

/*
 * 0 with at least one candidate in the order, or
 *   LLM_E_UNSUPPORTED              all lack something; the first of each is named
 *   LLM_E_CONTEXT_LENGTH_EXCEEDED  too long for those that would do else
 *   LLM_E_NO_CANDIDATE             none may be asked
 *   LLM_E_CONFIG                   a strict policy's answer is bad
 *   LLM_E_NOMEM
 * The rows are filled in every case but the last.
 */
int32_t rank_plan(const snapshot *s, const rank_policy *policy, plan *ret, llm_err *err);

#endif
