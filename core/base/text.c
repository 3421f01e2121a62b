/*
 * text.c - UTF-8 by the ranges of its lead bytes, ASCII by arithmetic, closeness
 * by edit distance with swapped neighbours.
 */
#include "base/text.h"

#include <string.h>

#define TEXT_NEAR_MAX 64 /* longer words are not compared */

static unsigned char text_byte(const char *s, size_t i)
{
	return (unsigned char)s[i];
}

static int text_is_tail(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

/* The second byte rules out overlong forms, surrogates and what is past U+10FFFF. */
static int text_second_fits(unsigned char lead, unsigned char second)
{
	if (lead == 0xE0)
		return second >= 0xA0;
	if (lead == 0xED)
		return second <= 0x9F;
	if (lead == 0xF0)
		return second >= 0x90;
	if (lead == 0xF4)
		return second <= 0x8F;
	return 1;
}

static size_t text_lead_len(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xC2 && lead <= 0xDF)
		return 2;
	if (lead >= 0xE0 && lead <= 0xEF)
		return 3;
	if (lead >= 0xF0 && lead <= 0xF4)
		return 4;
	return 0;
}

size_t utf8_len(const char *s, size_t len)
{
	size_t n;

	if (!len)
		return 0;
	n = text_lead_len(text_byte(s, 0));
	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if (!text_is_tail(text_byte(s, i)))
			return 0;
	if (n > 1 && !text_second_fits(text_byte(s, 0), text_byte(s, 1)))
		return 0;
	return n;
}

#define TEXT_ASCII_STEP (4 * sizeof(uint64_t))

/* Where the ASCII ends that begins at `at`. */
static size_t text_past_ascii(const char *s, size_t at, size_t len)
{
	uint64_t x[4];

	for (; len - at >= TEXT_ASCII_STEP; at += TEXT_ASCII_STEP) {
		memcpy(x, s + at, sizeof(x));
		if ((x[0] | x[1] | x[2] | x[3]) & UINT64_C(0x8080808080808080))
			break;
	}
	for (; len - at >= sizeof(x[0]); at += sizeof(x[0])) {
		memcpy(x, s + at, sizeof(x[0]));
		if (x[0] & UINT64_C(0x8080808080808080))
			break;
	}
	while (at < len && text_byte(s, at) < 0x80)
		at++;
	return at;
}

int utf8_valid(const char *s, size_t len)
{
	size_t at = 0;

	while ((at = text_past_ascii(s, at, len)) < len) {
		size_t n = utf8_len(s + at, len - at);

		if (!n)
			return 0;
		at += n;
	}
	return 1;
}

size_t utf8_cut(const char *s, size_t len, size_t max)
{
	size_t at = max;

	if (len <= max)
		return len;
	while (at && max - at < 3 && text_is_tail(text_byte(s, at)))
		at--;
	return utf8_len(s + at, len - at) > max - at ? at : max;
}

int ascii_lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

int ascii_is_digit(int c)
{
	return c >= '0' && c <= '9';
}

int ascii_is_alnum(int c)
{
	int low = ascii_lower(c);

	return ascii_is_digit(c) || (low >= 'a' && low <= 'z');
}

int ascii_ncasecmp(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int diff = ascii_lower(text_byte(a, i)) - ascii_lower(text_byte(b, i));

		if (diff || !a[i])
			return diff;
	}
	return 0;
}

int ascii_casecmp(const char *a, const char *b)
{
	return ascii_ncasecmp(a, b, SIZE_MAX);
}

const char *ascii_casestr(const char *text, size_t len, const char *needle)
{
	size_t n = strlen(needle);

	for (size_t at = 0; at <= len && n <= len - at; at++)
		if (!ascii_ncasecmp(text + at, needle, n))
			return text + at;
	return NULL;
}

static size_t text_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int text_same(const char *a, size_t i, const char *b, size_t j)
{
	return ascii_lower(text_byte(a, i)) == ascii_lower(text_byte(b, j));
}

/* One row of the distance table: row[j] is for i bytes of `a` against j of `b`. */
static void text_distance_row(
	const char *a, size_t i, const char *b, size_t b_len, size_t row[3][TEXT_NEAR_MAX + 1])
{
	size_t *now = row[i % 3];
	const size_t *before = row[(i + 2) % 3];

	now[0] = i;
	for (size_t j = 1; j <= b_len; j++) {
		size_t changed = before[j - 1] + !text_same(a, i - 1, b, j - 1);

		now[j] = text_min(changed, text_min(before[j], now[j - 1]) + 1);
		if (i > 1 && j > 1 && text_same(a, i - 1, b, j - 2) &&
			text_same(a, i - 2, b, j - 1))
			now[j] = text_min(now[j], row[(i + 1) % 3][j - 2] + 1);
	}
}

/* Bytes put in, left out, changed or swapped with their neighbour. */
static size_t text_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[3][TEXT_NEAR_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a_len; i++)
		text_distance_row(a, i, b, b_len, row);
	return row[a_len % 3][b_len];
}

/* The distance when `name` may have been meant by `word`, else SIZE_MAX. */
static size_t text_nearness(const char *word, const char *name)
{
	size_t word_len = strlen(word);
	size_t name_len = strlen(name);
	size_t shorter = text_min(word_len, name_len);
	size_t longer = word_len + name_len - shorter;
	size_t distance;

	if (!shorter || longer > TEXT_NEAR_MAX)
		return SIZE_MAX;
	distance = text_distance(word, word_len, name, name_len);
	if (distance <= longer / 3 || !ascii_ncasecmp(word, name, shorter))
		return distance;
	return SIZE_MAX;
}

const char *text_nearest(const char *word, const char *const *names, size_t n)
{
	const char *nearest = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		size_t distance = names[i] ? text_nearness(word, names[i]) : SIZE_MAX;

		if (distance < least) {
			least = distance;
			nearest = names[i];
		}
	}
	return nearest;
}

/* What begins alike is near; words that are not compared come last. */
static size_t text_rank_of(const char *word, const char *name)
{
	const size_t word_len = strlen(word), name_len = strlen(name);
	const size_t near = text_nearness(word, name);

	if (near != SIZE_MAX)
		return near;
	if (word_len > TEXT_NEAR_MAX || name_len > TEXT_NEAR_MAX)
		return SIZE_MAX;
	return TEXT_NEAR_MAX + text_distance(word, word_len, name, name_len);
}

size_t text_rank(const char *word, const char *const *names, size_t n, const char **ret, size_t max)
{
	size_t filled = 0;

	for (size_t i = 0; i < n; i++) {
		const size_t far = text_rank_of(word, names[i]);
		size_t at = filled;

		while (at && far < text_rank_of(word, ret[at - 1]))
			at--;
		if (at == max)
			continue;
		if (filled < max)
			filled++;
		memmove(ret + at + 1, ret + at, (filled - at - 1) * sizeof(*ret));
		ret[at] = names[i];
	}
	return filled;
}
