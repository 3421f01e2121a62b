/*
 * call.h - one run: from submit to its result.
 *
 * A call is held by the host and, until it has completed, by its service. Its
 * fields are in three groups by who may touch them.
 */
#ifndef LLM_RUN_CALL_H
#define LLM_RUN_CALL_H

#include "base/err.h"
#include "caching.h"
#include "deadline.h"
#include "llm/call.h"
#include "pricing.h"
#include "recover.h"
#include "request.h"
#include "retry.h"
#include "route/resolve.h"
#include "slots.h"
#include "streamq.h"
#include "upstream.h"

typedef struct attempt attempt;
typedef struct race race;

/* What a call asks of its provider. */
enum { OP_CHAT = 0, OP_MODELS = 1, OP_STATE = 2, OP_MODEL = 3 };

/* One candidate of a run's plan. */
typedef struct target {
	/* set at submit, then read-only */
	candidate cand;
	upstream *up;
	phase_limits limits;
	uint64_t warm_ns; /* first_token of a model known to be in memory; UINT64_MAX: the same */
	uint64_t queue_ns;
	uint64_t slow_ns; /* slow_start; of one among several */
	uint64_t retry_after_max_ns;
	uint32_t max_attempts;
	uint32_t weight; /* for policies that draw */
	uint32_t level; /* 0 is asked before 1 */
	uint32_t chains; /* CHAIN_* */
	uint32_t context_place;
	uint32_t content_place;
	int upstream_stream; /* ask for a stream also when the caller wants none */
	const llm_option_view *const *options;
	size_t n_options;
	llm_bytes extra;

	/* loop thread */
	cand_state *state; /* null: no slots, no breaker */
	uint32_t tried; /* by this run */
	uint32_t left_out; /* it lacks what the request needs */
	uint32_t own; /* its breaker or cooling is of this run's making */
	retry_tries tries;
} target;

/* What a run waits for. */
enum {
	RUN_STARTS = 0,
	RUN_QUEUED,
	RUN_FLIES,
	RUN_WAITS,
	RUN_RECORDS,
	RUN_CLAIMS,
	RUN_SETTLES,
	RUN_LOOKS, /* a stored answer is asked for */
	RUN_SHARES /* the attempt of another call */
};

typedef struct tool_acc {
	uint32_t index; /* the provider's */
	buf id;
	buf name;
	buf arguments;
} tool_acc;

/* An attempt as the result keeps it: what is shown comes first. */
typedef struct attempt_row {
	llm_attempt shown;
	llm_usage usage;
	const plugin *plug; /* who asked */
	uint64_t started_ns;
	int64_t picousd; /* -1: not known */
	const struct price_row *price; /* of which that was made; null: of none */
} attempt_row;

/* Where an answer comes from that nobody was asked for now. In the call's arena. */
typedef struct retold {
	uint32_t source; /* LLM_SOURCE_* */
	const char *run_id; /* that paid for it */
	const char *candidate; /* that gave it, or null */
	llm_usage usage; /* what it took then */
	int64_t age_ms; /* -1: not known */
} retold;

struct llm_result {
	arena *ar; /* the call's */
	uint32_t status;
	uint32_t finish;
	char run_id[UUID_TEXT];
	buf text;
	buf reasoning;
	buf logprobs;
	llm_usage usage;
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
	list attempts; /* llm_attempt, each of an attempt_row */
	llm_timing timing;
	buf exchange;
	uint32_t recovered; /* candidates that were asked to mend the stream */
	buf decision; /* JSON; empty when nobody asked for it */
	uint32_t persisted; /* LLM_PERSISTED_* */
	llm_err *fault; /* why it is not on record, or null */
	int64_t cost_nanousd; /* -1: not known */
	uint32_t cost_flags; /* COST_* */
	const char *price_rule; /* of the attempt that answered, or null */
	const char *price_version;
	const retold *from; /* null: of a provider, or of nobody */
	uint32_t cache_event; /* LLM_CACHE_* */
	uint32_t refreshed; /* asked for in order to store it anew */
	const char *cache_why; /* of a bypass, or of a miss by a fault; static */
	const char *missing; /* the candidate that was not asked, since it is not there */
	int64_t missing_ms; /* so long ago its provider said so */
	llm_err error; /* code 0: none; last, see call_new() */
};

