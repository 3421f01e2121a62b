/*
 * plain.h - how far a JSON string needs no look: printable ASCII but the quote and the
 * backslash.
 *
 * Eight bytes at a time. Static functions only, as in utf8.h.
 */
#ifndef LLM_WIRE_PLAIN_H
#define LLM_WIRE_PLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PLAIN_ONES UINT64_C(0x0101010101010101)
#define PLAIN_TOPS UINT64_C(0x8080808080808080)

/* Not 0 when one of the eight bytes is `c`; may be not 0 only when one is. */
static inline uint64_t plain_has(uint64_t eight, unsigned char c)
{
	const uint64_t x = eight ^ (PLAIN_ONES * c);

	return (x - PLAIN_ONES) & ~x & PLAIN_TOPS;
}

/* A mark in each byte that is not plain, and maybe in some behind the first of them. */
static inline uint64_t plain_marks(uint64_t x)
{
	/* A top bit is not ASCII; less than a space leaves one behind, too. */
	const uint64_t marks = x | ((x - PLAIN_ONES * 0x20) & ~x) | plain_has(x, '"') |
		plain_has(x, '\\');

	return marks & PLAIN_TOPS;
}

/* How many of the eight bytes come before the first mark, in the order of memory. */
static inline size_t plain_before(uint64_t marks)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	const uint64_t below = (marks - 1) & ~marks;

	return (size_t)(((below & PLAIN_ONES) * PLAIN_ONES) >> 56) - 1;
#else
	(void)marks;
	return 0;
#endif
}

/* Copies eight bytes and says how many of them are plain, or fewer. */
static inline size_t plain_copy(char *dst, const char *src)
{
	uint64_t x;

	memcpy(&x, src, sizeof(x));
	memcpy(dst, &x, sizeof(x));
	x = plain_marks(x);
	return x ? plain_before(x) : sizeof(x);
}

/* Bytes in front of `end` that are plain: all that `p` begins with, or up to 7 less. */
static inline size_t plain_length(const char *p, const char *end)
{
	const char *begin = p;
	uint64_t x;

	for (; (size_t)(end - p) >= sizeof(x); p += sizeof(x)) {
		memcpy(&x, p, sizeof(x));
		x = plain_marks(x);
		if (x)
			return (size_t)(p - begin) + plain_before(x);
	}
	return (size_t)(p - begin);
}

#endif
