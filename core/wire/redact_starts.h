/*
 * redact_starts.h - where in a text something could begin that is to go. Private to redact.c.
 *
 * Almost nowhere, so this is the pace at which texts are cleaned: two bytes after each other
 * are looked up, eight such pairs without a branch.
 */
#ifndef LLM_WIRE_REDACT_STARTS_H
#define LLM_WIRE_REDACT_STARTS_H

#include <stddef.h>
#include <stdint.h>

/* What a pair of bytes may begin, as bits. */
enum {
	REDACT_HEADER_A = 1, /* "authorization", "api-key" */
	REDACT_HEADER_C = 2, /* "cookie" */
	REDACT_SCHEME = 4, /* "://" */
	REDACT_ANY = 8, /* something, whatever comes second */
	REDACT_SURE = 15, /* one of the above: the pair need not be looked up */
	REDACT_PLAIN = 16, /* a secret as it is, and one bit more for each base64 phase */
};

/*
 * A pair may begin something when some bit is in `head` of the first byte and in `tail` of the
 * second; REDACT_ANY is in every tail. Secrets share their bits, so each of their pairs has
 * one of its own besides.
 */
typedef struct redact_starts {
	uint8_t head[256];
	uint8_t tail[256];
	uint64_t pairs[256][4];
} redact_starts;

/* Those of the fixed rules, to begin with. */
extern const redact_starts redact_starts_of_rules;

/* `a` and `b` begin a secret: `kind` is REDACT_PLAIN or a bit above. */
void redact_starts_add(redact_starts *st, char a, char b, unsigned kind);
/* `a` begins a secret, whatever comes second. */
void redact_starts_add_any(redact_starts *st, char a);
/* The end of the part from `at` on in which nothing begins; a text's last byte has no part. */
size_t redact_quiet_end(const redact_starts *st, const char *text, size_t len, size_t at);

#endif
