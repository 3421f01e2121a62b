/*
 * redact.c - the fixed rules, control characters, cleaning in place, failures.
 */
#include "redact_canary.h"
#include "support/failalloc.h"

#include <stdio.h>

Test(redact, R_TEL_12_headers)
{
	static const char *const names[] = {"authorization", "Authorization", "PROXY-AUTHORIZATION",
		"x-api-key", "X-Goog-Api-Key", "api-key", "Cookie", "set-cookie"};
	static const char *const rows[][2] = {
		{"%s: Bearer x", "%s: " WORD},
		{"%s:Bearer x", "%s:" WORD},
		{"%s : Bearer x", "%s : " WORD},
		{"> %s: Bearer x y=z; w\r\nhost: h\r\n", "> %s: " WORD "\\x0d\nhost: h\\x0d\n"},
		{"sent %s: Bearer x to h\nand more", "sent %s: " WORD "\nand more"},
		{"%s: Bearer\r\n  folded\r\n\tagain\r\nhost: h", "%s: " WORD "\\x0d\nhost: h"},
		{"{\"%s\":\"Bearer x\",\"a\":1}", "{\"%s\":\"" WORD "\",\"a\":1}"},
		{"{\"%s\": \"Be\\\"arer x\", \"a\":1}", "{\"%s\": \"" WORD "\", \"a\":1}"},
		{"{\"%s\":\n\t\"Bearer x\"\n}", "{\"%s\":\n\t\"" WORD "\"\n}"},
		{"{'%s': 'Bearer x', 'a': 1}", "{'%s': '" WORD "', 'a': 1}"},
		{"{\\\"%s\\\":\\\"Bearer \\\\\\\"x\\\",\\\"a\\\":1}",
			"{\\\"%s\\\":\\\"" WORD "\\\",\\\"a\\\":1}"},
		{"\"%s\": [\"x\"]\nz", "\"%s\": " WORD "\nz"},
		{"{\"%s\":\"never closed", "{\"%s\":\"" WORD},
		{"%s: Digest username=\"u\", response=\"x\"", "%s: " WORD},
		{"%s is missing", "%s is missing"},
		{"%s:", "%s:"},
		{"%s", "%s"},
		{"%s: \r\n", "%s: \\x0d\n"},
		{"%s: x\n", "%s: " WORD "\n"},
		{"\"%s\":\\", "\"%s\":" WORD},
		{"{\"%s\":\"\"}", "{\"%s\":\"\"}"},
	};
	char text[256];
	char want[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
			const char *hole = strstr(rows[k][0], "%s");
			const char *want_hole = strstr(rows[k][1], "%s");

			(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(hole - rows[k][0]),
				rows[k][0], names[i], hole + 2);
			(void)snprintf(want, sizeof(want), "%.*s%s%s",
				(int)(want_hole - rows[k][1]), rows[k][1], names[i], want_hole + 2);
			expect(NULL, text, want);
		}
	}
}

