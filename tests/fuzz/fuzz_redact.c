/*
 * fuzz_redact.c - the first line is a secret, the rest is the text: what comes out
 * is UTF-8 without control characters and without the secret, and the same in place.
 */
#include "wire/redact.h"

#include "base/alloc.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Length of what the redactor may have put in at `s`, or 0. */
static size_t inserted(const char *s, size_t len)
{
	if (len >= 10 && !memcmp(s, "[redacted]", 10))
		return 10;
	if (len >= 4 && s[0] == '\\' && s[1] == 'x')
		return 4;
	return len >= 3 && !memcmp(s, "\xEF\xBF\xBD", 3) ? 3 : 0;
}

/* Only what was kept counts: between two insertions. */
static void check_gone(llm_bytes secret, const buf *out)
{
	size_t from = 0;

	for (size_t at = 0; at <= out->len; at++) {
		size_t n = inserted(out->ptr + at, out->len - at);

		if (!n && at < out->len)
			continue;
		if (memmem(out->ptr + from, at - from, secret.ptr, secret.len))
			abort();
		from = at + n;
		at = n ? from - 1 : at;
	}
}

static void check_clean(const buf *out)
{
	if (!utf8_valid(out->ptr, out->len))
		abort();
	for (size_t i = 0; i < out->len; i++) {
		unsigned char c = (unsigned char)out->ptr[i];

		if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7F)
			abort();
	}
}

/* With little room: the beginning of the same, short of one piece at most. */
static void check_in_place(const redact *r, const char *text, size_t len, const buf *out)
{
	size_t cap = len + len / 8;
	char *block = malloc(cap ? cap : 1);
	size_t n;

	if (!block)
		abort();
	memcpy(block, text, len);
	n = redact_inplace(r, block, len, cap);
	if (n > cap || n > out->len || memcmp(block, out->ptr, n) != 0)
		abort();
	if (n < out->len && n + 10 <= cap)
		abort();
	free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *lf = size ? memchr(text, '\n', size) : NULL;
	llm_bytes secret = {text, lf ? (size_t)(lf - text) : 0};
	redact *r = redact_new(mem_default());
	buf out;

	if (!r)
		abort();
	buf_init(&out, mem_default(), 0);
	if (lf)
		text = lf + 1;
	size -= (size_t)(text - (const char *)data);
	if (redact_add(r, secret.ptr, secret.len) || redact_text(r, text, size, &out))
		abort();
	if (out.len) {
		check_clean(&out);
		check_in_place(r, text, size, &out);
	}
	if (out.len && secret.len >= 4)
		check_gone(secret, &out);
	buf_done(&out);
	redact_free(r);
	return 0;
}
