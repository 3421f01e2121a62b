/*
 * redact_starts.c - see redact_starts.h.
 */
#include "wire/redact_starts.h"

#define STEP 8 /* bytes that are passed over at once */

const redact_starts redact_starts_of_rules = {
	.head = {['a'] = REDACT_HEADER_A,
		['A'] = REDACT_HEADER_A,
		['c'] = REDACT_HEADER_C,
		['C'] = REDACT_HEADER_C,
		[':'] = REDACT_SCHEME,
		['?'] = REDACT_ANY,
		['&'] = REDACT_ANY,
		[';'] = REDACT_ANY,
		['#'] = REDACT_ANY,
		['%'] = REDACT_ANY,
		['\\'] = REDACT_ANY,
		[0xFF] = REDACT_ANY /* the marker */},
	.tail = {['u'] = REDACT_HEADER_A,
		['U'] = REDACT_HEADER_A,
		['p'] = REDACT_HEADER_A,
		['P'] = REDACT_HEADER_A,
		['o'] = REDACT_HEADER_C,
		['O'] = REDACT_HEADER_C,
		['/'] = REDACT_SCHEME,
		['\\'] = REDACT_SCHEME},
};

void redact_starts_add(redact_starts *st, char a, char b, unsigned kind)
{
	const unsigned char first = (unsigned char)a, second = (unsigned char)b;

	st->head[first] = (uint8_t)(st->head[first] | kind);
	st->tail[second] = (uint8_t)(st->tail[second] | kind);
	st->pairs[first][second / 64] |= UINT64_C(1) << second % 64;
}

void redact_starts_add_any(redact_starts *st, char a)
{
	st->head[(unsigned char)a] |= REDACT_ANY;
}

static unsigned kinds_at(const redact_starts *st, const unsigned char *t)
{
	return st->head[t[0]] & (st->tail[t[1]] | (unsigned)REDACT_ANY);
}

static int is_quiet(const redact_starts *st, const unsigned char *t)
{
	unsigned kinds = 0;

	for (size_t i = 0; i < STEP; i++)
		kinds |= kinds_at(st, t + i);
	return !kinds;
}

static int begins(const redact_starts *st, const unsigned char *t)
{
	const unsigned kinds = kinds_at(st, t);

	if (!kinds || kinds & REDACT_SURE)
		return kinds != 0;
	return (int)(st->pairs[t[0]][t[1] / 64] >> t[1] % 64 & 1);
}

size_t redact_quiet_end(const redact_starts *st, const char *text, size_t len, size_t at)
{
	const unsigned char *t = (const unsigned char *)text;

	while (at + 1 < len) {
		size_t end = len - at > STEP ? at + STEP : len - 1;

		if (end == at + STEP && is_quiet(st, t + at))
			at = end;
		for (; at < end; at++)
			if (begins(st, t + at))
				return at;
	}
	return at;
}
