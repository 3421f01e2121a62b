/*
 * The pull reader: reading by kind, and what it does with wrong kinds. Broken and
 * huge texts are in jsonr_limits.c; which texts are JSON at all in json_suite.c.
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

Test(jsonr, reads_each_kind)
{
	jsonr r = reader("{\"s\":\"x\",\"i\":-7,\"d\":2.5,\"t\":true,\"f\":false,"
			 "\"n\":null,\"a\":[1,[],{}],\"o\":{\"k\":1}}");
	int64_t whole = 0;
	double real = 0;
	int yes = -1;
	jsonr_text text;
	llm_bytes raw;

	cr_assert_eq(jsonr_peek(&r), JSONR_OBJECT);
	cr_assert(jsonr_enter_object(&r));
	cr_assert(jsonr_member(&r, &text) && jsonr_is(&text, "s"));
	cr_assert_eq(jsonr_peek(&r), JSONR_STRING);
	cr_assert(jsonr_string(&r, &text) && jsonr_is(&text, "x"));
	cr_assert(jsonr_member(&r, &text) && jsonr_peek(&r) == JSONR_NUMBER);
	cr_assert(jsonr_int(&r, &whole) && whole == -7);
	cr_assert(jsonr_member(&r, &text) && jsonr_double(&r, &real));
	cr_assert(real > 2.4 && real < 2.6);
	cr_assert(jsonr_member(&r, &text) && jsonr_peek(&r) == JSONR_TRUE);
	cr_assert(jsonr_bool(&r, &yes) && yes == 1);
	cr_assert(jsonr_member(&r, &text) && jsonr_peek(&r) == JSONR_FALSE);
	cr_assert(jsonr_bool(&r, &yes) && yes == 0);
	cr_assert(jsonr_member(&r, &text) && jsonr_peek(&r) == JSONR_NULL);
	cr_assert(jsonr_skip(&r));
	cr_assert(jsonr_member(&r, &text) && jsonr_peek(&r) == JSONR_ARRAY);
	cr_assert(jsonr_raw(&r, &raw) && raw.len == 9 && memcmp(raw.ptr, "[1,[],{}]", 9) == 0);
	cr_assert(jsonr_member(&r, &text) && jsonr_enter_object(&r));
	cr_assert(jsonr_member(&r, &text) && jsonr_number(&r, &raw) && raw.len == 1);
	cr_assert_not(jsonr_member(&r, &text));
	cr_assert_not(jsonr_member(&r, &text));
	cr_assert_eq(jsonr_peek(&r), JSONR_NONE);
	cr_assert_eq(jsonr_finish(&r), 0);
}

Test(jsonr, walks_arrays)
{
	jsonr r = reader(" [ 1 , 2,\t3 ,[ ] ]\r\n");
	int64_t sum = 0;
	int64_t one = 0;
	int n = 0;

	cr_assert(jsonr_enter_array(&r));
	while (jsonr_element(&r)) {
		n++;
		if (jsonr_int(&r, &one))
			sum += one;
	}
	cr_assert_eq(n, 4);
	cr_assert_eq(sum, 6);
	cr_assert_eq(jsonr_finish(&r), 0);
}

Test(jsonr, entering_another_kind_moves_nothing)
{
	jsonr r = reader("[1]");
	size_t at = jsonr_offset(&r);

	cr_assert_not(jsonr_enter_object(&r));
	cr_assert_eq(jsonr_offset(&r), at);
	cr_assert_eq(jsonr_status(&r), 0);
	cr_assert(jsonr_enter_array(&r));
	cr_assert(jsonr_element(&r));
	cr_assert_not(jsonr_enter_array(&r));
	cr_assert(jsonr_skip(&r));
	cr_assert_not(jsonr_element(&r));
	cr_assert_eq(jsonr_finish(&r), 0);
}

Test(jsonr, a_document_that_was_not_read_is_an_error)
{
	jsonr r = reader("[1]");

	cr_assert_not(jsonr_enter_object(&r));
	cr_assert_eq(jsonr_finish(&r), LLM_E_PROTOCOL);
	r = reader("{\"a\":1}");
	cr_assert(jsonr_enter_object(&r));
	cr_assert_eq(jsonr_finish(&r), LLM_E_PROTOCOL);
	r = reader("");
	cr_assert_eq(jsonr_finish(&r), LLM_E_PROTOCOL);
	jsonr_init(&r, NULL, 0);
	cr_assert_not(jsonr_skip(&r));
	cr_assert_eq(jsonr_status(&r), LLM_E_PROTOCOL);
}

Test(jsonr, what_was_not_read_is_skipped_by_the_next_item)
{
	jsonr r = reader("{\"a\":{\"b\":[1,2]},\"c\":[3,[4]],\"d\":5}");
	jsonr_text key;
	int n = 0;

	cr_assert(jsonr_enter_object(&r));
	while (jsonr_member(&r, &key))
		n++;
	cr_assert_eq(n, 3);
	cr_assert_eq(jsonr_finish(&r), 0);

	r = reader("[1,\"two\",[3],{\"four\":4}]");
	cr_assert(jsonr_enter_array(&r));
	for (n = 0; jsonr_element(&r); n++)
		;
	cr_assert_eq(n, 4);
	cr_assert_eq(jsonr_finish(&r), 0);

	r = reader("[1,tru]");
	cr_assert(jsonr_enter_array(&r));
	cr_assert(jsonr_element(&r));
	cr_assert(jsonr_element(&r));
	cr_assert_not(jsonr_element(&r));
	cr_assert_eq(jsonr_status(&r), LLM_E_PROTOCOL);
}

/* ---- misuse ends in an error, not in a wrong answer ---- */

