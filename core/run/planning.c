#include "planning.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "chains.h"
#include "route/affinity.h"
#include "route/tokens.h"
#include "routing.h"

#define PLAN_IS_ALL (LLM_CALL_PLAN_ONLY | LLM_CALL_DRY_RUN)

/* ---- what is known of a model ---- */

/*
 * A local engine may hand a model's requests on to a cloud. Of the other plugins the place of
 * the server says it all.
 */
static void take_answer(const target *t, const llm_caps *caps, uint32_t source, caps_matrix *m)
{
	caps_take(m, caps, source);
	if (t->up->plug->info->locality == LLM_LOCALITY_LOCAL &&
		caps->locality == LLM_LOCALITY_CLOUD)
		m->elsewhere = LLM_LOCALITY_CLOUD;
}

/* What the plugin cannot say is unknown; the attempt will find out. */
static void take_plugin(llm_call *c, const target *t, caps_matrix *m)
{
	llm_caps caps = {.struct_size = (uint32_t)sizeof(caps)};
	llm_err why = LLM_ERR_INIT;
	instance *in = t->up->in;
	int32_t rc;

	instance_enter(in, "capabilities", &c->ar);
	rc = t->up->plug->provider->capabilities(
		instance_handle(in), t->cand.model ? t->cand.model : "", &caps);
	if (instance_end(in, "capabilities", rc, &why))
		return;
	take_answer(t, &caps, CAPS_FROM_PLUGIN, m);
}

const caps_matrix *planning_caps(llm_call *c, const target *t, caps_matrix *scratch)
{
	caps_matrix *m = t->state ? &t->state->caps : scratch;
	const conf_model *said;

	if (t->state && t->state->caps_known)
		return m;
	memset(m, 0, sizeof(*m));
	said = conf_model_named(c->set->conf, t->cand.id);
	if (said)
		caps_take(m, &said->caps, CAPS_FROM_CONFIG);
	if (t->state && t->state->answer.struct_size)
		take_answer(t, &t->state->answer, CAPS_FROM_ANSWER, m);
	take_plugin(c, t, m);
	caps_take_table(m, t->up->plug->name, t->cand.model ? t->cand.model : "");
	if (t->state)
		t->state->caps_known = 1;
	return m;
}

static uint32_t place_of(const target *t, const caps_matrix *m)
{
	return m->elsewhere ? m->elsewhere : t->up->locality;
}

uint32_t planning_locality(llm_call *c, const target *t)
{
	caps_matrix scratch;

	return place_of(t, planning_caps(c, t, &scratch));
}

/* For those of other chains: what rank_plan says of the general one. */
int planning_fits(llm_call *c, const target *t)
{
	caps_matrix scratch;
	const caps_matrix *m = planning_caps(c, t, &scratch);
	const int64_t window = m->max_input_tokens;
	uint32_t missing;

	if (c->local_only && place_of(t, m) != LLM_LOCALITY_LOCAL)
		return 0;
	if (t->state && t->state->switched != SNAPSHOT_ON)
		return 0;
	if (caps_fit(m->value, caps_required(&c->rq->view), &missing) == CAPS_LACKS)
		return 0;
	return window <= 0 || planning_tokens(c) - window <= window / 10;
}

int64_t planning_tokens(llm_call *c)
{
	if (!c->input_tokens)
		c->input_tokens = tokens_of_request(&c->rq->view);
	return c->input_tokens;
}

static uint32_t required(const llm_call *c)
{
	return caps_required(&c->rq->view);
}

/* ---- is there anything to decide? ---- */

/* Of plain text no tokenizer makes more tokens than this; -1: it is not only plain text. */
static int64_t at_most_tokens(const llm_request_view *v)
{
	int64_t n = 0;
	size_t i, k;

	if (v->n_tools || v->schema.len)
		return -1;
	for (i = 0; i < v->n_messages; i++) {
		n += 8;
		for (k = 0; k < v->messages[i]->n_parts; k++) {
			if (v->messages[i]->parts[k]->kind != LLM_PART_TEXT)
				return -1;
			n += 2 * (int64_t)v->messages[i]->parts[k]->text.len;
		}
	}
	return n;
}

/* Longer than the window for sure, or too near to it to know without counting. */
static int may_be_too_long(const llm_call *c, int64_t window)
{
	int64_t most;

	if (window <= 0)
		return 0;
	most = at_most_tokens(&c->rq->view);
	return most < 0 || most > window;
}

