/*
 * engine_slow.h - runs by the rules of docs/behaviour.md, slowly: who is asked, slots and
 * queues, and what an attempt comes to. engine_rules.h has what follows from that. Nothing
 * of the core is used but its codes.
 *
 * Nothing is counted on the way: all that holds a slot or waits is looked at each time.
 */
#ifndef TESTS_ENGINE_SLOW_H
#define TESTS_ENGINE_SLOW_H

#include "engine_world.h"
#include "support/rules.h"

enum { SLOW_NEW, SLOW_WAITS, SLOW_QUEUED, SLOW_FLIES, SLOW_OVER };

typedef struct slow_flight {
	uint64_t end_ns;
	int32_t code;
	int differs;
	uint64_t connected_ns, bytes_ns; /* NEVER: not before the end */
	fate f;
	struct {
		uint64_t at_ns;
		size_t upto; /* of f.text, so much had come by then */
	} pieces[16];
	int n_pieces;
} slow_flight;

typedef struct slow_run {
	ask_row ask;
	const plan_row *plan;
	uint32_t recovery;
	rules_run log;
	uint64_t deadline_ns, wake_ns;
	uint64_t queued; /* who waits for the same instant goes in this order */
	int state, at, attempts;
	int tried[CANDIDATES], own[CANDIDATES];
	int chooses; /* after the wait it chooses anew */
	int admitted, free_next, cost, on_wire_as_retry;
	int32_t cause; /* what the cost was for */
	rules_ticket ticket;
	slow_flight flight;
	int committed, mending, recoveries, differed;
	int32_t broke, rows[RULES_LOG];
	int64_t server_ms;
	char model; /* whose text was told */
	uint32_t flags;
	tale tale;
} slow_run;

typedef struct slow {
	uint64_t history, start_ns, now, queue_seq;
	int tie; /* the rules do not say what comes of this history */
	setup set;
	rules_breaker b[CANDIDATES];
	rules_quota q[PROVIDERS];
	int streak[PROVIDERS]; /* interactive grants since one of a batch */
	slow_run runs[RUNS];
} slow;

static uint64_t slow_chance(const slow *m)
{
	return mix(m->history ^ mix(m->now));
}

static void slow_tell(slow *m, slow_run *r, int what, int candidate, int64_t value, int64_t more)
{
	tell(&r->tale, m->now - m->start_ns, what, candidate, value, more);
}

static void slow_decide(slow *m, slow_run *r, int refused, int unaffordable);
static void slow_ask(slow *m, slow_run *r, int c, int who);
static void slow_queue_failed(slow *m, slow_run *r, int32_t code);
static void choose(slow *m, slow_run *r);

/* ---- counting ---- */

static int used(const slow *m, int provider, int candidate)
{
	int n = 0, i;

	for (i = 0; i < RUNS; i++)
		n += m->runs[i].state == SLOW_FLIES && provider_of[m->runs[i].at] == provider &&
			(candidate < 0 || m->runs[i].at == candidate);
	return n;
}

static int retries_on_wire(const slow *m, int provider)
{
	int n = 0, i;

	for (i = 0; i < RUNS; i++)
		n += m->runs[i].state == SLOW_FLIES && provider_of[m->runs[i].at] == provider &&
			m->runs[i].on_wire_as_retry;
	return n;
}

static int has_room(const slow *m, int c)
{
	const int p = provider_of[c];

	if (c == 0 && m->set.narrow && used(m, p, 0) >= (int)m->set.narrow)
		return 0;
	/* A candidate bears as much as its provider unless it says otherwise. */
	return used(m, p, -1) < (int)m->set.slots[p];
}

static int waiting(const slow *m, int provider)
{
	int n = 0, i;

	for (i = 0; i < RUNS; i++)
		n += m->runs[i].state == SLOW_QUEUED && provider_of[m->runs[i].at] == provider;
	return n;
}

static int is_ready(const slow *m, int c)
{
	return rules_ready_ns(&m->b[c], m->now) <= m->now;
}

