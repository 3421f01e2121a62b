/*
 * lookup.h - what functions without a service need of one: a configuration, and the plugins
 * on the search path that a service with the same options would have.
 */
#ifndef LLM_API_LOOKUP_H
#define LLM_API_LOOKUP_H

#include "conf/conf.h"
#include "plugin/plugin.h"

/* 0 with both, else neither: what conf_load says, or LLM_E_NOMEM. `log` may be null. */
int32_t lookup_open(const llm_service_opts *opts, const llm_allocator *mem, const logger *log,
	conf **ret_conf, plugins **ret, llm_err *err);

#endif
