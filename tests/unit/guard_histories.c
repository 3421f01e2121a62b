/*
 * Retries, quota and breakers in random histories, beside the slow second writing of their
 * rules (tests/support/rules.h): every answer must be the same. LLM_HISTORIES says how many,
 * LLM_SEED where to begin.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "route/breaker.h"
#include "run/quota.h"
#include "run/retry.h"
#include "support/rules.h"
#include "wire/num.h"

#define RUNS 6
#define CANDIDATES 3
#define STEPS 70
#define START (100000 * NS_PER_S)

enum { IDLE = 0, FLYING, WAITING };

typedef struct lane { /* one run after the other */
	int phase;
	int candidate;
	retry_run run;
	retry_tries tries[CANDIDATES];
	rules_run slow;
	int tried[CANDIDATES];
	int own[CANDIDATES]; /* this run's failure opened or cooled it */
	breaker_ticket ticket;
	rules_ticket slow_ticket;
	retry_failure failure;
	retry_verdict verdict;
	uint32_t cost;
	int retry; /* the attempt that flies began with quota_begin_retry */
} lane;

typedef struct world {
	uint64_t seed, history, now;
	breaker_rules rules;
	breaker b[CANDIDATES];
	rules_breaker slow_b[CANDIDATES];
	quota q[2];
	rules_quota slow_q[2];
	quota_wire wire;
	lane lanes[RUNS];
	uint64_t same, next, ends, closed, probes; /* how often, to see that all of it is met */
} world;

static uint32_t pick(world *w, uint32_t n)
{
	w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(w->seed >> 33) % n;
}

#define same(w, a, b, what) \
	cr_assert_eq((a), (b), "%s: %lld, by the rules %lld (history %llu)", what, (long long)(a), \
		(long long)(b), (unsigned long long)(w)->history)

static int endpoint(int candidate)
{
	return candidate != 0;
}

/* ---- the quota, both ways ---- */

static void note(world *w, int candidate, int what, int32_t cause)
{
	rules_quota *q = &w->slow_q[endpoint(candidate)];

	q->log[q->n].what = what;
	q->log[q->n++].cause = cause;
	same(w, w->q[endpoint(candidate)].tokens, (uint32_t)rules_tokens(q), "tokens");
}

static void on_wire(const world *w, int *ret_attempts, int *ret_retries)
{
	int i;

	*ret_attempts = *ret_retries = 0;
	for (i = 0; i < RUNS; i++) {
		*ret_attempts += w->lanes[i].phase == FLYING;
		*ret_retries += w->lanes[i].phase == FLYING && w->lanes[i].retry;
	}
}

static int affordable(world *w, const lane *l)
{
	const int e = endpoint(l->candidate);
	int attempts, retries;
	int yes = quota_allows(&w->q[e], &w->wire, l->failure.code);

	on_wire(w, &attempts, &retries);
	same(w, yes, rules_affordable(&w->slow_q[e], attempts, retries, l->failure.code), "quota");
	return yes;
}

/* ---- going on the wire ---- */

static int ready(world *w, int c)
{
	uint64_t at = breaker_ready_ns(&w->b[c], &w->rules, w->now);
	uint64_t slow = rules_ready_ns(&w->slow_b[c], w->now);

	same(w, at <= w->now, slow <= w->now, "ready");
	if (at > w->now)
		same(w, at, slow, "ready at");
	return at <= w->now;
}

static int admit(world *w, lane *l, int c, uint32_t who)
{
	uint32_t changed = 0;
	int in = breaker_admit(&w->b[c], &w->rules, who, w->now, &l->ticket, &changed);

	same(w, in, rules_admit(&w->slow_b[c], (int)who, w->now, &l->slow_ticket), "admitted");
	same(w, w->b[c].state, (uint32_t)w->slow_b[c].state, "state");
	if (in)
		same(w, l->ticket.kind == BREAKER_PROBE, l->slow_ticket.probe, "probe");
	w->probes += in && l->ticket.kind != BREAKER_PLAIN;
	return in;
}

static void fly(lane *l, int c, int is_free)
{
	rules_attempt *a = &l->slow.log[l->slow.n++];

	*a = (rules_attempt){.candidate = c, .free = is_free};
	l->candidate = c;
	l->tried[c] = 1;
	l->phase = FLYING;
}

