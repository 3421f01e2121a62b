#include "breaker.h"

#include <string.h>

#include "base/clock.h"

breaker_rules breaker_rules_usual(void)
{
	return (breaker_rules){
		.in_a_row = 5,
		.outcomes = 10,
		.share = 50,
		.probes = 2,
		.open_ns = 30 * NS_PER_S,
		.open_max_ns = 300 * NS_PER_S,
		.account_ns = 60 * NS_PER_S,
		.calm_ns = 300 * NS_PER_S,
		.cool_ns = 5 * NS_PER_S,
		.cool_long_ns = 900 * NS_PER_S,
		.cool_max_ns = 86400 * NS_PER_S,
		.last_resort_ns = NS_PER_S,
	};
}

/* ---- the window ---- */

static void forget(breaker *b)
{
	memset(b->steps, 0, sizeof(b->steps));
	b->good = b->bad = b->in_a_row = 0;
}

static void move_window(breaker *b, uint64_t now_ns)
{
	uint64_t second = now_ns / NS_PER_S;
	uint64_t n = second > b->second ? second - b->second : 0;

	if (n > BREAKER_STEPS)
		n = BREAKER_STEPS;
	for (; n; n--) {
		breaker_step *s = &b->steps[(second - n + 1) % BREAKER_STEPS];

		b->good -= s->good;
		b->bad -= s->bad;
		*s = (breaker_step){0, 0};
	}
	if (second > b->second)
		b->second = second;
}

static void count(breaker *b, int good, uint64_t now_ns)
{
	breaker_step *s;

	move_window(b, now_ns);
	s = &b->steps[b->second % BREAKER_STEPS];
	if (good) {
		s->good++;
		b->good++;
	} else {
		s->bad++;
		b->bad++;
	}
}

static int window_is_bad(const breaker *b, const breaker_rules *r)
{
	uint64_t all = (uint64_t)b->good + b->bad;

	return all >= r->outcomes && (uint64_t)b->bad * 100 >= all * r->share;
}

/* ---- changes of state ---- */

static uint32_t change(breaker *b, uint32_t state)
{
	static const uint32_t said[] = {[BREAKER_CLOSED] = BREAKER_CHANGED_CLOSED,
		[BREAKER_HALF_OPEN] = BREAKER_CHANGED_HALF,
		[BREAKER_OPEN] = BREAKER_CHANGED_OPEN};

	b->state = state;
	b->epoch++;
	b->probing = b->successes = 0;
	return said[state];
}

/* A long calm forgets what was before it, whatever ends it. */
static void leave_closed(breaker *b, const breaker_rules *r, uint64_t now_ns)
{
	if (b->state == BREAKER_CLOSED && now_ns - b->closed_ns >= r->calm_ns)
		b->openings = 0;
}

static uint64_t open_for(const breaker *b, const breaker_rules *r, uint64_t chance)
{
	uint64_t d = r->open_max_ns;

	if (b->openings < 64 && r->open_ns <= r->open_max_ns >> b->openings)
		d = r->open_ns << b->openings;
	return d - d / 10 + clock_spread(chance, d / 10 * 2);
}

static uint32_t open_it(breaker *b, const breaker_rules *r, uint64_t now_ns, uint64_t chance)
{
	leave_closed(b, r, now_ns);
	b->until_ns = clock_after_ns(now_ns, open_for(b, r, chance));
	b->openings += b->openings < UINT32_MAX;
	return change(b, BREAKER_OPEN);
}

static uint32_t close_it(breaker *b, uint64_t now_ns)
{
	forget(b);
	b->closed_ns = now_ns;
	return change(b, BREAKER_CLOSED);
}

uint32_t breaker_state(const breaker *b, uint64_t now_ns)
{
	return b->state == BREAKER_OPEN && now_ns >= b->until_ns ? BREAKER_HALF_OPEN : b->state;
}

/* ---- letting in ---- */

/* Its state alone, without cooling. A probe that is out may end at any moment. */
static uint64_t state_ready_ns(const breaker *b, const breaker_rules *r, uint64_t now_ns)
{
	if (b->state == BREAKER_OPEN)
		return b->until_ns;
	if (b->state == BREAKER_HALF_OPEN && b->probing)
		return clock_after_ns(now_ns, r->last_resort_ns);
	return 0;
}

