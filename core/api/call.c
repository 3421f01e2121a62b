#include "llm/call.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "run/call.h"
#include "run/idem.h"
#include "run/layers.h"
#include "run/watching.h"
#include "store/unit.h"
#include "store/workspace.h"

/* ---- submit ---- */

static int32_t adopt(const llm_call_opts *opts, llm_call_opts *own, llm_err *err)
{
	size_t n = opts ? opts->struct_size : 0;

	memset(own, 0, sizeof(*own));
	own->struct_size = (uint32_t)sizeof(*own);
	if (!opts)
		return 0;
	if (n < offsetof(llm_call_opts, connect_ms))
		return err_set(err, LLM_E_INVALID_REQUEST,
			"the options are not initialised: begin with LLM_CALL_OPTS_INIT");
	memcpy(own, opts, n < sizeof(*own) ? n : sizeof(*own));
	if (own->max_attempts > 10 || own->max_attempts_total > 10)
		return err_set(
			err, LLM_E_CONFIG, "max_attempts and max_attempts_total are at most 10");
	if (own->stream_recovery > LLM_RECOVER_BUFFER || own->priority > LLM_PRIORITY_BATCH ||
		own->on_duplicate > LLM_DUPLICATE_FAIL)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"stream_recovery, priority or on_duplicate has a value that does not exist");
	if (own->cache_mode > LLM_CACHE_REFRESH)
		return err_set(
			err, LLM_E_INVALID_REQUEST, "cache_mode has a value that does not exist");
	if (own->idempotency_key)
		return idem_check_key(own->idempotency_key, err);
	return 0;
}

static int32_t route_call(llm_call *c, const llm_call_opts *opts, llm_err *err)
{
	const llm_request *rq = c->rq;
	const list *own = &rq->candidates;
	route r = {0};
	int32_t rc = 0;

	/* With a list of its own a request needs no profile. */
	if (!own->n || rq->target || c->set->conf->default_profile)
		rc = resolve_target(c->set->conf, rq->target, rq->target_is_profile, &r, err);
	if (!rc && own->n)
		rc = resolve_list((const char *const *)own->items, own->n, &r, err);
	if (rc)
		return rc;
	if (!r.n_names)
		return err_set(
			err, LLM_E_CONFIG, "the profile \"%s\" has no candidates", r.profile->name);
	return call_plan(c, &r, opts, err);
}

/* Its name, and the configuration that is in force now. */
static void name_run(llm_call *c)
{
	llm_service *svc = c->svc;

	pthread_mutex_lock(&svc->lock);
	uuid_v7(&svc->ids, &svc->time, c->res.run_id);
	c->set = confset_hold_locked(svc);
	pthread_mutex_unlock(&svc->lock);
}

static int32_t hand_over(llm_call *c, llm_err *err)
{
	int32_t rc = service_post(c->svc, c, INBOX_NEW);

	watching_look_at(c->svc, c->submit_ns);
	return rc ? err_set(err, rc, "the service is shutting down") : 0;
}

static int32_t seal(llm_request *rq, llm_err *err)
{
	if (atomic_load(&rq->frozen))
		return 0;
	return request_seal(rq, err);
}

static int32_t check_record(const llm_request *rq, const llm_call_opts *opts, llm_err *err)
{
	const workspace_said said = {.request = rq->workspace, .metadata = rq->metadata_workspace};
	const char *ignored;

	if (opts->unit && !opts->unit->bound)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"llm_call_opts.unit is not bound to a transaction of the host's");
	return rq->metadata_workspace ? workspace_resolve(&said, 0, &ignored, err) : 0;
}

/* A key without a place to keep it would promise what nobody holds. */
static int32_t check_kept(const llm_service *svc, const llm_call_opts *opts, llm_err *err)
{
	if (opts->unit || svc->ledger.mode)
		return 0;
	return err_set(err, LLM_E_CONFIG,
		"an idempotency key needs a storage that is shared, and none is configured\n"
		"add one (storage), or send the request without a key");
}

