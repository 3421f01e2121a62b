/*
 * engine_rules.h - what follows from an attempt, by the rules of docs/behaviour.md, and
 * whole histories. What follows a failure, the quota and the breakers are those of
 * support/rules.h.
 *
 * At each step every run is looked at for what comes first. Who fails acts before those
 * who wait for its slot, but never passes one who waits and could have it.
 */
#ifndef TESTS_ENGINE_RULES_H
#define TESTS_ENGINE_RULES_H

#include "engine_slow.h"

/* ---- who is asked first (R-CB-7) ---- */

/* Those whose model may be there. */
static int present(const slow *m, const slow_run *r, int *ret)
{
	int n = 0, i;

	for (i = 0; i < r->plan->n; i++)
		if (!rules_is_missing(&m->b[r->plan->candidates[i]], m->now))
			ret[n++] = r->plan->candidates[i];
	return n;
}

static void choose(slow *m, slow_run *r)
{
	int list[CANDIDATES], n = present(m, r, list), top = list[0], i, cools = 0;
	uint64_t earliest = NEVER;

	if (!n) {
		finish(m, r, LLM_E_NOT_FOUND, -1);
		return;
	}
	for (i = 0; i < n; i++) {
		const uint64_t at = rules_ready_ns(&m->b[list[i]], m->now);

		if (at <= m->now) {
			slow_ask(m, r, list[i], 0);
			return;
		}
		cools |= m->b[list[i]].cool_ns > m->now;
		earliest = at < earliest ? at : earliest;
	}
	if (!cools && m->b[top].resort_ns <= m->now) {
		slow_ask(m, r, top, 2);
		return;
	}
	if (n == 1 && earliest == m->b[top].cool_ns &&
		!(m->b[top].state == RULES_OPEN && m->b[top].until_ns > m->now) &&
		!(m->b[top].state == RULES_HALF_OPEN && m->b[top].probe_out) &&
		(r->deadline_ns == NEVER || earliest + r->log.set.least_ns <= r->deadline_ns)) {
		r->state = SLOW_WAITS;
		r->chooses = 1;
		r->queued = ++m->queue_seq;
		r->wake_ns = earliest;
		slow_tell(m, r, TALE_WAITS, top, (int64_t)((earliest - m->now) / MS), 0);
		return;
	}
	finish(m, r, LLM_E_NO_CANDIDATE, (int64_t)((earliest - m->now + MS - 1) / MS));
}

static void move_on(slow *m, slow_run *r, int to)
{
	r->free_next = 0;
	slow_tell(m, r, TALE_MOVES, to, 0, 0);
	slow_ask(m, r, to, 0);
}

/* ---- nothing was delivered ---- */

static void repeat(slow *m, slow_run *r, const rules_answer *a)
{
	const int c = r->at;

	r->free_next = a->free;
	if (!a->free) {
		r->cause = r->log.log[r->log.n - 1].code;
		r->cost = 1;
		note(m, c, RULES_SPENT, r->cause);
	}
	if (a->at_ns == m->now) {
		slow_ask(m, r, c, r->own[c]);
		return;
	}
	r->state = SLOW_WAITS;
	r->wake_ns = a->at_ns;
	slow_tell(m, r, TALE_WAITS, c, (int64_t)((a->at_ns - m->now) / MS), 0);
}

static void slow_decide(slow *m, slow_run *r, int refused, int unaffordable)
{
	rules_attempt *last = &r->log.log[r->log.n - 1];
	const int p = provider_of[r->at];
	rules_scene s = {.now_ns = m->now, .chance = slow_chance(m)};
	rules_answer a;
	int to = -1;

	s.untried = s.peers = untried(m, r, &to);
	s.affordable = !unaffordable &&
		rules_affordable(&m->q[p], used(m, p, -1), retries_on_wire(m, p), last->code);
	s.refused = refused || (!r->own[r->at] && !is_ready(m, r->at));
	a = rules_decide(&r->log, &s);
	last->answer = a.what;
	last->immediate = a.immediate;
	last->wait_ns = a.what == RULES_SAME ? a.at_ns - m->now : 0;
	r->flags |= (a.no_budget ? LLM_ERRF_RETRY_BUDGET : 0) | (a.no_time ? LLM_ERRF_DEADLINE : 0);
	if (a.what == RULES_SAME)
		repeat(m, r, &a);
	else if (a.what == RULES_NEXT)
		move_on(m, r, to);
	else
		finish(m, r, last->code, r->server_ms);
}

