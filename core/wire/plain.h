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

#ifdef __SSE2__ /* every x86-64 has it */

#include <emmintrin.h>

#define PLAIN_STEP ((size_t)16)
typedef __m128i plain_word;

static inline plain_word plain_load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void plain_store(char *p, plain_word x)
{
	_mm_storeu_si128((__m128i *)(void *)p, x);
}

/* How many bytes come before the first that is not plain. */
static inline size_t plain_count(plain_word x)
{
	/* As signed numbers, what is not ASCII lies below the space as well. */
	const __m128i low = _mm_cmplt_epi8(x, _mm_set1_epi8(' '));
	const __m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
	const __m128i slash = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
	const __m128i marks = _mm_or_si128(low, _mm_or_si128(quote, slash));

	return (size_t)__builtin_ctz((unsigned)_mm_movemask_epi8(marks) | 0x10000u);
}

#else

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
