/*
 * escape.h - the escapes in JSON strings: are they right, what do they stand for?
 *
 * The part of jsonr.c that knows no reader. Static functions only, as in utf8.h.
 */
#ifndef LLM_WIRE_ESCAPE_H
#define LLM_WIRE_ESCAPE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "utf8.h"

static inline int escape_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The code unit of the \uXXXX at `p`, or -1. */
static inline int32_t escape_unit(const char *p, size_t left)
{
	int32_t unit = 0;
	size_t i;

	if (left < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (i = 2; i < 6; i++) {
		int digit = escape_hex(p[i]);

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

static inline int escape_is_high(int32_t unit)
{
	return unit >= 0xD800 && unit <= 0xDBFF;
}

static inline int escape_is_low(int32_t unit)
{
	return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* Bytes of the escape at `p`, both halves of a surrogate pair; 0 when it is wrong. */
static inline size_t escape_length(const char *p, size_t left)
{
	static const char names[] = "\"\\/bfnrt";
	int32_t unit;

	if (left < 2)
		return 0;
	if (p[1] != 'u')
		return memchr(names, p[1], sizeof(names) - 1) ? 2 : 0;
	unit = escape_unit(p, left);
	if (unit < 0 || escape_is_low(unit))
		return 0;
	if (!escape_is_high(unit))
		return 6;
	return escape_is_low(escape_unit(p + 6, left - 6)) ? 12 : 0;
}

/* ---- decoding of what was checked ---- */

static inline size_t escape_put(uint32_t c, char *dst)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
	size_t i;

	for (i = n - 1; i > 0; i--) {
		dst[i] = (char)(0x80u | (c & 0x3Fu));
		c >>= 6;
	}
	dst[0] = (char)(lead[n] | c);
	return n;
}

/* The escape at *p as UTF-8 in `dst` (at most 4 bytes); moves *p behind it. */
static inline size_t escape_decode(const char **p, char *dst)
{
	static const char names[] = "bfnrt";
	static const char values[] = "\b\f\n\r\t";
	const char *escape = *p;
	int32_t unit;

	*p += 2;
	if (escape[1] != 'u') {
		const char *name = memchr(names, escape[1], sizeof(names) - 1);

		*dst = escape[1];
		if (name)
			*dst = values[name - names];
		return 1;
	}
	*p += 4;
	unit = escape_unit(escape, 6);
	if (escape_is_high(unit)) {
		unit = 0x10000 + (unit - 0xD800) * 0x400 + (escape_unit(*p, 6) - 0xDC00);
		*p += 6;
	}
	return escape_put((uint32_t)unit, dst);
}

/* The next character, decoded, in `dst` (at most 4 bytes). */
static inline size_t escape_next(const char **p, char *dst)
{
	size_t n;

	if (**p == '\\')
		return escape_decode(p, dst);
	n = utf8_announced((unsigned char)**p);
	memcpy(dst, *p, n);
	*p += n;
	return n;
}

#endif
