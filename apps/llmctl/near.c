/*
 * near.c - edit distance in one row, over words of at most NEAR_MAX bytes.
 */
#include "near.h"

#include <string.h>

#define NEAR_MAX 64

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t distance(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t row[NEAR_MAX + 1], i, j;

	for (j = 0; j <= blen; j++)
		row[j] = j;
	for (i = 1; i <= alen; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (j = 1; j <= blen; j++) {
			size_t swap = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			row[j] = least(swap, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[blen];
}

/* A third of the word may be wrong, but never all of a short one. */
static size_t tolerance(size_t len)
{
	return len <= 2 ? 1 : len <= 5 ? 2 : 3;
}

void near_try(near *n, const char *known)
{
	size_t len = strlen(n->word), klen = strlen(known), far;

	if (len > NEAR_MAX || klen > NEAR_MAX)
		return;
	far = distance(n->word, len, known, klen);
	/* What was begun but not finished is meant, however much is missing. */
	if (len >= 2 && klen > len && memcmp(n->word, known, len) == 0)
		far = 1;
	if (far > tolerance(len) || far >= klen || (n->best && far >= n->far))
		return;
	n->best = known;
	n->far = far;
}
