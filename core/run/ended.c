/*
 * ended.c - an attempt has ended: its row, what it gives back, and what follows. The
 * decisions are those of retry.h and recover.h; here is what is done about them.
 */
#include <inttypes.h>
#include <string.h>

#include "attempt.h"
#include "base/err.h"
#include "chains.h"
#include "race.h"

/* ---- its row ---- */

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
void run_complete_error(llm_call *c, const attempt *a, int32_t code)
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
	if (c->at->cand.id)
		err_copy(
			e->candidate, sizeof(e->candidate), c->at->cand.id, strlen(c->at->cand.id));
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

	a->rec->ttft_ms = first ? clock_ms_between(a->clock.started_ns, first) : -1;
	t->ttft_ms = a->rec->ttft_ms;
	t->first_content_ms = first ? clock_ms_between(c->submit_ns, first) : -1;
}

void run_close_row(llm_call *c, const attempt *a, int32_t code)
{
	llm_attempt *rec = a->rec;
	llm_err *copy;

	c->ended_ns = loop_now(c->svc->loop);
	rec->duration_ms = clock_ms_between(a->clock.started_ns, c->ended_ns);
	rec->http_status = a->head.status;
	note_first(c, a);
	((attempt_row *)(void *)rec)->usage = c->res.usage;
	pricing_attempt(c, a, code);
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
		c->at->up->title, r->finish_raw ? r->finish_raw : "content filter");
}

/* An attempt that was to mend the stream has to tell all that was told. */
static int32_t judge_mending(llm_call *c, int32_t code)
{
	if (code || c->mending != RECOVER_MATCH || recover_caught_up(&c->match))
		return code;
	c->differed = 1;
	return err_set(&c->res.error, LLM_E_STREAM_BROKEN,
		"%s: its answer is shorter than what was delivered", c->at->up->title);
}

/* ---- what it gives back ---- */

/* What can be mended by a person only, and what never was on the wire, is no sign of health. */
static int32_t as_health(const attempt *a, int32_t code)
{
	if (code == LLM_E_IDEMPOTENCY_LOST)
		return LLM_E_CANCELLED;
	return code && (!a || !a->wire.url) ? LLM_E_CANCELLED : code;
}

/* A model stays in memory for a while after it has answered (R-TIME-4). */
static void note_use(llm_call *c, int32_t code)
{
	cand_state *s = c->at->state;

	if (s && c->at->warm_ns != UINT64_MAX && !code)
		s->used_ns = loop_now(c->svc->loop);
}

void run_let_go(llm_call *c, int32_t code)
{
	target *t = c->at;
	uint32_t changed;

	if (c->state == RUN_FLIES) {
		quota_end(&t->up->use->wire, c->retrying != 0);
		if (t->state)
			limiter_learn(&t->state->limit, code, c->ended_ns);
	} else if (c->cost) {
		quota_give_back(&t->up->use->quota, c->cost);
		c->cost = 0;
	}
	slots_leave(c);
	c->state = RUN_STARTS;
	if (!c->admitted)
		return;
	c->admitted = 0;
	changed = slots_settle(
		c->svc, t->state, &c->ticket, code, code ? c->res.error.retry_after_ms : -1);
	if ((changed & BREAKER_CHANGED_OPEN) || code == LLM_E_RATE_LIMITED ||
		code == LLM_E_QUOTA_EXHAUSTED)
		t->own = 1;
}

/* ---- what follows ---- */

static const char *reason(int32_t code)
{
	switch (code) {
	case LLM_E_RATE_LIMITED:
		return "rate limited";
	case LLM_E_QUOTA_EXHAUSTED:
		return "its quota is used up";
	case LLM_E_UNAVAILABLE:
		return "not available";
	case LLM_E_SERVER_ERROR:
		return "an error of the server";
	case LLM_E_CONNECTION:
		return "no connection";
	case LLM_E_TIMEOUT:
		return "no answer in time";
	case LLM_E_STREAM_BROKEN:
		return "the stream broke off";
	case LLM_E_QUEUE_FULL:
	case LLM_E_QUEUE_TIMEOUT:
		return "no free slot";
	default:
		return llm_error_name(code);
	}
}

