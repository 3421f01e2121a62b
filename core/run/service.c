#include "service.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "call.h"
#include "engine.h"
#include "idem.h"
#include "reload.h"
#include "router.h"
#include "watching.h"
#include "wire/jsonio.h"

/* ---- making one ---- */

size_t service_clean(llm_service *svc, char *text, size_t len, size_t cap)
{
	size_t n;

	pthread_rwlock_rdlock(&svc->secrets_lock);
	n = redact_inplace(svc->secrets, text, len, cap);
	pthread_rwlock_unlock(&svc->secrets_lock);
	return n;
}

int32_t service_clean_into(llm_service *svc, const char *text, size_t len, buf *out)
{
	int32_t rc;

	pthread_rwlock_rdlock(&svc->secrets_lock);
	rc = redact_text(svc->secrets, text, len, out);
	pthread_rwlock_unlock(&svc->secrets_lock);
	return rc;
}

static size_t clean_line(void *ctx, char *line, size_t len, size_t cap)
{
	return service_clean(ctx, line, len, cap);
}

static void on_woken(void *ctx);

static int32_t fill(llm_service *svc, const llm_service_opts *opts, llm_err *err)
{
	int32_t rc;

	svc->secrets = redact_new(&svc->mem);
	if (!svc->secrets)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	svc->log = (logger){.fn = opts->log,
		.token = opts->log_token,
		.level = opts->log_level ? opts->log_level : LLM_LOG_WARN,
		.clean = clean_line,
		.clean_ctx = svc};
	rc = jsonio_check_library(err);
	if (!rc)
		rc = confset_load(svc, opts, NULL, &svc->set, err);
	if (!rc && !(svc->source = source_copy(opts, &svc->mem)))
		rc = err_set(err, LLM_E_NOMEM, "out of memory");
	if (!rc)
		rc = loop_new(&svc->mem, &svc->time, &svc->loop, err);
	if (!rc)
		rc = net_new(svc->loop, &svc->mem, &svc->net, err);
	if (!rc)
		rc = ledger_init(svc, opts, err);
	if (!rc)
		rc = caching_init(svc, opts, err);
	if (!rc)
		slots_init(svc);
	if (!rc)
		loop_on_wake(svc->loop, on_woken, svc);
	if (!rc)
		loop_on_turn(svc->loop, watching_begin, svc);
	return rc;
}

void service_ref(llm_service *svc)
{
	atomic_fetch_add(&svc->refs, 1);
}

void service_unref(llm_service *svc)
{
	llm_allocator mem;

	if (atomic_fetch_sub(&svc->refs, 1) != 1)
		return;
	mem = svc->mem;
	pthread_rwlock_destroy(&svc->secrets_lock);
	pthread_mutex_destroy(&svc->lead);
	pthread_mutex_destroy(&svc->slots.lock);
	pthread_mutex_destroy(&svc->lock);
	pthread_mutex_destroy(&svc->making);
	pthread_mutex_destroy(&svc->changing);
	mem_free(&mem, svc);
}

static void dismantle(llm_service *svc)
{
	size_t i;

	ledger_done(svc);
	caching_done(svc);
	confset_drop(svc->before);
	confset_drop(svc->set);
	confset_sweep_all(svc);
	router_free_all(svc);
	for (i = 0; i < svc->uses.n; i++)
		mem_free(&svc->mem, svc->uses.slots[i].value);
	idmap_done(&svc->uses);
	slots_done(svc);
	budgets_done(&svc->budgets);
	net_free(svc->net);
	loop_free(svc->loop);
	redact_free(svc->secrets);
	source_free(svc->source, &svc->mem);
	service_unref(svc);
}

int32_t service_new(const llm_service_opts *opts, llm_service **ret, llm_err *err)
{
	const llm_allocator *mem = opts->allocator ? opts->allocator : mem_default();
	llm_service *svc = mem_new(mem, sizeof(*svc));
	int32_t rc;

	if (!svc)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	svc->mem = *mem;
	atomic_init(&svc->refs, 1);
	svc->time = clock_filled(opts->time);
	svc->begun_ns = clock_ns(&svc->time);
	svc->pid = getpid();
	svc->knobs = dbg_io_from_env();
	pthread_mutex_init(&svc->changing, NULL);
	pthread_mutex_init(&svc->making, NULL);
	pthread_mutex_init(&svc->lock, NULL);
	pthread_mutex_init(&svc->lead, NULL);
	pthread_rwlock_init(&svc->secrets_lock, NULL);
	idmap_init(&svc->uses, &svc->mem);
	idmap_init(&svc->ledger.health, &svc->mem);
	idmap_init(&svc->slots.candidates, &svc->mem);
	idmap_init(&svc->slots.health.by_id, &svc->mem);
	(void)budgets_init(&svc->budgets, &svc->mem, &(budget_rules){0}, NULL);
	pthread_mutex_init(&svc->slots.lock, NULL);
	rc = fill(svc, opts, err);
	if (rc) {
		dismantle(svc);
		return rc;
	}
	*ret = svc;
	return 0;
}

int32_t service_check(const llm_service *svc, llm_err *err)
{
	if (svc->pid != getpid())
		return err_set(err, LLM_E_STATE,
			"the service belongs to the process that made it: make a new one after fork");
	return 0;
}

/* ---- the inbox ---- */

void service_wake_locked(llm_service *svc)
{
	if (service_on_loop(svc))
		loop_wake_self(svc->loop);
	else if (atomic_load(&svc->driver) == DRIVER_NONE)
		loop_wake_idle(svc->loop);
	else
		loop_wake(svc->loop);
}

