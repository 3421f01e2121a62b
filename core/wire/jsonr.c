/*
 * jsonr.c - the pull reader. See jsonr.h.
 *
 * One rule holds the grammar together: `state` says whether a value stands next,
 * so no sequence of calls can make the reader accept what RFC 8259 does not.
 */
#include "wire/jsonr.h"

#include <string.h>

#include "escape.h"
#include "plain.h"
#include "utf8.h"
#include "wire/num.h"

enum { /* jsonr.state */
	STATE_VALUE = 0, /* a value stands next */
	STATE_FIRST, /* a container was entered, nothing of it read */
	STATE_AFTER /* a value was read */
};

static const char ends_early[] = "the text ends too early";

/* 1: a byte at which the scan of a string has to look. */
#define ROW(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
static const unsigned char stops[256] = {ROW(1), ROW(1), 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, /* " */
	ROW(0), ROW(0), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, /* \ */
	ROW(0), ROW(0), ROW(1), ROW(1), ROW(1), ROW(1), ROW(1), ROW(1), ROW(1), ROW(1)};

static int fail(jsonr *r, const char *problem)
{
	r->problem = problem;
	return 0;
}

/* At the end of the text the better news is that it ended. */
static int unexpected(jsonr *r, const char *problem)
{
	return fail(r, r->p < r->end ? problem : ends_early);
}

static int is_space(char c)
{
	return (unsigned char)c <= ' ' && (c == ' ' || c == '\n' || c == '\r' || c == '\t');
}

static int byte_behind_space(jsonr *r)
{
	const char *p = r->p;

	while (p < r->end && is_space(*p))
		p++;
	r->p = p;
	return p < r->end ? (unsigned char)*p : -1;
}

/* The next byte that is no white space, -1 at the end. */
static inline int next_byte(jsonr *r)
{
	if (r->p < r->end && (unsigned char)*r->p > ' ')
		return (unsigned char)*r->p;
	return byte_behind_space(r);
}

/* ---- tokens ---- */

/* One step of a string at a byte that needs a look: its length, or 0 and an error. */
static size_t string_step(jsonr *r, const char *p)
{
	size_t left = (size_t)(r->end - p);
	const char *problem = "a string is not UTF-8";
	size_t n = 0;

	if (*p == '\\') {
		problem = "an escape in a string is wrong, or half of a surrogate pair";
		n = escape_length(p, left);
	} else if ((unsigned char)*p < 0x20) {
		problem = "a string holds a raw control character";
	} else {
		n = utf8_length(p, left);
	}
	if (n == 0) {
		r->p = p;
		fail(r, problem);
	}
	return n;
}

static int scan_any_string(jsonr *r, jsonr_text *ret)
{
	const char *begin = r->p + 1;
	const char *p = begin;
	int escaped = 0;

	for (;;) {
		size_t n;

		p += plain_length(p, r->end);
		while (p < r->end && !stops[(unsigned char)*p])
			p++;
		if (p == r->end) {
			r->p = p;
			return fail(r, ends_early);
		}
		if (*p == '"')
			break;
		escaped |= *p == '\\';
		n = string_step(r, p);
		if (n == 0)
			return 0;
		p += n;
	}
	r->p = p + 1;
	*ret = (jsonr_text){begin, (size_t)(p - begin), escaped};
	return 1;
}

/* Most strings are short, and nothing in them needs a look. */
static inline int scan_string(jsonr *r, jsonr_text *ret)
{
	const char *begin = r->p + 1;
	size_t n;

	if ((size_t)(r->end - begin) < PLAIN_STEP)
		return scan_any_string(r, ret);
	n = plain_count(plain_load(begin));
	if (n == PLAIN_STEP || begin[n] != '"')
		return scan_any_string(r, ret);
	r->p = begin + n + 1;
	*ret = (jsonr_text){begin, n, 0};
	return 1;
}

/* A number or a word of `len` bytes: must not run into what follows. */
static inline int scan_plain(jsonr *r, size_t len, const char *problem)
{
	const char *p = r->p + len;

	if (len == 0)
		return fail(r, problem);
	if (p < r->end && !is_space(*p) && *p != ',' && *p != ']' && *p != '}') {
		r->p = p;
		return fail(r, problem);
	}
	r->p = p;
	return 1;
}

static int scan_number(jsonr *r)
{
	return scan_plain(r, num_length(r->p, (size_t)(r->end - r->p)), "a number is malformed");
}

