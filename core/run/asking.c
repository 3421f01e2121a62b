/* From a candidate to an attempt: may it be asked, has it a slot, then it is. */
#include <inttypes.h>
#include <string.h>

#include "attempt.h"
#include "base/err.h"
#include "chains.h"

/* ---- who is asked first (R-CB-7) ---- */

static const breaker unknown; /* closed */

static void all_off(llm_call *c)
{
	err_set(&c->res.error, LLM_E_NO_CANDIDATE,
		"%s is switched off\nswitch one on again (llm_candidate_enable)",
		c->n_plan > 1 ? "every candidate that is left" : c->at->cand.id);
	run_complete_error(c, NULL, LLM_E_NO_CANDIDATE);
	run_end(c, LLM_E_NO_CANDIDATE);
}

/* A candidate whose model is not there, as its provider has said not long ago (R-CACHE-16). */
typedef struct absence {
	target *t; /* the first one, or null */
	const llm_err *said;
	uint64_t until_ns;
} absence;

/* It would say so again. */
static void absent(llm_call *c, const absence *a)
{
	const uint64_t now = loop_now(c->svc->loop);
	const int64_t ms = clock_ms_between(now, a->until_ns + NS_PER_MS - 1);
	const char *said = a->said->message;
	llm_err *e = &c->res.error;

	c->at = a->t;
	err_set(e, LLM_E_NOT_FOUND,
		"%.*s\nit was told so not long ago, and asks again in %" PRId64
		" ms, or once the configuration is read anew",
		(int)strcspn(said, "\n"), said, ms);
	memcpy(e->provider_code, a->said->provider_code, sizeof(e->provider_code));
	e->retry_after_ms = ms;
	c->res.missing = a->t->cand.id;
	c->res.missing_ms = clock_ms_between(a->t->state->missing_ns, now);
	run_complete_error(c, NULL, LLM_E_NOT_FOUND);
	run_end(c, LLM_E_NOT_FOUND);
}

static void nobody(llm_call *c, uint64_t at_ns)
{
	const int64_t ms = clock_ms_between(loop_now(c->svc->loop), at_ns + NS_PER_MS - 1);

	if (at_ns == UINT64_MAX) {
		all_off(c);
		return;
	}
	err_set(&c->res.error, LLM_E_NO_CANDIDATE,
		"%s is left alone after too many failures; it will be tried again in %" PRId64
		" ms\nllmctl health shows why; or name another candidate in the profile",
		c->n_plan > 1 ? "every candidate" : c->at->cand.id, ms);
	c->res.error.retry_after_ms = ms;
	run_complete_error(c, NULL, LLM_E_NO_CANDIDATE);
	run_end(c, LLM_E_NO_CANDIDATE);
}

/* The sole candidate cools down as it asked for, and there is time. */
static void cool(llm_call *c, target *t, uint64_t at_ns)
{
	const uint64_t ms = (uint64_t)clock_ms_between(loop_now(c->svc->loop), at_ns);

	c->at = t;
	c->state = RUN_WAITS;
	c->wake_ns = at_ns;
	deliver_notice(c, LLM_EVENT_WAITING, ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX,
		"%s: rate limited, trying in %" PRIu64 " s", t->up->title, (ms + 999) / 1000);
	run_arm(c);
}

static uint64_t latest_ns(const llm_call *c)
{
	const uint64_t least = c->retry.rules.min_attempt_ns;

	return c->deadline_ns > least ? c->deadline_ns - least : 0;
}

/* 1: it is left out, and noted if it is the first. */
static int is_absent(llm_call *c, target *t, absence *first)
{
	uint64_t until_ns;
	const llm_err *said = slots_missing(c->svc, t->state, &until_ns);

	if (said && !first->t)
		*first = (absence){t, said, until_ns};
	return said != NULL;
}

/* With nobody at all: BREAKER_NONE, and *ret_absent when it is for that. */
static breaker_choice choose(llm_call *c, const breaker **plan, target **who, absence *ret_absent)
{
	slots *s = &c->svc->slots;
	breaker_choice choice;
	size_t n = 0, i;

	for (i = 0; i < c->n_plan; i++) {
		target *t = &c->plan[i];

		if (t->left_out || slots_is_off(t->state) || !(t->chains & c->chain) ||
			is_absent(c, t, ret_absent))
			continue;
		who[n] = t;
		plan[n++] = t->state && t->state->health ? &t->state->health->state : &unknown;
	}
	if (!n)
		return (breaker_choice){.action = BREAKER_NONE, .at_ns = UINT64_MAX};
	ret_absent->t = NULL;
	pthread_mutex_lock(&s->lock);
	choice = breaker_choose(plan, n, &s->health.rules, clock_ns(&c->svc->time), latest_ns(c));
	pthread_mutex_unlock(&s->lock);
	return choice;
}

