/*
 * utf8.h - is this well-formed UTF-8?
 *
 * As Unicode's table 3-7 has it: no overlong forms, no surrogates, nothing above
 * U+10FFFF. Static functions only, because the kit is built from the reader and
 * the writer too.
 */
#ifndef LLM_WIRE_UTF8_H
#define LLM_WIRE_UTF8_H

#include <stddef.h>

static inline int utf8_is_tail(unsigned char c)
{
	return (c & 0xC0u) == 0x80u;
}

/* May `second` follow `lead`? This is where overlong forms and surrogates fall out. */
static inline int utf8_second_fits(unsigned char lead, unsigned char second)
{
	switch (lead) {
	case 0xE0:
		return second >= 0xA0 && second <= 0xBF;
	case 0xED:
		return second >= 0x80 && second <= 0x9F;
	case 0xF0:
		return second >= 0x90 && second <= 0xBF;
	case 0xF4:
		return second >= 0x80 && second <= 0x8F;
	default:
		return utf8_is_tail(second);
	}
}

/* Bytes of the character that a lead byte announces; 0 for a byte that is no lead. */
static inline size_t utf8_announced(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead < 0xC2 || lead > 0xF4)
		return 0;
	return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* Bytes of the character at `text`, of which `left` > 0 bytes exist; 0 when malformed. */
static inline size_t utf8_length(const char *text, size_t left)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = utf8_announced(s[0]);

	if (n < 2)
		return n;
	if (n > left || !utf8_second_fits(s[0], s[1]))
		return 0;
	if (n > 2 && !utf8_is_tail(s[2]))
		return 0;
	return n > 3 && !utf8_is_tail(s[3]) ? 0 : n;
}

#endif
