#include "breakers.h"

#include "base/alloc.h"
#include "base/clock.h"

void breakers_init(breakers *t, const llm_allocator *mem, const llm_time_source *time,
	const breaker_rules *rules, const breakers_hooks *hooks)
{
	*t = (breakers){.mem = mem, .time = time, .rules = *rules};
	if (hooks)
		t->hooks = *hooks;
	idmap_init(&t->by_id, mem);
}

void breakers_done(breakers *t)
{
	size_t i;

	for (i = 0; i < t->by_id.n; i++)
		mem_free(t->mem, t->by_id.slots[i].value);
	idmap_done(&t->by_id);
}

static void begin(breakers *t, breakers_entry *e)
{
	uint64_t now = clock_ns(t->time);
	breaker_saved kept;

	if (t->hooks.load && t->hooks.load(t->hooks.ctx, e->id, &kept))
		breaker_load(&e->state, &t->rules, &kept, now, clock_utc_us(t->time));
	else
		breaker_reset(&e->state, now);
}

int32_t breakers_get(breakers *t, const char *id, breakers_entry **ret)
{
	breakers_entry *e = idmap_get(&t->by_id, id);

	if (e) {
		*ret = e;
		return 0;
	}
	if (t->by_id.n >= BREAKERS_MAX)
		return LLM_E_TOO_LARGE;
	e = mem_new(t->mem, sizeof(*e));
	if (!e)
		return LLM_E_NOMEM;
	if (idmap_put(&t->by_id, id, e)) {
		mem_free(t->mem, e);
		return LLM_E_NOMEM;
	}
	e->id = t->by_id.slots[t->by_id.n - 1].key;
	begin(t, e);
	*ret = e;
	return 0;
}

const breakers_entry *breakers_at(const breakers *t, size_t i)
{
	return i < t->by_id.n ? t->by_id.slots[i].value : NULL;
}

/* One call for each bit, in the order in which they can happen together. */
static void tell(const breakers *t, const breakers_entry *e, uint32_t changed)
{
	static const uint32_t order[] = {BREAKER_CHANGED_HALF, BREAKER_CHANGED_CLOSED,
		BREAKER_CHANGED_OPEN, BREAKER_CHANGED_COOLING};
	size_t i;

	if (!t->hooks.changed)
		return;
	for (i = 0; changed && i < sizeof(order) / sizeof(order[0]); i++)
		if (changed & order[i])
			t->hooks.changed(t->hooks.ctx, e, order[i]);
}

int breakers_admit(breakers *t, breakers_entry *e, uint32_t who, breaker_ticket *ret)
{
	uint32_t changed = 0;
	int in = breaker_admit(&e->state, &t->rules, who, clock_ns(t->time), ret, &changed);

	tell(t, e, changed);
	return in;
}

uint32_t breakers_settle(breakers *t, breakers_entry *e, const breaker_ticket *ticket, int32_t code,
	int64_t server_ms)
{
	uint64_t chance = 0;
	uint32_t changed;

	if (code) /* success opens nothing */
		clock_random(t->time, &chance, sizeof(chance));
	changed = breaker_settle(
		&e->state, &t->rules, ticket, code, server_ms, clock_ns(t->time), chance);
	tell(t, e, changed);
	return changed;
}

static void reset_one(breakers *t, breakers_entry *e)
{
	breaker_reset(&e->state, clock_ns(t->time));
	if (t->hooks.changed)
		t->hooks.changed(t->hooks.ctx, e, 0);
}

size_t breakers_reset(breakers *t, const char *id)
{
	breakers_entry *one = id ? idmap_get(&t->by_id, id) : NULL;
	size_t i;

	if (one)
		reset_one(t, one);
	if (id)
		return one != NULL;
	for (i = 0; i < t->by_id.n; i++)
		reset_one(t, t->by_id.slots[i].value);
	return t->by_id.n;
}
