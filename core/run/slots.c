#include "slots.h"

#include <string.h>

#include "base/alloc.h"
#include "attempt.h"

/* ---- health ---- */

/* Called under the lock: a log function may look at the health itself. */
static void note(void *ctx, const breakers_entry *e, uint32_t what)
{
	slots *s = ctx;

	if (s->n_told == SLOTS_TOLD)
		return;
	s->told[s->n_told].e = e;
	s->told[s->n_told++].what = what;
}

/* As it was when the service before this one ended. */
static int kept(void *ctx, const char *id, breaker_saved *ret)
{
	const llm_service *svc = (const llm_service *)(void *)((char *)ctx -
		offsetof(llm_service, slots));

	return ledger_health_load(&svc->ledger, id, ret);
}

static const char *change_name(uint32_t what)
{
	switch (what) {
	case BREAKER_CHANGED_OPEN:
		return "open: it is left alone for a while";
	case BREAKER_CHANGED_HALF:
		return "half open: one attempt at a time tries it";
	case BREAKER_CHANGED_CLOSED:
		return "closed: it answers again";
	case BREAKER_CHANGED_COOLING:
		return "cooling, as it asked for";
	default:
		return "reset";
	}
}

/* One line for each transition (R-CB-9). */
static void unlock_and_tell(llm_service *svc)
{
	slots *s = &svc->slots;
	size_t n = s->n_told, i;
	const char *ids[SLOTS_TOLD];
	uint32_t whats[SLOTS_TOLD];
	breaker_saved saved[SLOTS_TOLD];

	for (i = 0; i < n; i++) {
		if (svc->ledger.mode)
			breaker_save(&s->told[i].e->state, clock_ns(&svc->time),
				clock_utc_us(&svc->time), &saved[i]);
		ids[i] = s->told[i].e->id;
		whats[i] = s->told[i].what;
	}
	s->n_told = 0;
	pthread_mutex_unlock(&s->lock);
	for (i = 0; i < n; i++) {
		log_line(&svc->log, LLM_LOG_INFO, "breaker of %s: %s", ids[i],
			change_name(whats[i]));
		if (svc->ledger.mode)
			ledger_health_put(svc, ids[i], &saved[i]);
	}
}

int slots_admit(llm_service *svc, cand_state *s, uint32_t who, breaker_ticket *ret)
{
	int in;

	if (!s || !s->health)
		return 1;
	if (slots_is_off(s))
		return 0;
	pthread_mutex_lock(&svc->slots.lock);
	in = breakers_admit(&svc->slots.health, s->health, who, ret);
	unlock_and_tell(svc);
	return in;
}

uint32_t slots_settle(
	llm_service *svc, cand_state *s, const breaker_ticket *t, int32_t code, int64_t server_ms)
{
	uint32_t changed;

	if (!s || !s->health)
		return 0;
	pthread_mutex_lock(&svc->slots.lock);
	changed = breakers_settle(&svc->slots.health, s->health, t, code, server_ms);
	unlock_and_tell(svc);
	return changed;
}

uint64_t slots_ready_ns(llm_service *svc, const cand_state *s)
{
	const uint64_t now = clock_ns(&svc->time);
	uint64_t at;

	if (!s || !s->health)
		return 0;
	if (slots_is_off(s))
		return UINT64_MAX;
	pthread_mutex_lock(&svc->slots.lock);
	at = breaker_ready_ns(&s->health->state, &svc->slots.health.rules, now);
	pthread_mutex_unlock(&svc->slots.lock);
	return at > now ? at : 0;
}

int slots_overtaken(llm_service *svc, const cand_state *s, const breaker_ticket *t)
{
	int moved;

	if (!s || !s->health || t->kind != BREAKER_PLAIN)
		return 0;
	pthread_mutex_lock(&svc->slots.lock);
	moved = s->health->state.epoch != t->epoch;
	pthread_mutex_unlock(&svc->slots.lock);
	return moved || slots_ready_ns(svc, s);
}

/* ---- models that are not there ---- */

#define MISSING_NS (30 * NS_PER_S)

