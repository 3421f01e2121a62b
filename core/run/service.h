/*
 * service.h - what a service owns, who turns its loop (driver.c), and how others reach it.
 *
 * Locks: `lock` guards the inbox, the providers, the ids and the driver. Everything
 * else belongs to the thread that turns the loop. A call has a lock of its own,
 * never taken before this one.
 */
#ifndef LLM_RUN_SERVICE_H
#define LLM_RUN_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/dbg.h"
#include "base/idmap.h"
#include "base/log.h"
#include "base/uuid.h"
#include "caching.h"
#include "confset.h"
#include "ledger.h"
#include "net/loop.h"
#include "net/xfer.h"
#include "route/budget.h"
#include "slots.h"
#include "wire/redact.h"

struct llm_call;
struct source;

/* Who turns the loop. */
enum {
	DRIVER_NONE = 0,
	DRIVER_THREAD = 1,
	DRIVER_HOST = 2,
	DRIVER_WAITER = 3, /* who waits for the only call there is */
};

struct llm_service {
	llm_allocator mem;
	atomic_int refs; /* the host's, and one of every call */
	llm_time_source time;
	uint64_t begun_ns;
	logger log;
	redact *secrets;
	pthread_rwlock_t secrets_lock; /* written when one is added, read to clean */
	_Atomic uint64_t n_prices; /* so often prices were read */
	budgets budgets; /* loop thread; what was spent outlives a reload */
	loop *loop;
	net *net;
	pid_t pid;
	dbg_io knobs;

	pthread_mutex_t changing; /* the configuration; taken before `making` */
	pthread_mutex_t making; /* a provider is being made; taken before `lock` */
	pthread_mutex_t lock;
	confset *set; /* in force */
	confset *before; /* held: the last one that the loop has taken over, when `set` is newer */
	atomic_int adopt; /* it is new: the loop has not taken its limits over */
	struct router *routers; /* the host's own; changed while there is no call, under `changing` */
	struct source *source; /* where it was read from; under `changing` */
	_Atomic(confset *) idle_sets; /* that nobody uses any more; looked at without the lock */
	idmap uses; /* name -> upstream_use */
	uuid_state ids;
	struct llm_call *inbox_first;
	struct llm_call *inbox_last;
	atomic_int stopping; /* no new calls; written under the lock */
	uint64_t grace_ms;
	uint64_t stop_end_ns; /* real time: the end of the grace time */
	int ending; /* service_free turns the loop until the end */
	int gone; /* nothing is left but this struct, for calls that the host holds */

	atomic_int driver;
	atomic_int quit; /* the own thread is to end */
	pthread_t thread;
	pthread_mutex_t lead; /* held by a waiter as long as it turns; taken before `lock` */
	int led; /* 1 as long as it is held by one */
	_Atomic(pthread_t) turning; /* the thread that turned last, or turns now */
	atomic_int turns;

	/* loop thread only */
	struct llm_call *live; /* calls that have not completed */
	size_t n_live;
	slots slots;
	ledger ledger; /* its own threads: see there */
	caching caching; /* the same */
	loop_timer stop_timer; /* the end of the grace time, on the service's clock */
	int stop_seen;
	confset *lent_sets; /* not in use, but text of them was given out */

	plugin_watch watch; /* of the thread that turns the loop, */
	plugin_watch making_watch; /* of the one that makes a provider, */
	plugin_watch storing_watch; /* and of the one that writes records */

	/* for tests, see layers.h; set while nothing runs */
	void (*layer_fn)(void *ctx, uint32_t layer);
	void *layer_ctx;
};

int32_t service_new(const llm_service_opts *opts, llm_service **ret, llm_err *err);
void service_free(llm_service *svc);
/* No new calls; what waits is cancelled, what runs has the grace time. Any thread. */
void service_stop(llm_service *svc);
void service_ref(llm_service *svc);
void service_unref(llm_service *svc);
/* files.c: LLM_E_CONFIG when the process may not open what the configuration asks for. */
int32_t service_check_files(const conf *c, llm_err *err);
/* Text without secrets, as redact_inplace and redact_text do it; any thread. */
size_t service_clean(llm_service *svc, char *text, size_t len, size_t cap);
int32_t service_clean_into(llm_service *svc, const char *text, size_t len, buf *out);
/* Starts the own thread when nobody drives for good; 0 when somebody does already. */
int32_t service_drive(llm_service *svc, llm_err *err);
/* Under the lock. A waiter drives for one call only: for more there is the own thread. */
void service_end_lead(llm_service *svc);
/*
 * 1: the caller waits for `call`, the only one there is, nobody drives, and so it turns the
 * loop itself: no thread has to be woken twice for an answer. It does so while service_leads
 * says so, and ends with service_unlead.
 */
int service_lead(llm_service *svc, const struct llm_call *call);
int service_leads(llm_service *svc);
void service_unlead(llm_service *svc);
/* One turn by it: as service_turn, but that it is no forked child was seen when its wait began. */
int32_t service_lead_turn(llm_service *svc, uint64_t timeout_ns);
/* Nobody else turns any more, and nobody will: for the thread that ends the service. */
void service_take_back(llm_service *svc);
/* LLM_E_STATE in a forked child. */
int32_t service_check(const llm_service *svc, llm_err *err);
/* 1 on the thread that is inside dispatch now: its caller is a callback. */
int service_on_loop(llm_service *svc);
/* 1 on the thread of a host that drives the loop, outside of dispatch. */
int service_is_driver(llm_service *svc);
/* One turn by the calling thread. LLM_E_STATE when another one turns. */
int32_t service_turn(llm_service *svc, uint64_t timeout_ns, llm_err *err);

/* Why a call stands in the inbox. */
#define INBOX_NEW 1u
#define INBOX_CANCEL 2u
#define INBOX_RESUME 4u
/* Something has come back to the ledger: the loop looks. Any thread. */
void service_wake(llm_service *svc);
/* The same under the lock: the loop looks at what is new. */
void service_wake_locked(llm_service *svc);
/* Hands a call to the loop thread; cannot fail. LLM_E_STATE after shutdown, for NEW only. */
int32_t service_post(llm_service *svc, struct llm_call *call, unsigned why);

#endif
