/*
 * The JSON writer: what comes out, what it refuses, what it does when nobody takes it.
 */
#include "jsonw_try.h"

Test(jsonw, writes_each_kind)
{
	sink s;
	jsonw w = writer(&s);

	jsonw_object(&w);
	jsonw_key(&w, "s");
	jsonw_string(&w, "text", 4);
	jsonw_key(&w, "c");
	jsonw_cstring(&w, "more");
	jsonw_key(&w, "none");
	jsonw_cstring(&w, NULL);
	jsonw_key(&w, "i");
	jsonw_int(&w, INT64_MIN);
	jsonw_key(&w, "d");
	jsonw_array(&w);
	jsonw_double(&w, 0.1);
	jsonw_double(&w, 3.0);
	jsonw_double(&w, -2.5);
	jsonw_array_end(&w);
	jsonw_key(&w, "b");
	jsonw_array(&w);
	jsonw_bool(&w, 1);
	jsonw_bool(&w, 0);
	jsonw_null(&w);
	jsonw_array_end(&w);
	jsonw_key(&w, "o");
	jsonw_object(&w);
	jsonw_object_end(&w);
	jsonw_key_len(&w, "rawest", 3);
	jsonw_raw(&w, "{\"x\": [1]}", 10);
	jsonw_object_end(&w);
	expect(&w, &s,
		"{\"s\":\"text\",\"c\":\"more\",\"none\":null,\"i\":-9223372036854775808,"
		"\"d\":[0.1,3,-2.5],\"b\":[true,false,null],\"o\":{},"
		"\"raw\":{\"x\": [1]}}");
}

Test(jsonw, a_document_can_be_any_value)
{
	sink s;
	jsonw w = writer(&s);

	jsonw_int(&w, 0);
	expect(&w, &s, "0");
	w = writer(&s);
	jsonw_string(&w, NULL, 0);
	expect(&w, &s, "\"\"");
	w = writer(&s);
	jsonw_array(&w);
	jsonw_array(&w);
	jsonw_array_end(&w);
	jsonw_array(&w);
	jsonw_array_end(&w);
	jsonw_array_end(&w);
	expect(&w, &s, "[[],[]]");
}

Test(jsonw, escapes)
{
	sink s;
	jsonw w = writer(&s);

	jsonw_object(&w);
	jsonw_key(&w, "\"\\");
	jsonw_string(&w, "a\"\\/\b\f\n\r\t\0\x01\x1f\x7f", 13);
	jsonw_object_end(&w);
	expect(&w, &s, "{\"\\\"\\\\\":\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u0001\\u001f\x7f\"}");
}

/* What was written as the only string of a document, decoded. */
static size_t read_back(const sink *s, char *dst, size_t room)
{
	jsonr_text text;
	jsonr r;

	jsonr_init(&r, s->bytes, s->len);
	cr_assert(jsonr_string(&r, &text));
	cr_assert_eq(jsonr_finish(&r), 0);
	cr_assert_leq(text.len, room);
	return jsonr_decode(&text, dst);
}

Test(jsonw, every_byte_below_128_comes_back)
{
	char decoded[6 * 128];
	char plain[128];
	sink s;
	jsonw w = writer(&s);
	int i;

	for (i = 0; i < 128; i++)
		plain[i] = (char)i;
	jsonw_string(&w, plain, sizeof(plain));
	cr_assert_eq(jsonw_finish(&w), 0);
	cr_assert_eq(read_back(&s, decoded, sizeof(decoded)), 128);
	cr_assert_eq(memcmp(decoded, plain, 128), 0);
	free(s.bytes);
}

Test(jsonw, text_of_any_length_comes_back)
{
	static char plain[3000];
	static char decoded[6 * sizeof(plain)];
	size_t len;
	size_t i;

	/* Around the size of the writer's own store every length matters. */
	for (i = 0; i < sizeof(plain); i++)
		plain[i] = i % 7 ? 'x' : '\n';
	for (len = 0; len < sizeof(plain); len += len < 1100 ? 1 : 97) {
		sink s;
		jsonw w = writer(&s);

		jsonw_string(&w, plain, len);
		cr_assert_eq(jsonw_finish(&w), 0);
		cr_assert_eq(read_back(&s, decoded, sizeof(decoded)), len);
		cr_assert_eq(memcmp(decoded, plain, len), 0);
		free(s.bytes);
	}
}

