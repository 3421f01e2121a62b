/*
 * flight_tell.c - what an attempt tells, to each who shares it, as fast as he reads.
 */
#include "flight.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"

#define PIECE ((size_t)4096)

int flight_is_streaming(const llm_call *c)
{
	return (c->flags & LLM_CALL_STREAM) && !recover_buffers(c->recovery);
}

/* ---- telling ---- */

static size_t waiting(llm_call *c)
{
	size_t n;

	if (c->on_event || !flight_is_streaming(c))
		return 0;
	pthread_mutex_lock(&c->lock);
	n = streamq_waiting(&c->events);
	pthread_mutex_unlock(&c->lock);
	return n;
}

void flight_detach(llm_call *c, int32_t code)
{
	if (code == LLM_E_NOMEM)
		err_set(&c->res.error, code, "out of memory");
	else
		err_set(&c->res.error, code,
			"the reader did not keep up with others of the same stream: 1 MiB waits\n"
			"take its events as they come");
	run_complete_error(c, NULL, code);
	run_end(c, code);
}

static void tell(llm_call *c, const llm_event *e)
{
	int32_t rc = LLM_E_STREAM_BROKEN;

	if (waiting(c) <= FLIGHT_BUFFER)
		rc = deliver(c, e);
	if (rc)
		flight_detach(c, rc);
}

void flight_tell(flight *f, const llm_event *e)
{
	llm_call *c, *behind;

	for (c = f->first; c; c = behind) {
		behind = c->cache->behind;
		tell(c, e);
	}
}

/* In pieces that end with a character. */
static int32_t tell_text(llm_call *c, llm_event *e, const buf *b)
{
	const char *text = buf_text(b);
	size_t left = b->len;
	char piece[PIECE + 1];
	int32_t rc = 0;

	while (!rc && left) {
		e->len = utf8_cut(text, left, PIECE);
		memcpy(piece, text, e->len);
		piece[e->len] = '\0';
		e->text = piece;
		rc = deliver(c, e);
		text += e->len;
		left -= e->len;
	}
	return rc;
}

int32_t flight_tell_so_far(llm_call *c, const llm_call *own)
{
	const llm_result *r = &own->res;
	llm_event e = {.struct_size = (uint32_t)sizeof(e), .kind = LLM_EVENT_REASONING};
	int32_t rc;
	size_t i;

	if (recover_buffers(own->recovery) && !own->whole)
		return 0;
	rc = tell_text(c, &e, &r->reasoning);
	e.kind = LLM_EVENT_TEXT;
	if (!rc)
		rc = tell_text(c, &e, &r->text);
	e.kind = LLM_EVENT_TOOL_CALL;
	for (i = 0; !rc && i < r->tools.n; i++) {
		const tool_acc *t = r->tools.items[i];

		e.index = t->index;
		e.id = buf_text(&t->id);
		e.name = buf_text(&t->name);
		rc = tell_text(c, &e, &t->arguments);
	}
	return rc;
}

/* ---- slow readers (R-CACHE-14) ---- */

int flight_should_pause(flight *f)
{
	llm_call *c;

	for (c = f->first; c; c = c->cache->behind)
		if (waiting(c) <= STREAMQ_HIGH)
			return 0;
	for (c = f->first; c; c = c->cache->behind)
		(void)deliver_should_pause(c);
	return f->n > 0;
}

void flight_resume(llm_call *c)
{
	run_resume(c->cache->flight->own);
}

void flight_note_reads(flight *f)
{
	uint64_t at = atomic_load(&f->own->read_ns);
	const llm_call *c;

	for (c = f->first; c; c = c->cache->behind)
		if (atomic_load(&c->read_ns) > at)
			at = atomic_load(&c->read_ns);
	atomic_store(&f->own->read_ns, at);
}