target *run_available(llm_call *c)
{
	const breaker *one, **plan = &one;
	target *sole, **who = &sole;
	breaker_choice choice;
	absence none = {.t = NULL};
	size_t i;

	if (c->n_plan > 1) {
		plan = arena_array(&c->ar, c->n_plan, sizeof(void *));
		who = arena_array(&c->ar, c->n_plan, sizeof(void *));
	}
	if (plan && who) {
		choice = choose(c, plan, who, &none);
		if (choice.action != BREAKER_NONE)
			return who[choice.index];
	}
	/* An answer that is stored needs nobody's health. */
	for (i = 0; i < c->n_plan; i++)
		if (!c->plan[i].left_out && (c->plan[i].chains & c->chain))
			return &c->plan[i];
	return NULL;
}

void run_choose(llm_call *c)
{
	const breaker *one, **plan = &one;
	target *sole, **who = &sole;
	absence gone = {.t = NULL};
	breaker_choice choice;

	c->state = RUN_STARTS;
	if (c->n_plan > 1) {
		plan = arena_array(&c->ar, c->n_plan, sizeof(void *));
		who = arena_array(&c->ar, c->n_plan, sizeof(void *));
		if (!plan || !who) {
			err_set(&c->res.error, LLM_E_NOMEM, "out of memory");
			run_complete_error(c, NULL, LLM_E_NOMEM);
			run_end(c, LLM_E_NOMEM);
			return;
		}
	}
	choice = choose(c, plan, who, &gone);
	if (gone.t)
		absent(c, &gone);
	else if (choice.action == BREAKER_NONE)
		nobody(c, choice.at_ns);
	else if (choice.action == BREAKER_WAIT)
		cool(c, who[choice.index], choice.at_ns);
	else
		run_ask(c, who[choice.index],
			choice.action == BREAKER_GO ? BREAKER_AS_USUAL : BREAKER_AS_LAST_RESORT);
}

/* ---- slots ---- */

static int32_t name_answerer(llm_call *c)
{
	llm_result *r = &c->res;

	if (r->provider && r->model == c->at->cand.model)
		return 0;
	r->provider = arena_str(&c->ar, c->at->up->name);
	r->model = c->at->cand.model;
	return r->provider ? 0 : LLM_E_NOMEM;
}

static void queue_full(llm_call *c)
{
	err_set(&c->res.error, LLM_E_QUEUE_FULL,
		"%s: %" PRIu32 " attempts wait for it already (queue_max)\n"
		"send fewer at a time, or raise max_concurrency where the provider bears it",
		c->at->up->title, c->at->up->use->slots.queue);
	run_not_asked(c, LLM_E_QUEUE_FULL);
}

static void out_of_memory(llm_call *c)
{
	err_set(&c->res.error, LLM_E_NOMEM, "out of memory");
	run_complete_error(c, NULL, LLM_E_NOMEM);
	run_let_go(c, LLM_E_CANCELLED);
	run_end(c, LLM_E_NOMEM);
}

static void take_slots(llm_call *c)
{
	int32_t rc = slots_take(c);

	if (!rc) {
		run_granted(c);
	} else if (rc == LIMITER_WAITS) {
		c->state = RUN_QUEUED;
		c->asked_ns = loop_now(c->svc->loop);
		c->wake_ns = c->slot.expires_ns;
		run_arm(c);
	} else if (rc == LLM_E_QUEUE_FULL) {
		queue_full(c);
	} else {
		out_of_memory(c);
	}
}

void run_ask(llm_call *c, target *t, uint32_t who)
{
	c->at = t;
	c->state = RUN_STARTS;
	t->tried = 1;
	c->retry.rules.per_candidate = t->max_attempts;
	c->retry.rules.retry_after_max_ns = t->retry_after_max_ns;
	if (!slots_admit(c->svc, t->state, who, &c->ticket)) {
		run_let_go(c, LLM_E_CANCELLED);
		if (c->res.attempts.n)
			run_decide(c, REFUSED_BREAKER);
		else
			nobody(c, slots_ready_ns(c->svc, t->state));
		return;
	}
	c->admitted = 1;
	if (name_answerer(c))
		out_of_memory(c);
	else
		take_slots(c);
}

/* ---- the attempt ---- */

static void clear_tools(llm_result *r)
{
	size_t i;

	for (i = 0; i < r->tools.n; i++) {
		tool_acc *t = r->tools.items[i];

		buf_done(&t->id);
		buf_done(&t->name);
		buf_done(&t->arguments);
	}
	r->tools.n = 0;
}

