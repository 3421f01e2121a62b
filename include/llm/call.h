/*
 * llm/call.h - submitting a request, and following the run.
 *
 * Every accepted call completes exactly once. A refusal is the return code of
 * submit, and then nothing follows. Completion and stream callbacks run only while
 * the service is dispatched, never inside submit or cancel.
 */
#ifndef LLM_CALL_H
#define LLM_CALL_H

#include "error.h"
#include "request.h"
#include "result.h"
#include "service.h"
#include "stream.h"

LLM_EXTERN_C_BEGIN

typedef struct llm_call llm_call;
struct llm_unit; /* unit.h */

/*
 * Events of a call, END last. [loop] The event is valid inside the callback. After
 * END has returned no further callback for the call happens.
 */
typedef void (*llm_event_fn)(uintptr_t token, llm_call *call, const llm_event *event);

/* What mends a stream that breaks after its first piece was delivered. */
enum {
	LLM_RECOVER_DEFAULT = 0, /* the configuration's, then LLM_RECOVER_MATCH */
	LLM_RECOVER_OFF = 1, /* nothing: the run fails */
	LLM_RECOVER_MATCH = 2, /* the next candidate, as long as it tells the same text */
	LLM_RECOVER_CONTINUE = 3, /* the next goes on from the text where it can, else MATCH */
	LLM_RECOVER_BUFFER = 4 /* nothing is delivered before the answer is complete */
};

/* Zero means default everywhere: the configuration's, then the library's. */
typedef struct llm_call_opts {
	uint32_t struct_size;
	uint32_t flags; /* LLM_CALL_* */
	uint32_t total_ms; /* the deadline, from submit */
	uint32_t connect_ms;
	uint32_t first_token_ms;
	uint32_t idle_ms;
	uint32_t silence_ms;
	uint32_t attempt_ms;
	llm_event_fn on_event; /* null: pull with llm_call_next or wait */
	uintptr_t token;
	uint32_t max_attempts; /* at one candidate, the first included, at most 10 */
	uint32_t max_attempts_total; /* at all candidates, at most 10 */
	uint32_t retry_after_max_ms; /* a longer delay of the server is not waited for */
	uint32_t stream_recovery; /* LLM_RECOVER_* */
	uint32_t priority; /* LLM_PRIORITY_* */
	uint32_t reserved;
	/*
	 * The host's own transaction (llm_unit_bind): nothing of the run is written before the
	 * host calls llm_unit_record, and nothing through the service's storage. Null: the
	 * service's storage records the run, where there is one. llm_submit only looks at it;
	 * llm_run writes to it.
	 */
	struct llm_unit *unit;
	/*
	 * 1 to 255 printable ASCII bytes: of runs with the same key, in one workspace, one has a
	 * result, and the others are told that (llm_result_replayed). Null: no such thing. Copied.
	 * Needs a storage, LLM_E_CONFIG (docs/sharing.md).
	 */
	const char *idempotency_key;
	uint32_t on_duplicate; /* LLM_DUPLICATE_* */
	/* Stored answers: a call can only narrow what the configuration allows (cache.mode, ...). */
	uint32_t cache_mode; /* LLM_CACHE_* */
	uint32_t cache_ttl_ms; /* its answer is good for so long at most; 0: as configured */
	uint32_t cache_max_age_ms; /* an older answer is not told; 0: as configured */
} llm_call_opts;

/* What a run does whose key another run holds that has not ended. */
enum {
	LLM_DUPLICATE_WAIT = 0, /* for its end, until the deadline */
	LLM_DUPLICATE_FAIL = 1 /* LLM_E_IDEMPOTENCY_IN_PROGRESS at once, with retry_after_ms */
};

/* What a call may do with stored answers. */
enum {
	LLM_CACHE_DEFAULT = 0, /* what the configuration allows */
	LLM_CACHE_OFF = 1,
	LLM_CACHE_ON = 2,
	LLM_CACHE_READ_ONLY = 3,
	LLM_CACHE_WRITE_ONLY = 4,
	LLM_CACHE_REFRESH = 5 /* asks the provider, and stores its answer in the place of another */
};

/* Of those who wait for a slot: after eight interactive ones a batch call has its turn. */
enum { LLM_PRIORITY_INTERACTIVE = 0, LLM_PRIORITY_BATCH = 1 };

#define LLM_CALL_OPTS_INIT \
	{ \
		.struct_size = (uint32_t)sizeof(llm_call_opts) \
	}

