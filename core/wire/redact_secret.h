/*
 * redact_secret.h - one secret and the forms in which a text may hold it. Private
 * to redact.c.
 */
#ifndef LLM_WIRE_REDACT_SECRET_H
#define LLM_WIRE_REDACT_SECRET_H

#include "llm/base.h"
#include "wire/redact_starts.h"

#define REDACT_MIN 4 /* shorter secrets are none */
#define REDACT_PHASES 3

/* The base64 digits of a secret that begins at bit 0, 2 or 4 of the first one. */
typedef struct redact_base64 {
	size_t n;
	uint8_t *digit;
	uint8_t first_mask; /* the bits of the first and of the last digit that are */
	uint8_t last_mask; /* the secret's own */
} redact_base64;

typedef struct redact_secret {
	struct redact_secret *next;
	char *text;
	size_t len;
	uint8_t *digits; /* of all phases */
	size_t n_digits;
	redact_base64 base64[REDACT_PHASES];
} redact_secret;

/* Null when memory is short. Keeps a copy. */
redact_secret *redact_secret_new(const llm_allocator *mem, const char *text, size_t len);
void redact_secret_free(const llm_allocator *mem, redact_secret *s); /* wipes */
/* Adds the pairs with which it begins, in any of its forms. */
void redact_secret_starts(const redact_secret *s, redact_starts *ret);

/*
 * Length of the text at `t` (of `len` bytes, not 0) that reads as the secret in any
 * form, or as the beginning of it that the end of the text cuts off; 0: none.
 */
size_t redact_secret_at(const redact_secret *s, const char *t, size_t len);

#endif
