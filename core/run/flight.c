/*
 * flight.c - boarding, leaving, and telling everybody what the attempt tells.
 */
#include "flight.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "layers.h"
#include "race.h"
#include "replay.h"

#define BUCKETS 256 /* of the service's flights */

/* ---- which flights there are ---- */

static flight **bucket_of(llm_service *svc, const char *key)
{
	size_t h = 0, i;

	for (i = 0; i < 8 && key[i]; i++)
		h = h * 31 + (unsigned char)key[i];
	return &svc->caching.flights[h % BUCKETS];
}

static flight *find(llm_service *svc, const char *key)
{
	flight *f = svc->caching.flights ? *bucket_of(svc, key) : NULL;

	while (f && strcmp(f->key, key) != 0)
		f = f->next;
	return f;
}

static int32_t enter(llm_service *svc, flight *f)
{
	flight **at;

	if (!svc->caching.flights)
		svc->caching.flights = mem_array(&svc->mem, BUCKETS, sizeof(flight *));
	if (!svc->caching.flights)
		return LLM_E_NOMEM;
	at = bucket_of(svc, f->key);
	f->next = *at;
	*at = f;
	return 0;
}

static void close_flight(flight *f)
{
	flight **at;

	if (f->closed)
		return;
	f->closed = 1;
	for (at = bucket_of(f->own->svc, f->key); *at != f; at = &(*at)->next)
		continue;
	*at = f->next;
}

void flight_done(llm_service *svc)
{
	mem_free(&svc->mem, svc->caching.flights);
	svc->caching.flights = NULL;
}

/* ---- who is in it ---- */

/* The attempt lives as long as somebody waits for it. */
static void set_deadline(flight *f)
{
	llm_call *own = f->own, *c;
	uint64_t latest = 0;

	for (c = f->first; c; c = c->cache->behind)
		if (c->deadline_ns > latest)
			latest = c->deadline_ns;
	if (!latest || latest == own->deadline_ns)
		return;
	own->deadline_ns = own->retry.deadline_ns = latest;
	if (own->att)
		own->att->clock.deadline_ns = latest;
	if (own->race && own->race->att)
		own->race->att->clock.deadline_ns = latest;
	run_arm(own);
}

/* What the attempt is worth is told under the id of who pays. */
static void name_payer(flight *f)
{
	if (f->first)
		memcpy(f->own->res.run_id, f->first->res.run_id, sizeof(f->own->res.run_id));
}

static void take_out(flight *f, llm_call *c)
{
	llm_call **at = &f->first;

	while (*at != c)
		at = &(*at)->cache->behind;
	*at = c->cache->behind;
	if (!*at)
		f->last = at;
	c->cache->behind = NULL;
	c->cache->flight = NULL;
	c->state = RUN_STARTS;
	f->n--;
}

void flight_leave(llm_call *c)
{
	flight *f = c->cache->flight;

	take_out(f, c);
	if (!f->n) {
		close_flight(f);
		/* Not now: this may be one of its own callbacks. */
		(void)service_post(c->svc, f->own, INBOX_CANCEL);
		return;
	}
	name_payer(f);
	set_deadline(f);
	run_resume(f->own); /* who held it up may have left */
}

/* ---- the end ---- */

static void take_answer(llm_call *c, llm_call *own)
{
	llm_result *r = &c->res, *from = &own->res;
	const llm_allocator *mem = &own->mem;

	call_answer_done(r);
	r->text = from->text;
	r->reasoning = from->reasoning;
	r->logprobs = from->logprobs;
	r->tools = from->tools;
	r->parts = from->parts;
	buf_init(&from->text, mem, 0);
	buf_init(&from->reasoning, mem, 0);
	buf_init(&from->logprobs, mem, 0);
	from->tools.n = 0;
	r->finish = from->finish;
	r->finish_raw = from->finish_raw;
	r->usage = from->usage;
	r->usage_raw = from->usage_raw;
	r->provider = from->provider;
	r->model = from->model;
	r->response_model = from->response_model;
	r->response_id = from->response_id;
	r->request_id = from->request_id;
}

