/*
 * storage.h - the storage of a configuration, for the public functions.
 */
#ifndef LLM_API_STORAGE_H
#define LLM_API_STORAGE_H

#include "conf/conf.h"
#include "run/service.h"
#include "store/storage.h"

/* The storage of the section `storage`. LLM_E_PLUGIN, LLM_E_CONFIG, LLM_E_NOMEM. */
int32_t storage_configured(const conf *cf, plugins *ps, const llm_allocator *mem, const logger *log,
	llm_storage **ret, llm_err *err);

/*
 * Runs of the service are recorded from now on: opens the storage, looks at its schema,
 * reaps, takes a lease and starts a runner. Nothing where `ledger` is off.
 */
int32_t storage_attach(llm_service *svc, const llm_service_opts *opts, llm_err *err);

#endif
