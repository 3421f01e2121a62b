#include "streamq.h"

#include <string.h>

/* What stands before the texts of an event; id and name count their NUL, 0: null. */
typedef struct record {
	uint32_t kind;
	uint32_t index;
	size_t text;
	size_t id;
	size_t name;
} record;

void streamq_init(streamq *q, const llm_allocator *mem)
{
	buf_init(&q->in, mem, 0);
	buf_init(&q->out, mem, 0);
	q->read = 0;
}

void streamq_done(streamq *q)
{
	buf_done(&q->in);
	buf_done(&q->out);
}

static size_t counted(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

int32_t streamq_push(streamq *q, const llm_event *e)
{
	record r = {e->kind, e->index, e->len, counted(e->id), counted(e->name)};
	size_t whole = sizeof(r) + r.text + 1 + r.id + r.name;
	size_t pad = (8 - whole % 8) % 8;
	int32_t rc = buf_reserve(&q->in, whole + pad);

	if (rc)
		return rc;
	buf_add(&q->in, (const char *)&r, sizeof(r));
	buf_add(&q->in, e->text, r.text);
	buf_add(&q->in, "", 1);
	if (r.id)
		buf_add(&q->in, e->id, r.id);
	if (r.name)
		buf_add(&q->in, e->name, r.name);
	return buf_add(&q->in, "\0\0\0\0\0\0\0", pad);
}

static void swap_sides(streamq *q)
{
	buf taken = q->out;

	q->out = q->in;
	q->in = taken;
	buf_clear(&q->in);
	q->read = 0;
}

int streamq_take(streamq *q, llm_event *ret)
{
	record r;
	const char *p;

	if (q->read == q->out.len) {
		if (!q->in.len)
			return 0;
		swap_sides(q);
	}
	p = q->out.ptr + q->read;
	memcpy(&r, p, sizeof(r));
	p += sizeof(r);
	ret->kind = r.kind;
	ret->index = r.index;
	ret->text = p;
	ret->len = r.text;
	p += r.text + 1;
	ret->id = r.id ? p : NULL;
	p += r.id;
	ret->name = r.name ? p : NULL;
	p += r.name;
	q->read = ((size_t)(p - q->out.ptr) + 7) / 8 * 8;
	return 1;
}

size_t streamq_waiting(const streamq *q)
{
	return q->in.len + (q->out.len - q->read);
}