static uint64_t epoch_of(llm_service *svc, const cand_state *s)
{
	uint64_t epoch;

	pthread_mutex_lock(&svc->slots.lock);
	epoch = s->health->state.epoch;
	pthread_mutex_unlock(&svc->slots.lock);
	return epoch;
}

void slots_miss(llm_call *c)
{
	cand_state *s = c->at->state;

	if (!s || !s->health)
		return;
	if (!s->missing)
		s->missing = mem_new(&c->svc->mem, sizeof(*s->missing));
	if (!s->missing)
		return; /* it is asked again, that is all */
	*s->missing = c->res.error;
	s->missing_ns = loop_now(c->svc->loop);
	s->missing_epoch = epoch_of(c->svc, s);
}

const llm_err *slots_missing(llm_service *svc, const cand_state *s, uint64_t *ret_until_ns)
{
	uint64_t until;

	if (!s || !s->missing_ns)
		return NULL;
	until = clock_after_ns(s->missing_ns, MISSING_NS);
	if (loop_now(svc->loop) >= until || epoch_of(svc, s) != s->missing_epoch)
		return NULL;
	*ret_until_ns = until;
	return s->missing;
}

static const char *id_at(llm_service *svc, size_t i)
{
	const breakers_entry *e;

	pthread_mutex_lock(&svc->slots.lock);
	e = breakers_at(&svc->slots.health, i);
	pthread_mutex_unlock(&svc->slots.lock);
	return e ? e->id : NULL;
}

static size_t reset_one(llm_service *svc, const char *id)
{
	size_t n;

	pthread_mutex_lock(&svc->slots.lock);
	n = breakers_reset(&svc->slots.health, id);
	unlock_and_tell(svc);
	return n;
}

size_t slots_reset(llm_service *svc, const char *id)
{
	size_t i;

	if (id)
		return reset_one(svc, id);
	for (i = 0; (id = id_at(svc, i)); i++)
		(void)reset_one(svc, id);
	return i;
}

int slots_is_off(const cand_state *s)
{
	return s && s->health && atomic_load(&s->health->switched) == SNAPSHOT_OFF;
}

int32_t slots_switch(llm_service *svc, const char *id, uint32_t how)
{
	static const char *const names[] = {"on", "off", "draining: runs under way end"};
	breakers_entry *e;
	int32_t rc;

	pthread_mutex_lock(&svc->slots.lock);
	rc = breakers_get(&svc->slots.health, id, &e);
	if (!rc)
		atomic_store(&e->switched, how);
	pthread_mutex_unlock(&svc->slots.lock);
	if (!rc)
		log_line(&svc->log, LLM_LOG_INFO, "%s was switched %s", id, names[how]);
	return rc;
}

static uint64_t or_usual(uint64_t ms, uint64_t usual_ns)
{
	return ms ? ms * NS_PER_MS : usual_ns;
}

static breaker_rules rules_of(const conf_breaker *c)
{
	breaker_rules r = breaker_rules_usual();

	r.in_a_row = c->failures ? c->failures : r.in_a_row;
	r.outcomes = c->outcomes ? c->outcomes : r.outcomes;
	r.share = c->share ? c->share : r.share;
	r.probes = c->probes ? c->probes : r.probes;
	r.open_ns = or_usual(c->open, r.open_ns);
	r.open_max_ns = or_usual(c->open_max, r.open_max_ns);
	r.account_ns = or_usual(c->account, r.account_ns);
	r.calm_ns = or_usual(c->calm, r.calm_ns);
	r.cool_ns = or_usual(c->cool, r.cool_ns);
	r.cool_long_ns = or_usual(c->cool_long, r.cool_long_ns);
	return r;
}

/* ---- slots ---- */

static void on_pump(loop_timer *t)
{
	llm_service *svc = (llm_service *)(void *)((char *)t - offsetof(llm_service, slots.pump));
	limiter *l = &svc->slots.limiter;
	const uint64_t now = loop_now(svc->loop);
	limit_waiter *w;
	uint64_t due;

	while ((w = limiter_next(l, now)))
		run_granted((llm_call *)(void *)((char *)w - offsetof(llm_call, slot)));
	due = limiter_due_ns(l, now);
	if (due != UINT64_MAX && !t->armed)
		loop_timer_set(svc->loop, t, due);
}

