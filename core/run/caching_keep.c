/*
 * caching_keep.c - keeping answers, in memory or by jobs; asking the storage for one.
 */
#include "caching.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "call.h"
#include "layers.h"
#include "replay.h"
#include "wire/jsonr.h"

/* ---- jobs of the cache: nothing that they lose fails a run (R-CACHE-17) ---- */

static void on_done(void *ctx, const llm_op_result *const *results, size_t n, const llm_err *why)
{
	cache_trip *t = ctx;
	caching *k = &t->svc->caching;
	cache_trip *head = atomic_load(&k->returned);

	(void)results;
	(void)n;
	t->code = why ? why->code : 0;
	do
		t->next = head;
	while (!atomic_compare_exchange_weak(&k->returned, &head, t));
	if (!head)
		service_wake(t->svc);
}

/* A job that comes back to the loop. */
static llm_job *job_of(llm_service *svc)
{
	llm_job *j = svc->ledger.mode ? job_new(&svc->mem, 1, 1, on_done, NULL) : NULL;
	cache_trip *t = j ? arena_new(job_arena(j), sizeof(*t)) : NULL;

	if (!t) {
		job_free(j);
		return NULL;
	}
	*t = (cache_trip){.svc = svc, .job = j};
	j->ctx = t;
	return j;
}

/* `c`, which may be null, waits for it and is held as long. */
static void send(llm_job *j, llm_call *c, uint64_t deadline_ns)
{
	cache_trip *t = j->ctx;

	if (c)
		call_ref(c);
	t->c = c;
	j->kept = 1;
	t->svc->caching.n_out++;
	outbox_put(&t->svc->ledger.out, j, deadline_ns);
}

void caching_row(llm_call *c, uint32_t kind)
{
	llm_job *j = job_of(c->svc);

	if (j && !cache_row_of(j, kind, c->workspace, c->cache->key))
		send(j, NULL, UINT64_MAX);
	else
		job_free(j);
}

/* ---- the size of what is in the storage (R-CACHE-18) ---- */

static void trim(llm_service *svc)
{
	llm_job *j = job_of(svc);

	if (j && !cache_row_trim(j, svc->caching.memory.size_max))
		send(j, NULL, UINT64_MAX);
	else
		job_free(j);
}

/* To look at all rows costs something, so it is done for many of them at once. */
static void grow(llm_service *svc, size_t len)
{
	caching *k = &svc->caching;

	k->grown += len + CACHE_ROW;
	if (k->grown < caching_share(svc) || (!svc->ledger.trims && !svc->ledger.hosted))
		return;
	k->grown = 0;
	trim(svc);
}

/* A batch was deleted; where it was a full one there may be more. */
static void see_trim(llm_service *svc, const llm_job *j)
{
	const int64_t n = j->results[0]->changed;

	atomic_fetch_add(&svc->caching.evicted, (uint64_t)n);
	if (n >= CACHE_BATCH && !atomic_load(&svc->stopping))
		trim(svc);
}

/* ---- asking ---- */

/* All that is asked for a run is waited for once. */
static uint64_t until_ns(const llm_call *c)
{
	call_cache *k = c->cache;

	if (!k->until_ns)
		k->until_ns = clock_after_ns(loop_now(c->svc->loop), CACHING_PATIENCE_NS);
	return k->until_ns;
}

int caching_ask(llm_call *c)
{
	llm_service *svc = c->svc;
	const llm_filter f = {
		.struct_size = sizeof(f), .workspace_id = c->workspace, .id = c->cache->key};
	llm_job *j = job_of(svc);
	int32_t rc = j ? job_ask(j, LLM_QUERY_CACHE, &f) : LLM_E_NOMEM;

	if (rc) {
		job_free(j);
		caching_warn(svc, "the storage cannot be asked", rc);
		return 0;
	}
	c->state = RUN_LOOKS;
	c->wake_ns = until_ns(c);
	run_arm(c);
	send(j, c, c->wake_ns);
	return 1;
}

static int read_row(llm_call *c, const llm_cache_row *row)
{
	const cache_question q = caching_question(c);
	cache_found f;
	const int found = row ? cache_row_read(row, &q, &f) : CACHE_MISS;

	if (found == CACHE_DAMAGED)
		caching_drop(c);
	return found == CACHE_HIT && caching_tell(c, &q, &f);
}

/* A run that did not wait for it has been told about already. */
static int is_awaited(const llm_call *c)
{
	return c->state == RUN_LOOKS && !atomic_load(&c->done);
}

static const char failed[] = "the storage failed";

/* The call is held by its trip. */
static void see(llm_call *c, const cache_trip *t)
{
	const void *const *rows = NULL;
	size_t n = 0;

	c->state = RUN_STARTS;
	if (t->code)
		c->res.cache_why = failed;
	else
		rows = job_answer(t->job, 0, &n);
	if (read_row(c, n ? rows[0] : NULL))
		caching_row(c, LLM_OP_CACHE_TOUCH);
	else if (!caching_came(c) && !caching_go_on(c))
		run_proceed(c);
}

/* In the order in which they came back: a lookup may have been answered before a row was put. */
static cache_trip *in_order(cache_trip *newest)
{
	cache_trip *first = NULL, *older;

	for (; newest; newest = older) {
		older = newest->next;
		newest->next = first;
		first = newest;
	}
	return first;
}

