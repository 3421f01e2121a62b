/*
 * rules.c - see the header.
 */
#include "rules.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

static int is(int32_t code, const int32_t *list)
{
	for (; *list; list++)
		if (*list == code)
			return 1;
	return 0;
}

/* ---- columns R, F and C ---- */

static const int32_t again[] = {LLM_E_CONFLICT, LLM_E_RATE_LIMITED, LLM_E_UNAVAILABLE,
	LLM_E_SERVER_ERROR, LLM_E_CONNECTION, LLM_E_TIMEOUT, LLM_E_STREAM_BROKEN, 0};
static const int32_t elsewhere[] = {LLM_E_UNSUPPORTED, LLM_E_AUTHENTICATION,
	LLM_E_PERMISSION_DENIED, LLM_E_NOT_FOUND, LLM_E_CONFLICT, LLM_E_RATE_LIMITED,
	LLM_E_QUOTA_EXHAUSTED, LLM_E_UNAVAILABLE, LLM_E_SERVER_ERROR, LLM_E_CONNECTION,
	LLM_E_TIMEOUT, LLM_E_PROTOCOL, LLM_E_STREAM_BROKEN, LLM_E_QUEUE_FULL, LLM_E_QUEUE_TIMEOUT,
	0};
static const int32_t failing[] = {LLM_E_UNAVAILABLE, LLM_E_SERVER_ERROR, LLM_E_CONNECTION,
	LLM_E_TIMEOUT, LLM_E_PROTOCOL, LLM_E_STREAM_BROKEN, 0};
static const int32_t closing[] = {
	LLM_E_AUTHENTICATION, LLM_E_PERMISSION_DENIED, LLM_E_NOT_FOUND, 0};

/* ---- a run ---- */

static const rules_attempt *failed(const rules_run *r)
{
	return &r->log[r->n - 1];
}

static uint32_t attempts(const rules_run *r, int candidate)
{
	uint32_t n = 0;
	int i;

	for (i = 0; i < r->n; i++)
		n += !r->log[i].free && (candidate < 0 || r->log[i].candidate == candidate);
	return n;
}

/* Another attempt that was already decided on for this candidate and was not a mere wait. */
static int had(const rules_run *r, int (*such)(const rules_run *, int))
{
	int i;

	for (i = 0; i < r->n - 1; i++)
		if (r->log[i].candidate == failed(r)->candidate && r->log[i].answer == RULES_SAME &&
			such(r, i))
			return 1;
	return 0;
}

static int was_free(const rules_run *r, int i)
{
	return r->log[i + 1].free;
}

static int was_immediate(const rules_run *r, int i)
{
	return r->log[i].immediate;
}

static int was_protocol(const rules_run *r, int i)
{
	return r->log[i].code == LLM_E_PROTOCOL;
}

static int without_time(const rules_attempt *a)
{
	return (a->code == LLM_E_UNAVAILABLE || a->code == LLM_E_RATE_LIMITED) && a->server_ms <= 0;
}

static int was_without_time(const rules_run *r, int i)
{
	return without_time(&r->log[i]) && !r->log[i].immediate && !r->log[i + 1].free;
}

static uint64_t waited(const rules_run *r)
{
	uint64_t ns = 0;
	int i;

	for (i = 0; i < r->n - 1; i++)
		if (r->log[i].candidate == failed(r)->candidate && r->log[i].answer == RULES_SAME)
			ns += r->log[i].wait_ns;
	return ns;
}

/* The most of this backoff: doubled for each one since the last delay from the server. */
static uint64_t ceiling(const rules_run *r)
{
	uint64_t ns = failed(r)->code == LLM_E_RATE_LIMITED ? 1000 * MS : 500 * MS;
	int i, n = 0;

	for (i = 0; i < r->n - 1; i++) {
		const rules_attempt *a = &r->log[i];

		if (a->candidate != failed(r)->candidate || a->answer != RULES_SAME)
			continue;
		if (a->immediate || r->log[i + 1].free)
			continue;
		n = a->server_ms > 0 ? 0 : n + 1;
	}
	while (n-- && ns < 8000 * MS)
		ns *= 2;
	return ns < 8000 * MS ? ns : 8000 * MS;
}

static int time_for(const rules_run *r, uint64_t at_ns)
{
	return r->deadline_ns == UINT64_MAX || at_ns + r->set.least_ns <= r->deadline_ns;
}

static int can_move(const rules_run *r, const rules_scene *s)
{
	int32_t code = failed(r)->code;

	if (attempts(r, -1) >= r->set.in_all)
		return 0;
	if (code == LLM_E_CONTEXT_LENGTH_EXCEEDED)
		return s->context > 0;
	if (code == LLM_E_CONTENT_FILTERED)
		return s->content > 0;
	if (code == LLM_E_OUTPUT_INVALID)
		return s->on_invalid && s->untried > 0;
	return is(code, elsewhere) && s->untried > 0;
}

