/*
 * plain_word.h - eight bytes at a time, as any machine can. See plain.h.
 */
#ifndef LLM_WIRE_PLAIN_WORD_H
#define LLM_WIRE_PLAIN_WORD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PLAIN_STEP ((size_t)8)
#define PLAIN_ONES UINT64_C(0x0101010101010101)
#define PLAIN_TOPS UINT64_C(0x8080808080808080)
typedef uint64_t plain_word;

static inline plain_word plain_load(const char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

static inline void plain_store(char *p, plain_word x)
{
	memcpy(p, &x, sizeof(x));
}

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

/* How many bytes come before the first that is not plain, or fewer. */
static inline size_t plain_count(plain_word x)
{
	const uint64_t marks = plain_marks(x);

	if (!marks)
		return PLAIN_STEP;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	const uint64_t below = (marks - 1) & ~marks;

	return (size_t)(((below & PLAIN_ONES) * PLAIN_ONES) >> 56) - 1;
#else
	return 0;
#endif
}

#endif