static void pump(llm_service *svc)
{
	slots *s = &svc->slots;

	if (!s->limiter.waiting)
		return;
	s->pump.fn = on_pump;
	loop_timer_set(svc->loop, &s->pump, loop_now(svc->loop));
}

/* A token is about four bytes; what comes out is corrected when it is known. */
static int64_t estimate(const llm_call *c)
{
	const llm_request_view *v = &c->rq->view;
	int64_t n = v->max_output_tokens > 0 ? v->max_output_tokens : 0;
	size_t i, k;

	for (i = 0; i < v->n_messages; i++)
		for (k = 0; k < v->messages[i]->n_parts; k++)
			n += (int64_t)(v->messages[i]->parts[k]->text.len / 4 + 1);
	return n;
}

int32_t slots_take(llm_call *c)
{
	cand_state *s = c->at->state;
	limit_waiter *w = &c->slot;
	const uint64_t now = loop_now(c->svc->loop);
	int32_t rc;

	if (!s)
		return 0;
	w->provider = &c->at->up->use->slots;
	w->candidate = &s->limit;
	w->tokens = s->limit.tokens.per_minute ? estimate(c) : 0;
	w->expires_ns = clock_after_ns(now, c->at->queue_ns);
	if (w->expires_ns > c->deadline_ns)
		w->expires_ns = c->deadline_ns;
	rc = limiter_ask(&c->svc->slots.limiter, w, c->workspace, now);
	if (rc == LIMITER_WAITS)
		pump(c->svc);
	return rc;
}

static int64_t used_tokens(const llm_call *c)
{
	const llm_usage *u = &c->res.usage;

	if (!c->att || !c->att->clock.sent_ns)
		return 0;
	if (u->input_tokens == LLM_TOKENS_UNKNOWN && u->output_tokens == LLM_TOKENS_UNKNOWN)
		return c->slot.tokens;
	return (u->input_tokens > 0 ? u->input_tokens : 0) +
		(u->output_tokens > 0 ? u->output_tokens : 0);
}

void slots_leave(llm_call *c)
{
	limit_waiter *w = &c->slot;

	if (w->state == LIMIT_IDLE)
		return;
	if (w->state == LIMIT_HOLDING && w->tokens)
		bucket_correct(&w->candidate->tokens, w->tokens, used_tokens(c));
	limiter_leave(&c->svc->slots.limiter, w);
	pump(c->svc);
}

/* ---- candidates ---- */

#define SAID_NS (30 * NS_PER_S) /* what the provider said is past then */

uint32_t slots_loaded(const cand_state *s, uint64_t now_ns)
{
	const uint64_t used = s->used_ns;

	/* An answer that came later is newer than what was said. */
	if (s->loaded != LLM_LOADED_UNKNOWN && now_ns - s->loaded_ns < SAID_NS &&
		used <= s->loaded_ns)
		return s->loaded;
	return used && now_ns - used < SLOTS_KEPT_NS ? LLM_LOADED_WARM : LLM_LOADED_UNKNOWN;
}

static uint32_t slots_of(const upstream *up, const conf_model *m)
{
	return m && m->max_concurrency ? m->max_concurrency : up->most;
}

static int64_t a_minute(int64_t n)
{
	return n < BUCKET_MAX ? n : BUCKET_MAX;
}

/* A model's own limits count before those of its endpoint. */
static limit_candidate limits_of(const conf *c, const char *id, const upstream *up, uint64_t now_ns)
{
	const conf_model *m = conf_model_named(c, id);
	limit_candidate l;

	limiter_candidate_init(&l, slots_of(up, m), c->adaptive == ADAPTIVE_AIMD,
		a_minute(m && m->rpm ? m->rpm : up->end->rpm),
		a_minute(m && m->tpm ? m->tpm : up->end->tpm), now_ns);
	return l;
}

static int64_t window_of(const conf *c, const char *id)
{
	const conf_model *m = conf_model_named(c, id);

	return m ? m->caps.max_input_tokens : 0;
}

