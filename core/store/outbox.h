/*
 * outbox.h - jobs that wait for the end of a turn, and for room in the port (R-UOW-10).
 *
 * Handed over together they are committed together: a runner that is woken by the first
 * one would begin a group of its own with it.
 *
 * Owned by the loop thread; not thread-safe. Runs, attempts, settles and claims wait
 * until their deadline and then fail with DB_BUSY; they are never dropped. Telemetry
 * is dropped when there is no room, the newest first, and counted.
 */
#ifndef LLM_STORE_OUTBOX_H
#define LLM_STORE_OUTBOX_H

#include "store/job.h"

typedef struct outbox {
	const llm_job_port *port;
	llm_job *first, **last;
	size_t n;
	int full; /* the port had no room for the last one */
	uint64_t dropped;
	uint64_t expired;
} outbox;

void outbox_init(outbox *o, const llm_job_port *port);
/* Keeps the job until there is room for it behind the next pump. It is the outbox's in any case. */
void outbox_put(outbox *o, llm_job *j, uint64_t deadline_ns);
/* Hands over in order of arrival, as far as there is room. */
void outbox_pump(outbox *o);
/* Ends those whose deadline has passed; gives the next one's, UINT64_MAX: none. */
uint64_t outbox_expire(outbox *o, uint64_t now_ns);
/* Ends what waits with this error. */
void outbox_done(outbox *o, const llm_err *why);

#endif
