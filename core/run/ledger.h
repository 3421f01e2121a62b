/*
 * ledger.h - runs on record: the row `running` before the first byte is sent, the settle
 * before the end is delivered (R-UOW-11), as jobs that somebody else runs.
 *
 * A call that is recorded has a call_record; one that is not pays a look at a null pointer.
 * Rows of a beginning are made on the thread that submits, the rest on the loop thread,
 * which never calls a storage: it hands jobs to a port, and what became of them comes back
 * through `returned`, from whatever thread ran them.
 */
#ifndef LLM_RUN_LEDGER_H
#define LLM_RUN_LEDGER_H

#include <stdatomic.h>

#include "base/uuid.h"
#include "conf/conf.h"
#include "net/loop.h"
#include "route/breakers.h"
#include "store/outbox.h"
#include "store/privacy.h"

struct llm_call;
struct llm_service;

#define LEDGER_LEASE_MS UINT64_C(30000) /* of this service in llm_owners, unless it is set */
#define LEDGER_BEATS 3 /* in the time of a lease, while runs are open */
#define LEDGER_BEGIN_ROOM 4 /* operations of a beginning: the run, its prompt */
#define LEDGER_BUCKETS 512 /* for keys that runs want */
#define LEDGER_SETTLE_NS NS_PER_S /* the end waits so long for its commit behind the deadline */

/* A job on its way, and on its way back. */
typedef struct trip {
	struct trip *next;
	struct llm_call *c; /* held */
	llm_job *job; /* freed where it was made: memory that wanders between threads is dear */
	int32_t code; /* 0: committed */
	llm_err *why; /* or null, also when memory was short */
} trip;

/* How far a row has got. */
enum { RECORD_NONE = 0, RECORD_OUT, RECORD_KEPT, RECORD_LOST };

/* The budget of a run, where the storage counts it. */
enum { BUDGET_HELD = 1, BUDGET_TOLD = 2 };
#define BUDGET_OPS 2 /* of a job: the workspace's, the profile's */

/* What a budget still bore when a bound run was submitted. */
typedef struct budget_room {
	int64_t nanousd;
	int64_t usual_nanousd; /* of a run whose cost is not known */
	int64_t limit_nanousd; /* -1: there is none */
	int64_t left_us;
} budget_room;

typedef struct call_record {
	llm_job *job; /* operations that nobody was given yet */
	uint32_t bound; /* written by the host in its own transaction, with llm_unit_record */
	uint32_t counted; /* among the ledger's open runs */
	uint32_t begin; /* RECORD_*: the row `running` */
	uint32_t settle; /* RECORD_*: its end */
	int counts; /* the storage that it is recorded in counts budgets */
	uint32_t budget; /* BUDGET_*: reserved there, or only told what the run has cost; else 0 */
	budget_room *rooms; /* of a bound run: the workspace's and its profile's; else null */
	uint32_t refused; /* its budget did not bear it: */
	uint32_t of_profile; /* the profile's, not the workspace's */
	int64_t limit_nanousd;
	int64_t left_us; /* of the window, -1: it does not end */
	int64_t nanousd; /* an estimate, and at the end what it cost; -1: not known */
	int64_t created_us;
	struct idem *idem; /* it has an idempotency key; in the call's arena */
	trip begin_trip;
	trip settle_trip;
} call_record;

typedef struct ledger {
	uint32_t mode; /* LEDGER_STRICT or LEDGER_AFTER; 0: nothing is recorded */
	uint32_t settle; /* SETTLE_* */
	int persist_strict;
	privacy rules;
	char *key; /* of the installation; ours */
	llm_redact_fn redact; /* the host's, or null */
	uintptr_t redact_token;
	char owner[UUID_TEXT];
	char key_print[SHA256_HEX]; /* of rules.key: one key or none, always the same */
	atomic_int key_changed; /* the service before this one had another; not logged yet */
	conf_idempotency keys; /* all of it set */
	uint64_t lease_ns;
	_Atomic uint64_t leased_ns; /* the last beat that was committed; 0: none yet */
	_Atomic(struct claim_watch *) watched; /* idem_watch.c: what came back */
	_Atomic(trip *) returned;
	llm_job_port port;
	int hosted; /* the host runs the jobs, on whatever thread */
	void (*close)(void *ctx); /* ends what the port belongs to, when all jobs are done */
	void *close_ctx;

	/* loop thread */
	outbox out;
	loop_timer timer;
	idmap health; /* breaker_saved by candidate, as the storage had it at the start */
	struct llm_call *leaders[LEDGER_BUCKETS]; /* of each key that runs want, one (idem.h) */
	uint64_t beat_ns; /* the lease was renewed then */
	int budgets; /* the storage counts budgets */
	int trims; /* it deletes stored answers that are too many */
	uint64_t reaped_ns; /* what the dead held of a budget was looked for then */
	uint64_t held_ns; /* since then jobs wait for neighbours; 0: none do */
	size_t n_open; /* runs that have begun on record */
	size_t n_out; /* trips */

	/* counts for llm_service_ledger */
	_Atomic uint64_t begun;
	_Atomic uint64_t settled;
	_Atomic uint64_t failed; /* runs whose rows are not all there */
	_Atomic uint64_t late; /* answers that did not wait for their row any longer */
	_Atomic uint64_t dropped; /* telemetry */
	_Atomic uint64_t unrecorded; /* bound runs that the host never recorded */
	atomic_int degraded; /* the last job failed */
} ledger;

