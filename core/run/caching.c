/* caching.c - what a call may do with stored answers, and finding one. */
#include "caching.h"

#include <string.h>

#include "base/err.h"
#include "call.h"
#include "canon.h"
#include "flight.h"
#include "layers.h"
#include "replay.h"
#include "store/canonical.h"
#include "store/workspace.h"
#include "wire/num.h"

#define US_PER_MS 1000
#define FAULT_QUIET_NS NS_PER_S

/* ---- a service ---- */

static size_t size_of(const char *text)
{
	uint64_t n = 0;

	if (text)
		(void)num_read_size(text, strlen(text), &n);
	return (size_t)n;
}

size_t caching_share(const llm_service *svc)
{
	return svc->caching.memory.size_max / CACHING_SHARES;
}

/* Services that end soon look as often in all as one that stays: each begins somewhere. */
static void begin_share(llm_service *svc)
{
	uint64_t chance;

	clock_random(&svc->time, &chance, sizeof(chance));
	svc->caching.grown = (size_t)clock_spread(chance, caching_share(svc));
}

int32_t caching_init(llm_service *svc, const llm_service_opts *opts, llm_err *err)
{
	const conf *cf = svc->set->conf;

	cache_init(&svc->caching.memory, &svc->mem, size_of(cf->cache.size),
		size_of(cf->cache.entry_max));
	if (cf->cache.store != CACHE_SQL || !caching_is_on(cf))
		return 0;
	begin_share(svc);
	if ((opts->jobs || conf_has_storage(cf)) && cf->storage.ledger != LEDGER_OFF)
		return 0;
	return err_set(err, LLM_E_CONFIG,
		"cache.store = \"sql\" keeps answers in the storage, and %s\n"
		"add storage = { plugin = \"sqlite\"; dsn = \"file:llm.db\"; }; or leave the store "
		"in memory",
		cf->storage.ledger == LEDGER_OFF ? "storage.ledger is off" : "there is none");
}

void caching_done(llm_service *svc)
{
	caching_collect(svc, caching_returned(svc));
	flight_done(svc);
	cache_done(&svc->caching.memory);
}

/* A storage that is gone would fill the log. */
void caching_warn(llm_service *svc, const char *what, int32_t code)
{
	caching *k = &svc->caching;
	const uint64_t now = loop_now(svc->loop);

	caching_count(&k->faults);
	if (k->warned_ns && now < clock_after_ns(k->warned_ns, FAULT_QUIET_NS))
		return;
	k->warned_ns = now;
	log_line(&svc->log, LLM_LOG_WARN, "cache: %s (%s)", what, llm_error_name(code));
}

/* ---- at submit ---- */

/* What is not said does not narrow; refreshing and reading do not go together. */
static uint32_t narrowed(uint32_t mode, uint32_t by)
{
	if (!(by & CACHE_SAID))
		return mode;
	mode &= by | CACHE_FRESH;
	return mode | ((mode & CACHE_WRITE) ? by & CACHE_FRESH : 0);
}

