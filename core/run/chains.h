/*
 * chains.h - where a run goes on when a request is too long, or its answer is withheld.
 *
 * Those two failures would be the same at the next candidate of the profile, so they have
 * chains of their own, and without one they are the end (R-ROUTE-10). Chains never nest.
 */
#ifndef LLM_RUN_CHAINS_H
#define LLM_RUN_CHAINS_H

#include "call.h"

/* In which chains a target stands. */
enum { CHAIN_GENERAL = 1, CHAIN_CONTEXT = 2, CHAIN_CONTENT = 4 };

/* How many of a chain could be asked after this run's last failure. */
uint32_t chains_left(llm_call *c, uint32_t chain);
/* The chain that goes on after `code`, or 0. */
uint32_t chains_after(int32_t code);
/* The run goes on in a chain: its first target, or null. */
target *chains_enter(llm_call *c, uint32_t chain);
/* The order of a target in the chain that the run is in; equal in the general one. */
uint32_t chains_place(const llm_call *c, const target *t);

#endif
