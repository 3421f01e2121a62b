/* Who turns a service's loop: its own thread, the host, or the one thread that waits. */
#include <signal.h>

#include "base/err.h"
#include "call.h"
#include "service.h"
#include "watching.h"

/* Of `turns`: whose turn it is stands in `turning` from the last one on. */
enum { TURN_NONE = 0, TURN_TAKEN, TURN_KNOWN };

int service_on_loop(llm_service *svc)
{
	return atomic_load(&svc->turns) == TURN_KNOWN &&
		pthread_equal(atomic_load(&svc->turning), pthread_self());
}

/* `may_hold`: another turn follows at once. */
static int32_t turn(llm_service *svc, uint64_t timeout_ns, int may_hold, llm_err *err)
{
	int idle = TURN_NONE;

	if (!atomic_compare_exchange_strong(&svc->turns, &idle, TURN_TAKEN))
		return err_set(err, LLM_E_STATE,
			service_on_loop(svc) ?
				"a service cannot be dispatched inside its own callback" :
				"another thread dispatches this service");
	atomic_store(&svc->turning, pthread_self());
	atomic_store(&svc->turns, TURN_KNOWN);
	loop_turn(svc->loop, timeout_ns);
	if (!may_hold || !ledger_holds(svc))
		ledger_hand_over(svc);
	watching_end(svc);
	atomic_store(&svc->turns, TURN_NONE);
	return 0;
}

int32_t service_turn(llm_service *svc, uint64_t timeout_ns, llm_err *err)
{
	int32_t rc = service_check(svc, err);

	return rc ? rc : turn(svc, timeout_ns, 0, err);
}

int32_t service_lead_turn(llm_service *svc, uint64_t timeout_ns)
{
	return turn(svc, timeout_ns, 0, NULL);
}

int service_is_driver(llm_service *svc)
{
	return atomic_load(&svc->driver) == DRIVER_HOST &&
		pthread_equal(atomic_load(&svc->turning), pthread_self());
}

/* ---- the own thread ---- */

/* Until a waiter that led before has left; what it did not look at is seen in the next turn. */
static void await_lead(llm_service *svc)
{
	pthread_mutex_lock(&svc->lead);
	pthread_mutex_unlock(&svc->lead);
	loop_wake(svc->loop);
}

static void *thread_main(void *ctx)
{
	llm_service *svc = ctx;

	await_lead(svc);
	/* No forked child has this thread, so it needs no look at the process's id. */
	while (!atomic_load(&svc->quit))
		(void)turn(svc, ledger_may_hand_over(svc) ? 0 : UINT64_MAX, 1, NULL);
	ledger_hand_over(svc);
	return NULL;
}

/* The host's signals are the host's: none may land on our thread. */
static int spawn(llm_service *svc)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&svc->thread, NULL, thread_main, svc);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

/* Under the lock. */
static int32_t start_thread(llm_service *svc)
{
	if (spawn(svc))
		return LLM_E_NOMEM;
	atomic_store(&svc->driver, DRIVER_THREAD);
	loop_wake(svc->loop);
	return 0;
}

int32_t service_drive(llm_service *svc, llm_err *err)
{
	int32_t rc = 0;
	int driver;

	pthread_mutex_lock(&svc->lock);
	driver = atomic_load(&svc->driver);
	/* Whoever ends the service turns its loop until every call has its end. */
	if (!svc->ending && (driver == DRIVER_NONE || driver == DRIVER_WAITER))
		rc = start_thread(svc);
	pthread_mutex_unlock(&svc->lock);
	return rc ? err_set(err, rc, "no thread could be started: the process is at its limit") : 0;
}

/* ---- the thread that waits ---- */

/* Under the lock. Nothing of others may be done on the waiter's thread, least of all callbacks. */
static int is_alone(const llm_service *svc, const llm_call *c)
{
	return !c->on_event && !svc->n_live && svc->inbox_first == c && svc->inbox_last == c;
}

int service_lead(llm_service *svc, const llm_call *c)
{
	int lead = 0;

	if (pthread_mutex_trylock(&svc->lead))
		return 0;
	pthread_mutex_lock(&svc->lock);
	if (!svc->ending && atomic_load(&svc->driver) == DRIVER_NONE && is_alone(svc, c)) {
		atomic_store(&svc->driver, DRIVER_WAITER);
		svc->led = lead = 1;
	}
	pthread_mutex_unlock(&svc->lock);
	if (!lead)
		pthread_mutex_unlock(&svc->lead);
	return lead;
}

int service_leads(llm_service *svc)
{
	return atomic_load(&svc->driver) == DRIVER_WAITER;
}

void service_end_lead(llm_service *svc)
{
	/* Without a thread the waiter goes on: late for the others is better than never. */
	if (service_leads(svc))
		(void)start_thread(svc);
}

void service_unlead(llm_service *svc)
{
	pthread_mutex_lock(&svc->lock);
	if (svc->n_live || svc->inbox_first)
		service_end_lead(svc);
	if (service_leads(svc))
		atomic_store(&svc->driver, DRIVER_NONE);
	svc->led = 0;
	pthread_mutex_unlock(&svc->lock);
	pthread_mutex_unlock(&svc->lead);
}

/* ---- the end ---- */

void service_take_back(llm_service *svc)
{
	int driver;

	pthread_mutex_lock(&svc->lock);
	driver = atomic_load(&svc->driver);
	if (driver == DRIVER_WAITER)
		atomic_store(&svc->driver, DRIVER_NONE);
	pthread_mutex_unlock(&svc->lock);
	atomic_store(&svc->quit, 1);
	loop_wake(svc->loop);
	if (driver == DRIVER_THREAD)
		pthread_join(svc->thread, NULL);
	else
		await_lead(svc);
}
