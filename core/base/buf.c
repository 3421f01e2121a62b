/*
 * buf.c - doubling growth; cap counts bytes without the NUL behind them.
 */
#include "base/buf.h"

#include "base/alloc.h"

#include <string.h>

#define BUF_FIRST 64

void buf_init(buf *b, const llm_allocator *mem, size_t max)
{
	*b = (buf){.mem = mem, .max = max && max < SIZE_MAX / 2 ? max : SIZE_MAX / 2};
}

void buf_done(buf *b)
{
	mem_free(b->mem, b->ptr);
	b->ptr = NULL;
	b->len = 0;
	b->cap = 0;
}

void buf_clear(buf *b)
{
	b->len = 0;
	if (b->ptr)
		b->ptr[0] = '\0';
}

/* At least `need`, twice the old size where the ceiling allows. */
static size_t buf_next_cap(const buf *b, size_t need)
{
	size_t cap = b->cap > b->max / 2 ? b->max : b->cap * 2;

	if (cap < BUF_FIRST)
		cap = b->max < BUF_FIRST ? b->max : BUF_FIRST;
	return cap < need ? need : cap;
}

int32_t buf_reserve(buf *b, size_t more)
{
	size_t cap;
	char *ptr;

	if (more > b->max - b->len)
		return LLM_E_TOO_LARGE;
	if (b->ptr && more <= b->cap - b->len)
		return 0;
	cap = buf_next_cap(b, b->len + more);
	ptr = mem_resize(b->mem, b->ptr, cap + 1);
	if (!ptr)
		return LLM_E_NOMEM;
	ptr[b->len] = '\0';
	b->ptr = ptr;
	b->cap = cap;
	return 0;
}

int32_t buf_add(buf *b, const char *bytes, size_t len)
{
	int32_t rc;

	if (!len)
		return 0;
	rc = buf_reserve(b, len);
	if (rc)
		return rc;
	memcpy(b->ptr + b->len, bytes, len);
	b->len += len;
	b->ptr[b->len] = '\0';
	return 0;
}

int32_t buf_add_str(buf *b, const char *text)
{
	return text ? buf_add(b, text, strlen(text)) : 0;
}

int32_t buf_add_char(buf *b, char c)
{
	return buf_add(b, &c, 1);
}

const char *buf_text(const buf *b)
{
	return b->ptr ? b->ptr : "";
}
