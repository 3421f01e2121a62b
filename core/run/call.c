#include "call.h"

#include <string.h>

#include "attempt.h"
#include "base/alloc.h"
#include "base/err.h"
#include "options.h"

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

/* All of it is zero already. */
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

int32_t call_new(
	llm_service *svc, llm_request *rq, const llm_call_opts *opts, llm_call **ret, llm_err *err)
{
	llm_call *c = mem_new(&svc->mem, sizeof(*c));

	if (!c)
		return err_set(err, LLM_E_NOMEM, "out of memory");
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
	if (opts) {
		c->flags = opts->flags;
		c->on_event = opts->on_event;
		c->token = opts->token;
	}
	if (rq) {
		request_ref(rq);
		c->rq = rq;
		c->extra = rq->view.extra;
	}
	*ret = c;
	return 0;
}

void call_ref(llm_call *c)
{
	atomic_fetch_add(&c->refs, 1);
}

static void free_tools(llm_result *r)
{
	size_t i;

	for (i = 0; i < r->tools.n; i++) {
		tool_acc *t = r->tools.items[i];

		buf_done(&t->id);
		buf_done(&t->name);
		buf_done(&t->arguments);
	}
}

void call_unref(llm_call *c)
{
	llm_service *svc;
	llm_allocator mem;

	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	svc = c->svc;
	mem = c->mem;
	free_tools(&c->res);
	buf_done(&c->res.text);
	buf_done(&c->res.reasoning);
	buf_done(&c->res.logprobs);
	buf_done(&c->res.exchange);
	streamq_done(&c->events);
	arena_reset(&c->ar);
	request_unref(c->rq);
	pthread_cond_destroy(&c->cond);
	pthread_mutex_destroy(&c->lock);
	mem_free(&mem, c);
	service_unref(svc);
}

/* ---- times: the nearest that speaks wins ---- */

static uint64_t nearest_ms(
	uint32_t call, uint64_t profile, uint64_t provider, uint64_t top, uint64_t usual)
{
	if (call)
		return call;
	if (profile != CONF_UNSET)
		return profile;
	if (provider != CONF_UNSET)
		return provider;
	return top != CONF_UNSET ? top : usual;
}

static uint64_t as_ns(uint64_t ms, int zero_is_none)
{
	if ((zero_is_none && !ms) || ms > UINT64_MAX / NS_PER_MS)
		return UINT64_MAX;
	return ms * NS_PER_MS;
}

static uint64_t or_usual(uint32_t described_ms, uint64_t usual_ms)
{
	return described_ms ? described_ms : usual_ms;
}

/* The times between pieces. A call's own `idle` holds whether keep-alives flow or not. */
static void set_gaps(llm_call *c, const conf_times *pf, const llm_call_opts *o)
{
	const conf_times *pv = &c->up->conf->times, *top = &c->svc->conf->times;
	uint64_t idle = nearest_ms(o->idle_ms, pf->idle, pv->idle, top->idle,
		or_usual(c->up->plug->info->idle_ms, 30000));

	c->limits.idle_ns = as_ns(idle, 1);
	c->limits.keepalive_ns = as_ns(nearest_ms(o->idle_ms, pf->idle_keepalive,
					       pv->idle_keepalive, top->idle_keepalive, 120000),
		1);
	c->limits.silence_ns = as_ns(
		nearest_ms(o->silence_ms, pf->silence, pv->silence, top->silence, idle), 1);
	c->limits.consumer_ns = as_ns(
		nearest_ms(0, pf->consumer_idle, pv->consumer_idle, top->consumer_idle, 120000), 0);
}

static void set_times(llm_call *c, const conf_times *pf, const llm_call_opts *o)
{
	const conf_times *pv = &c->up->conf->times, *top = &c->svc->conf->times;
	const llm_provider_info *d = c->up->plug->info;
	uint64_t total;

	c->limits.connect_ns = as_ns(nearest_ms(o->connect_ms, pf->connect, pv->connect,
					     top->connect, or_usual(d->connect_ms, 5000)),
		0);
	c->limits.first_token_ns = as_ns(
		nearest_ms(o->first_token_ms, pf->first_token, pv->first_token, top->first_token,
			or_usual(d->first_token_ms, 60000)),
		1);
	c->limits.attempt_ns = as_ns(nearest_ms(o->attempt_ms, pf->attempt, pv->attempt,
					     top->attempt, or_usual(d->attempt_ms, 300000)),
		1);
	total = nearest_ms(o->total_ms, pf->deadline, pv->deadline, top->deadline, 600000);
	c->deadline_ns = total ? clock_after_ms(c->submit_ns, total) : UINT64_MAX;
}

static int known_not_to_stream(const llm_call *c)
{
	const conf_model *model = c->cand.id ? conf_model_named(c->svc->conf, c->cand.id) : NULL;

	return model && model->caps.stream == LLM_CAP_NO;
}

/* With others to fall back to, a candidate that stalls is to be noticed early (R-TIME-3). */
static int asks_for_stream(const llm_call *c, const conf_profile *profile)
{
	uint32_t say = profile ? profile->upstream_stream : UPSTREAM_UNSET;

	if (say == UPSTREAM_UNSET)
		say = c->up->conf->upstream_stream;
	if (say == UPSTREAM_UNSET)
		say = c->svc->conf->upstream_stream;
	if (say == UPSTREAM_UNSET || say == UPSTREAM_AUTO)
		say = profile && profile->n_candidates > 1 ? UPSTREAM_ON : UPSTREAM_OFF;
	return say == UPSTREAM_ON && !known_not_to_stream(c);
}

/* ---- names ---- */

static int32_t name_result(llm_call *c, const conf_profile *profile)
{
	llm_result *r = &c->res;

	r->profile = profile ? arena_str(&c->ar, profile->name) : NULL;
	r->provider = arena_str(&c->ar, c->up->name);
	r->model = c->cand.model;
	if (c->rq && c->rq->target)
		r->requested = arena_str(&c->ar, c->rq->target);
	else if (profile)
		r->requested = r->profile;
	return (profile && !r->profile) || !r->provider ? LLM_E_NOMEM : 0;
}

int32_t call_route(llm_call *c, const char *provider, const conf_profile *profile,
	const llm_call_opts *opts, llm_err *err)
{
	static const conf_times unsaid = {CONF_UNSET, CONF_UNSET, CONF_UNSET, CONF_UNSET,
		CONF_UNSET, CONF_UNSET, CONF_UNSET, CONF_UNSET, CONF_UNSET, CONF_UNSET, CONF_UNSET};
	_Static_assert(sizeof(unsaid) == 11 * sizeof(uint64_t), "each time is unsaid");
	static const llm_call_opts none;
	const conf_times *pf = profile ? &profile->times : &unsaid;
	int32_t rc = upstream_get(c->svc, provider, &c->up, err);

	if (rc)
		return rc;
	set_times(c, pf, opts ? opts : &none);
	set_gaps(c, pf, opts ? opts : &none);
	c->upstream_stream = asks_for_stream(c, profile);
	if (name_result(c, profile))
		return err_set(err, LLM_E_NOMEM, "out of memory");
	if (!c->rq)
		return 0;
	rc = options_for(c, err);
	return rc ? rc : options_extra(c, err);
}
