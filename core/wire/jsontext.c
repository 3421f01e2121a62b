/*
 * jsontext.c - names and strings that the pull reader has checked, decoded. See jsonr.h.
 */
#include <string.h>

#include "escape.h"
#include "wire/jsonr.h"

#define DECODE_PIECE 256

static int is_escaped(const jsonr_text *t, const char *plain)
{
	const char *p = t->raw;
	const char *end = t->raw + t->len;
	size_t left = strlen(plain);
	char c[4];

	while (p < end) {
		size_t n = escape_next(&p, c);

		if (n > left || memcmp(c, plain, n) != 0)
			return 0;
		plain += n;
		left -= n;
	}
	return left == 0;
}

int jsonr_equals(const jsonr_text *t, const char *plain)
{
	return t->escaped ? is_escaped(t, plain) : jsonr_is(t, plain);
}

size_t jsonr_decode(const jsonr_text *t, char *dst)
{
	const char *p = t->raw;
	const char *end = t->len ? t->raw + t->len : p;
	char *d = dst;

	while (p < end) {
		const char *slash = t->escaped ? memchr(p, '\\', (size_t)(end - p)) : NULL;
		size_t n = (size_t)((slash ? slash : end) - p);

		memcpy(d, p, n);
		d += n;
		p += n;
		if (slash)
			d += escape_decode(&p, d);
	}
	return (size_t)(d - dst);
}

int32_t jsonr_decode_to(
	const jsonr_text *t, int32_t (*put)(void *ctx, const char *bytes, size_t len), void *ctx)
{
	const char *p = t->raw;
	const char *end = t->len ? t->raw + t->len : p;
	char piece[DECODE_PIECE];
	size_t used = 0;

	if (!t->escaped && t->len > 0)
		return put(ctx, t->raw, t->len);
	/* Pieces end between characters: the taker may check them. */
	while (p < end) {
		used += escape_next(&p, piece + used);
		if (p == end || used > sizeof(piece) - 4) {
			int32_t rc = put(ctx, piece, used);

			if (rc)
				return rc;
			used = 0;
		}
	}
	return 0;
}
