/*
 * jsonw.c - the append-only writer. See jsonw.h.
 */
#include "wire/jsonw.h"

#include <string.h>

#include "plain.h"
#include "utf8.h"
#include "wire/num.h"

/* The first error stays. */
static void fail(jsonw *w, int32_t status)
{
	if (!w->status)
		w->status = status;
}

static void flush(jsonw *w)
{
	if (!w->status && w->used > 0)
		fail(w, w->put(w->ctx, w->pending, w->used));
	w->used = 0;
}

/* What there is no room for. */
static void emit_more(jsonw *w, const char *bytes, size_t len)
{
	flush(w);
	if (w->status)
		return;
	if (len > sizeof(w->pending)) {
		fail(w, w->put(w->ctx, bytes, len));
		return;
	}
	memcpy(w->pending, bytes, len);
	w->used = len;
}

/* Behind an error what is pending is dropped. */
static inline void emit(jsonw *w, const char *bytes, size_t len)
{
	if (len > sizeof(w->pending) - w->used) {
		emit_more(w, bytes, len);
		return;
	}
	memcpy(w->pending + w->used, bytes, len);
	w->used += len;
}

static inline void emit_char(jsonw *w, char c)
{
	if (w->used == sizeof(w->pending))
		flush(w);
	w->pending[w->used++] = c;
}

/* ---- structure ---- */

static int in_object(const jsonw *w)
{
	uint32_t level = w->depth - 1;

	return w->depth > 0 && ((w->is_object[level / 64] >> (level % 64)) & 1);
}

/* May a value stand here? Writes the comma before it. */
static int begin_value(jsonw *w)
{
	int second = w->depth == 0 && w->need_comma;
	int nameless = in_object(w) && !w->have_key;

	if (w->in_string || second || nameless)
		fail(w, LLM_E_INTERNAL);
	if (w->status)
		return 0;
	if (w->need_comma && !w->have_key)
		emit_char(w, ',');
	w->need_comma = 1;
	w->have_key = 0;
	return 1;
}

static void emit_value(jsonw *w, const char *bytes, size_t len)
{
	if (begin_value(w))
		emit(w, bytes, len);
}

static void enter(jsonw *w, int is_object)
{
	uint64_t bit = UINT64_C(1) << (w->depth % 64);

	if (w->depth == JSONW_DEPTH)
		fail(w, LLM_E_INVALID_REQUEST);
	if (!begin_value(w))
		return;
	if (is_object)
		w->is_object[w->depth / 64] |= bit;
	else
		w->is_object[w->depth / 64] &= ~bit;
	w->depth++;
	w->need_comma = 0;
	emit_char(w, is_object ? '{' : '[');
}

static void leave(jsonw *w, int is_object)
{
	if (w->depth == 0 || in_object(w) != is_object || w->have_key || w->in_string)
		fail(w, LLM_E_INTERNAL);
	if (w->status)
		return;
	w->depth--;
	w->need_comma = 1;
	emit_char(w, is_object ? '}' : ']');
}

/* ---- strings ---- */

/* Room for plain bytes and the longest escape. */
#define STEP (PLAIN_STEP + 8)

/* What stands for a character that is not written as it is. */
typedef struct escape {
	char text[7];
	unsigned char len; /* 0: it is */
} escape;

static const escape escapes[0x80] = {{"\\u0000", 6}, {"\\u0001", 6}, {"\\u0002", 6}, {"\\u0003", 6},
	{"\\u0004", 6}, {"\\u0005", 6}, {"\\u0006", 6}, {"\\u0007", 6}, {"\\b", 2}, {"\\t", 2},
	{"\\n", 2}, {"\\u000b", 6}, {"\\f", 2}, {"\\r", 2}, {"\\u000e", 6}, {"\\u000f", 6},
	{"\\u0010", 6}, {"\\u0011", 6}, {"\\u0012", 6}, {"\\u0013", 6}, {"\\u0014", 6},
	{"\\u0015", 6}, {"\\u0016", 6}, {"\\u0017", 6}, {"\\u0018", 6}, {"\\u0019", 6},
	{"\\u001a", 6}, {"\\u001b", 6}, {"\\u001c", 6}, {"\\u001d", 6}, {"\\u001e", 6},
	{"\\u001f", 6}, ['"'] = {"\\\"", 2}, ['\\'] = {"\\\\", 2}};

