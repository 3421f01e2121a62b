/*
 * jsonw.h - an append-only JSON writer, without allocation.
 *
 * It writes commas and escapes, checks that keys and values alternate, and hands
 * out bytes through `put` in pieces. Errors are sticky; jsonw_finish tells. Text
 * that is not UTF-8 is LLM_E_INVALID_REQUEST. Depth at most 128.
 */
#ifndef LLM_WIRE_JSONW_H
#define LLM_WIRE_JSONW_H

#include "llm/base.h"

#define JSONW_DEPTH 128

typedef struct jsonw {
	int32_t (*put)(void *ctx, const char *bytes, size_t len);
	void *ctx;
	int32_t status;
	uint32_t depth;
	uint32_t need_comma;
	uint32_t have_key;
	uint32_t in_string;
	uint64_t is_object[2];
	size_t used;
	char pending[512];
} jsonw;

void jsonw_init(jsonw *w, int32_t (*put)(void *ctx, const char *bytes, size_t len), void *ctx);

void jsonw_object(jsonw *w);
void jsonw_object_end(jsonw *w);
void jsonw_array(jsonw *w);
void jsonw_array_end(jsonw *w);
void jsonw_key(jsonw *w, const char *key);
void jsonw_key_len(jsonw *w, const char *key, size_t len);
/* A key that needs no escapes and is not long: the caller vouches. */
void jsonw_name(jsonw *w, const char *key);
void jsonw_string(jsonw *w, const char *text, size_t len);
void jsonw_cstring(jsonw *w, const char *text); /* null writes null */
void jsonw_int(jsonw *w, int64_t value);
/* Shortest text that reads back the same; whole numbers without fraction; NaN and
 * infinities are LLM_E_INVALID_REQUEST. */
void jsonw_double(jsonw *w, double value);
void jsonw_bool(jsonw *w, int value);
void jsonw_null(jsonw *w);
/* A complete JSON value as it is; the caller vouches that it is one. */
void jsonw_raw(jsonw *w, const char *json, size_t len);
/* Bytes as a base64 string (RFC 4648 §4, padded). */
void jsonw_base64(jsonw *w, const void *bytes, size_t len);
/*
 * A string in pieces: open, any number of parts (each whole UTF-8), close. Every
 * jsonw_string_base64 is padded by itself.
 */
void jsonw_string_open(jsonw *w);
void jsonw_string_part(jsonw *w, const char *text, size_t len);
void jsonw_string_base64(jsonw *w, const void *bytes, size_t len);
void jsonw_string_close(jsonw *w);

/* Flushes. 0, or the first error: of `put`, LLM_E_INVALID_REQUEST, LLM_E_INTERNAL (misuse). */
int32_t jsonw_finish(jsonw *w);

#endif
