/*
 * The state machine of a run, on the loop thread: begin, attempts, the end. Decisions
 * are made by pure functions (deadline.h, classify.h); this file acts on them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "attempt.h"
#include "base/err.h"
#include "chains.h"
#include "classify.h"
#include "engine.h"
#include "flight.h"
#include "idem.h"
#include "layers.h"
#include "models.h"
#include "planning.h"
#include "race.h"
#include "times.h"

/* ---- the list of live calls ---- */

static void join_live(llm_call *c)
{
	llm_service *svc = c->svc;

	c->prev = NULL;
	c->next = svc->live;
	if (c->next)
		c->next->prev = c;
	svc->live = c;
	svc->n_live++;
}

static void leave_live(llm_call *c)
{
	llm_service *svc = c->svc;

	if (c->prev)
		c->prev->next = c->next;
	else
		svc->live = c->next;
	if (c->next)
		c->next->prev = c->prev;
	svc->n_live--;
}

/* ---- the end of the run ---- */

static void close_result(llm_call *c, int32_t code)
{
	llm_result *r = &c->res;

	r->status = code == LLM_E_CANCELLED ? LLM_STATUS_CANCELLED :
		code			    ? LLM_STATUS_FAILED :
					      LLM_STATUS_SUCCEEDED;
	if (!code && r->error.code)
		err_clear(&r->error);
	r->timing.duration_ms = clock_ms_between(c->submit_ns, loop_now(c->svc->loop));
	if (!r->attempts.n) /* all of its time went by in the queue */
		r->timing.queue_ms = r->timing.duration_ms;
}

/* Where nobody was asked at last, the last who was asked counts. */
static int is_of_queue(int32_t code)
{
	return code == LLM_E_QUEUE_FULL || code == LLM_E_QUEUE_TIMEOUT;
}

/* What was delivered stays, and why it is not whole is what the caller is told. */
static int32_t tell_break(llm_call *c)
{
	llm_err *e = &c->res.error;
	const size_t n = strlen(c->broke->message);

	*e = *c->broke;
	e->flags |= c->denied & LLM_ERRF_DEADLINE;
	if (!c->differed)
		return e->code;
	e->code = LLM_E_STREAM_BROKEN;
	e->err_class = LLM_CLASS_ELSEWHERE;
	snprintf(e->message + n, sizeof(e->message) - n,
		"\n%s began another answer, which does not go on from there", c->at->cand.id);
	return e->code;
}

/* The run fails with the error of one of its attempts. */
static int32_t choose_error(llm_call *c, int32_t code)
{
	const list *rows = &c->res.attempts;
	size_t i;

	if (!code || code == LLM_E_CANCELLED || code == LLM_E_DEADLINE ||
		code == LLM_E_IDEMPOTENCY_LOST)
		return code;
	if (c->broke)
		return tell_break(c);
	for (i = rows->n; i-- > 0;) {
		const llm_attempt *row = rows->items[i];

		/* One that was given up for another is no reason. */
		if (!row->error || row->error_code == LLM_E_CANCELLED)
			continue;
		if (classify_outranks(row->error_code, code) || is_of_queue(code)) {
			c->res.error = *row->error;
			code = row->error_code;
		}
	}
	c->res.error.flags |= c->denied;
	return code;
}

static void finish(llm_call *c, int32_t code);

void run_end(llm_call *c, int32_t code)
{
	if (c->cache && c->cache->flight)
		flight_leave(c);
	if (!code && deliver_kept(c)) {
		code = err_set(&c->res.error, LLM_E_NOMEM, "out of memory");
		run_complete_error(c, NULL, code);
	}
	finish(c, choose_error(c, code));
}

void run_end_shared(llm_call *c, int32_t code)
{
	if (!code && deliver_kept(c)) {
		code = err_set(&c->res.error, LLM_E_NOMEM, "out of memory");
		run_complete_error(c, NULL, code);
	}
	finish(c, code);
}

static void finish(llm_call *c, int32_t code)
{
	loop_timer_clear(c->svc->loop, &c->timer);
	if (code && c->delivered)
		c->res.error.flags |= LLM_ERRF_PARTIAL;
	if (!code && c->cache)
		caching_store(c);
	if (!c->flight)
		layer_enter(c->svc, LAYER_FINALISE);
	pricing_run(c);
	close_result(c, code);
	if (c->op == OP_MODEL)
		models_matrix(c);
	if (c->of_engine)
		engine_ended(c, code);
	decision_end(c);
	if (!c->rec || !ledger_settle(c))
		run_close(c);
}

void run_close(llm_call *c)
{
	loop_timer_clear(c->svc->loop, &c->timer);
	if (c->rec && c->rec->counted)
		c->svc->ledger.n_open--;
	leave_live(c);
	if (!c->flight)
		layer_enter(c->svc, LAYER_COMPLETE);
	deliver_end(c);
	confset_drop(c->set);
	c->set = NULL;
	call_unref(c);
}

