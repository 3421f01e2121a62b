#include "wire/base64.h"

#include <stdint.h>

#define NO_DIGIT 64

static uint32_t base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : NO_DIGIT;
}

/* Four digits, of which the last `pad` are "="; 0 when they are not. */
static int base64_four(const char *text, size_t pad, uint32_t *ret)
{
	uint32_t bits = 0, digit;
	size_t i;

	for (i = 0; i < 4; i++) {
		digit = base64_digit(text[i]);
		if (i >= 4 - pad)
			digit = text[i] == '=' ? 0 : NO_DIGIT;
		if (digit == NO_DIGIT)
			return 0;
		bits = bits << 6 | digit;
	}
	*ret = bits;
	return (bits & ((1u << (8 * pad)) - 1)) == 0;
}

int base64_decode(const char *text, size_t len, unsigned char *dst, size_t *ret_len)
{
	size_t pad = 0, used = 0, i;
	uint32_t bits;

	if (len % 4)
		return 0;
	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	for (i = 0; i < len; i += 4) {
		const size_t left_out = i + 4 == len ? pad : 0;

		if (!base64_four(text + i, left_out, &bits))
			return 0;
		dst[used++] = (unsigned char)(bits >> 16);
		if (left_out < 2)
			dst[used++] = (unsigned char)(bits >> 8 & 0xff);
		if (left_out < 1)
			dst[used++] = (unsigned char)(bits & 0xff);
	}
	*ret_len = used;
	return 1;
}
