/*
 * httpmsg.h - header lines as they arrive, with limits, and the few values the
 * core reads from them.
 */
#ifndef LLM_WIRE_HTTPMSG_H
#define LLM_WIRE_HTTPMSG_H

#include "base/arena.h"
#include "llm/abi/wire.h"

#define HTTPMSG_LINES 256
#define HTTPMSG_BYTES ((size_t)64 * 1024)

typedef struct httpmsg {
	arena mem;
	int32_t status; /* of the last head seen; 0 before any */
	size_t n;
	size_t cap;
	size_t bytes; /* of all heads together, interim ones included */
	uint32_t heads; /* heads seen, interim ones included */
	uint32_t lines; /* status lines and headers of all heads together */
	int keep; /* 1: inside a head that is not interim */
	const llm_header_view **list; /* rows and array live in `mem` */
} httpmsg;

void httpmsg_init(httpmsg *m, const llm_allocator *mem);
void httpmsg_done(httpmsg *m);
/*
 * One line with or without its CRLF: a status line begins a new head (an interim
 * one, 1xx, is forgotten; its bytes and lines still count), an empty line ends it;
 * trailers after that are checked and counted, not kept. 0, LLM_E_PROTOCOL
 * (malformed, folded, too many, too long), LLM_E_NOMEM.
 */
int32_t httpmsg_line(httpmsg *m, const char *line, size_t len);
/* The first header of that name (any case), or null. */
const char *httpmsg_get(const httpmsg *m, const char *name);
/*
 * "application/json" of a Content-Type, lower case, without parameters, into `dst`;
 * "" when there is none or it does not fit.
 */
void httpmsg_media_type(const char *value, char *dst, size_t cap);

/* The longest delay that is told, so that it still fits 64 bits of nanoseconds. */
#define HTTPMSG_DELAY_MAX_MS (INT64_MAX / 1000000)

/*
 * The delay that a server asks for, in ms, rounded up: retry-after-ms, then
 * Retry-After as decimal seconds, then as an HTTP date against `now_utc_us`. Longer
 * ones are told as HTTPMSG_DELAY_MAX_MS. -1: none that parses; a negative number and
 * a date in the past count as such.
 */
int64_t httpmsg_retry_after_ms(const httpmsg *m, int64_t now_utc_us);

/* 1 when `name` is a header name (RFC 9110 token) and `value` has no control byte but TAB. */
int httpmsg_valid(const char *name, const char *value);

#endif