static void first_at(world *w, lane *l, int c, uint32_t who)
{
	cr_assert(admit(w, l, c, who));
	retry_begin(&l->run, &l->tries[c], NULL, NULL);
	quota_begin(&w->wire);
	l->retry = 0;
	fly(l, c, 0);
}

/* The first that is untried and lets it in; for a run that asked nobody yet, R-CB-7. */
static void move_on(world *w, lane *l)
{
	const breaker *plan[CANDIDATES];
	breaker_choice choice;
	int c, cooling = 0, open;

	for (c = 0; c < CANDIDATES; c++)
		if (!l->tried[c] && ready(w, c)) {
			first_at(w, l, c, BREAKER_AS_USUAL);
			return;
		}
	l->phase = IDLE;
	if (l->slow.n)
		return;
	for (c = 0; c < CANDIDATES; c++) {
		plan[c] = &w->b[c];
		cooling |= w->slow_b[c].cool_ns > w->now;
	}
	choice = breaker_choose(plan, CANDIDATES, &w->rules, w->now, UINT64_MAX);
	open = !cooling && w->slow_b[0].resort_ns <= w->now;
	same(w, choice.action == BREAKER_GO_LAST_RESORT, open, "last resort");
	if (open)
		first_at(w, l, 0, BREAKER_AS_LAST_RESORT);
}

static void begin(world *w, lane *l)
{
	static const uint64_t longest[] = {100, 3000, 60000};
	retry_rules r = retry_rules_usual();

	memset(l->tries, 0, sizeof(l->tries));
	memset(l->tried, 0, sizeof(l->tried));
	memset(l->own, 0, sizeof(l->own));
	r.per_candidate = 1 + pick(w, 4);
	r.in_all = 1 + pick(w, 7);
	r.prefer = pick(w, 2) ? RETRY_FASTEST : RETRY_PRIMARY;
	r.patience_ns = pick(w, 5000) * NS_PER_MS;
	r.retry_after_max_ns = longest[pick(w, 3)] * NS_PER_MS;
	l->run = (retry_run){.rules = r, .deadline_ns = UINT64_MAX};
	if (pick(w, 2))
		l->run.deadline_ns = w->now + pick(w, 20000) * NS_PER_MS;
	l->slow.set = (rules_settings){r.per_candidate, r.in_all, r.prefer == RETRY_FASTEST,
		r.patience_ns, r.retry_after_max_ns, r.min_attempt_ns};
	l->slow.deadline_ns = l->run.deadline_ns;
	l->slow.committed = l->slow.n = 0;
	move_on(w, l);
}

/* ---- a failure ---- */

static void fill_scene(world *w, lane *l, retry_scene *s, rules_scene *slow)
{
	int c, c0 = l->candidate;

	*s = (retry_scene){.now_ns = w->now, .chance = w->seed ^ w->seed >> 29};
	for (c = 0; c < CANDIDATES; c++)
		if (!l->tried[c] && ready(w, c))
			s->untried++;
	s->untried_peers = s->untried ? pick(w, s->untried + 1) : 0;
	s->untried_context = pick(w, 2);
	s->untried_content = pick(w, 2);
	s->next_on_invalid = pick(w, 2) != 0;
	s->affordable = affordable(w, l);
	s->refused = !l->own[c0] && !ready(w, c0);
	*slow = (rules_scene){s->now_ns, s->chance, (int)s->untried, (int)s->untried_peers,
		(int)s->untried_context, (int)s->untried_content, s->next_on_invalid, s->affordable,
		s->refused};
}

static void decide(world *w, lane *l)
{
	rules_attempt *last = &l->slow.log[l->slow.n - 1];
	retry_scene s;
	rules_scene slow;
	rules_answer want;
	retry_verdict v;

	fill_scene(w, l, &s, &slow);
	v = retry_decide(&l->run, &l->tries[l->candidate], &l->failure, &s);
	want = rules_decide(&l->slow, &slow);
	same(w, v.action, (uint32_t)want.what, llm_error_name(l->failure.code));
	same(w, (v.flags & RETRY_NO_BUDGET) != 0, want.no_budget, "no budget");
	same(w, (v.flags & RETRY_NO_TIME) != 0, want.no_time, "no time");
	last->answer = want.what;
	l->verdict = v;
	l->phase = IDLE;
	w->same += v.action == RETRY_SAME;
	w->next += v.action == RETRY_NEXT;
	w->ends += v.action == RETRY_END;
	if (v.action == RETRY_NEXT)
		move_on(w, l);
	if (v.action != RETRY_SAME)
		return;
	same(w, v.at_ns, want.at_ns, "when");
	same(w, v.why == RETRY_FREE, want.free, "free");
	same(w, v.why == RETRY_AT_ONCE, want.immediate, "at once");
	last->immediate = want.immediate;
	last->wait_ns = v.wait_ns;
	l->phase = WAITING;
	l->cost = 0;
	if (v.why != RETRY_FREE) {
		l->cost = quota_spend(&w->q[endpoint(l->candidate)], l->failure.code);
		note(w, l->candidate, RULES_SPENT, l->failure.code);
	}
}

