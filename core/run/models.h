/*
 * models.h - what a provider lists, as rows of an llm_models.
 */
#ifndef LLM_RUN_MODELS_H
#define LLM_RUN_MODELS_H

#include "call.h"

int32_t models_new(const llm_allocator *mem, llm_models **ret);
void models_free(llm_models *m);
/* The provider's tables, when it has them whole; 0 when not. */
int models_list(instance *in, llm_models_ext *ret);
int models_state(instance *in, llm_state_ext *ret);
int models_one(instance *in, llm_model_ext *ret);
/* What is known of the call's model now, whoever said it. Loop thread. */
void models_matrix(llm_call *c);
/* Hands a reply to the provider's extension; rows go to the call's models. */
int32_t models_parse(attempt *a, const llm_reply_view *reply);

#endif