/* One character at `p` to `at`; moves both. 0 when it is none. */
static int put_char(const char **p, const char *end, char **at)
{
	const unsigned char c = (unsigned char)**p;
	size_t n;

	if (c < 0x80 && escapes[c].len) {
		memcpy(*at, &escapes[c], sizeof(escapes[c]));
		*at += escapes[c].len;
		++*p;
		return 1;
	}
	n = utf8_length(*p, (size_t)(end - *p));
	memcpy(*at, *p, n);
	*at += n;
	*p += n;
	return n > 0;
}

static int is_plain(char c)
{
	return (signed char)c >= 0 && !escapes[(unsigned char)c].len;
}

/* As much text as the pending bytes have room for; returns where it stopped. */
static const char *emit_piece(jsonw *w, const char *p, const char *end)
{
	const char *last = w->pending + sizeof(w->pending) - STEP;
	char *at;

	if (w->used > sizeof(w->pending) - STEP)
		flush(w);
	at = w->pending + w->used;
	while (p < end && at <= last) {
		if ((size_t)(end - p) >= PLAIN_STEP) {
			const size_t n = plain_copy(at, p);

			if (n == PLAIN_STEP) { /* a constant: the next step need not wait for n */
				p += PLAIN_STEP;
				at += PLAIN_STEP;
				continue;
			}
			p += n;
			at += n;
		} else if (is_plain(*p)) {
			*at++ = *p++;
			continue;
		}
		if (!put_char(&p, end, &at)) {
			fail(w, LLM_E_INVALID_REQUEST);
			break;
		}
	}
	w->used = (size_t)(at - w->pending);
	return p;
}

static void emit_text(jsonw *w, const char *text, size_t len)
{
	const char *p = text;
	const char *end = len ? text + len : text;

	while (p < end && !w->status)
		p = emit_piece(w, p, end);
}

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Three bytes as four letters each. */
static void put_base64(char *to, const unsigned char *s, size_t threes)
{
	uint32_t bits;

	for (; threes > 0; threes--, s += 3, to += 4) {
		bits = (uint32_t)s[0] << 16 | (uint32_t)s[1] << 8 | s[2];
		to[0] = letters[bits >> 18];
		to[1] = letters[(bits >> 12) & 63];
		to[2] = letters[(bits >> 6) & 63];
		to[3] = letters[bits & 63];
	}
}

/* The last one or two bytes. */
static void emit_base64_rest(jsonw *w, const unsigned char *s, size_t n)
{
	const unsigned char last[3] = {s[0], n > 1 ? s[1] : 0, 0};
	char text[4];

	put_base64(text, last, 1);
	if (n < 2)
		text[2] = '=';
	text[3] = '=';
	emit(w, text, sizeof(text));
}

/* ---- the interface ---- */

void jsonw_init(jsonw *w, int32_t (*put)(void *ctx, const char *bytes, size_t len), void *ctx)
{
	memset(w, 0, offsetof(jsonw, pending));
	w->put = put;
	w->ctx = ctx;
}

void jsonw_object(jsonw *w)
{
	enter(w, 1);
}

void jsonw_object_end(jsonw *w)
{
	leave(w, 1);
}

void jsonw_array(jsonw *w)
{
	enter(w, 0);
}

void jsonw_array_end(jsonw *w)
{
	leave(w, 0);
}

void jsonw_key(jsonw *w, const char *key)
{
	jsonw_key_len(w, key, strlen(key));
}