static int can_stay(const rules_run *r)
{
	const rules_attempt *a = failed(r);

	if (a->forbidden)
		return 0;
	if (a->wanted)
		return 1;
	if (a->code == LLM_E_PROTOCOL)
		return !had(r, was_protocol);
	return is(a->code, again);
}

static uint64_t wait_for(const rules_run *r, const rules_scene *s)
{
	const rules_attempt *a = failed(r);
	uint64_t d, more;

	if (a->server_ms <= 0)
		return s->chance % (ceiling(r) + 1);
	d = (uint64_t)a->server_ms * MS;
	more = d / 10 < SECOND ? d / 10 : SECOND;
	return d + s->chance % (more + 1);
}

static int better_elsewhere(const rules_run *r, const rules_scene *s, int at_once, uint64_t wait_ns)
{
	const rules_attempt *a = failed(r);

	if (a->code == LLM_E_TIMEOUT && a->silent)
		return 1;
	if (at_once)
		return 0;
	if (r->set.fastest && s->peers)
		return 1;
	if (without_time(a) && had(r, was_without_time))
		return 1;
	return waited(r) + wait_ns > r->set.patience_ns;
}

static int stay(const rules_run *r, const rules_scene *s, rules_answer *ret)
{
	const rules_attempt *a = failed(r);
	uint64_t wait_ns;

	if (!can_stay(r) || s->refused || r->set.per_candidate == 1)
		return 0;
	ret->free = a->unsent && !had(r, was_free);
	ret->immediate = !ret->free && a->reused && !had(r, was_immediate);
	wait_ns = ret->free || ret->immediate ? 0 : wait_for(r, s);
	if (can_move(r, s) && better_elsewhere(r, s, ret->free || ret->immediate, wait_ns))
		return 0;
	if (!ret->free &&
		(attempts(r, a->candidate) >= r->set.per_candidate ||
			attempts(r, -1) >= r->set.in_all))
		return 0;
	if (a->server_ms > 0 && (uint64_t)a->server_ms * MS > r->set.longest_delay_ns)
		return 0;
	ret->at_ns = s->now_ns + wait_ns;
	ret->no_time = !time_for(r, ret->at_ns);
	ret->no_budget = !ret->no_time && !ret->free && !s->affordable;
	return !ret->no_time && !ret->no_budget;
}

rules_answer rules_decide(const rules_run *r, const rules_scene *s)
{
	rules_answer a = {.what = RULES_END};

	if (r->committed)
		return a;
	if (stay(r, s, &a)) {
		a.what = RULES_SAME;
		return a;
	}
	a.free = a.immediate = 0;
	a.at_ns = s->now_ns;
	if (!can_move(r, s))
		return a;
	if (time_for(r, s->now_ns)) {
		a.what = RULES_NEXT;
		a.no_time = 0;
	} else {
		a.no_time = 1;
	}
	return a;
}

/* ---- the quota ---- */

static int cost(int32_t cause)
{
	return cause == LLM_E_TIMEOUT ? 10 : 5;
}

int rules_tokens(const rules_quota *q)
{
	int tokens = 100, i;

	for (i = 0; i < q->n; i++) {
		if (q->log[i].what == RULES_SPENT)
			tokens -= cost(q->log[i].cause);
		else if (q->log[i].what == RULES_RETURNED)
			tokens += cost(q->log[i].cause);
		else
			tokens += 1;
		if (tokens > 100)
			tokens = 100;
	}
	return tokens;
}

int rules_affordable(const rules_quota *q, int on_wire, int retries, int32_t cause)
{
	int most = (on_wire + 1) / 5;

	if (most < 3)
		most = 3;
	return rules_tokens(q) >= cost(cause) && retries + 1 <= most;
}

/* ---- a breaker ---- */

static void turn_to(rules_breaker *b, int state)
{
	b->state = state;
	b->changes++;
	b->probe_out = b->probe_successes = 0;
}

uint64_t rules_ready_ns(const rules_breaker *b, uint64_t now_ns)
{
	uint64_t at = b->cool_ns;

	if (b->state == RULES_OPEN && b->until_ns > at)
		at = b->until_ns;
	if (b->state == RULES_HALF_OPEN && b->probe_out && now_ns + SECOND > at)
		at = now_ns + SECOND;
	return at;
}

