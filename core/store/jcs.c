/*
 * jcs.c - RFC 8785: the document is read into nodes once, members are put in order, and
 * the nodes are written.
 */
#include "store/jcs.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "wire/jsonr.h"
#include "wire/jsonw.h"

#define EXACT_MAX INT64_C(9007199254740991) /* 2^53 - 1 */
#define DIGITS 20 /* a double shows 17 at most */
#define LONGEST_PLAIN 21 /* so many digits ECMAScript writes without an exponent */

typedef struct node {
	struct node *next; /* of the same container */
	struct node *first; /* of what is within */
	size_t n;
	llm_bytes key; /* decoded; of a member */
	llm_bytes text; /* STRING: decoded; NUMBER: as it was written */
	int kind; /* JSONR_* */
} node;

typedef struct reading {
	jsonr r;
	arena ar;
	const char *problem; /* what jsonr does not mind */
	int32_t code;
} reading;

/* ---- numbers ---- */

/* 0.d1d2... * 10^point of a text that num_write_double made. */
static size_t take_digits(const char *text, char digits[DIGITS], int64_t *ret_point)
{
	const char *p = text;
	int64_t point = 0, exponent = 0;
	size_t n = 0;
	int fraction = 0;

	for (; *p && *p != 'e'; p++) {
		if (*p == '.') {
			fraction = 1;
			continue;
		}
		if (n || *p != '0')
			digits[n++] = *p;
		if (!fraction)
			point += n != 0;
		else
			point -= n == 0;
	}
	if (*p == 'e')
		p += p[1] == '+' ? 2 : 1;
	if (*p)
		(void)num_read_i64(p, strlen(p), &exponent);
	while (n > 1 && digits[n - 1] == '0')
		n--;
	*ret_point = point + exponent;
	return n;
}

static char *put_zeros(char *at, int64_t n)
{
	for (; n > 0; n--)
		*at++ = '0';
	return at;
}

static char *put_digits(char *at, const char *digits, size_t n)
{
	memcpy(at, digits, n);
	return at + n;
}

static char *put_exponent(char *at, const char *digits, size_t n, int64_t exponent)
{
	*at++ = digits[0];
	if (n > 1) {
		*at++ = '.';
		at = put_digits(at, digits + 1, n - 1);
	}
	*at++ = 'e';
	if (exponent > 0)
		*at++ = '+';
	return at + num_write_i64(exponent, at);
}

/* Number::toString of ECMA-262, with its n as `point` and its k as `n`. */
static char *put_number(char *at, const char *digits, size_t n, int64_t point)
{
	const int64_t k = (int64_t)n;

	if (point > LONGEST_PLAIN || point <= -6)
		return put_exponent(at, digits, n, point - 1);
	if (k <= point)
		return put_zeros(put_digits(at, digits, n), point - k);
	if (point > 0) {
		at = put_digits(at, digits, (size_t)point);
		*at++ = '.';
		return put_digits(at, digits + point, n - (size_t)point);
	}
	*at++ = '0';
	*at++ = '.';
	return put_digits(put_zeros(at, -point), digits, n);
}

size_t jcs_double(double value, char ret_text[NUM_TEXT])
{
	char shortest[NUM_TEXT], digits[DIGITS] = {0}, text[2 * NUM_TEXT], *at = text;
	const char *p = shortest;
	int64_t point;
	size_t n;

	if (!num_write_double(value, shortest))
		return 0;
	if (value == 0) {
		memcpy(ret_text, "0", 2);
		return 1;
	}
	if (*p == '-')
		*at++ = *p++;
	n = take_digits(p, digits, &point);
	at = put_number(at, digits, n, point);
	*at = '\0';
	memcpy(ret_text, text, (size_t)(at - text) + 1);
	return (size_t)(at - text);
}

static int is_whole(const llm_bytes *t)
{
	size_t i;

	for (i = 0; i < t->len; i++)
		if (t->ptr[i] != '-' && (t->ptr[i] < '0' || t->ptr[i] > '9'))
			return 0;
	return 1;
}

static void write_number(jsonw *w, const llm_bytes *t)
{
	char text[NUM_TEXT];
	int64_t whole;
	double real = 0;

	if (!is_whole(t)) {
		(void)num_read_double(t->ptr, t->len, &real); /* it did when it was read */
		jsonw_raw(w, text, jcs_double(real, text));
	} else if (num_read_i64(t->ptr, t->len, &whole) && whole <= EXACT_MAX &&
		whole >= -EXACT_MAX) {
		jsonw_int(w, whole);
	} else {
		jsonw_string(w, t->ptr, t->len);
	}
}

/* ---- reading ---- */

static int32_t no_memory(reading *rd)
{
	rd->code = LLM_E_NOMEM;
	return rd->code;
}

static int32_t decode(reading *rd, const jsonr_text *t, llm_bytes *ret)
{
	char *copy;

	ret->ptr = t->raw;
	ret->len = t->len;
	if (!t->escaped)
		return 0;
	copy = arena_new(&rd->ar, t->len + 1);
	if (!copy)
		return no_memory(rd);
	ret->len = jsonr_decode(t, copy);
	ret->ptr = copy;
	return 0;
}

/*
 * UTF-16 order of UTF-8 text: bytes have the same order, but that characters beyond
 * U+FFFF, of two code units from U+D800 on, come before U+E000 to U+FFFF.
 */
static int order(const llm_bytes *a, const llm_bytes *b)
{
	const size_t n = a->len < b->len ? a->len : b->len;
	size_t i;

	for (i = 0; i < n; i++) {
		const unsigned char x = (unsigned char)a->ptr[i], y = (unsigned char)b->ptr[i];

		if (x == y)
			continue;
		if (x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0))
			return x >= 0xf0 ? -1 : 1;
		return x < y ? -1 : 1;
	}
	return a->len < b->len ? -1 : a->len > b->len;
}

