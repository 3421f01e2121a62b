/*
 * ledger.c - jobs of runs: handed over, and what becomes of the run when they come back.
 */
#include "ledger.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "call.h"
#include "idem.h"
#include "llm/call.h"
#include "store/workspace.h"

#define HOLD_JOBS 64 /* as many as are committed together */
#define HOLD_NS (NS_PER_MS / 2)

/* ---- jobs out, and back ---- */

/* What one of the run's own rows said, where the unit as a whole was committed. */
int32_t ledger_code_of(const llm_job *j, call_record *rec)
{
	int32_t code = 0;
	size_t i;

	for (i = 0; i < j->n && !code; i++)
		code = ledger_budget_code(j, i, rec);
	return code;
}

/* On the thread that ran the job. */
static void on_done(void *ctx, const llm_op_result *const *results, size_t n, const llm_err *why)
{
	trip *t = ctx;
	llm_service *svc = t->c->svc;
	ledger *l = &svc->ledger;
	trip *head = atomic_load(&l->returned);

	(void)results;
	(void)n;
	t->code = why ? why->code : ledger_code_of(t->job, t->c->rec);
	t->why = why ? mem_new(&svc->mem, sizeof(*why)) : NULL;
	if (t->why)
		*t->why = *why;
	do
		t->next = head;
	while (!atomic_compare_exchange_weak(&l->returned, &head, t));
	if (!head)
		service_wake(svc);
}

llm_job *ledger_job(llm_call *c, size_t room)
{
	return job_new(&c->svc->mem, room, 0, on_done, NULL);
}

void ledger_send(llm_call *c, llm_job *j, trip *t, uint64_t deadline_ns)
{
	ledger *l = &c->svc->ledger;

	mem_free(&c->mem, t->why); /* of the last time */
	t->why = NULL;
	t->c = c;
	t->job = j;
	j->ctx = t;
	j->kept = 1;
	call_ref(c);
	l->n_out++;
	outbox_put(&l->out, j, deadline_ns);
}