/* A look at the plan or at a request is no run: nothing is sent, and nothing paid. */
static int recorded(const llm_call *c, const llm_call_opts *opts)
{
	return (c->svc->ledger.mode || opts->unit) &&
		!(c->flags & (LLM_CALL_PLAN_ONLY | LLM_CALL_DRY_RUN));
}

static int32_t submit(
	llm_service *svc, llm_request *rq, const llm_call_opts *opts, llm_call **ret, llm_err *err)
{
	llm_call *c;
	int32_t rc = service_check(svc, err);

	layer_enter(svc, LAYER_VALIDATE);
	if (!rc)
		rc = seal(rq, err);
	if (!rc && opts->idempotency_key)
		rc = check_kept(svc, opts, err);
	if (!rc && (opts->unit || rq->metadata))
		rc = check_record(rq, opts, err);
	if (!rc)
		rc = call_new(svc, rq, opts, &c, err);
	if (rc)
		return rc;
	name_run(c);
	rc = route_call(c, opts, err);
	if (!rc && caching_is_on(c->set->conf))
		rc = caching_open(c, opts, err);
	if (!rc && recorded(c, opts))
		rc = ledger_open(c, opts, err);
	if (!rc)
		rc = hand_over(c, err);
	if (rc) {
		call_unref(c);
		return rc;
	}
	*ret = c;
	return 0;
}

int32_t llm_submit(
	llm_service *svc, llm_request *rq, const llm_call_opts *opts, llm_call **ret, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	llm_call_opts own;
	int32_t rc;

	if (!svc || !rq || !ret)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"llm_submit needs a service, a request and a place for the call");
	rc = adopt(opts, &own, &why);
	if (!rc)
		rc = submit(svc, rq, &own, ret, &why);
	if (rc)
		err_export(err, &why);
	return rc;
}

/* ---- waiting ---- */

/* What a waiting thread does meanwhile. */
enum { WAIT_SLEEP, WAIT_TURN /* the loop of its host */, WAIT_LEAD /* nobody else turns it */ };

/* LLM_E_STATE, or 0 and *ret_how, with a driver where it sleeps. `lead`: it may turn the loop. */
static int32_t prepare_wait(llm_call *c, int lead, int *ret_how, llm_err *err)
{
	*ret_how = WAIT_SLEEP;
	if (atomic_load(&c->ended))
		return 0;
	if (service_check(c->svc, err))
		return LLM_E_STATE;
	if (service_on_loop(c->svc))
		return err_set(err, LLM_E_STATE,
			"waiting inside a callback of the same service would never end");
	if (service_is_driver(c->svc))
		*ret_how = WAIT_TURN;
	else if (lead && service_lead(c->svc, c))
		*ret_how = WAIT_LEAD;
	else
		return service_drive(c->svc, err);
	return 0;
}

static uint64_t end_of(uint32_t timeout_ms)
{
	return timeout_ms == UINT32_MAX ? UINT64_MAX :
					  clock_after_ms(clock_ns(clock_real()), timeout_ms);
}

/* Under c->lock. 0 when woken, LLM_E_TIMEOUT when `end` has come. */
static int32_t sleep_until(llm_call *c, uint64_t end_ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(end_ns / NS_PER_S), .tv_nsec = (long)(end_ns % NS_PER_S)};

	return pthread_cond_timedwait(&c->cond, &c->lock, &ts) == ETIMEDOUT ? LLM_E_TIMEOUT : 0;
}

/* Under c->lock. Who waits for long looks now and then at what the loop is doing. */
static int32_t sleep_watching(llm_call *c, uint64_t end_ns)
{
	const uint64_t look_ns = clock_after_ns(clock_ns(clock_real()), WATCH_LATE_NS);

	if (end_ns <= look_ns)
		return sleep_until(c, end_ns);
	if (sleep_until(c, look_ns)) {
		pthread_mutex_unlock(&c->lock);
		watching_look(c->svc);
		pthread_mutex_lock(&c->lock);
	}
	return 0;
}

