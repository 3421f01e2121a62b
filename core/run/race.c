#include "race.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

/* ---- changing places ---- */

static void put_aside(const llm_call *c, race *to)
{
	to->at = c->at;
	to->att = c->att;
	to->limits = c->limits;
	to->failure = c->failure;
	to->verdict = c->verdict;
	to->state = c->state;
	to->repeats = c->repeats;
	to->admitted = c->admitted;
	to->slow_done = c->slow_done;
	to->cost = c->cost;
	to->retrying = c->retrying;
	to->slot = c->slot;
	to->ticket = c->ticket;
	to->res = c->res;
}

/* The rows of the run, its times and its names go on where they are. */
static void keep_shared(llm_result *to, const llm_result *from)
{
	to->ar = from->ar;
	to->status = from->status;
	memcpy(to->run_id, from->run_id, sizeof(to->run_id));
	to->requested = from->requested;
	to->profile = from->profile;
	to->warnings = from->warnings;
	to->attempts = from->attempts;
	to->timing = from->timing;
	to->exchange = from->exchange;
	to->recovered = from->recovered;
	to->decision = from->decision;
	to->cost_nanousd = from->cost_nanousd;
	to->cost_flags = from->cost_flags;
	to->price_rule = from->price_rule;
	to->price_version = from->price_version;
}

static void take_up(llm_call *c, const race *from)
{
	const llm_result shared = c->res;

	c->at = from->at;
	c->att = from->att;
	c->limits = from->limits;
	c->failure = from->failure;
	c->verdict = from->verdict;
	c->state = from->state;
	c->repeats = from->repeats;
	c->admitted = from->admitted;
	c->slow_done = from->slow_done;
	c->cost = from->cost;
	c->retrying = from->retrying;
	c->slot = from->slot;
	c->ticket = from->ticket;
	c->res = from->res;
	keep_shared(&c->res, &shared);
	c->retry.rules.per_candidate = c->at->max_attempts;
	c->retry.rules.retry_after_max_ns = c->at->retry_after_max_ns;
}

void race_swap(llm_call *c)
{
	const race other = *c->race;

	put_aside(c, c->race);
	take_up(c, &other);
}

int race_turn(attempt *a)
{
	llm_call *c = a->c;

	if (!c->race || c->race->won)
		return 0;
	race_swap(c);
	return 1;
}

/* ---- from two to one ---- */

static void forget(llm_call *c)
{
	race *r = c->race;

	c->race = NULL;
	call_answer_done(&r->res);
	mem_free(&c->mem, r);
}

void race_drop(llm_call *c)
{
	attempt *a;

	race_swap(c);
	a = c->att;
	attempt_abort(a);
	err_set(&c->res.error, LLM_E_CANCELLED, "%s: its answer was not needed any more",
		c->at->up->title);
	run_complete_error(c, a, LLM_E_CANCELLED);
	run_close_row(c, a, LLM_E_CANCELLED);
	run_let_go(c, LLM_E_CANCELLED);
	c->att = NULL;
	attempt_free(a);
	race_swap(c);
	forget(c);
}

void race_fall(llm_call *c)
{
	race_swap(c);
	forget(c);
	run_arm(c);
}

int race_is_over(const llm_call *c, int32_t code)
{
	return c->race &&
		(!code || code == LLM_E_CANCELLED || code == LLM_E_DEADLINE || c->race->won);
}

phase_due race_due(const llm_call *c)
{
	if (!c->race)
		return (phase_due){UINT64_MAX, LLM_PHASE_NONE};
	return run_due(c, c->race->att, &c->race->limits);
}

/* ---- from one to two ---- */

static void fill(const llm_call *c, race *r, target *to)
{
	r->at = to;
	r->slot.priority = c->slot.priority;
	r->res.usage = (llm_usage)LLM_USAGE_INIT;
	r->res.error = (llm_err)LLM_ERR_INIT;
	r->res.model = to->cand.model;
	buf_init(&r->res.text, &c->mem, 0);
	buf_init(&r->res.reasoning, &c->mem, 0);
	buf_init(&r->res.logprobs, &c->mem, 0);
}

/* The breaker lets it in, and it has its slots now: who is in a hurry does not queue. */
static int is_let_in(llm_call *c)
{
	c->res.provider = arena_str(&c->ar, c->at->up->name);
	if (!c->res.provider)
		return 0;
	c->admitted = (uint32_t)slots_admit(c->svc, c->at->state, BREAKER_AS_USUAL, &c->ticket);
	return c->admitted && slots_take(c) == 0;
}

int race_begin(llm_call *c, target *to)
{
	const char *slow = c->at->up->title;
	race *r = mem_new(&c->mem, sizeof(*r));

	if (!r)
		return 0;
	fill(c, r, to);
	c->race = r;
	race_swap(c);
	if (!is_let_in(c)) {
		run_let_go(c, LLM_E_CANCELLED);
		race_swap(c);
		forget(c);
		return 0;
	}
	to->tried = 1;
	r->slow_done = 0; /* should this one fail, there may be a next */
	deliver_notice(c, LLM_EVENT_FALLBACK, (uint32_t)c->res.attempts.n + 1,
		"%s: slow to begin, asking %s as well", slow, to->cand.id);
	run_granted(c);
	return 1;
}
