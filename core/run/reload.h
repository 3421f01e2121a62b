/*
 * reload.h - another configuration, or other plugins, while runs are under way.
 *
 * What is new is made whole beside what is in force, by the thread that asks for it; then
 * one takes the place of the other under the service's lock. Runs that began keep what they
 * began with. Whatever fails, nothing has changed.
 */
#ifndef LLM_RUN_RELOAD_H
#define LLM_RUN_RELOAD_H

#include "service.h"

/* Where a configuration is read from: a copy of those options of a service. */
typedef struct source {
	llm_service_opts opts;
	char *bytes;
	size_t len;
} source;

/* Null when memory is short. */
source *source_copy(const llm_service_opts *opts, const llm_allocator *mem);
void source_free(source *s, const llm_allocator *mem);

/* `opts` null: from where it was read before. LLM_E_CONFIG, LLM_E_PLUGIN, LLM_E_NOMEM. */
int32_t service_reload(llm_service *svc, const llm_service_opts *opts, llm_err *err);
/*
 * Plugin `name`, as the configuration names it, is looked for anew or loaded from `path`, and
 * takes the place of the one in use. LLM_E_PLUGIN, LLM_E_CONFIG, LLM_E_NOMEM.
 */
int32_t service_replace(llm_service *svc, const char *name, const char *path, llm_err *err);
/* Loop thread: takes over the limits of what is in force since the last turn. */
void service_adopt(llm_service *svc);

#endif
