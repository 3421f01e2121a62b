/*
 * Which texts are JSON: our own cases, always, and the public parser suite when it
 * is on the machine.
 */
#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/jsonr.h"

#define SUITE_FOLDER "json-parsing/test_parsing"
#define FILE_MAX ((size_t)1 << 20)

static int accepts(const char *json, size_t len)
{
	jsonr r;

	jsonr_init(&r, json, len);
	jsonr_skip(&r);
	return jsonr_finish(&r) == 0;
}

/* ---- our own cases ---- */

typedef struct text {
	const char *json;
	size_t len;
} text;

#define T(literal) \
	{ \
		literal, sizeof(literal) - 1 \
	}

static const text good[] = {
	T("{}"),
	T("[]"),
	T("\"\""),
	T("0"),
	T("-0"),
	T("-1"),
	T("12"),
	T("1.0"),
	T("0.5"),
	T("-0.25"),
	T("1e1"),
	T("1E1"),
	T("1e+1"),
	T("1e-1"),
	T("1.5e10"),
	T("0e0"),
	T("1e400"),
	T("123456789012345678901234567890"),
	T("true"),
	T("false"),
	T("null"),
	T(" \t\r\n1 \t\r\n"),
	T("[1]"),
	T("[1,2]"),
	T("[ 1 , 2 ]"),
	T("[[],{}]"),
	T("[[[]]]"),
	T("{\"a\":1}"),
	T("{ \"a\" : 1 , \"b\" : 2 }"),
	T("{\"a\":1,\"a\":1}"),
	T("{\"\":0}"),
	T("{\"a\":{\"b\":{}}}"),
	T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	T("\"\\u0000\""),
	T("\"\\uABCD\\uabcd\""),
	T("\"\\ud800\\udc00\""),
	T("\"\\uDBFF\\uDFFF\""),
	T("\"\x7f\""),
	T("\"\xc2\x80\xdf\xbf\""),
	T("\"\xe0\xa0\x80\xef\xbf\xbf\""),
	T("\"\xed\x9f\xbf\xee\x80\x80\""),
	T("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
	T("\"\xef\xbb\xbf\""),
	T("\"/*\""),
	T("\"\\u2028\xe2\x80\xa8\""),
};

static const text bad[] = {
	/* structure */
	T(""),
	T(" "),
	T("{"),
	T("["),
	T("}"),
	T("]"),
	T("{]"),
	T("[}"),
	T("[1,]"),
	T("[,1]"),
	T("[,]"),
	T("[1,,2]"),
	T("[1 2]"),
	T("[1}"),
	T("{\"a\"}"),
	T("{\"a\":}"),
	T("{\"a\":1,}"),
	T("{,}"),
	T("{\"a\" 1}"),
	T("{\"a\"::1}"),
	T("{\"a\":1 \"b\":2}"),
	T("{a:1}"),
	T("{1:1}"),
	T("{null:1}"),
	T("{\"a\":1]"),
	T("[] []"),
	T("{}{}"),
	T("1,"),
	T(","),
	T(":"),
	T("[1]]"),
	T("[\"a\":1]"),
	T("{\"a\",1}"),
	/* words and what is no JSON at all */
	T("True"),
	T("tru"),
	T("truee"),
	T("true1"),
	T("nul"),
	T("nulL"),
	T("fals"),
	T("undefined"),
	T("NaN"),
	T("Infinity"),
	T("-Infinity"),
	T("'a'"),
	T("// x\n1"),
	T("/* x */1"),
	T("#1"),
	T("1;"),
	T("\xef\xbb\xbf{}"),
	T("\xc2\xa0"
	  "1"),
	T("\0"),
	T("1\0"),
	T("[1\0]"),
	T("\v1"),
	T("\f1"),
	T("{\0\"a\":1}"),
	T("\xff\xfe{\0}\0"),
	/* numbers */
	T("01"),
	T("-01"),
	T("00"),
	T("+1"),
	T("-"),
	T("--1"),
	T("1."),
	T(".1"),
	T("-.1"),
	T("1.e1"),
	T("1e"),
	T("1e+"),
	T("1e1.5"),
	T("1e1e1"),
	T("1.2.3"),
	T("0x1"),
	T("1_000"),
	T("1a"),
	T("1 000"),
	T("[1\"a\"]"),
	T("[1[]]"),
	T("- 1"),
	T("1e 1"),
	T("\xef\xbc\x91"),
	/* strings */
	T("\""),
	T("\"a"),
	T("\"\\"),
	T("\"\\\""),
	T("\"\\a\""),
	T("\"\\'\""),
	T("\"\\x41\""),
	T("\"\\0\""),
	T("\"\\\0\""),
	T("\"\\u\""),
	T("\"\\u12\""),
	T("\"\\u123\""),
	T("\"\\u123g\""),
	T("\"\\U0041\""),
	T("\"\\u+123\""),
	T("\"\\u 123\""),
	T("\"\n\""),
	T("\"\t\""),
	T("\"\0\""),
	T("\"\x1f\""),
	T("\"a\"b"),
	T("\"\\\xc3\xa9\""),
	/* surrogates */
	T("\"\\ud800\""),
	T("\"\\udc00\""),
	T("\"\\ud800x\""),
	T("\"\\ud800\\n\""),
	T("\"\\ud800\\u0041\""),
	T("\"\\ud800\\ud800\""),
	T("\"\\udc00\\ud800\""),
	T("\"\\ud800\\udc0\""),
	T("\"\\ud800\\udc0"),
	T("\"\\ud800\\"),
	T("{\"\\ud800\":1}"),
	/* not UTF-8: stray tails, overlong forms, surrogates, beyond the last, cut short */
	T("\"\x80\""),
	T("\"\xbf\""),
	T("\"\xc0\x80\""),
	T("\"\xc1\xbf\""),
	T("\"\xc3\""),
	T("\"\xc3(\""),
	T("\"\xe0\x9f\xbf\""),
	T("\"\xe2\x82\""),
	T("\"\xe2(\xac\""),
	T("\"\xe2\x82(\""),
	T("\"\xed\xa0\x80\""),
	T("\"\xed\xbf\xbf\""),
	T("\"\xf0\x8f\xbf\xbf\""),
	T("\"\xf0\x9f\x98\""),
	T("\"\xf0\x9f\x98(\""),
	T("\"\xf4\x90\x80\x80\""),
	T("\"\xf5\x80\x80\x80\""),
	T("\"\xf8\x88\x80\x80\x80\""),
	T("\"\xff\""),
	T("\"\xe2\x82"),
	T("{\"\xff\":1}"),
	T("\xe2\x82\xac"),
};

Test(json_suite, own_cases_that_are_json)
{
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_expect(accepts(good[i].json, good[i].len), "case %zu: %s", i, good[i].json);
}

Test(json_suite, own_cases_that_are_not_json)
{
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* A copy of its own size, so that a sanitizer sees one byte too many. */
		char *exact = malloc(bad[i].len ? bad[i].len : 1);

		cr_assert_not_null(exact);
		memcpy(exact, bad[i].json, bad[i].len);
		cr_expect_not(accepts(exact, bad[i].len), "case %zu: %s", i, bad[i].json);
		free(exact);
	}
}