Test(jsonw, U_11_text_that_is_not_utf8_is_refused)
{
	static const char *const wrong[] = {
		"\x80",
		"a\xc3",
		"\xc0\x80",
		"\xed\xa0\x80",
		"\xf4\x90\x80\x80",
		"\xe2\x82",
		"\xff",
		"\xe2\x82\xac\xe2\x82",
	};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		sink s;
		jsonw w = writer(&s);

		jsonw_string(&w, wrong[i], strlen(wrong[i]));
		cr_assert_eq(jsonw_finish(&w), LLM_E_INVALID_REQUEST, "row %zu", i);
		free(s.bytes);
		w = writer(&s);
		jsonw_object(&w);
		jsonw_key(&w, wrong[i]);
		jsonw_int(&w, 1);
		jsonw_object_end(&w);
		cr_assert_eq(jsonw_finish(&w), LLM_E_INVALID_REQUEST, "row %zu", i);
		free(s.bytes);
	}
}

Test(jsonw, text_that_is_utf8_passes_as_it_is)
{
	static const char text[] = "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbb\xbf";
	char decoded[sizeof(text)];
	sink s;
	jsonw w = writer(&s);

	jsonw_cstring(&w, text);
	cr_assert_eq(jsonw_finish(&w), 0);
	cr_assert_eq(s.len, strlen(text) + 2);
	cr_assert_eq(read_back(&s, decoded, sizeof(decoded)), strlen(text));
	cr_assert_eq(memcmp(decoded, text, strlen(text)), 0);
	free(s.bytes);
}

