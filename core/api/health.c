/* The health of candidates, for people and tools (llm/service.h). */
#include <string.h>

#include "base/err.h"
#include "run/service.h"

static int64_t ms_left(uint64_t until_ns, uint64_t now_ns)
{
	return until_ns > now_ns ? (int64_t)((until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS) : 0;
}

static void fill(llm_health *h, const breakers_entry *e, uint64_t now_ns)
{
	const breaker *b = &e->state;

	*h = (llm_health){.struct_size = (uint32_t)sizeof(*h),
		.state = breaker_state(b, now_ns),
		.failures_in_a_row = b->in_a_row,
		.openings = b->openings,
		.good = b->good,
		.bad = b->bad,
		.cooling_ms = ms_left(b->cooling_ns, now_ns),
		.changes = b->epoch};
	if (h->state == BREAKER_OPEN)
		h->open_ms = ms_left(b->until_ns, now_ns);
	err_copy(h->candidate, sizeof(h->candidate), e->id, strlen(e->id));
}

int32_t llm_service_health(llm_service *svc, uint32_t i, llm_health *ret)
{
	const breakers_entry *e;
	llm_health own;
	size_t size;

	if (!svc || !ret || ret->struct_size < sizeof(uint32_t))
		return LLM_E_INVALID_REQUEST;
	pthread_mutex_lock(&svc->slots.lock);
	e = breakers_at(&svc->slots.health, i);
	if (e)
		fill(&own, e, clock_ns(&svc->time));
	pthread_mutex_unlock(&svc->slots.lock);
	if (!e)
		return LLM_E_NOT_FOUND;
	size = ret->struct_size < sizeof(own) ? ret->struct_size : sizeof(own);
	memcpy(ret, &own, size);
	ret->struct_size = (uint32_t)size;
	return 0;
}

uint32_t llm_service_health_reset(llm_service *svc, const char *candidate)
{
	return svc ? (uint32_t)slots_reset(svc, candidate) : 0;
}
