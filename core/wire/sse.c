/*
 * sse.c - lines first, then fields, then events. A data line that lies within the
 * fed piece is only remembered, so the usual event of one line is never copied.
 */
#include "wire/sse.h"

#include <string.h>

#define SSE_REST_MAX ((size_t)64 * 1024)
#define SSE_LINE_ROOM 16 /* a data line is longer than its data by the name and the colon */
#define SSE_BOM_PAST 4

static const char sse_bom[] = "\xEF\xBB\xBF";
static const llm_bytes sse_nothing;

void sse_init(sse *s, const llm_allocator *mem, size_t max)
{
	memset(s, 0, sizeof(*s));
	s->max = max ? max : FRAME_MAX;
	if (s->max > SIZE_MAX / 4)
		s->max = SIZE_MAX / 4;
	buf_init(&s->line, mem, s->max + SSE_LINE_ROOM);
	buf_init(&s->data, mem, s->max);
	buf_init(&s->event, mem, s->max);
	buf_init(&s->id, mem, s->max);
	buf_init(&s->rest, mem, SSE_REST_MAX);
}

void sse_done(sse *s)
{
	buf_done(&s->line);
	buf_done(&s->data);
	buf_done(&s->event);
	buf_done(&s->id);
	buf_done(&s->rest);
}

static llm_bytes sse_bytes(const buf *b)
{
	return (llm_bytes){buf_text(b), b->len};
}

static void sse_forget(sse *s)
{
	s->have_data = 0;
	s->held = sse_nothing;
	buf_clear(&s->data);
	buf_clear(&s->event);
}

/* The caller's piece is about to go, or more data follows: the held line needs a home. */
static int32_t sse_keep(sse *s)
{
	llm_bytes held = s->held;

	s->held = sse_nothing;
	return buf_add(&s->data, held.ptr, held.len);
}

static int32_t sse_give(sse *s, frame_fn fn, void *ctx)
{
	frame f = {sse_bytes(&s->event), sse_bytes(&s->data), sse_bytes(&s->id)};
	int32_t rc = 0;

	if (s->held.ptr)
		f.data = s->held;
	if (s->have_data)
		rc = fn(ctx, &f);
	sse_forget(s);
	return rc;
}

static int32_t sse_blank_line(sse *s, frame_fn fn, void *ctx)
{
	if (s->have_data)
		buf_clear(&s->rest);
	return sse_give(s, fn, ctx);
}

static int32_t sse_add_data(sse *s, llm_bytes value, int stays)
{
	int32_t rc;

	if (value.len > s->max)
		return LLM_E_TOO_LARGE;
	if (!s->have_data && stays) {
		s->held = value;
		s->have_data = 1;
		return 0;
	}
	rc = sse_keep(s);
	if (!rc && s->have_data)
		rc = buf_add_char(&s->data, '\n');
	if (!rc)
		rc = buf_add(&s->data, value.ptr, value.len);
	s->have_data = 1;
	return rc;
}

static int32_t sse_replace(buf *b, llm_bytes value)
{
	buf_clear(b);
	return buf_add(b, value.ptr, value.len);
}

/* What goes beyond the ceiling is dropped: the beginning says what it was. */
static int32_t sse_add_rest(sse *s, llm_bytes line)
{
	size_t room = SSE_REST_MAX - s->rest.len;
	int32_t rc;

	if (s->rest.len && room) {
		rc = buf_add_char(&s->rest, '\n');
		if (rc)
			return rc;
		room--;
	}
	return buf_add(&s->rest, line.ptr, line.len < room ? line.len : room);
}

static int sse_is(llm_bytes name, const char *plain)
{
	return name.len == strlen(plain) && !memcmp(name.ptr, plain, name.len);
}

static const char *sse_colon(llm_bytes line)
{
	/* Nearly all lines are such ones. */
	if (line.len > 4 && !memcmp(line.ptr, "data:", 5))
		return line.ptr + 4;
	return memchr(line.ptr, ':', line.len);
}

static void sse_split(llm_bytes line, llm_bytes *ret_name, llm_bytes *ret_value)
{
	const char *end = line.ptr + line.len;
	const char *colon = sse_colon(line);
	const char *value = colon ? colon + 1 : end;

	if (value < end && *value == ' ')
		value++;
	ret_name->ptr = line.ptr;
	ret_name->len = colon ? (size_t)(colon - line.ptr) : line.len;
	ret_value->ptr = value;
	ret_value->len = (size_t)(end - value);
}

