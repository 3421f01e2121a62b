/*
 * plain.h - how far a JSON string needs no look: printable ASCII but the quote and the
 * backslash.
 *
 * PLAIN_STEP bytes at a time. Static functions only, as in utf8.h.
 */
#ifndef LLM_WIRE_PLAIN_H
#define LLM_WIRE_PLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include "plain_sse2.h"
#else
#include "plain_word.h"
#endif

/* Copies PLAIN_STEP bytes and says how many of them are plain, or fewer. */
static inline size_t plain_copy(char *dst, const char *src)
{
	const plain_word x = plain_load(src);

	plain_store(dst, x);
	return plain_count(x);
}

/* Bytes in front of `end` that are plain: all that `p` begins with, or fewer. */
static inline size_t plain_length(const char *p, const char *end)
{
	const char *begin = p;

	for (; (size_t)(end - p) >= PLAIN_STEP; p += PLAIN_STEP) {
		const size_t n = plain_count(plain_load(p));

		if (n < PLAIN_STEP)
			return (size_t)(p - begin) + n;
	}
	return (size_t)(p - begin);
}

#endif
