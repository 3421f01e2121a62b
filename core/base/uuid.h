/*
 * uuid.h - UUIDv7 (RFC 9562): sorted by time, monotonic within a millisecond.
 */
#ifndef LLM_BASE_UUID_H
#define LLM_BASE_UUID_H

#include "base/clock.h"

#define UUID_TEXT 37 /* with its NUL */

/* The last id given out, so that the next one is larger. Zero to begin with. */
typedef struct uuid_state {
	uint64_t last_ms;
	uint16_t counter;
} uuid_state;

/* Not thread-safe: the owner of `st` holds a lock. */
void uuid_v7(uuid_state *st, const llm_time_source *ts, char ret_text[UUID_TEXT]);

#endif
