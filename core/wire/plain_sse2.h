/*
 * plain_sse2.h - sixteen bytes at a time, as every x86-64 can. See plain.h.
 */
#ifndef LLM_WIRE_PLAIN_SSE2_H
#define LLM_WIRE_PLAIN_SSE2_H

#include <emmintrin.h>
#include <stddef.h>

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

#endif
