/*
 * llm/plugins.h - which plugins there are, and why one is taken or refused.
 */
#ifndef LLM_PLUGINS_H
#define LLM_PLUGINS_H

#include "service.h"

LLM_EXTERN_C_BEGIN

typedef struct llm_plugins llm_plugins;

typedef struct llm_plugin_row {
	uint32_t struct_size;
	uint32_t taken; /* 1: this file is the one that is used */
	const char *name; /* "ollama" */
	const char *path; /* the file */
	const char *source; /* why it was looked at: "LLM_PLUGIN_PATH", "plugins.path", ... */
	const char *reason; /* why taken or refused, one sentence */
	const char *id; /* the plugin's id, or null when it was not read */
	const char *version; /* or null */
	const char *licence; /* or null */
	const char *kinds; /* "llm.provider/1", several joined by ", ", or null */
	const char *label; /* of its provider part, or null */
	uint32_t abi_minor;
	uint32_t reserved;
} llm_plugin_row;

/*
 * Looks through the search path as a service with these options would.
 * @param name  only files of that plugin; null: all
 * [any]
 */
LLM_API int32_t llm_plugins_scan(
	const llm_service_opts *opts, const char *name, llm_plugins **ret, llm_err *err);
LLM_API uint32_t llm_plugins_count(const llm_plugins *plugins);
LLM_API int32_t llm_plugins_at(const llm_plugins *plugins, uint32_t i, llm_plugin_row *ret);
LLM_API void llm_plugins_free(llm_plugins *plugins);

LLM_EXTERN_C_END
#endif
