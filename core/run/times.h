/*
 * times.h - how long a run may take at each step, and how often it may ask.
 *
 * The nearest that speaks wins: the call, the profile, the provider, the top level, what the
 * plugin describes, the library.
 */
#ifndef LLM_RUN_TIMES_H
#define LLM_RUN_TIMES_H

#include "call.h"

/* Of one candidate. `profile` null: a model was named. */
void times_target(
	const llm_call *c, target *t, const conf_profile *profile, const llm_call_opts *opts);
/* When it counts as slow; of one candidate among several. */
void times_slow(const llm_call *c, target *t, const conf_profile *profile);
/* Of the run, when its candidates are known. */
void times_run(llm_call *c, const conf_profile *profile, const llm_call_opts *opts);
/* Fills c->res.error with `code`: the limit of LLM_PHASE_* has passed. */
void times_explain(llm_call *c, uint32_t phase, int32_t code);

#endif