/* From now on lookups find the row. */
static void see_put(llm_service *svc, const llm_job *j)
{
	const llm_cache_row *row = j->ops[0]->record;

	cache_drop(&svc->caching.memory, row->key);
}

static void see_operation(llm_service *svc, const cache_trip *t)
{
	const uint32_t kind = t->job->n ? t->job->ops[0]->kind : 0;

	if (kind == LLM_OP_CACHE_PUT)
		see_put(svc, t->job);
	else if (kind == LLM_OP_CACHE_TRIM && !t->code)
		see_trim(svc, t->job);
}

cache_trip *caching_returned(llm_service *svc)
{
	return svc->caching.n_out ? atomic_exchange(&svc->caching.returned, NULL) : NULL;
}

void caching_collect(llm_service *svc, cache_trip *returned)
{
	cache_trip *t, *next;

	for (t = in_order(returned); t; t = next) {
		llm_call *c = t->c;
		llm_job *j = t->job;

		next = t->next;
		svc->caching.n_out--;
		if (t->code && (!c || is_awaited(c)))
			caching_warn(svc, failed, t->code);
		see_operation(svc, t);
		if (c && is_awaited(c))
			see(c, t);
		if (c)
			call_unref(c);
		job_free(j);
	}
}

void caching_late(llm_call *c)
{
	c->state = RUN_STARTS;
	c->res.cache_event = LLM_CACHE_MISS;
	c->res.cache_why = "the storage did not answer within 50 ms";
	caching_warn(c->svc, c->res.cache_why, LLM_E_TIMEOUT);
	caching_count(&c->svc->caching.misses);
	run_proceed(c);
}

/* ---- keeping (R-CACHE-7) ---- */

static int is_json(const char *text, size_t len)
{
	jsonr r;

	jsonr_init(&r, text, len);
	jsonr_skip(&r);
	return jsonr_finish(&r) == 0;
}

static int is_sound(const llm_call *c)
{
	const llm_result *r = &c->res;
	size_t i;

	for (i = 0; i < r->tools.n; i++) {
		const tool_acc *t = r->tools.items[i];

		if (!is_json(buf_text(&t->arguments), t->arguments.len))
			return 0;
	}
	return r->tools.n || c->rq->view.format == LLM_FORMAT_TEXT ||
		is_json(buf_text(&r->text), r->text.len);
}

static int is_keepable(const llm_call *c)
{
	const llm_result *r = &c->res;

	return (r->finish == LLM_FINISH_STOP || r->finish == LLM_FINISH_TOOL_CALLS) &&
		r->attempts.n && !r->from && !c->recoveries && is_sound(c);
}

static void keep_row(llm_call *c, const llm_bytes *value, int64_t now_us, int64_t expires_us)
{
	llm_service *svc = c->svc;
	const cache_put_row from = {c->workspace, c->cache->key, c->res.run_id, c->at->cand.id,
		*value, now_us, expires_us};
	llm_job *j = job_of(svc);
	const int32_t rc = j ? cache_row_put(j, &from) : LLM_E_NOMEM;

	if (rc) {
		job_free(j);
		caching_warn(svc, "an answer is not kept", rc);
		return;
	}
	send(j, NULL, UINT64_MAX);
	/* Equal runs may have looked for it already. */
	(void)cache_put(&svc->caching.memory, c->cache->key, value, now_us, expires_us);
	caching_count(&svc->caching.stored);
	grow(svc, value->len);
}

static void keep(llm_call *c, const llm_bytes *value)
{
	llm_service *svc = c->svc;
	const int64_t now_us = clock_utc_us(&svc->time);
	uint64_t chance;
	int64_t expires_us;
	int32_t rc;

	clock_random(&svc->time, &chance, sizeof(chance));
	expires_us = cache_expiry_us(now_us, c->cache->ttl_ms, chance);
	if (c->set->conf->cache.store == CACHE_SQL) {
		keep_row(c, value, now_us, expires_us);
		return;
	}
	rc = cache_put(&svc->caching.memory, c->cache->key, value, now_us, expires_us);
	atomic_store(&svc->caching.evicted, svc->caching.memory.evicted);
	if (rc == LLM_E_NOMEM)
		caching_warn(svc, "an answer is not kept", rc);
	else
		caching_count(rc ? &svc->caching.not_stored : &svc->caching.stored);
}

void caching_store(llm_call *c)
{
	llm_err err = LLM_ERR_INIT;
	int32_t rc;
	buf out;

	if (!(c->cache->mode & CACHE_WRITE) || c->res.cache_event == LLM_CACHE_HIT)
		return;
	if (!is_keepable(c)) {
		caching_count(&c->svc->caching.not_stored);
		return;
	}
	layer_enter(c->svc, LAYER_CACHE_STORE);
	buf_init(&out, &c->mem, 0);
	rc = caching_key(c, c->at, &err);
	if (!rc)
		rc = replay_write(c, &out);
	if (rc)
		caching_warn(c->svc, "an answer is not kept", rc);
	else if (out.len > c->svc->caching.memory.entry_max)
		caching_count(&c->svc->caching.not_stored);
	else
		keep(c, &(llm_bytes){buf_text(&out), out.len});
	buf_done(&out);
}