Test(jsonr, misuse_is_an_error)
{
	jsonr r = reader("{\"a\":1}");
	jsonr_text text;

	cr_assert_not(jsonr_member(&r, &text), "no object was entered");
	cr_assert_eq(jsonr_status(&r), LLM_E_PROTOCOL);
	r = reader("{\"a\":1}");
	cr_assert(jsonr_enter_object(&r));
	cr_assert_not(jsonr_element(&r), "an object has no elements");
	cr_assert_eq(jsonr_status(&r), LLM_E_PROTOCOL);
	r = reader("{\"a\":1}");
	cr_assert(jsonr_enter_object(&r));
	cr_assert_eq(jsonr_peek(&r), JSONR_NONE);
	cr_assert_eq(jsonr_status(&r), 0, "peeking is allowed anywhere");
	cr_assert_not(jsonr_string(&r, &text), "a name is no value");
	cr_assert_eq(jsonr_status(&r), LLM_E_PROTOCOL);
	r = reader("1 2");
	cr_assert(jsonr_skip(&r));
	cr_assert_not(jsonr_skip(&r));
	cr_assert_eq(jsonr_status(&r), LLM_E_PROTOCOL);
}

/* ---- wrong types ---- */

enum {
	READ_STRING = 0,
	READ_BOOL,
	READ_NUMBER,
	READ_INT,
	READ_DOUBLE,
	READ_OBJECT,
	READ_ARRAY,
	READERS
};

/* 1 when the value was read, 0 when not; untouched outputs are checked here. */
static int read_as(jsonr *r, int reader_kind)
{
	jsonr_text text = {"keep", 4, 7};
	llm_bytes number = {"keep", 4};
	int64_t whole = 77;
	double real = 77;
	int yes = 77;
	int done = 0;

	switch (reader_kind) {
	case READ_STRING:
		done = jsonr_string(r, &text);
		break;
	case READ_BOOL:
		done = jsonr_bool(r, &yes);
		break;
	case READ_NUMBER:
		done = jsonr_number(r, &number);
		break;
	case READ_INT:
		done = jsonr_int(r, &whole);
		break;
	case READ_DOUBLE:
		done = jsonr_double(r, &real);
		break;
	case READ_OBJECT:
		done = jsonr_enter_object(r);
		break;
	default:
		done = jsonr_enter_array(r);
		break;
	}
	if (!done) {
		cr_assert(text.escaped == 7 && text.len == 4);
		cr_assert_eq(number.len, 4);
		cr_assert_eq(whole, 77);
		cr_assert(real > 76.9 && real < 77.1);
		cr_assert_eq(yes, 77);
	}
	return done;
}

