/*
 * router.h - the host's own routers: policies without a plugin.
 */
#ifndef LLM_RUN_ROUTER_H
#define LLM_RUN_ROUTER_H

#include "llm/router.h"
#include "routing.h"

/* Of a service, the newest first; they live as long as it. */
typedef struct router {
	struct router *next;
	char *profile; /* null: every one */
	llm_policy_vtable vt;
	llm_policy_info info;
	llm_router own;
} router;

/* As llm_service_router; the caller has checked the arguments. */
int32_t router_add(llm_service *svc, const char *profile, const llm_router *own, llm_err *err);
/* Puts the one that is meant for a profile into its place; 0 when there is none. */
int router_take(const llm_service *svc, route_profile *p);
void router_free_all(llm_service *svc);

#endif
