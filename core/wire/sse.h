/*
 * sse.h - Server-Sent Events (WHATWG HTML, event streams), fed in pieces.
 *
 * LF, CRLF and CR end lines; a BOM at the start is dropped; several data lines
 * are joined by LF; comments are counted; an event without data is not handed
 * out; the id stays until another replaces it. Bytes are not decoded: UTF-8 is the
 * consumer's to check. After an error only sse_done makes sense.
 */
#ifndef LLM_WIRE_SSE_H
#define LLM_WIRE_SSE_H

#include "base/buf.h"
#include "wire/frame.h"

typedef struct sse {
	buf line; /* the line that is not complete yet */
	buf data;
	buf event;
	buf id;
	buf rest; /* lines behind the last event that are no field */
	llm_bytes held; /* the event's only data line, still in the caller's piece */
	size_t max;
	uint64_t comments; /* seen so far */
	int have_data;
	int skip_lf; /* the last line ended in CR */
	uint32_t bom; /* bytes of a BOM seen at the very start; 4: past it */
} sse;

/* `max` 0: FRAME_MAX. */
void sse_init(sse *s, const llm_allocator *mem, size_t max);
void sse_done(sse *s);
/* 0, LLM_E_TOO_LARGE, LLM_E_NOMEM, or what `fn` returned. */
int32_t sse_feed(sse *s, const char *bytes, size_t len, frame_fn fn, void *ctx);
/*
 * The body has ended: a last event without its blank line is handed out when it
 * has data. *ret_residue is the rest that could not be framed: the lines after the
 * last complete event that are no field, joined by LF (the first 64 KiB of them),
 * borrowed until sse_done.
 */
int32_t sse_end(sse *s, frame_fn fn, void *ctx, llm_bytes *ret_residue);

#endif