/* Is a privacy.key that runs are to be recorded with there? LLM_E_CONFIG. */
int32_t ledger_check(const conf *cf, llm_err *err);
/* From the configuration. LLM_E_CONFIG, LLM_E_NOMEM. */
int32_t ledger_init(struct llm_service *svc, const llm_service_opts *opts, llm_err *err);
/*
 * From now on runs are recorded through `port`, which is copied. `owner` has a lease in the
 * storage already when `beat_ns` is set then, else takes it with the first run. Before the
 * first submit.
 */
void ledger_attach(struct llm_service *svc, const llm_job_port *port, const char *owner,
	void (*close)(void *ctx), void *ctx);
/* Makes `key_print`. Before the two below. LLM_E_NOMEM. */
int32_t ledger_print(struct llm_service *svc, llm_err *err);
/* The service that recorded here before this one: did it have the same key? From any thread. */
void ledger_before(ledger *l, const llm_owner_row *row);
/* This service, as OWNER_BEAT takes it, in the arena. LLM_E_NOMEM. */
int32_t ledger_owner_row(const ledger *l, arena *ar, llm_owner_row **ret);
/* ledger_health.c: what was kept of a candidate's breaker. Before the first submit. */
int32_t ledger_health_keep(struct llm_service *svc, const llm_health_row *row);
/* As breakers_hooks.load. */
int ledger_health_load(const ledger *l, const char *id, breaker_saved *ret);
/* It has changed: kept as soon as there is room. Loop thread, else it is left out. */
void ledger_health_put(struct llm_service *svc, const char *id, const breaker_saved *saved);
void ledger_health_done(struct llm_service *svc);
/* Turns the loop for a while, until what is under way is written. */
void ledger_drain(struct llm_service *svc);
/* The end: nothing comes back any more. */
void ledger_done(struct llm_service *svc);

/*
 * At submit: makes the call's record; with opts->unit the host will write it. LLM_E_NOMEM,
 * LLM_E_WORKSPACE_REQUIRED, and what idem_open says.
 */
int32_t ledger_open(struct llm_call *c, const struct llm_call_opts *opts, llm_err *err);
void ledger_forget(struct llm_call *c);

/* The run may begin: 0; or 1, and it waits for its row, or has ended. */
int ledger_begin(struct llm_call *c);
/* The run is among those that are open; run_close takes it out. */
void ledger_enter(struct llm_call *c);
/* It ends, since its row could not be written; `t` says why. */
void ledger_refuse(struct llm_call *c, const trip *t);
/* Its result is ready: 0; or 1, and run_close follows when its row is there. */
int ledger_settle(struct llm_call *c);
/* The same when its end had to wait for something to come back. */
void ledger_end_anew(struct llm_call *c);
/* A job that comes back by a trip; how it is sent. */
llm_job *ledger_job(struct llm_call *c, size_t room);
void ledger_send(struct llm_call *c, llm_job *j, trip *t, uint64_t deadline_ns);
/* Was the lease renewed not long ago? Until when it is good at least. */
int ledger_lease_fresh(const struct llm_service *svc);
uint64_t ledger_lease_end(const struct llm_service *svc);
/* ledger_life.c: a run begins: the lease is good, and is kept so. */
void ledger_watch(struct llm_service *svc);
/* What came back. */
void ledger_collect(struct llm_service *svc);
/*
 * The loop has something else to do: jobs are kept together meanwhile, since each commit
 * costs as much as several rows. For a moment, and not more of them than fit into a group.
 */
int ledger_holds(struct llm_service *svc);
/* Jobs wait, and not for room. */
int ledger_may_hand_over(const struct llm_service *svc);
void ledger_hand_over(struct llm_service *svc);

/* What one of the run's own rows said, where the unit as a whole was committed. */
int32_t ledger_code_of(const llm_job *j, call_record *rec);
void ledger_set_fault(struct llm_call *c, int32_t code, const char *text);

/* ledger_bound.c: writes the rows in the host's transaction. LLM_E_STATE, and what the storage says. */
int32_t ledger_record(struct llm_call *c, llm_unit *unit, llm_err *err);
/* The host lets go of the call. */
void ledger_left(struct llm_call *c);

/* ledger_rows.c: operations for the beginning and the end. LLM_E_NOMEM. */
int32_t ledger_rows_begin(struct llm_call *c, llm_job *j);
int32_t ledger_rows_end(struct llm_call *c, llm_job *j);
/*
 * ledger_params.c: {"options", "stop", "format", "left_out"} as JSON. `media`, or null: documents
 * are kept as well, and this list of the contents that hold images, audio and files; empty: it
 * had none. LLM_E_NOMEM.
 */
int32_t ledger_params(const llm_request *rq, const llm_bytes *media, buf *out);
/* ledger_budget.c: the part of a budget in them. LLM_E_NOMEM. */
int32_t ledger_budget_begin(struct llm_call *c, llm_job *j);
int32_t ledger_budget_end(struct llm_call *c, llm_job *j);
/* The beginning was lost, perhaps behind its commit. */
void ledger_budget_free(struct llm_call *c);
/* Of a bound run, at submit: reads what its budgets bear. As llm_records_read. */
int32_t ledger_budget_look(struct llm_call *c, llm_unit *unit, llm_err *err);
/* Do they bear so much? LLM_E_BUDGET_EXCEEDED with `err` filled. */
int32_t ledger_budget_bears(struct llm_call *c, int64_t nanousd, llm_err *err);
/* What operation `i` came to; a budget that does not bear the run is noted instead. */
int32_t ledger_budget_code(const llm_job *j, size_t i, call_record *rec);
/* Says so in the result, with its code. */
int32_t ledger_budget_exceeded(struct llm_call *c);
/* So many operations has the end at most. */
size_t ledger_rows_room(const struct llm_call *c);

#endif
