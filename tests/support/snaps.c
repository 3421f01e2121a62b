#include "support/snaps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "snaps: %s: %s\n", what, why);
	exit(99);
}

uint64_t snaps_next(snaps_chance *c)
{
	uint64_t x = c->state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

uint64_t snaps_below(snaps_chance *c, uint64_t n)
{
	return snaps_next(c) % n;
}

/* ---- snapshots ---- */

const char *const snaps_policy_names[SNAPS_POLICIES] = {
	"ordered", "weighted", "least_busy", "latency", "cost", "affinity"};

static char snaps_ids[SNAPS_MOST][64];

static int64_t maybe(snaps_chance *c, uint64_t n)
{
	return snaps_below(c, 4) ? (int64_t)snaps_below(c, n) : -1;
}

static void fill_numbers(snaps_chance *c, llm_candidate_view *v)
{
	v->level = (uint32_t)snaps_below(c, 8) / 6;
	v->health = (uint32_t)(snaps_below(c, 3) ? 0 : snaps_below(c, 4));
	v->locality = (uint32_t)snaps_below(c, 3);
	v->loaded = (uint32_t)snaps_below(c, 3);
	v->weight = (uint32_t)snaps_below(c, 5) * 7;
	v->in_flight = (uint32_t)snaps_below(c, 6);
	v->limit = (uint32_t)snaps_below(c, 4) * 4;
	v->waiting = (uint32_t)(snaps_below(c, 5) ? 0 : snaps_below(c, 9));
	v->affinity_u64 = snaps_next(c);
	v->latency_us = maybe(c, 3000000);
	v->ready_ms = v->health ? (int64_t)snaps_below(c, 60000) : 0;
	v->input_picousd = maybe(c, 3000000);
	v->output_picousd = maybe(c, 15000000);
	v->max_input_tokens = maybe(c, 300000);
	v->max_output_tokens = maybe(c, 65536);
}

static snapshot_candidate make_candidate(snaps_chance *c, uint32_t i)
{
	static const char *const providers[] = {"ollama", "gemini", "work#eu", "work#us", "openai"};
	snapshot_candidate made = {.missing = CAPS_CELLS};
	/* One after the other: the order of arguments is the compiler's. */
	const char *provider = providers[snaps_below(c, 5)];
	const uint64_t model = snaps_below(c, 100);
	uint32_t cell;

	snprintf(
		snaps_ids[i], sizeof(snaps_ids[i]), "%s/m%" PRIu64 "-%" PRIu32, provider, model, i);
	made.view.struct_size = (uint32_t)sizeof(made.view);
	made.view.position = i;
	made.view.id = snaps_ids[i];
	fill_numbers(c, &made.view);
	made.switched = (uint32_t)(snaps_below(c, 12) ? 0 : snaps_below(c, 3));
	for (cell = 0; cell < CAPS_CELLS; cell++)
		made.caps[cell] = (uint8_t)(snaps_below(c, 9) ? LLM_CAP_YES : snaps_below(c, 4));
	return made;
}

static void make_head(snaps_chance *c, snapshot *s, uint64_t i)
{
	s->policy = snaps_policy_names[i % SNAPS_POLICIES];
	s->required = (uint32_t)(snaps_next(c) & snaps_next(c)) & ((1u << CAPS_CELLS) - 1);
	s->local_only = !snaps_below(c, 9);
	s->stream = (uint32_t)snaps_below(c, 2);
	s->affinity_key = snaps_next(c) | 1;
	s->affinity_bytes = (uint32_t)snaps_below(c, 8192);
	s->seed = snaps_next(c);
	s->now_ms = snaps_below(c, 1000000);
	s->input_tokens = (int64_t)snaps_below(c, 100000);
	s->output_tokens = maybe(c, 8000);
}

void snaps_make(snapshot *s, uint64_t i, uint64_t shuffle)
{
	snaps_chance c = {i * UINT64_C(1000003)}, order = {shuffle};
	snapshot_candidate all[SNAPS_MOST], held;
	const uint32_t n = 1 + (uint32_t)snaps_below(&c, SNAPS_MOST);
	snapshot_candidate *to;
	uint32_t k, other;

	snapshot_clear(s);
	make_head(&c, s, i);
	for (k = 0; k < n; k++)
		all[k] = make_candidate(&c, k);
	for (k = n; shuffle && k > 1; k--) {
		other = (uint32_t)snaps_below(&order, k);
		held = all[k - 1];
		all[k - 1] = all[other];
		all[other] = held;
	}
	for (k = 0; k < n; k++) {
		to = snapshot_add(s, all[k].view.id);
		if (!to)
			fail("a candidate", "no memory");
		*to = all[k];
	}
	if (snapshot_seal(s, NULL))
		fail("a snapshot", "cannot be sealed");
}

const char *snaps_plan_text(const snapshot *s, const plan *p)
{
	static char text[SNAPS_MOST * 80];
	size_t used = 0;
	uint32_t i;

	text[0] = '\0';
	for (i = 0; i < p->n_order && used < sizeof(text) - 80; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s ",
			s->candidates[p->order[i]].view.id);
	for (i = 0; i < p->n && used < sizeof(text) - 80; i++)
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%" PRIu32 ",", p->rows[i].removed);
	return text;
}

static int32_t bytes_of(const rank_policy *policy, plan *p, snapshot *s, buf *out)
{
	char line[128];
	int32_t rc = snapshot_encode(s, out);
	uint32_t k;

	rank_plan(s, policy, p, NULL);
	for (k = 0; !rc && k < p->n_order; k++) {
		snprintf(line, sizeof(line), "%s %" PRId64 "\n", s->candidates[p->order[k]].view.id,
			p->rows[p->order[k]].score);
		rc = buf_add_str(out, line);
	}
	return rc;
}

void snaps_bytes(const rank_policy each[SNAPS_POLICIES], uint64_t n)
{
	snapshot s;
	uint64_t i;
	buf out;
	plan p;

	snapshot_init(&s, mem_default());
	plan_init(&p, mem_default());
	buf_init(&out, mem_default(), 0);
	for (i = 0; i < n; i++) {
		snaps_make(&s, i, 0);
		buf_clear(&out);
		if (bytes_of(&each[i % SNAPS_POLICIES], &p, &s, &out))
			fail("bytes", "no memory");
		fwrite(out.ptr, 1, out.len, stdout);
	}
	buf_done(&out);
	plan_done(&p);
	snapshot_done(&s);
}