/* ---- something was (R-RETRY-19) ---- */

static int others_may_be_free_of(int32_t code)
{
	static const int32_t rows[] = {LLM_E_UNSUPPORTED, LLM_E_AUTHENTICATION,
		LLM_E_PERMISSION_DENIED, LLM_E_NOT_FOUND, LLM_E_CONFLICT, LLM_E_RATE_LIMITED,
		LLM_E_QUOTA_EXHAUSTED, LLM_E_UNAVAILABLE, LLM_E_SERVER_ERROR, LLM_E_CONNECTION,
		LLM_E_TIMEOUT, LLM_E_PROTOCOL, LLM_E_STREAM_BROKEN, LLM_E_QUEUE_FULL,
		LLM_E_QUEUE_TIMEOUT};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i] == code)
			return 1;
	return 0;
}

static int may_mend(const slow *m, const slow_run *r, int32_t code, int *ret_to)
{
	if (r->recovery != LLM_RECOVER_MATCH || r->differed || !untried(m, r, ret_to))
		return 0;
	if (!r->recoveries)
		return others_may_be_free_of(code);
	return r->ask.seeded && candidate_ids[*ret_to][3] == r->model;
}

static void mend(slow *m, slow_run *r, int32_t code)
{
	int to = -1;
	const int way = may_mend(m, r, code, &to);

	if (!way || !has_time(m, r) || counted(r) >= (int)r->log.set.in_all) {
		if (way && !has_time(m, r))
			r->flags |= LLM_ERRF_DEADLINE;
		finish(m, r, code, r->server_ms);
		return;
	}
	if (!r->broke) {
		r->broke = code;
		r->model = candidate_ids[r->at][3];
	}
	r->mending = 1;
	r->recoveries++;
	move_on(m, r, to);
}

/* ---- ends of all kinds ---- */

static void slow_queue_failed(slow *m, slow_run *r, int32_t code)
{
	int to = -1;

	settle(m, r, LLM_E_CANCELLED, -1);
	give_back(m, r);
	r->state = SLOW_WAITS;
	if (r->committed) {
		mend(m, r, code);
		return;
	}
	if (counted(r) >= (int)r->log.set.in_all || !untried(m, r, &to)) {
		finish(m, r, code, -1);
	} else if (!has_time(m, r)) {
		r->flags |= LLM_ERRF_DEADLINE;
		finish(m, r, code, -1);
	} else {
		move_on(m, r, to);
	}
}

static void succeed(slow *m, slow_run *r)
{
	if (r->cost)
		give_back(m, r);
	else if (counted(r) == 1)
		note(m, r->at, RULES_FIRST_TRY, 0);
	if (r->mending)
		slow_tell(m, r, TALE_MENDED, -1, r->recoveries, 0);
	finish(m, r, 0, -1);
}

static void fill_failure(const slow *m, slow_run *r, int32_t code)
{
	const slow_flight *f = &r->flight;
	rules_attempt *a = &r->log.log[r->log.n - 1];
	const int status = f->f.what == MEETS_STATUS && f->bytes_ns <= m->now;

	a->code = code;
	a->unsent = f->connected_ns > m->now;
	a->silent = f->bytes_ns > m->now;
	a->reused = f->f.what == MEETS_END && f->f.reused && code == LLM_E_CONNECTION && !a->unsent;
	a->forbidden = status && f->f.forbidden;
	a->wanted = status && f->f.wanted;
	a->server_ms = r->server_ms = status ? f->f.server_ms : -1;
}

static void land(slow *m, slow_run *r, int32_t code)
{
	hear(m, r);
	fill_failure(m, r, code);
	r->rows[r->attempts - 1] = code;
	r->differed |= r->flight.differs && code == r->flight.code;
	r->state = SLOW_WAITS;
	settle(m, r, code, code ? r->server_ms : -1);
	if (!code) {
		succeed(m, r);
		return;
	}
	r->cost = 0;
	if (code == LLM_E_CANCELLED || code == LLM_E_DEADLINE)
		finish(m, r, code, -1);
	else if (r->committed)
		mend(m, r, code);
	else
		slow_decide(m, r, 0, 0);
}

/* From outside, whatever it does. */
static void stop(slow *m, slow_run *r, int32_t code)
{
	if (r->state == SLOW_FLIES) {
		land(m, r, code);
		return;
	}
	settle(m, r, LLM_E_CANCELLED, -1);
	give_back(m, r);
	finish(m, r, code, -1);
}

