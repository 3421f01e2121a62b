/*
 * jcs.c - canonical JSON: our own vectors always, those of RFC 8785's author when they are
 * on the machine.
 */
#include "store/jcs.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/failalloc.h"

#define FILE_MAX ((size_t)1 << 16)
#define DEEP 129

static int32_t form_of(const char *json, size_t len, buf *out, llm_err *err)
{
	buf_init(out, mem_default(), 0);
	return jcs_write(json, len, mem_default(), out, err);
}

static void expect(const char *json, const char *form)
{
	llm_err err = LLM_ERR_INIT;
	buf out;

	cr_assert_eq(form_of(json, strlen(json), &out, &err), 0, "%s: %s", json, err.message);
	cr_assert_str_eq(buf_text(&out), form, "%s", json);
	buf_done(&out);
}

static void refuse(const char *json, size_t len, const char *words)
{
	llm_err err = LLM_ERR_INIT;
	buf out;

	cr_assert_eq(form_of(json, len, &out, &err), LLM_E_INVALID_REQUEST, "%s", json);
	cr_assert(strstr(err.message, words), "%s: %s", json, err.message);
	buf_done(&out);
}

/* ---- numbers ---- */

typedef struct number {
	double value;
	const char *text;
} number;

static const number numbers[] = {
	{0.0, "0"},
	{-0.0, "0"},
	{1.0, "1"},
	{-1.5, "-1.5"},
	{0.1, "0.1"},
	{123456.789, "123456.789"},
	{1e-6, "0.000001"},
	{1.25e-6, "0.00000125"},
	{1e-7, "1e-7"},
	{1.5e-7, "1.5e-7"},
	{-1.5e-7, "-1.5e-7"},
	{1e20, "100000000000000000000"},
	{123456789012345680000.0, "123456789012345680000"},
	{1e21, "1e+21"},
	{-1.5e300, "-1.5e+300"},
	{5e-324, "5e-324"},
	{2.2250738585072014e-308, "2.2250738585072014e-308"},
	{1.7976931348623157e308, "1.7976931348623157e+308"},
	{9007199254740992.0, "9007199254740992"},
	{9007199254740994.0, "9007199254740994"},
	{333333333.33333329, "333333333.3333333"},
	{0.30000000000000004, "0.30000000000000004"},
	{1e23, "1e+23"},
	{9.999999999999997e22, "9.999999999999997e+22"},
};

Test(jcs, R_CACHE_5_doubles_in_their_shortest_form)
{
	char text[NUM_TEXT];
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		cr_assert_eq(jcs_double(numbers[i].value, text), strlen(numbers[i].text), "%s: %s",
			numbers[i].text, text);
		cr_assert_str_eq(text, numbers[i].text);
	}
}

Test(jcs, R_CACHE_5_nan_and_infinities_are_no_numbers)
{
	char text[NUM_TEXT];

	cr_assert_eq(jcs_double((double)NAN, text), 0);
	cr_assert_eq(jcs_double((double)INFINITY, text), 0);
	cr_assert_eq(jcs_double(-(double)INFINITY, text), 0);
	refuse("1e400", 5, "out of range");
	refuse("[-1e999]", 8, "out of range");
	refuse("NaN", 3, "no canonical form");
}

Test(jcs, R_CACHE_5_whole_numbers_beyond_2_53_are_strings)
{
	expect("9007199254740991", "9007199254740991");
	expect("-9007199254740991", "-9007199254740991");
	expect("9007199254740992", "\"9007199254740992\"");
	expect("-9007199254740992", "\"-9007199254740992\"");
	expect("9223372036854775807", "\"9223372036854775807\"");
	expect("123456789012345678901234567890", "\"123456789012345678901234567890\"");
	expect("[-0,-0.0,0e5]", "[0,0,0]");
	expect("[1E30,4.50,2e-3,0.000000000000000000000000001,1e2,100.0]",
		"[1e+30,4.5,0.002,1e-27,100,100]");
}

/* ---- members and text ---- */

