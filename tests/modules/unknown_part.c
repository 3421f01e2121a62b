/* Only a part of a kind that this libllm does not know: no reason to refuse it. */
#include "llm/abi/abi.h"

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const uint32_t table = 4;
	static const llm_plugin_part part = {"llm.engine/1", &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {.magic = LLM_PLUGIN_MAGIC,
		.struct_size = sizeof(desc),
		.id = "org.test.unknown-part",
		.version = "1",
		.licence = "MIT",
		.parts = parts};

	(void)host_minor;
	return &desc;
}
