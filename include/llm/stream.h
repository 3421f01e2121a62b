/*
 * llm/stream.h - what a run tells while it goes on.
 */
#ifndef LLM_STREAM_H
#define LLM_STREAM_H

#include "base.h"

LLM_EXTERN_C_BEGIN

enum {
	LLM_EVENT_START = 1, /* an attempt is under way: text names the candidate */
	LLM_EVENT_TEXT = 2, /* a piece of the answer */
	LLM_EVENT_REASONING = 3, /* a piece of the model's reasoning */
	LLM_EVENT_TOOL_CALL = 4, /* a piece of a tool call: id, name, text = arguments */
	LLM_EVENT_WARNING = 5, /* something was not honoured, or mended */
	LLM_EVENT_END = 6, /* the run has completed; the result is ready */
	/* What a person may want to know; each has one line of text, and in `id` the candidate. */
	LLM_EVENT_WAITING = 7, /* it will be asked again in `index` milliseconds */
	LLM_EVENT_FALLBACK = 8, /* it is asked now, instead of the one before */
	LLM_EVENT_RECOVERED = 9 /* it mended the stream: `index` candidates were asked for that */
};

/* Valid until the next event of the same call is taken. */
typedef struct llm_event {
	uint32_t struct_size;
	uint32_t kind; /* LLM_EVENT_* */
	uint32_t index; /* TOOL_CALL: which call; else see the kind */
	uint32_t reserved;
	const char *text; /* UTF-8, NUL-terminated, never null */
	size_t len;
	const char *id; /* TOOL_CALL, WAITING, FALLBACK, RECOVERED, or null */
	const char *name; /* TOOL_CALL, or null */
} llm_event;

LLM_EXTERN_C_END
#endif
