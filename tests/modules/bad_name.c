/* describe returns a name that cannot stand before a slash. */
#include "tiny.h"

static const llm_provider_info *odd_describe(void)
{
	static const llm_provider_info info = {
		.struct_size = sizeof(info), .name = "Tiny/2", .label = "Tiny"};

	return &info;
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_provider_vtable table = {TINY_TABLE, .describe = odd_describe};
	static const llm_plugin_part part = {LLM_KIND_PROVIDER, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {TINY_DESC, .id = "org.test.bad-name", .parts = parts};

	(void)host_minor;
	return &desc;
}