uint64_t breaker_ready_ns(const breaker *b, const breaker_rules *r, uint64_t now_ns)
{
	uint64_t at = state_ready_ns(b, r, now_ns);

	return at > b->cooling_ns ? at : b->cooling_ns;
}

int breaker_admit(breaker *b, const breaker_rules *r, uint32_t who, uint64_t now_ns,
	breaker_ticket *ret, uint32_t *ret_changed)
{
	int ready = breaker_ready_ns(b, r, now_ns) <= now_ns;

	if (!ready && who == BREAKER_AS_USUAL)
		return 0;
	if (breaker_state(b, now_ns) != b->state)
		*ret_changed |= change(b, BREAKER_HALF_OPEN);
	*ret = (breaker_ticket){b->epoch, BREAKER_PLAIN};
	if (b->state == BREAKER_HALF_OPEN && !b->probing) {
		ret->kind = BREAKER_PROBE;
		b->probing = 1;
	} else if (who == BREAKER_AS_LAST_RESORT && b->state != BREAKER_CLOSED) {
		ret->kind = BREAKER_LAST_RESORT;
		b->resort_ns = clock_after_ns(now_ns, r->last_resort_ns);
	}
	return 1;
}

/* ---- outcomes ---- */

static uint32_t success(
	breaker *b, const breaker_rules *r, const breaker_ticket *t, uint64_t now_ns)
{
	uint32_t changed = 0;

	count(b, 1, now_ns);
	if (t->epoch != b->epoch)
		return 0;
	b->in_a_row = 0;
	/* It was asked while it was open and answers: as good as a probe. */
	if (b->state == BREAKER_OPEN)
		changed = change(b, BREAKER_HALF_OPEN);
	else if (b->state == BREAKER_CLOSED || t->kind == BREAKER_PLAIN)
		return 0;
	if (++b->successes >= r->probes)
		changed = close_it(b, now_ns);
	return changed;
}

static uint32_t failure(breaker *b, const breaker_rules *r, const breaker_ticket *t,
	uint64_t now_ns, uint64_t chance)
{
	count(b, 0, now_ns);
	if (t->epoch != b->epoch)
		return 0;
	b->in_a_row++;
	if (b->state == BREAKER_CLOSED && (b->in_a_row >= r->in_a_row || window_is_bad(b, r)))
		return open_it(b, r, now_ns, chance);
	if (b->state == BREAKER_HALF_OPEN && t->kind != BREAKER_PLAIN)
		return open_it(b, r, now_ns, chance);
	return 0;
}

/* A person must act: it stays open for as long, and the doubling is not touched (R-CB-3). */
static uint32_t account(
	breaker *b, const breaker_rules *r, const breaker_ticket *t, uint64_t now_ns)
{
	uint64_t until = clock_after_ns(now_ns, r->account_ns);
	int is_open = breaker_state(b, now_ns) == BREAKER_OPEN;

	if (t->epoch != b->epoch)
		return 0;
	leave_closed(b, r, now_ns);
	if (!is_open || until > b->until_ns)
		b->until_ns = until;
	return is_open ? 0 : change(b, BREAKER_OPEN);
}

/* What two attempts were told at the same time: the later instant counts. */
static uint32_t cool(
	breaker *b, const breaker_rules *r, uint64_t usual_ns, int64_t server_ms, uint64_t now_ns)
{
	uint64_t d = server_ms > 0 ? clock_after_ms(0, (uint64_t)server_ms) : usual_ns;
	uint64_t until = clock_after_ns(now_ns, d < r->cool_max_ns ? d : r->cool_max_ns);
	uint32_t changed = b->cooling_ns <= now_ns ? BREAKER_CHANGED_COOLING : 0;

	if (until > b->cooling_ns)
		b->cooling_ns = until;
	return changed;
}

static uint32_t harm_of(int32_t code)
{
	const llm_error_info *row = llm_error_info_of(code);

	return row ? row->health : LLM_HEALTH_NONE;
}

uint32_t breaker_settle(breaker *b, const breaker_rules *r, const breaker_ticket *t, int32_t code,
	int64_t server_ms, uint64_t now_ns, uint64_t chance)
{
	if (t->kind == BREAKER_PROBE && t->epoch == b->epoch)
		b->probing = 0;
	if (!code)
		return success(b, r, t, now_ns);
	switch (harm_of(code)) {
	case LLM_HEALTH_FAILURE:
		return failure(b, r, t, now_ns, chance);
	case LLM_HEALTH_OPEN:
		return account(b, r, t, now_ns);
	case LLM_HEALTH_COOL:
		return cool(b, r, r->cool_ns, server_ms, now_ns);
	case LLM_HEALTH_COOL_LONG:
		return cool(b, r, r->cool_long_ns, server_ms, now_ns);
	default:
		return 0;
	}
}

