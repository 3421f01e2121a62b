#include "bytes.h"

static bool base64_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		c == '+' || c == '/';
}

size_t base64_bad(const char *s, size_t len)
{
	size_t i = 0;
	size_t left;

	while (i < len && base64_char(s[i]))
		i++;
	if (i == len)
		return i % 4 ? i - i % 4 : len;
	if (s[i] != '=' || i % 4 < 2)
		return i;
	left = 4 - i % 4;
	for (; left && i < len && s[i] == '='; left--)
		i++;
	return left || i < len ? i - (i == len) : len;
}

void bytes_base64(struct bytes *b, const char *data, size_t len)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *u = (const unsigned char *)data;

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t v = (uint32_t)u[i] << 16;
		char four[4] = {0, 0, '=', '='};

		v |= left > 1 ? (uint32_t)u[i + 1] << 8 : 0;
		v |= left > 2 ? u[i + 2] : 0;
		four[0] = set[v >> 18];
		four[1] = set[v >> 12 & 63];
		if (left > 1)
			four[2] = set[v >> 6 & 63];
		if (left > 2)
			four[3] = set[v & 63];
		bytes_add(b, four, 4);
	}
}
