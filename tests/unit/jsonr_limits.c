/*
 * The pull reader and texts that end early, nest deeply, are long or wrong: where it
 * stops, and what it says.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/jsonr.h"

static jsonr reader(const char *json)
{
	jsonr r;

	jsonr_init(&r, json, strlen(json));
	return r;
}

/* The next value and all in it, by the calls that a caller would make. */
static void read_value(jsonr *r)
{
	jsonr_text text;

	switch (jsonr_peek(r)) {
	case JSONR_OBJECT:
		jsonr_enter_object(r);
		while (jsonr_member(r, &text))
			read_value(r);
		break;
	case JSONR_ARRAY:
		jsonr_enter_array(r);
		while (jsonr_element(r))
			read_value(r);
		break;
	case JSONR_STRING:
		jsonr_string(r, &text);
		break;
	default:
		jsonr_skip(r);
		break;
	}
}

Test(jsonr_limits, U_12_truncated_at_each_byte)
{
	static const char json[] =
		"{\"a\":[1,-2.5e+3,true,false,null],"
		"\"b\\u00e9\\ud83d\\ude00\\n\":{\"c\":\"\xe2\x82\xac\"}, \"d\" : [ {} , [] ] }";
	const size_t all = sizeof(json) - 1;
	size_t len;

	for (len = 0; len <= all; len++) {
		int32_t want = len == all ? 0 : LLM_E_PROTOCOL;
		char *exact = malloc(len ? len : 1);
		jsonr skipped;
		jsonr read;

		cr_assert_not_null(exact);
		memcpy(exact, json, len);
		jsonr_init(&skipped, exact, len);
		jsonr_skip(&skipped);
		cr_assert_eq(jsonr_finish(&skipped), want, "cut at %zu", len);
		cr_assert_leq(jsonr_offset(&skipped), len);
		jsonr_init(&read, exact, len);
		read_value(&read);
		cr_assert_eq(jsonr_finish(&read), want, "cut at %zu", len);
		cr_assert_str_eq(
			skipped.problem ? skipped.problem : "", read.problem ? read.problem : "");
		free(exact);
	}
}

static int32_t nested(size_t depth, char open, char close)
{
	char *json = malloc(2 * depth);
	int32_t rc;
	jsonr r;

	cr_assert_not_null(json);
	memset(json, open, depth);
	memset(json + depth, close, depth);
	jsonr_init(&r, json, 2 * depth);
	jsonr_skip(&r);
	rc = jsonr_finish(&r);
	free(json);
	return rc;
}

Test(jsonr_limits, U_12_depth)
{
	jsonr r;
	int i;

	cr_assert_eq(nested(1, '[', ']'), 0);
	cr_assert_eq(nested(JSONR_DEPTH, '[', ']'), 0);
	cr_assert_eq(nested(JSONR_DEPTH + 1, '[', ']'), LLM_E_PROTOCOL);
	cr_assert_eq(nested(10000, '[', ']'), LLM_E_PROTOCOL);
	cr_assert_eq(nested(10000, '[', '['), LLM_E_PROTOCOL);
	cr_assert_eq(nested(2, '[', '}'), LLM_E_PROTOCOL);
	/* By hand as well: entering is refused at the same depth. */
	r = reader("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
		   "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[");
	for (i = 0; jsonr_enter_array(&r) && jsonr_element(&r); i++)
		;
	cr_assert_eq(i, JSONR_DEPTH);
	cr_assert_eq(jsonr_status(&r), LLM_E_PROTOCOL);
	cr_assert_eq(jsonr_offset(&r), JSONR_DEPTH);
}

/* A value within a document counts the levels that it stands in. */
Test(jsonr_limits, depth_of_a_value_inside)
{
	static const char value[] = "[[{\"a\":[]}]] , behind it stands anything";
	uint32_t depth;

	for (depth = 0; depth <= JSONR_DEPTH + 1; depth++) {
		llm_bytes raw = {NULL, 0};
		jsonr r;

		jsonr_init_inside(&r, value, sizeof(value) - 1, depth);
		cr_expect_eq(jsonr_raw(&r, &raw), depth + 4 <= JSONR_DEPTH, "%u", depth);
		cr_expect_eq(raw.len, depth + 4 <= JSONR_DEPTH ? strlen("[[{\"a\":[]}]]") : 0);
	}
}

