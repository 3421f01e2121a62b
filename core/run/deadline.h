/*
 * deadline.h - which timer of an attempt is due next. Pure: numbers in, a number out.
 *
 * Phases as in docs/behaviour.md (R-TIME-1). All instants are ns on the service's
 * monotonic clock; 0 means "has not happened", UINT64_MAX a limit "none".
 */
#ifndef LLM_RUN_DEADLINE_H
#define LLM_RUN_DEADLINE_H

#include "llm/base.h"

typedef struct phase_limits {
	uint64_t connect_ns;
	uint64_t first_token_ns;
	uint64_t idle_ns;
	uint64_t keepalive_ns; /* takes the place of `idle` while keep-alives flow */
	uint64_t silence_ns;
	uint64_t consumer_ns; /* held up by a reader that does not read */
	uint64_t attempt_ns;
} phase_limits;

typedef struct phase_clock {
	uint64_t deadline_ns; /* of the run, absolute */
	uint64_t started_ns;
	uint64_t connected_ns; /* connection ready, nothing sent */
	uint64_t sent_ns; /* request fully sent */
	uint64_t byte_ns; /* last byte of the body */
	uint64_t delta_ns; /* last content, reasoning or tool delta */
	uint64_t first_delta_ns;
	uint64_t paused_ns; /* paused since, because the reader is slow */
	uint64_t read_ns; /* the reader's last sign of life while paused */
	uint32_t stream; /* 1: the provider was asked for a stream */
	uint32_t keepalives; /* 1: the provider sends some while its model works */
} phase_clock;

typedef struct phase_due {
	uint64_t at_ns;
	uint32_t phase; /* LLM_PHASE_*, or DUE_CONSUMER */
} phase_due;

/* Of phase_due, beside LLM_PHASE_*: the reader does not read (R-TIME-2). */
#define DUE_CONSUMER 100u

/* The earliest timer; in the same tick the deadline wins (R-TIME-5). */
phase_due deadline_next(const phase_limits *limits, const phase_clock *clock);

/* The limit between two deltas as it is now: longer while keep-alives flow (R-TIME-2). */
uint64_t deadline_idle(const phase_limits *limits, const phase_clock *clock);

/* The reader goes on: idle and silence have stood still meanwhile (R-TIME-2). */
void deadline_resume(phase_clock *clock, uint64_t now_ns);

#endif
