/*
 * llm/config.h - reading a configuration without making a service.
 *
 * For tools that check a file or show what is in force and where it comes from.
 * Secrets are shown as "***", never as they are.
 */
#ifndef LLM_CONFIG_H
#define LLM_CONFIG_H

#include "service.h"

LLM_EXTERN_C_BEGIN

typedef struct llm_config llm_config;

/* Reads what a service with the same options would read, files of prices too. [any] */
LLM_API int32_t llm_config_load(const llm_service_opts *opts, llm_config **ret, llm_err *err);
LLM_API void llm_config_free(llm_config *cfg);

typedef struct llm_config_item {
	uint32_t struct_size;
	uint32_t reserved;
	const char *key; /* "providers.ollama.base_url" */
	const char *value; /* as it could be written in a file; secrets "***" */
	/* "/etc/llm/llm.conf:12", "environment LLM_...", "call"; of a secret ", env:NAME" behind it */
	const char *origin;
} llm_config_item;

/*
 * Item `i` in order of the key; LLM_E_NOT_FOUND at the end. Text lives with `cfg`. A key
 * that a provider's usual variable gives (GEMINI_API_KEY) is an item, as if it had been
 * configured. [owner]
 */
LLM_API int32_t llm_config_at(const llm_config *cfg, uint32_t i, llm_config_item *ret);

/*
 * What is not wrong enough to refuse the file, but will fail some runs: a missing
 * plugin, an unset variable, a variable LLM_* that nobody knows, two usual variables
 * for one key. One line each; null at the end. [owner]
 */
LLM_API const char *llm_config_warning_at(const llm_config *cfg, uint32_t i);

LLM_EXTERN_C_END
#endif
