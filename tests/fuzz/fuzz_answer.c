/*
 * fuzz_answer.c - the bytes of a stored answer, with a checksum that fits: what is read can
 * be written, and reads as the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "store/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const answer *a)
{
	answer b;
	arena ar;
	buf out, twice;

	buf_init(&out, mem_default(), 0);
	buf_init(&twice, mem_default(), 0);
	arena_init(&ar, mem_default(), 0);
	if (answer_write(a, &out) || answer_read(&(llm_bytes){out.ptr, out.len}, &ar, &b))
		abort();
	if (answer_write(&b, &twice) || twice.len != out.len ||
		memcmp(twice.ptr, out.ptr, out.len) != 0)
		abort();
	arena_reset(&ar);
	buf_done(&twice);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = {'L', 'L', 'M', 'A', ANSWER_VERSION};
	char hex[SHA256_HEX];
	answer a;
	arena ar;
	buf in;

	buf_init(&in, mem_default(), 0);
	arena_init(&ar, mem_default(), 0);
	if (buf_add(&in, head, sizeof(head)) || buf_add(&in, (const char *)data, size) ||
		hash_keyed_hex(NULL, 0, in.ptr, in.len, hex) || buf_add(&in, hex, ANSWER_CHECK))
		abort();
	if (!answer_read(&(llm_bytes){in.ptr, in.len}, &ar, &a))
		check_again(&a);
	arena_reset(&ar);
	buf_done(&in);
	return 0;
}
