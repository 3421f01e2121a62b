/*
 * The state machine of a run, on the loop thread: begin, attempts, the end. Decisions
 * are made by pure functions (deadline.h, classify.h); this file acts on them.
 */
#include <inttypes.h>
#include <string.h>

#include "attempt.h"
#include "base/err.h"
#include "classify.h"
#include "layers.h"

static int64_t ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (int64_t)((to_ns - from_ns) / NS_PER_MS) : 0;
}

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

/* ---- the end of an attempt ---- */

/* The provider's id of the request, when the answer got as far as that. */
static void keep_request_id(llm_call *c, const attempt *a)
{
	llm_err *e = &c->res.error;
	const char *id = c->res.request_id ? c->res.request_id :
					     httpmsg_get(&a->head, "x-request-id");

	if (!e->request_id[0] && id)
		err_copy(e->request_id, sizeof(e->request_id), id, strlen(id));
}

/* What the core knows of a failure, whoever reported it (R-ERR-3). */
static void complete_error(llm_call *c, const attempt *a, int32_t code)
{
	llm_err *e = &c->res.error;
	const llm_error_info *row = llm_error_info_of(code);
	size_t n;

	e->code = code;
	e->err_class = row ? row->err_class : LLM_CLASS_LOCAL;
	e->delivered = (uint32_t)c->delivered;
	if (c->res.provider)
		err_copy(
			e->provider, sizeof(e->provider), c->res.provider, strlen(c->res.provider));
	if (c->cand.id)
		err_copy(e->candidate, sizeof(e->candidate), c->cand.id, strlen(c->cand.id));
	if (a) {
		e->sent = attempt_sent(a);
		e->http_status = a->head.status;
		e->attempt = a->rec->seq;
		keep_request_id(c, a);
		if (!e->phase)
			e->phase = attempt_phase(a);
	}
	n = service_clean(c->svc, e->message, strlen(e->message), sizeof(e->message) - 1);
	e->message[n] = '\0';
}

/* Of the run it is the last attempt that counts: the one that answered (R-TIME-8). */
static void note_first(llm_call *c, const attempt *a)
{
	const uint64_t first = a->clock.first_delta_ns;
	llm_timing *t = &c->res.timing;

	a->rec->ttft_ms = first ? ms_between(a->clock.started_ns, first) : -1;
	t->ttft_ms = a->rec->ttft_ms;
	t->first_content_ms = first ? ms_between(c->submit_ns, first) : -1;
}

static void close_row(llm_call *c, const attempt *a, int32_t code)
{
	llm_attempt *rec = a->rec;
	llm_err *copy;

	rec->duration_ms = ms_between(a->clock.started_ns, loop_now(c->svc->loop));
	rec->http_status = a->head.status;
	note_first(c, a);
	rec->status = code == LLM_E_CANCELLED ? LLM_STATUS_CANCELLED :
		code			      ? LLM_STATUS_FAILED :
						LLM_STATUS_SUCCEEDED;
	if (!code)
		return;
	rec->error_code = code;
	rec->phase = c->res.error.phase;
	rec->retry_after_ms = c->res.error.retry_after_ms;
	copy = arena_new(&c->ar, sizeof(*copy));
	if (copy) /* short of memory the row is enough */
		*copy = c->res.error;
	rec->error = copy;
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
	r->timing.duration_ms = ms_between(c->submit_ns, loop_now(c->svc->loop));
	if (!r->attempts.n) /* all of its time went by in the queue */
		r->timing.queue_ms = r->timing.duration_ms;
}

/* The run fails with the error of one of its attempts. */
static int32_t choose_error(llm_call *c, int32_t code)
{
	const list *rows = &c->res.attempts;
	size_t i;

	for (i = rows->n; code && i-- > 0;) {
		const llm_attempt *row = rows->items[i];

		if (row->error && classify_outranks(row->error_code, code)) {
			c->res.error = *row->error;
			code = row->error_code;
		}
	}
	return code;
}

static void end_run(llm_call *c, int32_t code)
{
	loop_timer_clear(c->svc->loop, &c->timer);
	code = choose_error(c, code);
	layer_enter(c->svc, LAYER_FINALISE);
	close_result(c, code);
	leave_live(c);
	layer_enter(c->svc, LAYER_COMPLETE);
	deliver_end(c);
	call_unref(c);
}

/*
 * Text was produced and then withheld: that is an answer, not an error (R-ERR-8). And
 * an answer that was withheld whole is an error.
 */
static int32_t judge_filter(llm_call *c, int32_t code)
{
	llm_result *r = &c->res;

	if (code || r->finish != LLM_FINISH_CONTENT_FILTER || r->text.len || r->tools.n)
		return code;
	return err_set(&r->error, LLM_E_CONTENT_FILTERED,
		"%s withheld the answer (%s)\nchange the prompt, or ask another model",
		c->up->title, r->finish_raw ? r->finish_raw : "content filter");
}

/* A connection can die between two requests: that is no failure of the provider's. */
static int is_lost(const attempt *a, int32_t code)
{
	return code == LLM_E_CONNECTION && (a->c->res.error.flags & LLM_ERRF_REUSED);
}

static void end_attempt(llm_call *c, attempt *a, int32_t code)
{
	if (code)
		complete_error(c, a, code);
	if (a)
		close_row(c, a, code);
}

/*
 * One attempt a run for now, and a second one, at once, where a kept connection died
 * before the answer's first byte (R-RETRY-14). The second has a new connection, so there
 * is never a third.
 */
