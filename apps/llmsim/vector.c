#include <stdlib.h>
#include <string.h>

#include "vector.h"

#define MILLION 1000000

static int64_t root(int64_t square)
{
	int64_t low = 0;
	int64_t high = 3037000499; /* its square still fits */

	while (low < high) {
		int64_t mid = low + (high - low + 1) / 2;

		if (mid <= square / mid)
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}

/* In millionths, so that the digits are the same everywhere. */
static int64_t *make(const char *model, struct span text, size_t n)
{
	uint64_t rng = hash_bytes(hash_bytes(1, model, strlen(model)), text.ptr, text.len);
	int64_t *v = mem_new(n * sizeof(*v) + 1);
	int64_t square = 0;
	int64_t len;

	for (size_t i = 0; i < n; i++) {
		v[i] = (int64_t)rng_below(&rng, 200001) - 100000;
		square += v[i] * v[i];
	}
	len = root(square);
	for (size_t i = 0; i < n; i++)
		v[i] = v[i] * MILLION / (len ? len : 1);
	return v;
}

void vector_json(struct bytes *b, const char *model, struct span text, size_t n)
{
	int64_t *v = make(model, text, n);

	bytes_text(b, "[");
	for (size_t i = 0; i < n; i++) {
		int64_t size = v[i] < 0 ? -v[i] : v[i];

		bytes_format(b, "%s%s%d.%06d", i ? "," : "", v[i] < 0 ? "-" : "",
			(int)(size / MILLION), (int)(size % MILLION));
	}
	bytes_text(b, "]");
	free(v);
}

void vector_base64(struct bytes *b, const char *model, struct span text, size_t n)
{
	int64_t *v = make(model, text, n);
	struct bytes raw = {0};

	for (size_t i = 0; i < n; i++) {
		float f = (float)((double)v[i] / MILLION);
		uint32_t bits;
		char four[4];

		memcpy(&bits, &f, sizeof(bits));
		for (size_t k = 0; k < 4; k++)
			four[k] = (char)(bits >> (8 * k) & 0xff);
		bytes_add(&raw, four, sizeof(four));
	}
	bytes_text(b, "\"");
	bytes_base64(b, raw.data, raw.len);
	bytes_text(b, "\"");
	bytes_done(&raw);
	free(v);
}
