/*
 * privacy.h - what is kept of content (R-PRIV-1).
 */
#ifndef LLM_STORE_PRIVACY_H
#define LLM_STORE_PRIVACY_H

#include "base/arena.h"
#include "base/hash.h"
#include "llm/abi/storage.h"

enum {
	PRIVACY_NONE = 1, /* nothing */
	PRIVACY_HASH = 2, /* keyed hash and byte count; the default */
	PRIVACY_REDACTED = 3, /* what the host's hook leaves of it */
	PRIVACY_FULL = 4
};

/* Writes what may be kept of a text through `add`. Not 0: nothing is kept. */
typedef int32_t (*privacy_hook)(
	void *ctx, const llm_bytes *text, int32_t (*add)(void *to, const char *, size_t), void *to);

typedef struct privacy {
	uint32_t mode; /* PRIVACY_* */
	const char *key; /* of the installation, or null */
	size_t key_len;
	privacy_hook hook; /* PRIVACY_REDACTED */
	void *hook_ctx;
} privacy;

/*
 * The hash of `bytes` for one purpose ("request", "cache", "idempotency", "content"):
 * HMAC-SHA-256 under the installation's key, or SHA-256 without one; the purpose is
 * part of what is hashed, so that hashes of two purposes never meet. LLM_E_NOMEM.
 */
int32_t privacy_hash(const privacy *p, const char *purpose, const llm_bytes *bytes,
	const llm_allocator *mem, char ret_hex[SHA256_HEX]);

/*
 * What may be kept of a text without NUL, in the arena; null in *ret: nothing is kept of it.
 * LLM_E_NOMEM.
 */
int32_t privacy_text(const privacy *p, const llm_bytes *text, arena *ar, const char **ret);

/*
 * The row to keep of a content, in the arena; null in *ret: nothing is kept of it.
 * Without a key mode `hash` keeps the count only: `hash` is then the reference given.
 */
int32_t privacy_content(const privacy *p, const char *workspace, const char *kind,
	const llm_bytes *bytes, const char *reference, int64_t now_us, arena *ar,
	llm_content_row **ret);

#endif
