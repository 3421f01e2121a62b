/* Bytes out of base64: all that jsonw writes, and nothing else. */
#include <criterion/criterion.h>
#include <string.h>

#include "wire/base64.h"
#include "wire/jsonw.h"

static int32_t keep(void *ctx, const char *bytes, size_t len)
{
	strncat(ctx, bytes, len);
	return 0;
}

Test(base64, what_the_writer_writes_comes_back)
{
	unsigned char bytes[70], back[BASE64_BYTES(100)];
	char text[120];
	size_t n, len, i;
	jsonw w;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 37 + 250);
	for (n = 0; n <= sizeof(bytes); n++) {
		text[0] = '\0';
		jsonw_init(&w, keep, text);
		jsonw_base64(&w, bytes, n);
		cr_assert_eq(jsonw_finish(&w), 0);
		len = 99;
		cr_assert(base64_decode(text + 1, strlen(text) - 2, back, &len), "%s", text);
		cr_assert_eq(len, n);
		cr_assert_eq(memcmp(back, bytes, n), 0);
	}
}

Test(base64, any_other_text_is_refused)
{
	static const char *const wrong[] = {"A", "AA", "AAA", "AAAAA", "A===", "====", "AA=A",
		"AB==", "AAB=", "AA-A", "AA_A", "AA A", "AA==AAAA", "AAA=AAAA", "\377AAA"};
	unsigned char room[8];
	size_t len, i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		len = 77;
		cr_expect_not(
			base64_decode(wrong[i], strlen(wrong[i]), room, &len), "%s", wrong[i]);
		cr_expect_eq(len, 77, "%s wrote a length", wrong[i]);
	}
	cr_expect(base64_decode("AA==", 4, room, &len));
	cr_expect_eq(len, 1);
	cr_expect(base64_decode("+/+/", 4, room, &len));
	cr_expect_eq(memcmp(room, "\373\377\277", 3), 0);
}
