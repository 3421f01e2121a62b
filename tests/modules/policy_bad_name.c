/* A policy whose name is no name. */
#include "policy_plain.h"

static const llm_policy_info *plain_describe(void)
{
	static const llm_policy_info info = {
		.struct_size = sizeof(info), .name = "Plain one", .label = "Plain"};

	return &info;
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_policy_vtable table = {PLAIN_TABLE, .describe = plain_describe};
	static const llm_plugin_part part = {LLM_KIND_POLICY, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {
		PLAIN_DESC, .id = "org.test.policy-bad-name", .parts = parts};

	(void)host_minor;
	return &desc;
}