static void say_waiting(llm_call *c)
{
	const uint64_t ms = c->verdict.wait_ns / NS_PER_MS;
	const uint32_t shown = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
	const char *title = c->at->up->title, *why = reason(c->failure.code);

	if (ms >= 10000)
		deliver_notice(c, LLM_EVENT_WAITING, shown, "%s: %s, trying again in %" PRIu64 " s",
			title, why, (ms + 999) / 1000);
	else
		deliver_notice(c, LLM_EVENT_WAITING, shown,
			"%s: %s, trying again in %" PRIu64 ".%" PRIu64 " s", title, why, ms / 1000,
			ms % 1000 / 100);
}

/* The same candidate once more: at once, or when the wait is over. */
static void again(llm_call *c)
{
	const retry_verdict *v = &c->verdict;

	if (v->why != RETRY_FREE && c->rq)
		c->cost = quota_spend(&c->at->up->use->quota, c->failure.code);
	c->repeats = 1;
	if (!v->wait_ns) {
		run_ask(c, c->at, c->at->own ? BREAKER_AS_OWN : BREAKER_AS_USUAL);
		return;
	}
	c->state = RUN_WAITS;
	c->wake_ns = v->at_ns;
	say_waiting(c);
	run_arm(c);
}

void run_move(llm_call *c, target *to)
{
	const upstream *from = c->at->up;
	const char *why = reason(c->failure.code);

	c->repeats = 0;
	c->at = to;
	deliver_notice(c, LLM_EVENT_FALLBACK, (uint32_t)c->res.attempts.n + 1,
		"%s: %s, asking %s instead", from->title, why, to->cand.id);
	run_ask(c, to, BREAKER_AS_USUAL);
}

static uint32_t error_flags(uint32_t flags)
{
	return (flags & RETRY_NO_BUDGET ? LLM_ERRF_RETRY_BUDGET : 0) |
		(flags & RETRY_NO_TIME ? LLM_ERRF_DEADLINE : 0);
}

static retry_scene look(llm_call *c, uint32_t refused)
{
	const target *t = c->at;
	retry_scene s = {.now_ns = loop_now(c->svc->loop)};

	clock_random(&c->svc->time, &s.chance, sizeof(s.chance));
	s.untried = s.untried_peers = c->n_plan > 1 ? plan_untried(c, t) : 0;
	s.untried_context = chains_left(c, CHAIN_CONTEXT);
	s.untried_content = chains_left(c, CHAIN_CONTENT);
	s.affordable = refused != REFUSED_BUDGET &&
		quota_allows(&t->up->use->quota, &t->up->use->wire, c->failure.code);
	s.refused = refused == REFUSED_BREAKER ||
		(!t->own && slots_ready_ns(c->svc, t->state) > s.now_ns);
	return s;
}

/* A list of models is asked for again only where a kept connection had died. */
static int is_worth_it(const llm_call *c, const retry_verdict *v)
{
	return c->op == OP_CHAT || v->why == RETRY_AT_ONCE;
}

static target *next_after(llm_call *c)
{
	const uint32_t chain = chains_after(c->failure.code);

	return chain ? chains_enter(c, chain) : plan_next(c);
}

void run_decide(llm_call *c, uint32_t refused)
{
	const retry_scene scene = look(c, refused);
	target *to;

	c->verdict = retry_decide(&c->retry, &c->at->tries, &c->failure, &scene);
	c->denied |= error_flags(c->verdict.flags);
	if (c->verdict.action == RETRY_SAME && is_worth_it(c, &c->verdict)) {
		again(c);
		return;
	}
	to = c->verdict.action == RETRY_NEXT ? next_after(c) : NULL;
	if (to)
		run_move(c, to);
	else
		run_end(c, c->failure.code);
}

/* ---- mending a stream (R-RETRY-19) ---- */

static int can_repeat(const llm_request_view *v)
{
	return (v->has & LLM_HAS_SEED) || ((v->has & LLM_HAS_TEMPERATURE) && v->temperature <= 0);
}

