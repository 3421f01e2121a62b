/*
 * breakers.h - the breakers of a service by candidate: found, listed, reset, and told to
 * whoever logs, counts and keeps them.
 *
 * Loop thread only. An entry stays where it is until breakers_done.
 */
#ifndef LLM_ROUTE_BREAKERS_H
#define LLM_ROUTE_BREAKERS_H

#include <stdatomic.h>

#include "base/idmap.h"
#include "breaker.h"
#include "llm/service.h"

/* Models are named by callers: beyond so many candidates new ones have no breaker. */
#define BREAKERS_MAX 4096

typedef struct breakers_entry {
	const char *id; /* of the candidate */
	breaker state;
	_Atomic uint32_t switched; /* SNAPSHOT_ON, ...: by hand, whatever the state is */
} breakers_entry;

/* All optional. The seam for keeping breakers in storage. */
typedef struct breakers_hooks {
	void *ctx;
	/* A candidate is seen for the first time: 1 and *ret when something was kept. */
	int (*load)(void *ctx, const char *id, breaker_saved *ret);
	/* Told once for each transition (R-CB-9): BREAKER_CHANGED_*; 0 after a reset. */
	void (*changed)(void *ctx, const breakers_entry *e, uint32_t what);
} breakers_hooks;

typedef struct breakers {
	const llm_allocator *mem;
	const llm_time_source *time;
	breaker_rules rules;
	breakers_hooks hooks;
	idmap by_id; /* breakers_entry */
} breakers;

void breakers_init(breakers *t, const llm_allocator *mem, const llm_time_source *time,
	const breaker_rules *rules, const breakers_hooks *hooks);
void breakers_done(breakers *t);

/*
 * The entry of a candidate, made at first sight: 0 and *ret, LLM_E_NOMEM, or LLM_E_TOO_LARGE
 * beyond BREAKERS_MAX.
 */
int32_t breakers_get(breakers *t, const char *id, breakers_entry **ret);
/* In order of first sight; null behind the last. */
const breakers_entry *breakers_at(const breakers *t, size_t i);

/* breaker_admit and breaker_settle at the time of now, with what they change told. */
int breakers_admit(breakers *t, breakers_entry *e, uint32_t who, breaker_ticket *ret);
uint32_t breakers_settle(breakers *t, breakers_entry *e, const breaker_ticket *ticket, int32_t code,
	int64_t server_ms);

/* One candidate, or all with null. Returns how many that were. */
size_t breakers_reset(breakers *t, const char *id);

#endif