/* The attempts are its own from now on, and what they cost. */
static void take_attempts(llm_call *c, llm_call *own)
{
	llm_result *r = &c->res;
	const llm_result *from = &own->res;
	const int64_t queue_ms = r->timing.queue_ms;
	size_t i;

	r->attempts = from->attempts;
	for (i = 0; i < from->warnings.n; i++)
		(void)call_push(&c->ar, &r->warnings, from->warnings.items[i]);
	r->timing = from->timing;
	r->timing.queue_ms = queue_ms;
	r->recovered = from->recovered;
	r->price_rule = from->price_rule;
	r->price_version = from->price_version;
	c->spent = own->spent;
	c->may_be_billed = own->may_be_billed;
	c->recoveries = own->recoveries;
	c->denied = own->denied;
}

/* What it holds lies with the flight's call. */
static void hold(llm_call *c, llm_call *own)
{
	llm_call *patron = own->patron;

	c->patron = own;
	call_ref(own);
	if (patron != c)
		return;
	own->patron = NULL; /* they would hold each other */
	call_unref(patron);
}

static void end_payer(llm_call *c, llm_call *own)
{
	const int32_t code = own->res.error.code;

	take_answer(c, own);
	take_attempts(c, own);
	hold(c, own);
	if (code)
		c->res.error = own->res.error;
	c->res.error.delivered = (uint32_t)c->delivered;
	run_end_shared(c, code);
}

static void end_other(llm_call *c, const llm_call *own, const llm_bytes *stored)
{
	const replay from = {.source = LLM_SOURCE_COALESCED, .stored = *stored};
	int32_t code = own->res.error.code, rc;
	llm_err ignored = LLM_ERR_INIT;

	if (!code && (c->flags & LLM_CALL_STREAM) && recover_buffers(c->recovery) && stored->len &&
		!replay_end(c, &from))
		return;
	rc = stored->len ? replay_fill(c, &from, &ignored) : LLM_E_NOMEM;
	if (code) {
		c->res.error = own->res.error;
		c->res.error.delivered = (uint32_t)c->delivered;
	} else if (rc) {
		code = err_set(&c->res.error, rc, "out of memory");
		run_complete_error(c, NULL, code);
	}
	run_end_shared(c, code);
}

static void end_flight(flight *f)
{
	llm_call *own = f->own, *c;
	int pays = 1;
	buf out;

	close_flight(f);
	buf_init(&out, &own->mem, 0);
	if (f->n > 1 && replay_write(own, &out))
		buf_done(&out);
	while ((c = f->first)) {
		take_out(f, c);
		if (pays)
			end_payer(c, own);
		else
			end_other(c, own, &(llm_bytes){out.ptr, out.len});
		pays = 0;
	}
	buf_done(&out);
	own->flight = NULL;
	mem_free(&own->svc->mem, f);
}

static void on_event(uintptr_t token, llm_call *own, const llm_event *e)
{
	flight *f = own->flight;

	(void)token;
	if (e->kind == LLM_EVENT_END)
		end_flight(f);
	else
		flight_tell(f, e);
}

/* ---- the flight's own call ---- */

static int32_t copy_plan(llm_call *own, const llm_call *c)
{
	own->n_plan = c->n_plan;
	own->n_general = c->n_general;
	own->first = c->first;
	own->plan = own->at = &own->first;
	if (c->plan == &c->first)
		return 0;
	own->plan = own->at = arena_array(&own->ar, c->n_plan, sizeof(*own->plan));
	if (!own->plan)
		return LLM_E_NOMEM;
	memcpy(own->plan, c->plan, c->n_plan * sizeof(*own->plan));
	return 0;
}

