/* From the loop to whoever reads: callbacks, or the queue of a pulling reader. */
#include "call.h"

static void call_back(llm_call *c, const llm_event *e)
{
	c->on_event(c->token, c, e);
}

static int wanted(const llm_call *c, uint32_t kind)
{
	return kind == LLM_EVENT_START || kind == LLM_EVENT_END || (c->flags & LLM_CALL_STREAM);
}

int32_t deliver(llm_call *c, const llm_event *e)
{
	int32_t rc = 0;

	if (!wanted(c, e->kind))
		return 0;
	if (e->kind >= LLM_EVENT_TEXT && e->kind <= LLM_EVENT_TOOL_CALL)
		c->delivered = 1;
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

int deliver_should_pause(llm_call *c)
{
	int pause;

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
