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

	for (i = 0; i < n; i++) {
		ids[i] = s->told[i].e->id;
		whats[i] = s->told[i].what;
	}
	s->n_told = 0;
	pthread_mutex_unlock(&s->lock);
	for (i = 0; i < n; i++)
		log_line(&svc->log, LLM_LOG_INFO, "breaker of %s: %s", ids[i],
			change_name(whats[i]));
}

int slots_admit(llm_service *svc, cand_state *s, uint32_t who, breaker_ticket *ret)
{
	int in;

	if (!s || !s->health)
		return 1;
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

static void pump(llm_service *svc, uint64_t at_ns)
{
	slots *s = &svc->slots;

	if (!s->limiter.waiting)
		return;
	s->pump.fn = on_pump;
	loop_timer_set(svc->loop, &s->pump, at_ns);
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
	w->provider = &c->at->up->slots;
	w->candidate = &s->limit;
	w->tokens = s->limit.tokens.per_minute ? estimate(c) : 0;
	w->expires_ns = clock_after_ns(now, c->at->queue_ns);
	if (w->expires_ns > c->deadline_ns)
		w->expires_ns = c->deadline_ns;
	rc = limiter_ask(&c->svc->slots.limiter, w, c->workspace, now);
	if (rc == LIMITER_WAITS)
		pump(c->svc, now);
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
	pump(c->svc, loop_now(c->svc->loop));
}

/* ---- candidates ---- */

static uint32_t slots_of(const target *t, const conf_model *m)
{
	if (m && m->max_concurrency)
		return m->max_concurrency;
	return t->up->slots.slots.limit;
}

static int64_t a_minute(int64_t n)
{
	return n < BUCKET_MAX ? n : BUCKET_MAX;
}

static cand_state *make(llm_service *svc, const target *t)
{
	const conf_model *m = conf_model_named(svc->conf, t->cand.id);
	cand_state *s = mem_new(&svc->mem, sizeof(*s));

	if (!s)
		return NULL;
	if (idmap_put(&svc->slots.candidates, t->cand.id, s)) {
		mem_free(&svc->mem, s);
		return NULL;
	}
	s->window = m ? m->caps.max_input_tokens : 0;
	limiter_candidate_init(&s->limit, slots_of(t, m), svc->conf->adaptive == ADAPTIVE_AIMD,
		a_minute(m && m->rpm ? m->rpm : t->up->end->rpm),
		a_minute(m && m->tpm ? m->tpm : t->up->end->tpm), loop_now(svc->loop));
	pthread_mutex_lock(&svc->slots.lock);
	if (breakers_get(&svc->slots.health, t->cand.id, &s->health))
		s->health = NULL;
	pthread_mutex_unlock(&svc->slots.lock);
	return s;
}

void slots_find(llm_call *c)
{
	slots *s = &c->svc->slots;
	size_t i;

	for (i = 0; i < c->n_plan; i++) {
		target *t = &c->plan[i];

		t->state = idmap_get(&s->candidates, t->cand.id);
		if (!t->state && s->candidates.n < BREAKERS_MAX)
			t->state = make(c->svc, t);
	}
}

/* ---- life ---- */

void slots_init(llm_service *svc)
{
	slots *s = &svc->slots;
	const conf *c = svc->conf;
	const breaker_rules rules = rules_of(&c->breaker);
	const breakers_hooks hooks = {.ctx = s, .changed = note};

	limiter_init(&s->limiter, &svc->mem, c->limit_service ? c->limit_service : LIMITER_SERVICE,
		c->limit_workspace ? c->limit_workspace : LIMITER_WORKSPACE);
	breakers_init(&s->health, &svc->mem, &svc->time, &rules, &hooks);
}

void slots_done(llm_service *svc)
{
	slots *s = &svc->slots;
	size_t i;

	for (i = 0; i < s->candidates.n; i++)
		mem_free(&svc->mem, s->candidates.slots[i].value);
	idmap_done(&s->candidates);
	breakers_done(&s->health);
	limiter_done(&s->limiter);
}
