/*
 * num.h - numbers as text, whatever locale the host has set.
 */
#ifndef LLM_WIRE_NUM_H
#define LLM_WIRE_NUM_H

#include "llm/base.h"

#define NUM_TEXT 32 /* room for any number written here, with its NUL */

/* Length of the JSON number that the text starts with, 0 when it starts with none. */
size_t num_length(const char *text, size_t len);

/* All of the text must be the number. 1 and *ret on success, else 0 and *ret untouched. */
int num_read_i64(const char *text, size_t len, int64_t *ret); /* "-12"; no sign "+" */
int num_read_u64(const char *text, size_t len, uint64_t *ret);
int num_read_double(const char *text, size_t len, double *ret); /* JSON grammar, finite */
/* JSON number that is whole: "3", "3.0", "1e2"; fits int64. */
int num_read_whole(const char *text, size_t len, int64_t *ret);

/* Return the length; NUL-terminated. */
size_t num_write_i64(int64_t value, char ret_text[NUM_TEXT]);
/* Shortest that reads back the same, as JSON; 0 for NaN and infinities. */
size_t num_write_double(double value, char ret_text[NUM_TEXT]);

/*
 * "250", "250ms", "5s", "2m", "1h" as milliseconds; "64k", "2M", "1G" as bytes
 * (1024-based). Negative, fractional, unknown suffix or overflow: 0.
 */
int num_read_duration_ms(const char *text, size_t len, uint64_t *ret);
int num_read_size(const char *text, size_t len, uint64_t *ret);
/* 1,0,true,false,on,off,yes,no exactly. */
int num_read_bool(const char *text, size_t len, int *ret);

#endif
