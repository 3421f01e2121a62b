/*
 * support/faults.h - a fault as one row, played in every wire, as a stream and as a whole.
 *
 * Each play goes through the oracle, by llm_call_next and in a foreign loop, and once
 * through llmctl. What llmctl says, for all wires and both modes, is kept in
 * tests/golden/faults/NAME.txt; LLM_GOLDEN_WRITE writes it anew.
 */
#ifndef SUPPORT_FAULTS_H
#define SUPPORT_FAULTS_H

#include "support/oracle.h"
#include "support/wires.h"

#define FAULT_NONE 1 /* as a code: this mode is not played */

/* Streams of which framing know it. */
enum { FAULT_ANY = 0, FAULT_EVENTS = 1, FAULT_LINES = 2 };

/* What comes of it in one mode. */
typedef struct fault_end {
	int32_t code; /* 0: success */
	const char *text; /* null: none */
} fault_end;

typedef struct fault {
	const char *name; /* u_NN_..., also of its golden file */
	const char *script; /* what follows the request; see support/wires.h */
	fault_end stream;
	fault_end whole;
	int32_t status; /* of the error; 0: 200, -1: none */
	uint32_t phase; /* of the error; 0: what has come says it */
	uint32_t framing;
	const char *only; /* the one wire that knows it; null: all */
	const char *config; /* more configuration */
	uint32_t limit_ms; /* the run ends at this time, neither before nor much later */
} fault;

/* Plays it everywhere; returns how much was wrong. */
size_t faults_play_at(const oracle_home *home, const fault *f);
/*
 * The same for a profile whose second candidate is well: what may go on elsewhere ends with
 * the good answer, and so does a stream of which that answer repeats the part told.
 */
size_t faults_pair_at(const oracle_home *home, const fault *f);

#ifdef TEST_BINARY_DIR
/* All of a table. */
static inline size_t faults_play(const fault *rows, size_t n)
{
	size_t wrong = 0, i;

	for (i = 0; i < n; i++)
		wrong += faults_play_at(&oracle_here, &rows[i]);
	return wrong;
}

static inline size_t faults_pair(const fault *rows, size_t n)
{
	size_t wrong = 0, i;

	for (i = 0; i < n; i++)
		wrong += faults_pair_at(&oracle_here, &rows[i]);
	return wrong;
}
#endif

#endif
