/*
 * error_examples.h - bodies of errors, and the codes that they stand for: at least one for
 * each row of each provider's table of errors, and near misses. Tables end with a null body.
 */
#ifndef TESTS_ERROR_EXAMPLES_H
#define TESTS_ERROR_EXAMPLES_H

#include <stdint.h>

typedef struct error_example {
	int32_t status;
	const char *body;
	int32_t code;
	uint32_t flags; /* LLM_ERRF_* */
} error_example;

extern const error_example error_examples_ollama[];
extern const error_example error_examples_openai[];
extern const error_example error_examples_gemini[];

#endif
