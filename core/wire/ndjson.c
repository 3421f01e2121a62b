/*
 * ndjson.c - a line that lies within the fed piece is handed out as it is, others
 * are put together first.
 */
#include "wire/ndjson.h"

#include <string.h>

#define NDJSON_LINE_ROOM 4 /* the CR that belongs to the line end, and a BOM */

void ndjson_init(ndjson *n, const llm_allocator *mem, size_t max)
{
	n->begun = 0;
	n->max = max ? max : FRAME_MAX;
	if (n->max > SIZE_MAX / 4)
		n->max = SIZE_MAX / 4;
	buf_init(&n->line, mem, n->max + NDJSON_LINE_ROOM);
}

void ndjson_done(ndjson *n)
{
	buf_done(&n->line);
}

static int32_t ndjson_give(ndjson *n, const char *line, size_t len, frame_fn fn, void *ctx)
{
	static const char bom[] = "\xef\xbb\xbf";
	const size_t skip = !n->begun && len >= 3 && memcmp(line, bom, 3) == 0 ? 3 : 0;
	frame f = {{"", 0}, {line + skip, len - skip}, {"", 0}};

	n->begun = 1;

	if (f.data.len && line[len - 1] == '\r')
		f.data.len--;
	if (f.data.len > n->max)
		return LLM_E_TOO_LARGE;
	return f.data.len ? fn(ctx, &f) : 0;
}

static int32_t ndjson_line_ends(ndjson *n, const char *tail, size_t len, frame_fn fn, void *ctx)
{
	int32_t rc;

	if (!n->line.len)
		return ndjson_give(n, tail, len, fn, ctx);
	rc = buf_add(&n->line, tail, len);
	if (!rc)
		rc = ndjson_give(n, n->line.ptr, n->line.len, fn, ctx);
	buf_clear(&n->line);
	return rc;
}

int32_t ndjson_feed(ndjson *n, const char *bytes, size_t len, frame_fn fn, void *ctx)
{
	const char *end = bytes + len;
	const char *lf;
	int32_t rc = 0;

	for (; !rc && bytes < end; bytes = lf + 1) {
		lf = memchr(bytes, '\n', (size_t)(end - bytes));
		if (!lf)
			return buf_add(&n->line, bytes, (size_t)(end - bytes));
		rc = ndjson_line_ends(n, bytes, (size_t)(lf - bytes), fn, ctx);
	}
	return rc;
}

int32_t ndjson_end(ndjson *n, frame_fn fn, void *ctx, llm_bytes *ret_residue)
{
	int32_t rc = ndjson_line_ends(n, "", 0, fn, ctx);

	if (!rc)
		*ret_residue = (llm_bytes){"", 0};
	return rc;
}
