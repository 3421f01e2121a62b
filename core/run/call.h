/*
 * call.h - one run: from submit to its result.
 *
 * A call is held by the host and, until it has completed, by its service. Its
 * fields are in three groups by who may touch them.
 */
#ifndef LLM_RUN_CALL_H
#define LLM_RUN_CALL_H

#include "deadline.h"
#include "llm/call.h"
#include "request.h"
#include "route/resolve.h"
#include "streamq.h"
#include "upstream.h"

typedef struct attempt attempt;

/* What a call asks of its provider. */
enum { OP_CHAT = 0, OP_MODELS = 1, OP_STATE = 2 };

typedef struct tool_acc {
	uint32_t index; /* the provider's */
	buf id;
	buf name;
	buf arguments;
} tool_acc;

struct llm_result {
	arena *ar; /* the call's */
	uint32_t status;
	uint32_t finish;
	char run_id[UUID_TEXT];
	buf text;
	buf reasoning;
	buf logprobs;
	llm_usage usage;
	llm_err error; /* code 0: none */
	const char *finish_raw;
	const char *requested;
	const char *profile;
	const char *provider;
	const char *model;
	const char *response_model;
	const char *response_id;
	const char *request_id;
	const char *usage_raw;
	list tools; /* tool_acc */
	list parts; /* llm_result_part */
	list warnings; /* char */
	list attempts; /* llm_attempt */
	llm_timing timing;
	buf exchange;
};

struct llm_models {
	llm_allocator mem;
	arena ar;
	list rows; /* llm_model_desc */
	char *cursor; /* of the next page, or null */
};

struct llm_call {
	/* set at submit, then read-only */
	llm_allocator mem;
	atomic_int refs;
	llm_service *svc; /* held: it may have ended, and says so then */
	llm_request *rq; /* null: no chat */
	uint32_t op;
	uint32_t flags;
	llm_event_fn on_event;
	uintptr_t token;
	uint64_t submit_ns;
	upstream *up;
	candidate cand;
	phase_limits limits;
	uint64_t deadline_ns;
	int upstream_stream; /* ask for a stream also when the caller wants none */
	const llm_option_view *const *options;
	size_t n_options;
	llm_bytes extra;

	/* under the service's lock */
	struct llm_call *inbox_next;
	unsigned inbox_why;
	int in_inbox;

	/* under `lock` */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	streamq events;
	int paused; /* the transfer waits for the reader */
	int end_taken;
	atomic_int done; /* the result is ready, */
	atomic_int ended; /* and the callback has been told: who waits may go */
	atomic_int leaving; /* a cancel is on its way through the inbox */
	_Atomic uint64_t read_ns; /* when the reader last took something while paused */

	/* loop thread, until done */
	struct llm_call *prev;
	struct llm_call *next;
	arena ar;
	attempt *att;
	loop_timer timer;
	uint64_t timer_ns; /* what `timer` is set to */
	int delivered;
	llm_models *models; /* OP_MODELS, OP_STATE: where rows go */
	llm_result res;
};

/* A call for `rq` (null: another operation), held once. */
int32_t call_new(
	llm_service *svc, llm_request *rq, const llm_call_opts *opts, llm_call **ret, llm_err *err);
void call_ref(llm_call *c);
void call_unref(llm_call *c);
/* Names the candidate and its times; loads its provider. `times` may be null. */
int32_t call_route(llm_call *c, const char *provider, const conf_profile *profile,
	const llm_call_opts *opts, llm_err *err);
/* As request_push, for lists in the call's arena. */
int32_t call_push(arena *ar, list *l, void *item);

/* ---- run.c: the loop's side ---- */

/* The inbox hands over a call. */
void run_begin(llm_call *c);
/* The same of a service that is shutting down: nothing is sent. */
void run_refuse(llm_call *c);
void run_cancel(llm_call *c, uint32_t flags);
void run_resume(llm_call *c);
/* An attempt has ended: `code` 0 is success, else c->res.error says why. */
void run_attempt_ended(llm_call *c, int32_t code);
/* Arms the timer for what is due next. */
void run_arm(llm_call *c);

/* ---- delivering (deliver.c) ---- */

/* An event for the reader; *ret_pause is set when the transfer is to wait. */
int32_t deliver(llm_call *c, const llm_event *e);
/* 1 when the reader is too far behind; the call is then marked as paused. */
int deliver_should_pause(llm_call *c);
/* The last event: the result is ready, waiters wake. */
void deliver_end(llm_call *c);

#endif
