#include "llm/loop.h"

#include "base/err.h"
#include "run/service.h"

/* A loop that is somebody else's: another process's, the own thread's, or a waiter's. */
static int is_foreign(const llm_service *svc)
{
	int driver = atomic_load(&svc->driver);

	return service_check(svc, NULL) || driver == DRIVER_THREAD || driver == DRIVER_WAITER;
}

int llm_service_fd(llm_service *svc)
{
	return is_foreign(svc) ? -1 : loop_fd(svc->loop);
}

uint64_t llm_service_next_ns(llm_service *svc)
{
	return is_foreign(svc) ? UINT64_MAX : loop_next_ns(svc->loop);
}

int32_t llm_service_dispatch(llm_service *svc, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	int nobody = DRIVER_NONE;
	int32_t rc = 0;

	if (!atomic_compare_exchange_strong(&svc->driver, &nobody, DRIVER_HOST) &&
		nobody == DRIVER_THREAD)
		rc = err_set(&why, LLM_E_STATE, "the service's own thread dispatches it");
	if (!rc)
		rc = service_turn(svc, 0, &why);
	if (rc)
		err_export(err, &why);
	return rc;
}