int rules_admit(rules_breaker *b, int who, uint64_t now_ns, rules_ticket *ret)
{
	if (who == 0 && rules_ready_ns(b, now_ns) > now_ns)
		return 0;
	if (b->state == RULES_OPEN && b->until_ns <= now_ns)
		turn_to(b, RULES_HALF_OPEN);
	*ret = (rules_ticket){.changes = b->changes};
	if (b->state == RULES_HALF_OPEN && !b->probe_out)
		b->probe_out = ret->probe = ret->counts = 1;
	else if (who == 2 && b->state != RULES_CLOSED) {
		ret->counts = 1;
		b->resort_ns = now_ns + SECOND;
	}
	return 1;
}

static void after_calm(rules_breaker *b, uint64_t now_ns)
{
	if (b->state == RULES_CLOSED && now_ns - b->closed_ns >= 300 * SECOND)
		b->calm_end_ns = now_ns;
}

static void open_now(rules_breaker *b, uint64_t now_ns, uint64_t chance)
{
	uint64_t ns = 30 * SECOND;
	int i;

	after_calm(b, now_ns);
	for (i = 0; i < b->n_opened; i++)
		if (b->opened[i] >= b->calm_end_ns && ns < 300 * SECOND)
			ns *= 2;
	if (ns > 300 * SECOND)
		ns = 300 * SECOND;
	b->opened[b->n_opened++] = now_ns;
	b->until_ns = now_ns + ns * 9 / 10 + chance % (ns / 5 + 1);
	turn_to(b, RULES_OPEN);
}

/* Five failures in a row, or half of ten in a minute. */
static int is_bad(const rules_breaker *b, uint64_t now_ns)
{
	int i, row = 0, good = 0, bad = 0;

	for (i = 0; i < b->n_seen; i++) {
		if (!b->seen[i].late)
			row = b->seen[i].good ? 0 : row + 1;
		if (b->seen[i].ns / SECOND + 60 > now_ns / SECOND) {
			good += b->seen[i].good;
			bad += !b->seen[i].good;
		}
	}
	return row >= 5 || (good + bad >= 10 && bad >= good);
}

static void see(rules_breaker *b, uint64_t now_ns, int good, int late)
{
	b->seen[b->n_seen].ns = now_ns;
	b->seen[b->n_seen].good = good;
	b->seen[b->n_seen++].late = late;
}

static void answered(rules_breaker *b, rules_ticket t, uint64_t now_ns)
{
	see(b, now_ns, 1, t.changes != b->changes);
	if (t.changes != b->changes)
		return;
	if (b->state == RULES_OPEN)
		turn_to(b, RULES_HALF_OPEN);
	else if (b->state == RULES_CLOSED || !t.counts)
		return;
	if (++b->probe_successes < 2)
		return;
	b->n_seen = 0;
	b->closed_ns = now_ns;
	turn_to(b, RULES_CLOSED);
}

static void broke(rules_breaker *b, rules_ticket t, uint64_t now_ns, uint64_t chance)
{
	see(b, now_ns, 0, t.changes != b->changes);
	if (t.changes != b->changes)
		return;
	if ((b->state == RULES_CLOSED && is_bad(b, now_ns)) ||
		(b->state == RULES_HALF_OPEN && t.counts))
		open_now(b, now_ns, chance);
}

static void account(rules_breaker *b, rules_ticket t, uint64_t now_ns)
{
	uint64_t until = now_ns + 60 * SECOND;
	int open = b->state == RULES_OPEN && b->until_ns > now_ns;

	if (t.changes != b->changes)
		return;
	after_calm(b, now_ns);
	if (!open || b->until_ns < until)
		b->until_ns = until;
	if (!open)
		turn_to(b, RULES_OPEN);
}

void rules_settle(rules_breaker *b, rules_ticket t, int32_t code, int64_t server_ms,
	uint64_t now_ns, uint64_t chance)
{
	uint64_t cool = 0;

	if (t.probe && t.changes == b->changes)
		b->probe_out = 0;
	if (!code)
		answered(b, t, now_ns);
	else if (is(code, failing))
		broke(b, t, now_ns, chance);
	else if (is(code, closing))
		account(b, t, now_ns);
	else if (code == LLM_E_RATE_LIMITED)
		cool = 5 * SECOND;
	else if (code == LLM_E_QUOTA_EXHAUSTED)
		cool = 900 * SECOND;
	if (cool && server_ms > 0)
		cool = (uint64_t)server_ms * MS;
	if (cool > 86400 * SECOND)
		cool = 86400 * SECOND;
	if (cool && now_ns + cool > b->cool_ns)
		b->cool_ns = now_ns + cool;
	if (code != LLM_E_NOT_FOUND)
		return;
	b->missing_ns = now_ns;
	b->missing_changes = b->changes;
}

int rules_is_missing(const rules_breaker *b, uint64_t now_ns)
{
	return b->missing_ns && now_ns < b->missing_ns + 30 * SECOND &&
		b->missing_changes == b->changes;
}
