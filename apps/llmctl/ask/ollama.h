/*
 * ollama.h - the little that llmctl knows about one provider: how to begin without
 * any configuration.
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

#endif