/* Ends the run now, from outside the transfer, whatever it waits for. */
void run_stop(llm_call *c, int32_t code)
{
	if (c->att) {
		attempt_abort(c->att);
		run_attempt_ended(c, code);
		return;
	}
	run_complete_error(c, NULL, code);
	if (c->state != RUN_STARTS)
		run_let_go(c, LLM_E_CANCELLED);
	run_end(c, code);
}

/* ---- time ---- */

/* It waits for its row, and nothing was sent. */
static int32_t busy(llm_call *c)
{
	return err_set(&c->res.error, LLM_E_DB_BUSY,
		"the database was busy until the deadline: nothing was sent\n"
		"allow more time (deadline), or look at it with: llmctl db status");
}

static void expire(llm_call *c, uint32_t phase)
{
	int32_t code = phase == LLM_PHASE_DEADLINE ? LLM_E_DEADLINE : LLM_E_TIMEOUT;

	if (c->att && c->att->complete) {
		run_stop(c, 0);
		return;
	}
	if (c->state == RUN_RECORDS) {
		run_stop(c, busy(c));
		return;
	}
	if (c->state == RUN_CLAIMS) {
		run_stop(c, idem_late(c));
		return;
	}
	times_explain(c, phase, code);
	if (c->att && c->att->x)
		xfer_doubt(c->att->x);
	run_stop(c, code);
}

/* An answer that is whole waits this long for the end of its body, to keep the connection. */
#define DRAIN_NS NS_PER_S

/* Of phase_due, beside those of deadline.h. */
#define DUE_WAKE 101u /* the queue took too long, or a wait is over */
#define DUE_SLOW 102u /* nothing has come, and others could be asked */

/* While a model is known to be loading it is not slow (R-RETRY-20). */
static uint64_t slow_at(const llm_call *c)
{
	const phase_clock *k = &c->att->clock;

	if (c->slow_action <= SLOW_WAIT || c->slow_done || c->race || !k->stream || !k->sent_ns ||
		k->first_delta_ns)
		return UINT64_MAX;
	return clock_after_ns(k->sent_ns, c->at->slow_ns);
}

phase_due run_due(const llm_call *c, const attempt *a, const phase_limits *limits)
{
	uint64_t at;

	if (!a->complete)
		return deadline_next(limits, &a->clock);
	at = a->complete_ns + DRAIN_NS;
	return (phase_due){at < c->deadline_ns ? at : c->deadline_ns, LLM_PHASE_ATTEMPT};
}

/* Of the attempt that is at work. */
static phase_due own_due(const llm_call *c)
{
	phase_due due;
	uint64_t slow;

	if (!c->att && c->state >= RUN_QUEUED && c->state <= RUN_LOOKS && c->state != RUN_RECORDS &&
		c->state != RUN_SETTLES && c->wake_ns < c->deadline_ns)
		return (phase_due){c->wake_ns, DUE_WAKE};
	if (!c->att)
		return (phase_due){c->deadline_ns, LLM_PHASE_DEADLINE};
	if (c->flight)
		flight_note_reads(c->flight);
	c->att->clock.read_ns = atomic_load(&c->read_ns);
	due = run_due(c, c->att, &c->limits);
	slow = slow_at(c);
	return slow < due.at_ns ? (phase_due){slow, DUE_SLOW} : due;
}

static phase_due due_of(const llm_call *c)
{
	const phase_due due = own_due(c), other = race_due(c);

	return other.at_ns < due.at_ns ? other : due;
}

static void wake(llm_call *c)
{
	if (c->state == RUN_LOOKS) {
		caching_late(c);
	} else if (c->state == RUN_QUEUED) {
		err_set(&c->res.error, LLM_E_QUEUE_TIMEOUT,
			"%s: no free slot within %" PRIu64 " ms (queue)\n"
			"raise queue, or max_concurrency where the provider bears it",
			c->at->up->title, c->at->queue_ns / NS_PER_MS);
		run_not_asked(c, LLM_E_QUEUE_TIMEOUT);
	} else if (c->state == RUN_CLAIMS) {
		idem_wake(c);
	} else if (c->repeats) {
		run_ask(c, c->at, c->at->own ? BREAKER_AS_OWN : BREAKER_AS_USUAL);
	} else {
		run_choose(c);
	}
}

/* Slowness alone sends no prompt from this machine to a cloud. */
static int may_cross(llm_call *c, const target *to)
{
	return c->slow_crosses || planning_locality(c, c->at) != LLM_LOCALITY_LOCAL ||
		planning_locality(c, to) != LLM_LOCALITY_CLOUD;
}

static void too_slow(llm_call *c)
{
	target *to = plan_next(c);

	c->slow_done = 1;
	if (!to || !may_cross(c, to) || c->delivered ||
		c->retry.attempts >= c->retry.rules.in_all ||
		!retry_has_time(&c->retry, loop_now(c->svc->loop))) {
		run_arm(c);
		return;
	}
	if (c->slow_action != SLOW_RACE)
		run_give_way(c, to);
	else if (!race_begin(c, to))
		run_arm(c);
}

