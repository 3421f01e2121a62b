/*
 * near.h - the known word that somebody probably meant.
 */
#ifndef LLMCTL_NEAR_H
#define LLMCTL_NEAR_H

#include <stddef.h>

/* Keeps the best of what it is shown; start with a zeroed one but for `word`. */
typedef struct near {
	const char *word; /* as typed */
	const char *best; /* null: nothing is close enough */
	size_t far;
} near;

/* Looks at one known word, which must outlive `n`. */
void near_try(near *n, const char *known);

#define NEAREST 3

/* Keeps the nearest few, however far they are; start with a zeroed one but for `word`. */
typedef struct nearest {
	const char *word;
	const char *found[NEAREST]; /* nearest first */
	size_t far[NEAREST];
	size_t n;
} nearest;

void nearest_try(nearest *n, const char *known);

#endif
