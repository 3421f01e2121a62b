/*
 * fuzz_ndjson.c - lines fed whole and in pieces give the same frames.
 *
 * The first byte says how long the pieces are, and whether the limit is tiny.
 */
#include "wire/ndjson.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int32_t frame_add(void *ctx, const frame *f)
{
	int32_t rc = buf_add(ctx, f->data.ptr, f->data.len);

	if (!f->data.len || memchr(f->data.ptr, '\n', f->data.len))
		abort();
	return rc ? rc : buf_add(ctx, "\n", 1);
}

static int32_t feed_piece(ndjson *n, const char *bytes, size_t len, buf *out)
{
	char *piece = malloc(len);
	int32_t rc;

	if (!piece)
		abort();
	memcpy(piece, bytes, len);
	rc = ndjson_feed(n, piece, len, frame_add, out);
	free(piece);
	return rc;
}

static int32_t parse(const char *text, size_t len, size_t step, size_t max, buf *out)
{
	llm_bytes residue = {"x", 1};
	int32_t rc = 0;
	ndjson n;

	ndjson_init(&n, mem_default(), max);
	for (size_t at = 0; !rc && at < len; at += step)
		rc = feed_piece(&n, text + at, step < len - at ? step : len - at, out);
	if (!rc)
		rc = ndjson_end(&n, frame_add, out, &residue);
	if (!rc && residue.len)
		abort();
	ndjson_done(&n);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	size_t step = size ? 1 + data[0] % 16 : 1;
	size_t max = size && data[0] & 0x40 ? 16 : 0;
	buf whole;
	buf cut;

	if (size < 2)
		return 0;
	buf_init(&whole, mem_default(), 0);
	buf_init(&cut, mem_default(), 0);
	if (parse(text, size - 1, size - 1, max, &whole) != parse(text, size - 1, step, max, &cut))
		abort();
	if (whole.len != cut.len || memcmp(buf_text(&whole), buf_text(&cut), cut.len) != 0)
		abort();
	buf_done(&whole);
	buf_done(&cut);
	return 0;
}
