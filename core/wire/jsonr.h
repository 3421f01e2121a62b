/*
 * jsonr.h - a pull reader for JSON in memory, without allocation.
 *
 * For the hot paths: it walks a complete document once and hands out slices of
 * it. RFC 8259 strictly: UTF-8 only, no comments, no NaN, depth at most 128, one
 * document. Errors are sticky: after the first every call says "no more", and
 * jsonr_status tells why, so a caller checks once at the end. Duplicate members
 * are handed out as they come.
 *
 *	jsonr r;
 *	jsonr_init(&r, body, len);
 *	if (jsonr_enter_object(&r))
 *		while (jsonr_member(&r, &key))
 *			if (jsonr_is(&key, "model"))
 *				jsonr_string(&r, &model);
 *			else
 *				jsonr_skip(&r);
 *	rc = jsonr_finish(&r);
 */
#ifndef LLM_WIRE_JSONR_H
#define LLM_WIRE_JSONR_H

#include <string.h>

#include "llm/base.h"

#define JSONR_DEPTH 128

enum { /* what stands next */
	JSONR_NONE = 0, /* end of container, end of document, or an error */
	JSONR_OBJECT,
	JSONR_ARRAY,
	JSONR_STRING,
	JSONR_NUMBER,
	JSONR_TRUE,
	JSONR_FALSE,
	JSONR_NULL
};

/* A string as it stands between its quotes, still escaped. */
typedef struct jsonr_text {
	const char *raw;
	size_t len;
	int escaped; /* 1: holds a backslash, so decoding changes it */
} jsonr_text;

typedef struct jsonr {
	const char *start;
	const char *p;
	const char *end;
	const char *problem; /* static text of the first error, or null */
	uint32_t depth;
	uint32_t state; /* does a value stand next? private to jsonr.c */
	uint64_t is_object[2]; /* one bit per level */
} jsonr;

void jsonr_init(jsonr *r, const char *json, size_t len);
/*
 * The same for a value within a document, `depth` containers deep. What follows it must be
 * read by somebody else: jsonr_finish makes no sense here.
 */
void jsonr_init_inside(jsonr *r, const char *json, size_t len, uint32_t depth);

/*
 * The kind of the next value; does not move. A value stands next at the start of
 * the document, after jsonr_member and after jsonr_element, else it is JSONR_NONE.
 */
int jsonr_peek(jsonr *r);

/* 1 when the next value is of that kind and was entered, else 0 and it is not skipped. */
int jsonr_enter_object(jsonr *r);
int jsonr_enter_array(jsonr *r);
/*
 * The next member's key, 0 at the end of the object (which is then left). A value that
 * was not read since the last key or element is skipped, here and in jsonr_element.
 */
int jsonr_member(jsonr *r, jsonr_text *ret_key);
/* 1 when another element stands next, 0 at the end of the array (which is then left). */
int jsonr_element(jsonr *r);

/*
 * Read a value of that kind. A value of another kind is skipped and 0 returned, *ret
 * untouched: wrong types are the caller's to judge. 1 on success.
 */
int jsonr_string(jsonr *r, jsonr_text *ret);
int jsonr_bool(jsonr *r, int *ret);
/* The number as it is written. */
int jsonr_number(jsonr *r, llm_bytes *ret);
/* A number without fraction that fits, "3.0" and "1e2" included; else skipped and 0. */
int jsonr_int(jsonr *r, int64_t *ret);
int jsonr_double(jsonr *r, double *ret);
/* Any value, as the slice of the document that it is (checked). */
int jsonr_raw(jsonr *r, llm_bytes *ret);
int jsonr_skip(jsonr *r);

/* 0, or LLM_E_PROTOCOL. */
int32_t jsonr_status(const jsonr *r);
/*
 * As jsonr_status, and the document was read to its end (of another kind than was
 * asked for, it was not), and nothing but white space follows it.
 */
int32_t jsonr_finish(jsonr *r);
/* Byte offset of the first error, or of the reader. */
size_t jsonr_offset(const jsonr *r);

/* Does a text, decoded, equal `plain` (NUL-terminated)? */
int jsonr_equals(const jsonr_text *t, const char *plain);
/* The same, where most of the names that a key is compared with are others. */
static inline int jsonr_is(const jsonr_text *t, const char *plain)
{
	if (t->escaped)
		return jsonr_equals(t, plain);
	if (t->len && t->raw[0] != plain[0])
		return 0;
	return t->len == strlen(plain) && (!t->len || memcmp(t->raw, plain, t->len) == 0);
}
/*
 * Decodes into `dst`, which has room for t->len bytes (decoding never grows), and
 * returns the length; not NUL-terminated. U+0000 comes out as a NUL byte. A lone
 * surrogate was refused by the reader.
 */
size_t jsonr_decode(const jsonr_text *t, char *dst);
/* Decodes piecewise through a stack buffer: calls put with parts, stops at its first non-zero. */
int32_t jsonr_decode_to(
	const jsonr_text *t, int32_t (*put)(void *ctx, const char *bytes, size_t len), void *ctx);

#endif
