/* How far a string needs no look, compared with a look at every byte. */
#include <criterion/criterion.h>

#include "wire/plain.h"

static int is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static size_t slow_count(const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && is_plain((unsigned char)p[n]))
		n++;
	return n;
}

/* Each byte value at each place, the others plain. */
Test(plain, every_byte_at_every_place)
{
	char text[64], copy[64];
	size_t at;
	int c;

	for (c = 0; c < 256; c++)
		for (at = 0; at < PLAIN_STEP; at++) {
			memset(text, 'a', sizeof(text));
			memset(copy, 0, sizeof(copy));
			text[at] = (char)c;
			cr_assert_eq(plain_copy(copy, text), slow_count(text, PLAIN_STEP),
				"%d at %zu", c, at);
			cr_assert_eq(memcmp(copy, text, PLAIN_STEP), 0);
			cr_assert_eq(copy[PLAIN_STEP], 0, "no byte more is written");
		}
}

/* Two that are not plain: the first counts. What is left over is less than a step. */
Test(plain, length_stops_at_the_first)
{
	static const unsigned char odd[] = {0, 0x1f, '"', '\\', 0x80, 0xff};
	char text[80];
	size_t len, at, i;

	for (i = 0; i < sizeof(odd); i++)
		for (len = 0; len <= sizeof(text); len++)
			for (at = 0; at < len; at++) {
				size_t n, slow;

				memset(text, 0x7f, sizeof(text));
				text[at] = (char)odd[i];
				text[len - 1] = (char)odd[(i + 1) % sizeof(odd)];
				n = plain_length(text, text + len);
				slow = slow_count(text, len);
				cr_assert_leq(n, slow);
				cr_assert(n == slow || len - n < PLAIN_STEP, "%zu of %zu", n, slow);
			}
}
