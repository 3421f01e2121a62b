/* What an attempt teaches those who plan: how quick its candidate is, and how it ended. */
#include <string.h>

#include "attempt.h"
#include "planning.h"
#include "routing.h"

/* Of streams only: nobody knows when a whole answer had begun. */
static int64_t first_token_us(const attempt *a)
{
	const phase_clock *k = &a->clock;

	if (!k->stream || !k->first_delta_ns)
		return -1;
	return (int64_t)((k->first_delta_ns - k->started_ns) / 1000);
}

/* Another candidate of this run had failed before. */
static int has_moved(const llm_call *c, const attempt *a)
{
	size_t i;

	for (i = 0; i < c->res.attempts.n; i++) {
		const llm_attempt *row = c->res.attempts.items[i];

		if (row != a->rec && strcmp(row->candidate, a->rec->candidate) != 0)
			return 1;
	}
	return 0;
}

static void tell_policy(llm_call *c, const attempt *a, int32_t code, int64_t first_us)
{
	const llm_outcome o = {.struct_size = (uint32_t)sizeof(o),
		.code = code,
		.id = a->rec->candidate,
		.now_ms = routing_now_ms(c->set->routing),
		.affinity_key = c->affinity_key,
		.first_token_us = first_us,
		.place = (uint32_t)(a->t - c->plan),
		.moved = (uint32_t)has_moved(c, a)};

	routing_outcome(c->set->routing, c->by, &o);
}

void outcome_note(llm_call *c, const attempt *a, int32_t code)
{
	cand_state *s = a->t->state;
	int64_t us;

	/* A cancel says nothing of the candidate; with one there is nothing to choose. */
	if (c->op != OP_CHAT || c->n_general < 2 || code == LLM_E_CANCELLED)
		return;
	us = code ? -1 : first_token_us(a);
	if (s && us >= 0)
		stats_add(&s->latency, us, a->rec->load_ms > 0 ? a->rec->load_ms * 1000 : -1,
			routing_now_ms(c->set->routing));
	if (c->by && c->by->policy.vt)
		tell_policy(c, a, code, us);
}
