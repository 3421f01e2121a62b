/*
 * routing.h - what a service plans with: the policy of each profile, with what it remembers.
 *
 * Made from a configuration once. A policy that cannot be had is remembered with the reason
 * and fails the runs that need it. Loop thread only, but for what never changes.
 */
#ifndef LLM_RUN_ROUTING_H
#define LLM_RUN_ROUTING_H

#include "conf/conf.h"
#include "pricing.h"
#include "route/rank.h"
#include "service.h"

#define ROUTING_LATE_NS (5 * NS_PER_MS) /* a rank that takes longer is late */
#define ROUTING_LATE_MOST 3 /* in a row; then its profile is planned in order */

typedef struct route_profile {
	const char *name;
	/* set when it is made, then read-only */
	rank_policy policy; /* vt null: in the order of the profile */
	const llm_policy_info *info; /* null: as above */
	instance *in; /* null: built in, or the host's own */
	const llm_err *problem; /* the policy cannot be had; else null */

	/* loop thread */
	char *state; /* the policy's, or null */
	size_t state_len;
	uint32_t late; /* in a row */

	/* written by the loop thread, read by any */
	_Atomic uint32_t given_up; /* it was late too often */
	_Atomic uint64_t n_ranked;
	_Atomic uint64_t n_late;
	_Atomic uint64_t n_refused;
} route_profile;

typedef struct routing {
	llm_service *svc;
	confset *set; /* which it is part of */
	arena ar;
	route_profile *profiles; /* as the configuration has them */
	size_t n;
	pricing prices;
	/* loop thread: reused from plan to plan */
	snapshot snap;
	plan made;
} routing;

/* LLM_E_NOMEM, or LLM_E_CONFIG for options that a policy does not have. */
int32_t routing_new(confset *set, routing **ret, llm_err *err);
void routing_free(routing *r);
/*
 * What the policies of another configuration remember, and what was counted of them, goes on
 * where they are the same. One that was given up is tried again.
 */
void routing_adopt(routing *r, const routing *before);
/* Null for a profile that is not there, and for null. */
route_profile *routing_profile(routing *r, const char *name);
/*
 * A host's own router for a profile, or for all with null, before the first run. LLM_E_NOT_FOUND
 * when there is no such profile. What `policy` and `info` (may be null) point to outlives `r`.
 */
int32_t routing_router(
	routing *r, const char *profile, const rank_policy *policy, const llm_policy_info *info);
uint64_t routing_now_ms(const routing *r);

/*
 * Ranks r->snap, which is sealed, into r->made by the policy of `p` (null: in order). What a
 * policy does wrong is logged and counted. As rank_plan.
 */
int32_t routing_rank(routing *r, route_profile *p, llm_err *err);
/* An attempt has ended: the policy may remember something of it. */
void routing_outcome(routing *r, route_profile *p, const llm_outcome *outcome);

#endif