static void on_timer(loop_timer *t)
{
	llm_call *c = (llm_call *)(void *)((char *)t - offsetof(llm_call, timer));
	uint64_t now = loop_now(c->svc->loop);
	const phase_due other = race_due(c);
	phase_due due = own_due(c);

	c->timer_ns = 0;
	if (other.at_ns < due.at_ns) {
		race_swap(c);
		due = other;
	}
	if (due.at_ns > now)
		run_arm(c);
	/* Both may have passed since the last turn: the deadline is what counts then. */
	else if (c->deadline_ns <= now)
		expire(c, LLM_PHASE_DEADLINE);
	else if (due.phase == DUE_WAKE)
		wake(c);
	else if (due.phase == DUE_SLOW)
		too_slow(c);
	else if (due.phase == DUE_CONSUMER)
		run_cancel(c, LLM_ERRF_CONSUMER);
	else
		expire(c, due.phase);
}

/* Only ever moved forward: a timer that is set too early looks again when it fires. */
void run_arm(llm_call *c)
{
	uint64_t at = due_of(c).at_ns;

	if (c->timer.armed && c->timer_ns <= at)
		return;
	c->timer.fn = on_timer;
	c->timer_ns = at;
	loop_timer_set(c->svc->loop, &c->timer, at);
}

/* ---- what the inbox asks ---- */

void run_cancel(llm_call *c, uint32_t flags)
{
	if (atomic_load(&c->done) || c->state == RUN_SETTLES)
		return;
	if (flags & LLM_ERRF_CONSUMER)
		err_set(&c->res.error, LLM_E_CANCELLED,
			"nobody read the stream for %" PRIu64 " ms\n"
			"take its events as they come, or raise consumer_idle",
			c->limits.consumer_ns / NS_PER_MS);
	else
		err_set(&c->res.error, LLM_E_CANCELLED, "the run was cancelled");
	c->res.error.flags = flags;
	run_stop(c, LLM_E_CANCELLED);
}

void run_resume(llm_call *c)
{
	attempt *a = c->att;

	if (c->cache && c->cache->flight) {
		flight_resume(c);
		return;
	}
	if (!a || !a->x || !a->clock.paused_ns)
		return;
	deadline_resume(&a->clock, loop_now(c->svc->loop));
	xfer_resume(a->x);
	if (c->att == a)
		run_arm(c);
}

static int32_t say_start(llm_call *c)
{
	llm_event e = {.struct_size = (uint32_t)sizeof(e),
		.kind = LLM_EVENT_START,
		.text = c->at->cand.id ? c->at->cand.id : "",
		.len = c->at->cand.id ? strlen(c->at->cand.id) : 0};

	return deliver(c, &e);
}

void run_refuse(llm_call *c)
{
	join_live(c);
	err_set(&c->res.error, LLM_E_CANCELLED, "the service was shut down before the run began");
	c->res.error.phase = LLM_PHASE_QUEUE;
	run_stop(c, LLM_E_CANCELLED);
}

/* The plan is all that was asked for, or a look at the request to the first of it. */
static void show(llm_call *c)
{
	int32_t rc = c->flags & LLM_CALL_DRY_RUN ? attempt_show(c) : 0;

	if (rc)
		run_stop(c, rc);
	else
		run_end(c, 0);
}

void run_first(llm_call *c)
{
	target *to = c->chain == CHAIN_GENERAL ? NULL : plan_next(c);

	if (c->cache && c->cache->shares && flight_board(c))
		return;
	if (c->op == OP_CHAT)
		engine_look(c);
	if (to)
		run_ask(c, to, BREAKER_AS_USUAL);
	else
		run_choose(c);
}

void run_begin_shared(llm_call *c)
{
	join_live(c);
	run_first(c);
}

void run_proceed(llm_call *c)
{
	const int32_t rc = pricing_reserve(c, &c->res.error);

	if (rc)
		run_stop(c, rc);
	else if (!c->rec || !ledger_begin(c))
		run_first(c);
}

void run_plan(llm_call *c)
{
	int32_t rc, planned;

	layer_enter(c->svc, LAYER_PLAN);
	if (c->op == OP_CHAT)
		slots_find(c);
	planned = planning_run(c);
	rc = say_start(c);
	if (rc)
		err_set(&c->res.error, rc, "out of memory");
	if (rc || planned)
		run_stop(c, rc ? rc : planned);
	else if (c->flags & (LLM_CALL_PLAN_ONLY | LLM_CALL_DRY_RUN))
		show(c);
	else if (!c->cache || !caching_look(c))
		run_proceed(c);
}

void run_begin(llm_call *c)
{
	join_live(c);
	c->res.timing.queue_ms = clock_ms_between(c->submit_ns, loop_now(c->svc->loop));
	if (c->rec && c->rec->idem)
		idem_begin(c);
	else
		run_plan(c);
}
