/*
 * kit.h - what providers share.
 *
 * A static library with hidden symbols, linked into each plugin: the core's JSON
 * reader and writer (wire/jsonr.h, wire/jsonw.h, wire/num.h) and the small things
 * below. Nothing here keeps state, allocates behind the host's back or performs I/O.
 */
#ifndef LLM_KIT_KIT_H
#define LLM_KIT_KIT_H

#include "llm/abi/provider.h"
#include "wire/jsonr.h"
#include "wire/jsonw.h"
#include "wire/num.h"

/* ---- saying why ---- */

/*
 * Hands `before` + `what` + `after` to host.set_error, cut at 1000 bytes, and returns
 * `code`. `what` and `after` may be null.
 */
int32_t kit_error(const llm_host *host, int32_t code, const char *before, const char *what,
	const char *after);

/* ---- text ---- */

llm_bytes kit_text(const char *text); /* null gives no bytes */
int kit_is(const llm_bytes *text, const char *plain);
/* ASCII letters compare equal in either case, whatever the locale. */
int kit_same_name(const char *a, const char *b);
int kit_ends_with(const char *text, const char *suffix);

/* The value of a reply's header, or null. Names compare without case. */
const char *kit_header(const llm_reply_view *reply, const char *name);

/* The host of "scheme://host:port/path", without the brackets of IPv6; empty when there is none. */
llm_bytes kit_url_host(const char *url);

/* Without the white space around it. */
llm_bytes kit_trim(const llm_bytes *text);

/*
 * `before` + `name` + `after` in scratch memory, everything in `name` escaped but letters,
 * digits, "-._~" and the characters of `keep`. Null when memory is short.
 */
char *kit_path(const llm_host *host, const char *before, const char *name, const char *keep,
	const char *after);

/*
 * The plain text of a body that is no JSON, fit for an error's message: without white
 * space around it, cut at 2000 bytes between characters.
 */
llm_bytes kit_plain_body(const llm_bytes *body);

/* ---- reading ---- */

/* Is it one complete JSON object? */
int kit_is_object(const llm_bytes *json);

/*
 * The next value as text: 1 when it is a string, or null (then *ret is left alone), 0
 * when it is of another kind. Read over in any case.
 */
int kit_string_or_null(jsonr *r, jsonr_text *ret);

/* The next value as a count: whole and not negative, else *ret is left alone. */
void kit_count(jsonr *r, int64_t *ret);

/*
 * The decoded text: in place when nothing is escaped, else in memory of `scope`
 * (LLM_SCOPE_*). 0 or LLM_E_NOMEM.
 */
int32_t kit_decode(const llm_host *host, uint32_t scope, const jsonr_text *t, llm_bytes *ret);

/* The decoded text as a C string in memory of `scope`; null when memory is short. */
char *kit_string(const llm_host *host, uint32_t scope, const jsonr_text *t);

/* A copy of a C string in memory of `scope`; null gives null. */
char *kit_copy(const llm_host *host, uint32_t scope, const char *text);

/*
 * Pushes a text into a sink function in one call, so that no character is cut in two.
 * Empty text is not pushed.
 */
int32_t kit_emit(const llm_host *host, const jsonr_text *t,
	int32_t (*put)(void *ctx, const char *text, size_t len), void *ctx);

/* ---- a stream that repeats itself ---- */

/*
 * A piece of a stream is mostly the piece before it with another text. A provider that has
 * read one keeps it here, with the values that may change. A piece that differs in nothing
 * else says the same about everything else, so that only these values have to be read.
 */
#define KIT_REPEAT_VALUES 4

typedef struct kit_repeat {
	char *piece; /* null: none is kept */
	size_t len;
	size_t n;
	struct {
		size_t at;
		size_t len;
		size_t which; /* of the caller's values */
	} holes[KIT_REPEAT_VALUES]; /* in the order of the piece */
} kit_repeat;

/*
 * Keeps a JSON object that was read without an error. A value is a slice of it: a string with
 * its quotes, a number, or, where it is the value of one of the object's own members, anything;
 * one of no bytes is not there. Memory is LLM_SCOPE_ATTEMPT. 0 when there is none, or when the
 * object is too long: then the one that was kept before still is.
 */
int kit_repeat_keep(
	kit_repeat *k, const llm_host *host, const llm_bytes *piece, const llm_bytes *values);
/*
 * 1 when `piece` is the kept one but for its values, and where a string or a number was is
 * one again. Then ret_values has them: strings as jsonr_string gives them, others as they are
 * written; those not there are empty.
 */
int kit_repeat_find(const kit_repeat *k, const llm_bytes *piece, jsonr_text *ret_values);
/* A string with its quotes: what kit_repeat_keep takes, from what jsonr_string gives. */
llm_bytes kit_quoted(const jsonr_text *t);

/* ---- the request's body ---- */

/* A JSON object on its way into an HTTP body. */
typedef struct kit_doc {
	jsonw w; /* for the values */
	const llm_host *host;
	const llm_http_sink *out;
	const char *const *members;
} kit_doc;

/*
 * `members` are the names that the provider writes at the top level, now or with another
 * request: null-terminated, static.
 */
void kit_doc_open(
	kit_doc *d, const llm_host *host, const llm_http_sink *out, const char *const *members);
/* The key of the next value at the top level. */
void kit_doc_member(kit_doc *d, const char *name);
/*
 * Ends the object with the members of `extra` (a JSON object, or no bytes). One of
 * `members` in it is LLM_E_INVALID_REQUEST. Returns the first error of the body.
 */
int32_t kit_doc_close(kit_doc *d, const llm_bytes *extra);

/* The request's option of that name, or null. */
const llm_option_view *kit_option(const llm_request_view *rq, const char *name);

/* A number of the request and what it may be: name and `must` together have up to 100 bytes. */
typedef struct kit_range {
	const char *name; /* null: the end of the list */
	uint64_t has; /* LLM_HAS_* */
	size_t offset; /* in llm_request_view */
	int whole; /* an int64_t, not a double */
	double low;
	double high;
	const char *must; /* " must be from 0 to 2" */
} kit_range;

/* 0, or LLM_E_INVALID_REQUEST for the first that is out of its range, by name and model. */
int32_t kit_check_ranges(const llm_host *host, const llm_request_view *rq, const kit_range *rows);

/* The target, and with a JSON body its content type. The core adds the request's headers. */
int32_t kit_get(const llm_http_sink *out, const char *path);
int32_t kit_post(const llm_http_sink *out, const char *path);

/* A warning, as one text. */
int32_t kit_warn(const llm_http_sink *out, const char *text);

#endif
