/*
 * hash.h - SHA-256 and HMAC-SHA-256, by OpenSSL EVP.
 */
#ifndef LLM_BASE_HASH_H
#define LLM_BASE_HASH_H

#include "llm/base.h"

#define SHA256_HEX 65 /* with its NUL */
#define SHA256_BYTES 32

typedef struct sha256 sha256;

/* Null when memory is short. */
sha256 *sha256_new(void);
int32_t sha256_add(sha256 *h, const void *bytes, size_t len);
/* Lower-case hex; `h` is freed in any case. */
int32_t sha256_hex(sha256 *h, char ret_hex[SHA256_HEX]);
/* The same; `h` begins anew and stays the caller's, also when it fails. */
int32_t sha256_take_hex(sha256 *h, char ret_hex[SHA256_HEX]);
/* The raw bytes; `h` begins anew and stays the caller's. */
int32_t sha256_take(sha256 *h, unsigned char ret[SHA256_BYTES]);
void sha256_free(sha256 *h);

/*
 * Lower-case hex of HMAC-SHA-256 under `key`, or of SHA-256 when `key` is null.
 * LLM_E_NOMEM.
 */
int32_t hash_keyed_hex(
	const void *key, size_t key_len, const void *bytes, size_t len, char ret_hex[SHA256_HEX]);

/* "OpenSSL 3.0.17 ..."; static. */
const char *hash_library_version(void);

#endif
