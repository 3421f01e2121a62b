/*
 * llm/simulate.h - a policy tried on a written course of events, before anybody is asked.
 *
 * The text says which candidates there are, how each ends an attempt and when runs come
 * (docs/routing.md). What the policy plans, who would have answered and how long each run
 * waits follows from the text alone: no network, no clock, no chance.
 */
#ifndef LLM_SIMULATE_H
#define LLM_SIMULATE_H

#include "service.h"

LLM_EXTERN_C_BEGIN

typedef struct llm_simulation llm_simulation;

/* Zero means default. Strings are read during the call only. */
typedef struct llm_simulate_opts {
	uint32_t struct_size;
	uint32_t reserved;
	const char *name; /* of the text, for messages; null: "outcomes" */
	const char *policy; /* instead of the one that the text names; or null */
} llm_simulate_opts;

#define LLM_SIMULATE_OPTS_INIT \
	{ \
		.struct_size = (uint32_t)sizeof(llm_simulate_opts) \
	}

/*
 * Runs all of a text to its end.
 * @param opts  where plugins are looked for and which memory is used, as for a service that
 *              would be made with them; may be null
 * @param text  `len` bytes; borrowed
 * @param how   may be null
 * @param ret   freed with llm_simulation_free
 * @param err   filled on failure; may be null
 * @return 0; LLM_E_INVALID_REQUEST: the text, naming line, key and what is expected;
 *         LLM_E_CONFIG, LLM_E_PLUGIN: the configuration, the policy; LLM_E_NOMEM
 * [any]
 */
LLM_API int32_t llm_simulate(const llm_service_opts *opts, const char *text, size_t len,
	const llm_simulate_opts *how, llm_simulation **ret, llm_err *err);

/*
 * The report: one JSON object "llm.simulation/1", NUL-terminated. Lives until
 * llm_simulation_free.
 * @param ret_len  its length in bytes; may be null
 * [any]
 */
LLM_API const char *llm_simulation_json(const llm_simulation *s, size_t *ret_len);

/* Accepts null. [any] */
LLM_API void llm_simulation_free(llm_simulation *s);

LLM_EXTERN_C_END
#endif
