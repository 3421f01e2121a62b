/*
 * ollama.h - the little that llmctl knows about one provider: how to begin without
 * any configuration, and what to type when a model was not pulled.
 */
#ifndef LLMCTL_OLLAMA_H
#define LLMCTL_OLLAMA_H

#include "llm/service.h"

/*
 * The model to ask when nobody named one: the first that is loaded, else the first
 * there is, as "ollama/NAME" in `ret`. When there is none, LLM_E_CONFIG with three
 * lines that say how to get one.
 */
int32_t ollama_first_model(llm_service *svc, char *ret, size_t cap, llm_err *err);

/*
 * When `failed` says that a provider of kind Ollama lacks the model: two lines, how
 * to pull it and which models are there. Returns 1, else 0 with `ret` untouched.
 */
int ollama_pull_hint(llm_service *svc, const llm_err *failed, char *ret, size_t cap);

#endif