Test(redact, R_TEL_12_query_parameters)
{
	static const char *const rows[][2] = {
		{"https://h/x?key=abc", "https://h/x?key=" WORD},
		{"https://h/x?key=abc&alt=sse", "https://h/x?key=" WORD "&alt=sse"},
		{"?alt=sse&KEY=abc#top", "?alt=sse&KEY=" WORD "#top"},
		{"?api_key=abc", "?api_key=" WORD},
		{"?token=abc def", "?token=" WORD " def"},
		{"?a=1&access_token=abc\"", "?a=1&access_token=" WORD "\""},
		{"#access_token=abc", "#access_token=" WORD},
		{"?a=1&amp;key=abc", "?a=1&amp;key=" WORD},
		{"?a=1\\u0026key=abc\\u0026b=2", "?a=1\\u0026key=" WORD "\\u0026b=2"},
		{"%3Fkey%3Dabc%26x", "%3Fkey%3D" WORD},
		{"?key=a&key=b&token=c", "?key=" WORD "&key=" WORD "&token=" WORD},
		{"?key=a\nb", "?key=" WORD "\nb"},
		{"?key=", "?key="},
		{"?key=&a=b", "?key=&a=b"},
		{"?keys=abc", "?keys=abc"},
		{"?monkey=abc", "?monkey=abc"},
		{"key=abc", "key=abc"},
		{"?key", "?key"},
		{"?", "?"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(NULL, rows[i][0], rows[i][1]);
}

Test(redact, R_TEL_12_userinfo_of_urls)
{
	static const char *const rows[][2] = {
		{"http://user:pw@host/x", "http://" WORD "@host/x"},
		{"http://user@host", "http://" WORD "@host"},
		{"see http://:pw@[::1]:80/ and", "see http://" WORD "@[::1]:80/ and"},
		{"http://a@b:c@host", "http://" WORD "@host"},
		{"\"http:\\/\\/user:pw@host\\/x\"", "\"http:\\/\\/" WORD "@host\\/x\""},
		{"socks5h://u:p@h,http://u:p@h", "socks5h://" WORD "@h,http://" WORD "@h"},
		{"http://host/a@b", "http://host/a@b"},
		{"http://host?a@b", "http://host?a@b"},
		{"http://host a@b", "http://host a@b"},
		{"http://@host", "http://@host"},
		{"http://", "http://"},
		{"a@b", "a@b"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(NULL, rows[i][0], rows[i][1]);
}

Test(redact, R_TEL_12_rules_that_meet)
{
	redact *r = armed();

	expect(r, "authorization: Bearer sk-canary-0123456789abcdefXYZ\nb",
		"authorization: " WORD "\nb");
	expect(r, "?key=four&a=four", "?key=" WORD "&a=" WORD);
	expect(r, "?key=authorization: Bearer x\ny", "?key=" WORD "\ny");
	expect(r, "http://authorization:x@h", "http://" WORD);
	expect(r,
		"cookie: a\xff\x01"
		"b",
		"cookie: " WORD);
	expect(r, "coofour: x", "coo" WORD ": x");
	cr_assert_eq(redact_add(r, "kie:", 4), 0);
	expect(r, "cookie: x\ny", "coo" WORD "\ny");
	expect(r, "?key=x&pass\"word\\with/all&of <it>\t100%+!", "?key=" WORD "&" WORD "!");
	redact_free(r);
}

Test(redact, R_TEL_14_control_characters_and_what_is_not_utf8)
{
	static const struct {
		const char *text;
		size_t len;
		const char *want;
	} rows[] = {
		{"a\nb\tc", 5, "a\nb\tc"},
		{"a\r\nb", 4, "a\\x0d\nb"},
		{"\0", 1, "\\x00"},
		{"\x1b[2J\x07", 5, "\\x1b[2J\\x07"},
		{"\x7f", 1, "\\x7f"},
		{"\xc2\x9b"
		 "31m",
			5, "\\x9b31m"},
		{"\xc2\x80\xc2\xa0", 4, "\\x80\xc2\xa0"},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"\xff", 1, "\xef\xbf\xbd"},
		{"\xfe", 1, "\xef\xbf\xbd"},
		{"\x80"
		 "a\x80",
			3,
			"\xef\xbf\xbd"
			"a\xef\xbf\xbd"},
		{"\xc3", 1, "\xef\xbf\xbd"},
		{"\xe2\x82", 2, "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xe2\x82"
		 "a",
			3,
			"\xef\xbf\xbd\xef\xbf\xbd"
			"a"},
		{"\xc0\xaf", 2, "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf4\x90\x80\x80", 4, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xc3\xa4\x80\xa4", 4, "\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd"},
		{"\\x1b", 4, "\\x1b"},
		{"cookie\0: x", 10, "cookie\\x00: x"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[BIG];

		clean(NULL, rows[i].text, rows[i].len, out);
		cr_assert_str_eq(out, rows[i].want, "row %zu: %s", i, out);
	}
}

Test(redact, R_TEL_14_every_byte_alone_comes_out_clean)
{
	for (int c = 0; c < 256; c++) {
		char text = (char)c;
		char out[BIG];

		clean(NULL, &text, 1, out);
		for (const char *p = out; *p; p++)
			cr_assert((unsigned char)*p >= ' ' ? *p != 0x7f : *p == '\n' || *p == '\t',
				"%d", c);
		cr_assert_gt(strlen(out), 0);
	}
}

Test(redact, in_place_is_the_beginning_of_the_whole)
{
	static const char text[] =
		"\x01\xff sk-canary-0123456789abcdefXYZ \xc3\xa4 \xe2\x82\xac four \xf0\x9f\x98\x80"
		" ?key=abc&x authorization: y\nend";
	redact *r = armed();
	char whole[BIG];

	clean(r, text, sizeof(text) - 1, whole);
	for (size_t cap = sizeof(text) - 1; cap < strlen(whole) + 3; cap++) {
		char *block = malloc(cap);
		size_t n;

		cr_assert(block);
		memcpy(block, text, sizeof(text) - 1);
		n = redact_inplace(r, block, sizeof(text) - 1, cap);
		cr_assert_leq(n, cap);
		cr_assert(n == strlen(whole) || n + strlen(WORD) > cap);
		cr_assert_eq(memcmp(block, whole, n), 0);
		cr_assert(utf8_valid(block, n));
		cr_assert(n == cap || !block[n]);
		free(block);
	}
	redact_free(r);
}

Test(redact, in_place_without_any_room_to_grow)
{
	char text[] = "\x01\x02\x03 and the rest";
	size_t n = redact_inplace(NULL, text, sizeof(text) - 1, sizeof(text) - 1);

	cr_assert_eq(n, sizeof(text) - 1);
	cr_assert_eq(memcmp(text, "\\x01\\x02\\x03 and t", n), 0);
	cr_assert_eq(redact_inplace(NULL, text, 0, 0), 0);
}

Test(redact, short_secrets_are_ignored_and_known_ones_not_kept_twice)
{
	failalloc fa;
	redact *r;
	size_t blocks;

	failalloc_init(&fa);
	r = redact_new(&fa.hook);
	cr_assert_eq(redact_add(r, "", 0), 0);
	cr_assert_eq(redact_add(r, "abc", 3), 0);
	cr_assert_eq(fa.blocks, 1);
	expect(r, "abc", "abc");
	cr_assert_eq(redact_add(r, "abcd", 4), 0);
	blocks = fa.blocks;
	cr_assert_eq(redact_add(r, "abcd", 4), 0);
	cr_assert_eq(fa.blocks, blocks);
	cr_assert_eq(redact_add(r, "abcde", 5), 0);
	cr_assert_gt(fa.blocks, blocks);
	cr_assert_eq(redact_add(r, "abcd", SIZE_MAX / 2), LLM_E_TOO_LARGE);
	redact_free(r);
	redact_free(NULL);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(redact, a_ceiling_of_the_output_leaves_it_as_it_was)
{
	buf out;

	buf_init(&out, mem_default(), 16);
	cr_assert_eq(buf_add_str(&out, "before"), 0);
	cr_assert_eq(redact_text(NULL, "\x01\x02\x03", 3, &out), LLM_E_TOO_LARGE);
	cr_assert_str_eq(buf_text(&out), "before");
	cr_assert_eq(redact_text(NULL, "far too long for it", 19, &out), LLM_E_TOO_LARGE);
	cr_assert_str_eq(buf_text(&out), "before");
	cr_assert_eq(redact_text(NULL, "?key=x", 6, &out), LLM_E_TOO_LARGE);
	cr_assert_str_eq(buf_text(&out), "before");
	cr_assert_eq(redact_text(NULL, "\x01\x02", 2, &out), 0);
	cr_assert_str_eq(buf_text(&out), "before\\x01\\x02");
	buf_done(&out);
}

Test(redact, secret_headers)
{
	static const char *const yes[] = {"authorization", "Proxy-Authorization", "X-API-KEY",
		"x-goog-api-key", "Api-Key", "cookie", "Set-Cookie"};
	static const char *const no[] = {
		"", "content-type", "authorization2", "x-authorization", "key", "x-request-id"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		cr_assert(redact_is_secret_header(yes[i]), "%s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		cr_assert(!redact_is_secret_header(no[i]), "%s", no[i]);
}

/* Texts that make a careless scan quadratic. Steps, not seconds: a megabyte must just end. */
Test(redact, long_texts_of_nothing_but_beginnings, .timeout = 20)
{
	static const char *const units[] = {"authorization:", "authorization: ", "?key=", "://",
		"://@", "\"cookie\":\"", "aaaa", "\\", "%", "\\u0026key=", "sk-canary-", "abcabc",
		"::", "cookie\\\\\\"};
	const size_t len = 128 * 1024;
	redact *r = armed();
	char *text = malloc(len);

	cr_assert(text);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i]);

		for (size_t at = 0; at < len; at++)
			text[at] = units[i][at % n];
		cr_assert_leq(redact_inplace(r, text, len, len), len);
	}
	free(text);
	redact_free(r);
}

static int play(failalloc *fa, void *arg)
{
	redact *r = redact_new(&fa->hook);
	int32_t rc = r ? 0 : LLM_E_NOMEM;
	buf out;

	(void)arg;
	buf_init(&out, &fa->hook, 0);
	for (size_t i = 0; i < N_SECRETS && !rc; i++)
		rc = redact_add(r, secrets[i], strlen(secrets[i]));
	if (!rc)
		rc = buf_add_str(&out, "before ");
	if (!rc) {
		rc = redact_text(
			r, "four four four four four four four four four four four", 54, &out);
		if (rc && strcmp(buf_text(&out), "before ") != 0)
			rc = LLM_E_INTERNAL;
		if (!rc && strstr(buf_text(&out), "four"))
			rc = LLM_E_INTERNAL;
	}
	buf_done(&out);
	redact_free(r);
	return rc && !(rc == LLM_E_NOMEM && fa->failed);
}

Test(redact, P_01_every_allocation_fails)
{
	cr_assert_eq(failalloc_sweep(play, NULL), 0);
}
