/*
 * uuid.h - UUIDv7 (RFC 9562): sorted by time, monotonic within a millisecond.
 */
#ifndef LLM_BASE_UUID_H
#define LLM_BASE_UUID_H

#include "base/clock.h"

#define UUID_TEXT 37 /* with its NUL */

#define UUID_CHANCE 10 /* bytes of chance that an id takes */
#define UUID_STOCK 24 /* ids: the system is asked for the chance of so many at once */

/* The last id given out, so that the next one is larger. Zero to begin with. */
typedef struct uuid_state {
	uint64_t last_ms;
	uint16_t counter;
	uint16_t left; /* ids that `chance` is enough for */
	unsigned char chance[UUID_STOCK * UUID_CHANCE];
} uuid_state;

/* Not thread-safe: the owner of `st` holds a lock. */
void uuid_v7(uuid_state *st, const llm_time_source *ts, char ret_text[UUID_TEXT]);

#endif
