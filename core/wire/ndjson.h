/*
 * ndjson.h - one JSON document a line, fed in pieces. LF or CRLF end a line; empty
 * lines are skipped; the documents themselves are not looked at.
 */
#ifndef LLM_WIRE_NDJSON_H
#define LLM_WIRE_NDJSON_H

#include "base/buf.h"
#include "wire/frame.h"

typedef struct ndjson {
	buf line;
	int begun; /* the first line has been handed out: no BOM can follow */
	size_t max;
} ndjson;

/* `max` 0: FRAME_MAX; a longer line is LLM_E_TOO_LARGE. */
void ndjson_init(ndjson *n, const llm_allocator *mem, size_t max);
void ndjson_done(ndjson *n);
/* 0, LLM_E_TOO_LARGE, LLM_E_NOMEM, or what `fn` returned. */
int32_t ndjson_feed(ndjson *n, const char *bytes, size_t len, frame_fn fn, void *ctx);
/* A last line without its end is handed out as a frame; the residue is empty then. */
int32_t ndjson_end(ndjson *n, frame_fn fn, void *ctx, llm_bytes *ret_residue);

#endif
