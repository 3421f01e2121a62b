/*
 * url.h - the little that the core must know of URLs: what is a base URL, where it
 * points, how a path is put behind it.
 */
#ifndef LLM_WIRE_URL_H
#define LLM_WIRE_URL_H

#include "base/buf.h"
#include "llm/error.h"

typedef struct url {
	char scheme[8]; /* "http" or "https" */
	char host[256]; /* lower case, IPv6 in brackets */
	uint16_t port; /* as written or the scheme's */
	int local; /* the host is localhost, 127.0.0.0/8 or ::1 */
	char path[1024]; /* of the base, without the slash at its end; may be "" */
} url;

/*
 * Takes a base URL apart. Refused, as LLM_E_CONFIG with what and how: schemes other
 * than http and https, userinfo, query, fragment, no host, control characters,
 * spaces and whatever else a URL must percent-encode, a port out of range, numeric
 * hosts in other spellings than 127.0.0.1. `what` names it:
 * "providers.ollama.base_url"; the URL itself is never shown.
 */
int32_t url_parse(const char *text, const char *what, url *ret, llm_err *err);

/*
 * scheme://host[:port] + base path + `path` into `out`. A path that does not begin
 * with "/" or holds what must be percent-encoded is LLM_E_INVALID_REQUEST; on any
 * failure nothing was added.
 */
int32_t url_join(const url *base, const char *path, size_t len, buf *out);

/* 1 when both have the same scheme, host and port. */
int url_same_origin(const url *a, const url *b);

#endif
