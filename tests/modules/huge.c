/* A size that no table can have. */
#include "plain.h"

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_plugin_desc desc = {.magic = LLM_PLUGIN_MAGIC,
		.struct_size = 0xdeadbeef,
		.id = "org.test.huge",
		.version = "1",
		.licence = "MIT",
		.parts = plain_parts};

	(void)host_minor;
	return &desc;
}
