/*
 * base_text.c - UTF-8 at its borders, ASCII without a locale, names that are close.
 */
#include "base/text.h"

#include <criterion/criterion.h>
#include <string.h>

Test(base_text, utf8_lengths_at_the_borders)
{
	static const struct {
		const char *bytes;
		size_t len;
		size_t expected;
	} rows[] = {
		{"", 0, 0},
		{"\0", 1, 1},
		{"a", 1, 1},
		{"\x7f", 1, 1},
		{"\xc2\x80", 2, 2},
		{"\xdf\xbf", 2, 2},
		{"\xe0\xa0\x80", 3, 3},
		{"\xed\x9f\xbf", 3, 3},
		{"\xee\x80\x80", 3, 3},
		{"\xef\xbf\xbf", 3, 3},
		{"\xf0\x90\x80\x80", 4, 4},
		{"\xf4\x8f\xbf\xbf", 4, 4},
		/* a byte that begins nothing */
		{"\x80", 1, 0},
		{"\xbf", 1, 0},
		{"\xff", 1, 0},
		{"\xfe\x80", 2, 0},
		/* overlong forms */
		{"\xc0\x80", 2, 0},
		{"\xc1\xbf", 2, 0},
		{"\xe0\x9f\xbf", 3, 0},
		{"\xf0\x8f\xbf\xbf", 4, 0},
		/* surrogates, and past the end of Unicode */
		{"\xed\xa0\x80", 3, 0},
		{"\xed\xbf\xbf", 3, 0},
		{"\xf4\x90\x80\x80", 4, 0},
		{"\xf5\x80\x80\x80", 4, 0},
		/* too short, or broken off by another character */
		{"\xc3", 1, 0},
		{"\xe2\x82", 2, 0},
		{"\xf0\x9f\x98", 3, 0},
		{"\xc3\x41", 2, 0},
		{"\xe2\x82\x41", 3, 0},
		{"\xf0\x9f\x98\x41", 4, 0},
		/* only the first character counts */
		{"\xc3\xa4\xff", 3, 2},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(utf8_len(rows[i].bytes, rows[i].len), rows[i].expected, "row %zu", i);
}

/* Every code point, written by the definition, is one character; surrogates are none. */
Test(base_text, utf8_every_code_point)
{
	for (uint32_t cp = 0x80; cp <= 0x10FFFF; cp++) {
		unsigned char s[4];
		size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
		uint32_t rest = cp;

		for (size_t i = n - 1; i > 0; i--, rest >>= 6)
			s[i] = (unsigned char)(0x80 | (rest & 0x3F));
		s[0] = (unsigned char)((0xF00 >> n & 0xFF) | rest);
		if (cp >= 0xD800 && cp <= 0xDFFF)
			n = 0;
		if (utf8_len((const char *)s, sizeof(s)) != n)
			cr_assert_fail("U+%04X", cp);
	}
}

Test(base_text, utf8_valid_looks_at_all_of_it)
{
	const char *good = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";

	cr_assert(utf8_valid("", 0));
	cr_assert(utf8_valid(good, strlen(good)));
	cr_assert_not(utf8_valid(good, strlen(good) - 2));
	cr_assert(utf8_valid("a\0b", 3));
	cr_assert_not(utf8_valid("abc\x80", 4));
	cr_assert_not(utf8_valid("\xed\xa0\xbd\xed\xb8\x80", 6));
}

Test(base_text, utf8_cut_never_halves_a_character)
{
	const char *s = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z"; /* 1 2 3 4 1 */
	static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};

	for (size_t max = 0; max < 12; max++)
		cr_assert_eq(utf8_cut(s, 11, max), expected[max], "max %zu", max);
	cr_assert_eq(utf8_cut(s, 11, 1000), 11);
	cr_assert_eq(utf8_cut("", 0, 0), 0);
}

Test(base_text, utf8_cut_of_what_is_no_utf8_loses_nothing_more)
{
	cr_assert_eq(utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 4), 4);
	cr_assert_eq(utf8_cut("ab\xc3zz", 5, 3), 3);
	cr_assert_eq(utf8_cut("\xff\xff\xff", 3, 2), 2);
}

Test(base_text, ascii_and_nothing_else)
{
	for (int c = 0; c < 256; c++) {
		int upper = c >= 65 && c <= 90;
		int lower = c >= 97 && c <= 122;
		int digit = c >= 48 && c <= 57;

		cr_assert_eq(ascii_lower(c), upper ? c + 32 : c, "%d", c);
		cr_assert_eq(!!ascii_is_digit(c), digit, "%d", c);
		cr_assert_eq(!!ascii_is_alnum(c), upper || lower || digit, "%d", c);
	}
	cr_assert_eq(ascii_lower(-1), -1);
}