/* Candidates that can all do the same, in order: what is asked first follows from health. */
static int all_alike(llm_call *c)
{
	const uint32_t needs = required(c);
	caps_matrix scratch;
	uint32_t missing;
	int first = 0;
	size_t i;

	for (i = 0; i < c->n_general; i++) {
		const caps_matrix *m = planning_caps(c, &c->plan[i], &scratch);
		const int fit = caps_fit(m->value, needs, &missing);

		if (!i)
			first = fit;
		if (fit == CAPS_LACKS || fit != first || may_be_too_long(c, m->max_input_tokens))
			return 0;
	}
	return 1;
}

/* Does the call want its decision recorded? */
static int is_told(const llm_call *c)
{
	return (c->flags & (LLM_CALL_EXPLAIN | PLAN_IS_ALL)) || c->rec ||
		c->svc->log.level >= LLM_LOG_DEBUG;
}

static int has_policy(const route_profile *p)
{
	return p && p->policy.vt && !p->given_up;
}

static int is_switched(const llm_call *c)
{
	uint32_t any = 0;
	size_t i;

	for (i = 0; i < c->n_plan; i++)
		any |= c->plan[i].state ? c->plan[i].state->switched : 0;
	return any != 0;
}

static int is_plain(llm_call *c)
{
	if (is_told(c) || c->local_only || is_switched(c))
		return 0;
	if (c->n_general < 2)
		return !c->plan->state || !may_be_too_long(c, c->plan->state->window);
	return !(c->by && c->by->policy.vt) && !(c->flags & LLM_CALL_NO_FALLBACKS) && all_alike(c);
}

/* ---- the snapshot ---- */

/*
 * Who would let a usual attempt in now is as good as closed: of those that are half open one
 * at a time is, and so it is found out that they are well again.
 */
static void fill_health(const llm_call *c, const cand_state *s, llm_candidate_view *v)
{
	slots *all = &c->svc->slots;
	const uint64_t now = clock_ns(&c->svc->time);
	uint64_t at, ms;
	uint32_t state;
	int cools;

	if (!s->health)
		return;
	pthread_mutex_lock(&all->lock);
	at = breaker_ready_ns(&s->health->state, &all->health.rules, now);
	state = breaker_state(&s->health->state, now);
	cools = s->health->state.cooling_ns > now;
	pthread_mutex_unlock(&all->lock);
	if (at <= now)
		return;
	ms = (at - now + NS_PER_MS - 1) / NS_PER_MS;
	v->ready_ms = ms < INT64_MAX ? (int64_t)ms : INT64_MAX;
	v->health = cools	      ? LLM_CANDIDATE_COOLING :
		state == BREAKER_OPEN ? LLM_CANDIDATE_OPEN :
					LLM_CANDIDATE_HALF_OPEN;
}

static uint32_t loaded_as(const llm_call *c, const target *t)
{
	const cand_state *s = t->state;

	/* Only of engines that load models it means something. */
	return t->warm_ns == UINT64_MAX ? LLM_LOADED_UNKNOWN :
					  slots_loaded(s, loop_now(c->svc->loop));
}

static void fill_state(const llm_call *c, const target *t, snapshot_candidate *to)
{
	const cand_state *s = t->state;

	fill_health(c, s, &to->view);
	to->switched = s->switched;
	to->view.loaded = loaded_as(c, t);
	to->view.in_flight = s->limit.slots.used;
	to->view.limit = s->limit.slots.limit;
	to->view.waiting = s->limit.waiting;
	to->view.latency_us = stats_latency_us(&s->latency, routing_now_ms(c->set->routing));
}

static int64_t or_unknown(int64_t value)
{
	return value > 0 ? value : -1;
}

static void fill_price(llm_call *c, const target *t, llm_candidate_view *v)
{
	const price_row *row = pricing_of(c, t);
	const price *p = row ? price_for(row, planning_tokens(c)) : NULL;

	if (!p)
		return;
	v->input_picousd = p->input;
	v->output_picousd = p->output;
}

static int32_t fill_candidate(llm_call *c, const target *t, snapshot *s)
{
	snapshot_candidate *to = snapshot_add(s, t->cand.id);
	caps_matrix scratch;
	const caps_matrix *m;

	if (!to)
		return LLM_E_NOMEM;
	m = planning_caps(c, t, &scratch);
	memcpy(to->caps, m->value, sizeof(m->value));
	to->view.max_input_tokens = or_unknown(m->max_input_tokens);
	to->view.max_output_tokens = or_unknown(m->max_output_tokens);
	to->view.level = t->level;
	to->view.weight = t->weight;
	to->view.locality = place_of(t, m);
	fill_price(c, t, &to->view);
	if (t->state)
		fill_state(c, t, to);
	return 0;
}

