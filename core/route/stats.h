/*
 * stats.h - how long a candidate usually takes to its first token, in integers.
 *
 * A mean in which a sample weighs the more the longer the last one is past: after 10 s
 * what was known counts for e^-1. Read later, it has shrunk by the same: a candidate that
 * was slow and is left alone is tried again. Samples are of successes, with the time for
 * loading a model taken off (R-ROUTE-8).
 */
#ifndef LLM_ROUTE_STATS_H
#define LLM_ROUTE_STATS_H

#include "llm/base.h"

#define STATS_DECAY_MS 10000

typedef struct stats { /* all zero: nothing known */
	uint64_t samples;
	uint64_t at_ms; /* of the newest */
	int64_t latency_us;
} stats;

/* first_token_us, load_us: of a success; below zero: not known. */
void stats_add(stats *s, int64_t first_token_us, int64_t load_us, uint64_t now_ms);
/* The usual time as of now; -1 before the first sample. */
int64_t stats_latency_us(const stats *s, uint64_t now_ms);
/* `value` times e^(-ms / 10 s), rounded down; `value` not negative. */
int64_t stats_decay(int64_t value, uint64_t ms);

#endif
