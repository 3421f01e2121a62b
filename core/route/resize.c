/* Other limits for those who are under way: nobody is thrown out, the next ones go by them. */
#include "limiter.h"

void limiter_resize(limiter *l, uint32_t slots, uint32_t workspace_slots)
{
	l->slots.limit = slots;
	l->workspace_slots = workspace_slots;
	l->came_back = l->waiting != 0;
}

void limiter_provider_resize(limit_provider *p, uint32_t slots, uint32_t queue)
{
	p->slots.limit = slots;
	p->queue = queue;
}

static uint32_t is_metered(const limit_candidate *c)
{
	return c->requests.per_minute || c->tokens.per_minute;
}

static void refill(bucket *b, const bucket *to)
{
	if (b->per_minute != to->per_minute)
		*b = *to;
}

void limiter_candidate_resize(limiter *l, limit_candidate *c, const limit_candidate *to)
{
	const uint32_t before = is_metered(c);

	/* What was learnt by trying stays true while the bound is the same. */
	if (!to->adapt.most || c->adapt.most != to->adapt.most)
		c->slots.limit = to->slots.limit;
	c->adapt.most = to->adapt.most;
	refill(&c->requests, &to->requests);
	refill(&c->tokens, &to->tokens);
	l->metered += is_metered(c) * c->waiting;
	l->metered -= before * c->waiting;
}
