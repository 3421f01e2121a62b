/*
 * quota.h - how much a provider may be asked again, so that retries never become the load.
 *
 * A bucket of tokens for each endpoint (R-RETRY-10), and a share of what is on the wire
 * for each provider (R-RETRY-11). First attempts, fallbacks, recoveries and the free retry
 * before the first byte need neither.
 */
#ifndef LLM_RUN_QUOTA_H
#define LLM_RUN_QUOTA_H

#include "llm/base.h"

#define QUOTA_FULL 100 /* tokens */
#define QUOTA_RETRY 5 /* what a retry costs, */
#define QUOTA_RETRY_TIMEOUT 10 /* and one after a TIMEOUT */
#define QUOTA_FIRST 1 /* what a success at the first try gives back */
#define QUOTA_FEW 3 /* so many retries may be on the wire in any case, */
#define QUOTA_SHARE 5 /* or one in so many attempts */

typedef struct quota { /* of an endpoint */
	uint32_t tokens;
} quota;

typedef struct quota_wire { /* of a provider: attempts on the wire now */
	uint32_t attempts; /* retries among them */
	uint32_t retries;
} quota_wire;

void quota_init(quota *q);

/* 1 when a retry after `cause` (LLM_E_*) may be made now. */
int quota_allows(const quota *q, const quota_wire *w, int32_t cause);
/* A retry after `cause` was decided. Returns what it costs; only when quota_allows. */
uint32_t quota_spend(quota *q, int32_t cause);
/* That retry succeeded, or will not be made after all. */
void quota_give_back(quota *q, uint32_t cost);
/* A run succeeded at its first try. */
void quota_reward(quota *q);

/* An attempt goes on the wire. */
void quota_begin(quota_wire *w);
/* A retry does: 1, or 0 when too many of them are there; then it must not begin. */
int quota_begin_retry(quota_wire *w);
/* `retry`: it began with quota_begin_retry. */
void quota_end(quota_wire *w, int retry);

#endif