Test(jsonr, U_12_wrong_types_in_every_combination)
{
	static const struct {
		const char *json;
		int reads[READERS]; /* string, bool, number, int, double, object, array */
	} rows[] = {
		{"\"x\"", {1, 0, 0, 0, 0, 0, 0}},
		{"\"\"", {1, 0, 0, 0, 0, 0, 0}},
		{"true", {0, 1, 0, 0, 0, 0, 0}},
		{"false", {0, 1, 0, 0, 0, 0, 0}},
		{"null", {0, 0, 0, 0, 0, 0, 0}},
		{"17", {0, 0, 1, 1, 1, 0, 0}},
		{"-1.5", {0, 0, 1, 0, 1, 0, 0}},
		{"1e400", {0, 0, 1, 0, 0, 0, 0}},
		{"{}", {0, 0, 0, 0, 0, 1, 0}},
		{"{\"a\":[1,{\"b\":\"}\"}]}", {0, 0, 0, 0, 0, 1, 0}},
		{"[]", {0, 0, 0, 0, 0, 0, 1}},
		{"[[\"]\"],{}]", {0, 0, 0, 0, 0, 0, 1}},
	};
	char json[64];
	jsonr_text key;
	size_t i;
	int kind;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (kind = 0; kind < READERS; kind++) {
			jsonr r;

			snprintf(json, sizeof(json), "{\"v\":%s,\"next\":1}", rows[i].json);
			r = reader(json);
			cr_assert(jsonr_enter_object(&r) && jsonr_member(&r, &key));
			cr_assert_eq(read_as(&r, kind), rows[i].reads[kind], "%s as %d",
				rows[i].json, kind);
			if (kind >= READ_OBJECT && rows[i].reads[kind])
				continue;
			cr_assert(jsonr_member(&r, &key) && jsonr_is(&key, "next"), "%s", json);
			cr_assert(jsonr_skip(&r) && !jsonr_member(&r, &key));
			cr_assert_eq(jsonr_finish(&r), 0);
		}
	}
}

Test(jsonr, U_12_no_reader_takes_a_broken_value)
{
	static const char *const rows[] = {
		"[\"\x01\"]",
		"[tru]",
		"[falsy]",
		"[-]",
		"[1.]",
		"[{]",
		"[[}]",
		"[x]",
		"[]]",
		"[",
	};
	size_t i;
	int kind;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (kind = 0; kind < READERS; kind++) {
			jsonr r = reader(rows[i]);
			llm_bytes raw = {NULL, 0};

			cr_assert(jsonr_enter_array(&r));
			if (jsonr_element(&r) && kind < READ_OBJECT)
				cr_assert_not(read_as(&r, kind), "%s as %d", rows[i], kind);
			else
				cr_assert_not(jsonr_raw(&r, &raw) || raw.ptr, "%s", rows[i]);
			cr_assert_not(jsonr_skip(&r));
			cr_assert_eq(jsonr_finish(&r), LLM_E_PROTOCOL, "%s", rows[i]);
		}
	}
}

Test(jsonr, U_12_numbers_at_the_edges)
{
	static const struct {
		const char *json;
		int whole;
		int64_t value;
		int real;
	} rows[] = {
		{"9223372036854775807", 1, INT64_MAX, 1},
		{"9223372036854775808", 0, 0, 1},
		{"-9223372036854775808", 1, INT64_MIN, 1},
		{"-9223372036854775809", 0, 0, 1},
		{"-0", 1, 0, 1},
		{"-0.0", 1, 0, 1},
		{"3.0", 1, 3, 1},
		{"1e2", 1, 100, 1},
		{"1.5e1", 1, 15, 1},
		{"1.5", 0, 0, 1},
		{"1e-1", 0, 0, 1},
		{"1e400", 0, 0, 0},
		{"-1e400", 0, 0, 0},
		{"1e-400", 0, 0, 1},
		{"1e99999999999999999999", 0, 0, 0},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		jsonr r = reader(rows[i].json);
		int64_t whole = -1;
		double real = 0;
		llm_bytes text;

		cr_assert_eq(jsonr_int(&r, &whole), rows[i].whole, "%s", rows[i].json);
		cr_assert_eq(whole, rows[i].whole ? rows[i].value : -1, "%s", rows[i].json);
		cr_assert_eq(jsonr_finish(&r), 0, "too wide is not malformed");
		r = reader(rows[i].json);
		cr_assert_eq(jsonr_double(&r, &real), rows[i].real, "%s", rows[i].json);
		r = reader(rows[i].json);
		cr_assert(jsonr_number(&r, &text));
		cr_assert_eq(text.len, strlen(rows[i].json));
	}
}
