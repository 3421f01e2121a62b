/* The magic of something else. */
#include "plain.h"

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_plugin_desc desc = {.magic = UINT64_C(0x1122334455667788),
		.struct_size = sizeof(desc),
		.id = "org.test.wrong-magic",
		.version = "1",
		.licence = "MIT",
		.parts = plain_parts};

	(void)host_minor;
	return &desc;
}