/* Deliver pieces as they come, and notices. Without it only START and END are delivered. */
#define LLM_CALL_STREAM (UINT32_C(1) << 0)
/* Keep the redacted HTTP exchange in the result. */
#define LLM_CALL_TRACE (UINT32_C(1) << 1)
/* Deliver WAITING, FALLBACK and RECOVERED also without LLM_CALL_STREAM. */
#define LLM_CALL_NOTICES (UINT32_C(1) << 2)
/* Keep the record of the plan and what came of it: llm_result_decision (explain.h). */
#define LLM_CALL_EXPLAIN (UINT32_C(1) << 3)
/* The plan is all: nothing is built or sent, the run succeeds. With LLM_CALL_EXPLAIN. */
#define LLM_CALL_PLAN_ONLY (UINT32_C(1) << 4)
/*
 * As LLM_CALL_PLAN_ONLY, and the request to the first candidate is built: llm_result_exchange
 * shows it, redacted. It is not sent.
 */
#define LLM_CALL_DRY_RUN (UINT32_C(1) << 5)
/* Ask the first of the plan only, whatever comes of it. */
#define LLM_CALL_NO_FALLBACKS (UINT32_C(1) << 6)
/* A request that names a model goes on with the candidates of the default profile. */
#define LLM_CALL_FALLBACKS (UINT32_C(1) << 7)

/* Its answer is not kept in the cache. */
#define LLM_CALL_NO_STORE (UINT32_C(1) << 8)

/*
 * Hands a request to a service.
 * @param rq    becomes immutable; the call keeps its own hold on it
 * @param opts  may be null
 * @param ret   the call, to be freed with llm_call_free
 * @param err   filled on refusal; may be null
 * @return 0, LLM_E_INVALID_REQUEST, LLM_E_UNSUPPORTED, LLM_E_CONFIG, LLM_E_PLUGIN,
 *         LLM_E_STATE (shut down, forked) or LLM_E_NOMEM; where runs are recorded also
 *         LLM_E_WORKSPACE_REQUIRED, and with metadata LLM_E_WORKSPACE_CONFLICT
 * [any]
 */
LLM_API int32_t llm_submit(
	llm_service *svc, llm_request *rq, const llm_call_opts *opts, llm_call **ret, llm_err *err);

/*
 * The next event of a stream. Returns 0 and fills *ret; LLM_E_TIMEOUT when none came
 * within `timeout_ms` (UINT32_MAX: no limit); LLM_E_STATE after END was taken, or
 * when the call has callbacks. A slow reader pauses the transfer, nothing is dropped.
 * [owner] [not-in-callback]
 */
LLM_API int32_t llm_call_next(llm_call *call, uint32_t timeout_ms, llm_event *ret);

/*
 * Waits for completion, discarding what was not taken. Returns 0 when the run
 * succeeded, else the run's error code; LLM_E_TIMEOUT with `err` untouched when it
 * goes on after `timeout_ms`. A call with callbacks has had its last one when this
 * returns 0 or the run's error. On a service that nobody drives the caller turns the loop
 * while this call is the only one (docs/driving.md): log lines come on its thread then.
 * [owner] [not-in-callback]
 */
LLM_API int32_t llm_call_wait(llm_call *call, uint32_t timeout_ms, llm_err *err);

/*
 * Asks the run to end. Returns at once; the socket is closed within 100 ms and the
 * call completes with LLM_E_CANCELLED unless it had completed before. Idempotent.
 * [any]
 */
LLM_API void llm_call_cancel(llm_call *call);

/* The result once the call has completed, else null. Lives until llm_call_free. [any] */
LLM_API const llm_result *llm_call_result(const llm_call *call);

/* Cancels what still runs and lets go of the call. Accepts null. [any] */
LLM_API void llm_call_free(llm_call *call);

/*
 * The blocking form of llm_submit: submits, waits, and with opts->unit writes the rows of the
 * run in the unit's transaction, which is open from the call on until its return. What is left
 * to the host is to commit or to roll back, and to say so (llm_unit_committed,
 * llm_unit_release).
 * @param opts      may be null; without callbacks
 * @param ret_call  freed with llm_call_free; null when the request was refused, else set on
 *                  failure too, so that the result can be read
 * @return 0, or the run's error; where that is 0 and its rows could not be written what
 *         llm_unit_record says: the answer is in the result then, with the fault
 * [any] [not-in-callback]
 */
LLM_API int32_t llm_run(llm_service *svc, llm_request *rq, const llm_call_opts *opts,
	llm_call **ret_call, llm_err *err);

/*
 * The whole thing in one call: asks `text` of a profile, or of a "provider/model"
 * or alias, and waits. *ret_call is freed with llm_call_free; it is null when the
 * request was refused, else set on failure too, so that the result can be read.
 * @param model  profile, "provider/model" or alias; null: the default profile
 * @return 0, or the error's code
 * [any] [not-in-callback]
 */
LLM_API int32_t llm_ask(
	llm_service *svc, const char *model, const char *text, llm_call **ret_call, llm_err *err);

LLM_EXTERN_C_END
#endif