/* Others may have come between: the wire is full, or the breaker has opened. */
static void wake(world *w, lane *l)
{
	int c = l->candidate, is_free = l->verdict.why == RETRY_FREE, attempts, retries, full;

	if (w->now < l->verdict.at_ns)
		w->now = l->verdict.at_ns;
	on_wire(w, &attempts, &retries);
	full = !is_free && retries >= 3 && (retries + 1) * 5 > attempts + 1;
	if (full || !admit(w, l, c, l->own[c] ? BREAKER_AS_OWN : BREAKER_AS_USUAL)) {
		if (full)
			cr_assert_not(quota_begin_retry(&w->wire));
		if (!is_free) {
			quota_give_back(&w->q[endpoint(c)], l->cost);
			note(w, c, RULES_RETURNED, l->failure.code);
		}
		decide(w, l);
		return;
	}
	if (is_free)
		quota_begin(&w->wire);
	else
		cr_assert(quota_begin_retry(&w->wire));
	l->retry = !is_free;
	retry_begin(&l->run, &l->tries[c], &l->failure, &l->verdict);
	fly(l, c, is_free);
}

static int32_t some_code(world *w)
{
	static const int32_t usual[] = {LLM_E_UNAVAILABLE, LLM_E_RATE_LIMITED, LLM_E_TIMEOUT,
		LLM_E_CONNECTION, LLM_E_SERVER_ERROR, LLM_E_PROTOCOL, LLM_E_STREAM_BROKEN};
	uint32_t n = pick(w, 100);

	if (n < 30)
		return 0;
	if (n < 36)
		return n < 33 ? LLM_E_CANCELLED : LLM_E_DEADLINE;
	if (n < 88)
		return usual[n % 7];
	return -1 - (int32_t)pick(w, (uint32_t)-LLM_E_LAST);
}

static int64_t some_delay(world *w)
{
	static const int64_t rows[] = {0, 1, 900, 2500, 20000, INT64_C(1000000000000)};

	return pick(w, 3) ? -1 : rows[pick(w, 6)];
}

static void fill_failure(world *w, lane *l, int32_t code)
{
	rules_attempt *a = &l->slow.log[l->slow.n - 1];
	uint32_t facts = 0;

	if (!pick(w, 5))
		facts |= RETRY_UNSENT | RETRY_SILENT;
	if (!pick(w, 4))
		facts |= RETRY_SILENT;
	if (!pick(w, 10))
		facts |= RETRY_REUSED;
	if (!pick(w, 10))
		facts |= pick(w, 2) ? RETRY_FORBIDDEN : RETRY_WANTED;
	l->failure = (retry_failure){code, facts, some_delay(w)};
	a->code = code;
	a->unsent = (facts & RETRY_UNSENT) != 0;
	a->silent = (facts & RETRY_SILENT) != 0;
	a->reused = (facts & RETRY_REUSED) != 0;
	a->forbidden = (facts & RETRY_FORBIDDEN) != 0;
	a->wanted = (facts & RETRY_WANTED) != 0;
	a->server_ms = l->failure.server_ms;
	l->run.committed |= !pick(w, 15);
	l->slow.committed = (int)l->run.committed;
}

static void settle(world *w, lane *l, int32_t code)
{
	int c = l->candidate;
	uint64_t chance = w->seed ^ w->seed >> 31;
	int64_t ms = code ? l->failure.server_ms : -1;
	uint32_t changed = breaker_settle(
		&w->b[c], &w->rules, &l->ticket, code, ms, w->now, chance);

	rules_settle(&w->slow_b[c], l->slow_ticket, code, ms, w->now, chance);
	same(w, w->b[c].state, (uint32_t)w->slow_b[c].state, "state after");
	if (w->b[c].state == BREAKER_OPEN)
		same(w, w->b[c].until_ns, w->slow_b[c].until_ns, "open until");
	same(w, w->b[c].cooling_ns, w->slow_b[c].cool_ns, "cools until");
	l->own[c] |= (changed & BREAKER_CHANGED_OPEN) || code == LLM_E_RATE_LIMITED;
	w->closed += (changed & BREAKER_CHANGED_CLOSED) != 0;
}

