/*
 * caching.h - answers of earlier runs told again, and new ones kept (R-CACHE-1 to R-CACHE-18).
 *
 * A call that may use stored answers, or share its attempt with equal ones, has a call_cache;
 * others pay a look at a null pointer. The store in memory belongs to the loop thread; that
 * in the storage is asked by jobs, which come back through `returned`. Whatever goes wrong is
 * a miss, or an answer that is not kept: a warning, and a count.
 */
#ifndef LLM_RUN_CACHING_H
#define LLM_RUN_CACHING_H

#include <stdatomic.h>

#include "conf/conf.h"
#include "llm/service.h"
#include "store/cache.h"

struct llm_call;
struct llm_service;
struct flight;
struct target;

#define CACHING_PATIENCE_NS (50 * NS_PER_MS) /* a run's lookups are not waited for any longer */
#define CACHING_TTL_MS UINT64_C(86400000)
#define CACHING_SHARES 16 /* of cache.size */

/* A job on its way through the storage; in its arena. */
typedef struct cache_trip {
	struct cache_trip *next;
	struct llm_service *svc;
	struct llm_call *c; /* held: it waits; or null */
	llm_job *job;
	int32_t code;
} cache_trip;

/* Of a call; in its arena. */
typedef struct call_cache {
	uint32_t mode; /* CACHE_* */
	uint32_t shares; /* it may be of a flight */
	uint64_t ttl_ms;
	uint64_t max_age_ms; /* 0: any */
	struct target *of; /* whose key it is */
	char key[SHA256_HEX];
	buf canonical; /* that it was made of */
	size_t seen; /* candidates of the plan that were looked for */
	uint64_t until_ns; /* the storage is waited for until then; 0: it was not asked yet */
	struct flight *flight; /* that it is in, */
	struct llm_call *behind; /* and who came next */
} call_cache;

typedef struct caching {
	cache memory;
	cache_lookup_fn lookup; /* or null */
	void *lookup_ctx;
	struct flight **flights; /* flight.c */
	_Atomic(cache_trip *) returned;
	uint64_t warned_ns; /* faults are warned of once a second at most */
	size_t n_out; /* trips */
	size_t grown; /* bytes put into the storage since its size was looked at */

	_Atomic uint64_t hits;
	_Atomic uint64_t misses;
	_Atomic uint64_t bypasses;
	_Atomic uint64_t stored;
	_Atomic uint64_t not_stored; /* too long, or of no use to others */
	_Atomic uint64_t faults;
	_Atomic uint64_t coalesced;
	_Atomic uint64_t evicted; /* expired, or not used for longest */
} caching;

/* From the configuration. LLM_E_CONFIG where answers are to be in a storage and there is none. */
int32_t caching_init(struct llm_service *svc, const llm_service_opts *opts, llm_err *err);
void caching_done(struct llm_service *svc);

/* 1 when some run may use stored answers or share an attempt. */
static inline int caching_is_on(const conf *c)
{
	return (c->cache.mode & (CACHE_READ | CACHE_WRITE)) || c->cache.coalesce;
}

/*
 * At submit, of a service where caching_is_on: what the call may do. LLM_E_WORKSPACE_REQUIRED,
 * LLM_E_INVALID_REQUEST (a mode that does not exist), LLM_E_NOMEM.
 */
int32_t caching_open(struct llm_call *c, const struct llm_call_opts *opts, llm_err *err);
/* The call goes: what it holds beside its arena. */
void caching_forget(struct llm_call *c);
/*
 * The run has its plan: 0, and it goes on; or 1, and it has ended with a stored answer, or
 * run_proceed follows when the storage has spoken.
 */
int caching_look(struct llm_call *c);
/*
 * Behind the lookup, with the same key: 1 when an equal run has left its answer since, and the
 * call has ended with it. Answers on their way into the storage are kept in memory as well.
 */
int caching_came(struct llm_call *c);
/* The storage has not answered in time. */
void caching_late(struct llm_call *c);
/* The run has succeeded: what of it may be told again is kept. */
void caching_store(struct llm_call *c);
/*
 * What has come back from the storage, newest first. Taken before the ledger's rows are looked at:
 * a run whose row came back before an answer was put boards while the answer is still in memory.
 */
cache_trip *caching_returned(struct llm_service *svc);
void caching_collect(struct llm_service *svc, cache_trip *returned);

static inline void caching_count(_Atomic uint64_t *n)
{
	atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

/* ---- between caching.c and caching_keep.c ---- */

/* So much may be written before the storage's size is looked at again. */
size_t caching_share(const struct llm_service *svc);

/* A fault is counted, and told about once a second at most. */
void caching_warn(struct llm_service *svc, const char *what, int32_t code);
cache_question caching_question(const struct llm_call *c);
/* 1 when the call has ended with it. */
int caching_tell(struct llm_call *c, const cache_question *q, const cache_found *f);
/* What is stored under its key is of no use. */
void caching_drop(struct llm_call *c);
/* The next candidate. 1: it has ended, or waits for the storage; 0: nothing was found. */
int caching_go_on(struct llm_call *c);
/* 1: the storage is asked for an answer. */
int caching_ask(struct llm_call *c);
/* LLM_OP_CACHE_TOUCH or LLM_OP_CACHE_DROP of its key. */
void caching_row(struct llm_call *c, uint32_t kind);
/* Its key and canonical form for one candidate. LLM_E_INVALID_REQUEST, LLM_E_NOMEM. */
int32_t caching_key(struct llm_call *c, struct target *t, llm_err *err);

#endif