static uint32_t mode_of(uint32_t asked)
{
	static const uint32_t modes[] = {0, CACHE_SAID, CACHE_SAID | CACHE_READ | CACHE_WRITE,
		CACHE_SAID | CACHE_READ, CACHE_SAID | CACHE_WRITE,
		CACHE_SAID | CACHE_WRITE | CACHE_FRESH};

	return modes[asked];
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

static void fill(call_cache *k, const llm_call *c, const llm_call_opts *opts)
{
	const conf *cf = c->set->conf;
	const char *name = c->res.profile;
	const conf_profile *p = name ? conf_profile_named(cf, name) : NULL;

	k->mode = narrowed(narrowed(cf->cache.mode, p ? p->cache : 0), mode_of(opts->cache_mode));
	if (c->flags & LLM_CALL_NO_STORE)
		k->mode &= ~(uint32_t)CACHE_WRITE;
	k->shares = (k->mode & (CACHE_READ | CACHE_WRITE)) || cf->cache.coalesce;
	k->ttl_ms = sooner(cf->cache.ttl ? cf->cache.ttl : CACHING_TTL_MS, opts->cache_ttl_ms);
	k->max_age_ms = sooner(cf->cache.max_age, opts->cache_max_age_ms);
}

int32_t caching_open(llm_call *c, const llm_call_opts *opts, llm_err *err)
{
	const workspace_said said = {.request = *c->workspace ? c->workspace : NULL};
	call_cache *k;
	int32_t rc;

	if (c->flags & (LLM_CALL_PLAN_ONLY | LLM_CALL_DRY_RUN))
		return 0;
	rc = workspace_resolve(&said, 1, &c->workspace, err);
	if (rc)
		return rc;
	k = arena_new(&c->ar, sizeof(*k));
	if (!k)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	buf_init(&k->canonical, &c->mem, 0);
	fill(k, c, opts);
	c->cache = k;
	return 0;
}

void caching_forget(llm_call *c)
{
	if (c->cache)
		buf_done(&c->cache->canonical);
}

/* ---- is it of use to others? (R-CACHE-6) ---- */

static int is_repeatable(const llm_call *c)
{
	const llm_request_view *v = &c->rq->view;

	return c->set->conf->cache.nondeterministic || (v->has & LLM_HAS_SEED) ||
		((v->has & LLM_HAS_TEMPERATURE) && v->temperature == 0);
}

static const char *bypass_of(const llm_call *c)
{
	const call_cache *k = c->cache;

	if (!k->shares)
		return "switched off";
	if (!is_repeatable(c))
		return "neither temperature 0 nor a seed";
	if (c->flags & LLM_CALL_TRACE)
		return "the exchange is to be seen";
	return NULL;
}

static void bypass(llm_call *c, const char *why)
{
	c->res.cache_event = LLM_CACHE_BYPASS;
	c->res.cache_why = why;
	c->cache->shares = 0;
	c->cache->mode = 0;
	caching_count(&c->svc->caching.bypasses);
	log_line(&c->svc->log, LLM_LOG_DEBUG, "cache: run %s passes by: %s", c->res.run_id, why);
}

/* ---- keys ---- */

int32_t caching_key(llm_call *c, target *t, llm_err *err)
{
	call_cache *k = c->cache;
	const conf_cache *cf = &c->set->conf->cache;
	int32_t rc;

	if (k->of == t)
		return 0;
	buf_clear(&k->canonical);
	rc = canon_resolved(c->rq, t, &k->canonical, err);
	if (!rc) {
		rc = canonical_cache_key(&c->svc->ledger.rules, c->workspace,
			cf->space ? cf->space : "",
			&(llm_bytes){buf_text(&k->canonical), k->canonical.len}, &c->mem, k->key);
		if (rc)
			err_set(err, rc, "out of memory");
	}
	k->of = rc ? NULL : t;
	return rc;
}

/* ---- finding ---- */

cache_question caching_question(const llm_call *c)
{
	const call_cache *k = c->cache;

	return (cache_question){.workspace = c->workspace,
		.key = k->key,
		.canonical = {buf_text(&k->canonical), k->canonical.len},
		.now_us = clock_utc_us(&c->svc->time),
		.max_age_us = (int64_t)(k->max_age_ms * US_PER_MS)};
}

/* Of those that are to be looked for the next one; null: all were. */
static target *next_sought(llm_call *c)
{
	call_cache *k = c->cache;

	if (!k->seen++)
		return run_available(c);
	if (!c->set->conf->cache.any_candidate)
		return NULL;
	for (; k->seen - 2 < c->n_plan; k->seen++) {
		target *t = &c->plan[k->seen - 2];

		if (!t->left_out && t != k->of && (t->chains & c->chain)) {
			k->seen++;
			return t;
		}
	}
	return NULL;
}

void caching_drop(llm_call *c)
{
	static const char what[] = "a stored answer was not what was stored, and is deleted";

	c->res.cache_why = what;
	if (c->set->conf->cache.store == CACHE_SQL)
		caching_row(c, LLM_OP_CACHE_DROP);
	else
		cache_drop(&c->svc->caching.memory, c->cache->key);
	caching_warn(c->svc, what, LLM_E_PROTOCOL);
}

int caching_tell(llm_call *c, const cache_question *q, const cache_found *f)
{
	const int missed = c->res.cache_event == LLM_CACHE_MISS;
	const replay from = {.source = LLM_SOURCE_CACHE,
		.stored = f->value,
		.age_ms = cache_age_us(f->created_us, q->now_us) / US_PER_MS};
	int32_t rc;

	c->res.cache_event = LLM_CACHE_HIT;
	c->res.cache_why = NULL;
	rc = replay_end(c, &from);
	if (!rc) {
		caching_count(&c->svc->caching.hits);
		atomic_fetch_sub(&c->svc->caching.misses, (uint64_t)missed);
		return 1;
	}
	c->res.cache_event = LLM_CACHE_MISS;
	if (rc == LLM_E_NOMEM)
		caching_warn(c->svc, "no memory to tell a stored answer", rc);
	else
		caching_drop(c);
	return 0;
}

static int look_in_memory(llm_call *c)
{
	caching *k = &c->svc->caching;
	const cache_question q = caching_question(c);
	cache_found f;
	int found = cache_get(&k->memory, &q, &f);

	if (found == CACHE_DAMAGED)
		caching_drop(c);
	if (found != CACHE_HIT && k->lookup)
		found = k->lookup(k->lookup_ctx, &q, &f);
	return found == CACHE_HIT && caching_tell(c, &q, &f);
}

int caching_came(llm_call *c)
{
	const cache_question q = caching_question(c);
	cache_found f;

	return (c->cache->mode & CACHE_READ) &&
		cache_get(&c->svc->caching.memory, &q, &f) == CACHE_HIT && caching_tell(c, &q, &f);
}

/* ---- the layer ---- */

static int refuse(llm_call *c, int32_t code)
{
	run_complete_error(c, NULL, code);
	run_end(c, code);
	return 1;
}

int caching_go_on(llm_call *c)
{
	const int sql = c->set->conf->cache.store == CACHE_SQL;
	target *t;

	while ((t = next_sought(c))) {
		const int32_t rc = caching_key(c, t, &c->res.error);

		if (rc == LLM_E_INVALID_REQUEST)
			return refuse(c, rc);
		err_clear(&c->res.error);
		if (rc)
			caching_warn(c->svc, "no memory for a key", rc);
		else if (!(c->cache->mode & CACHE_READ))
			break;
		else if (sql ? caching_ask(c) : look_in_memory(c))
			return 1;
	}
	if (c->cache->mode & CACHE_READ) {
		c->res.cache_event = LLM_CACHE_MISS;
		caching_count(&c->svc->caching.misses);
	}
	return 0;
}

int caching_look(llm_call *c)
{
	const char *why = bypass_of(c);

	/* Memory learns nothing of a run that its host may roll back (R-UOW-6). */
	if (c->rec && c->rec->bound) {
		c->cache->mode &= ~(uint32_t)CACHE_WRITE;
		c->cache->shares = 0;
	}
	if (why) {
		bypass(c, why);
		return 0;
	}
	c->res.refreshed = (c->cache->mode & CACHE_FRESH) != 0;
	if (c->cache->mode & (CACHE_READ | CACHE_WRITE))
		layer_enter(c->svc, LAYER_CACHE);
	return caching_go_on(c);
}
