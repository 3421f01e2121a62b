/*
 * bucket.h - so many units a minute, saved up for at most a minute. Pure.
 */
#ifndef LLM_ROUTE_BUCKET_H
#define LLM_ROUTE_BUCKET_H

#include "llm/base.h"

#define BUCKET_MAX INT64_C(1000000000000) /* units a minute */

typedef struct bucket {
	int64_t per_minute; /* 0: no limit */
	int64_t parts; /* what is there, in units / 60000; below zero after a correction */
	uint64_t at_ms; /* filled up to then */
} bucket;

/* Full. `per_minute` 0 to BUCKET_MAX. */
void bucket_init(bucket *b, int64_t per_minute, uint64_t now_ns);
/*
 * When `units` are there: now_ns or earlier means now. More than a minute's worth counts
 * as a minute's worth, or it would never be.
 */
uint64_t bucket_ready_ns(const bucket *b, int64_t units, uint64_t now_ns);
void bucket_take(bucket *b, int64_t units, uint64_t now_ns);
/* `taken` were taken by an estimate; it came out as `real`. */
void bucket_correct(bucket *b, int64_t taken, int64_t real);

#endif
