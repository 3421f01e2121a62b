/*
 * models.h - what a provider lists, as rows of an llm_models.
 */
#ifndef LLM_RUN_MODELS_H
#define LLM_RUN_MODELS_H

#include "call.h"

int32_t models_new(const llm_allocator *mem, llm_models **ret);
void models_free(llm_models *m);
/* Hands a reply to the provider's extension; rows go to c->models. */
int32_t models_parse(llm_call *c, const llm_reply_view *reply);

#endif