Test(jsonr_limits, containers_of_both_kinds_are_told_apart_at_every_depth)
{
	char json[8 * JSONR_DEPTH] = "";
	size_t at = 0;
	jsonr r;
	int i;

	for (i = 0; i < JSONR_DEPTH; i++)
		at += (size_t)snprintf(json + at, sizeof(json) - at, i % 3 ? "[" : "{\"k\":");
	json[at++] = '1';
	for (i = JSONR_DEPTH - 1; i >= 0; i--)
		json[at++] = i % 3 ? ']' : '}';
	jsonr_init(&r, json, at);
	cr_assert(jsonr_skip(&r));
	cr_assert_eq(jsonr_finish(&r), 0);
	json[at - 64] = json[at - 64] == ']' ? '}' : ']';
	jsonr_init(&r, json, at);
	cr_assert_not(jsonr_skip(&r));
	cr_assert_eq(jsonr_offset(&r), at - 64);
}

Test(jsonr_limits, U_12_string_of_ten_megabytes)
{
	const size_t len = (size_t)10 << 20;
	char *json = malloc(len + 2);
	char *text = malloc(len);
	jsonr_text s;
	jsonr r;

	cr_assert(json && text);
	memset(json, 'x', len + 2);
	json[0] = '"';
	json[len + 1] = '"';
	jsonr_init(&r, json, len + 2);
	cr_assert(jsonr_string(&r, &s));
	cr_assert_eq(s.len, len);
	cr_assert_eq(s.escaped, 0);
	cr_assert_eq(jsonr_finish(&r), 0);
	memcpy(json + len - 1, "\\n", 2);
	jsonr_init(&r, json, len + 2);
	cr_assert(jsonr_string(&r, &s));
	cr_assert_eq(s.escaped, 1);
	cr_assert_eq(jsonr_decode(&s, text), len - 1);
	cr_assert_eq(text[len - 2], '\n');
	free(text);
	free(json);
}

Test(jsonr_limits, U_12_duplicate_members_come_as_they_stand)
{
	jsonr r = reader("{\"a\":1,\"a\":2,\"\\u0061\":3}");
	int64_t values[3] = {0, 0, 0};
	jsonr_text key;
	size_t n = 0;

	cr_assert(jsonr_enter_object(&r));
	while (n < 3 && jsonr_member(&r, &key)) {
		cr_assert(jsonr_is(&key, "a"));
		cr_assert(jsonr_int(&r, &values[n]));
		n++;
	}
	cr_assert_eq(n, 3);
	cr_assert(values[0] == 1 && values[1] == 2 && values[2] == 3);
	cr_assert_not(jsonr_member(&r, &key));
	cr_assert_eq(jsonr_finish(&r), 0);
}

Test(jsonr_limits, errors_stay_and_say_where)
{
	static const struct {
		const char *json;
		size_t offset;
		const char *says;
	} rows[] = {
		{"", 0, "ends too early"},
		{"[1,", 3, "ends too early"},
		{"{\"a\"", 4, "ends too early"},
		{"{\"a\":", 5, "ends too early"},
		{"\"abc", 4, "ends too early"},
		{"[1 2]", 3, "comma"},
		{"[1,]", 3, "value"},
		{"{\"a\":1,}", 7, "name"},
		{"{1:2}", 1, "name"},
		{"{\"a\" 1}", 5, "colon"},
		{"\"a\tb\"", 2, "control"},
		{"\"a\\qb\"", 2, "escape"},
		{"\"\\ud800\"", 1, "surrogate"},
		{"\"a\xff\"", 2, "UTF-8"},
		{"[01]", 2, "number"},
		{"-", 0, "number"},
		{"truth", 0, "value"},
		{"nullx", 4, "value"},
		{"1 1", 2, "follows"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		jsonr r = reader(rows[i].json);
		const char *first;
		jsonr_text text;
		int yes;

		jsonr_skip(&r);
		cr_assert_eq(jsonr_finish(&r), LLM_E_PROTOCOL, "%s", rows[i].json);
		cr_assert_eq(jsonr_offset(&r), rows[i].offset, "%s: %zu", rows[i].json,
			jsonr_offset(&r));
		cr_assert_not_null(strstr(r.problem, rows[i].says), "%s", r.problem);
		first = r.problem;
		cr_assert_eq(jsonr_peek(&r), JSONR_NONE);
		cr_assert_not(jsonr_skip(&r) || jsonr_bool(&r, &yes) || jsonr_string(&r, &text));
		cr_assert_not(jsonr_member(&r, &text) || jsonr_element(&r));
		cr_assert_not(jsonr_enter_array(&r) || jsonr_enter_object(&r));
		cr_assert_eq(jsonr_finish(&r), LLM_E_PROTOCOL);
		cr_assert_eq(r.problem, first);
		cr_assert_eq(jsonr_offset(&r), rows[i].offset);
	}
}