void service_wake(llm_service *svc)
{
	pthread_mutex_lock(&svc->lock);
	if (!svc->gone)
		service_wake_locked(svc);
	pthread_mutex_unlock(&svc->lock);
}

int32_t service_post(llm_service *svc, llm_call *c, unsigned why)
{
	int32_t rc = 0;

	pthread_mutex_lock(&svc->lock);
	if (svc->gone || (why == INBOX_NEW && atomic_load(&svc->stopping))) {
		rc = LLM_E_STATE;
		goto unlock;
	}
	c->inbox_why |= why;
	if (!c->in_inbox) {
		c->in_inbox = 1;
		c->inbox_next = NULL;
		call_ref(c);
		if (svc->inbox_last)
			svc->inbox_last->inbox_next = c;
		else
			svc->inbox_first = c;
		svc->inbox_last = c;
	}
	service_wake_locked(svc);
	if (why == INBOX_NEW)
		service_end_lead(svc);
unlock:
	pthread_mutex_unlock(&svc->lock);
	return rc;
}

static llm_call *take_inbox(llm_service *svc, unsigned *ret_why)
{
	llm_call *c;

	pthread_mutex_lock(&svc->lock);
	/* Who led does nothing for others: the inbox is for who turns after it. */
	c = svc->led && !service_leads(svc) ? NULL : svc->inbox_first;
	if (c) {
		svc->inbox_first = c->inbox_next;
		if (!svc->inbox_first)
			svc->inbox_last = NULL;
		c->in_inbox = 0;
		*ret_why = c->inbox_why;
		c->inbox_why = 0;
	}
	pthread_mutex_unlock(&svc->lock);
	return c;
}

static void obey(llm_call *c, unsigned why)
{
	if (why & INBOX_NEW) {
		call_ref(c); /* the service's own hold, until the run has ended */
		if (atomic_load(&c->svc->stopping))
			run_refuse(c);
		else
			run_begin(c);
	}
	if (why & INBOX_CANCEL)
		run_cancel(c, 0);
	if (why & INBOX_RESUME)
		run_resume(c);
}

static void on_grace_over(loop_timer *t)
{
	llm_service *svc = (llm_service *)(void *)((char *)t - offsetof(llm_service, stop_timer));

	llm_call *c, *next;

	for (c = svc->live; c; c = next) {
		next = c->next; /* it may go, no other does */
		run_cancel(c, 0);
	}
}

static void see_stop(llm_service *svc)
{
	if (svc->stop_seen)
		return;
	svc->stop_seen = 1;
	engine_stop(svc);
	svc->stop_timer.fn = on_grace_over;
	loop_timer_set(
		svc->loop, &svc->stop_timer, clock_after_ms(loop_now(svc->loop), svc->grace_ms));
}

static void on_woken(void *ctx)
{
	llm_service *svc = ctx;
	cache_trip *answers = caching_returned(svc);
	llm_call *c;
	unsigned why = 0;

	if (atomic_load(&svc->stopping))
		see_stop(svc);
	if (svc->ledger.mode) {
		idem_watched(svc);
		ledger_collect(svc);
	}
	caching_collect(svc, answers);
	service_adopt(svc);
	while ((c = take_inbox(svc, &why))) {
		obey(c, why);
		call_unref(c);
	}
	if (svc->idle_sets) /* a glance; who adds one wakes the loop again */
		confset_sweep(svc);
}

/* ---- the end ---- */

void service_stop(llm_service *svc)
{
	pthread_mutex_lock(&svc->lock);
	if (!atomic_load(&svc->stopping)) {
		svc->grace_ms = svc->set->conf->shutdown_grace;
		svc->stop_end_ns = clock_after_ms(clock_ns(clock_real()), svc->grace_ms);
		atomic_store(&svc->stopping, 1);
		service_wake_locked(svc);
	}
	pthread_mutex_unlock(&svc->lock);
}

static void cancel_all(llm_service *svc)
{
	llm_call *c;

	for (c = svc->live; c; c = c->next)
		(void)service_post(svc, c, INBOX_CANCEL);
	(void)service_turn(svc, 0, NULL);
}

/* What still runs may end by itself for a while; the freeing thread turns the loop. */
static void grace(llm_service *svc)
{
	const uint64_t end = svc->stop_end_ns;

	while (svc->live) {
		uint64_t now = clock_ns(clock_real());

		if (now >= end || service_turn(svc, end - now, NULL))
			break;
	}
}

/* Every call has its end: what other threads still ask of one means nothing any more. */
static void close_inbox(llm_service *svc)
{
	llm_call *c;
	unsigned why;

	pthread_mutex_lock(&svc->lock);
	svc->gone = 1;
	pthread_mutex_unlock(&svc->lock);
	while ((c = take_inbox(svc, &why)))
		call_unref(c);
}

void service_free(llm_service *svc)
{
	/*
	 * A forked child shares its parent's sockets and epoll set, and may have been made
	 * while another thread held a lock: it can only leave everything as it is.
	 */
	if (!svc || svc->pid != getpid())
		return;
	if (service_on_loop(svc)) {
		log_line(&svc->log, LLM_LOG_ERROR,
			"llm_service_free inside a callback of the same "
			"service does nothing: the service goes on");
		return;
	}
	pthread_mutex_lock(&svc->lock);
	svc->ending = 1;
	pthread_mutex_unlock(&svc->lock);
	service_stop(svc);
	service_take_back(svc);
	(void)service_turn(svc, 0, NULL);
	grace(svc);
	cancel_all(svc);
	ledger_drain(svc);
	close_inbox(svc);
	dismantle(svc);
}
