/* A table that ends in front of a required slot. */
#include "policy_plain.h"

static const llm_policy_info *plain_describe(void)
{
	static const llm_policy_info info = {PLAIN_INFO};

	return &info;
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_policy_vtable table = {.struct_size = 24,
		.describe = plain_describe,
		.create = plain_create,
		.destroy = plain_destroy,
		.rank = plain_rank};
	static const llm_plugin_part part = {LLM_KIND_POLICY, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {
		PLAIN_DESC, .id = "org.test.policy-short", .parts = parts};

	(void)host_minor;
	return &desc;
}
