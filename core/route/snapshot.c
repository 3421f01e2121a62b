#include "route/snapshot.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

void snapshot_init(snapshot *s, const llm_allocator *mem)
{
	*s = (snapshot){.mem = mem, .policy = "ordered", .output_tokens = -1, .state = {"", 0}};
	buf_init(&s->bytes, mem, 0);
}

void snapshot_done(snapshot *s)
{
	mem_free(s->mem, s->candidates);
	mem_free(s->mem, s->spare);
	mem_free(s->mem, s->owned);
	buf_done(&s->bytes);
	sha256_free(s->hash);
	snapshot_init(s, s->mem);
}

void snapshot_clear(snapshot *s)
{
	snapshot old = *s;

	mem_free(s->mem, s->owned);
	snapshot_init(s, s->mem);
	s->candidates = old.candidates;
	s->spare = old.spare;
	s->cap = old.cap;
	s->bytes = old.bytes;
	s->hash = old.hash;
}

static int snapshot_grow(snapshot *s)
{
	const uint32_t cap = s->cap ? s->cap * 2 : 16;
	snapshot_candidate *more, *spare;

	if (s->n >= SNAPSHOT_MAX)
		return 0;
	more = mem_resize(s->mem, s->candidates, cap * sizeof(*more));
	if (!more)
		return 0;
	s->candidates = more;
	spare = mem_resize(s->mem, s->spare, cap * sizeof(*spare));
	if (!spare)
		return 0;
	s->spare = spare;
	s->cap = cap;
	return 1;
}

snapshot_candidate *snapshot_add(snapshot *s, const char *id)
{
	snapshot_candidate *c;

	if (s->n == s->cap && !snapshot_grow(s))
		return NULL;
	c = &s->candidates[s->n];
	*c = (snapshot_candidate){.view = {.struct_size = (uint32_t)sizeof(c->view),
					  .position = s->n++,
					  .id = id,
					  .weight = 1,
					  .latency_us = -1,
					  .input_picousd = -1,
					  .output_picousd = -1,
					  .max_input_tokens = -1,
					  .max_output_tokens = -1},
		.missing = CAPS_CELLS};
	return c;
}

/* ---- sealing ---- */

/* Merges two sorted runs, [low, middle) and [middle, high), into `to`. */
static void snapshot_merge(const snapshot_candidate *from, snapshot_candidate *to, uint32_t low,
	uint32_t middle, uint32_t high)
{
	uint32_t a = low, b = middle, i;

	for (i = low; i < high; i++)
		if (b == high || (a < middle && strcmp(from[a].view.id, from[b].view.id) <= 0))
			to[i] = from[a++];
		else
			to[i] = from[b++];
}

static int snapshot_is_sorted(const snapshot *s)
{
	uint32_t i;

	for (i = 1; i < s->n; i++)
		if (strcmp(s->candidates[i - 1].view.id, s->candidates[i].view.id) > 0)
			return 0;
	return 1;
}

/* strcmp compares as unsigned bytes, whatever the locale. */
static void snapshot_sort(snapshot *s)
{
	snapshot_candidate *swap;
	uint32_t width, low, middle, high;

	if (snapshot_is_sorted(s))
		return;
	for (width = 1; width < s->n; width *= 2) {
		for (low = 0; low < s->n; low = high) {
			middle = s->n - low < width ? s->n : low + width;
			high = s->n - middle < width ? s->n : middle + width;
			snapshot_merge(s->candidates, s->spare, low, middle, high);
		}
		swap = s->candidates;
		s->candidates = s->spare;
		s->spare = swap;
	}
}

static int32_t snapshot_check(const snapshot *s, llm_err *err)
{
	uint32_t i;

	if (s->state.len > LLM_POLICY_STATE_MAX)
		return err_set(err, LLM_E_CONFIG,
			"policy %s keeps %zu bytes of state, at most %d are allowed", s->policy,
			s->state.len, LLM_POLICY_STATE_MAX);
	for (i = 0; i < s->n; i++) {
		const char *id = s->candidates[i].view.id;

		if (strnlen(id, SNAPSHOT_ID_MAX + 1) > SNAPSHOT_ID_MAX)
			return err_set(err, LLM_E_CONFIG,
				"a candidate's id is longer than %d bytes: %.60s...",
				SNAPSHOT_ID_MAX, id);
		if (i && strcmp(s->candidates[i - 1].view.id, id) == 0)
			return err_set(
				err, LLM_E_CONFIG, "candidate %.200s stands twice: remove one", id);
	}
	return 0;
}

int32_t snapshot_seal(snapshot *s, llm_err *err)
{
	uint32_t i;
	int32_t rc;
	int fit;

	snapshot_sort(s);
	rc = snapshot_check(s, err);
	for (i = 0; !rc && i < s->n; i++) {
		snapshot_candidate *c = &s->candidates[i];

		c->missing = CAPS_CELLS;
		fit = caps_fit(c->caps, s->required, &c->missing);
		c->view.fit = fit == LLM_FIT_YES ? LLM_FIT_YES : LLM_FIT_UNKNOWN;
	}
	return rc;
}
