/* Lives only with a host of minor 99 or later. */
#include "plain.h"

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_plugin_desc desc = {.magic = LLM_PLUGIN_MAGIC,
		.struct_size = sizeof(desc),
		.abi_minor = 99,
		.abi_minor_min = 99,
		.id = "org.test.too-new",
		.version = "1",
		.licence = "MIT",
		.parts = plain_parts};

	(void)host_minor;
	return &desc;
}
