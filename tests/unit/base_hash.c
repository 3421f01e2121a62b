/*
 * base_hash.c - SHA-256 against the examples of FIPS 180-4, and OpenSSL failing.
 */
#include "base/hash.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <openssl/evp.h>
#include <string.h>

/*
 * The four functions of OpenSSL that hash.c calls come here first, so that each can
 * fail; its own hook for memory cannot be set any more once Criterion is loaded.
 */
enum { FAIL_NONE, FAIL_NEW, FAIL_INIT, FAIL_UPDATE, FAIL_FINAL };
static int failing;

static void *next_of(const char *name)
{
	void *next = dlsym(RTLD_NEXT, name);

	cr_assert_not_null(next, "%s", name);
	return next;
}

EVP_MD_CTX *EVP_MD_CTX_new(void)
{
	EVP_MD_CTX *(*next)(void);

	*(void **)&next = next_of("EVP_MD_CTX_new");
	return failing == FAIL_NEW ? NULL : next();
}

int EVP_DigestInit_ex(EVP_MD_CTX *ctx, const EVP_MD *type, ENGINE *impl)
{
	int (*next)(EVP_MD_CTX *, const EVP_MD *, ENGINE *);

	*(void **)&next = next_of("EVP_DigestInit_ex");
	return failing == FAIL_INIT ? 0 : next(ctx, type, impl);
}

int EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *bytes, size_t len)
{
	int (*next)(EVP_MD_CTX *, const void *, size_t);

	*(void **)&next = next_of("EVP_DigestUpdate");
	return failing == FAIL_UPDATE ? 0 : next(ctx, bytes, len);
}

int EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *raw, unsigned int *len)
{
	int (*next)(EVP_MD_CTX *, unsigned char *, unsigned int *);

	*(void **)&next = next_of("EVP_DigestFinal_ex");
	return failing == FAIL_FINAL ? 0 : next(ctx, raw, len);
}

static const char *hex_of(const char *bytes, size_t len)
{
	static char hex[SHA256_HEX];
	sha256 *h = sha256_new();

	cr_assert_not_null(h);
	cr_assert_eq(sha256_add(h, bytes, len), 0);
	cr_assert_eq(sha256_hex(h, hex), 0);
	return hex;
}

Test(base_hash, known_answers)
{
	cr_assert_str_eq(
		hex_of("", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	cr_assert_str_eq(hex_of("abc", 3),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	cr_assert_str_eq(hex_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56),
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

Test(base_hash, pieces_make_the_same_as_the_whole)
{
	char hex[SHA256_HEX];
	sha256 *h = sha256_new();
	char block[1000];

	memset(block, 'a', sizeof(block));
	cr_assert_not_null(h);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(sha256_add(h, block, sizeof(block)), 0);
	cr_assert_eq(sha256_hex(h, hex), 0);
	cr_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

Test(base_hash, given_up_before_its_end)
{
	sha256 *h = sha256_new();

	cr_assert_not_null(h);
	cr_assert_eq(sha256_add(h, "x", 1), 0);
	sha256_free(h);
	sha256_free(NULL);
}

Test(base_hash, each_failure_of_openssl_is_told)
{
	char hex[SHA256_HEX] = "untouched";
	sha256 *h;

	failing = FAIL_NEW;
	cr_assert_null(sha256_new());
	failing = FAIL_INIT;
	cr_assert_null(sha256_new());
	failing = FAIL_NONE;
	h = sha256_new();
	cr_assert_not_null(h);
	failing = FAIL_UPDATE;
	cr_assert_eq(sha256_add(h, "x", 1), LLM_E_INTERNAL);
	failing = FAIL_FINAL;
	cr_assert_eq(sha256_hex(h, hex), LLM_E_INTERNAL);
	cr_assert_str_eq(hex, "untouched");
}

Test(base_hash, library_version_names_it)
{
	cr_assert_eq(
		strncmp(hash_library_version(), "OpenSSL ", 8), 0, "%s", hash_library_version());
}
