/*
 * plugin.c - ordered.so: candidates as the user wrote them down.
 */
#include "kit/policy.h"

enum { ORDERED_PLACE = 1 };

static const llm_reason_info ordered_place = {
	(uint32_t)sizeof(ordered_place), ORDERED_PLACE, "place", "place %a of the profile"};
static const llm_reason_info *const ordered_reasons[] = {&ordered_place, NULL};

static const llm_policy_info info = {
	.struct_size = (uint32_t)sizeof(info),
	.name = "ordered",
	.label = "in the order of the profile",
	.reasons = ordered_reasons,
};

static const llm_policy_info *ordered_describe(void)
{
	return &info;
}

static int32_t ordered_rank(void *instance, const llm_snapshot *s, const llm_rank_sink *out)
{
	int32_t rc = 0;
	uint32_t i;

	(void)instance;
	for (i = 0; rc == 0 && i < s->n_candidates; i++) {
		const int64_t place = s->candidates[i]->position;

		rc = out->score(out->ctx, i, -place, ORDERED_PLACE, place + 1, 0);
	}
	return rc;
}

static const llm_policy_vtable vtable = {
	.struct_size = (uint32_t)sizeof(vtable),
	.describe = ordered_describe,
	.create = kit_create_empty,
	.destroy = kit_destroy,
	.rank = ordered_rank,
};

static const llm_plugin_part part = {LLM_KIND_POLICY, &vtable};
static const llm_plugin_part *const parts[] = {&part, NULL};

static const llm_plugin_desc desc = {
	.magic = LLM_PLUGIN_MAGIC,
	.struct_size = (uint32_t)sizeof(desc),
	.abi_minor = LLM_ABI_MINOR,
	.id = "org.libllm.ordered",
	.version = "0.1.0",
	.licence = "Apache-2.0",
	.parts = parts,
};

const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	(void)host_minor;
	return &desc;
}
