#include "router.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "confset.h"

static const llm_policy_info *router_describe(void)
{
	return NULL; /* nobody asks: the facts are beside the table */
}

static router *router_new(llm_service *svc, const char *profile, const llm_router *own)
{
	router *r = mem_new(&svc->mem, sizeof(*r));

	if (!r)
		return NULL;
	r->own = *own;
	r->vt = (llm_policy_vtable){.struct_size = (uint32_t)sizeof(r->vt),
		.describe = router_describe,
		.rank = own->rank,
		.on_outcome = own->on_outcome};
	r->info = (llm_policy_info){.struct_size = (uint32_t)sizeof(r->info),
		.flags = own->flags,
		.name = own->name ? own->name : "host",
		.label = "the host's own",
		.reasons = own->reasons};
	r->profile = mem_str(&svc->mem, profile);
	if (profile && !r->profile) {
		mem_free(&svc->mem, r);
		return NULL;
	}
	return r;
}

int router_take(const llm_service *svc, route_profile *p)
{
	router *r = svc->routers;

	while (r && r->profile && strcmp(r->profile, p->name) != 0)
		r = r->next;
	if (!r)
		return 0;
	p->policy = (rank_policy){
		.vt = &r->vt, .instance = r->own.ctx, .name = r->info.name, .strict = 1};
	p->info = &r->info;
	return 1;
}

/* Nobody plans: there is no call. */
static void router_put(const llm_service *svc, routing *all)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		route_profile *p = &all->profiles[i];

		if (!router_take(svc, p))
			continue;
		instance_free(p->in);
		p->in = NULL;
		p->problem = NULL;
	}
}

int32_t router_add(llm_service *svc, const char *profile, const llm_router *own, llm_err *err)
{
	int32_t rc = 0;
	router *r;

	pthread_mutex_lock(&svc->changing);
	if (profile && !routing_profile(svc->set->routing, profile))
		rc = err_set(err, LLM_E_NOT_FOUND, "no profile is called \"%.100s\"", profile);
	else if (atomic_load(&svc->refs) != 1)
		rc = err_set(err, LLM_E_STATE,
			"there are calls: set a router before the first, or free them");
	if (rc)
		goto unlock;
	r = router_new(svc, profile, own);
	if (!r) {
		rc = err_set(err, LLM_E_NOMEM, "no memory for a router");
		goto unlock;
	}
	r->next = svc->routers;
	svc->routers = r;
	router_put(svc, svc->set->routing);
unlock:
	pthread_mutex_unlock(&svc->changing);
	return rc;
}

void router_free_all(llm_service *svc)
{
	router *r;

	while ((r = svc->routers)) {
		svc->routers = r->next;
		if (r->own.destroy)
			r->own.destroy(r->own.ctx);
		mem_free(&svc->mem, r->profile);
		mem_free(&svc->mem, r);
	}
}
