#include <stdint.h>
#include <string.h>

#include "near.h"

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Names are short, so one row on the stack is enough. */
size_t near_distance(const char *a, const char *b)
{
	size_t row[64];
	size_t blen = strlen(b);

	if (blen >= 63)
		return SIZE_MAX;
	for (size_t j = 0; j <= blen; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= blen; j++) {
			size_t up = row[j];

			row[j] = least(
				least(row[j], row[j - 1]) + 1, corner + (a[i - 1] != b[j - 1]));
			corner = up;
		}
	}
	return row[blen];
}
