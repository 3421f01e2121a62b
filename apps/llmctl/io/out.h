/*
 * out.h - answers to standard output, piece by piece, never blocking for long, so
 * that Ctrl-C is heard also while nobody reads.
 */
#ifndef LLMCTL_OUT_H
#define LLMCTL_OUT_H

#include <stdbool.h>

#include "strip.h"

#define OUT_TICK_MS 50

typedef struct out {
	bool clean; /* take control sequences out */
	strip state;
	int error; /* errno of the write that failed; then nothing more is written */
	bool wrote;
	bool line_open; /* the last byte was no newline */
	void (*tick)(void *ctx); /* called every OUT_TICK_MS while nobody reads, or null */
	void *tick_ctx;
} out;

void out_text(out *o, const char *text, size_t len);
/* Ends a line that is open. */
void out_line_end(out *o);
/* Has the reader gone away? Looks, without writing. */
bool out_is_closed(out *o);

#endif
