/*
 * redact_canary.h - secrets that must never come out, and cleaning in both ways.
 */
#ifndef TESTS_REDACT_CANARY_H
#define TESTS_REDACT_CANARY_H

#include "wire/redact.h"

#include "base/alloc.h"
#include "base/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define WORD "[redacted]"
#define BIG 8192

static const char *const secrets[] = {
	"sk-canary-0123456789abcdefXYZ",
	"AIzaCanary_-0123456789",
	"pass\"word\\with/all&of <it>\t100%+",
	"caf\xc3\xa9-\xe2\x82\xac-\xf0\x9f\x98\x80-canary",
	"four",
	"abcabcabd",
};
#define N_SECRETS (sizeof(secrets) / sizeof(secrets[0]))

static inline redact *armed(void)
{
	redact *r = redact_new(mem_default());

	cr_assert(r);
	for (size_t i = 0; i < N_SECRETS; i++)
		cr_assert_eq(redact_add(r, secrets[i], strlen(secrets[i])), 0);
	return r;
}

/* Cleans both ways, each from a block of exactly its size, and compares. */
static inline void clean(const redact *r, const char *text, size_t len, char ret_out[BIG])
{
	char *copy = malloc(len ? len : 1);
	buf out;
	size_t n;

	cr_assert(copy);
	memcpy(copy, text, len);
	buf_init(&out, mem_default(), 0);
	cr_assert_eq(buf_add_str(&out, "<"), 0);
	cr_assert_eq(redact_text(r, copy, len, &out), 0);
	cr_assert_eq(out.ptr[0], '<');
	cr_assert_lt(out.len, BIG);
	cr_assert_eq(redact_is_clean(r, copy, len),
		out.len - 1 == len && memcmp(out.ptr + 1, copy, len) == 0);
	memcpy(ret_out, text, len);
	n = redact_inplace(r, ret_out, len, BIG);
	cr_assert_eq(n, out.len - 1);
	cr_assert_eq(memcmp(ret_out, out.ptr + 1, n), 0);
	cr_assert_eq(ret_out[n], '\0');
	cr_assert(utf8_valid(ret_out, n));
	buf_done(&out);
	free(copy);
}

static inline void expect(const redact *r, const char *text, const char *want)
{
	char out[BIG];

	clean(r, text, strlen(text), out);
	cr_assert_str_eq(out, want, "%s -> %s, not %s", text, out, want);
}

#endif
