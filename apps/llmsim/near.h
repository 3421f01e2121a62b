/*
 * near.h - which known name was meant.
 */
#ifndef LLMSIM_NEAR_H
#define LLMSIM_NEAR_H

#include <stddef.h>

/* How many letters to change, add or drop (Levenshtein); SIZE_MAX where b is long. */
size_t near_distance(const char *a, const char *b);

#endif
