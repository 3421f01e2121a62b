/*
 * redact_secret.c - a secret plain, JSON-escaped and percent-encoded is found by
 * reading the text as if it were so written, whichever characters were escaped and
 * how. Base64 is compared digit by digit, in either alphabet.
 */
#include "wire/redact_secret.h"

#include "base/alloc.h"
#include "base/text.h"

#include <string.h>

static size_t redact_digits_of(size_t len, size_t lead)
{
	return (lead + len * 8 + 5) / 6;
}

static void redact_encode(redact_base64 *b, const redact_secret *s, size_t lead)
{
	size_t bits = s->len * 8;

	b->n = redact_digits_of(s->len, lead);
	for (size_t at = 0; at < bits; at++) {
		unsigned bit = ((unsigned char)s->text[at / 8] >> (7 - at % 8)) & 1;
		size_t place = at + lead;

		b->digit[place / 6] |= (uint8_t)(bit << (5 - place % 6));
	}
	b->first_mask = (uint8_t)(0x3F >> lead);
	b->last_mask = (uint8_t)(0x3F << (b->n * 6 - lead - bits));
}

void redact_secret_free(const llm_allocator *mem, redact_secret *s)
{
	mem_wipe(mem, s->text, s->len);
	mem_wipe(mem, (char *)s->digits, s->n_digits);
	mem_free(mem, s);
}

redact_secret *redact_secret_new(const llm_allocator *mem, const char *text, size_t len)
{
	redact_secret *s = mem_new(mem, sizeof(*s));
	uint8_t *digit;

	if (!s)
		return NULL;
	s->len = len;
	s->text = mem_dup(mem, text, len);
	for (size_t i = 0; i < REDACT_PHASES; i++)
		s->n_digits += redact_digits_of(len, 2 * i);
	s->digits = mem_new(mem, s->n_digits);
	if (!s->text || !s->digits) {
		redact_secret_free(mem, s);
		return NULL;
	}
	digit = s->digits;
	for (size_t i = 0; i < REDACT_PHASES; i++) {
		s->base64[i].digit = digit;
		redact_encode(&s->base64[i], s, 2 * i);
		digit += s->base64[i].n;
	}
	return s;
}

/* One character of the text as the bytes that it stands for. */
typedef struct redact_unit {
	size_t taken; /* of the text */
	size_t n; /* bytes it stands for */
	char bytes[4];
} redact_unit;

typedef void (*redact_reader)(const char *t, size_t len, redact_unit *u);

static void redact_plain(const char *t, size_t len, redact_unit *u)
{
	(void)len;
	u->taken = 1;
	u->n = 1;
	u->bytes[0] = *t;
}

static int redact_hex(char c)
{
	if (ascii_is_digit((unsigned char)c))
		return c - '0';
	c = (char)ascii_lower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The value of `n` hex digits, or -1. */
static int32_t redact_hex_value(const char *t, size_t len, size_t n)
{
	int32_t value = 0;

	if (len < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int digit = redact_hex(t[i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static void redact_percent(const char *t, size_t len, redact_unit *u)
{
	int32_t value = *t == '%' ? redact_hex_value(t + 1, len - 1, 2) : -1;

	redact_plain(t, len, u);
	if (value >= 0) {
		u->taken = 3;
		u->bytes[0] = (char)value;
	} else if (*t == '+') {
		u->bytes[0] = ' ';
	}
}

static void redact_utf8(int32_t c, redact_unit *u)
{
	static const int32_t lead[] = {0, 0x00, 0xC0, 0xE0, 0xF0};

	u->n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = u->n - 1; i > 0; i--, c >>= 6)
		u->bytes[i] = (char)(0x80 | (c & 0x3F));
	u->bytes[0] = (char)(lead[u->n] | c);
}

/* \uXXXX, or the two of a surrogate pair. */
static void redact_code_point(const char *t, size_t len, redact_unit *u)
{
	int32_t high = redact_hex_value(t + 2, len - 2, 4);
	int32_t low = -1;

	if (high < 0)
		return;
	u->taken = 6;
	if (high >= 0xD800 && high < 0xDC00 && len >= 12 && t[6] == '\\' && t[7] == 'u')
		low = redact_hex_value(t + 8, len - 8, 4);
	if (low >= 0xDC00 && low < 0xE000) {
		u->taken = 12;
		high = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
	}
	redact_utf8(high, u);
}

static void redact_json(const char *t, size_t len, redact_unit *u)
{
	static const char letters[] = "bfnrt";
	static const char bytes[] = "\b\f\n\r\t";
	const char *letter;

	redact_plain(t, len, u);
	if (*t != '\\' || len < 2)
		return;
	if (t[1] == 'u') {
		redact_code_point(t, len, u);
		return;
	}
	letter = t[1] ? strchr(letters, t[1]) : NULL;
	u->taken = 2;
	u->bytes[0] = t[1];
	if (letter)
		u->bytes[0] = bytes[letter - letters];
}

static size_t redact_match(const redact_secret *s, redact_reader read, const char *t, size_t len)
{
	size_t at = 0;
	size_t done = 0;
	redact_unit u;

	while (done < s->len && at < len) {
		read(t + at, len - at, &u);
		if (u.n > s->len - done || memcmp(u.bytes, s->text + done, u.n) != 0)
			return 0;
		done += u.n;
		at += u.taken;
	}
	return done == s->len || done >= REDACT_MIN ? at : 0;
}

static int redact_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

static size_t redact_match_base64(const redact_base64 *b, const char *t, size_t len)
{
	size_t i;

	for (i = 0; i < b->n && i < len; i++) {
		int digit = redact_digit(t[i]);
		int mask = i == 0 ? b->first_mask : i + 1 == b->n ? b->last_mask : 0x3F;

		if (digit < 0 || (digit & mask) != b->digit[i])
			return 0;
	}
	return i == b->n || i > REDACT_MIN * 8 / 6 ? i : 0;
}

size_t redact_secret_at(const redact_secret *s, const char *t, size_t len)
{
	static const redact_reader readers[] = {redact_plain, redact_json, redact_percent};
	size_t longest = 0;
	size_t n;

	if (*t == s->text[0] || strchr("\\%+", *t))
		for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
			n = redact_match(s, readers[i], t, len);
			longest = n > longest ? n : longest;
		}
	for (size_t i = 0; i < REDACT_PHASES; i++) {
		n = redact_match_base64(&s->base64[i], t, len);
		longest = n > longest ? n : longest;
	}
	return longest;
}

/* ---- beginnings ---- */

/* Two digits that may be the first ones; there are always two. */
static void redact_base64_starts(const redact_base64 *b, unsigned kind, redact_starts *ret)
{
	for (unsigned a = 0; a < 256; a++) {
		int digit = redact_digit((char)a);

		if (digit < 0 || (digit & b->first_mask) != b->digit[0])
			continue;
		for (unsigned next = 0; next < 256; next++)
			if (redact_digit((char)next) == b->digit[1])
				redact_starts_add(ret, (char)a, (char)next, kind);
	}
}

void redact_secret_starts(const redact_secret *s, redact_starts *ret)
{
	static const char escapes[] = "\\%+";

	for (size_t i = 0; i < sizeof(escapes) - 1; i++) {
		redact_starts_add_any(ret, escapes[i]);
		redact_starts_add(ret, s->text[0], escapes[i], REDACT_PLAIN);
	}
	redact_starts_add(ret, s->text[0], s->text[1], REDACT_PLAIN);
	for (size_t i = 0; i < REDACT_PHASES; i++)
		redact_base64_starts(&s->base64[i], (unsigned)REDACT_PLAIN << (i + 1), ret);
}
