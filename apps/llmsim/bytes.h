/*
 * bytes.h - growing bytes, pieces of them, and hashes. Out of memory ends the
 * program: llmsim is a tool for tests, and half an upstream proves nothing.
 */
#ifndef LLMSIM_BYTES_H
#define LLMSIM_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Always zero-terminated once something was added; `len` does not count the zero. */
struct bytes {
	char *data;
	size_t len;
	size_t cap;
};

/* Borrowed bytes. */
struct span {
	const char *ptr;
	size_t len;
};

/* One run of bytes with the offset at which each piece ends. */
struct pieces {
	struct bytes b;
	size_t *ends;
	size_t count;
	size_t cap;
};

void *mem_new(size_t size); /* zeroed */
void *mem_grow(void *old, size_t size);
char *mem_copy(const char *text, size_t len);

void bytes_reserve(struct bytes *b, size_t more);
void bytes_add(struct bytes *b, const char *data, size_t len);
void bytes_text(struct bytes *b, const char *text);
void bytes_number(struct bytes *b, uint64_t n);
void bytes_format(struct bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bytes_drop(struct bytes *b, size_t n); /* the first n */
void bytes_done(struct bytes *b);

/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void bytes_json(struct bytes *b, const char *text, size_t len);

void bytes_base64(struct bytes *b, const char *data, size_t len);
/* Where a decoder of base64 stops; `len` if it does not. */
size_t base64_bad(const char *s, size_t len);

void pieces_add(struct pieces *p, const char *data, size_t len);
void pieces_mark(struct pieces *p); /* what was added since the last mark is one piece */
struct span pieces_at(const struct pieces *p, size_t i);
void pieces_cut(struct pieces *p, size_t len); /* keep the first len bytes */
void pieces_done(struct pieces *p);

bool span_is(struct span s, const char *text);
bool span_is_nocase(struct span s, const char *text); /* ASCII */
bool span_has_nocase(struct span s, const char *word); /* ASCII */
struct span span_of(const char *text);
/* Length of the UTF-8 character at s, 0 if there is none. */
size_t utf8_len(const char *s, size_t left);

uint64_t hash_bytes(uint64_t h, const char *data, size_t len);
uint64_t rng_next(uint64_t *state);
size_t rng_below(uint64_t *state, size_t n);

#endif
