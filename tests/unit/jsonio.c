/*
 * jsonio.c - documents as trees: what is refused, and that the error says where.
 */
#include "wire/jsonio.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	const char *place;
	const char *problem;
} refused[] = {
	{"", "line 1 column 1", "ends too early"},
	{"{", "line 1 column 2", "ends too early"},
	{"{\"a\":", "line 1 column 6", "ends too early"},
	{"[1,]", "line 1 column 4", ""},
	{"{\n  \"a\": 1,\n  \"a\": 2\n}", "line 3 column 5", "a key appears twice"},
	{"{\"a\":{\"b\":1,\"b\":1}}", "line 1 column 15", "a key appears twice"},
	{"{} {}", "line 1 column 4", ""},
	{"]", "line 1 column 1", ""},
	{"[1e400]", "line 1 column 6", "too large"},
	{"[99999999999999999999]", "line 1 column 21", "too large"},
	{"[NaN]", "line 1 column 2", ""},
	{"[01]", "line 1 column 3", ""},
	{"['a']", "line 1 column 2", ""},
	{"[\"\\u0000\"]", "line 1 column 9", "NUL"},
	{"\xef\xbb\xbf{}", "line 1 column 1", ""},
	{"[\"\xc3\xa4\xff\"]", "line 1 column 4", "UTF-8"},
	{"// c\n{}", "line 1 column 1", ""},
};

Test(jsonio, what_is_refused_names_the_text_and_the_place)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		json_t *tree = (json_t *)&tree;
		llm_err err = LLM_ERR_INIT;
		int32_t rc = jsonio_load(
			refused[i].text, strlen(refused[i].text), "the schema", &tree, &err);

		cr_assert_eq(rc, LLM_E_INVALID_REQUEST, "%s", refused[i].text);
		cr_assert_eq(err.code, LLM_E_INVALID_REQUEST);
		cr_assert_eq(tree, (json_t *)&tree, "the output was touched");
		cr_assert(!strncmp(err.message, "the schema ", 11), "%s", err.message);
		cr_assert(strstr(err.message, refused[i].place), "%s: %s", refused[i].text,
			err.message);
		cr_assert(strstr(err.message, refused[i].problem), "%s: %s", refused[i].text,
			err.message);
	}
}

Test(jsonio, an_error_does_not_quote_the_text)
{
	static const char text[] = "{\"key\": sk-canary-1234567890}";
	json_t *tree;
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(jsonio_load(text, strlen(text), "extra", &tree, &err), LLM_E_INVALID_REQUEST);
	cr_assert_null(strstr(err.message, "canary"), "%s", err.message);
	cr_assert_eq(jsonio_check(text, strlen(text), 0, "extra", &err), LLM_E_INVALID_REQUEST);
	cr_assert_null(strstr(err.message, "canary"), "%s", err.message);
}

Test(jsonio, any_value_is_loaded)
{
	static const char *const texts[] = {
		"{}", "[]", "1", "-0.5", "\"a\"", "true", "null", " \n{\"a\":[1,{\"b\":null}]}\t"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *tree = NULL;
		llm_err err = LLM_ERR_INIT;

		cr_assert_eq(jsonio_load(texts[i], strlen(texts[i]), "x", &tree, &err), 0, "%s",
			err.message);
		cr_assert_not_null(tree);
		json_decref(tree);
		cr_assert_eq(jsonio_check(texts[i], strlen(texts[i]), 0, "x", &err), 0);
	}
}

Test(jsonio, only_the_given_length_is_read)
{
	json_t *tree = NULL;
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(jsonio_load("[1]garbage", 3, "x", &tree, &err), 0);
	cr_assert_eq(json_array_size(tree), 1);
	json_decref(tree);
	cr_assert_eq(jsonio_load("[1]", 2, "x", &tree, &err), LLM_E_INVALID_REQUEST);
	cr_assert_eq(jsonio_load(NULL, 0, "x", &tree, &err), LLM_E_INVALID_REQUEST);
	cr_assert_eq(jsonio_check(NULL, 0, 0, "x", &err), LLM_E_INVALID_REQUEST);
	cr_assert_eq(jsonio_load("[", 1, "x", &tree, NULL), LLM_E_INVALID_REQUEST);
}

/* `depth` arrays around nothing. */
static char *nested(size_t depth, size_t *ret_len)
{
	char *text = malloc(2 * depth + 1);

	cr_assert(text);
	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	text[2 * depth] = '\0';
	*ret_len = 2 * depth;
	return text;
}

