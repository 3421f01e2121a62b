/*
 * strip.h - takes out of a model's text what a terminal would obey: escape
 * sequences, C0 controls but newline and tab, DEL, and C1 controls.
 *
 * The state is kept from piece to piece, so that a sequence cut in two is still
 * recognised. Text is UTF-8.
 */
#ifndef LLMCTL_STRIP_H
#define LLMCTL_STRIP_H

#include <stddef.h>

typedef struct strip {
	unsigned state;
	unsigned lead; /* 1: a 0xC2 is held back, for it may begin a C1 control */
} strip;

/* Writes what is left of `text`, at most len + 1 bytes, to `ret`; returns how many. */
size_t strip_text(strip *s, const char *text, size_t len, char *ret);

#endif
