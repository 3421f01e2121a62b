/*
 * simulate.c - the events of a simulation in the order of their time: runs come, attempts end,
 * candidates change. Who has no free slot is passed over; a run that finds all full waits.
 */
#include "route/simulate.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "route/affinity.h"
#include "route/explain.h"

#define NOBODY UINT32_MAX
#define WHY_CAP 300

typedef struct sim_state {
	sim_world *w;
	const sim_policy *policy;
	breaker_rules rules;
	snapshot snap;
	plan plan;
	uint32_t *ends; /* a heap of runs whose attempt is under way, the next to end on top */
	uint32_t n_ends;
	uint32_t *waiting; /* runs that found every slot taken, first come first */
	uint32_t n_waiting;
	uint64_t now_ms;
	size_t kept_len;
	char kept[LLM_POLICY_STATE_MAX]; /* the policy's state */
} sim_state;

static sim_run *simulate_of(const sim_state *s, uint32_t run)
{
	return &s->w->runs[run];
}

/* The candidate that a run asks now. */
static uint32_t simulate_asked(const sim_run *r)
{
	return r->asked[r->n_asked - 1];
}

static uint64_t simulate_chance(const sim_state *s, uint32_t run)
{
	uint64_t x = (uint64_t)s->w->seed + (run + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* ---- the heap ---- */

static uint64_t simulate_end_ms(const sim_state *s, uint32_t run)
{
	const sim_run *r = simulate_of(s, run);

	return r->begun_ms + (uint64_t)r->end.total_ms;
}

/* Of those that end together the older run is first. */
static int simulate_before(const sim_state *s, uint32_t a, uint32_t b)
{
	const uint64_t x = simulate_end_ms(s, a), y = simulate_end_ms(s, b);

	return x != y ? x < y : a < b;
}

static void simulate_push(sim_state *s, uint32_t run)
{
	uint32_t i = s->n_ends++;

	for (; i && simulate_before(s, run, s->ends[(i - 1) / 2]); i = (i - 1) / 2)
		s->ends[i] = s->ends[(i - 1) / 2];
	s->ends[i] = run;
}

static uint32_t simulate_pop(sim_state *s)
{
	const uint32_t top = s->ends[0], last = s->ends[--s->n_ends];
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < s->n_ends) {
		if (child + 1 < s->n_ends && simulate_before(s, s->ends[child + 1], s->ends[child]))
			child++;
		if (!simulate_before(s, s->ends[child], last))
			break;
		s->ends[i] = s->ends[child];
		i = child;
	}
	s->ends[i] = last;
	return top;
}

/* ---- the plan of a run ---- */

static uint32_t simulate_health(const sim_state *s, const sim_candidate *c)
{
	const uint64_t now_ns = s->now_ms * NS_PER_MS;

	switch (breaker_state(&c->health, now_ns)) {
	case BREAKER_OPEN:
		return LLM_CANDIDATE_OPEN;
	case BREAKER_HALF_OPEN:
		return LLM_CANDIDATE_HALF_OPEN;
	default:
		return c->health.cooling_ns > now_ns ? LLM_CANDIDATE_COOLING : LLM_CANDIDATE_CLOSED;
	}
}

static uint32_t simulate_either(int64_t flag, uint32_t yes, uint32_t no)
{
	return flag < 0 ? 0 : flag ? yes : no; /* 0 stands for "unknown" */
}

static void simulate_view(const sim_state *s, const sim_candidate *c, llm_candidate_view *v)
{
	const uint64_t now_ns = s->now_ms * NS_PER_MS;
	const uint64_t ready_ns = breaker_ready_ns(&c->health, &s->rules, now_ns);

	v->position = (uint32_t)c->position;
	v->level = (uint32_t)c->level;
	v->health = simulate_health(s, c);
	v->locality = simulate_either(c->local, LLM_LOCALITY_LOCAL, LLM_LOCALITY_CLOUD);
	v->loaded = simulate_either(c->loaded, LLM_LOADED_WARM, LLM_LOADED_COLD);
	v->weight = (uint32_t)c->weight;
	v->in_flight = c->in_flight;
	v->limit = (uint32_t)c->limit;
	v->latency_us = stats_latency_us(&c->usual, s->now_ms);
	v->ready_ms = ready_ns > now_ns ? (int64_t)((ready_ns - now_ns) / NS_PER_MS) : 0;
	v->input_picousd = c->input_picousd;
	v->output_picousd = c->output_picousd;
	v->max_input_tokens = c->max_input_tokens;
}

static int32_t simulate_heads(sim_state *s, sim_run *r)
{
	affinity_head head = {.bytes = (uint32_t)r->moment->head_bytes};
	sha256 *h = sha256_new();
	uint32_t i;
	int32_t rc = h ? sha256_add(h, r->moment->head, strlen(r->moment->head)) : LLM_E_NOMEM;

	if (!rc)
		rc = sha256_take(h, head.digest);
	for (i = 0; i < 8; i++)
		head.key = head.key << 8 | head.digest[i];
	head.key += !head.key;
	r->affinity_key = s->snap.affinity_key = head.key;
	s->snap.affinity_bytes = head.bytes;
	for (i = 0; !rc && i < s->snap.n; i++)
		rc = affinity_score(h, &head, s->snap.candidates[i].view.id,
			&s->snap.candidates[i].view.affinity_u64);
	sha256_free(h);
	return rc;
}

static int32_t simulate_snapshot(sim_state *s, sim_run *r, uint32_t run)
{
	snapshot_candidate *c;
	uint32_t i;

	snapshot_clear(&s->snap);
	s->snap.policy = s->w->policy;
	s->snap.local_only = s->w->local_only != 0;
	s->snap.seed = simulate_chance(s, run);
	s->snap.now_ms = s->now_ms;
	s->snap.input_tokens = r->moment->input_tokens;
	s->snap.output_tokens = r->moment->output_tokens;
	s->snap.state = (llm_bytes){s->kept, s->kept_len};
	for (i = 0; i < s->w->n; i++) {
		c = snapshot_add(&s->snap, s->w->candidates[i].id);
		if (!c)
			return LLM_E_NOMEM;
		simulate_view(s, &s->w->candidates[i], &c->view);
	}
	return r->moment->head ? simulate_heads(s, r) : 0;
}

/* What the plan says, kept with the run. */
static int32_t simulate_keep(sim_state *s, sim_run *r)
{
	const plan *p = &s->plan;
	char why[WHY_CAP];
	uint32_t i;

	r->order = arena_new(s->w->mem, p->n_order + 1);
	r->asked = arena_new(s->w->mem, p->n_order + 1);
	explain_reason(p, p->order[0], s->policy->info, why, sizeof(why));
	r->why = arena_str(s->w->mem, why);
	r->refused = p->refusal[0] ? arena_str(s->w->mem, p->refusal) : NULL;
	if (!r->order || !r->asked || !r->why || (p->refusal[0] && !r->refused))
		return LLM_E_NOMEM;
	for (i = 0; i < p->n_order; i++)
		r->order[i] = (uint8_t)p->order[i];
	r->n_order = p->n_order;
	s->w->candidates[p->order[0]].first++;
	return 0;
}

/* Nobody to ask is how a run can end; only a lack of memory ends the simulation. */
static int32_t simulate_plan(sim_state *s, uint32_t run)
{
	sim_run *r = simulate_of(s, run);
	int32_t rc = simulate_snapshot(s, r, run);

	if (!rc)
		rc = snapshot_seal(&s->snap, NULL);
	if (rc)
		return rc;
	if (s->policy->seat)
		instance_begin(s->policy->seat, NULL);
	rc = rank_plan(&s->snap, &s->policy->rank, &s->plan, NULL);
	if (!rc)
		return simulate_keep(s, r);
	r->code = rc;
	return rc == LLM_E_NOMEM ? rc : 0;
}

/* ---- attempts ---- */

static void simulate_begin(sim_state *s, uint32_t run, uint32_t number)
{
	sim_run *r = simulate_of(s, run);
	sim_candidate *c = &s->w->candidates[number];

	r->tried |= UINT64_C(1) << number;
	r->asked[r->n_asked++] = (uint8_t)number;
	r->begun_ms = s->now_ms;
	r->end = c->end;
	c->in_flight++;
	c->asked++;
	simulate_push(s, run);
}

/* The next of the plan that may be asked and has a slot. 0: the run waits for one. */
static int simulate_go_on(sim_state *s, uint32_t run)
{
	sim_run *r = simulate_of(s, run);
	uint32_t i, changed = 0;
	int full = 0;

	for (i = 0; i < r->n_order; i++) {
		sim_candidate *c = &s->w->candidates[r->order[i]];

		if (r->tried & (UINT64_C(1) << r->order[i]))
			continue;
		if (c->limit && c->in_flight >= c->limit) {
			full = 1;
			continue;
		}
		if (!breaker_admit(&c->health, &s->rules, BREAKER_AS_USUAL, s->now_ms * NS_PER_MS,
			    &r->ticket, &changed))
			continue;
		simulate_begin(s, run, r->order[i]);
		return 1;
	}
	if (!full && !r->code)
		r->code = LLM_E_NO_CANDIDATE;
	return !full;
}

static int32_t simulate_remember(void *ctx, const void *bytes, size_t len)
{
	sim_state *s = ctx;

	if (len > sizeof(s->kept))
		return LLM_E_TOO_LARGE;
	if (len)
		memcpy(s->kept, bytes, len);
	s->kept_len = len;
	return 0;
}

static void simulate_tell(sim_state *s, const sim_run *r, uint32_t number)
{
	const llm_policy_vtable *vt = s->policy->rank.vt;
	char before[LLM_POLICY_STATE_MAX];
	const llm_bytes state = {before, s->kept_len};
	const llm_outcome o = {.struct_size = (uint32_t)sizeof(o),
		.code = (int32_t)r->end.code,
		.id = s->w->candidates[number].id,
		.now_ms = s->now_ms,
		.affinity_key = r->affinity_key,
		.first_token_us = r->end.code ? -1 : r->end.first_token_ms * 1000,
		.place = r->n_asked - 1,
		.moved = r->n_asked > 1};
	const llm_state_sink sink = {
		.struct_size = (uint32_t)sizeof(sink), .ctx = s, .state = simulate_remember};

	if (!vt || !vt->on_outcome)
		return;
	memcpy(before, s->kept, s->kept_len); /* the sink writes where it was read */
	if (s->policy->seat)
		instance_begin(s->policy->seat, NULL);
	(void)vt->on_outcome(s->policy->rank.instance, &state, &o, &sink);
}

static int simulate_moves_on(int64_t code)
{
	const llm_error_info *info = llm_error_info_of((int32_t)code);

	return info &&
		(info->fallback == LLM_FALLBACK_YES ||
			info->fallback == LLM_FALLBACK_BEFORE_COMMIT);
}

static void simulate_wait(sim_state *s, uint32_t run)
{
	s->waiting[s->n_waiting++] = run;
}

/* Who waits is served in turn, as long as there are slots. */
static void simulate_serve(sim_state *s)
{
	uint32_t i = 0;

	while (i < s->n_waiting && simulate_go_on(s, s->waiting[i]))
		i++;
	s->n_waiting -= i;
	if (i)
		memmove(s->waiting, s->waiting + i, s->n_waiting * sizeof(*s->waiting));
}

static void simulate_end(sim_state *s, uint32_t run)
{
	sim_run *r = simulate_of(s, run);
	const uint32_t number = simulate_asked(r);
	sim_candidate *c = &s->w->candidates[number];

	c->in_flight--;
	(void)breaker_settle(&c->health, &s->rules, &r->ticket, (int32_t)r->end.code,
		r->end.retry_after_ms, s->now_ms * NS_PER_MS, simulate_chance(s, run));
	simulate_tell(s, r, number);
	r->code = (int32_t)r->end.code;
	if (!r->code) {
		stats_add(&c->usual, r->end.first_token_ms * 1000, -1, s->now_ms);
		c->answered++;
		r->answered = number;
		r->wait_ms = (int64_t)(r->begun_ms - r->at_ms) + r->end.first_token_ms;
	} else if (simulate_moves_on(r->code) && !simulate_go_on(s, run)) {
		simulate_wait(s, run);
	}
	simulate_serve(s);
}

/* ---- time ---- */

/* All that ends up to `ms`. */
static void simulate_until(sim_state *s, uint64_t ms)
{
	while (s->n_ends && simulate_end_ms(s, s->ends[0]) <= ms) {
		s->now_ms = simulate_end_ms(s, s->ends[0]);
		simulate_end(s, simulate_pop(s));
	}
	if (ms != UINT64_MAX)
		s->now_ms = ms;
}

static int32_t simulate_come(sim_state *s, uint32_t run, const sim_moment *m, uint64_t at_ms)
{
	sim_run *r = simulate_of(s, run);
	int32_t rc;

	simulate_until(s, at_ms);
	*r = (sim_run){.at_ms = at_ms, .moment = m, .wait_ms = -1, .answered = NOBODY, .why = ""};
	rc = simulate_plan(s, run);
	if (!rc && !r->code && !simulate_go_on(s, run))
		simulate_wait(s, run);
	return rc;
}

static int32_t simulate_moment(sim_state *s, const sim_moment *m, uint32_t *run)
{
	int32_t rc = 0;
	int64_t k;
	size_t i;

	simulate_until(s, (uint64_t)m->at_ms);
	for (i = 0; i < m->n_changes; i++)
		s->w->candidates[m->changes[i].candidate].end = m->changes[i].end;
	for (k = 0; !rc && k < m->runs; k++)
		rc = simulate_come(s, (*run)++, m, (uint64_t)(m->at_ms + k * m->every_ms));
	return rc;
}

static int32_t simulate_all(sim_state *s)
{
	uint32_t run = 0;
	int32_t rc = 0;
	size_t i;

	for (i = 0; !rc && i < s->w->n_moments; i++)
		rc = simulate_moment(s, &s->w->moments[i], &run);
	if (!rc)
		simulate_until(s, UINT64_MAX);
	return rc;
}

int32_t simulate_run(sim_world *w, const sim_policy *policy, llm_err *err)
{
	const size_t n = (size_t)w->n_runs + 1;
	sim_state *s = arena_new(w->mem, sizeof(*s));
	int32_t rc = LLM_E_NOMEM;

	w->runs = arena_array(w->mem, n, sizeof(*w->runs));
	if (!s || !w->runs)
		return err_set(err, rc, "no memory to simulate %" PRIu32 " runs", w->n_runs);
	s->w = w;
	s->policy = policy;
	s->rules = breaker_rules_usual();
	s->ends = arena_array(w->mem, n, sizeof(*s->ends));
	s->waiting = arena_array(w->mem, n, sizeof(*s->waiting));
	snapshot_init(&s->snap, w->mem->mem);
	plan_init(&s->plan, w->mem->mem);
	if (s->ends && s->waiting)
		rc = simulate_all(s);
	plan_done(&s->plan);
	snapshot_done(&s->snap);
	return rc ? err_set(err, rc, "no memory to simulate %" PRIu32 " runs", w->n_runs) : 0;
}
