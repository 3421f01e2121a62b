/*
 * plugin.c - least_busy.so: the smallest share of its limit in flight; a cold model last.
 */
#include "kit/policy.h"

#define USUAL_LIMIT 256 /* where none is configured */
#define BUSY_MAX (UINT64_C(1) << 40)

enum { LEAST_BUSY_LOAD = 1, LEAST_BUSY_COLD = 2 };

static const llm_reason_info least_busy_load = {
	(uint32_t)sizeof(least_busy_load), LEAST_BUSY_LOAD, "load", "%a in flight of %b"};
static const llm_reason_info least_busy_cold = {(uint32_t)sizeof(least_busy_cold), LEAST_BUSY_COLD,
	"cold", "%a in flight of %b, and its model is not in memory"};
static const llm_reason_info *const least_busy_reasons[] = {
	&least_busy_load, &least_busy_cold, NULL};

/* Among those that are equally busy chance decides, not the alphabet. */
static int64_t least_busy_score(const llm_snapshot *s, const llm_candidate_view *c)
{
	const uint64_t n = (uint64_t)c->in_flight + c->waiting;
	uint64_t busy = (n << 20) / (c->limit ? c->limit : USUAL_LIMIT);
	int64_t score;

	if (busy > BUSY_MAX)
		busy = BUSY_MAX;
	score = -(int64_t)(busy << 20) + (int64_t)(kit_mix(s->seed, c->id) >> 44);
	return c->loaded == LLM_LOADED_COLD ? score - (INT64_C(1) << 62) : score;
}

static int32_t least_busy_rank(void *instance, const llm_snapshot *s, const llm_rank_sink *out)
{
	int32_t rc = 0;
	uint32_t i;

	(void)instance;
	for (i = 0; rc == 0 && i < s->n_candidates; i++) {
		const llm_candidate_view *c = s->candidates[i];
		const uint32_t why = c->loaded == LLM_LOADED_COLD ? LEAST_BUSY_COLD :
								    LEAST_BUSY_LOAD;

		rc = out->score(out->ctx, i, least_busy_score(s, c), why,
			(int64_t)c->in_flight + c->waiting, c->limit ? c->limit : USUAL_LIMIT);
	}
	return rc;
}

static const llm_policy_info info = {
	.struct_size = (uint32_t)sizeof(info),
	.name = "least_busy",
	.label = "least busy first",
	.flags = LLM_POLICY_FASTEST,
	.reasons = least_busy_reasons,
};

static const llm_policy_info *least_busy_describe(void)
{
	return &info;
}

static const llm_policy_vtable vtable = {
	.struct_size = (uint32_t)sizeof(vtable),
	.describe = least_busy_describe,
	.create = kit_create_empty,
	.destroy = kit_destroy,
	.rank = least_busy_rank,
};

static const llm_plugin_part part = {LLM_KIND_POLICY, &vtable};
static const llm_plugin_part *const parts[] = {&part, NULL};

static const llm_plugin_desc desc = {
	.magic = LLM_PLUGIN_MAGIC,
	.struct_size = (uint32_t)sizeof(desc),
	.abi_minor = LLM_ABI_MINOR,
	.id = "org.libllm.least-busy",
	.version = "0.1.0",
	.licence = "Apache-2.0",
	.parts = parts,
};

const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	(void)host_minor;
	return &desc;
}
