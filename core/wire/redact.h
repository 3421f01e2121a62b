/*
 * redact.h - secrets and control characters out of whatever a person or a log sees.
 *
 * Removed: every registered secret wherever it stands, also base64, JSON-escaped
 * and percent-encoded; values of authorization, proxy-authorization, x-api-key,
 * x-goog-api-key, api-key, cookie and set-cookie headers; query parameters key,
 * api_key, token, access_token; userinfo of URLs. Each becomes "[redacted]". Also
 * removed: the beginning of a secret that the end of the text cuts off. Control
 * characters but LF and TAB are escaped as \xNN, invalid UTF-8 becomes U+FFFD.
 *
 * Any number of threads may clean at once; adding needs the redact alone.
 */
#ifndef LLM_WIRE_REDACT_H
#define LLM_WIRE_REDACT_H

#include "base/buf.h"

typedef struct redact redact;

/* Null when memory is short. */
redact *redact_new(const llm_allocator *mem);
void redact_free(redact *r); /* wipes */
/* A secret of at least 4 bytes (shorter ones are ignored); its variants are kept with it. */
int32_t redact_add(redact *r, const char *secret, size_t len);
/*
 * Appends the cleaned text to `out`; `r` may be null: only the fixed rules apply. On
 * failure nothing was added. The text passes through `out`, so a ceiling of `out`
 * holds for it, too.
 */
int32_t redact_text(const redact *r, const char *text, size_t len, buf *out);
/* 1 when redact_text would give the text as it is. Takes no memory. */
int redact_is_clean(const redact *r, const char *text, size_t len);
/*
 * In place into a buffer of `cap` bytes, cut at a UTF-8 boundary; returns the new
 * length. NUL-terminated when it is below `cap`. Takes no memory.
 */
size_t redact_inplace(const redact *r, char *text, size_t len, size_t cap);
/* 1 when a header of that name carries a secret. */
int redact_is_secret_header(const char *name);

#endif
