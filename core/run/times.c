/* The times of a run and its retries: of those who speak of one the nearest wins. */
#include "times.h"

#include <inttypes.h>

#include "attempt.h"
#include "base/err.h"
#include "routing.h"

static const conf_times unsaid_times = {CONF_UNSET, CONF_UNSET, CONF_UNSET, CONF_UNSET, CONF_UNSET,
	CONF_UNSET, CONF_UNSET, CONF_UNSET, CONF_UNSET, CONF_UNSET, CONF_UNSET};
_Static_assert(sizeof(unsaid_times) == 11 * sizeof(uint64_t), "each time is unsaid");
static const conf_guard unsaid_guard = {.retry_after_max = CONF_UNSET,
	.patience = CONF_UNSET,
	.min_attempt_budget = CONF_UNSET,
	.slow_start_reasoning = CONF_UNSET};

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

static uint32_t nearest(uint32_t call, uint32_t profile, uint32_t provider, uint32_t top)
{
	if (call)
		return call;
	if (profile)
		return profile;
	return provider ? provider : top;
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
static void set_gaps(const llm_call *c, target *t, const conf_times *pf, const llm_call_opts *o)
{
	const conf_times *pv = &t->up->conf->times, *top = &c->set->conf->times;
	uint64_t idle = nearest_ms(o->idle_ms, pf->idle, pv->idle, top->idle,
		or_usual(t->up->plug->info->idle_ms, 30000));

	t->limits.idle_ns = as_ns(idle, 1);
	t->limits.keepalive_ns = as_ns(nearest_ms(o->idle_ms, pf->idle_keepalive,
					       pv->idle_keepalive, top->idle_keepalive, 120000),
		1);
	t->limits.silence_ns = as_ns(
		nearest_ms(o->silence_ms, pf->silence, pv->silence, top->silence, idle), 1);
	t->limits.consumer_ns = as_ns(
		nearest_ms(0, pf->consumer_idle, pv->consumer_idle, top->consumer_idle, 120000), 0);
}

/* Until the first piece: longer where a model may have to be loaded (R-TIME-4). */
static void set_first(const llm_call *c, target *t, const conf_times *pf, const llm_call_opts *o)
{
	const conf_times *pv = &t->up->conf->times, *top = &c->set->conf->times;
	const llm_provider_info *d = t->up->plug->info;
	const uint64_t warm = nearest_ms(0, pf->first_token_warm, pv->first_token_warm,
		top->first_token_warm, d->first_token_warm_ms);

	t->limits.first_token_ns = as_ns(
		nearest_ms(o->first_token_ms, pf->first_token, pv->first_token, top->first_token,
			or_usual(d->first_token_ms, 60000)),
		1);
	t->warm_ns = as_ns(warm, 1);
}

static void set_times(const llm_call *c, target *t, const conf_times *pf, const llm_call_opts *o)
{
	const conf_times *pv = &t->up->conf->times, *top = &c->set->conf->times;
	const llm_provider_info *d = t->up->plug->info;

	t->limits.connect_ns = as_ns(nearest_ms(o->connect_ms, pf->connect, pv->connect,
					     top->connect, or_usual(d->connect_ms, 5000)),
		0);
	t->limits.attempt_ns = as_ns(nearest_ms(o->attempt_ms, pf->attempt, pv->attempt,
					     top->attempt, or_usual(d->attempt_ms, 300000)),
		1);
	t->queue_ns = as_ns(nearest_ms(0, pf->queue, pv->queue, top->queue, 30000), 0);
	set_first(c, t, pf, o);
	set_gaps(c, t, pf, o);
}

/* ---- retries ---- */

/* Another gateway asks again by itself: two of them would multiply (R-RETRY-14). */
static void set_attempts(const llm_call *c, target *t, const conf_guard *pf, const llm_call_opts *o)
{
	const conf_provider *pv = t->up->conf;
	const conf_guard *top = &c->set->conf->guard;

	t->max_attempts = nearest(o->max_attempts, pf->max_attempts, pv->guard.max_attempts, 0);
	if (!t->max_attempts)
		t->max_attempts = pv->upstream_retries ? 1 :
			top->max_attempts	       ? top->max_attempts :
							 retry_rules_usual().per_candidate;
	t->retry_after_max_ns = as_ns(
		nearest_ms(o->retry_after_max_ms, pf->retry_after_max, pv->guard.retry_after_max,
			top->retry_after_max, 60000),
		0);
}

static void set_rules(llm_call *c, const conf_guard *pf, const llm_call_opts *o)
{
	const conf_guard *top = &c->set->conf->guard;
	retry_rules *r = &c->retry.rules;
	uint32_t n = nearest(
		o->max_attempts_total, pf->max_attempts_total, 0, top->max_attempts_total);
	uint32_t prefer;

	*r = retry_rules_usual();
	r->in_all = n ? n : r->in_all;
	prefer = nearest(0, pf->prefer, 0, top->prefer);
	if (!prefer && c->by && c->by->info && (c->by->info->flags & LLM_POLICY_FASTEST))
		prefer = PREFER_FASTEST;
	r->prefer = prefer == PREFER_FASTEST ? RETRY_FASTEST : RETRY_PRIMARY;
	r->patience_ns = as_ns(nearest_ms(0, pf->patience, CONF_UNSET, top->patience, 3000), 0);
	r->min_attempt_ns = as_ns(
		nearest_ms(0, pf->min_attempt_budget, CONF_UNSET, top->min_attempt_budget, 250), 0);
	c->retry.deadline_ns = c->deadline_ns;
}

/* Of the modes the numbers of the core begin with 0. */
static void set_recovery(llm_call *c, const conf_guard *pf, const llm_call_opts *o)
{
	uint32_t mode = nearest(
		o->stream_recovery, pf->stream_recovery, 0, c->set->conf->guard.stream_recovery);

	c->recovery = mode ? mode - LLM_RECOVER_OFF + RECOVER_OFF : RECOVER_MATCH;
}

/* Of one candidate among several. */
void times_slow(const llm_call *c, target *t, const conf_profile *profile)
{
	const conf *top = c->set->conf;
	const conf_times *times = profile ? &profile->times : &unsaid_times;
	const conf_guard *guard = profile ? &profile->guard : &unsaid_guard;
	uint64_t ms = nearest_ms(
		0, times->slow_start, t->up->conf->times.slow_start, top->times.slow_start, 10000);

	if (c->rq->view.reasoning > LLM_REASONING_OFF)
		ms = nearest_ms(0, guard->slow_start_reasoning, CONF_UNSET,
			top->guard.slow_start_reasoning, 60000);
	t->slow_ns = as_ns(ms, 0);
}

static void set_slow_action(llm_call *c, const conf_guard *pf)
{
	c->slow_action = SLOW_WAIT;
	if (c->n_plan > 1)
		c->slow_action = nearest(
			0, pf->slow_start_action, 0, c->set->conf->guard.slow_start_action);
	c->slow_crosses = pf->slow_start_crosses != 0;
}

void times_target(
	const llm_call *c, target *t, const conf_profile *profile, const llm_call_opts *opts)
{
	set_times(c, t, profile ? &profile->times : &unsaid_times, opts);
	set_attempts(c, t, profile ? &profile->guard : &unsaid_guard, opts);
}

void times_run(llm_call *c, const conf_profile *profile, const llm_call_opts *opts)
{
	const conf_times *pf = profile ? &profile->times : &unsaid_times;
	const conf_guard *guard = profile ? &profile->guard : &unsaid_guard;
	/* A provider's deadline is that of the runs which begin with it. */
	uint64_t total = nearest_ms(opts->total_ms, pf->deadline, c->at->up->conf->times.deadline,
		c->set->conf->times.deadline, 600000);

	c->deadline_ns = total ? clock_after_ms(c->submit_ns, total) : UINT64_MAX;
	set_rules(c, guard, opts);
	set_recovery(c, guard, opts);
	set_slow_action(c, guard);
}

/* ---- what is told of a limit that has passed ---- */

static const char *setting_of(uint32_t phase)
{
	switch (phase) {
	case LLM_PHASE_CONNECT:
		return "no connection";
	case LLM_PHASE_FIRST_TOKEN:
		return "no first token";
	case LLM_PHASE_IDLE:
		return "no further token";
	case LLM_PHASE_SILENCE:
		return "no further byte";
	case LLM_PHASE_ATTEMPT:
		return "no end of the answer";
	default:
		return "no answer";
	}
}

static uint64_t limit_ns(const llm_call *c, uint32_t phase)
{
	switch (phase) {
	case LLM_PHASE_CONNECT:
		return c->limits.connect_ns;
	case LLM_PHASE_FIRST_TOKEN:
		return c->limits.first_token_ns;
	case LLM_PHASE_IDLE:
		return deadline_idle(&c->limits, &c->att->clock);
	case LLM_PHASE_SILENCE:
		return c->limits.silence_ns;
	case LLM_PHASE_ATTEMPT:
		return c->limits.attempt_ns;
	default:
		return c->deadline_ns - c->submit_ns;
	}
}

void times_explain(llm_call *c, uint32_t phase, int32_t code)
{
	const char *name = llm_phase_name(phase);
	const uint64_t ms = limit_ns(c, phase) / NS_PER_MS;

	if (phase == LLM_PHASE_CONNECT && c->att && c->att->x)
		err_set(&c->res.error, code,
			"%s: no %s within %" PRIu64 " ms (connect)\n"
			"check base_url, proxy and firewall, or raise connect",
			c->at->up->title, xfer_waits_for(c->att->x), ms);
	else
		err_set(&c->res.error, code,
			"%s: %s within %" PRIu64 " ms (%s)\nraise %s, "
			"or ask a faster model",
			c->at->up->title, setting_of(phase), ms, name, name);
	c->res.error.phase = phase;
}
