/*
 * layers.h - the layers of a run, in the order in which it goes through them (R-CORE-1).
 *
 * A test may have itself told of each one that a run enters (`layer_fn` of the service);
 * without one this costs a look at a null pointer. What is switched off is not entered.
 * A new layer takes its place in the list: its number is its rank. Those inside an attempt
 * begin anew with each attempt.
 */
#ifndef LLM_RUN_LAYERS_H
#define LLM_RUN_LAYERS_H

#include "service.h"

enum {
	LAYER_VALIDATE = 1, /* on the thread that submits, with all that is refused there */
	LAYER_CLAIM, /* of an idempotency key */
	LAYER_PLAN,
	LAYER_CACHE, /* looks for a stored answer */
	LAYER_FLIGHT, /* shares the attempt of equal runs */
	LAYER_ATTEMPT, /* once for each */
	LAYER_CACHE_STORE,
	LAYER_FINALISE,
	LAYER_SETTLE, /* of the key */
	LAYER_COMPLETE
};

static inline void layer_enter(const llm_service *svc, uint32_t layer)
{
	if (svc->layer_fn)
		svc->layer_fn(svc->layer_ctx, layer);
}

#endif
