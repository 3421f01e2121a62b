/*
 * recover.h - mending a stream that broke after content had reached the caller
 * (R-RETRY-19). Pure: which way, and whether another attempt tells the same text.
 */
#ifndef LLM_RUN_RECOVER_H
#define LLM_RUN_RECOVER_H

#include "base/buf.h"
#include "llm/error.h"

/* `stream_recovery`, per profile and per call. */
enum { RECOVER_OFF = 0, RECOVER_MATCH, RECOVER_CONTINUE, RECOVER_BUFFER };

/* 1 when nothing is to be delivered before the answer is complete. */
static inline int recover_buffers(uint32_t mode)
{
	return mode == RECOVER_BUFFER;
}

/* What there is to decide by, once the run is committed and its attempt has failed. */
typedef struct recover_scene {
	int32_t code; /* of the failure */
	uint32_t mode; /* RECOVER_* */
	uint32_t structured; /* the answer is to follow a schema */
	uint32_t tools_told; /* a piece of a tool call has reached the caller */
	uint32_t repeats; /* temperature 0, or a seed */
	uint32_t differed; /* an attempt told another text already */
	uint32_t recoveries; /* attempts made to mend it so far */
	/* the next untried candidate */
	uint32_t has_next;
	uint32_t same_model; /* as the attempt whose text was delivered */
	uint32_t prefill; /* LLM_CAP_* */
} recover_scene;

/*
 * How the next candidate is asked: RECOVER_MATCH, RECOVER_CONTINUE, or RECOVER_OFF when it
 * is not. Time and attempts are the caller's to check (retry_has_time, in_all).
 */
uint32_t recover_decide(const recover_scene *s);

/*
 * Comparing. Bytes are compared, so where both texts are UTF-8 what is delivered is too:
 * it begins where the delivered text ended.
 */
typedef struct recover_match {
	const buf *told; /* the text that was delivered; the rest is appended by the caller */
	size_t length; /* of it when the comparison began */
	size_t at; /* so much of it was repeated */
	uint32_t reasoned; /* reasoning was delivered before */
	uint32_t spoke; /* text beyond the delivered came */
	uint32_t differs; /* it told something else: cancel it */
} recover_match;

enum { RECOVER_SUPPRESS = 0, RECOVER_DELIVER, RECOVER_DIFFERS };

/* `told` stays the caller's. */
void recover_begin(recover_match *m, const buf *told, int reasoned);
/*
 * A piece of text of the recovering attempt. RECOVER_SUPPRESS: nothing new in it.
 * RECOVER_DELIVER: what is new begins at *ret_skip. RECOVER_DIFFERS: deliver none of it.
 */
uint32_t recover_text(recover_match *m, const char *bytes, size_t len, size_t *ret_skip);
/* A piece of its reasoning: RECOVER_SUPPRESS or RECOVER_DELIVER, never a difference. */
uint32_t recover_reasoning(const recover_match *m);
/* A piece of a tool call: before the text has caught up it is a difference. */
uint32_t recover_tool(recover_match *m);
/* It ended with a finish reason: 1 when it told all that was delivered, else it differs. */
int recover_caught_up(const recover_match *m);

#endif
