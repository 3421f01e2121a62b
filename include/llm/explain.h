/*
 * llm/explain.h - why a run asked whom.
 *
 * Every plan is a pure function of what was known when it was made: the candidates, their
 * capabilities, health, load, prices and one random number. With LLM_CALL_EXPLAIN a run keeps
 * that as a record; with LLM_CALL_PLAN_ONLY or LLM_CALL_DRY_RUN it is all that a run does.
 * The record holds no prompt text and no secret.
 */
#ifndef LLM_EXPLAIN_H
#define LLM_EXPLAIN_H

#include "call.h"

LLM_EXTERN_C_BEGIN

/*
 * The record of a run's decision as one JSON object, schema "llm.decision/1":
 *   run_id, requested, profile   as in the result; profile is null where a model was named
 *   plan        "llm.plan/1": the policy, followed or refused; every candidate with what was
 *               known of it, why it was removed or its score, reason and rank; the order
 *   chosen      the candidate that answered, or null
 *   moves       each change of candidate: attempt, candidate, cause (an error's name)
 *   remembered  where nobody was asked, since every model is unknown to its provider: candidate,
 *               error, age_ms (since it said so)
 * @param r        the result of a call that has completed, also one that failed
 * @param ret_len  bytes without the NUL; may be null
 * @return the text, which lives until llm_call_free; null when nobody asked for it, or
 *         memory was short
 * [any]
 */
LLM_API const char *llm_result_decision(const llm_result *r, size_t *ret_len);

/*
 * Plans a request as llm_submit would, asks nobody, and waits for that: the result has the
 * decision. Also where nobody can answer *ret is set, and its result says why.
 * @param rq    becomes immutable
 * @param opts  may be null; LLM_CALL_PLAN_ONLY is added to its flags, on_event is not called
 * @param ret   the call, to be freed with llm_call_free; null when the request was refused
 * @param err   filled on failure; may be null
 * @return 0; LLM_E_UNSUPPORTED, LLM_E_NO_CANDIDATE or LLM_E_CONTEXT_LENGTH_EXCEEDED when no
 *         candidate is left; else as llm_submit
 * [any] [not-in-callback]
 */
LLM_API int32_t llm_plan(
	llm_service *svc, llm_request *rq, const llm_call_opts *opts, llm_call **ret, llm_err *err);

typedef struct llm_replay llm_replay;

/*
 * Makes the plan of a record again: its snapshot goes through the policy that it names, as
 * that is found now and with the options that its profile has now; what was not followed
 * then is not asked. Nobody is asked and nothing of the present counts, so where policy and
 * options are what they were the plan is the recorded one, byte for byte.
 * @param opts      where the configuration and plugins are looked for and which memory is
 *                  used, as for a service; may be null
 * @param decision  `len` bytes of "llm.decision/1": a text of llm_result_decision, or
 *                  decision_json of a run's row; borrowed
 * @param ret       freed with llm_replay_free
 * @param err       filled on failure; may be null
 * @return 0; LLM_E_INVALID_REQUEST for what is no such record, or not a whole one;
 *         LLM_E_UNSUPPORTED when it holds no snapshot, for there were more than 16
 *         candidates; LLM_E_PLUGIN: the policy cannot be had; LLM_E_CONFIG; LLM_E_NOMEM
 * [any]
 */
LLM_API int32_t llm_replay_new(const llm_service_opts *opts, const char *decision, size_t len,
	llm_replay **ret, llm_err *err);

/*
 * The record with the plan that was made again in the place of its own, NUL-terminated.
 * Lives until llm_replay_free.
 * @param ret_len  its length in bytes; may be null
 * [any]
 */
LLM_API const char *llm_replay_decision(const llm_replay *r, size_t *ret_len);

/* Accepts null. [any] */
LLM_API void llm_replay_free(llm_replay *r);

LLM_EXTERN_C_END
#endif
