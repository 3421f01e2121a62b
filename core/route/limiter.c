#include "limiter.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

struct limit_workspace {
	limit_level slots;
	uint32_t users; /* attempts and waiters */
	struct limit_workspace *next; /* in its row of the table */
	char name[];
};

struct limit_lane {
	limit_workspace *workspace;
	limit_waiter *first;
	limit_waiter *last;
	limit_lane *next; /* ring */
	limit_lane *prev;
};

void limiter_init(limiter *l, const llm_allocator *mem, uint32_t slots, uint32_t workspace_slots)
{
	*l = (limiter){.mem = mem, .slots.limit = slots, .workspace_slots = workspace_slots};
}

void limiter_done(limiter *l)
{
	size_t i;

	for (i = 0; i < LIMITER_TABLE; i++) {
		while (l->workspaces[i]) {
			limit_workspace *ws = l->workspaces[i];

			l->workspaces[i] = ws->next;
			mem_free(l->mem, ws);
		}
	}
}

void limiter_provider_init(limit_provider *p, uint32_t slots, uint32_t queue)
{
	*p = (limit_provider){.slots.limit = slots, .queue = queue};
}

void limiter_candidate_init(
	limit_candidate *c, uint32_t slots, int adaptive, int64_t rpm, int64_t tpm, uint64_t now_ns)
{
	*c = (limit_candidate){.slots.limit = slots, .adapt.most = adaptive ? slots : 0};
	bucket_init(&c->requests, rpm, now_ns);
	bucket_init(&c->tokens, tpm, now_ns);
}

/* ---- workspaces, as long as somebody uses them ---- */

static limit_workspace **row_of(limiter *l, const char *name)
{
	uint32_t hash = UINT32_C(2166136261); /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT32_C(16777619);
	return &l->workspaces[hash % LIMITER_TABLE];
}

static limit_workspace *workspace_get(limiter *l, const char *name)
{
	limit_workspace **row = row_of(l, name), *ws = *row;
	size_t len = strlen(name);

	while (ws && strcmp(ws->name, name) != 0)
		ws = ws->next;
	if (!ws) {
		ws = mem_new(l->mem, sizeof(*ws) + len + 1);
		if (!ws)
			return NULL;
		memcpy(ws->name, name, len + 1);
		ws->next = *row;
		*row = ws;
	}
	ws->slots.limit = l->workspace_slots;
	if (l->idle == ws)
		l->idle = NULL;
	ws->users++;
	return ws;
}

static void workspace_drop(limiter *l, limit_workspace *ws)
{
	limit_workspace **at;

	for (at = row_of(l, ws->name); *at != ws;)
		at = &(*at)->next;
	*at = ws->next;
	mem_free(l->mem, ws);
}

/* The last one stays: most services have one only, and would make it for each attempt. */
static void workspace_put(limiter *l, limit_workspace *ws)
{
	if (--ws->users)
		return;
	if (l->idle)
		workspace_drop(l, l->idle);
	l->idle = ws;
}

/* ---- rings: lanes of a provider, providers with waiters ---- */

/* Behind all that are there: whose turn it is comes around to it last. */
static void lane_join(limit_lane **turn, limit_lane *lane)
{
	if (!*turn) {
		*turn = lane->next = lane->prev = lane;
		return;
	}
	lane->next = *turn;
	lane->prev = (*turn)->prev;
	lane->prev->next = lane->next->prev = lane;
}

static void lane_part(limit_lane **turn, limit_lane *lane)
{
	if (*turn == lane)
		*turn = lane->next == lane ? NULL : lane->next;
	lane->prev->next = lane->next;
	lane->next->prev = lane->prev;
}

static void provider_join(limiter *l, limit_provider *p)
{
	if (!l->turn) {
		l->turn = p->next = p->prev = p;
		return;
	}
	p->next = l->turn;
	p->prev = l->turn->prev;
	p->prev->next = p->next->prev = p;
}

static void provider_part(limiter *l, limit_provider *p)
{
	if (l->turn == p)
		l->turn = p->next == p ? NULL : p->next;
	p->prev->next = p->next;
	p->next->prev = p->prev;
}

/* ---- the queue ---- */

static int is_metered(const limit_candidate *c)
{
	return c->requests.per_minute || c->tokens.per_minute;
}

static limit_lane *lane_get(limiter *l, limit_waiter *w)
{
	limit_lane **turn = &w->provider->turn[w->priority], *lane = *turn;

	if (lane) {
		do {
			if (lane->workspace == w->workspace)
				return lane;
			lane = lane->next;
		} while (lane != *turn);
	}
	lane = mem_new(l->mem, sizeof(*lane));
	if (!lane)
		return NULL;
	lane->workspace = w->workspace;
	lane_join(turn, lane);
	return lane;
}