Test(jcs, R_CACHE_5_members_by_utf_16)
{
	expect("{\"b\":1,\"a\":{\"z\":[],\"y\":{}}}", "{\"a\":{\"y\":{},\"z\":[]},\"b\":1}");
	expect("{\"aa\":1,\"a\":2,\"\":3}", "{\"\":3,\"a\":2,\"aa\":1}");
	/* U+1F600 is two code units from U+D83D on, and comes before U+FB33. */
	expect("{\"\\ufb33\":1,\"\\ud83d\\ude00\":2}",
		"{\"\xf0\x9f\x98\x80\":2,\"\xef\xac\xb3\":1}");
	expect("{\"\\ud83d\\ude00\":1,\"\\u20ac\":2}",
		"{\"\xe2\x82\xac\":2,\"\xf0\x9f\x98\x80\":1}");
	expect("{\"\\ud83d\\ude01\":1,\"\\ud83d\\ude00\":2}",
		"{\"\xf0\x9f\x98\x80\":2,\"\xf0\x9f\x98\x81\":1}");
}

Test(jcs, R_CACHE_5_text_is_neither_normalised_nor_trimmed)
{
	expect("[ \" a \" , \"\\u00e9\" , \"e\\u0301\" ]", "[\" a \",\"\xc3\xa9\",\"e\xcc\x81\"]");
	expect("\"\\u0000\\u001f\\/\\b\\f\\n\\r\\t\\\"\\\\\\u007f\"",
		"\"\\u0000\\u001f/\\b\\f\\n\\r\\t\\\"\\\\\x7f\"");
	expect("[true,false,null]", "[true,false,null]");
}

Test(jcs, R_CACHE_5_what_is_refused)
{
	char deep[2 * DEEP + 1];

	refuse("{\"a\":1,\"a\":1}", 13, "twice");
	refuse("{\"a\":1,\"\\u0061\":2}", 18, "twice");
	refuse("[{\"x\":{\"b\":1,\"c\":0,\"b\":1}}]", 27, "twice");
	refuse("\"\\ud800\"", 8, "surrogate");
	refuse("\"\\udc00x\"", 9, "surrogate");
	refuse("\"caf\xe9\"", 6, "UTF-8");
	refuse("{\"a\":1} x", 9, "follows");
	refuse("{\"a\":", 5, "ends too early");
	refuse("", 0, "ends too early");
	memset(deep, '[', DEEP);
	memset(deep + DEEP, ']', DEEP);
	deep[2 * DEEP] = '\0';
	refuse(deep, 2 * DEEP, "no canonical form");
}

static int play(failalloc *fa, void *arg)
{
	static const char json[] = "{\"b\\n\":[1,2.5,\"\\u20ac\"],\"a\":{\"c\":null}}";
	const uint64_t failed = fa->failed;
	llm_err err = LLM_ERR_INIT;
	int32_t rc;
	buf out;

	(void)arg;
	buf_init(&out, &fa->hook, 0);
	rc = jcs_write(json, sizeof(json) - 1, &fa->hook, &out, &err);
	buf_done(&out);
	return rc != (fa->failed > failed ? LLM_E_NOMEM : 0);
}

Test(jcs, survives_each_failed_allocation)
{
	cr_assert_eq(failalloc_sweep(play, NULL), 0);
}

/* ---- the public vectors ---- */

static size_t read_vector(
	const char *data, const char *folder, const char *name, char ret[FILE_MAX])
{
	char path[512];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/jcs/testdata/%s/%s.json", data, folder, name);
	f = fopen(path, "rb");
	cr_assert(f, "%s", path);
	n = fread(ret, 1, FILE_MAX, f);
	(void)fclose(f);
	return n;
}

Test(jcs, R_CACHE_5_public_vectors)
{
	static const char *const names[] = {
		"arrays", "french", "structures", "unicode", "values", "weird"};
	static char in[FILE_MAX], want[FILE_MAX];
	const char *data = getenv("LLM_TEST_DATA");
	size_t i;

	if (!data) {
		fputs("SKIP jcs_vectors: LLM_TEST_DATA is not set\n", stderr);
		return;
	}
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const size_t n = read_vector(data, "input", names[i], in);
		const size_t m = read_vector(data, "output", names[i], want);
		llm_err err = LLM_ERR_INIT;
		buf out;

		cr_assert_eq(form_of(in, n, &out, &err), 0, "%s: %s", names[i], err.message);
		cr_assert_eq(out.len, m, "%s: %s", names[i], buf_text(&out));
		cr_assert_eq(memcmp(out.ptr, want, m), 0, "%s: %s", names[i], buf_text(&out));
		buf_done(&out);
	}
}
