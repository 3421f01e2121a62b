/*
 * streamq.h - events on their way from the loop to a reader on another thread.
 *
 * Two buffers: the loop appends to one under the call's lock, the reader takes it
 * whole when its own is used up, so an event stays where it is until the next one
 * and nothing is allocated per event once both have grown. Bytes waiting are
 * bounded by marks: above the high one the transfer is paused.
 */
#ifndef LLM_RUN_STREAMQ_H
#define LLM_RUN_STREAMQ_H

#include "base/buf.h"
#include "llm/stream.h"

#define STREAMQ_HIGH ((size_t)256 * 1024)
#define STREAMQ_LOW ((size_t)64 * 1024)

typedef struct streamq {
	buf in; /* written by the loop */
	buf out; /* read by the reader */
	size_t read; /* of out */
} streamq;

void streamq_init(streamq *q, const llm_allocator *mem);
void streamq_done(streamq *q);
/* 0 or LLM_E_NOMEM. Under the call's lock. */
int32_t streamq_push(streamq *q, const llm_event *e);
/* 1 and *ret, or 0 when nothing waits. Under the call's lock. */
int streamq_take(streamq *q, llm_event *ret);
/* Bytes that were pushed and not taken. */
size_t streamq_waiting(const streamq *q);

#endif
