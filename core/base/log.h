/*
 * log.h - one line to the host's log.
 *
 * The one sink: whatever is logged passes `clean`, which removes secrets and
 * escapes control characters. Lines are at most 2 KiB.
 */
#ifndef LLM_BASE_LOG_H
#define LLM_BASE_LOG_H

#include "base/err.h"
#include "llm/service.h"

typedef struct logger {
	llm_log_fn fn; /* null: nothing is logged */
	uintptr_t token;
	uint32_t level;
	/* Rewrites a line in place, returns its new length; may be null. */
	size_t (*clean)(void *ctx, char *line, size_t len, size_t cap);
	void *clean_ctx;
} logger;

/* Nothing happens when `lg` is null or the level is not wanted. */
void log_line(const logger *lg, uint32_t level, const char *format, ...) ERR_PRINTF(3, 4);

#endif