/* ---- histories ---- */

static void arrive(slow *m, slow_run *r)
{
	const ask_row *a = &r->ask;
	const guards *g = &m->set.of[a->plan < PROFILES ? a->plan : PROFILES];

	r->plan = &plan_rows[a->plan];
	r->recovery = g->recovery;
	r->log.set = (rules_settings){a->per_candidate ? a->per_candidate : g->per_candidate,
		a->in_all ? a->in_all : g->in_all, (int)g->fastest, g->patience_ms * MS,
		a->longest_delay_ms ? a->longest_delay_ms * MS : 60 * SECOND, g->least_ms * MS};
	r->deadline_ns = m->now + (a->total_ms ? a->total_ms * MS : 600 * SECOND);
	r->log.deadline_ns = r->deadline_ns;
	r->server_ms = -1;
	choose(m, r);
}

static uint64_t due_of(const slow *m, const slow_run *r)
{
	switch (r->state) {
	case SLOW_NEW:
		return m->start_ns + r->ask.submit_ns;
	case SLOW_FLIES:
		return r->flight.end_ns;
	case SLOW_OVER:
		return NEVER;
	default:
		return r->wake_ns < r->deadline_ns ? r->wake_ns : r->deadline_ns;
	}
}

static void wake(slow *m, slow_run *r)
{
	if (m->now >= r->deadline_ns) {
		stop(m, r, LLM_E_DEADLINE);
	} else if (r->state == SLOW_QUEUED) {
		slow_queue_failed(m, r, LLM_E_QUEUE_TIMEOUT);
	} else if (r->chooses) {
		r->chooses = 0;
		choose(m, r);
	} else {
		slow_ask(m, r, r->at, r->own[r->at]);
	}
}

static void act(slow *m, slow_run *r)
{
	if (r->state == SLOW_NEW)
		arrive(m, r);
	else if (r->state == SLOW_FLIES)
		land(m, r, r->flight.code);
	else
		wake(m, r);
}

/*
 * Attempts that began in the same instant can run out of time in the same: no rule says who
 * of them is first. Who waits for a candidate to cool goes in the order of arrival.
 */
static int is_tie(const slow *m, const slow_run *next)
{
	int i, n = 0;

	for (i = 0; i < RUNS; i++)
		n += &m->runs[i] != next && due_of(m, &m->runs[i]) == m->now &&
			!(next->chooses && m->runs[i].chooses);
	return n != 0;
}

/* What comes first of all; 0 when there is nothing more. */
static int step(slow *m)
{
	slow_run *next = NULL;
	uint64_t at = NEVER;
	int i, leaves = 0;

	for (i = 0; i < RUNS; i++) {
		slow_run *r = &m->runs[i];
		const uint64_t due = due_of(m, r);
		const uint64_t cancel = r->state == SLOW_OVER || r->ask.cancel_ns == NEVER ?
			NEVER :
			m->start_ns + r->ask.cancel_ns;

		if (due < at || cancel < at || (next && due == at && r->queued < next->queued)) {
			next = r;
			leaves = cancel < due;
			at = leaves ? cancel : due;
		}
	}
	if (!next)
		return 0;
	m->now = at;
	m->tie |= is_tie(m, next);
	if (leaves)
		stop(m, next, LLM_E_CANCELLED);
	else
		act(m, next);
	serve(m);
	return 1;
}

/* A history from `start_ns` on; tokens[] are left of each provider's quota. */
static void slow_play(
	slow *m, uint64_t history, const setup *set, uint64_t start_ns, const uint32_t *tokens)
{
	uint32_t left;
	int i;

	memset(m, 0, sizeof(*m));
	m->history = history;
	m->set = *set;
	m->start_ns = m->now = start_ns;
	for (i = 0; i < CANDIDATES; i++)
		m->b[i].closed_ns = start_ns;
	for (i = 0; i < PROVIDERS; i++)
		for (left = 100; left > tokens[i]; left -= 5) {
			m->q[i].log[m->q[i].n].what = RULES_SPENT;
			m->q[i].log[m->q[i].n++].cause = LLM_E_CONNECTION;
		}
	for (i = 0; i < RUNS; i++)
		m->runs[i].ask = ask_of(history, i);
	while (step(m))
		continue;
}

#endif
