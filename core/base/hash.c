/*
 * hash.c - SHA-256 and its keyed form behind a few functions, so that OpenSSL shows nowhere else.
 *
 * struct sha256 is never defined: what callers hold is an EVP_MD_CTX.
 */
#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

static EVP_MD_CTX *hash_ctx(sha256 *h)
{
	return (EVP_MD_CTX *)h;
}

sha256 *sha256_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		return (sha256 *)ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

int32_t sha256_add(sha256 *h, const void *bytes, size_t len)
{
	return EVP_DigestUpdate(hash_ctx(h), bytes, len) ? 0 : LLM_E_INTERNAL;
}

static void hash_hex(const unsigned char raw[SHA256_BYTES], char ret_hex[SHA256_HEX])
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < SHA256_BYTES; i++) {
		ret_hex[2 * i] = digits[raw[i] >> 4];
		ret_hex[2 * i + 1] = digits[raw[i] & 15];
	}
	ret_hex[SHA256_HEX - 1] = '\0';
}

int32_t sha256_hex(sha256 *h, char ret_hex[SHA256_HEX])
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	int done = EVP_DigestFinal_ex(hash_ctx(h), raw, NULL);

	sha256_free(h);
	if (!done)
		return LLM_E_INTERNAL;
	hash_hex(raw, ret_hex);
	return 0;
}

int32_t hash_keyed_hex(
	const void *key, size_t key_len, const void *bytes, size_t len, char ret_hex[SHA256_HEX])
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	size_t n = 0;
	int done;

	if (key)
		done = EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, key_len, bytes, len, raw,
			       sizeof(raw), &n) != NULL;
	else
		done = EVP_Q_digest(NULL, "SHA256", NULL, bytes, len, raw, &n);
	if (!done)
		return LLM_E_NOMEM;
	hash_hex(raw, ret_hex);
	return 0;
}

int32_t sha256_take(sha256 *h, unsigned char ret[SHA256_BYTES])
{
	unsigned char raw[SHA256_BYTES];

	if (!EVP_DigestFinal_ex(hash_ctx(h), raw, NULL) ||
		!EVP_DigestInit_ex(hash_ctx(h), NULL, NULL))
		return LLM_E_INTERNAL;
	memcpy(ret, raw, sizeof(raw));
	return 0;
}

int32_t sha256_take_hex(sha256 *h, char ret_hex[SHA256_HEX])
{
	unsigned char raw[SHA256_BYTES];
	int32_t rc = sha256_take(h, raw);

	if (!rc)
		hash_hex(raw, ret_hex);
	return rc;
}

void sha256_free(sha256 *h)
{
	EVP_MD_CTX_free(hash_ctx(h));
}

const char *hash_library_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}
