/*
 * planning.h - from the candidates of a run to the order in which they are asked.
 *
 * Most runs need nothing of this: one candidate, or several in order that can all do the
 * same. Else everything a plan depends on is frozen into a snapshot and ranked by the
 * profile's policy (route/rank.h). Loop thread only.
 */
#ifndef LLM_RUN_PLANNING_H
#define LLM_RUN_PLANNING_H

#include "call.h"

/*
 * Brings c->plan into the order in which it is asked; who is not to be asked is left out.
 * LLM_E_UNSUPPORTED, LLM_E_CONTEXT_LENGTH_EXCEEDED, LLM_E_NO_CANDIDATE when nobody is left,
 * LLM_E_CONFIG, LLM_E_NOMEM, with c->res.error filled.
 */
int32_t planning_run(llm_call *c);
/* decision.c: the plan that was just made, for the record. Short of memory there is none. */
void decision_plan(llm_call *c);
/* decision.c: the whole record, at the end of the run. */
void decision_end(llm_call *c);
/* What the model of a target can do. `scratch` is used where nothing can be kept. */
const caps_matrix *planning_caps(llm_call *c, const target *t, caps_matrix *scratch);
/* LLM_LOCALITY_*: where it computes. */
uint32_t planning_locality(llm_call *c, const target *t);
/* May a target of another chain be asked at all? */
int planning_fits(llm_call *c, const target *t);
/* About how many tokens the request has; counted once. */
int64_t planning_tokens(llm_call *c);

#endif
