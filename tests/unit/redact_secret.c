/*
 * redact_secret.c - canaries: a secret in every form that is promised, in many places,
 * must not come out, and what stands around it must.
 */
#include "redact_canary.h"

#include <stdio.h>

typedef void (*form)(const char *s, char *out);

static void form_plain(const char *s, char *out)
{
	memcpy(out, s, strlen(s) + 1);
}

/* Only what JSON must escape. */
static void form_json(const char *s, char *out)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			*out++ = '\\';
		else if ((unsigned char)*s < ' ') {
			*out++ = '\\';
			*out++ = 't';
			continue;
		}
		*out++ = *s;
	}
	*out = '\0';
}

/* Slashes too, as some writers do. */
static void form_json_slash(const char *s, char *out)
{
	for (; *s; s++) {
		if (strchr("/\"\\", *s))
			*out++ = '\\';
		*out++ = *s == '\t' ? ' ' : *s;
		if (*s == '\t') {
			out[-1] = '\\';
			*out++ = 't';
		}
	}
	*out = '\0';
}

static uint32_t code_point(const char *s, size_t n)
{
	uint32_t c = (unsigned char)s[0];

	if (n > 1)
		c &= 0xFFu >> (n + 1);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3F);
	return c;
}

static void json_units(const char *s, char *out, const char *format, int all)
{
	while (*s) {
		size_t n = utf8_len(s, strlen(s));
		uint32_t c = code_point(s, n);

		if (c > 0xFFFF) {
			out += snprintf(out, 8, format, (unsigned)(0xD800 + ((c - 0x10000) >> 10)));
			out += snprintf(
				out, 8, format, (unsigned)(0xDC00 + ((c - 0x10000) & 0x3FF)));
		} else if (all || c > 0x7E || c < ' ' || strchr("\"\\/<>&'", (int)c)) {
			out += snprintf(out, 8, format, (unsigned)c);
		} else {
			*out++ = *s;
		}
		s += n;
	}
	*out = '\0';
}

static void form_json_ascii(const char *s, char *out)
{
	json_units(s, out, "\\u%04x", 0);
}

static void form_json_all_upper(const char *s, char *out)
{
	json_units(s, out, "\\u%04X", 1);
}

static void percent(const char *s, char *out, const char *format, const char *keep)
{
	for (; *s; s++) {
		if (ascii_is_alnum((unsigned char)*s) || strchr(keep, *s))
			*out++ = *s;
		else
			out += snprintf(out, 4, format, (unsigned)(unsigned char)*s);
	}
	*out = '\0';
}

static void form_percent(const char *s, char *out)
{
	percent(s, out, "%%%02X", "-._~");
}

static void form_percent_lower(const char *s, char *out)
{
	percent(s, out, "%%%02x", "");
}

static void form_query(const char *s, char *out)
{
	percent(s, out, "%%%02X", "-._ ");
	for (; *out; out++)
		if (*out == ' ')
			*out = '+';
}

/* `before` bytes stand in front of the secret and one behind it. */
static void base64(const char *s, size_t before, const char *tail, int url, char *out)
{
	static const char std[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[256];
	size_t n = (size_t)snprintf(text, sizeof(text), "%.*s%s%s", (int)before, "xyz", s, tail);

	for (size_t i = 0; i < n * 8; i += 6) {
		unsigned v = (unsigned)(unsigned char)text[i / 8] << 8;

		if (i / 8 + 1 < n)
			v |= (unsigned char)text[i / 8 + 1];
		v = v >> (10 - i % 8) & 63;
		*out++ = url && v == 62 ? '-' : url && v == 63 ? '_' : std[v];
	}
	for (; !url && n % 3; n++)
		*out++ = '=';
	*out = '\0';
}

static void form_base64_0(const char *s, char *out)
{
	base64(s, 0, "", 0, out);
}

static void form_base64_1(const char *s, char *out)
{
	base64(s, 1, "", 0, out);
}

static void form_base64_2(const char *s, char *out)
{
	base64(s, 2, "", 0, out);
}

static void form_base64_3_url(const char *s, char *out)
{
	base64(s, 3, "!~", 1, out);
}

static void form_base64_1_url(const char *s, char *out)
{
	base64(s, 1, "?", 1, out);
}

static const form forms[] = {form_plain, form_json, form_json_slash, form_json_ascii,
	form_json_all_upper, form_percent, form_percent_lower, form_query, form_base64_0,
	form_base64_1, form_base64_2, form_base64_3_url, form_base64_1_url};
#define N_FORMS (sizeof(forms) / sizeof(forms[0]))

/* No four bytes in a row of the form may come out, but for what surrounds it in base64. */
static void check_gone(const char *form_text, const char *out, size_t i, size_t k)
{
	size_t len = strlen(form_text);
	size_t from = k < 8 ? 0 : 4;
	size_t to = k < 8 ? len : len - 4;

	for (size_t at = from; at + 4 <= to; at++) {
		char part[5] = {0};

		memcpy(part, form_text + at, 4);
		cr_assert_null(
			strstr(out, part), "secret %zu, form %zu: %s in %s", i, k, part, out);
	}
}

Test(redact_secret, R_TEL_12_a_secret_is_gone_in_every_form)
{
	static const char *const places[] = {"%s", "before %s", "%s after", "{\"a\":\"%s\"}",
		"(%s)", "x=%s&y=1", "%s\n%s", "\x01\xff%s\xc3"};
	redact *r = armed();

	for (size_t i = 0; i < N_SECRETS; i++) {
		for (size_t k = 0; k < N_FORMS; k++) {
			for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
				char form_text[512];
				char text[2048];
				char out[BIG];
				const char *hole = strstr(places[p], "%s");
				int head = (int)(hole - places[p]);

				forms[k](secrets[i], form_text);
				(void)snprintf(text, sizeof(text), "%.*s%s%s", head, places[p],
					form_text, hole + 2);
				clean(r, text, strlen(text), out);
				cr_assert(strstr(out, WORD), "secret %zu, form %zu, place %zu: %s",
					i, k, p, out);
				check_gone(form_text, out, i, k);
			}
		}
	}
	redact_free(r);
}

