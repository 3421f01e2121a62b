/*
 * explain.h - a plan for people and for the record: who was considered, kept or removed and
 * why, scores, places (R-ROUTE-14). No prompt text and no secret is in it.
 */
#ifndef LLM_ROUTE_EXPLAIN_H
#define LLM_ROUTE_EXPLAIN_H

#include "route/rank.h"
#include "wire/jsonw.h"

/* With more candidates the snapshot is not kept in full, so the plan cannot be replayed. */
#define EXPLAIN_FULL 16

/*
 * Why the policy gave candidate `i` its score, in words, cut at cap - 1 bytes; "" when it is
 * not in the plan. `info` null: it is in the order of the profile.
 */
void explain_reason(const plan *p, uint32_t i, const llm_policy_info *info, char *ret, size_t cap);

/* The record as one JSON object. `info` is of the policy that was asked, or null. */
int32_t explain_write(snapshot *s, const plan *p, const llm_policy_info *info, jsonw *w);

#endif