static int untried(const slow *m, const slow_run *r, int *ret_first)
{
	int n = 0, i;

	for (i = r->plan->n; i-- > 0;) {
		const int c = r->plan->candidates[i];

		if (r->tried[c] || !is_ready(m, c))
			continue;
		n++;
		*ret_first = c;
	}
	return n;
}

static int counted(const slow_run *r)
{
	int n = 0, i;

	for (i = 0; i < r->log.n; i++)
		n += !r->log.log[i].free;
	return n;
}

static int has_time(const slow *m, const slow_run *r)
{
	return r->deadline_ns == NEVER || m->now + r->log.set.least_ns <= r->deadline_ns;
}

static void note(slow *m, int c, int what, int32_t cause)
{
	rules_quota *q = &m->q[provider_of[c]];

	q->log[q->n].what = what;
	q->log[q->n++].cause = cause;
}

static void give_back(slow *m, slow_run *r)
{
	if (r->cost)
		note(m, r->at, RULES_RETURNED, r->cause);
	r->cost = 0;
}

static void settle(slow *m, slow_run *r, int32_t code, int64_t server_ms)
{
	rules_breaker *b = &m->b[r->at];
	const int before = b->changes;

	if (!r->admitted)
		return;
	r->admitted = 0;
	rules_settle(b, r->ticket, code, server_ms, m->now, slow_chance(m));
	r->own[r->at] |= (b->changes != before && b->state == RULES_OPEN) ||
		code == LLM_E_RATE_LIMITED || code == LLM_E_QUOTA_EXHAUSTED;
}

/* ---- the end ---- */

/* The last attempt's, unless another says what the caller has to change (R-ERR-4). */
static int32_t code_of_rows(const slow_run *r, int32_t code)
{
	int i;

	if (r->attempts && (code == LLM_E_QUEUE_FULL || code == LLM_E_QUEUE_TIMEOUT))
		code = r->rows[r->attempts - 1];
	for (i = 0; i < r->attempts; i++)
		if (r->rows[i] == LLM_E_INVALID_REQUEST)
			code = LLM_E_INVALID_REQUEST;
	return code;
}

static void finish(slow *m, slow_run *r, int32_t code, int64_t delay)
{
	tale *t = &r->tale;
	int i;

	if (code && code != LLM_E_CANCELLED && code != LLM_E_DEADLINE) {
		if (r->broke)
			r->flags &= LLM_ERRF_DEADLINE;
		code = r->broke ? (r->differed ? LLM_E_STREAM_BROKEN : r->broke) :
				  code_of_rows(r, code);
	} else {
		r->flags = 0;
	}
	if (code && r->committed)
		r->flags |= LLM_ERRF_PARTIAL;
	if (!code && r->ask.stream && r->recovery == LLM_RECOVER_BUFFER) {
		memcpy(t->told, t->kept, t->kept_len);
		t->told_len = t->kept_len;
	}
	r->state = SLOW_OVER;
	slow_tell(m, r, TALE_ENDS, -1, code, r->flags);
	if (code == LLM_E_NO_CANDIDATE)
		slow_tell(m, r, TALE_READY, -1, delay, 0);
	for (i = 0; i < r->attempts; i++)
		slow_tell(m, r, TALE_ROW, -1, r->rows[i], 0);
}

/* ---- an attempt, foreseen ---- */

static void ends(slow_flight *f, uint64_t at_ns, int32_t code)
{
	if (at_ns >= f->end_ns)
		return;
	f->end_ns = at_ns;
	f->code = code;
}

/* The deadline leaves others their share. */
static uint64_t shared(const slow *m, const slow_run *r, uint64_t limit_ns)
{
	const uint64_t left = r->deadline_ns - m->now;
	int first;

	if (r->deadline_ns == NEVER || counted(r) >= (int)r->log.set.in_all ||
		!untried(m, r, &first) || limit_ns + r->log.set.least_ns <= left)
		return limit_ns;
	return limit_ns < left / 2 ? limit_ns : left / 2;
}