void run_attempt_ended(llm_call *c, int32_t code)
{
	attempt *a = c->att;

	code = judge_filter(c, code);
	end_attempt(c, a, code);
	if (a && is_lost(a, code)) {
		code = attempt_again(a);
		if (!code) {
			run_arm(c);
			return;
		}
		end_attempt(c, a, code);
	}
	if (a) {
		c->att = NULL;
		attempt_free(a);
	}
	end_run(c, code);
}

/* Ends what runs now, from outside the transfer. */
static void stop_attempt(llm_call *c, int32_t code)
{
	if (c->att)
		attempt_abort(c->att);
	run_attempt_ended(c, code);
}

/* ---- time ---- */

static const char *setting_of(uint32_t phase)
{
	switch (phase) {
	case LLM_PHASE_CONNECT:
		return "no connection";
	case LLM_PHASE_FIRST_TOKEN:
		return "no first token";
	case LLM_PHASE_IDLE:
		return "no further token";
	case LLM_PHASE_SILENCE:
		return "no further byte";
	case LLM_PHASE_ATTEMPT:
		return "no end of the answer";
	default:
		return "no answer";
	}
}

static uint64_t limit_ns(const llm_call *c, uint32_t phase)
{
	switch (phase) {
	case LLM_PHASE_CONNECT:
		return c->limits.connect_ns;
	case LLM_PHASE_FIRST_TOKEN:
		return c->limits.first_token_ns;
	case LLM_PHASE_IDLE:
		return deadline_idle(&c->limits, &c->att->clock);
	case LLM_PHASE_SILENCE:
		return c->limits.silence_ns;
	case LLM_PHASE_ATTEMPT:
		return c->limits.attempt_ns;
	default:
		return c->deadline_ns - c->submit_ns;
	}
}

static void explain_time(llm_call *c, uint32_t phase, int32_t code)
{
	const char *name = llm_phase_name(phase);
	const uint64_t ms = limit_ns(c, phase) / NS_PER_MS;

	if (phase == LLM_PHASE_CONNECT && c->att && c->att->x)
		err_set(&c->res.error, code,
			"%s: no %s within %" PRIu64 " ms (connect)\n"
			"check base_url, proxy and firewall, or raise connect",
			c->up->title, xfer_waits_for(c->att->x), ms);
	else
		err_set(&c->res.error, code,
			"%s: %s within %" PRIu64 " ms (%s)\nraise %s, "
			"or ask a faster model",
			c->up->title, setting_of(phase), ms, name, name);
	c->res.error.phase = phase;
}

static void expire(llm_call *c, uint32_t phase)
{
	int32_t code = phase == LLM_PHASE_DEADLINE ? LLM_E_DEADLINE : LLM_E_TIMEOUT;

	if (c->att && c->att->complete) {
		stop_attempt(c, 0);
		return;
	}
	explain_time(c, phase, code);
	if (c->att && c->att->x)
		xfer_doubt(c->att->x);
	stop_attempt(c, code);
}

/* An answer that is whole waits this long for the end of its body, to keep the connection. */
#define DRAIN_NS NS_PER_S

static phase_due due_of(const llm_call *c)
{
	if (c->att && c->att->complete) {
		uint64_t at = c->att->complete_ns + DRAIN_NS;

		return (phase_due){at < c->deadline_ns ? at : c->deadline_ns, LLM_PHASE_ATTEMPT};
	}
	if (!c->att)
		return (phase_due){c->deadline_ns, LLM_PHASE_DEADLINE};
	c->att->clock.read_ns = atomic_load(&c->read_ns);
	return deadline_next(&c->limits, &c->att->clock);
}

static void on_timer(loop_timer *t)
{
	llm_call *c = (llm_call *)(void *)((char *)t - offsetof(llm_call, timer));
	uint64_t now = loop_now(c->svc->loop);
	phase_due due = due_of(c);

	c->timer_ns = 0;
	if (due.at_ns > now)
		run_arm(c);
	/* Both may have passed since the last turn: the deadline is what counts then. */
	else if (c->deadline_ns <= now)
		expire(c, LLM_PHASE_DEADLINE);
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
	if (atomic_load(&c->done))
		return;
	if (flags & LLM_ERRF_CONSUMER)
		err_set(&c->res.error, LLM_E_CANCELLED,
			"nobody read the stream for %" PRIu64 " ms\n"
			"take its events as they come, or raise consumer_idle",
			c->limits.consumer_ns / NS_PER_MS);
	else
		err_set(&c->res.error, LLM_E_CANCELLED, "the run was cancelled");
	c->res.error.flags = flags;
	stop_attempt(c, LLM_E_CANCELLED);
}

void run_resume(llm_call *c)
{
	attempt *a = c->att;

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
		.text = c->cand.id ? c->cand.id : "",
		.len = c->cand.id ? strlen(c->cand.id) : 0};

	return deliver(c, &e);
}

void run_refuse(llm_call *c)
{
	join_live(c);
	err_set(&c->res.error, LLM_E_CANCELLED, "the service was shut down before the run began");
	c->res.error.phase = LLM_PHASE_QUEUE;
	run_attempt_ended(c, LLM_E_CANCELLED);
}

void run_begin(llm_call *c)
{
	int32_t rc = say_start(c);

	join_live(c);
	c->res.timing.queue_ms = ms_between(c->submit_ns, loop_now(c->svc->loop));
	if (rc)
		err_set(&c->res.error, rc, "out of memory");
	else
		rc = attempt_start(c);
	if (rc)
		run_attempt_ended(c, rc);
	else
		run_arm(c);
}