static cand_state *make(llm_call *c, const target *t)
{
	llm_service *svc = c->svc;
	cand_state *s = mem_new(&svc->mem, sizeof(*s));

	if (!s)
		return NULL;
	if (idmap_put(&svc->slots.candidates, t->cand.id, s)) {
		mem_free(&svc->mem, s);
		return NULL;
	}
	s->window = window_of(c->set->conf, t->cand.id);
	s->limit = limits_of(c->set->conf, t->cand.id, t->up, loop_now(svc->loop));
	pthread_mutex_lock(&svc->slots.lock);
	if (breakers_get(&svc->slots.health, t->cand.id, &s->health))
		s->health = NULL;
	pthread_mutex_unlock(&svc->slots.lock);
	return s;
}

cand_state *slots_state(llm_call *c, const target *t)
{
	const slots *all = &c->svc->slots;
	cand_state *s = idmap_get(&all->candidates, t->cand.id);

	return s || all->candidates.n >= BREAKERS_MAX ? s : make(c, t);
}

void slots_find(llm_call *c)
{
	size_t i;

	for (i = 0; i < c->n_plan; i++) {
		target *t = &c->plan[i];

		t->state = slots_state(c, t);
		if (t->state && t->state->health)
			t->state->switched = atomic_load(&t->state->health->switched);
	}
}

/* ---- another configuration ---- */

static uint32_t in_all(const conf *c)
{
	return c->limit_service ? c->limit_service : LIMITER_SERVICE;
}

static uint32_t in_workspace(const conf *c)
{
	return c->limit_workspace ? c->limit_workspace : LIMITER_WORKSPACE;
}

/* Who serves a candidate, as far as it was asked for: "work#eu" of "work#eu/model". */
static upstream *server_of(confset *set, const char *id)
{
	char name[2 * RESOLVE_NAME];
	const size_t len = strcspn(id, "/");

	if (len >= sizeof(name))
		return NULL;
	memcpy(name, id, len);
	name[len] = '\0';
	return idmap_get(&set->upstreams, name);
}

static void adopt_candidate(
	llm_service *svc, confset *set, const char *id, cand_state *s, uint64_t now_ns)
{
	upstream *up;
	limit_candidate to;

	s->window = window_of(set->conf, id);
	s->caps_known = 0;
	s->missing_ns = 0;
	pthread_mutex_lock(&svc->lock);
	up = server_of(set, id);
	pthread_mutex_unlock(&svc->lock);
	if (!up) /* nobody has asked for it again */
		return;
	to = limits_of(set->conf, id, up, now_ns);
	limiter_provider_resize(&up->use->slots, up->most, up->queue_max);
	up->use->engine_ns = 0; /* another build may have more to say */
	limiter_candidate_resize(&svc->slots.limiter, &s->limit, &to);
}

void slots_adopt(llm_service *svc, confset *set)
{
	slots *s = &svc->slots;
	const uint64_t now = loop_now(svc->loop);
	size_t i;

	limiter_resize(&s->limiter, in_all(set->conf), in_workspace(set->conf));
	for (i = 0; i < s->candidates.n; i++)
		adopt_candidate(
			svc, set, s->candidates.slots[i].key, s->candidates.slots[i].value, now);
	pthread_mutex_lock(&s->lock);
	s->health.rules = rules_of(&set->conf->breaker);
	pthread_mutex_unlock(&s->lock);
	pump(svc);
}

/* ---- life ---- */

void slots_init(llm_service *svc)
{
	slots *s = &svc->slots;
	const conf *c = svc->set->conf;
	const breaker_rules rules = rules_of(&c->breaker);
	const breakers_hooks hooks = {.ctx = s, .load = kept, .changed = note};

	limiter_init(&s->limiter, &svc->mem, in_all(c), in_workspace(c));
	breakers_init(&s->health, &svc->mem, &svc->time, &rules, &hooks);
}

void slots_done(llm_service *svc)
{
	slots *s = &svc->slots;
	size_t i;

	for (i = 0; i < s->candidates.n; i++) {
		cand_state *one = s->candidates.slots[i].value;

		mem_free(&svc->mem, one->missing);
		mem_free(&svc->mem, one);
	}
	idmap_done(&s->candidates);
	breakers_done(&s->health);
	limiter_done(&s->limiter);
}
