/*
 * hash.c - SHA-256 behind four functions, so that OpenSSL shows nowhere else.
 *
 * struct sha256 is never defined: what callers hold is an EVP_MD_CTX.
 */
#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

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

int32_t sha256_hex(sha256 *h, char ret_hex[SHA256_HEX])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char raw[EVP_MAX_MD_SIZE];
	int done = EVP_DigestFinal_ex(hash_ctx(h), raw, NULL);

	sha256_free(h);
	if (!done)
		return LLM_E_INTERNAL;
	for (size_t i = 0; i < 32; i++) {
		ret_hex[2 * i] = digits[raw[i] >> 4];
		ret_hex[2 * i + 1] = digits[raw[i] & 15];
	}
	ret_hex[SHA256_HEX - 1] = '\0';
	return 0;
}

void sha256_free(sha256 *h)
{
	EVP_MD_CTX_free(hash_ctx(h));
}

const char *hash_library_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}