Test(redact_secret, R_TEL_12_what_stands_around_a_secret_stays)
{
	redact *r = armed();

	expect(r, "sk-canary-0123456789abcdefXYZ", WORD);
	expect(r, "a sk-canary-0123456789abcdefXYZ b", "a " WORD " b");
	expect(r, "<sk-canary-0123456789abcdefXYZsk-canary-0123456789abcdefXYZ>", "<" WORD ">");
	expect(r, "\"pass\\\"word\\\\with/all&of <it>\\t100%+\"", "\"" WORD "\"");
	expect(r, "x%70ass%22word%5cwith%2Fall%26of+%3Cit%3E%09100%25%2by", "x" WORD "y");
	expect(r, "fourfour4", WORD "4");
	expect(r, "abcabcabcabd.", "abc" WORD ".");
	expect(r, "sk-canary-0123456789abcdefXY sk-canary", "sk-canary-0123456789abcdefXY " WORD);
	expect(r, "SK-CANARY-0123456789ABCDEFxyz", "SK-CANARY-0123456789ABCDEFxyz");
	expect(r, "nothing here", "nothing here");
	expect(r, "", "");
	redact_free(r);
}

Test(redact_secret, R_TEL_12_escapes_that_are_none)
{
	static const char *const texts[] = {"%", "%g0four4", "%0", "%zz", "\\u00zz", "\\u00", "\\",
		"fou\\u20ac", "fou\\ud83d\\ude00", "\\ud83dx", "\\ud83d\\n01234567",
		"\\ud83d\\u0041", "\\ud83d\\uffff", "\\ud83dxu0041", "\\ude00\\ude00", "\\\\four"};
	redact *r = armed();
	char out[BIG];

	clean(r, "\\\0", 2, out);
	cr_assert_str_eq(out, "\\\\x00");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *secret = strstr(texts[i], "four");
		char want[64];

		(void)snprintf(want, sizeof(want), "%.*s%s%s",
			secret ? (int)(secret - texts[i]) : 63, texts[i], secret ? WORD : "",
			secret ? secret + 4 : "");
		expect(r, texts[i], want);
	}
	redact_free(r);
}

Test(redact_secret, R_TEL_12_overlapping_secrets_go_together)
{
	redact *r = redact_new(mem_default());

	cr_assert_eq(redact_add(r, "ABCDEF", 6), 0);
	cr_assert_eq(redact_add(r, "DEFGHI", 6), 0);
	cr_assert_eq(redact_add(r, "BCDE", 4), 0);
	cr_assert_eq(redact_add(r, "ABCDEFGHIJKL", 12), 0);
	expect(r, "xABCDEFGHIy", "x" WORD "y");
	expect(r, "xABCDEFGHIJKLy", "x" WORD "y");
	expect(r, "xABCDEFGHIJy", "x" WORD "Jy");
	expect(r, "xBCDEFGHIy", "x" WORD "y");
	expect(r, "xABCDx", "xABCDx");
	redact_free(r);
}

Test(redact_secret, R_TEL_12_a_secret_cut_by_the_end_of_the_text)
{
	const char *s = secrets[0];
	redact *r = armed();
	char text[64];

	for (size_t n = 4; n <= strlen(s); n++) {
		(void)snprintf(text, sizeof(text), "key %.*s", (int)n, s);
		expect(r, text, "key " WORD);
	}
	expect(r, "key sk-", "key sk-");
	expect(r, "c2stY2FuYXJ", WORD);
	redact_free(r);
}
