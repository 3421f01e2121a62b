/*
 * redact_secret.h - one secret and the forms in which a text may hold it. Private
 * to redact.c.
 */
#ifndef LLM_WIRE_REDACT_SECRET_H
#define LLM_WIRE_REDACT_SECRET_H

#include "llm/base.h"

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

/* Kinds of pairs of bytes with which something begins, as bits: see redact_starts. */
enum {
	REDACT_HEADER_A = 1, /* "authorization", "api-key" */
	REDACT_HEADER_C = 2, /* "cookie" */
	REDACT_SCHEME = 4, /* "://" */
	REDACT_ANY = 8, /* whatever follows */
	REDACT_PLAIN = 16, /* a secret as it is, and one bit more for each base64 phase */
};

/*
 * The pairs of bytes with which some secret begins, in any of its forms: a bit each. Few
 * pairs of a text get as far as being looked up there: only those of whose kinds some is
 * in `head` of the first byte and in `tail` of the second, or is REDACT_ANY.
 */
typedef struct redact_starts {
	uint64_t pairs[256][4];
	uint8_t head[256];
	uint8_t tail[256];
} redact_starts;

static inline int redact_starts_with(const redact_starts *st, char a, char b)
{
	const unsigned char second = (unsigned char)b;

	return (int)(st->pairs[(unsigned char)a][second / 64] >> second % 64 & 1);
}

/* Null when memory is short. Keeps a copy. */
redact_secret *redact_secret_new(const llm_allocator *mem, const char *text, size_t len);
void redact_secret_free(const llm_allocator *mem, redact_secret *s); /* wipes */
/* Those of the fixed rules. */
#define REDACT_RULE_STARTS \
	{ \
		.head = {['a'] = REDACT_HEADER_A, \
			['A'] = REDACT_HEADER_A, \
			['c'] = REDACT_HEADER_C, \
			['C'] = REDACT_HEADER_C, \
			[':'] = REDACT_SCHEME, \
			['?'] = REDACT_ANY, \
			['&'] = REDACT_ANY, \
			[';'] = REDACT_ANY, \
			['#'] = REDACT_ANY, \
			['%'] = REDACT_ANY, \
			['\\'] = REDACT_ANY, \
			[0xFF] = REDACT_ANY}, \
		.tail = {['u'] = REDACT_HEADER_A, \
			['U'] = REDACT_HEADER_A, \
			['p'] = REDACT_HEADER_A, \
			['P'] = REDACT_HEADER_A, \
			['o'] = REDACT_HEADER_C, \
			['O'] = REDACT_HEADER_C, \
			['/'] = REDACT_SCHEME, \
			['\\'] = REDACT_SCHEME}, \
	}

/* Adds those of a secret. */
void redact_secret_starts(const redact_secret *s, redact_starts *ret);

/*
 * Length of the text at `t` (of `len` bytes, not 0) that reads as the secret in any
 * form, or as the beginning of it that the end of the text cuts off; 0: none.
 */
size_t redact_secret_at(const redact_secret *s, const char *t, size_t len);

#endif
