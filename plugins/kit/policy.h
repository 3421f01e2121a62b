/*
 * policy.h - what policies share. Integers only, no state.
 */
#ifndef LLM_KIT_POLICY_H
#define LLM_KIT_POLICY_H

#include "llm/abi/policy.h"

/* 64 well mixed bits of a seed and an id: the same for this pair whoever else is there. */
uint64_t kit_mix(uint64_t seed, const char *id);
/* Below zero, at zero or above it, as `a` stands before `b` whatever their scores are. */
int kit_group(const llm_candidate_view *a, const llm_candidate_view *b);
/* An option that is a whole number, or `preset` when nothing is said. */
int64_t kit_config_int(const llm_host *host, const char *key, int64_t preset);
int kit_config_bool(const llm_host *host, const char *key); /* a switch */

/* Slots for the table. There is nothing to keep, but an instance is never null. */
int32_t kit_create_empty(const llm_host *host, void **ret_instance);
/* What was allocated for an instance goes with its host. */
void kit_destroy(void *instance);

#endif