/* What comes of a text, from its first byte on; `told` is what must be repeated. */
static void foresee_text(const slow *m, const slow_run *r, slow_flight *f, size_t told)
{
	uint64_t at = f->bytes_ns, idle = m->set.idle_ms * MS;
	size_t upto = 0;

	for (; upto < f->f.bytes && at < f->end_ns; at += f->f.gap_ns) {
		size_t new_upto = upto + f->f.chunk;

		if (new_upto > f->f.bytes)
			new_upto = f->f.bytes;
		f->pieces[f->n_pieces].at_ns = at;
		f->pieces[f->n_pieces++].upto = new_upto;
		if (upto < told) {
			size_t n = (new_upto < told ? new_upto : told) - upto;

			if (memcmp(r->tale.kept + upto, f->f.text + upto, n) != 0) {
				f->n_pieces--;
				f->differs = 1;
				ends(f, at, LLM_E_STREAM_BROKEN);
			}
		}
		upto = new_upto;
		if (f->f.gap_ns > idle)
			ends(f, at + idle, LLM_E_TIMEOUT);
	}
	if (upto < f->f.bytes || f->differs)
		return;
	if (f->f.end == TEXT_STALLED && f->n_pieces)
		ends(f, at - f->f.gap_ns + idle, LLM_E_TIMEOUT);
	/* Without a piece before it the end comes one gap after the header. */
	if (!f->n_pieces)
		at += f->f.gap_ns;
	if (f->f.end == TEXT_CUT)
		ends(f, at, LLM_E_STREAM_BROKEN);
	if (f->f.end == TEXT_WHOLE && at < f->end_ns) {
		f->differs = upto < told;
		ends(f, at, f->differs ? LLM_E_STREAM_BROKEN : 0);
	}
}

static void foresee_reply(const slow *m, slow_run *r, slow_flight *f)
{
	const uint64_t first = f->connected_ns + shared(m, r, m->set.first_ms * MS);
	const int speaks = f->f.what == MEETS_TEXT && f->f.bytes;

	if (f->f.reply_ns == NEVER || !speaks || f->connected_ns + f->f.reply_ns > first)
		ends(f, first, LLM_E_TIMEOUT);
	if (f->f.reply_ns == NEVER)
		return;
	f->bytes_ns = f->connected_ns + f->f.reply_ns;
	switch (f->f.what) {
	case MEETS_END:
		ends(f, f->bytes_ns, LLM_E_CONNECTION);
		f->bytes_ns = NEVER;
		break;
	case MEETS_STATUS:
		ends(f, f->bytes_ns, code_of_status(f->f.status));
		break;
	case MEETS_JUNK:
		ends(f, f->bytes_ns, LLM_E_PROTOCOL);
		break;
	default:
		foresee_text(m, r, f, r->mending ? r->tale.kept_len : 0);
		break;
	}
}

static void foresee(const slow *m, slow_run *r, int run, int nth)
{
	slow_flight *f = &r->flight;
	const uint64_t connect = shared(m, r, m->set.connect_ms * MS);

	*f = (slow_flight){.end_ns = NEVER, .connected_ns = NEVER, .bytes_ns = NEVER};
	f->f = fate_in(m->history, run, nth, r->at);
	ends(f, r->deadline_ns, LLM_E_DEADLINE);
	ends(f, m->now + m->set.attempt_ms * MS, LLM_E_TIMEOUT);
	if (f->f.connect_ns > connect)
		ends(f, m->now + connect, LLM_E_TIMEOUT);
	else if (f->f.refused)
		ends(f, m->now + f->f.connect_ns, LLM_E_CONNECTION);
	if (f->f.connect_ns == NEVER || f->f.refused)
		return;
	f->connected_ns = m->now + f->f.connect_ns;
	foresee_reply(m, r, f);
}

/* The text that had come by now. */
static void hear(slow *m, slow_run *r)
{
	const slow_flight *f = &r->flight;
	tale *t = &r->tale;
	int i;

	for (i = 0; i < f->n_pieces && f->pieces[i].at_ns <= m->now; i++) {
		const size_t upto = f->pieces[i].upto;

		if (upto <= t->kept_len)
			continue;
		memcpy(t->kept + t->kept_len, f->f.text + t->kept_len, upto - t->kept_len);
		t->kept_len = upto;
		if (!r->ask.stream || r->recovery == LLM_RECOVER_BUFFER)
			continue;
		memcpy(t->told, t->kept, upto);
		t->told_len = upto;
		r->committed = 1;
	}
}