Test(jsonw, numbers_that_json_lacks_are_refused)
{
	const double none[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
	size_t i;

	for (i = 0; i < 3; i++) {
		sink s;
		jsonw w = writer(&s);

		jsonw_double(&w, none[i]);
		cr_assert_eq(jsonw_finish(&w), LLM_E_INVALID_REQUEST);
		cr_assert_eq(s.len, 0);
	}
}

/* ---- base64 ---- */

Test(jsonw, base64_vectors_of_rfc_4648)
{
	static const char *const rows[][2] = {
		{"", "\"\""},
		{"f", "\"Zg==\""},
		{"fo", "\"Zm8=\""},
		{"foo", "\"Zm9v\""},
		{"foob", "\"Zm9vYg==\""},
		{"fooba", "\"Zm9vYmE=\""},
		{"foobar", "\"Zm9vYmFy\""},
		{"\xff\xef\xbe\xfb\xff\xfe", "\"/++++//+\""},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sink s;
		jsonw w = writer(&s);

		jsonw_base64(&w, rows[i][0], strlen(rows[i][0]));
		expect(&w, &s, rows[i][1]);
	}
}

Test(jsonw, a_string_in_pieces)
{
	sink s;
	jsonw w = writer(&s);

	jsonw_array(&w);
	jsonw_string_open(&w);
	jsonw_string_part(&w, "data:image/png;", 15);
	jsonw_string_part(&w, NULL, 0);
	jsonw_string_part(&w, "base64,", 7);
	jsonw_string_base64(&w, "\0\1\2\3", 4);
	jsonw_string_part(&w, "\"", 1);
	jsonw_string_close(&w);
	jsonw_string_open(&w);
	jsonw_string_close(&w);
	jsonw_array_end(&w);
	expect(&w, &s, "[\"data:image/png;base64,AAECAw==\\\"\",\"\"]");
}

Test(jsonw, base64_of_a_megabyte_is_put_in_pieces)
{
	const size_t len = (size_t)1 << 20;
	char *bytes = calloc(len, 1);
	sink s;
	jsonw w = writer(&s);
	size_t i;

	cr_assert_not_null(bytes);
	jsonw_base64(&w, bytes, len);
	cr_assert_eq(jsonw_finish(&w), 0);
	cr_assert_eq(s.len, (len + 2) / 3 * 4 + 2);
	cr_assert_gt(s.calls, 1000);
	for (i = 1; i < s.len - 3; i++)
		cr_assert_eq(s.bytes[i], 'A');
	free(bytes);
	free(s.bytes);
}

/* ---- misuse ---- */

Test(jsonw, depth_is_bounded)
{
	sink s;
	jsonw w = writer(&s);
	jsonr r;
	int i;

	for (i = 0; i < JSONW_DEPTH; i++) {
		if (i % 3) {
			jsonw_array(&w);
			continue;
		}
		jsonw_object(&w);
		jsonw_key(&w, "k");
	}
	jsonw_int(&w, 1);
	while (i-- > 0)
		(i % 3 ? jsonw_array_end : jsonw_object_end)(&w);
	cr_assert_eq(jsonw_finish(&w), 0);
	jsonr_init(&r, s.bytes, s.len);
	cr_assert(jsonr_skip(&r));
	cr_assert_eq(jsonr_finish(&r), 0);
	free(s.bytes);

	w = writer(&s);
	for (i = 0; i <= JSONW_DEPTH; i++)
		jsonw_array(&w);
	cr_assert_eq(jsonw_finish(&w), LLM_E_INVALID_REQUEST);
}

Test(jsonw, a_refusal_of_put_stays_and_nothing_follows_it)
{
	int fail_at;

	for (fail_at = 1; fail_at <= 3; fail_at++) {
		sink s;
		jsonw w = writer(&s);
		int i;

		s.fail_at = fail_at;
		jsonw_array(&w);
		for (i = 0; i < 100; i++)
			jsonw_string(&w, "twenty bytes of text", 20);
		jsonw_array_end(&w);
		cr_assert_eq(jsonw_finish(&w), LLM_E_TOO_LARGE);
		cr_assert_eq(jsonw_finish(&w), LLM_E_TOO_LARGE);
		cr_assert_eq(s.calls, fail_at);
		free(s.bytes);
	}
}

Test(jsonw, a_refusal_of_one_large_piece_stays)
{
	static char large[2000];
	sink s;
	jsonw w = writer(&s);

	memset(large, 'x', sizeof(large));
	s.fail_at = 2;
	jsonw_string(&w, large, sizeof(large));
	cr_assert_eq(jsonw_finish(&w), LLM_E_TOO_LARGE);
	cr_assert_eq(s.calls, 2);
	free(s.bytes);
}

/* Another reader's opinion. */
Test(jsonw, jansson_reads_what_was_written)
{
	json_t *tree;
	sink s;
	jsonw w = writer(&s);
	int i;

	jsonw_object(&w);
	for (i = 0; i < 300; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		jsonw_key(&w, key);
		jsonw_array(&w);
		jsonw_int(&w, i);
		jsonw_double(&w, i / 8.0);
		jsonw_cstring(&w, "\x01\xe2\x82\xac\"");
		jsonw_array_end(&w);
	}
	jsonw_object_end(&w);
	cr_assert_eq(jsonw_finish(&w), 0);
	tree = json_loadb(s.bytes, s.len, JSON_REJECT_DUPLICATES, NULL);
	cr_assert_not_null(tree);
	cr_assert_eq(json_object_size(tree), 300);
	for (i = 0; i < 300; i++) {
		char key[16];
		json_t *row;

		snprintf(key, sizeof(key), "k%d", i);
		row = json_object_get(tree, key);
		cr_assert_eq(json_integer_value(json_array_get(row, 0)), i);
		cr_assert(json_number_value(json_array_get(row, 1)) == i / 8.0);
		cr_assert_str_eq(json_string_value(json_array_get(row, 2)), "\x01\xe2\x82\xac\"");
	}
	json_decref(tree);
	free(s.bytes);
}
