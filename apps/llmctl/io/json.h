/*
 * json.h - what llmctl prints with --json, built with Jansson.
 *
 * Values are made with the json_* helpers below, which turn "unknown" into null;
 * memory that is short makes a null too, never a crash.
 */
#ifndef LLMCTL_JSON_H
#define LLMCTL_JSON_H

#include <jansson.h>

#include "llm/error.h"

/* Null for a null pointer; bytes that are not UTF-8 become question marks. */
json_t *json_text(const char *text);
json_t *json_text_len(const char *text, size_t len);
/* Null for "" too. */
json_t *json_word(const char *text);
/* Null for a negative value. */
json_t *json_count(int64_t value);
/* Null for zero or less. */
json_t *json_positive(int64_t value);
json_t *json_phase(uint32_t phase);

/* The member "error" of every object; null when err is null. */
json_t *json_error(const llm_err *err);

/* One line to standard output; gives the value away. */
void json_print(json_t *value);
/* {"schema":"llm.error/1","error":{...}} */
void json_print_error(const llm_err *err);

#endif
