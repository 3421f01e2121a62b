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

/* What holds the word, or is held by it, is nearer than any other. */
static size_t far_of(const char *word, const char *known)
{
	const size_t len = strlen(word), klen = strlen(known);

	if (strstr(known, word))
		return klen == len ? 0 : 1;
	if (strstr(word, known))
		return 1;
	return distance(word, least(len, NEAR_MAX), known, least(klen, NEAR_MAX)) + 1;
}

void nearest_try(nearest *n, const char *known)
{
	const size_t far = far_of(n->word, known);
	size_t i = n->n;

	while (i && far < n->far[i - 1])
		i--;
	if (i == NEAREST)
		return;
	if (n->n < NEAREST)
		n->n++;
	memmove(n->found + i + 1, n->found + i, (n->n - i - 1) * sizeof(n->found[0]));
	memmove(n->far + i + 1, n->far + i, (n->n - i - 1) * sizeof(n->far[0]));
	n->found[i] = known;
	n->far[i] = far;
}