static void land(world *w, lane *l)
{
	int32_t code = some_code(w);
	int c = l->candidate;

	if (code)
		fill_failure(w, l, code);
	quota_end(&w->wire, l->retry);
	l->phase = IDLE;
	settle(w, l, code);
	if (code) {
		decide(w, l);
	} else if (l->retry) {
		quota_give_back(&w->q[endpoint(c)], l->cost);
		note(w, c, RULES_RETURNED, l->failure.code);
	} else if (l->slow.n == 1) {
		quota_reward(&w->q[endpoint(c)]);
		note(w, c, RULES_FIRST_TRY, 0);
	}
}

/* ---- a history ---- */

static void clear(world *w, uint64_t seed)
{
	static const uint32_t tokens[] = {QUOTA_FULL, QUOTA_FULL, QUOTA_FULL, 17};
	int i;

	w->seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	w->history = seed;
	w->now = START;
	w->wire = (quota_wire){0, 0};
	for (i = 0; i < CANDIDATES; i++) {
		w->b[i] = (breaker){.closed_ns = START};
		w->slow_b[i].state = w->slow_b[i].changes = w->slow_b[i].probe_out = 0;
		w->slow_b[i].probe_successes = w->slow_b[i].n_seen = w->slow_b[i].n_opened = 0;
		w->slow_b[i].until_ns = w->slow_b[i].cool_ns = w->slow_b[i].resort_ns = 0;
		w->slow_b[i].calm_end_ns = 0;
		w->slow_b[i].closed_ns = START;
	}
	for (i = 0; i < 2; i++) {
		uint32_t n = tokens[pick(w, 4)];

		quota_init(&w->q[i]);
		w->slow_q[i].n = 0;
		while (w->q[i].tokens > n) {
			quota_spend(&w->q[i], LLM_E_CONNECTION);
			note(w, i, RULES_SPENT, LLM_E_CONNECTION);
		}
	}
	for (i = 0; i < RUNS; i++)
		w->lanes[i].phase = IDLE;
}

static void pass_time(world *w)
{
	uint32_t n = pick(w, 40);

	if (n < 20)
		w->now += pick(w, 400) * NS_PER_MS;
	else if (n < 24)
		w->now += pick(w, 30) * NS_PER_S + pick(w, 1000);
	else if (n == 24)
		w->now += pick(w, 700) * NS_PER_S;
}

static void play(world *w, uint64_t seed)
{
	int step, i;

	clear(w, seed);
	for (step = 0; step < STEPS; step++) {
		lane *l = &w->lanes[pick(w, RUNS)];

		pass_time(w);
		if (l->phase == IDLE)
			begin(w, l);
		else if (l->phase == FLYING)
			land(w, l);
		else
			wake(w, l);
	}
	for (i = 0; i < RUNS; i++)
		if (w->lanes[i].phase == FLYING)
			quota_end(&w->wire, w->lanes[i].retry);
	same(w, w->wire.attempts, 0u, "attempts left on the wire");
	same(w, w->wire.retries, 0u, "retries left on the wire");
}

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t n = otherwise;

	if (text && !num_read_u64(text, strlen(text), &n))
		cr_assert_fail("%s=%s is no number", name, text);
	return n;
}

Test(guard_histories, R_RETRY_7_R_RETRY_10_R_CB_4_agree_with_their_rules_in_random_histories)
{
	static world w;
	uint64_t n = from_env("LLM_HISTORIES", 20000), seed = from_env("LLM_SEED", 1), i;

	w.rules = breaker_rules_usual();
	for (i = 0; i < n; i++)
		play(&w, seed + i);
	cr_assert_gt(w.same, n, "%llu", (unsigned long long)w.same);
	cr_assert_gt(w.next, n, "%llu", (unsigned long long)w.next);
	cr_assert_gt(w.ends, n, "%llu", (unsigned long long)w.ends);
	cr_assert_gt(w.probes, n / 4, "%llu", (unsigned long long)w.probes);
	cr_assert_gt(w.closed, n / 100, "%llu", (unsigned long long)w.closed);
}