/* ---- the public suite ---- */

/* What the standard leaves open, and what we do. Wide numbers are JSON; a reader of
 * numbers refuses them later. Text that is not Unicode is refused at once. */
static const struct {
	const char *name;
	int accept;
} decisions[] = {
	{"i_number_double_huge_neg_exp.json", 1},
	{"i_number_huge_exp.json", 1},
	{"i_number_neg_int_huge_exp.json", 1},
	{"i_number_pos_double_huge_exp.json", 1},
	{"i_number_real_neg_overflow.json", 1},
	{"i_number_real_pos_overflow.json", 1},
	{"i_number_real_underflow.json", 1},
	{"i_number_too_big_neg_int.json", 1},
	{"i_number_too_big_pos_int.json", 1},
	{"i_number_very_big_negative_int.json", 1},
	{"i_object_key_lone_2nd_surrogate.json", 0},
	{"i_string_1st_surrogate_but_2nd_missing.json", 0},
	{"i_string_1st_valid_surrogate_2nd_invalid.json", 0},
	{"i_string_UTF-16LE_with_BOM.json", 0},
	{"i_string_UTF-8_invalid_sequence.json", 0},
	{"i_string_UTF8_surrogate_U+D800.json", 0},
	{"i_string_incomplete_surrogate_and_escape_valid.json", 0},
	{"i_string_incomplete_surrogate_pair.json", 0},
	{"i_string_incomplete_surrogates_escape_valid.json", 0},
	{"i_string_invalid_lonely_surrogate.json", 0},
	{"i_string_invalid_surrogate.json", 0},
	{"i_string_invalid_utf-8.json", 0},
	{"i_string_inverted_surrogates_U+1D11E.json", 0},
	{"i_string_iso_latin_1.json", 0},
	{"i_string_lone_second_surrogate.json", 0},
	{"i_string_lone_utf8_continuation_byte.json", 0},
	{"i_string_not_in_unicode_range.json", 0},
	{"i_string_overlong_sequence_2_bytes.json", 0},
	{"i_string_overlong_sequence_6_bytes.json", 0},
	{"i_string_overlong_sequence_6_bytes_null.json", 0},
	{"i_string_truncated-utf-8.json", 0},
	{"i_string_utf16BE_no_BOM.json", 0},
	{"i_string_utf16LE_no_BOM.json", 0},
	{"i_structure_500_nested_arrays.json", 0},
	{"i_structure_UTF-8_BOM_empty_object.json", 0},
};

