/*
 * upstream.h - a provider as a service uses it: its plugin's instance, where it is
 * and which key it gets. Of several endpoints each is one of its own.
 */
#ifndef LLM_RUN_UPSTREAM_H
#define LLM_RUN_UPSTREAM_H

#include "address.h"
#include "quota.h"
#include "route/limiter.h"
#include "service.h"

/* What is known of it whatever configuration is in force: by its id, loop thread only. */
typedef struct upstream_use {
	limit_provider slots;
	quota quota; /* of its endpoint */
	quota_wire wire;
	uint64_t engine_ns; /* it may be asked again then what it has in memory */
} upstream_use;

typedef struct upstream {
	const char *name;
	const char *id; /* "work", or "work#eu" for one of its endpoints by name */
	const char *title; /* how messages call it: its own name, or its plugin's label */
	const conf_provider *conf; /* made up for an implicit one */
	const conf_endpoint *end; /* which of its endpoints */
	const plugin *plug;
	instance *in;
	address at;
	const conf_secret *key; /* null: none to be had */
	const char *key_names; /* "GEMINI_API_KEY or ...", for messages; may be "" */
	const char *key_setting; /* how messages call its key */
	int key_needed;
	uint32_t locality;
	const char *proxy; /* null: none */
	const char *no_proxy; /* hosts that are reached without it, or null */
	arena ar;
	uint32_t most; /* attempts at a time, */
	uint32_t queue_max; /* and of others that wait */
	upstream_use *use;
} upstream;

/* "work" or "work#eu", loaded at first use; lives as long as `set`. LLM_E_INVALID_REQUEST, LLM_E_PLUGIN, LLM_E_CONFIG, LLM_E_NOMEM. */
int32_t upstream_get(confset *set, const char *name, upstream **ret, llm_err *err);
void upstream_free(confset *set, upstream *up);
/*
 * unknown.c: adds to `err`, which says why provider `name` cannot be had, the nearest names
 * that there are. `p` is what stands for it; null: only what is configured counts. Returns
 * the code of `err`.
 */
int32_t upstream_unknown(confset *set, const char *name, const conf_provider *p, llm_err *err);
/* proxy.c: by which proxy it is reached. LLM_E_CONFIG, LLM_E_NOMEM. */
int32_t upstream_proxy(confset *set, upstream *up, llm_err *err);

#endif
