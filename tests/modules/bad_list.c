/* A list of keys whose second row is garbage. */
#include "tiny.h"

static const llm_key_info bad_key = {sizeof(bad_key), LLM_TYPE_INT, "ok", NULL, NULL, "sound"};
static const llm_key_info *const bad_keys[] = {
	&bad_key, (const llm_key_info *)(uintptr_t)0x10, NULL};

static const llm_provider_info *odd_describe(void)
{
	static const llm_provider_info info = {TINY_INFO, .config_keys = bad_keys};

	return &info;
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_provider_vtable table = {TINY_TABLE, .describe = odd_describe};
	static const llm_plugin_part part = {LLM_KIND_PROVIDER, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {TINY_DESC, .id = "org.test.bad-list", .parts = parts};

	(void)host_minor;
	return &desc;
}