static int32_t enter(limiter *l, limit_waiter *w)
{
	limit_lane *lane = lane_get(l, w);

	if (!lane)
		return LLM_E_NOMEM;
	w->lane = lane;
	w->next = NULL;
	w->prev = lane->last;
	if (lane->last)
		lane->last->next = w;
	else
		lane->first = w;
	lane->last = w;
	w->state = LIMIT_WAITING;
	if (!w->provider->waiting++)
		provider_join(l, w->provider);
	w->candidate->waiting++;
	l->waiting++;
	l->metered += (uint32_t)is_metered(w->candidate);
	return LIMITER_WAITS;
}

static void step_out(limiter *l, limit_waiter *w)
{
	limit_lane *lane = w->lane;

	*(w->prev ? &w->prev->next : &lane->first) = w->next;
	*(w->next ? &w->next->prev : &lane->last) = w->prev;
	if (!lane->first) {
		lane_part(&w->provider->turn[w->priority], lane);
		mem_free(l->mem, lane);
	}
	w->lane = NULL;
	if (!--w->provider->waiting)
		provider_part(l, w->provider);
	w->candidate->waiting--;
	l->waiting--;
	l->metered -= (uint32_t)is_metered(w->candidate);
}

/* ---- slots: all four, or none ---- */

static int has_room(const limit_level *level)
{
	return level->used < level->limit;
}

static int has_slots(const limiter *l, const limit_waiter *w)
{
	return has_room(&l->slots) && has_room(&w->provider->slots) &&
		has_room(&w->candidate->slots) && has_room(&w->workspace->slots);
}

static int in_budget(const limit_waiter *w, uint64_t now_ns)
{
	const limit_candidate *c = w->candidate;

	return bucket_ready_ns(&c->requests, 1, now_ns) <= now_ns &&
		bucket_ready_ns(&c->tokens, w->tokens, now_ns) <= now_ns;
}

static void take(limiter *l, limit_waiter *w, uint64_t now_ns)
{
	l->slots.used++;
	w->provider->slots.used++;
	w->candidate->slots.used++;
	w->workspace->slots.used++;
	bucket_take(&w->candidate->requests, 1, now_ns);
	bucket_take(&w->candidate->tokens, w->tokens, now_ns);
	w->state = LIMIT_HOLDING;
}

static void give_back(limiter *l, limit_waiter *w)
{
	w->workspace->slots.used--;
	w->candidate->slots.used--;
	w->provider->slots.used--;
	l->slots.used--;
	l->came_back = 1;
}

static int is_last(const limit_level *level)
{
	return level->limit - level->used < 2;
}

/* Would `w` take what `other` waits for? */
static int competes(const limiter *l, const limit_waiter *w, const limit_waiter *other)
{
	return w->provider == other->provider || is_last(&l->slots) ||
		(w->workspace == other->workspace && is_last(&w->workspace->slots));
}

static int passes_one(
	const limiter *l, const limit_waiter *w, const limit_lane *turn, uint64_t now_ns)
{
	const limit_lane *lane;
	const limit_waiter *other;

	for (lane = turn; lane; lane = lane->next != turn ? lane->next : NULL)
		for (other = lane->first; other; other = other->next)
			if (other->expires_ns > now_ns && competes(l, w, other) &&
				has_slots(l, other) && in_budget(other, now_ns))
				return 1;
	return 0;
}

/* Until limiter_next has been called, a slot that came back is theirs who wait (R-LIM-4). */
static int passes_somebody(const limiter *l, const limit_waiter *w, uint64_t now_ns)
{
	const limit_provider *p = l->turn;
	uint32_t i;

	if (!l->came_back || !p)
		return 0;
	do {
		for (i = 0; i < LIMITER_PRIORITIES; i++)
			if (passes_one(l, w, p->turn[i], now_ns))
				return 1;
		p = p->next;
	} while (p != l->turn);
	return 0;
}

/* Nobody who could be granted waits at this moment, but for those short of a bucket. */
static int at_once(const limiter *l, const limit_waiter *w, uint64_t now_ns)
{
	if (w->expires_ns <= now_ns || !has_slots(l, w) || passes_somebody(l, w, now_ns))
		return 0;
	return !is_metered(w->candidate) || (!w->candidate->waiting && in_budget(w, now_ns));
}

int32_t limiter_ask(limiter *l, limit_waiter *w, const char *workspace, uint64_t now_ns)
{
	int32_t rc = LLM_E_QUEUE_FULL;

	w->workspace = workspace_get(l, workspace);
	if (!w->workspace)
		return LLM_E_NOMEM;
	if (at_once(l, w, now_ns)) {
		take(l, w, now_ns);
		return 0;
	}
	if (w->provider->waiting < w->provider->queue)
		rc = enter(l, w);
	if (rc < 0)
		workspace_put(l, w->workspace);
	return rc;
}

void limiter_leave(limiter *l, limit_waiter *w)
{
	if (w->state == LIMIT_WAITING)
		step_out(l, w);
	else if (w->state == LIMIT_HOLDING)
		give_back(l, w);
	if (w->state != LIMIT_IDLE)
		workspace_put(l, w->workspace);
	w->state = LIMIT_IDLE;
	w->workspace = NULL;
}

