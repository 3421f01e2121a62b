/*
 * confset.h - one configuration and what was made of it: its plugins, its providers.
 *
 * A service has one in force; a reload puts another in its place at once. A run keeps the
 * one it was planned with until it ends, so what it points at stays. One that nobody uses
 * any more is taken apart on the loop thread, where plugins are called.
 */
#ifndef LLM_RUN_CONFSET_H
#define LLM_RUN_CONFSET_H

#include <stdatomic.h>

#include "base/idmap.h"
#include "conf/conf.h"
#include "plugin/plugin.h"

struct routing;

typedef struct confset {
	llm_service *svc;
	atomic_int refs; /* the service's as long as it is in force, and one of each run */
	atomic_int lent; /* the host was given text of it, which lives as long as the service */
	conf *conf; /* held */
	plugins *plugins;
	struct routing *routing;
	idmap upstreams; /* name -> upstream; under the service's lock */
	struct confset *next; /* under the service's lock: of those that nobody uses */
} confset;

/*
 * Reads and checks a configuration and looks where its plugins are; loads none. `before`:
 * whose environment counts; null: the process's. LLM_E_CONFIG, LLM_E_NOMEM.
 */
int32_t confset_load(llm_service *svc, const llm_service_opts *opts, const conf *before,
	confset **ret, llm_err *err);
/* The same configuration with other plugins, which it takes over when it succeeds. */
int32_t confset_with(const confset *set, plugins *ps, confset **ret, llm_err *err);
/* The one in force, held. Any thread. */
confset *confset_hold(llm_service *svc);
/* The same under the service's lock. */
confset *confset_hold_locked(llm_service *svc);
/* One more who holds it. Returns `set`. */
confset *confset_share(confset *set);
/* Gives it back; null is fine. Any thread: the last one leaves it to the loop. */
void confset_drop(confset *set);
/* Loop thread, or nothing runs any more: takes apart what nobody uses. */
void confset_sweep(llm_service *svc);
/* At the end of the service: also what was lent. */
void confset_sweep_all(llm_service *svc);
/* The one in force for reading by the host: what it is given stays. Any thread. */
const conf *confset_lend(llm_service *svc);

#endif
