/*
 * text.h - bytes as text: UTF-8, ASCII without a locale, names that are close.
 */
#ifndef LLM_BASE_TEXT_H
#define LLM_BASE_TEXT_H

#include "llm/base.h"

/* Length of the valid UTF-8 sequence at `s` (1 to 4), 0 when there is none in `len` bytes. */
size_t utf8_len(const char *s, size_t len);
/* 1 when all of it is UTF-8 (no surrogates, no overlong forms, up to U+10FFFF). */
int utf8_valid(const char *s, size_t len);
/* The longest prefix of at most `max` bytes that does not cut a character. */
size_t utf8_cut(const char *s, size_t len, size_t max);

int ascii_lower(int c);
int ascii_is_alnum(int c);
int ascii_is_digit(int c);
/* Compares with ASCII case folded, to the NUL; 0 when equal. */
int ascii_casecmp(const char *a, const char *b);
int ascii_ncasecmp(const char *a, const char *b, size_t n);
/* Position of `needle` in `text`, ASCII case folded, or null. */
const char *ascii_casestr(const char *text, size_t len, const char *needle);

/*
 * The name in `names` (n of them, null ones skipped) closest to `word`, or null
 * when none is close enough to be meant: at most a third of the longer length is
 * different, or one is a prefix of the other.
 */
const char *text_nearest(const char *word, const char *const *names, size_t n);

/* Puts the `max` nearest of the names into `ret`, the nearest first, however far; how many. */
size_t text_rank(
	const char *word, const char *const *names, size_t n, const char **ret, size_t max);

#endif
