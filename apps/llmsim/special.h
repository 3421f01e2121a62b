/*
 * special.h - the questions that are not simply answered, in one table. A row is
 * chosen by words of the question; the wires say it each in its own way.
 */
#ifndef LLMSIM_SPECIAL_H
#define LLMSIM_SPECIAL_H

#include "bytes.h"

enum ending {
	END_BLOCKED, /* the prompt is refused before the first token */
	END_FILTERED, /* a filter ends the answer after some words */
	END_DECLINED, /* the model says that it will not */
};

struct special {
	const char *model; /* null: any; without a tag */
	const char *says; /* somewhere in the last message, in any case; null: anything */
	enum ending ending;
	size_t words; /* END_FILTERED: how many come before */
	const char *reason; /* in Gemini's words */
};

/* Null: an ordinary question. */
const struct special *special_find(const char *model, struct span question);

#endif