/* Under c->lock, which is let go meanwhile. */
static int32_t wait_more(llm_call *c, int how, uint64_t end_ns)
{
	uint64_t now;
	int32_t rc;

	if (how == WAIT_SLEEP)
		return sleep_watching(c, end_ns);
	now = clock_ns(clock_real());
	if (now >= end_ns)
		return LLM_E_TIMEOUT;
	pthread_mutex_unlock(&c->lock);
	now = end_ns == UINT64_MAX ? end_ns : end_ns - now;
	rc = how == WAIT_LEAD ? service_lead_turn(c->svc, now) : service_turn(c->svc, now, NULL);
	pthread_mutex_lock(&c->lock);
	return rc;
}

/* Under c->lock. A slow reader is a reader: `consumer_idle` begins anew. */
static void resume_if_drained(llm_call *c, int *ret_resume)
{
	if (c->paused)
		atomic_store(&c->read_ns, clock_ns(&c->svc->time));
	*ret_resume = c->paused && streamq_waiting(&c->events) < STREAMQ_LOW;
	if (*ret_resume)
		c->paused = 0;
}

static int32_t take(llm_call *c, llm_event *e)
{
	if (streamq_take(&c->events, e))
		return 0;
	if (!atomic_load(&c->done))
		return LLM_E_TIMEOUT;
	if (c->end_taken)
		return LLM_E_STATE;
	c->end_taken = 1;
	e->kind = LLM_EVENT_END;
	e->text = "";
	return 0;
}

