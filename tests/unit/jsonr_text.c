/*
 * Strings of the pull reader: decoding whole and in pieces, comparing without decoding.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "wire/jsonr.h"

static jsonr reader(const char *json)
{
	jsonr r;

	jsonr_init(&r, json, strlen(json));
	return r;
}

typedef struct pieces {
	char bytes[4096];
	size_t len;
	int calls;
	int fail_at;
} pieces;

static int32_t take(void *ctx, const char *bytes, size_t len)
{
	pieces *p = ctx;

	cr_assert_gt(len, 0);
	cr_assert_neq((unsigned char)bytes[0] & 0xC0, 0x80, "a piece begins inside a character");
	memcpy(p->bytes + p->len, bytes, len);
	p->len += len;
	return ++p->calls == p->fail_at ? LLM_E_TOO_LARGE : 0;
}

Test(jsonr_text, decodes_escapes)
{
	static const struct {
		const char *json;
		const char *plain;
		size_t len;
	} rows[] = {
		{"\"\"", "", 0},
		{"\"plain\"", "plain", 5},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
		{"\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac", 6},
		{"\"\\ud83d\\uDE00\"", "\xf0\x9f\x98\x80", 4},
		{"\"\\uD800\\uDC00\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8},
		{"\"a\\u0000b\"", "a\0b", 3},
		{"\"\xe2\x82\xac\\n\xf0\x9f\x98\x80\"", "\xe2\x82\xac\n\xf0\x9f\x98\x80", 8},
		{"\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
			"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", 11},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		jsonr r = reader(rows[i].json);
		pieces p = {.len = 0};
		char text[64];
		jsonr_text s;

		cr_assert(jsonr_string(&r, &s), "%s", rows[i].json);
		cr_assert_eq(s.escaped, strchr(rows[i].json, '\\') != NULL);
		cr_assert_eq(jsonr_decode(&s, text), rows[i].len, "%s", rows[i].json);
		cr_assert_eq(memcmp(text, rows[i].plain, rows[i].len), 0, "%s", rows[i].json);
		cr_assert_eq(jsonr_decode_to(&s, take, &p), 0);
		cr_assert_eq(p.len, rows[i].len);
		cr_assert_eq(memcmp(p.bytes, rows[i].plain, p.len), 0);
		if (strlen(rows[i].plain) == rows[i].len)
			cr_assert(jsonr_is(&s, rows[i].plain));
		cr_assert_not(jsonr_is(&s, "something else"));
	}
}

Test(jsonr_text, compares_without_decoding)
{
	jsonr_text none = {NULL, 0, 0};
	jsonr r = reader("\"a\\u0062c\"");
	jsonr_text s;

	cr_assert(jsonr_string(&r, &s));
	cr_assert(jsonr_is(&s, "abc"));
	cr_assert_not(jsonr_is(&s, "ab"));
	cr_assert_not(jsonr_is(&s, "abcd"));
	cr_assert_not(jsonr_is(&s, "abd"));
	cr_assert_not(jsonr_is(&s, ""));
	r = reader("\"a\\u0000\"");
	cr_assert(jsonr_string(&r, &s));
	cr_assert_not(jsonr_is(&s, "a"), "a NUL in the text ends nothing");
	cr_assert(jsonr_is(&none, ""));
	cr_assert_not(jsonr_is(&none, "a"));
	cr_assert_eq(jsonr_decode_to(&none, take, NULL), 0);
}

Test(jsonr_text, decodes_long_text_in_whole_characters)
{
	char json[4096];
	pieces p = {.len = 0};
	char text[4096];
	size_t at = 0;
	jsonr_text s;
	size_t len;
	jsonr r;

	json[at++] = '"';
	while (at < 3000)
		at += (size_t)snprintf(
			json + at, sizeof(json) - at, "%s", "a\\n\xe2\x82\xac\\ud83d\\ude00");
	json[at++] = '"';
	jsonr_init(&r, json, at);
	cr_assert(jsonr_string(&r, &s));
	len = jsonr_decode(&s, text);
	cr_assert_eq(jsonr_decode_to(&s, take, &p), 0);
	cr_assert_gt(p.calls, 1);
	cr_assert_eq(p.len, len);
	cr_assert_eq(memcmp(p.bytes, text, len), 0);
	p = (pieces){.fail_at = 2};
	cr_assert_eq(jsonr_decode_to(&s, take, &p), LLM_E_TOO_LARGE);
	cr_assert_eq(p.calls, 2, "nothing is put after a refusal");
}
