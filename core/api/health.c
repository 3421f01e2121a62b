/* The health of candidates and policies, for people and tools (llm/service.h). */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "route/resolve.h"
#include "run/routing.h"
#include "run/service.h"
#include "run/watching.h"

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
		.changes = b->epoch,
		.switched = atomic_load(&e->switched)};
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
	watching_look(svc);
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

uint32_t llm_service_health_reset(llm_service *svc, const char *id)
{
	return svc ? (uint32_t)slots_reset(svc, id) : 0;
}

/* Of a provider with several endpoints each is a candidate of its own. */
static int32_t switch_all(
	llm_service *svc, const conf_provider *p, const candidate *cand, uint32_t how)
{
	char id[sizeof(((llm_health *)NULL)->candidate)];
	int32_t rc = 0;
	size_t i;

	if (cand->endpoint[0] || !p || p->n_endpoints < 2)
		return slots_switch(svc, cand->id, how);
	for (i = 0; !rc && i < p->n_endpoints; i++) {
		const int n = snprintf(
			id, sizeof(id), "%s#%s/%s", p->name, p->endpoints[i].id, cand->model);

		rc = n > 0 && (size_t)n < sizeof(id) ? slots_switch(svc, id, how) : LLM_E_TOO_LARGE;
	}
	return rc;
}

static int32_t enable(llm_service *svc, const char *text, uint32_t how, llm_err *err)
{
	confset *set = confset_hold(svc);
	candidate cand;
	int32_t rc = resolve_candidate(set->conf, text, &cand, err);

	if (!rc) {
		rc = switch_all(svc, conf_provider_named(set->conf, cand.provider), &cand, how);
		if (rc)
			rc = err_set(err, LLM_E_NOMEM, "no memory, or too many candidates");
	}
	confset_drop(set);
	return rc;
}

int32_t llm_candidate_enable(llm_service *svc, const char *text, uint32_t how, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	int32_t rc;

	if (!svc || !text || how > LLM_CANDIDATE_DRAIN)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"llm_candidate_enable needs a service, a candidate and what is to become of it");
	rc = service_check(svc, &why);
	if (!rc)
		rc = enable(svc, text, how, &why);
	if (rc)
		err_export(err, &why);
	return rc;
}

static void fill_policy(llm_policy_state *to, const route_profile *p)
{
	*to = (llm_policy_state){.struct_size = (uint32_t)sizeof(*to),
		.given_up = atomic_load(&p->given_up),
		.ranked = atomic_load(&p->n_ranked),
		.late = atomic_load(&p->n_late),
		.refused = atomic_load(&p->n_refused)};
	err_copy(to->profile, sizeof(to->profile), p->name, strlen(p->name));
	err_copy(to->policy, sizeof(to->policy), p->policy.name, strlen(p->policy.name));
}

int32_t llm_service_policy(llm_service *svc, uint32_t i, llm_policy_state *ret)
{
	llm_policy_state own;
	confset *set;
	size_t size;
	int found;

	if (!svc || !ret || ret->struct_size < sizeof(uint32_t))
		return LLM_E_INVALID_REQUEST;
	watching_look(svc);
	set = confset_hold(svc);
	found = i < set->routing->n;
	if (found)
		fill_policy(&own, &set->routing->profiles[i]);
	confset_drop(set);
	if (!found)
		return LLM_E_NOT_FOUND;
	size = ret->struct_size < sizeof(own) ? ret->struct_size : sizeof(own);
	memcpy(ret, &own, size);
	ret->struct_size = (uint32_t)size;
	return 0;
}

static void name(const watch_late *from, char *who, size_t who_cap, char *slot, size_t slot_cap)
{
	if (!from->plugin)
		return;
	err_copy(who, who_cap, from->plugin->name, strlen(from->plugin->name));
	err_copy(slot, slot_cap, from->slot, strlen(from->slot));
}

static int64_t as_ms(uint64_t ns)
{
	return (int64_t)(ns / NS_PER_MS);
}

int32_t llm_service_watch(llm_service *svc, llm_watch *ret)
{
	watch_late now = {0}, last = {0};
	llm_watch own = {.struct_size = (uint32_t)sizeof(own)};
	size_t size;

	if (!svc || !ret || ret->struct_size < sizeof(uint32_t))
		return LLM_E_INVALID_REQUEST;
	watching_find(svc, &now);
	own.late = watching_count(svc, &last);
	own.inside_ms = as_ms(now.ns);
	own.last_ms = as_ms(last.ns);
	name(&now, own.plugin, sizeof(own.plugin), own.function, sizeof(own.function));
	name(&last, own.last_plugin, sizeof(own.last_plugin), own.last_function,
		sizeof(own.last_function));
	size = ret->struct_size < sizeof(own) ? ret->struct_size : sizeof(own);
	memcpy(ret, &own, size);
	ret->struct_size = (uint32_t)size;
	return 0;
}
