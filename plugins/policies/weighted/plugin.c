/*
 * plugin.c - weighted.so: drawn by weight, with the seed of the run.
 */
#include "kit/policy.h"

#define TABLE_BITS 8
#define ONE (UINT64_C(1) << 32)

enum { WEIGHTED_DRAWN = 1, WEIGHTED_LAST = 2 };

static const llm_reason_info weighted_drawn = {
	(uint32_t)sizeof(weighted_drawn), WEIGHTED_DRAWN, "drawn", "drawn with weight %a"};
static const llm_reason_info weighted_last = {
	(uint32_t)sizeof(weighted_last), WEIGHTED_LAST, "last", "weight 0, never first"};
static const llm_reason_info *const weighted_reasons[] = {&weighted_drawn, &weighted_last, NULL};

typedef struct weighted {
	uint64_t log[(1 << TABLE_BITS) + 1]; /* log2 of 1 to 2, 32 bits behind the point */
} weighted;

/* log2 of x / 2^31 for x in [2^31, 2^32], bit by bit: squaring doubles the logarithm. */
static uint64_t weighted_log(uint64_t x)
{
	uint64_t sum = 0;
	int bit;

	if (x == ONE)
		return ONE;
	for (bit = 31; bit >= 0; bit--) {
		x = (x * x) >> 31;
		if (x >= ONE) {
			x >>= 1;
			sum |= UINT64_C(1) << bit;
		}
	}
	return sum;
}

/* -log2 of (u + 1) / 2^64, 32 bits behind the point: straight lines between the table's rows. */
static uint64_t weighted_minus_log(const weighted *w, uint64_t u)
{
	unsigned high;
	uint64_t row, rest, low, step;

	if (u == UINT64_MAX)
		return 0;
	u++;
	high = 63 - (unsigned)__builtin_clzll(u);
	u <<= 63 - high; /* the highest bit is at the top now */
	row = (u >> (63 - TABLE_BITS)) & ((1 << TABLE_BITS) - 1);
	rest = (u >> (63 - TABLE_BITS - 24)) & 0xffffff;
	low = w->log[row];
	step = w->log[row + 1] - low;
	return ((uint64_t)(64 - high) << 32) - (low + ((step * rest) >> 24));
}

/*
 * Each candidate runs a race whose time is exponential with its weight: the first is
 * first with the probability of its share, and so on down among those that are left.
 */
static int32_t weighted_rank(void *instance, const llm_snapshot *s, const llm_rank_sink *out)
{
	const weighted *w = instance;
	int32_t rc = 0;
	uint32_t i;

	for (i = 0; rc == 0 && i < s->n_candidates; i++) {
		const llm_candidate_view *c = s->candidates[i];
		uint64_t time;

		if (!c->weight) {
			rc = out->score(out->ctx, i, -INT64_MAX, WEIGHTED_LAST, 0, 0);
			continue;
		}
		time = (weighted_minus_log(w, kit_mix(s->seed, c->id)) << 24) / c->weight;
		rc = out->score(out->ctx, i, -(int64_t)time, WEIGHTED_DRAWN, c->weight, 0);
	}
	return rc;
}

static const llm_policy_info info = {
	.struct_size = (uint32_t)sizeof(info),
	.name = "weighted",
	.label = "drawn by weight",
	.flags = LLM_POLICY_FASTEST,
	.reasons = weighted_reasons,
};

static const llm_policy_info *weighted_describe(void)
{
	return &info;
}

static int32_t weighted_create(const llm_host *host, void **ret_instance)
{
	weighted *w = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, sizeof(*w));
	uint64_t i;

	if (!w)
		return LLM_E_NOMEM;
	for (i = 0; i <= 1 << TABLE_BITS; i++)
		w->log[i] = weighted_log((ONE >> 1) + (i << (31 - TABLE_BITS)));
	*ret_instance = w;
	return 0;
}

static const llm_policy_vtable vtable = {
	.struct_size = (uint32_t)sizeof(vtable),
	.describe = weighted_describe,
	.create = weighted_create,
	.destroy = kit_destroy,
	.rank = weighted_rank,
};

static const llm_plugin_part part = {LLM_KIND_POLICY, &vtable};
static const llm_plugin_part *const parts[] = {&part, NULL};

static const llm_plugin_desc desc = {
	.magic = LLM_PLUGIN_MAGIC,
	.struct_size = (uint32_t)sizeof(desc),
	.abi_minor = LLM_ABI_MINOR,
	.id = "org.libllm.weighted",
	.version = "0.1.0",
	.licence = "Apache-2.0",
	.parts = parts,
};

const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	(void)host_minor;
	return &desc;
}
