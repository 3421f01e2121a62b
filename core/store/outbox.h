/*
 * outbox.h - jobs that wait for room in the port (R-UOW-10).
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
	uint64_t dropped;
	uint64_t expired;
} outbox;

void outbox_init(outbox *o, const llm_job_port *port);
/* Hands the job over, now or when there is room. It is the outbox's in any case. */
void outbox_put(outbox *o, llm_job *j, uint64_t deadline_ns);
/* There may be room again: hands over in order of arrival. */
void outbox_pump(outbox *o);
/* Ends those whose deadline has passed; gives the next one's, UINT64_MAX: none. */
uint64_t outbox_expire(outbox *o, uint64_t now_ns);
/* Ends what waits with this error. */
void outbox_done(outbox *o, const llm_err *why);

#endif
