/* describe returns nothing. */
#include "tiny.h"

static const llm_provider_info *odd_describe(void)
{
	return NULL;
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_provider_vtable table = {TINY_TABLE, .describe = odd_describe};
	static const llm_plugin_part part = {LLM_KIND_PROVIDER, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {TINY_DESC, .id = "org.test.null-info", .parts = parts};

	(void)host_minor;
	return &desc;
}