static node *merge(node *a, node *b)
{
	node *first = NULL, **end = &first;

	while (a && b) {
		node **least = order(&a->key, &b->key) <= 0 ? &a : &b;

		*end = *least;
		end = &(*least)->next;
		*least = *end;
	}
	*end = a ? a : b;
	return first;
}

/* By halves, which needs no memory: qsort may take some behind the allocator's back. */
static node *sorted(node *list, size_t n)
{
	node *half = list, *second;
	size_t i;

	if (n < 2 || !list)
		return list;
	for (i = 1; i < n / 2; i++)
		half = half->next;
	second = half->next;
	half->next = NULL;
	return merge(sorted(list, n / 2), sorted(second, n - n / 2));
}

static void sort_members(reading *rd, node *object)
{
	node *m;

	object->first = sorted(object->first, object->n);
	for (m = object->first; m && m->next; m = m->next)
		if (!order(&m->key, &m->next->key))
			rd->problem = "a member stands twice in one object";
}

static node *read_value(reading *rd);

static int32_t append(reading *rd, node *in, node ***end, const jsonr_text *key)
{
	node *v = read_value(rd);

	if (!v)
		return rd->code;
	if (key && decode(rd, key, &v->key))
		return rd->code;
	**end = v;
	*end = &v->next;
	in->n++;
	return 0;
}

static int32_t read_object(reading *rd, node *v)
{
	node **end = &v->first;
	jsonr_text key;

	(void)jsonr_enter_object(&rd->r);
	while (!rd->code && jsonr_member(&rd->r, &key))
		(void)append(rd, v, &end, &key);
	if (!rd->code)
		sort_members(rd, v);
	return rd->code;
}

static int32_t read_array(reading *rd, node *v)
{
	node **end = &v->first;

	(void)jsonr_enter_array(&rd->r);
	while (!rd->code && jsonr_element(&rd->r))
		(void)append(rd, v, &end, NULL);
	return rd->code;
}

static int32_t read_string(reading *rd, node *v)
{
	jsonr_text t;

	return jsonr_string(&rd->r, &t) ? decode(rd, &t, &v->text) : 0;
}

static int32_t read_number(reading *rd, node *v)
{
	double real;

	if (!jsonr_number(&rd->r, &v->text))
		return 0;
	if (!is_whole(&v->text) && !num_read_double(v->text.ptr, v->text.len, &real))
		rd->problem = "a number is out of range";
	return 0;
}

/* Null when memory is short; what is wrong with the text is the reader's to remember. */
static node *read_value(reading *rd)
{
	node *v = arena_new(&rd->ar, sizeof(*v));
	int32_t rc;

	if (!v) {
		no_memory(rd);
		return NULL;
	}
	v->kind = jsonr_peek(&rd->r);
	switch (v->kind) {
	case JSONR_OBJECT:
		rc = read_object(rd, v);
		break;
	case JSONR_ARRAY:
		rc = read_array(rd, v);
		break;
	case JSONR_STRING:
		rc = read_string(rd, v);
		break;
	case JSONR_NUMBER:
		rc = read_number(rd, v);
		break;
	default:
		(void)jsonr_skip(&rd->r);
		rc = 0;
	}
	return rc ? NULL : v;
}

/* ---- writing ---- */

static void write_value(jsonw *w, const node *v);

static void write_members(jsonw *w, const node *v)
{
	const node *m;

	jsonw_object(w);
	for (m = v->first; m; m = m->next) {
		jsonw_key_len(w, m->key.ptr, m->key.len);
		write_value(w, m);
	}
	jsonw_object_end(w);
}

static void write_elements(jsonw *w, const node *v)
{
	const node *e;

	jsonw_array(w);
	for (e = v->first; e; e = e->next)
		write_value(w, e);
	jsonw_array_end(w);
}

static void write_value(jsonw *w, const node *v)
{
	switch (v->kind) {
	case JSONR_OBJECT:
		write_members(w, v);
		break;
	case JSONR_ARRAY:
		write_elements(w, v);
		break;
	case JSONR_STRING:
		jsonw_string(w, v->text.ptr, v->text.len);
		break;
	case JSONR_NUMBER:
		write_number(w, &v->text);
		break;
	case JSONR_NULL:
		jsonw_null(w);
		break;
	default:
		jsonw_bool(w, v->kind == JSONR_TRUE);
	}
}

static int32_t put(void *ctx, const char *bytes, size_t len)
{
	return buf_add(ctx, bytes, len);
}

int32_t jcs_write(const char *json, size_t len, const llm_allocator *mem, buf *out, llm_err *err)
{
	reading rd = {.code = 0};
	node *top;
	jsonw w;
	int32_t rc;

	arena_init(&rd.ar, mem, 0);
	jsonr_init(&rd.r, json, len);
	top = read_value(&rd);
	rc = top ? jsonr_finish(&rd.r) : rd.code;
	if (rc && rc != LLM_E_NOMEM)
		rd.problem = rd.r.problem;
	if (rd.problem) {
		rc = err_set(err, LLM_E_INVALID_REQUEST, "the JSON has no canonical form: %s",
			rd.problem);
	} else if (!rc) {
		jsonw_init(&w, put, out);
		write_value(&w, top);
		rc = jsonw_finish(&w);
	}
	arena_reset(&rd.ar);
	return rc == LLM_E_NOMEM ? err_set(err, rc, "out of memory") : rc;
}
