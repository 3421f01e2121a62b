/*
 * plugin.c - latency.so: the better of two drawn at random, by the usual time to the
 * first token times what is in flight. The others follow by the same measure. Two are
 * enough to avoid a slow one, and not all runs go to the one that is best this moment.
 */
#include "kit/policy.h"

#define FIRST_GUESS_US INT64_C(1000000) /* of a candidate that nothing is known of */
#define COST_MAX (INT64_C(1) << 60)

enum { LATENCY_DRAWN = 1, LATENCY_OTHER = 2 };

static const llm_reason_info latency_drawn = {(uint32_t)sizeof(latency_drawn), LATENCY_DRAWN,
	"drawn", "better of two drawn: %a us to the first token, %b in flight"};
static const llm_reason_info latency_other = {(uint32_t)sizeof(latency_other), LATENCY_OTHER,
	"other", "%a us to the first token, %b in flight"};
static const llm_reason_info *const latency_reasons[] = {&latency_drawn, &latency_other, NULL};

static int64_t latency_us(const llm_candidate_view *c)
{
	return c->latency_us < 0 ? FIRST_GUESS_US : c->latency_us;
}

/* What an attempt is likely to wait: everybody in flight shares the place. */
static int64_t latency_cost(const llm_candidate_view *c)
{
	int64_t cost;

	if (__builtin_mul_overflow(latency_us(c), (int64_t)c->in_flight + 1, &cost))
		return COST_MAX;
	return cost < COST_MAX ? cost : COST_MAX;
}

static int latency_group(const llm_candidate_view *a, const llm_candidate_view *b)
{
	const int cold_a = a->loaded == LLM_LOADED_COLD, cold_b = b->loaded == LLM_LOADED_COLD;
	const int by = kit_group(a, b);

	return by ? by : cold_a - cold_b;
}

/* Two of the best group are drawn; the number of the cheaper one. n > 0. */
static uint32_t latency_draw(const llm_snapshot *s)
{
	uint64_t mix, most = 0, second = 0;
	uint32_t i, a = 0, b = 0;
	int by;

	for (i = 0; i < s->n_candidates; i++) {
		by = i ? latency_group(s->candidates[i], s->candidates[a]) : -1;
		if (by > 0)
			continue;
		mix = kit_mix(s->seed, s->candidates[i]->id);
		if (by < 0) {
			a = b = i;
			most = mix;
			second = 0;
		} else if (mix > most) {
			b = a;
			second = most;
			a = i;
			most = mix;
		} else if (b == a || mix > second) {
			b = i;
			second = mix;
		}
	}
	return latency_cost(s->candidates[b]) < latency_cost(s->candidates[a]) ? b : a;
}

static int32_t latency_rank(void *instance, const llm_snapshot *s, const llm_rank_sink *out)
{
	const uint32_t best = s->n_candidates ? latency_draw(s) : 0;
	int32_t rc = 0;
	uint32_t i;

	(void)instance;
	for (i = 0; rc == 0 && i < s->n_candidates; i++) {
		const llm_candidate_view *c = s->candidates[i];
		int64_t score = -latency_cost(c);

		if (i == best)
			score = COST_MAX;
		else if (c->loaded == LLM_LOADED_COLD)
			score -= 2 * COST_MAX;
		rc = out->score(out->ctx, i, score, i == best ? LATENCY_DRAWN : LATENCY_OTHER,
			latency_us(c), c->in_flight);
	}
	return rc;
}

static const llm_policy_info info = {
	.struct_size = (uint32_t)sizeof(info),
	.name = "latency",
	.label = "power of two choices on the time to the first token",
	.flags = LLM_POLICY_FASTEST,
	.reasons = latency_reasons,
};

static const llm_policy_info *latency_describe(void)
{
	return &info;
}

static const llm_policy_vtable vtable = {
	.struct_size = (uint32_t)sizeof(vtable),
	.describe = latency_describe,
	.create = kit_create_empty,
	.destroy = kit_destroy,
	.rank = latency_rank,
};

static const llm_plugin_part part = {LLM_KIND_POLICY, &vtable};
static const llm_plugin_part *const parts[] = {&part, NULL};

static const llm_plugin_desc desc = {
	.magic = LLM_PLUGIN_MAGIC,
	.struct_size = (uint32_t)sizeof(desc),
	.abi_minor = LLM_ABI_MINOR,
	.id = "org.libllm.latency",
	.version = "0.1.0",
	.licence = "Apache-2.0",
	.parts = parts,
};

const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	(void)host_minor;
	return &desc;
}