/* 1 accept, 0 refuse, -1 nobody decided. */
static int decision(const char *name)
{
	size_t i;

	if (name[0] == 'y' || name[0] == 'n')
		return name[0] == 'y';
	for (i = 0; i < sizeof(decisions) / sizeof(decisions[0]); i++)
		if (strcmp(decisions[i].name, name) == 0)
			return decisions[i].accept;
	return -1;
}

static int accepts_file(const char *folder, const char *name)
{
	char *json = malloc(FILE_MAX);
	char path[4096];
	FILE *f;
	size_t len;
	int verdict;

	cr_assert_not_null(json);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	cr_assert_not_null(f, "%s cannot be read", path);
	len = fread(json, 1, FILE_MAX, f);
	fclose(f);
	verdict = accepts(json, len);
	free(json);
	return verdict;
}

Test(json_suite, public_parser_suite)
{
	const char *data = getenv("LLM_TEST_DATA");
	struct dirent *entry;
	char folder[2048];
	int n = 0;
	DIR *dir;

	if (!data || !*data) {
		fputs("SKIP json_suite: LLM_TEST_DATA is not set\n", stderr);
		cr_skip_test("LLM_TEST_DATA is not set");
	}
	snprintf(folder, sizeof(folder), "%s/%s", data, SUITE_FOLDER);
	dir = opendir(folder);
	cr_assert_not_null(dir, "LLM_TEST_DATA is set, but %s cannot be read", folder);
	while ((entry = readdir(dir)) != NULL) {
		int want;

		if (!strstr(entry->d_name, ".json"))
			continue;
		want = decision(entry->d_name);
		cr_expect_neq(want, -1, "nobody decided %s", entry->d_name);
		cr_expect_eq(accepts_file(folder, entry->d_name), want, "%s", entry->d_name);
		n++;
	}
	closedir(dir);
	cr_assert_gt(n, 300, "only %d files of the suite were found", n);
	cr_log_info("json_suite: %d files of the public suite", n);
}