void jsonw_key_len(jsonw *w, const char *key, size_t len)
{
	if (!in_object(w) || w->have_key || w->in_string)
		fail(w, LLM_E_INTERNAL);
	if (w->need_comma)
		emit_char(w, ',');
	emit_char(w, '"');
	emit_text(w, key, len);
	emit(w, "\":", 2);
	w->have_key = 1;
}

static char *put_bytes(char *at, const char *bytes, size_t n)
{
	memcpy(at, bytes, n);
	return at + n;
}

void jsonw_name(jsonw *w, const char *key)
{
	const size_t len = strlen(key), most = len + sizeof(",\"\":") - 1;
	char *at;

	if (!in_object(w) || w->have_key || w->in_string || most > sizeof(w->pending))
		fail(w, LLM_E_INTERNAL);
	if (most > sizeof(w->pending) - w->used)
		flush(w);
	if (w->status)
		return;
	at = w->pending + w->used;
	*at = ',';
	at += w->need_comma != 0;
	*at++ = '"';
	at = put_bytes(at, key, len);
	*at++ = '"';
	*at++ = ':';
	w->used = (size_t)(at - w->pending);
	w->have_key = 1;
}

void jsonw_string(jsonw *w, const char *text, size_t len)
{
	jsonw_string_open(w);
	jsonw_string_part(w, text, len);
	jsonw_string_close(w);
}

void jsonw_cstring(jsonw *w, const char *text)
{
	if (text)
		jsonw_string(w, text, strlen(text));
	else
		jsonw_null(w);
}

void jsonw_int(jsonw *w, int64_t value)
{
	char text[NUM_TEXT];

	emit_value(w, text, num_write_i64(value, text));
}

void jsonw_double(jsonw *w, double value)
{
	char text[NUM_TEXT];
	size_t len = num_write_double(value, text);

	if (len == 0)
		fail(w, LLM_E_INVALID_REQUEST);
	else
		emit_value(w, text, len);
}

void jsonw_bool(jsonw *w, int value)
{
	if (value)
		emit_value(w, "true", 4);
	else
		emit_value(w, "false", 5);
}

void jsonw_null(jsonw *w)
{
	emit_value(w, "null", 4);
}

void jsonw_raw(jsonw *w, const char *json, size_t len)
{
	if (len == 0)
		fail(w, LLM_E_INTERNAL);
	else
		emit_value(w, json, len);
}

void jsonw_base64(jsonw *w, const void *bytes, size_t len)
{
	jsonw_string_open(w);
	jsonw_string_base64(w, bytes, len);
	jsonw_string_close(w);
}

void jsonw_string_open(jsonw *w)
{
	if (!begin_value(w))
		return;
	emit_char(w, '"');
	w->in_string = 1;
}

void jsonw_string_part(jsonw *w, const char *text, size_t len)
{
	if (!w->in_string)
		fail(w, LLM_E_INTERNAL);
	else
		emit_text(w, text, len);
}

void jsonw_string_base64(jsonw *w, const void *bytes, size_t len)
{
	const unsigned char *s = bytes;
	size_t threes;

	if (!w->in_string)
		fail(w, LLM_E_INTERNAL);
	while (len >= 3 && !w->status) {
		if (sizeof(w->pending) - w->used < 4)
			flush(w);
		threes = (sizeof(w->pending) - w->used) / 4;
		threes = threes < len / 3 ? threes : len / 3;
		put_base64(w->pending + w->used, s, threes);
		w->used += threes * 4;
		s += threes * 3;
		len -= threes * 3;
	}
	if (len > 0)
		emit_base64_rest(w, s, len);
}

void jsonw_string_close(jsonw *w)
{
	if (!w->in_string)
		fail(w, LLM_E_INTERNAL);
	emit_char(w, '"');
	w->in_string = 0;
}

int32_t jsonw_finish(jsonw *w)
{
	if (w->depth > 0 || w->in_string || !w->need_comma)
		fail(w, LLM_E_INTERNAL);
	flush(w);
	return w->status;
}