void breaker_reset(breaker *b, uint64_t now_ns)
{
	uint64_t epoch = b->epoch + 1;

	*b = (breaker){.epoch = epoch, .closed_ns = now_ns};
}

/* ---- what a plan can do ---- */

static breaker_choice nothing_ready(
	const breaker *const *plan, size_t n, const breaker_rules *r, uint64_t now_ns)
{
	breaker_choice c = {BREAKER_NONE, 0, UINT64_MAX};
	size_t i;

	for (i = 0; i < n; i++) {
		uint64_t at = breaker_ready_ns(plan[i], r, now_ns);

		if (at < c.at_ns) {
			c.at_ns = at;
			c.index = i;
		}
	}
	return c;
}

breaker_choice breaker_choose(const breaker *const *plan, size_t n, const breaker_rules *r,
	uint64_t now_ns, uint64_t latest_ns)
{
	breaker_choice c;
	int cooling = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (breaker_ready_ns(plan[i], r, now_ns) <= now_ns)
			return (breaker_choice){BREAKER_GO, i, now_ns};
		cooling |= plan[i]->cooling_ns > now_ns;
	}
	c = nothing_ready(plan, n, r, now_ns);
	if (!cooling && plan[0]->resort_ns <= now_ns)
		return (breaker_choice){BREAKER_GO_LAST_RESORT, 0, now_ns};
	if (n == 1 && state_ready_ns(plan[0], r, now_ns) <= now_ns && c.at_ns <= latest_ns)
		c.action = BREAKER_WAIT;
	return c;
}

/* ---- beyond this process ---- */

static int64_t to_utc(uint64_t at_ns, uint64_t now_ns, int64_t utc_us)
{
	uint64_t us;

	if (at_ns <= now_ns) {
		us = (now_ns - at_ns) / 1000;
		return utc_us - (int64_t)us;
	}
	us = (at_ns - now_ns) / 1000;
	if (utc_us > 0 && us > (uint64_t)(INT64_MAX - utc_us))
		return INT64_MAX;
	return utc_us + (int64_t)us;
}

/* 0 for what is over, at most `most_ns` from now on. */
static uint64_t ahead(int64_t at_us, uint64_t now_ns, int64_t utc_us, uint64_t most_ns)
{
	uint64_t us = at_us > utc_us ? (uint64_t)at_us - (uint64_t)utc_us : 0;
	uint64_t ns = us > UINT64_MAX / 1000 ? UINT64_MAX : us * 1000;

	if (!us)
		return 0;
	return clock_after_ns(now_ns, ns < most_ns ? ns : most_ns);
}

void breaker_save(const breaker *b, uint64_t now_ns, int64_t utc_us, breaker_saved *ret)
{
	*ret = (breaker_saved){
		.state = b->state == BREAKER_CLOSED ? BREAKER_CLOSED : BREAKER_OPEN,
		.openings = b->openings,
		.until_us = to_utc(b->until_ns, now_ns, utc_us),
		.cooling_us = to_utc(b->cooling_ns, now_ns, utc_us),
		.closed_us = to_utc(b->closed_ns, now_ns, utc_us),
	};
}

void breaker_load(
	breaker *b, const breaker_rules *r, const breaker_saved *s, uint64_t now_ns, int64_t utc_us)
{
	uint64_t open_most = clock_after_ns(r->open_max_ns, r->open_max_ns / 10);
	uint64_t ago_us = s->closed_us < utc_us ? (uint64_t)utc_us - (uint64_t)s->closed_us : 0;

	b->openings = s->openings;
	b->cooling_ns = ahead(s->cooling_us, now_ns, utc_us, r->cool_max_ns);
	if (s->state == BREAKER_OPEN) {
		b->state = BREAKER_OPEN;
		b->until_ns = ahead(s->until_us, now_ns, utc_us, open_most);
	} else if (ago_us >= r->calm_ns / 1000) {
		b->openings = 0;
	}
	/* A clock that began after the closing cannot say when that was; now is the strict guess. */
	b->closed_ns = now_ns;
	if (ago_us <= now_ns / 1000)
		b->closed_ns = now_ns - ago_us * 1000;
}
