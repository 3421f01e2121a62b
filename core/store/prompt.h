/*
 * prompt.h - what was asked and what was answered, as it is kept: JSON that another run
 * can go on from.
 *
 * A prompt is an array of turns, an answer is one turn: {"role", "content", and where
 * they are there "reasoning", "parts", "tool_calls", "tool_results"}. Of images, audio and
 * files the kind, the media type, the URL and the size are in it, never the bytes.
 */
#ifndef LLM_STORE_PROMPT_H
#define LLM_STORE_PROMPT_H

#include "base/buf.h"
#include "llm/abi/wire.h"

/* One call of a tool, as the model wrote it. */
typedef struct prompt_call {
	const char *id;
	const char *name;
	llm_bytes arguments;
} prompt_call;

/* 0, LLM_E_NOMEM. */
int32_t prompt_write(const llm_request_view *rq, buf *out);
int32_t prompt_answer(const llm_bytes *text, const llm_bytes *reasoning, const prompt_call *calls,
	size_t n_calls, buf *out);
/* 1: an image, audio or a file. */
int prompt_is_media(const llm_part_view *p);
/* Bytes of text and data that a request holds. */
size_t prompt_size(const llm_request_view *rq);

#endif
