/*
 * neutral.h - the neutral request of a fixture's expectation, as a provider sees it.
 */
#ifndef TESTS_NEUTRAL_H
#define TESTS_NEUTRAL_H

#include <jansson.h>

#include "support/plug.h"

/*
 * The view of `request` as tests/fixtures/README.md describes it, in memory of the plug
 * (and of `request`, which must live as long). 0, or -1 for a member nobody knows.
 */
int neutral_view(plug *p, const json_t *request, int stream, llm_request_view *ret);

/*
 * JSON text with ' for ", to spare backslashes; a new reference, or null when it is none.
 */
json_t *neutral_json(const char *text);

/* Equal as JSON values; 0 and 0.0 are equal. */
int neutral_same(const json_t *a, const json_t *b);

/* A number of LLM_FINISH_*, LLM_CAP_* by its name in an expectation; 999: no such name. */
uint32_t neutral_finish(const char *name);
uint32_t neutral_cap(const char *name);

#endif
