/* From the loop to whoever reads: callbacks, or the queue of a pulling reader. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "flight.h"

static void call_back(llm_call *c, const llm_event *e)
{
	plugin_watch *w = &c->svc->watch;
	const int inside = watch_pause(w);

	c->on_event(c->token, c, e);
	watch_resume(w, inside);
}

static int wanted(const llm_call *c, uint32_t kind)
{
	if (kind >= LLM_EVENT_WAITING)
		return (c->flags & (LLM_CALL_STREAM | LLM_CALL_NOTICES)) != 0;
	return kind == LLM_EVENT_START || kind == LLM_EVENT_END || (c->flags & LLM_CALL_STREAM);
}

int32_t deliver(llm_call *c, const llm_event *e)
{
	int32_t rc = 0;

	if (!wanted(c, e->kind))
		return 0;
	if (e->kind >= LLM_EVENT_TEXT && e->kind <= LLM_EVENT_TOOL_CALL) {
		if (recover_buffers(c->recovery) && !c->whole)
			return 0;
		c->delivered = 1;
	}
	if (c->on_event) {
		call_back(c, e);
		return 0;
	}
	pthread_mutex_lock(&c->lock);
	rc = streamq_push(&c->events, e);
	pthread_mutex_unlock(&c->lock);
	/* Not before: who wakes would wait for the lock at once. */
	pthread_cond_signal(&c->cond);
	return rc;
}

void deliver_notice(llm_call *c, uint32_t kind, uint32_t index, const char *format, ...)
{
	llm_event e = {.struct_size = (uint32_t)sizeof(e), .kind = kind, .index = index};
	char text[400];
	va_list ap;

	if (!wanted(c, kind))
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	e.text = text;
	e.len = strlen(text);
	e.id = c->at->cand.id;
	(void)deliver(c, &e); /* short of memory nobody is told, and the run goes on */
}

static int32_t deliver_whole(llm_call *c, uint32_t kind, const buf *b)
{
	const llm_event e = {.struct_size = (uint32_t)sizeof(e),
		.kind = kind,
		.text = buf_text(b),
		.len = b->len};

	return b->len ? deliver(c, &e) : 0;
}

int32_t deliver_kept(llm_call *c)
{
	llm_event e = {.struct_size = (uint32_t)sizeof(e), .kind = LLM_EVENT_TOOL_CALL};
	int32_t rc;
	size_t i;

	if (!recover_buffers(c->recovery) || c->op != OP_CHAT || c->res.from)
		return 0;
	c->whole = 1;
	rc = deliver_whole(c, LLM_EVENT_REASONING, &c->res.reasoning);
	if (!rc)
		rc = deliver_whole(c, LLM_EVENT_TEXT, &c->res.text);
	for (i = 0; !rc && i < c->res.tools.n; i++) {
		const tool_acc *t = c->res.tools.items[i];

		e.index = t->index;
		e.text = buf_text(&t->arguments);
		e.len = t->arguments.len;
		e.id = buf_text(&t->id);
		e.name = buf_text(&t->name);
		rc = deliver(c, &e);
	}
	return rc;
}

int deliver_should_pause(llm_call *c)
{
	int pause;

	if (c->flight)
		return flight_should_pause(c->flight);
	if (c->on_event || !(c->flags & LLM_CALL_STREAM))
		return 0;
	pthread_mutex_lock(&c->lock);
	pause = streamq_waiting(&c->events) > STREAMQ_HIGH;
	if (pause)
		c->paused = 1;
	pthread_mutex_unlock(&c->lock);
	return pause;
}

void deliver_end(llm_call *c)
{
	llm_event end = {.struct_size = (uint32_t)sizeof(end), .kind = LLM_EVENT_END, .text = ""};

	atomic_store(&c->done, 1);
	if (c->on_event)
		call_back(c, &end);
	/* Whoever waits may free what the callback uses, so it is told last. */
	pthread_mutex_lock(&c->lock);
	atomic_store(&c->ended, 1);
	pthread_mutex_unlock(&c->lock);
	pthread_cond_broadcast(&c->cond); /* the service still holds the call */
}
