/*
 * buf.h - a growing run of bytes with a ceiling.
 *
 * The bytes are always followed by a NUL that does not count, so text can be read
 * as a C string.
 */
#ifndef LLM_BASE_BUF_H
#define LLM_BASE_BUF_H

#include "llm/base.h"

typedef struct buf {
	const llm_allocator *mem;
	char *ptr; /* null until the first byte */
	size_t len;
	size_t cap;
	size_t max; /* more than this is LLM_E_TOO_LARGE */
} buf;

/* `max` 0: no ceiling but SIZE_MAX/2. */
void buf_init(buf *b, const llm_allocator *mem, size_t max);
void buf_done(buf *b);
/* Forgets the bytes, keeps the memory. */
void buf_clear(buf *b);
/* 0, LLM_E_NOMEM or LLM_E_TOO_LARGE; on failure nothing was added. */
int32_t buf_add(buf *b, const char *bytes, size_t len);
int32_t buf_add_str(buf *b, const char *text);
int32_t buf_add_char(buf *b, char c);
/* Makes room for `more` bytes behind len, so that the next adds cannot fail. */
int32_t buf_reserve(buf *b, size_t more);
/* The text, "" when empty; valid until the next add. */
const char *buf_text(const buf *b);

#endif