static recover_scene mending_scene(llm_call *c, target *next)
{
	const llm_request_view *v = &c->rq->view;
	const char *told = c->told_model ? c->told_model : c->at->cand.model;

	return (recover_scene){.code = c->failure.code,
		.mode = c->recovery,
		.structured = v->format != LLM_FORMAT_TEXT,
		.tools_told = c->res.tools.n != 0,
		.repeats = (uint32_t)can_repeat(v),
		.differed = c->differed,
		.recoveries = c->recoveries,
		.has_next = next != NULL,
		.same_model = next && strcmp(next->cand.model, told) == 0,
		.prefill = next && c->recovery == RECOVER_CONTINUE ? plan_prefill(c, next) :
								     LLM_CAP_UNKNOWN};
}

/* The first break is what the run fails with when nothing mends it. */
static int32_t keep_break(llm_call *c)
{
	llm_err *copy;

	if (c->broke)
		return 0;
	copy = arena_new(&c->ar, sizeof(*copy));
	if (!copy)
		return LLM_E_NOMEM;
	*copy = c->res.error;
	c->broke = copy;
	c->told_model = c->at->cand.model;
	return 0;
}

static void mend(llm_call *c)
{
	target *next = plan_next(c);
	const recover_scene s = mending_scene(c, next);
	const uint32_t way = recover_decide(&s);
	const int late = !retry_has_time(&c->retry, loop_now(c->svc->loop));

	if (way == RECOVER_OFF || late || c->retry.attempts >= c->retry.rules.in_all ||
		keep_break(c)) {
		if (way != RECOVER_OFF && late)
			c->denied |= LLM_ERRF_DEADLINE;
		run_end(c, c->failure.code);
		return;
	}
	c->mending = way;
	c->recoveries++;
	run_move(c, next);
}

/* ---- an attempt has ended ---- */

static retry_failure facts_of(const llm_call *c, const attempt *a, int32_t code)
{
	retry_failure f = {.code = code, .server_ms = c->res.error.retry_after_ms};

	if (!a)
		return f;
	if (a->wire.url && (!a->clock.connected_ns || a->unprocessed))
		f.facts |= RETRY_UNSENT;
	if (!a->got_bytes)
		f.facts |= RETRY_SILENT;
	if (c->res.error.flags & LLM_ERRF_REUSED)
		f.facts |= RETRY_REUSED;
	if (a->head.status >= 300)
		f.facts |= retry_header(httpmsg_get(&a->head, "x-should-retry"));
	return f;
}

static void succeed(llm_call *c)
{
	upstream *up = c->at->up;

	if (c->cost)
		quota_give_back(&up->use->quota, c->cost);
	else if (c->retry.attempts == 1)
		quota_reward(&up->use->quota);
	c->cost = 0;
	note_use(c, 0);
	if (c->mending) {
		c->res.recovered = c->recoveries;
		deliver_notice(c, LLM_EVENT_RECOVERED, c->recoveries,
			"the answer is whole: %s went on where it had broken off", c->at->cand.id);
	}
	run_end(c, 0);
}

static void follow(llm_call *c)
{
	const int32_t code = c->failure.code;

	if (code == LLM_E_CANCELLED || code == LLM_E_DEADLINE || code == LLM_E_IDEMPOTENCY_LOST ||
		c->deadline_ns <= loop_now(c->svc->loop))
		run_end(c, code);
	else if (c->delivered)
		mend(c);
	else
		run_decide(c, REFUSED_NOT);
}

void run_not_asked(llm_call *c, int32_t code)
{
	run_let_go(c, LLM_E_CANCELLED);
	run_complete_error(c, NULL, code);
	c->res.error.phase = LLM_PHASE_QUEUE;
	c->failure = (retry_failure){.code = code, .server_ms = -1};
	follow(c);
}

void run_attempt_ended(llm_call *c, int32_t code)
{
	attempt *a = c->att;

	code = judge_mending(c, judge_filter(c, code));
	if (race_is_over(c, code))
		race_drop(c);
	if (code)
		run_complete_error(c, a, code);
	if (a) {
		run_close_row(c, a, code);
		outcome_note(c, a, code);
	} else {
		c->ended_ns = loop_now(c->svc->loop);
	}
	c->failure = facts_of(c, a, code);
	run_let_go(c, as_health(a, code));
	if (as_health(a, code) == LLM_E_NOT_FOUND)
		slots_miss(c);
	c->att = NULL;
	attempt_free(a);
	if (!code) {
		succeed(c);
		return;
	}
	c->cost = 0;
	if (c->race)
		race_fall(c);
	else
		follow(c);
}