/* Only who wants it pays for hashes of the prompt's head. */
static int32_t fill_affinity(llm_call *c, snapshot *s)
{
	affinity_head head;
	sha256 *h;
	int32_t rc = affinity_of(&c->rq->view, c->workspace, &head);
	uint32_t i;

	if (rc)
		return rc;
	s->affinity_key = c->affinity_key = head.key;
	s->affinity_bytes = head.bytes;
	for (i = 0; !rc && i < s->n; i++) {
		h = sha256_new();
		rc = h ? affinity_score(h, &head, s->candidates[i].view.id,
				 &s->candidates[i].view.affinity_u64) :
			 LLM_E_NOMEM;
		sha256_free(h);
	}
	return rc;
}

static void fill_request(llm_call *c, const route_profile *p, snapshot *s)
{
	const llm_request_view *v = &c->rq->view;

	s->policy = p ? p->policy.name : "ordered";
	s->required = required(c);
	s->local_only = c->local_only;
	s->stream = (c->flags & LLM_CALL_STREAM) != 0;
	s->now_ms = routing_now_ms(c->set->routing);
	s->input_tokens = planning_tokens(c);
	s->output_tokens = v->max_output_tokens > 0 ? v->max_output_tokens : -1;
	if (!has_policy(p))
		return;
	if (p->state_len)
		s->state = (llm_bytes){p->state, p->state_len};
	s->seed = c->split_key;
	if (!s->seed)
		clock_random(&c->svc->time, &s->seed, sizeof(s->seed));
}

static int32_t freeze(llm_call *c, const route_profile *p, snapshot *s, llm_err *err)
{
	int32_t rc = 0;
	size_t i;

	snapshot_clear(s);
	fill_request(c, p, s);
	for (i = 0; !rc && i < c->n_general; i++)
		rc = fill_candidate(c, &c->plan[i], s);
	if (!rc && has_policy(p) && p->info && (p->info->flags & LLM_POLICY_AFFINITY))
		rc = fill_affinity(c, s);
	if (rc)
		return err_set(err, rc, "no memory to plan the run");
	return snapshot_seal(s, err);
}

/* ---- the order ---- */

static int32_t warn_refused(llm_call *c, const route_profile *p, const plan *made)
{
	char text[400];
	char *copy;
	int n = snprintf(text, sizeof(text), "the policy %.60s was not followed: %s",
		p ? p->policy.name : "", made->refusal);

	if (n < 0)
		return 0;
	copy = arena_str(&c->ar, text);
	return copy ? call_push(&c->ar, &c->res.warnings, copy) : LLM_E_NOMEM;
}

/* Those of the plan in its order, then who was left out. */
static int32_t apply(llm_call *c, const snapshot *s, const plan *made)
{
	const uint32_t most = c->flags & LLM_CALL_NO_FALLBACKS ? 1 : made->n_order;
	target *sorted = arena_array(&c->ar, c->n_plan, sizeof(*sorted));
	size_t k = 0;
	uint32_t i;

	if (!sorted)
		return LLM_E_NOMEM;
	for (i = 0; i < made->n_order; i++) {
		sorted[k] = c->plan[s->candidates[made->order[i]].view.position];
		sorted[k++].left_out = i >= most;
	}
	for (i = 0; i < made->n; i++) {
		if (made->rows[i].rank != UINT32_MAX && made->rows[i].removed == RANK_KEPT)
			continue;
		sorted[k] = c->plan[s->candidates[i].view.position];
		sorted[k++].left_out = 1;
	}
	for (; k < c->n_plan; k++)
		sorted[k] = c->plan[k];
	c->plan = c->at = sorted;
	return 0;
}

int32_t planning_run(llm_call *c)
{
	routing *r = c->set->routing;
	llm_err *err = &c->res.error;
	int32_t rc;

	if (c->op != OP_CHAT || is_plain(c))
		return 0;
	rc = freeze(c, c->by, &r->snap, err);
	if (rc)
		return rc;
	rc = routing_rank(r, c->by, err);
	if (is_told(c) && rc != LLM_E_NOMEM)
		decision_plan(c);
	if (!rc && r->made.refusal[0])
		rc = warn_refused(c, c->by, &r->made);
	if (!rc)
		rc = apply(c, &r->snap, &r->made);
	/* A sole candidate says itself what it lacks, and better. */
	if (rc == LLM_E_UNSUPPORTED && c->n_general < 2 && !(c->flags & PLAN_IS_ALL)) {
		err_clear(err);
		return 0;
	}
	if (rc == LLM_E_CONTEXT_LENGTH_EXCEEDED && chains_enter(c, CHAIN_CONTEXT)) {
		err_clear(err);
		return 0;
	}
	return rc == LLM_E_NOMEM ? err_set(err, rc, "out of memory") : rc;
}