struct llm_models {
	llm_allocator mem;
	arena ar;
	list rows; /* llm_model_desc */
	char *cursor; /* of the next page, or null */
	caps_matrix matrix; /* OP_MODEL */
};

struct llm_call {
	/* set at submit, then read-only */
	llm_allocator mem;
	atomic_int refs;
	llm_service *svc; /* held: it may have ended, and says so then */
	confset *set; /* held until the run ends: what it was planned with */
	llm_request *rq; /* null: no chat */
	uint32_t op;
	uint32_t flags;
	llm_event_fn on_event;
	uintptr_t token;
	uint64_t submit_ns;
	uint64_t deadline_ns;
	const char *workspace;
	call_record *rec; /* null: it is not recorded */
	call_cache *cache; /* null: no stored answers, and no shared attempts */
	struct flight *flight; /* it is the call of a flight, which no host holds; else null */
	struct llm_call *patron; /* held: memory of it is used; or null */
	target first; /* the plan of most runs */
	target *plan;
	size_t n_plan;
	size_t n_general; /* those of the general chain come first */
	uint32_t has_chains; /* CHAIN_* */
	uint32_t recovery; /* RECOVER_* */
	uint32_t slow_action; /* SLOW_* */
	uint32_t slow_crosses;
	struct route_profile *by; /* who ranks; null: a model was named */
	uint32_t local_only;
	uint64_t split_key; /* what a policy that draws begins with; 0: chance */

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
	target *at; /* who is asked */
	attempt *att;
	uint32_t chain; /* CHAIN_*: that the run is in */
	int64_t input_tokens; /* an estimate; 0: not counted yet */
	uint64_t affinity_key; /* of the prompt's head; 0: not wanted */
	int64_t start_us; /* UTC; 0: not looked at yet */
	struct cost spent;
	budget_hold hold;
	uint32_t may_be_billed; /* a request was sent and not refused */
	race *race; /* a second attempt is in flight; else null */
	phase_limits limits; /* of this attempt */
	retry_run retry;
	retry_failure failure; /* of the last attempt, */
	retry_verdict verdict; /* and what follows from it */
	uint32_t state; /* RUN_* */
	uint32_t repeats; /* the same candidate is asked again, by `verdict` */
	uint32_t admitted; /* `ticket` is out */
	uint32_t slow_done; /* this attempt may take its time */
	uint32_t cost; /* of the retry that goes on, to be given back */
	uint32_t retrying; /* the attempt is on the wire as a retry */
	uint32_t mending; /* RECOVER_MATCH or RECOVER_CONTINUE: after content was delivered */
	uint32_t recoveries;
	uint32_t differed;
	uint32_t denied; /* LLM_ERRF_*: why the last attempt's failure was not retried */
	uint64_t wake_ns; /* RUN_WAITS, RUN_QUEUED: until then */
	uint64_t asked_ns; /* RUN_QUEUED since */
	uint64_t ended_ns; /* the last attempt */
	limit_waiter slot;
	breaker_ticket ticket;
	recover_match match;
	const llm_err *broke; /* why the stream that was delivered broke */
	const char *told_model; /* whose text that was */
	loop_timer timer;
	uint64_t timer_ns; /* what `timer` is set to */
	int delivered;
	int whole; /* the answer is complete: what was kept back may be delivered */
	int of_engine; /* the service's own: it asks a provider for its state */
	llm_models *models; /* of what is no chat: where rows go */
	llm_result res; /* last, see call_new() */
};

/* A call for `rq` (null: another operation), held once. */
int32_t call_new(
	llm_service *svc, llm_request *rq, const llm_call_opts *opts, llm_call **ret, llm_err *err);
void call_ref(llm_call *c);
void call_unref(llm_call *c);
/* Frees what an attempt has filled; not the rows of the run. */
void call_answer_done(llm_result *r);
/* plan.c: who may answer, and in which times; loads their providers. */
int32_t call_plan(llm_call *c, route *r, const llm_call_opts *opts, llm_err *err);
/* The same for what is no chat. */
int32_t call_plan_provider(
	llm_call *c, const char *provider, const llm_call_opts *opts, llm_err *err);
