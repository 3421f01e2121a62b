/*
 * replay.h - calls that end with an answer which is there already: of an idempotency key,
 * or of the cache. Loop thread only, but where it says otherwise.
 */
#ifndef LLM_RUN_REPLAY_H
#define LLM_RUN_REPLAY_H

#include "call.h"

typedef struct replay {
	uint32_t source; /* LLM_SOURCE_CACHE, _REPLAY or _COALESCED */
	llm_bytes stored; /* store/answer.h; of no further use behind the call */
	int64_t age_ms; /* -1: not known */
	int says_start; /* no START was delivered yet */
} replay;

/* What a run came to, as bytes that can be told again. LLM_E_NOMEM, LLM_E_TOO_LARGE. */
int32_t replay_write(const llm_call *c, buf *out);

/*
 * Ends the call with what is stored, answer or error: names and counts, then the deltas of a
 * stream, each of at most 4 KiB, then the end, by run_end. No attempt, no slot, no cost.
 * LLM_E_PROTOCOL, LLM_E_UNSUPPORTED (the bytes are damaged, or of another version),
 * LLM_E_NOMEM: nothing was delivered, and the call goes on.
 */
int32_t replay_end(llm_call *c, const replay *from);

/* Fills the result only; nothing is delivered. Whatever holds the result. The same errors. */
int32_t replay_fill(llm_call *c, const replay *from, llm_err *ret_error);

#endif