static inline int scan_word(jsonr *r, const char *word, size_t len)
{
	int same = (size_t)(r->end - r->p) >= len && memcmp(r->p, word, len) == 0;

	return scan_plain(r, same ? len : 0, "a value was expected");
}

/* ---- structure ---- */

static inline int in_object(const jsonr *r)
{
	uint32_t level = r->depth - 1;

	return r->depth > 0 && ((r->is_object[level / 64] >> (level % 64)) & 1);
}

static int enter(jsonr *r, int is_object)
{
	uint64_t bit = UINT64_C(1) << (r->depth % 64);

	if (r->depth == JSONR_DEPTH)
		return fail(r, "nested deeper than 128 levels");
	if (is_object)
		r->is_object[r->depth / 64] |= bit;
	else
		r->is_object[r->depth / 64] &= ~bit;
	r->depth++;
	r->p++;
	r->state = STATE_FIRST;
	return 1;
}

/* 1 when another item of the container stands next; 0 at its end, which is passed. */
static inline int next_item(jsonr *r, char close)
{
	int c = next_byte(r);

	if (c == close) {
		r->p++;
		r->depth--;
		r->state = STATE_AFTER;
		return 0;
	}
	if (r->state == STATE_AFTER) {
		if (c != ',')
			return unexpected(r, "a comma or the end of the container was expected");
		r->p++;
	}
	r->state = STATE_VALUE;
	return 1;
}

static int next_member(jsonr *r, jsonr_text *ret_key)
{
	jsonr_text key;

	if (!next_item(r, '}'))
		return 0;
	if (next_byte(r) != '"')
		return unexpected(r, "the name of a member was expected");
	if (!scan_string(r, &key))
		return 0;
	if (next_byte(r) != ':')
		return unexpected(r, "a colon was expected");
	r->p++;
	*ret_key = key;
	return 1;
}

/* The kind of value that a byte begins; the others are JSONR_NONE. */
static const unsigned char kinds[256] = {['{'] = JSONR_OBJECT,
	['['] = JSONR_ARRAY,
	['"'] = JSONR_STRING,
	['t'] = JSONR_TRUE,
	['f'] = JSONR_FALSE,
	['n'] = JSONR_NULL,
	['-'] = JSONR_NUMBER,
	['0'] = JSONR_NUMBER,
	['1'] = JSONR_NUMBER,
	['2'] = JSONR_NUMBER,
	['3'] = JSONR_NUMBER,
	['4'] = JSONR_NUMBER,
	['5'] = JSONR_NUMBER,
	['6'] = JSONR_NUMBER,
	['7'] = JSONR_NUMBER,
	['8'] = JSONR_NUMBER,
	['9'] = JSONR_NUMBER};

/* Where a value has to stand; JSONR_NONE and an error when there is none. */
static int next_kind(jsonr *r)
{
	int c = next_byte(r);
	int kind = c < 0 ? JSONR_NONE : kinds[c];

	if (kind == JSONR_NONE)
		unexpected(r, "a value was expected");
	return kind;
}

/* Reads a value of a known kind that is no container, enters one that is. */
static int step_kind(jsonr *r, int kind)
{
	jsonr_text text;
	int ok = 0;

	switch (kind) {
	case JSONR_OBJECT:
		return enter(r, 1);
	case JSONR_ARRAY:
		return enter(r, 0);
	case JSONR_STRING:
		ok = scan_string(r, &text);
		break;
	case JSONR_NUMBER:
		ok = scan_number(r);
		break;
	case JSONR_TRUE:
		ok = scan_word(r, "true", 4);
		break;
	case JSONR_FALSE:
		ok = scan_word(r, "false", 5);
		break;
	case JSONR_NULL:
		ok = scan_word(r, "null", 4);
		break;
	default:
		return 0;
	}
	r->state = STATE_AFTER;
	return ok;
}

/* The rest of a value of which the first step is made. */
static int skip_to(jsonr *r, uint32_t base)
{
	jsonr_text key;

	while (!r->problem && r->depth > base)
		if (in_object(r) ? next_member(r, &key) : next_item(r, ']'))
			step_kind(r, next_kind(r));
	return !r->problem;
}

/* The kind of the value to read. Asking where none can stand is an error as well. */
static int expect_value(jsonr *r)
{
	if (r->problem)
		return JSONR_NONE;
	if (r->state == STATE_VALUE)
		return next_kind(r);
	fail(r, "a value was asked for where none stands");
	return JSONR_NONE;
}

