/*
 * jsonio.h - JSON documents as trees, by Jansson: for the cold paths.
 *
 * Duplicate keys are refused and depth is limited to 64 before Jansson sees the
 * text.
 */
#ifndef LLM_WIRE_JSONIO_H
#define LLM_WIRE_JSONIO_H

#include <jansson.h>

#include "llm/error.h"

#define JSONIO_DEPTH 64

/*
 * A new reference in *ret, of any JSON value. `what` names the text in the error:
 * "the schema". LLM_E_INVALID_REQUEST with line and column, or LLM_E_NOMEM.
 */
int32_t jsonio_load(const char *text, size_t len, const char *what, json_t **ret, llm_err *err);

/*
 * Checks without building a tree, so that duplicate keys pass: one complete JSON
 * document, an object when asked.
 */
int32_t jsonio_check(const char *text, size_t len, int want_object, const char *what, llm_err *err);

/* Is the Jansson that is loaded as new as the one that was compiled against demands? */
int32_t jsonio_check_library(llm_err *err);

#endif
