/*
 * flight.h - equal runs that share one attempt (R-CACHE-13, R-CACHE-14).
 *
 * A flight is a call of its own that no host holds: it makes the attempts, retries and
 * falls back, and whatever it would tell a reader is told to all who are in it. They are
 * calls of hosts, each with its own deadline and reader; who leaves takes nothing with it.
 * The oldest of those who are left has the attempts, and pays for them; the others are told
 * the same, and pay nothing. When the last one has left the flight is cancelled.
 *
 * Loop thread only.
 */
#ifndef LLM_RUN_FLIGHT_H
#define LLM_RUN_FLIGHT_H

#include "call.h"

#define FLIGHT_MAX 1000 /* calls in one; more are QUEUE_FULL */
#define FLIGHT_BUFFER ((size_t)1 << 20) /* of a reader who does not keep up */

typedef struct flight {
	struct flight *next; /* of its bucket */
	llm_call *own; /* makes the attempts */
	llm_call *first; /* the oldest of those in it: it pays */
	llm_call **last;
	size_t n;
	int closed; /* nobody joins it any more */
	char key[SHA256_HEX];
} flight;

/*
 * The call is about to ask its first candidate. 1: it shares the attempt of a flight, or has
 * ended; 0: it goes on by itself, since memory is short.
 */
int flight_board(llm_call *c);
/* It ends before the flight does. */
void flight_leave(llm_call *c);
/* 1 when nobody keeps up with the flight; they are then marked as those who read slowly. */
int flight_should_pause(flight *f);
/* One of them has read. */
void flight_resume(llm_call *c);
/* When the last of them has read something: `consumer_idle` counts from there. */
void flight_note_reads(flight *f);
void flight_done(llm_service *svc);

/* ---- between flight.c and flight_tell.c ---- */

/* Is it told pieces as they come? */
int flight_is_streaming(const llm_call *c);
void flight_tell(flight *f, const llm_event *e);
/* What the others were told before it came (R-CACHE-14). LLM_E_NOMEM. */
int32_t flight_tell_so_far(llm_call *c, const llm_call *own);
/* It ends with STREAM_BROKEN or NOMEM. */
void flight_detach(llm_call *c, int32_t code);

#endif
