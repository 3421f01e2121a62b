/*
 * limiter.h - how many attempts may be on the wire at a time, and who is next.
 *
 * Slots are counted at four levels: service, provider, candidate, workspace. An attempt
 * takes one of each or waits with none (R-LIM-1). Those that wait stand in a bounded queue
 * of their provider: by priority, workspaces take turns, first come first served inside
 * one (R-LIM-3 to 5). Waiters, providers and candidates live in what owns them; only
 * workspaces, and their place in a queue, are allocated here.
 *
 * Counting is all that happens here: after limiter_ask and limiter_leave the caller takes
 * who is next with limiter_next until that gives null, and starts them. Until it does, who
 * asks passes nobody who waits for what came back. Loop thread only.
 */
#ifndef LLM_ROUTE_LIMITER_H
#define LLM_ROUTE_LIMITER_H

#include "bucket.h"
#include "llm/error.h"

#define LIMITER_SERVICE 1024 /* slots, when nothing is configured */
#define LIMITER_PROVIDER 256
#define LIMITER_WORKSPACE 256
#define LIMITER_QUEUE 256 /* waiters of a provider */
#define LIMITER_STREAK 8 /* grants to interactive waiters before one to a batch */

enum { LIMITER_INTERACTIVE = 0, LIMITER_BATCH = 1, LIMITER_PRIORITIES };

typedef struct limit_level {
	uint32_t limit; /* at least 1 */
	uint32_t used;
} limit_level;

typedef struct limit_lane limit_lane; /* the waiters of one workspace at one provider */
typedef struct limit_workspace limit_workspace;

typedef struct limit_provider {
	limit_level slots;
	uint32_t queue; /* waiters it may have */
	uint32_t waiting;
	uint32_t streak; /* grants to interactive waiters in a row */
	limit_lane *turn[LIMITER_PRIORITIES]; /* rings; whose turn it is */
	struct limit_provider *next; /* ring of those with waiters */
	struct limit_provider *prev;
} limit_provider;

/* How many attempts a candidate bears, found by trying (R-LIM-7). */
typedef struct limit_adapt {
	uint32_t most; /* as configured; 0: not adaptive */
	uint32_t successes; /* while it was well used */
	uint64_t again_ns; /* not cut again before */
} limit_adapt;

typedef struct limit_candidate {
	limit_level slots;
	limit_adapt adapt;
	bucket requests; /* a minute; all zero: no limit */
	bucket tokens;
	uint32_t waiting;
	uint64_t owed; /* the look in which an earlier waiter was found short of a bucket */
} limit_candidate;

enum { LIMIT_IDLE = 0, LIMIT_WAITING, LIMIT_HOLDING };

typedef struct limit_waiter {
	/* set before limiter_ask, by the caller */
	limit_provider *provider;
	limit_candidate *candidate;
	uint32_t priority; /* LIMITER_INTERACTIVE, LIMITER_BATCH */
	int64_t tokens; /* estimate; 0 when nobody counts them */
	uint64_t expires_ns; /* not granted from then on */
	/* the limiter's */
	uint32_t state; /* LIMIT_*; LIMIT_IDLE at first */
	limit_workspace *workspace;
	limit_lane *lane;
	struct limit_waiter *next;
	struct limit_waiter *prev;
} limit_waiter;

#define LIMITER_TABLE 64

typedef struct limiter {
	const llm_allocator *mem;
	limit_level slots; /* of the service */
	uint32_t workspace_slots; /* of each workspace */
	uint32_t waiting; /* all waiters, */
	uint32_t metered; /* and those whose candidate has a bucket */
	uint64_t looks;
	uint32_t came_back; /* a slot did, and limiter_next has not found that nobody wants it */
	limit_provider *turn; /* ring; whose turn it is */
	limit_workspace *idle; /* nobody uses it now; kept for the next */
	limit_workspace *workspaces[LIMITER_TABLE]; /* those with attempts or waiters */
} limiter;

void limiter_init(limiter *l, const llm_allocator *mem, uint32_t slots, uint32_t workspace_slots);
/* Nobody holds or waits any more. */
void limiter_done(limiter *l);
void limiter_provider_init(limit_provider *p, uint32_t slots, uint32_t queue);
/* `rpm`, `tpm` 0: no limit. */
void limiter_candidate_init(limit_candidate *c, uint32_t slots, int adaptive, int64_t rpm,
	int64_t tpm, uint64_t now_ns);

/*
 * resize.c: from now on it is these. `to` is fresh from limiter_candidate_init. Then the
 * caller takes who is next, as after limiter_leave.
 */
void limiter_resize(limiter *l, uint32_t slots, uint32_t workspace_slots);
void limiter_provider_resize(limit_provider *p, uint32_t slots, uint32_t queue);
void limiter_candidate_resize(limiter *l, limit_candidate *c, const limit_candidate *to);

#define LIMITER_WAITS 1

/*
 * For an idle waiter: 0 when it holds its slots at once, LIMITER_WAITS when it stands in
 * the queue, LLM_E_QUEUE_FULL, LLM_E_NOMEM. `workspace` "" when there is none.
 */
int32_t limiter_ask(limiter *l, limit_waiter *w, const char *workspace, uint64_t now_ns);
/* Gives back what it holds, or its place in the queue; then it is idle. Idle: nothing. */
void limiter_leave(limiter *l, limit_waiter *w);
/* The next waiter that could be granted and now is, or null. */
limit_waiter *limiter_next(limiter *l, uint64_t now_ns);
/* When a waiter that is short of a bucket might be granted; UINT64_MAX: no need to look. */
uint64_t limiter_due_ns(const limiter *l, uint64_t now_ns);

/* How an attempt ended (`code` 0: success), while it still holds its slots (R-LIM-7). */
void limiter_learn(limit_candidate *c, int32_t code, uint64_t now_ns);

#endif
