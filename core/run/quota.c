#include "quota.h"

void quota_init(quota *q)
{
	q->tokens = QUOTA_FULL;
}

static uint32_t cost_of(int32_t cause)
{
	return cause == LLM_E_TIMEOUT ? QUOTA_RETRY_TIMEOUT : QUOTA_RETRY;
}

/* With one more retry on the wire, which is an attempt as well. */
static int wire_has_room(const quota_wire *w)
{
	return w->retries < QUOTA_FEW ||
		((uint64_t)w->retries + 1) * QUOTA_SHARE <= (uint64_t)w->attempts + 1;
}

int quota_allows(const quota *q, const quota_wire *w, int32_t cause)
{
	return q->tokens >= cost_of(cause) && wire_has_room(w);
}

uint32_t quota_spend(quota *q, int32_t cause)
{
	uint32_t cost = cost_of(cause);

	if (cost > q->tokens)
		cost = q->tokens;
	q->tokens -= cost;
	return cost;
}

void quota_give_back(quota *q, uint32_t cost)
{
	q->tokens = cost < QUOTA_FULL - q->tokens ? q->tokens + cost : QUOTA_FULL;
}

void quota_reward(quota *q)
{
	quota_give_back(q, QUOTA_FIRST);
}

void quota_begin(quota_wire *w)
{
	w->attempts++;
}

int quota_begin_retry(quota_wire *w)
{
	if (!wire_has_room(w))
		return 0;
	w->attempts++;
	w->retries++;
	return 1;
}

void quota_end(quota_wire *w, int retry)
{
	w->attempts--;
	w->retries -= retry != 0;
}
