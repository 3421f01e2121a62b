/*
 * llm/router.h - a host's own router: in which order the candidates of a profile are asked.
 *
 * What a policy plugin is, without a file: the same snapshot, the same sinks
 * (abi/policy.h), and the host's own code. Not part of llm.h, because most hosts do with the
 * policies that there are.
 */
#ifndef LLM_ROUTER_H
#define LLM_ROUTER_H

#include "abi/policy.h"
#include "service.h"

LLM_EXTERN_C_BEGIN

/* Zero means absent. Text and lists are borrowed until destroy is called. */
typedef struct llm_router {
	uint32_t struct_size;
	uint32_t flags; /* LLM_POLICY_* */
	const char *name; /* in records, "[a-z][a-z0-9_]*"; null: "host" */
	void *ctx; /* first argument of what follows */
	/*
	 * Scores the candidates of a snapshot; required. It should be a pure function of it:
	 * then records can be replayed. What it says is checked: an unknown candidate, one twice
	 * or none at all ends the run with LLM_E_CONFIG, and so does a code other than 0. [loop]
	 */
	int32_t (*rank)(void *ctx, const llm_snapshot *snapshot, const llm_rank_sink *out);
	/* What is remembered of an attempt that ended; as in a policy's table. [loop] */
	int32_t (*on_outcome)(void *ctx, const llm_bytes *state, const llm_outcome *outcome,
		const llm_state_sink *out);
	/* Once, when the service has ended. */
	void (*destroy)(void *ctx);
	const llm_reason_info *const *reasons; /* of its scores, in words; null-terminated */
} llm_router;

#define LLM_ROUTER_INIT \
	{ \
		.struct_size = (uint32_t)sizeof(llm_router) \
	}

/*
 * Plans a profile by the host's own router instead of its policy, also after a reload. The
 * one set last counts.
 * @param profile  null: every profile. A model that is named without a profile is asked alone,
 *                 and nothing is ranked
 * @param router   copied as far as its struct_size reaches
 * @return 0; LLM_E_INVALID_REQUEST without rank; LLM_E_NOT_FOUND for a profile that is not
 *         configured; LLM_E_STATE while there are calls, or in a forked child; LLM_E_NOMEM.
 *         On failure destroy is not called
 * [owner] [not-in-callback]
 */
LLM_API int32_t llm_service_router(
	llm_service *svc, const char *profile, const llm_router *router, llm_err *err);

LLM_EXTERN_C_END
#endif