/* ---- slots ---- */

static int is_overtaken(const slow *m, const slow_run *r)
{
	return r->state == SLOW_QUEUED && !r->own[r->at] && !r->ticket.counts &&
		(r->ticket.changes != m->b[r->at].changes || !is_ready(m, r->at));
}

static void begin(slow *m, slow_run *r)
{
	if (is_overtaken(m, r)) {
		r->state = SLOW_WAITS;
		settle(m, r, LLM_E_CANCELLED, -1);
		give_back(m, r);
		r->log.n ? slow_decide(m, r, 1, 0) : choose(m, r);
		return;
	}
	if (r->log.n && !has_time(m, r)) {
		settle(m, r, LLM_E_CANCELLED, -1);
		give_back(m, r);
		r->flags |= LLM_ERRF_DEADLINE;
		r->state = SLOW_WAITS;
		finish(m, r, r->log.log[r->log.n - 1].code, -1);
		return;
	}
	r->on_wire_as_retry = r->cost;
	if (r->cost) {
		const int p = provider_of[r->at], flying = used(m, p, -1);
		const int most = (flying + 1) / 5 < 3 ? 3 : (flying + 1) / 5;

		if (retries_on_wire(m, p) + 1 > most) {
			r->state = SLOW_WAITS;
			settle(m, r, LLM_E_CANCELLED, -1);
			give_back(m, r);
			slow_decide(m, r, 0, 1);
			return;
		}
	}
	r->state = SLOW_FLIES;
	r->flags = 0;
	r->log.log[r->log.n++] = (rules_attempt){.candidate = r->at, .free = r->free_next};
	r->free_next = 0;
	r->rows[r->attempts++] = 0;
	if (!r->mending)
		r->tale.kept_len = 0;
	slow_tell(m, r, TALE_BEGINS, r->at, 0, 0);
	foresee(m, r, (int)(r - m->runs), r->attempts);
}

/* Of those who wait for this provider, the first that could begin now. */
static slow_run *next_of(slow *m, int provider)
{
	const uint32_t first = m->streak[provider] >= 8;
	slow_run *best = NULL;
	int i;

	for (i = 0; i < RUNS; i++) {
		slow_run *r = &m->runs[i];

		if (r->state != SLOW_QUEUED || provider_of[r->at] != provider ||
			!has_room(m, r->at) || r->wake_ns <= m->now)
			continue;
		if (!best || (r->ask.batch == first && best->ask.batch != first) ||
			(r->ask.batch == best->ask.batch && r->queued < best->queued))
			best = r;
	}
	return best;
}

static void serve(slow *m)
{
	slow_run *r;
	int p;

	for (p = 0; p < PROVIDERS; p++)
		while ((r = next_of(m, p))) {
			m->streak[p] = r->ask.batch ? 0 : m->streak[p] + 1;
			begin(m, r);
		}
}

static void take_slot(slow *m, slow_run *r)
{
	const int p = provider_of[r->at];

	if (has_room(m, r->at) && !next_of(m, p)) {
		begin(m, r);
	} else if (waiting(m, p) >= (int)m->set.queue[p]) {
		slow_queue_failed(m, r, LLM_E_QUEUE_FULL);
	} else {
		r->state = SLOW_QUEUED;
		r->queued = ++m->queue_seq;
		r->wake_ns = m->now + m->set.queue_ms * MS;
	}
}

static void slow_ask(slow *m, slow_run *r, int c, int who)
{
	r->at = c;
	r->tried[c] = 1;
	r->state = SLOW_WAITS;
	if (rules_admit(&m->b[c], who, m->now, &r->ticket)) {
		r->admitted = 1;
		take_slot(m, r);
		return;
	}
	give_back(m, r);
	slow_decide(m, r, 1, 0);
}

#endif
