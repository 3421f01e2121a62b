/* A policy whose rank returns when it is told to. */
#include "policy_plain.h"
#include "stuck.h"

static const llm_policy_info *stuck_describe(void)
{
	static const llm_policy_info info = {
		.struct_size = sizeof(llm_policy_info), .name = "policy_stuck", .label = "Stuck"};

	return &info;
}

static int32_t stuck_rank(void *instance, const llm_snapshot *s, const llm_rank_sink *out)
{
	stuck_wait("rank");
	return plain_rank(instance, s, out);
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_policy_vtable table = {.struct_size = sizeof(llm_policy_vtable),
		.create = plain_create,
		.destroy = plain_destroy,
		.rank = stuck_rank,
		.describe = stuck_describe};
	static const llm_plugin_part part = {LLM_KIND_POLICY, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {
		PLAIN_DESC, .id = "org.test.policy-stuck", .parts = parts};

	(void)host_minor;
	return &desc;
}
