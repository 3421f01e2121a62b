/*
 * slots.h - what a service knows of its candidates: how many attempts they bear, and
 * whether they may be asked.
 *
 * Loop thread only, but for the health that anybody may look at and reset: `lock` guards
 * the breakers. What changes is told to the log when the lock is free again.
 */
#ifndef LLM_RUN_SLOTS_H
#define LLM_RUN_SLOTS_H

#include <pthread.h>

#include "confset.h"
#include "net/loop.h"
#include "route/breakers.h"
#include "route/caps.h"
#include "route/limiter.h"
#include "route/snapshot.h"
#include "pricing.h"
#include "route/stats.h"

struct llm_call;
struct target;

typedef struct cand_state {
	limit_candidate limit;
	breakers_entry *health; /* null: there are too many, and this one is never left alone */
	uint64_t used_ns; /* it answered then, so its model is in memory; 0: unknown */
	uint32_t loaded; /* LLM_LOADED_*, as the provider said */
	uint64_t loaded_ns; /* then */
	uint32_t switched; /* SNAPSHOT_ON, ... */
	stats latency;
	priced priced;
	caps_matrix caps;
	uint32_t caps_known;
	llm_caps answer; /* the provider's own, with struct_size 0: none yet */
	int64_t window; /* max_input_tokens as configured; 0: unknown */
	llm_err *missing; /* it is not there, as its provider said; or null */
	uint64_t missing_ns; /* then; 0: forgotten */
	uint64_t missing_epoch; /* of its breaker behind that */
} cand_state;

/* What is known of the model being in memory: LLM_LOADED_*. */
#define SLOTS_KEPT_NS (300 * NS_PER_S) /* one that was used stays so long */
uint32_t slots_loaded(const cand_state *s, uint64_t now_ns);

#define SLOTS_TOLD 8

typedef struct slots {
	limiter limiter;
	idmap candidates; /* id -> cand_state */
	breakers health;
	pthread_mutex_t lock;
	loop_timer pump;
	/* under the lock: changes that nobody was told of yet */
	struct {
		const breakers_entry *e;
		uint32_t what;
	} told[SLOTS_TOLD];
	size_t n_told;
} slots;

void slots_init(llm_service *svc);
void slots_done(llm_service *svc);
/* Another configuration is in force: its limits and rules count from now on. */
void slots_adopt(llm_service *svc, confset *set);
/* The state of each candidate of the plan; short of memory it has none. */
void slots_find(struct llm_call *c);
/* Of one, made when it is not there; null: memory is short, or there are too many. */
cand_state *slots_state(struct llm_call *c, const struct target *t);

/* May the candidate be asked? As breakers_admit and breakers_settle; without a state: yes. */
int slots_admit(llm_service *svc, cand_state *s, uint32_t who, breaker_ticket *ret);
uint32_t slots_settle(
	llm_service *svc, cand_state *s, const breaker_ticket *t, int32_t code, int64_t server_ms);
/*
 * The provider says that there is no such model (R-CACHE-16): with this error of the run's. What
 * it said, while that is remembered: for 30 s, unless its health has changed meanwhile or
 * another configuration is in force; else null. *ret_until_ns: it is forgotten then.
 */
void slots_miss(struct llm_call *c);
const llm_err *slots_missing(llm_service *svc, const cand_state *s, uint64_t *ret_until_ns);
/* When it would be let in; 0: now. */
uint64_t slots_ready_ns(llm_service *svc, const cand_state *s);
/* 1 when the ticket is a usual one and would not be had any more. */
int slots_overtaken(llm_service *svc, const cand_state *s, const breaker_ticket *t);
/* Switched off by hand: not even who is under way asks it again. */
int slots_is_off(const cand_state *s);
/* SNAPSHOT_ON, ... Any thread. LLM_E_NOMEM, LLM_E_TOO_LARGE. */
int32_t slots_switch(llm_service *svc, const char *id, uint32_t how);
/* Under the lock of the service's health, by any thread. */
size_t slots_reset(llm_service *svc, const char *id);

/* Slots for the target that the call asks: as limiter_ask. */
int32_t slots_take(struct llm_call *c);
/* Gives them back; who waits for them starts through the loop, never in here. */
void slots_leave(struct llm_call *c);

#endif
