/*
 * input.h - what a question is made of: words, standard input, images. Read whole,
 * with bounds, and checked here so that the message can name the place.
 */
#ifndef LLMCTL_INPUT_H
#define LLMCTL_INPUT_H

#include "start/args.h"

#define INPUT_PROMPT_MAX ((size_t)32 * 1024 * 1024)
#define INPUT_IMAGE_MAX ((size_t)32 * 1024 * 1024)

/* Bytes that are freed with free(data). */
typedef struct input_bytes {
	char *data;
	size_t len;
} input_bytes;

/*
 * The prompt: the words joined by spaces, standard input unless it is a terminal
 * (without its last newline), or both with a blank line between.
 * LLM_E_INVALID_REQUEST when it is empty, holds a NUL or is not UTF-8;
 * LLM_E_TOO_LARGE; LLM_E_NOMEM.
 */
int32_t input_prompt(const arg_words *words, input_bytes *ret, llm_err *err);

/* All of a file of at most `most` bytes; "-" is standard input. */
int32_t input_file(const char *path, size_t most, input_bytes *ret, llm_err *err);

/* An image file; *ret_type is its static media type, told by its first bytes. */
int32_t input_image(const char *path, input_bytes *ret, const char **ret_type, llm_err *err);

#endif