Test(base_text, comparing_folds_ascii_only)
{
	cr_assert_eq(ascii_casecmp("Retry-After", "retry-AFTER"), 0);
	cr_assert_eq(ascii_casecmp("", ""), 0);
	cr_assert_lt(ascii_casecmp("a", "B"), 0);
	cr_assert_gt(ascii_casecmp("ab", "A"), 0);
	cr_assert_lt(ascii_casecmp("a", "Ab"), 0);
	cr_assert_neq(ascii_casecmp("\xc4", "\xe4"), 0);
	cr_assert_gt(ascii_casecmp("\xc4", "a"), 0, "bytes are unsigned");
	cr_assert_eq(ascii_ncasecmp("data: x", "DATA:y", 5), 0);
	cr_assert_neq(ascii_ncasecmp("data", "dat", 4), 0);
	cr_assert_eq(ascii_ncasecmp("abc", "xyz", 0), 0);
	cr_assert_eq(ascii_ncasecmp("ab", "AB", 100), 0);
}

Test(base_text, finding_in_any_case)
{
	const char *text = "model \"X\" Not Found, not here";

	cr_assert_eq(ascii_casestr(text, strlen(text), "not found"), text + 10);
	cr_assert_eq(ascii_casestr(text, strlen(text), "HERE"), text + 25);
	cr_assert_eq(ascii_casestr(text, 28, "here"), NULL);
	cr_assert_eq(ascii_casestr(text, strlen(text), ""), text);
	cr_assert_null(ascii_casestr(text, strlen(text), "nothing"));
	cr_assert_null(ascii_casestr("ab", 2, "abc"));
	cr_assert_null(ascii_casestr("", 0, "a"));
	cr_assert_not_null(ascii_casestr("a\0NEEDLE", 8, "needle"));
}

static const char *near(const char *word)
{
	static const char *const names[] = {"temperature", "top_p", NULL, "base_url", "api_key",
		"seed", "stop", "ollama", "openai"};

	return text_nearest(word, names, sizeof(names) / sizeof(names[0]));
}

Test(base_text, nearest_is_what_was_meant)
{
	cr_assert_str_eq(near("temperature"), "temperature");
	cr_assert_str_eq(near("temprature"), "temperature");
	cr_assert_str_eq(near("tempereature"), "temperature");
	cr_assert_str_eq(near("TOP_P"), "top_p");
	cr_assert_str_eq(near("topp"), "top_p");
	cr_assert_str_eq(near("base-url"), "base_url");
	cr_assert_str_eq(near("sede"), "seed", "swapped neighbours are one step");
	cr_assert_str_eq(near("olama"), "ollama");
	cr_assert_str_eq(near("open_ai"), "openai");
	cr_assert_str_eq(near("stopp"), "stop");
}

Test(base_text, nearest_takes_prefixes)
{
	cr_assert_str_eq(near("temp"), "temperature");
	cr_assert_str_eq(near("Base"), "base_url");
	cr_assert_str_eq(near("seedling-of-everything"), "seed");
}

Test(base_text, nearest_does_not_guess)
{
	char long_word[200];

	cr_assert_null(near(""));
	cr_assert_null(near("banana"));
	cr_assert_null(near("xyz"));
	cr_assert_null(text_nearest("a", NULL, 0));
	memset(long_word, 's', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	cr_assert_null(near(long_word));
}

Test(base_text, nearest_at_the_length_limit)
{
	char name[66], word[66];
	const char *const names[] = {name};

	memset(name, 'n', 65);
	name[65] = '\0';
	memcpy(word, name, sizeof(word));
	cr_assert_null(text_nearest(word, names, 1));
	name[64] = '\0';
	word[64] = '\0';
	word[10] = 'x';
	cr_assert_eq(text_nearest(word, names, 1), name);
}

Test(base_text, nearest_first_of_equals)
{
	static const char *const names[] = {"num_gpu", "num_ctx"};

	cr_assert_str_eq(text_nearest("num_xyz", names, 2) ? "near" : "none", "none");
	cr_assert_eq(text_nearest("num_", names, 2), names[0]);
	cr_assert_eq(text_nearest("num_ct", names, 2), names[1]);
}

static size_t rank(const char *word, const char *ret[3])
{
	static const char *const names[] = {"gemini", "ollama", "openai", "work"};

	return text_rank(word, names, sizeof(names) / sizeof(names[0]), ret, 3);
}

Test(base_text, rank_has_the_nearest_first_however_far)
{
	char long_word[200];
	const char *got[3];

	cr_assert_eq(rank("opena", got), 3);
	cr_assert_str_eq(got[0], "openai");
	cr_assert_str_eq(got[1], "ollama");
	cr_assert_eq(rank("gem", got), 3);
	cr_assert_str_eq(got[0], "gemini", "what it begins with is nearer than short words");
	cr_assert_eq(rank("zzzz", got), 3);
	cr_assert_str_eq(got[0], "work", "four bytes away, the others six");
	cr_assert_str_eq(got[1], "gemini", "the first of equals");
	cr_assert_str_eq(got[2], "ollama");
	memset(long_word, 'x', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	cr_assert_eq(rank(long_word, got), 3);
	cr_assert_str_eq(got[0], "gemini", "words that are not compared keep their order");
	cr_assert_eq(text_rank("a", NULL, 0, got, 3), 0);
}
