#include "chains.h"

#include "planning.h"

uint32_t chains_after(int32_t code)
{
	if (code == LLM_E_CONTEXT_LENGTH_EXCEEDED)
		return CHAIN_CONTEXT;
	return code == LLM_E_CONTENT_FILTERED ? CHAIN_CONTENT : 0;
}

uint32_t chains_place(const llm_call *c, const target *t)
{
	if (c->chain == CHAIN_GENERAL)
		return 0;
	return c->chain == CHAIN_CONTEXT ? t->context_place : t->content_place;
}

static int64_t window_of(llm_call *c, const target *t)
{
	caps_matrix scratch;

	return planning_caps(c, t, &scratch)->max_input_tokens;
}

/* Of the one that failed, or of all that were too small to be asked. */
static int64_t failed_window(llm_call *c)
{
	int64_t most = 0, one;
	size_t i;

	if (c->res.attempts.n)
		return window_of(c, c->at);
	for (i = 0; i < c->n_general; i++) {
		one = window_of(c, &c->plan[i]);
		most = one > most ? one : most;
	}
	return most;
}

static int could_go_on(llm_call *c, const target *t, uint32_t chain, int64_t failed)
{
	if (!(t->chains & chain) || t->tried || slots_ready_ns(c->svc, t->state) ||
		!planning_fits(c, t))
		return 0;
	/* It is to read more than the one for which this was too much. */
	return chain != CHAIN_CONTEXT || failed <= 0 || window_of(c, t) > failed;
}

uint32_t chains_left(llm_call *c, uint32_t chain)
{
	uint32_t n = 0;
	int64_t failed;
	size_t i;

	if (!(c->has_chains & chain) || c->chain != CHAIN_GENERAL ||
		(c->flags & LLM_CALL_NO_FALLBACKS))
		return 0;
	failed = failed_window(c);
	for (i = 0; i < c->n_plan; i++)
		n += (uint32_t)could_go_on(c, &c->plan[i], chain, failed);
	return n;
}

target *chains_enter(llm_call *c, uint32_t chain)
{
	int64_t failed;
	size_t i;

	if (!chains_left(c, chain))
		return NULL;
	failed = failed_window(c);
	for (i = 0; i < c->n_plan; i++)
		c->plan[i].left_out = !could_go_on(c, &c->plan[i], chain, failed);
	c->chain = chain;
	return plan_next(c);
}