/* The same about one model, of the first candidate of a name. */
int32_t call_plan_model(llm_call *c, route *r, const llm_call_opts *opts, llm_err *err);
/* As request_push, for lists in the call's arena. */
int32_t call_push(arena *ar, list *l, void *item);

/* ---- run.c: the loop's side ---- */

/* The inbox hands over a call. */
void run_begin(llm_call *c);
/* The same of a service that is shutting down: nothing is sent. */
void run_refuse(llm_call *c);
void run_cancel(llm_call *c, uint32_t flags);
void run_resume(llm_call *c);
/* Its slots are there: it flies. */
void run_granted(llm_call *c);
/* Who is asked, and then asks: what follows when the run has its key. */
void run_plan(llm_call *c);
/* Ends the run now, whatever it waits for; c->res.error says why. */
void run_stop(llm_call *c, int32_t code);
/* Stored answers were looked for: what comes before the first attempt, then that. */
void run_proceed(llm_call *c);
/* The candidate that would be asked first now; null: none. */
target *run_available(llm_call *c);
/* The first attempt: of a chain when the run begins in one, else by health. */
void run_first(llm_call *c);
/* The first candidate, by health. */
void run_choose(llm_call *c);
/* Asks `t`, as soon as it has slots. `who`: BREAKER_AS_*. */
void run_ask(llm_call *c, target *t, uint32_t who);
/* The whole run is over. */
void run_end(llm_call *c, int32_t code);
/* The same of one that shared an attempt, with the error that this ended with. */
void run_end_shared(llm_call *c, int32_t code);
/* The call of a flight begins with its first attempt. */
void run_begin_shared(llm_call *c);
/* And on record, as far as it will be: the reader is told. */
void run_close(llm_call *c);
/* ended.c: an attempt has ended: `code` 0 is success, else c->res.error says why. */
void run_attempt_ended(llm_call *c, int32_t code);
/* The same before an attempt began: the queue is full, or it took too long. */
void run_not_asked(llm_call *c, int32_t code);
/* What follows c->failure while nothing was delivered. */
enum { REFUSED_NOT = 0, REFUSED_BREAKER, REFUSED_BUDGET };
void run_decide(llm_call *c, uint32_t refused);
/* Another one is asked, and the reader is told. */
void run_move(llm_call *c, target *to);
void run_give_way(llm_call *c, target *to);
/* Slots, probe and what a retry costs, as far as the run holds them. */
void run_let_go(llm_call *c, int32_t code);
void run_close_row(llm_call *c, const attempt *a, int32_t code);
/* What the core knows of a failure, whoever reported it (R-ERR-3). */
void run_complete_error(llm_call *c, const attempt *a, int32_t code);
/* Healthy others that this run has not asked. */
uint32_t plan_untried(llm_call *c, const target *except);
target *plan_next(llm_call *c);
/* LLM_CAP_*: does it go on with a turn that was begun? */
uint32_t plan_prefill(llm_call *c, const target *t);
/* Arms the timer for what is due next. */
void run_arm(llm_call *c);
/* The next timer of an attempt with these limits. */
phase_due run_due(const llm_call *c, const attempt *a, const phase_limits *limits);

/* ---- delivering (deliver.c) ---- */

/* An event for the reader; *ret_pause is set when the transfer is to wait. */
int32_t deliver(llm_call *c, const llm_event *e);
/* 1 when the reader is too far behind; the call is then marked as paused. */
int deliver_should_pause(llm_call *c);
/* A line for people: LLM_EVENT_WAITING, FALLBACK or RECOVERED. */
void deliver_notice(llm_call *c, uint32_t kind, uint32_t index, const char *format, ...)
	ERR_PRINTF(4, 5);
/* What was kept back until the answer is whole. */
int32_t deliver_kept(llm_call *c);
/* The last event: the result is ready, waiters wake. */
void deliver_end(llm_call *c);

#endif