static int skip_kind(jsonr *r, int kind)
{
	const uint32_t base = r->depth;

	if (!step_kind(r, kind) || r->depth == base)
		return !r->problem;
	return skip_to(r, base);
}

/* 1 when the next value is of `kind`; another one is skipped. */
static int expect_kind(jsonr *r, int kind)
{
	int next = expect_value(r);

	if (next == kind)
		return 1;
	if (next != JSONR_NONE)
		skip_kind(r, next);
	return 0;
}

/* What the caller left unread of the current container's last item is skipped. */
static int ready_for_item(jsonr *r, int is_object)
{
	if (r->problem)
		return 0;
	if (r->depth == 0 || in_object(r) != is_object)
		return fail(r, "an item was asked for outside of its container");
	return r->state != STATE_VALUE || jsonr_skip(r);
}

/* ---- the interface ---- */

void jsonr_init(jsonr *r, const char *json, size_t len)
{
	*r = (jsonr){0};
	r->start = len ? json : "";
	r->p = r->start;
	r->end = r->start + len;
	r->state = STATE_VALUE;
}

void jsonr_init_inside(jsonr *r, const char *json, size_t len, uint32_t depth)
{
	jsonr_init(r, json, len);
	r->depth = depth < JSONR_DEPTH ? depth : JSONR_DEPTH;
}

int jsonr_peek(jsonr *r)
{
	if (r->problem || r->state != STATE_VALUE)
		return JSONR_NONE;
	return next_kind(r);
}

int jsonr_enter_object(jsonr *r)
{
	return expect_value(r) == JSONR_OBJECT && enter(r, 1);
}

int jsonr_enter_array(jsonr *r)
{
	return expect_value(r) == JSONR_ARRAY && enter(r, 0);
}

int jsonr_member(jsonr *r, jsonr_text *ret_key)
{
	return ready_for_item(r, 1) && next_member(r, ret_key);
}

int jsonr_element(jsonr *r)
{
	return ready_for_item(r, 0) && next_item(r, ']');
}

int jsonr_string(jsonr *r, jsonr_text *ret)
{
	if (!expect_kind(r, JSONR_STRING) || !scan_string(r, ret))
		return 0;
	r->state = STATE_AFTER;
	return 1;
}

int jsonr_bool(jsonr *r, int *ret)
{
	int kind = expect_value(r);

	if (kind == JSONR_NONE || !skip_kind(r, kind))
		return 0;
	if (kind != JSONR_TRUE && kind != JSONR_FALSE)
		return 0;
	*ret = kind == JSONR_TRUE;
	return 1;
}

int jsonr_number(jsonr *r, llm_bytes *ret)
{
	const char *begin;

	if (!expect_kind(r, JSONR_NUMBER))
		return 0;
	begin = r->p;
	if (!skip_kind(r, JSONR_NUMBER))
		return 0;
	*ret = (llm_bytes){begin, (size_t)(r->p - begin)};
	return 1;
}

int jsonr_int(jsonr *r, int64_t *ret)
{
	llm_bytes text;

	return jsonr_number(r, &text) && num_read_whole(text.ptr, text.len, ret);
}

int jsonr_double(jsonr *r, double *ret)
{
	llm_bytes text;

	return jsonr_number(r, &text) && num_read_double(text.ptr, text.len, ret);
}

int jsonr_raw(jsonr *r, llm_bytes *ret)
{
	const int kind = expect_value(r);
	const char *begin = r->p;

	if (kind == JSONR_NONE || !skip_kind(r, kind))
		return 0;
	*ret = (llm_bytes){begin, (size_t)(r->p - begin)};
	return 1;
}

int jsonr_skip(jsonr *r)
{
	const int kind = expect_value(r);

	return kind != JSONR_NONE && skip_kind(r, kind);
}

int32_t jsonr_status(const jsonr *r)
{
	return r->problem ? LLM_E_PROTOCOL : LLM_OK;
}

int32_t jsonr_finish(jsonr *r)
{
	if (r->problem)
		return LLM_E_PROTOCOL;
	if (r->depth > 0 || r->state != STATE_AFTER)
		fail(r, "the text was not read to its end");
	else if (next_byte(r) >= 0)
		fail(r, "something follows the document");
	return jsonr_status(r);
}

size_t jsonr_offset(const jsonr *r)
{
	return (size_t)(r->p - r->start);
}
