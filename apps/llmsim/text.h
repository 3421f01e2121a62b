/*
 * text.h - words that read like an answer, the same for the same seed.
 */
#ifndef LLMSIM_TEXT_H
#define LLMSIM_TEXT_H

#include "bytes.h"

/* Sentences of exactly `words` words, one piece per word with the blank before it. */
void text_make(struct pieces *p, uint64_t *rng, size_t words);
/* A given text cut into words. */
void text_split(struct pieces *p, const char *text, size_t len);
/* The same cut every few characters, for text without blanks. */
void text_slice(struct pieces *p, const char *text, size_t len);
/* Exactly `len` bytes: cut, or filled up with more sentences. */
void text_resize(struct pieces *p, uint64_t *rng, size_t len);
/* One to three words for a value of type string. */
void text_phrase(struct bytes *b, uint64_t *rng);

size_t text_words(const char *text, size_t len);

#endif