static int32_t next_event(llm_call *c, int how, uint64_t end_ns, llm_event *e, int *ret_resume)
{
	int32_t rc;

	pthread_mutex_lock(&c->lock);
	while ((rc = take(c, e)) == LLM_E_TIMEOUT) {
		rc = wait_more(c, how, end_ns);
		if (rc && !atomic_load(&c->done))
			break;
	}
	resume_if_drained(c, ret_resume);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

int32_t llm_call_next(llm_call *c, uint32_t timeout_ms, llm_event *ret)
{
	llm_event e = {.struct_size = (uint32_t)sizeof(e)};
	int how, resume = 0;
	int32_t rc;

	if (!c || !ret)
		return LLM_E_INVALID_REQUEST;
	if (c->on_event)
		return LLM_E_STATE;
	rc = prepare_wait(c, 0, &how, NULL);
	if (rc)
		return rc;
	rc = next_event(c, how, end_of(timeout_ms), &e, &resume);
	if (resume && !atomic_load(&c->done))
		(void)service_post(c->svc, c, INBOX_RESUME);
	if (!rc)
		*ret = e;
	return rc;
}

/* Nobody will read what a waiting caller has not taken: it must not hold up the run. */
static void discard(llm_call *c)
{
	llm_event e;

	while (streamq_take(&c->events, &e))
		continue;
}

/* A lead that was taken over is given up: the thread sleeps like the others. */
static void give_up_lead(llm_call *c, int *how)
{
	pthread_mutex_unlock(&c->lock);
	service_unlead(c->svc);
	pthread_mutex_lock(&c->lock);
	*how = WAIT_SLEEP;
}

static int32_t wait_done(llm_call *c, int how, uint64_t end_ns)
{
	int32_t rc = 0;
	int resume;

	pthread_mutex_lock(&c->lock);
	while (!rc && !atomic_load(&c->ended)) {
		discard(c);
		resume_if_drained(c, &resume);
		if (resume) {
			pthread_mutex_unlock(&c->lock);
			(void)service_post(c->svc, c, INBOX_RESUME);
			pthread_mutex_lock(&c->lock);
			continue;
		}
		if (how == WAIT_LEAD && !service_leads(c->svc)) {
			give_up_lead(c, &how);
			continue;
		}
		rc = wait_more(c, how, end_ns);
	}
	pthread_mutex_unlock(&c->lock);
	if (how == WAIT_LEAD)
		service_unlead(c->svc);
	return atomic_load(&c->ended) ? 0 : rc;
}

int32_t llm_call_wait(llm_call *c, uint32_t timeout_ms, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	int how;
	int32_t rc;

	if (!c)
		return LLM_E_INVALID_REQUEST;
	rc = prepare_wait(c, 1, &how, &why);
	if (rc) {
		err_export(err, &why);
		return rc;
	}
	rc = wait_done(c, how, end_of(timeout_ms));
	if (rc)
		return rc;
	if (c->res.error.code)
		err_export(err, &c->res.error);
	return c->res.error.code;
}

void llm_call_cancel(llm_call *c)
{
	if (!c || atomic_load(&c->done) || service_check(c->svc, NULL))
		return;
	atomic_store(&c->leaving, 1);
	(void)service_post(c->svc, c, INBOX_CANCEL);
	watching_look(c->svc);
}

const llm_result *llm_call_result(const llm_call *c)
{
	return c && atomic_load(&c->done) ? &c->res : NULL;
}

void llm_call_free(llm_call *c)
{
	if (!c)
		return;
	llm_call_cancel(c);
	if (c->rec)
		ledger_left(c);
	call_unref(c);
}

/* ---- the whole thing ---- */

static int is_profile(llm_service *svc, const char *name)
{
	confset *set = confset_hold(svc);
	const int is = conf_profile_named(set->conf, name) != NULL;

	confset_drop(set);
	return is;
}

static int32_t build(
	llm_service *svc, const char *model, const char *text, llm_request **ret, llm_err *err)
{
	llm_request *rq;
	int32_t rc = llm_request_new(&svc->mem, &rq);

	if (rc)
		return err_set(err, rc, "out of memory");
	if (model)
		rc = is_profile(svc, model) ? llm_request_profile(rq, model) :
					      llm_request_model(rq, model);
	if (!rc)
		rc = llm_request_text(rq, LLM_ROLE_USER, text, LLM_NUL_TERMINATED);
	if (rc) {
		err_set(err, rc, "%s", llm_request_problem(rq));
		llm_request_free(rq);
		return rc;
	}
	*ret = rq;
	return 0;
}

/* Before anything else: the host's allocator may be in another thread's hands for ever. */
static int32_t check_blocking(llm_service *svc, const char *name, llm_err *err)
{
	int32_t rc = service_check(svc, err);

	if (rc || !service_on_loop(svc))
		return rc;
	return err_set(err, LLM_E_STATE,
		"%s waits, and inside a callback of the same service it would wait for ever", name);
}

/* A run that failed has a row too; of two errors its own is the one that is told. */
static int32_t record(llm_call *c, const llm_call_opts *opts, int32_t code, llm_err *err)
{
	const size_t known = offsetof(llm_call_opts, unit) + sizeof(void *);
	int32_t rc;

	if (!opts || opts->struct_size < known || !opts->unit || !c->rec)
		return code;
	rc = llm_unit_record(opts->unit, c, code ? NULL : err);
	return code ? code : rc;
}

int32_t llm_run(llm_service *svc, llm_request *rq, const llm_call_opts *opts, llm_call **ret_call,
	llm_err *err)
{
	llm_call *c = NULL;
	int32_t rc;

	if (!svc || !rq || !ret_call)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"llm_run needs a service, a request and a place for the call");
	*ret_call = NULL;
	rc = check_blocking(svc, "llm_run", err);
	if (!rc)
		rc = llm_submit(svc, rq, opts, &c, err);
	if (rc)
		return rc;
	*ret_call = c;
	rc = llm_call_wait(c, UINT32_MAX, err);
	return record(c, opts, rc, err);
}

int32_t llm_ask(
	llm_service *svc, const char *model, const char *text, llm_call **ret_call, llm_err *err)
{
	llm_request *rq = NULL;
	int32_t rc;

	if (!svc || !ret_call)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"llm_ask needs a service and a place for the call");
	*ret_call = NULL;
	rc = check_blocking(svc, "llm_ask", err);
	if (!rc)
		rc = build(svc, model, text, &rq, err);
	if (rc)
		return rc;
	rc = llm_run(svc, rq, NULL, ret_call, err);
	llm_request_free(rq);
	return rc;
}
