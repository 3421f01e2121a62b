#include "call.h"

#include <string.h>

#include "attempt.h"
#include "base/alloc.h"
#include "base/err.h"
#include "chains.h"

#define CALL_CHUNK 1024 /* names and rows of the usual result */

int32_t call_push(arena *ar, list *l, void *item)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 4;
		void **more = arena_array(ar, cap, sizeof(*more));

		if (!more)
			return LLM_E_NOMEM;
		if (l->n)
			memcpy(more, l->items, l->n * sizeof(*more));
		l->items = more;
		l->cap = cap;
	}
	l->items[l->n++] = item;
	return 0;
}

/* Where it is not zero already. */
static void result_init(llm_call *c)
{
	llm_result *r = &c->res;

	r->ar = &c->ar;
	r->usage = (llm_usage)LLM_USAGE_INIT;
	r->error.struct_size = (uint32_t)sizeof(r->error);
	r->error.retry_after_ms = -1; /* LLM_ERR_INIT */
	buf_init(&r->text, &c->mem, 0);
	buf_init(&r->reasoning, &c->mem, 0);
	buf_init(&r->logprobs, &c->mem, 0);
	buf_init(&r->exchange, &c->mem, 0);
	buf_init(&r->decision, &c->mem, 0);
	r->cost_nanousd = -1;
	r->timing = (llm_timing){.queue_ms = -1,
		.ttft_ms = -1,
		.duration_ms = -1,
		.load_ms = -1,
		.first_content_ms = -1};
}

/* Waits are measured on the clock that nobody sets. */
static void init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

/* The message of its error is half of a call, and hardly ever used: it is not cleared. */
int32_t call_new(
	llm_service *svc, llm_request *rq, const llm_call_opts *opts, llm_call **ret, llm_err *err)
{
	llm_call *c = mem_resize(&svc->mem, NULL, sizeof(*c));

	if (!c)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	memset(c, 0, offsetof(llm_call, res.error.message) + 1);
	c->mem = svc->mem;
	c->svc = svc;
	service_ref(svc);
	atomic_init(&c->refs, 1);
	atomic_init(&c->done, 0);
	atomic_init(&c->ended, 0);
	pthread_mutex_init(&c->lock, NULL);
	init_cond(&c->cond);
	arena_init(&c->ar, &c->mem, CALL_CHUNK);
	streamq_init(&c->events, &c->mem);
	result_init(c);
	c->submit_ns = clock_ns(&svc->time);
	c->plan = c->at = &c->first;
	c->n_plan = c->n_general = 1;
	c->chain = CHAIN_GENERAL;
	if (opts) {
		c->flags = opts->flags;
		if (c->flags & LLM_CALL_DRY_RUN)
			c->flags |= LLM_CALL_TRACE;
		c->slot.priority = opts->priority;
		c->on_event = opts->on_event;
		c->token = opts->token;
	}
	if (rq) {
		request_ref(rq);
		c->rq = rq;
		c->first.extra = rq->view.extra;
	}
	*ret = c;
	return 0;
}

void call_ref(llm_call *c)
{
	atomic_fetch_add(&c->refs, 1);
}

void call_answer_done(llm_result *r)
{
	size_t i;

	for (i = 0; i < r->tools.n; i++) {
		tool_acc *t = r->tools.items[i];

		buf_done(&t->id);
		buf_done(&t->name);
		buf_done(&t->arguments);
	}
	buf_done(&r->text);
	buf_done(&r->reasoning);
	buf_done(&r->logprobs);
}

void call_unref(llm_call *c)
{
	llm_service *svc;
	llm_call *patron;
	llm_allocator mem;

	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	svc = c->svc;
	mem = c->mem;
	ledger_forget(c);
	caching_forget(c);
	call_answer_done(&c->res);
	patron = c->patron;
	buf_done(&c->res.exchange);
	buf_done(&c->res.decision);
	streamq_done(&c->events);
	arena_reset(&c->ar);
	request_unref(c->rq);
	confset_drop(c->set);
	pthread_cond_destroy(&c->cond);
	pthread_mutex_destroy(&c->lock);
	mem_free(&mem, c);
	if (patron)
		call_unref(patron);
	service_unref(svc);
}
