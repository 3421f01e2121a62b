/*
 * cache.h - stored answers: kept in memory, and as rows of llm_cache (R-CACHE-18).
 *
 * Values are bytes of answer.h under the key of canonical.h, which holds the workspace. The
 * store in memory belongs to one thread. A value that is not what was stored is never handed
 * out: it is deleted, and that is told.
 */
#ifndef LLM_STORE_CACHE_H
#define LLM_STORE_CACHE_H

#include "base/hash.h"
#include "llm/rows.h"
#include "store/job.h"

#define CACHE_FORMAT 1 /* entries of another one are misses */
#define CACHE_SIZE ((size_t)64 << 20)
#define CACHE_ENTRY ((size_t)1 << 20)
#define CACHE_ROW 256 /* what a row takes beside its value */
#define CACHE_BATCH 500 /* rows that are deleted in one transaction */

enum { CACHE_MISS = 0, CACHE_HIT, CACHE_DAMAGED };

typedef struct cache_entry cache_entry;

typedef struct cache_found {
	llm_bytes value; /* until the next put, drop or lookup */
	int64_t created_us;
} cache_found;

/* What is asked for. An exact lookup goes by the key only. */
typedef struct cache_question {
	const char *workspace;
	const char *key;
	llm_bytes canonical; /* the request that the key was made of */
	int64_t now_us;
	int64_t max_age_us; /* 0: any */
} cache_question;

/*
 * Another way to find an answer: by likeness, say (R-CACHE-19). CACHE_HIT and *ret, or
 * CACHE_MISS. It is asked where the exact lookup found nothing, on the loop thread: it has
 * to be quick.
 */
typedef int (*cache_lookup_fn)(void *ctx, const cache_question *q, cache_found *ret);

typedef struct cache {
	const llm_allocator *mem;
	size_t size_max; /* bytes, of values and what it takes to keep them */
	size_t entry_max; /* of a value */
	size_t used;
	size_t n;
	cache_entry **buckets;
	size_t n_buckets; /* a power of two */
	cache_entry *newest; /* used last */
	cache_entry *oldest;
	uint64_t evicted; /* entries that made room for others */
	int64_t expiry_us; /* no entry expires before; INT64_MAX: there is none */
} cache;

/* 0 stands for the default. */
void cache_init(cache *c, const llm_allocator *mem, size_t size_max, size_t entry_max);
void cache_done(cache *c);
/* LLM_E_TOO_LARGE (longer than an entry may be), LLM_E_NOMEM. */
int32_t cache_put(
	cache *c, const char *key, const llm_bytes *value, int64_t now_us, int64_t expires_us);
/* An entry that has expired, or is not what was stored, is gone behind it. */
int cache_get(cache *c, const cache_question *q, cache_found *ret);
void cache_drop(cache *c, const char *key);

/* Microseconds from `created_us`; never below 0, also when a clock was set back (R-CACHE-10). */
int64_t cache_age_us(int64_t created_us, int64_t now_us);
/* `ttl_ms` from now, and up to a tenth of it less by `chance`. */
int64_t cache_expiry_us(int64_t now_us, uint64_t ttl_ms, uint64_t chance);

/* ---- as rows ---- */

typedef struct cache_put_row {
	const char *workspace;
	const char *key;
	const char *run_id;
	const char *candidate;
	llm_bytes value;
	int64_t now_us;
	int64_t expires_us;
} cache_put_row;

/* The operation that stores an answer; all is copied. LLM_E_NOMEM. */
int32_t cache_row_put(llm_job *j, const cache_put_row *from);
/* LLM_OP_CACHE_TOUCH or LLM_OP_CACHE_DROP. LLM_E_NOMEM. */
int32_t cache_row_of(llm_job *j, uint32_t kind, const char *workspace, const char *key);
/* LLM_OP_CACHE_TRIM to so many bytes. LLM_E_NOMEM. */
int32_t cache_row_trim(llm_job *j, size_t bytes);
/* Is the row an answer to the question? As cache_get. */
int cache_row_read(const llm_cache_row *row, const cache_question *q, cache_found *ret);

#endif
