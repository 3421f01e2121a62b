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

/*
 * Puts another build of a plugin in the place of the one in use, while runs are under way:
 * the file is checked and loaded as usual, and instances are made for all providers and
 * profiles; then runs that are submitted from now on use it. Runs under way end with the one
 * that they began with. Whatever fails leaves everything as it is. Nothing is ever unmapped:
 * the old one is kept, and a file of the same name and SHA-256 brings it back. A new file
 * must be renamed into its place: one that is written over changes under those who run it.
 * @param name  as the configuration names it, or an implicit provider's
 * @param path  an absolute path whose last part is NAME.so; null: it is looked for again
 * @return 0, also when it is the one in use; LLM_E_PLUGIN (also when it is another plugin by
 *         its id, or plugins.max_parked are mapped and not in use); LLM_E_CONFIG; LLM_E_STATE
 *         inside a callback, after shutdown or in a forked child; LLM_E_INVALID_REQUEST;
 *         LLM_E_NOMEM
 * [any] [not-in-callback]
 */
LLM_API int32_t llm_plugin_replace(
	llm_service *svc, const char *name, const char *path, llm_err *err);

/* What becomes of a plugin that was loaded. */
enum {
	LLM_GENERATION_ACTIVE = 1, /* new runs of this service use it */
	LLM_GENERATION_DRAINING = 2, /* somebody still uses it: runs under way, another service */
	LLM_GENERATION_RETIRED = 3 /* nobody does; it stays mapped */
};

/* Text lives until the process ends. */
typedef struct llm_generation {
	uint32_t struct_size;
	uint32_t state; /* LLM_GENERATION_* */
	const char *name;
	const char *path; /* from which it was loaded first */
	const char *id;
	const char *version;
	char sha256[65];
} llm_generation;

/*
 * Generation `i` of the plugins that this process has used, in order of loading. Set
 * ret->struct_size first.
 * @return 0; LLM_E_NOT_FOUND at the end; LLM_E_INVALID_REQUEST; LLM_E_NOMEM
 * [any]
 */
LLM_API int32_t llm_plugin_generation_at(llm_service *svc, uint32_t i, llm_generation *ret);

LLM_EXTERN_C_END
#endif