/* `stays`: the line's bytes live as long as the caller's piece. */
static int32_t sse_line(sse *s, llm_bytes line, int stays, frame_fn fn, void *ctx)
{
	llm_bytes name;
	llm_bytes value;

	if (line.len > s->max + SSE_LINE_ROOM)
		return LLM_E_TOO_LARGE;
	if (!line.len)
		return sse_blank_line(s, fn, ctx);
	if (line.ptr[0] == ':') {
		s->comments++;
		return 0;
	}
	sse_split(line, &name, &value);
	if (sse_is(name, "data"))
		return sse_add_data(s, value, stays);
	if (sse_is(name, "event"))
		return sse_replace(&s->event, value);
	if (sse_is(name, "id"))
		return memchr(value.ptr, '\0', value.len) ? 0 : sse_replace(&s->id, value);
	if (sse_is(name, "retry"))
		return 0;
	return sse_add_rest(s, line);
}

static int32_t sse_line_ends(sse *s, llm_bytes tail, frame_fn fn, void *ctx)
{
	int32_t rc;

	if (!s->line.len)
		return sse_line(s, tail, 1, fn, ctx);
	rc = buf_add(&s->line, tail.ptr, tail.len);
	if (!rc)
		rc = sse_line(s, sse_bytes(&s->line), 0, fn, ctx);
	buf_clear(&s->line);
	return rc;
}

/* Eats the mark at the very start; what turns out not to be one begins the first line. */
static int32_t sse_start(sse *s, const char **p, const char *end)
{
	size_t seen;

	if (s->bom == SSE_BOM_PAST)
		return 0;
	while (s->bom < 3 && *p < end && **p == sse_bom[s->bom]) {
		s->bom++;
		(*p)++;
	}
	seen = s->bom;
	if (seen < 3 && *p == end)
		return 0;
	s->bom = SSE_BOM_PAST;
	return seen == 3 ? 0 : buf_add(&s->line, sse_bom, seen);
}

/*
 * The next `c` at or behind p, or end. What an earlier search found is kept while it
 * lies ahead, so that a text without one kind of line end is searched for it once.
 */
static const char *sse_seek(const char *found, const char *p, const char *end, int c)
{
	if (found && found >= p)
		return found;
	found = memchr(p, c, (size_t)(end - p));
	return found ? found : end;
}

static int32_t sse_lines(sse *s, const char *p, const char *end, frame_fn fn, void *ctx)
{
	const char *lf = NULL;
	const char *cr = NULL;
	const char *stop;
	int32_t rc = 0;

	for (; p < end && !rc; p = stop + 1) {
		if (s->skip_lf && *p == '\n')
			p++;
		s->skip_lf = 0;
		if (p == end)
			break;
		lf = sse_seek(lf, p, end, '\n');
		cr = sse_seek(cr, p, end, '\r');
		stop = lf < cr ? lf : cr;
		if (stop == end)
			return buf_add(&s->line, p, (size_t)(end - p));
		rc = sse_line_ends(s, (llm_bytes){p, (size_t)(stop - p)}, fn, ctx);
		s->skip_lf = *stop == '\r';
	}
	return rc;
}

int32_t sse_feed(sse *s, const char *bytes, size_t len, frame_fn fn, void *ctx)
{
	const char *end = bytes + len;
	int32_t rc;

	if (!len)
		return 0;
	rc = sse_start(s, &bytes, end);
	if (!rc)
		rc = sse_lines(s, bytes, end, fn, ctx);
	if (!rc)
		rc = sse_keep(s);
	if (rc)
		sse_forget(s);
	return rc;
}

int32_t sse_end(sse *s, frame_fn fn, void *ctx, llm_bytes *ret_residue)
{
	int32_t rc = 0;

	if (s->bom < 3)
		rc = buf_add(&s->line, sse_bom, s->bom);
	s->bom = SSE_BOM_PAST;
	if (!rc && s->line.len)
		rc = sse_line(s, sse_bytes(&s->line), 0, fn, ctx);
	buf_clear(&s->line);
	if (!rc)
		rc = sse_give(s, fn, ctx);
	if (!rc)
		*ret_residue = sse_bytes(&s->rest);
	return rc;
}
