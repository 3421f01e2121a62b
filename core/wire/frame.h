/*
 * frame.h - what the framers hand out, and why they stop.
 */
#ifndef LLM_WIRE_FRAME_H
#define LLM_WIRE_FRAME_H

#include "llm/base.h"

/* A complete frame; borrowed until the callback returns. */
typedef struct frame {
	llm_bytes event; /* SSE only, empty when none */
	llm_bytes data;
	llm_bytes id; /* SSE only, empty when none */
} frame;

/* Returns 0 to go on; anything else stops the feeding and is returned by it. */
typedef int32_t (*frame_fn)(void *ctx, const frame *f);

/* A frame longer than this is LLM_E_TOO_LARGE. */
#define FRAME_MAX ((size_t)8 * 1024 * 1024)

#endif