/* What was said at submit, and what the plan has made of it. */
static void copy_rules(llm_call *own, const llm_call *c)
{
	own->flags = c->flags | LLM_CALL_NOTICES;
	own->on_event = on_event;
	own->submit_ns = c->submit_ns;
	own->deadline_ns = c->deadline_ns;
	own->workspace = c->workspace;
	own->has_chains = c->has_chains;
	own->recovery = c->recovery;
	own->slow_action = c->slow_action;
	own->slow_crosses = c->slow_crosses;
	own->by = c->by;
	own->local_only = c->local_only;
	own->split_key = c->split_key;
	own->chain = c->chain;
	own->input_tokens = c->input_tokens;
	own->affinity_key = c->affinity_key;
	own->start_us = c->start_us;
	own->limits = c->limits;
	own->retry = c->retry;
	own->slot.priority = c->slot.priority;
	own->res.profile = c->res.profile;
	own->res.requested = c->res.requested;
	own->res.provider = c->res.provider;
	own->res.model = c->res.model;
}

static int32_t copy_cache(llm_call *own, const llm_call *c)
{
	call_cache *k = arena_new(&own->ar, sizeof(*k));

	if (!k)
		return LLM_E_NOMEM;
	k->mode = c->cache->mode;
	k->ttl_ms = c->cache->ttl_ms;
	buf_init(&k->canonical, &own->mem, 0);
	own->cache = k;
	return 0;
}

static llm_call *make_own(llm_call *c)
{
	llm_call *own = NULL;

	if (call_new(c->svc, c->rq, NULL, &own, NULL))
		return NULL;
	copy_rules(own, c);
	own->set = confset_share(c->set);
	own->patron = c;
	call_ref(c);
	if (!copy_plan(own, c) && !copy_cache(own, c))
		return own;
	call_unref(own);
	return NULL;
}

static flight *make(llm_call *c)
{
	flight *f = mem_new(&c->svc->mem, sizeof(*f));

	if (!f)
		return NULL;
	f->last = &f->first;
	memcpy(f->key, c->cache->key, sizeof(f->key));
	f->own = make_own(c);
	if (f->own && !enter(c->svc, f)) {
		f->own->flight = f;
		return f;
	}
	if (f->own)
		call_unref(f->own);
	mem_free(&c->svc->mem, f);
	return NULL;
}

/* ---- boarding ---- */

static void join(flight *f, llm_call *c)
{
	c->cache->flight = f;
	c->cache->mode &= ~(uint32_t)CACHE_WRITE; /* the flight keeps the answer */
	c->state = RUN_SHARES;
	*f->last = c;
	f->last = &c->cache->behind;
	f->n++;
	layer_enter(c->svc, LAYER_FLIGHT);
	run_arm(c);
}

static void join_late(flight *f, llm_call *c)
{
	llm_call *own = f->own;
	int32_t rc;

	join(f, c);
	caching_count(&c->svc->caching.coalesced);
	if (c->cache->mode & CACHE_READ)
		own->cache->mode |= c->cache->mode & CACHE_FRESH;
	set_deadline(f);
	if (!flight_is_streaming(c))
		return;
	rc = flight_tell_so_far(c, own);
	own->flags |= LLM_CALL_STREAM;
	own->delivered |= c->delivered;
	own->retry.committed |= (uint32_t)c->delivered;
	if (rc)
		flight_detach(c, rc);
	else
		run_resume(own);
}

static void refuse(llm_call *c)
{
	err_set(&c->res.error, LLM_E_QUEUE_FULL,
		"%d equal requests wait for one answer already\nask again when it is there",
		FLIGHT_MAX);
	run_complete_error(c, NULL, LLM_E_QUEUE_FULL);
	c->res.error.phase = LLM_PHASE_QUEUE;
	run_end(c, LLM_E_QUEUE_FULL);
}

int flight_board(llm_call *c)
{
	llm_err ignored = LLM_ERR_INIT;
	target *t = run_available(c);
	flight *f;

	c->cache->shares = 0; /* once */
	if (!t || caching_key(c, t, &ignored))
		return 0;
	f = find(c->svc, c->cache->key);
	if (f && f->n >= FLIGHT_MAX) {
		refuse(c);
		return 1;
	}
	if (f) {
		join_late(f, c);
		return 1;
	}
	if (caching_came(c))
		return 1;
	f = make(c);
	if (!f)
		return 0;
	join(f, c);
	name_payer(f);
	run_begin_shared(f->own);
	return 1;
}