static void count(_Atomic uint64_t *n)
{
	atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

/* ---- at submit ---- */

int32_t ledger_open(llm_call *c, const llm_call_opts *opts, llm_err *err)
{
	const workspace_said said = {.request = *c->workspace ? c->workspace : NULL};
	call_record *rec;
	int32_t rc = workspace_resolve(&said, 1, &c->workspace, err);

	if (rc)
		return rc;
	rec = mem_new(&c->mem, sizeof(*rec));
	if (!rec)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	rec->bound = opts->unit != NULL;
	rec->counts = opts->unit ? storage_has_op(opts->unit->storage, LLM_OP_BUDGET_SPEND) :
				   c->svc->ledger.budgets;
	rec->created_us = clock_utc_us(&c->svc->time);
	c->rec = rec;
	if (opts->idempotency_key)
		rc = idem_open(c, opts, err);
	if (!rc && opts->unit)
		rc = ledger_budget_look(c, opts->unit, err);
	if (rc)
		return rc;
	/* Who runs it lets go of it behind `done`, when the call may be gone. */
	rec->job = ledger_job(c, LEDGER_BEGIN_ROOM);
	rc = rec->job ? ledger_rows_begin(c, rec->job) : LLM_E_NOMEM;
	return rc ? err_set(err, rc, "no memory to record the run") : 0;
}

void ledger_forget(llm_call *c)
{
	if (!c->rec)
		return;
	job_free(c->rec->job);
	mem_free(&c->mem, c->rec->begin_trip.why);
	mem_free(&c->mem, c->rec->settle_trip.why);
	if (c->rec->idem)
		mem_free(&c->mem, c->rec->idem->trip.why);
	mem_free(&c->mem, c->rec);
}

/* ---- the beginning ---- */

static void refuse(llm_call *c, int32_t code, const char *why)
{
	err_set(&c->res.error, code,
		"the run is not on record, so nothing was sent: %.*s\n"
		"look at the database with: llmctl db status",
		(int)strcspn(why, "\n"), why);
	run_complete_error(c, NULL, code);
	c->res.error.phase = LLM_PHASE_QUEUE;
	c->state = RUN_STARTS;
	run_end(c, code);
}

void ledger_enter(llm_call *c)
{
	c->rec->counted = 1;
	c->svc->ledger.n_open++;
	ledger_watch(c->svc);
}

static int no_memory(llm_call *c)
{
	if (c->rec->begin == RECORD_NONE) {
		c->rec->begin = RECORD_LOST;
		c->rec->begin_trip.code = LLM_E_NOMEM;
	}
	refuse(c, LLM_E_NOMEM, "out of memory");
	return 1;
}

/* With a key the row came with the claim, before anybody could say what the run may cost. */
static int hold_apart(llm_call *c)
{
	llm_job *j;

	if (c->rec->budget != BUDGET_HELD)
		return 0;
	j = ledger_job(c, 0);
	if (!j || ledger_budget_begin(c, j)) {
		job_free(j);
		return no_memory(c);
	}
	c->state = RUN_RECORDS;
	run_arm(c);
	ledger_send(c, j, &c->rec->begin_trip, c->deadline_ns);
	return 1;
}

int ledger_begin(llm_call *c)
{
	ledger *l = &c->svc->ledger;
	call_record *rec = c->rec;
	llm_job *j = rec->job;

	if (rec->bound)
		return 0;
	if (rec->begin != RECORD_NONE)
		return hold_apart(c);
	ledger_enter(c);
	if (l->mode == LEDGER_AFTER && !l->out.full)
		return 0;
	if (l->mode == LEDGER_AFTER) {
		rec->begin = RECORD_LOST; /* one more record would wait as well, and no end to it */
		rec->begin_trip.code = LLM_E_DB_BUSY;
		refuse(c, LLM_E_DB_BUSY, "too many records wait to be written already");
		return 1;
	}
	if (ledger_budget_begin(c, j))
		return no_memory(c);
	rec->job = NULL;
	rec->begin = RECORD_OUT;
	c->state = RUN_RECORDS;
	run_arm(c);
	ledger_send(c, j, &rec->begin_trip, c->deadline_ns);
	return 1;
}

/* On record it is, and nothing was sent. */
static void exceed(llm_call *c)
{
	const int32_t code = ledger_budget_exceeded(c);

	run_complete_error(c, NULL, code);
	c->res.error.phase = LLM_PHASE_QUEUE;
	c->state = RUN_STARTS;
	run_end(c, code);
}

static const char *words(const trip *t)
{
	return t->why ? t->why->message : llm_error_name(t->code);
}

void ledger_refuse(llm_call *c, const trip *t)
{
	refuse(c, t->code == LLM_E_DB_BUSY ? LLM_E_DB_BUSY : LLM_E_PERSISTENCE, words(t));
}

static void begin_returned(llm_call *c, const trip *t)
{
	if (c->rec->begin == RECORD_OUT) {
		c->rec->begin = t->code ? RECORD_LOST : RECORD_KEPT;
		if (!t->code)
			count(&c->svc->ledger.begun);
	}
	if (c->state != RUN_RECORDS)
		return; /* cancelled meanwhile: its end is on its way as well */
	if (t->code)
		ledger_refuse(c, t);
	else if (c->rec->refused)
		exceed(c);
	else
		run_first(c);
}

/* ---- the end ---- */

void ledger_set_fault(llm_call *c, int32_t code, const char *text)
{
	llm_result *r = &c->res;

	if (!r->fault)
		r->fault = arena_new(&c->ar, sizeof(*r->fault));
	if (!r->fault)
		return;
	*r->fault = (llm_err)LLM_ERR_INIT;
	err_set(r->fault, code, "%s", text);
}

/* The answer is not lost with its row: it is delivered, and says so (R-UOW-9). */
static void lose(llm_call *c, int32_t code, const llm_err *why)
{
	const char *text = why ? why->message : llm_error_name(code);
	llm_result *r = &c->res;

	count(&c->svc->ledger.failed);
	log_line(
		&c->svc->log, LLM_LOG_ERROR, "run %s is not wholly on record: %s", r->run_id, text);
	if (atomic_load(&c->done))
		return;
	r->persisted = LLM_PERSISTED_NO;
	ledger_set_fault(c, code, text);
	if (!c->svc->ledger.persist_strict || r->status != LLM_STATUS_SUCCEEDED)
		return;
	r->status = LLM_STATUS_FAILED;
	err_set(&r->error, LLM_E_PERSISTENCE,
		"the answer is whole, but its row could not be written: %s", text);
}

static llm_job *end_job(llm_call *c)
{
	call_record *rec = c->rec;
	llm_job *j = rec->job;
	int32_t rc;

	rec->job = NULL;
	if (!j)
		j = ledger_job(c, ledger_rows_room(c));
	rc = j ? job_room(j, ledger_rows_room(c)) : LLM_E_NOMEM;
	if (!rc)
		rc = ledger_rows_end(c, j);
	if (!rc && rec->idem)
		rc = idem_rows_end(c, j);
	if (!rc)
		return j;
	job_free(j);
	return NULL;
}

/* The key is another run's by now: that is what it ends with, and its row says so. */
static int settle_without(llm_call *c, const trip *t)
{
	llm_result *r = &c->res;
	llm_job *j;

	c->rec->idem->state = IDEM_LOST;
	if (!atomic_load(&c->done)) {
		r->status = LLM_STATUS_FAILED;
		err_set(&r->error, t->code, "%s", idem_lost_text);
		run_complete_error(c, NULL, t->code);
	}
	j = end_job(c);
	if (j)
		ledger_send(c, j, &c->rec->settle_trip, UINT64_MAX);
	return j != NULL;
}

static void settle_returned(llm_call *c, const trip *t, const llm_job *j)
{
	const int waits = c->state == RUN_SETTLES && !atomic_load(&c->done);

	if (c->rec->idem)
		idem_settled(c, t->code, j);
	if (t->code == LLM_E_IDEMPOTENCY_LOST && c->rec->idem && settle_without(c, t))
		return;
	c->rec->settle = t->code ? RECORD_LOST : RECORD_KEPT;
	if (t->code)
		lose(c, t->code, t->why);
	else
		count(&c->svc->ledger.settled);
	if (!waits)
		return;
	if (!t->code)
		c->res.persisted = LLM_PERSISTED_YES;
	run_close(c);
}

/* The storage takes its time: the answer does not wait for ever. */
static void on_late(loop_timer *t)
{
	llm_call *c = (llm_call *)(void *)((char *)t - offsetof(llm_call, timer));

	count(&c->svc->ledger.late);
	run_close(c);
}

static int awaits(const llm_call *c)
{
	const ledger *l = &c->svc->ledger;

	/* What waits for a row that is not even begun would wait for nothing. */
	return !atomic_load(&c->done) && c->rec->begin != RECORD_OUT &&
		(c->rec->idem || (l->mode == LEDGER_STRICT && l->settle != SETTLE_QUEUED));
}

/* The end is delivered when its row is there, or when that has taken too long. */
static void await(llm_call *c)
{
	const uint64_t at = clock_after_ns(loop_now(c->svc->loop), LEDGER_SETTLE_NS);

	c->state = RUN_SETTLES;
	c->timer.fn = on_late;
	loop_timer_set(c->svc->loop, &c->timer, at > c->deadline_ns ? at : c->deadline_ns);
}

/* Nothing was sent, and no row is there; or no row can be made. */
static int give_up(llm_call *c, int32_t code, const llm_err *why)
{
	lose(c, code, why);
	ledger_budget_free(c);
	if (c->rec->idem)
		idem_settled(c, code, NULL);
	return 0;
}

/* A key that it does not hold it wants no more; 1: whether it does is still under way. */
static int leaves_key(llm_call *c)
{
	idem *i = c->rec->idem;

	if (!i || i->state == IDEM_HOLDS)
		return 0;
	i->ended = i->state == IDEM_ASKS;
	if (!i->ended)
		idem_leave(c);
	return (int)i->ended;
}

int ledger_settle(llm_call *c)
{
	call_record *rec = c->rec;
	llm_job *j;

	if (leaves_key(c)) {
		await(c);
		return 1;
	}
	if (rec->begin == RECORD_LOST)
		return give_up(c, rec->begin_trip.code, rec->begin_trip.why);
	j = end_job(c);
	if (!j)
		return give_up(c, LLM_E_NOMEM, NULL);
	if (rec->bound) {
		rec->job = j;
		c->res.persisted = LLM_PERSISTED_NO;
		return 0;
	}
	if (!atomic_load(&c->done))
		c->res.persisted = LLM_PERSISTED_QUEUED;
	rec->settle = RECORD_OUT;
	if (!awaits(c)) {
		ledger_send(c, j, &rec->settle_trip, UINT64_MAX);
		return 0;
	}
	await(c);
	ledger_send(c, j, &rec->settle_trip, UINT64_MAX);
	return 1;
}

void ledger_end_anew(llm_call *c)
{
	const int waits = c->state == RUN_SETTLES && !atomic_load(&c->done);

	c->rec->idem->ended = 0;
	if (!ledger_settle(c) && waits)
		run_close(c);
}

/* ---- what came back ---- */

/* The job of a beginning has the room for that of the end. */
static void take_back(llm_call *c, const trip *t, llm_job *j)
{
	call_record *rec = c->rec;

	if (t != &rec->begin_trip || rec->begin != RECORD_KEPT || rec->settle != RECORD_NONE ||
		rec->job) {
		job_free(j);
		return;
	}
	rec->job = j;
	job_again(j);
}

static void see(llm_service *svc, trip *t)
{
	llm_call *c = t->c;
	llm_job *j = t->job; /* the trip may be under way again, with another one */

	svc->ledger.n_out--;
	atomic_store(&svc->ledger.degraded,
		t->code && t->code != LLM_E_CONFLICT && t->code != LLM_E_IDEMPOTENCY_LOST);
	if (t == &c->rec->begin_trip)
		begin_returned(c, t);
	else if (t == &c->rec->settle_trip)
		settle_returned(c, t, j);
	else
		idem_returned(c, t, j);
	take_back(c, t, j);
	call_unref(c);
}

void ledger_collect(llm_service *svc)
{
	ledger *l = &svc->ledger;
	trip *t = atomic_exchange(&l->returned, NULL), *in_order = NULL, *next;

	for (; t; t = next) {
		next = t->next;
		t->next = in_order;
		in_order = t;
	}
	for (t = in_order; t; t = next) {
		next = t->next; /* the call, and the trip with it, may go */
		see(svc, t);
	}
}

int ledger_may_hand_over(const llm_service *svc)
{
	return svc->ledger.out.n && !svc->ledger.out.full;
}

int ledger_holds(llm_service *svc)
{
	ledger *l = &svc->ledger;
	const outbox *o = &l->out;

	if (!o->n || o->full || o->n >= HOLD_JOBS || loop_quiet(svc->loop))
		return 0;
	if (!l->held_ns)
		l->held_ns = loop_now(svc->loop);
	return loop_now(svc->loop) - l->held_ns < HOLD_NS;
}

void ledger_hand_over(llm_service *svc)
{
	svc->ledger.held_ns = 0;
	if (svc->ledger.out.n)
		outbox_pump(&svc->ledger.out);
}