Test(jsonio, U_12_depth_is_limited_to_64)
{
	static const size_t depths[] = {1, 63, 64, 65, 128, 10000, 1000000};

	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		int32_t want = depths[i] <= JSONIO_DEPTH ? 0 : LLM_E_INVALID_REQUEST;
		json_t *tree = NULL;
		llm_err err = LLM_ERR_INIT;
		size_t len;
		char *text = nested(depths[i], &len);

		cr_assert_eq(
			jsonio_load(text, len, "x", &tree, &err), want, "depth %zu", depths[i]);
		cr_assert_eq(jsonio_check(text, len, 0, "x", NULL), want, "depth %zu", depths[i]);
		if (want)
			cr_assert(strstr(err.message,
					  "line 1 column 65: it is nested deeper than 64"),
				"%s", err.message);
		json_decref(tree);
		free(text);
	}
}

Test(jsonio, brackets_in_strings_do_not_nest)
{
	char text[512] = "[\"";
	size_t len = 2;
	json_t *tree = NULL;
	llm_err err = LLM_ERR_INIT;

	for (; len < 400; len += 4)
		memcpy(text + len, "[{\\\"", 4);
	memcpy(text + len, "\\\\\",[[]]]", 10);
	cr_assert_eq(jsonio_load(text, strlen(text), "x", &tree, &err), 0, "%s", err.message);
	cr_assert_eq(json_array_size(tree), 2);
	json_decref(tree);
	cr_assert_eq(jsonio_check(text, strlen(text), 0, "x", &err), 0);
}

Test(jsonio, depth_is_of_nesting_not_of_number)
{
	char text[1024] = "[";
	json_t *tree = NULL;
	size_t len = 1;

	for (; len < 900; len += 3)
		memcpy(text + len, "[],", 3);
	memcpy(text + len, "{}]", 4);
	cr_assert_eq(jsonio_load(text, strlen(text), "x", &tree, NULL), 0);
	json_decref(tree);
}

Test(jsonio, check_says_where_and_wants_an_object_when_asked)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(jsonio_check("{\"a\":[1,2]}", 11, 1, "extra", &err), 0);
	cr_assert_eq(jsonio_check("[1]", 3, 0, "extra", &err), 0);
	cr_assert_eq(jsonio_check("[1]", 3, 1, "extra", &err), LLM_E_INVALID_REQUEST);
	cr_assert(strstr(err.message, "extra") && strstr(err.message, "must be an object"));
	cr_assert_eq(jsonio_check("{\n\"a\": \"\xc3\xa4\" x}", 14, 1, "extra", &err),
		LLM_E_INVALID_REQUEST);
	cr_assert(strstr(err.message, "line 2 column 10"), "%s", err.message);
	cr_assert_eq(jsonio_check("{} x", 4, 1, "extra", &err), LLM_E_INVALID_REQUEST);
	cr_assert_eq(jsonio_check("", 0, 1, "extra", &err), LLM_E_INVALID_REQUEST);
	cr_assert_eq(jsonio_check("   ", 3, 1, "extra", &err), LLM_E_INVALID_REQUEST);
}

/* ---- failing allocations: Jansson's own, by its hook, which only tests may set ---- */

static size_t hook_left;
static size_t hook_failed;
static size_t hook_live;

static void *hook_alloc(size_t bytes)
{
	void *p = NULL;

	if (hook_left) {
		hook_left--;
		p = malloc(bytes);
	}
	hook_live += p != NULL;
	hook_failed += p == NULL;
	return p;
}

static void hook_free(void *p)
{
	hook_live -= p != NULL;
	free(p);
}

Test(jsonio, P_01_every_allocation_of_the_tree_fails)
{
	static const char text[] =
		"{\"a\":[1,2.5,\"x\\ny\",{\"b\":null}],\"c\":\"long enough to move\"}";
	int32_t rc = LLM_E_NOMEM;

	json_set_alloc_funcs(hook_alloc, hook_free);
	for (size_t n = 0; rc; n++) {
		json_t *tree = NULL;
		llm_err err = LLM_ERR_INIT;

		hook_left = n;
		hook_failed = 0;
		rc = jsonio_load(text, sizeof(text) - 1, "x", &tree, &err);
		cr_assert_eq(
			rc, hook_failed ? LLM_E_NOMEM : 0, "allocation %zu: %s", n, err.message);
		cr_assert_eq(tree == NULL, rc != 0);
		json_decref(tree);
		cr_assert_eq(hook_live, 0, "allocation %zu leaks", n);
		cr_assert_lt(n, 1000);
	}
}

Test(jsonio, the_library_that_is_loaded_is_new_enough)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(jsonio_check_library(&err), 0, "%s", err.message);
	cr_assert_geq(jansson_version_cmp(2, 14, 0), 0);
}
