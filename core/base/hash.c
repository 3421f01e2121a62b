/*
 * hash.c - SHA-256 behind four functions, so that OpenSSL shows nowhere else.
 */
#include "base/hash.h"

#include "base/alloc.h"

#include <openssl/evp.h>

struct sha256 {
	EVP_MD_CTX *ctx;
};

sha256 *sha256_new(void)
{
	sha256 *h = mem_new(mem_default(), sizeof(*h));

	if (!h)
		return NULL;
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || !EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL)) {
		sha256_free(h);
		return NULL;
	}
	return h;
}

int32_t sha256_add(sha256 *h, const void *bytes, size_t len)
{
	return EVP_DigestUpdate(h->ctx, bytes, len) ? 0 : LLM_E_INTERNAL;
}

int32_t sha256_hex(sha256 *h, char ret_hex[SHA256_HEX])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char raw[EVP_MAX_MD_SIZE];
	int done = EVP_DigestFinal_ex(h->ctx, raw, NULL);

	sha256_free(h);
	if (!done)
		return LLM_E_INTERNAL;
	for (int i = 0; i < 32; i++) {
		ret_hex[2 * i] = digits[raw[i] >> 4];
		ret_hex[2 * i + 1] = digits[raw[i] & 15];
	}
	ret_hex[SHA256_HEX - 1] = '\0';
	return 0;
}

void sha256_free(sha256 *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	mem_free(mem_default(), h);
}
