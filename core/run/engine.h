/*
 * engine.h - what is in the memory of a local engine, asked beside the runs that use it.
 *
 * While runs use a provider that is to be watched it is asked at most every ENGINE_MS which
 * models are loaded. No run waits for that; plans and first_token_warm go by the last answer.
 * Loop thread only.
 */
#ifndef LLM_RUN_ENGINE_H
#define LLM_RUN_ENGINE_H

#include "call.h"

#define ENGINE_MS 5000

/* A run has begun: asks those of its providers whose time has come. */
void engine_look(llm_call *c);
/* The end of such a question. */
void engine_ended(llm_call *c, int32_t code);
/* The service ends: nobody waits for an answer. */
void engine_stop(llm_service *svc);

#endif
