/*
 * llm/loop.h - driving a service from a loop of the host's own.
 *
 * Poll llm_service_fd for reading, for at most llm_service_next_ns, then call
 * llm_service_dispatch; callbacks run inside it. The thread that dispatches is the
 * service's loop thread; there is one at a time.
 */
#ifndef LLM_LOOP_H
#define LLM_LOOP_H

#include "service.h"

LLM_EXTERN_C_BEGIN

/*
 * A descriptor that is readable when there is something to do, timers included. It stays
 * the same for the life of the service and belongs to it: poll it, never read or close it.
 * -1 when the service's own thread dispatches, while a thread that waits does, and in a
 * forked child. [loop]
 */
LLM_API int llm_service_fd(llm_service *svc);

/*
 * Nanoseconds until the next timer; 0: due now; UINT64_MAX: none is set, or the loop is not
 * the caller's (llm_service_fd is -1). [loop]
 */
LLM_API uint64_t llm_service_next_ns(llm_service *svc);

/* Does what is to be done now, never waits. Returns 0 or LLM_E_STATE. [loop] [not-in-callback] */
LLM_API int32_t llm_service_dispatch(llm_service *svc, llm_err *err);

LLM_EXTERN_C_END
#endif
