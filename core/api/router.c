#include "llm/router.h"

#include <string.h>

#include "base/err.h"
#include "run/router.h"

/* As far as `rank`, which is the first that must be there. */
#define ROUTER_LEAST (offsetof(llm_router, rank) + sizeof(((llm_router *)NULL)->rank))

int32_t llm_service_router(
	llm_service *svc, const char *profile, const llm_router *given, llm_err *err)
{
	llm_router own = LLM_ROUTER_INIT;
	llm_err why = LLM_ERR_INIT;
	int32_t rc;

	if (!svc || !given || given->struct_size < ROUTER_LEAST)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"a router is needed: begin with LLM_ROUTER_INIT");
	rc = service_check(svc, &why);
	if (rc) {
		err_export(err, &why);
		return rc;
	}
	memcpy(&own, given, given->struct_size < sizeof(own) ? given->struct_size : sizeof(own));
	if (!own.rank)
		return err_set(err, LLM_E_INVALID_REQUEST, "a router has to rank");
	rc = router_add(svc, profile, &own, &why);
	if (rc)
		err_export(err, &why);
	return rc;
}