/* What an attempt that failed has left behind; what was delivered stays. */
static void clear_result(llm_call *c)
{
	llm_result *r = &c->res;

	if (!c->mending) {
		buf_clear(&r->text);
		buf_clear(&r->reasoning);
	}
	clear_tools(r);
	buf_clear(&r->logprobs);
	r->parts.n = 0;
	r->usage = (llm_usage)LLM_USAGE_INIT;
	r->finish = LLM_FINISH_NONE;
	r->finish_raw = r->response_model = r->response_id = r->request_id = r->usage_raw = NULL;
	r->timing.load_ms = -1;
	err_clear(&r->error);
	if (c->mending == RECOVER_MATCH)
		recover_begin(&c->match, &r->text, r->reasoning.len != 0);
}

/* The deadline leaves the others their share, and a model in memory need not be loaded. */
static void set_limits(llm_call *c, uint64_t now)
{
	const target *t = c->at;
	const int warm = t->state && slots_loaded(t->state, now) == LLM_LOADED_WARM;
	phase_limits *l = &c->limits;

	*l = t->limits;
	if (warm && t->warm_ns < l->first_token_ns)
		l->first_token_ns = t->warm_ns;
	c->slow_done = t->warm_ns != UINT64_MAX && !warm;
	if (c->n_plan > 1) {
		const uint32_t others = plan_untried(c, t);

		l->connect_ns = retry_share_ns(&c->retry, l->connect_ns, now, others);
		l->first_token_ns = retry_share_ns(&c->retry, l->first_token_ns, now, others);
	}
}

/* 1 when it may go on the wire now (R-RETRY-11). */
static int goes_on_wire(llm_call *c)
{
	quota_wire *w = &c->at->up->use->wire;

	c->retrying = c->cost != 0;
	if (c->retrying)
		return quota_begin_retry(w);
	quota_begin(w);
	return 1;
}

static void note_queue(llm_call *c, uint64_t now)
{
	if (c->state == RUN_QUEUED)
		c->res.timing.queue_ms += clock_ms_between(c->asked_ns, now);
}

static void too_late(llm_call *c)
{
	run_let_go(c, LLM_E_CANCELLED);
	c->denied |= LLM_ERRF_DEADLINE;
	run_end(c, c->failure.code);
}

/* While it stood in the queue, what it waits for was opened or cooled by others' failures. */
static int is_overtaken(const llm_call *c)
{
	const target *t = c->at;

	return c->state == RUN_QUEUED && c->admitted && !t->own &&
		slots_overtaken(c->svc, t->state, &c->ticket);
}

static void ask_anew(llm_call *c)
{
	run_let_go(c, LLM_E_CANCELLED);
	/* Of those who wait for the same instant the first to be told so is the first. */
	loop_timer_clear(c->svc->loop, &c->timer);
	if (c->res.attempts.n)
		run_decide(c, REFUSED_BREAKER);
	else
		run_choose(c);
}

void run_granted(llm_call *c)
{
	const uint64_t now = loop_now(c->svc->loop);
	int32_t rc;

	note_queue(c, now);
	if (is_overtaken(c)) {
		ask_anew(c);
		return;
	}
	if (c->res.attempts.n && !retry_has_time(&c->retry, now)) {
		too_late(c);
		return;
	}
	if (!goes_on_wire(c)) {
		run_let_go(c, LLM_E_CANCELLED);
		run_decide(c, REFUSED_BUDGET);
		return;
	}
	c->state = RUN_FLIES;
	c->denied = 0;
	retry_begin(&c->retry, &c->at->tries, c->repeats ? &c->failure : NULL,
		c->repeats ? &c->verdict : NULL);
	if (c->res.attempts.n)
		clear_result(c);
	set_limits(c, now);
	rc = attempt_start(c);
	if (rc)
		run_attempt_ended(c, rc);
	else
		run_arm(c);
}

/* Slow to begin: the next one is asked instead (R-RETRY-20). */
void run_give_way(llm_call *c, target *to)
{
	attempt *a = c->att;

	err_set(&c->res.error, LLM_E_CANCELLED,
		"%s had told nothing after %" PRIu64 " ms (slow_start), and another was asked",
		c->at->up->title, c->at->slow_ns / NS_PER_MS);
	attempt_abort(a);
	run_close_row(c, a, LLM_E_CANCELLED);
	run_let_go(c, LLM_E_CANCELLED);
	c->cost = 0;
	c->att = NULL;
	attempt_free(a);
	c->failure = (retry_failure){.code = LLM_E_TIMEOUT, .server_ms = -1};
	run_move(c, to);
}
