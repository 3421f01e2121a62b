/*
 * special.h - the answers that are none, in one table. A row is chosen by words of the
 * question, and faults.c has some more by the model's name; the wires say it each in
 * its own way.
 */
#ifndef LLMSIM_SPECIAL_H
#define LLMSIM_SPECIAL_H

#include "bytes.h"

enum ending {
	END_BLOCKED, /* the prompt is refused before the first token */
	END_FILTERED, /* a filter ends the answer after some words */
	END_EMPTY, /* nothing is said, and all is well */
	END_DECLINED, /* the model says that it will not */
};

struct special {
	const char *says; /* somewhere in the last message, in any case; null: a fault's */
	enum ending ending;
	size_t words; /* END_FILTERED: how many come before */
	const char *reason; /* in Gemini's words */
};

/* Null: an ordinary question. */
const struct special *special_find(struct span question);

#endif
