/*
 * fuzz_jsonr.c - the JSON reader against Jansson.
 *
 * Both get the same bytes. What both accept must be the same values; what only
 * one accepts must be one of these known differences:
 *
 *	nesting deeper than 128       jsonr refuses, Jansson goes to 2048
 *	1e400, integers over 64 bits  Jansson refuses; for jsonr they are numbers that
 *	                              no jsonr_double or jsonr_int can deliver
 *	U+0000 in a member's name     Jansson refuses, jsonr delivers it
 *	a NUL byte behind a number    jsonr refuses, Jansson's one-byte pushback loses it
 *	or a word
 *
 * Duplicate members are accepted by both: the last one counts in Jansson's tree,
 * and in the tree that is built here from what jsonr hands out.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/jsonr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the walk met that Jansson cannot hold. */
typedef struct walk {
	int wide_number;
	int nul_in_key;
} walk;

typedef struct text {
	char *bytes;
	size_t len;
} text;

static void check(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_jsonr: %s\n", what);
	abort();
}

static int32_t append(void *ctx, const char *bytes, size_t len)
{
	text *t = ctx;

	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
	return 0;
}

/* The decoded text, NUL-terminated; every way of decoding must agree. */
static text decoded(const jsonr_text *raw)
{
	text whole = {malloc(raw->len + 1), 0};
	text pieces = {malloc(raw->len + 1), 0};

	check(whole.bytes && pieces.bytes, "out of memory");
	whole.len = jsonr_decode(raw, whole.bytes);
	whole.bytes[whole.len] = '\0';
	check(whole.len <= raw->len, "decoding grew");
	check(jsonr_decode_to(raw, append, &pieces) == 0, "decode_to failed by itself");
	check(pieces.len == whole.len && memcmp(pieces.bytes, whole.bytes, whole.len) == 0,
		"decode and decode_to differ");
	if (strlen(whole.bytes) == whole.len)
		check(jsonr_is(raw, whole.bytes), "jsonr_is denies the decoded text");
	free(pieces.bytes);
	return whole;
}

static json_t *build_string(jsonr *r)
{
	jsonr_text raw;
	json_t *string;
	text t;

	if (!jsonr_string(r, &raw))
		return NULL;
	t = decoded(&raw);
	string = json_stringn(t.bytes, t.len);
	check(string != NULL, "jsonr let text pass that Jansson calls no UTF-8");
	free(t.bytes);
	return string;
}

static int is_real(llm_bytes number)
{
	size_t i;

	for (i = 0; i < number.len; i++)
		if (strchr(".eE", number.ptr[i]))
			return 1;
	return 0;
}

static json_t *build_number(jsonr *r, walk *w)
{
	jsonr ahead = *r;
	llm_bytes number;
	int64_t whole;
	double real;

	if (!jsonr_number(&ahead, &number)) {
		check(!jsonr_double(r, &real), "jsonr_double read what jsonr_number refused");
		return NULL;
	}
	if (is_real(number) && jsonr_double(r, &real))
		return json_real(real);
	if (!is_real(number) && jsonr_int(r, &whole))
		return json_integer(whole);
	check(r->p == ahead.p, "a number that does not fit was not skipped");
	w->wide_number = 1;
	return json_null();
}

static json_t *build(jsonr *r, walk *w);

static json_t *build_object(jsonr *r, walk *w)
{
	json_t *object = json_object();
	jsonr_text raw;

	if (!jsonr_enter_object(r))
		return object;
	while (jsonr_member(r, &raw)) {
		text key = decoded(&raw);

		w->nul_in_key |= strlen(key.bytes) != key.len;
		json_object_setn_new(object, key.bytes, key.len, build(r, w));
		free(key.bytes);
	}
	return object;
}

static json_t *build_array(jsonr *r, walk *w)
{
	json_t *array = json_array();

	if (!jsonr_enter_array(r))
		return array;
	while (jsonr_element(r))
		json_array_append_new(array, build(r, w));
	return array;
}

/* The next value as a tree; null after an error. */
static json_t *build(jsonr *r, walk *w)
{
	int value = 0;

	switch (jsonr_peek(r)) {
	case JSONR_OBJECT:
		return build_object(r, w);
	case JSONR_ARRAY:
		return build_array(r, w);
	case JSONR_STRING:
		return build_string(r);
	case JSONR_NUMBER:
		return build_number(r, w);
	case JSONR_TRUE:
	case JSONR_FALSE:
		return jsonr_bool(r, &value) ? json_boolean(value) : NULL;
	case JSONR_NULL:
		return jsonr_skip(r) ? json_null() : NULL;
	default:
		check(r->problem != NULL, "nothing stands next, and no error");
		return NULL;
	}
}

/* How deep brackets nest outside of strings. */
static int nests_deeper(const uint8_t *data, size_t size, int limit)
{
	int in_string = 0;
	int depth = 0;
	size_t i;

	for (i = 0; i < size; i++) {
		if (in_string && data[i] == '\\')
			i++;
		else if (data[i] == '"')
			in_string = !in_string;
		else if (!in_string && strchr("[{", data[i]) && data[i] && ++depth > limit)
			return 1;
		else if (!in_string && strchr("]}", data[i]) && data[i])
			depth--;
	}
	return 0;
}

/* What Jansson may accept although jsonr stopped where it did. */
static int known_leniency(const uint8_t *data, size_t size, const jsonr *r)
{
	size_t at = jsonr_offset(r);

	if (nests_deeper(data, size, JSONR_DEPTH))
		return 1;
	return at > 0 && at < size && data[at] == 0 && strchr("0123456789el", data[at - 1]);
}

/* Skipping must judge exactly as reading does. */
static void check_skip(const char *json, size_t size, const jsonr *read)
{
	llm_bytes raw;
	jsonr r;

	jsonr_init(&r, json, size);
	if (jsonr_raw(&r, &raw))
		check(raw.ptr >= json && raw.ptr + raw.len <= json + size, "a slice outside");
	jsonr_finish(&r);
	check(r.problem == read->problem && jsonr_offset(&r) == jsonr_offset(read),
		"skipping and reading stop at different errors");
	check(jsonr_offset(&r) <= size, "the error is outside of the text");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *json = (const char *)data;
	json_t *theirs = json_loadb(json, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	walk w = {0, 0};
	json_t *ours;
	jsonr r;

	jsonr_init(&r, json, size);
	ours = build(&r, &w);
	if (jsonr_finish(&r) != 0)
		check(!theirs || known_leniency(data, size, &r), "only Jansson accepts it");
	else if (!theirs)
		check(w.wide_number || w.nul_in_key, "only jsonr accepts it");
	else
		check(json_equal(ours, theirs), "the values differ");
	check_skip(json, size, &r);
	json_decref(ours);
	json_decref(theirs);
	return 0;
}