/* ---- who is next ---- */

/*
 * A waiter that lacks only budget is owed what comes in, or smaller ones of the same
 * candidate would take it away for ever; those are passed over in this look.
 */
static int is_next(const limiter *l, limit_waiter *w, uint64_t now_ns)
{
	limit_candidate *c = w->candidate;

	if (w->expires_ns <= now_ns || c->owed == l->looks || !has_slots(l, w))
		return 0;
	if (in_budget(w, now_ns))
		return 1;
	c->owed = l->looks;
	return 0;
}

static limit_waiter *first_in_lane(const limiter *l, const limit_lane *lane, uint64_t now_ns)
{
	limit_waiter *w = has_room(&lane->workspace->slots) ? lane->first : NULL;

	while (w && !is_next(l, w, now_ns))
		w = w->next;
	return w;
}

static limit_waiter *first_of(const limiter *l, limit_provider *p, uint32_t priority, uint64_t now)
{
	limit_lane *lane = p->turn[priority];
	limit_waiter *w = NULL;

	if (!lane)
		return NULL;
	do {
		w = first_in_lane(l, lane, now);
		lane = lane->next;
	} while (!w && lane != p->turn[priority]);
	if (w)
		p->turn[priority] = lane;
	return w;
}

static limit_waiter *next_of(limiter *l, limit_provider *p, uint64_t now_ns)
{
	uint32_t first = p->streak >= LIMITER_STREAK ? LIMITER_BATCH : LIMITER_INTERACTIVE;
	limit_waiter *w;

	if (!has_room(&p->slots))
		return NULL;
	w = first_of(l, p, first, now_ns);
	if (!w)
		w = first_of(l, p, first ^ 1u, now_ns);
	if (w && w->priority == LIMITER_BATCH)
		p->streak = 0;
	else if (w && p->streak < LIMITER_STREAK)
		p->streak++;
	return w;
}

limit_waiter *limiter_next(limiter *l, uint64_t now_ns)
{
	limit_provider *p = l->turn;
	limit_waiter *w = NULL;

	if (p && has_room(&l->slots)) {
		l->looks++;
		do {
			w = next_of(l, p, now_ns);
			p = p->next;
		} while (!w && p != l->turn);
	}
	l->came_back = w != NULL;
	if (!w)
		return NULL;
	l->turn = p;
	step_out(l, w);
	take(l, w, now_ns);
	return w;
}

/* ---- time ---- */

static uint64_t budget_ns(const limit_waiter *w, uint64_t now_ns)
{
	uint64_t a = bucket_ready_ns(&w->candidate->requests, 1, now_ns);
	uint64_t b = bucket_ready_ns(&w->candidate->tokens, w->tokens, now_ns);

	return a > b ? a : b;
}

static uint64_t lanes_due_ns(const limit_lane *turn, uint64_t now_ns)
{
	const limit_lane *lane = turn;
	uint64_t due = UINT64_MAX;

	if (!turn)
		return due;
	do {
		const limit_waiter *w;

		for (w = lane->first; w; w = w->next) {
			uint64_t at = budget_ns(w, now_ns);

			if (at > now_ns && at < due)
				due = at;
		}
		lane = lane->next;
	} while (lane != turn);
	return due;
}

uint64_t limiter_due_ns(const limiter *l, uint64_t now_ns)
{
	const limit_provider *p = l->turn;
	uint64_t due = UINT64_MAX;
	uint32_t i;

	if (!l->metered)
		return due;
	do {
		for (i = 0; i < LIMITER_PRIORITIES; i++) {
			uint64_t at = lanes_due_ns(p->turn[i], now_ns);

			if (at < due)
				due = at;
		}
		p = p->next;
	} while (p != l->turn);
	return due;
}

/* ---- adapting ---- */

static void cut(limit_candidate *c, uint64_t now_ns)
{
	if (now_ns < c->adapt.again_ns)
		return;
	c->adapt.again_ns = clock_after_ns(now_ns, NS_PER_S);
	c->adapt.successes = 0;
	c->slots.limit = (uint32_t)((uint64_t)c->slots.limit * 9 / 10);
	if (!c->slots.limit)
		c->slots.limit = 1;
}

void limiter_learn(limit_candidate *c, int32_t code, uint64_t now_ns)
{
	if (!c->adapt.most)
		return;
	if (code == LLM_E_RATE_LIMITED || code == LLM_E_UNAVAILABLE || code == LLM_E_TIMEOUT) {
		cut(c, now_ns);
		return;
	}
	if (code || (uint64_t)c->slots.used * 2 < c->slots.limit)
		return;
	if (++c->adapt.successes < c->slots.limit)
		return;
	c->adapt.successes = 0;
	if (c->slots.limit < c->adapt.most)
		c->slots.limit++;
}
