/* The magic is right, the rest was cut off. */
#include "plain.h"

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_plugin_desc desc = {.magic = LLM_PLUGIN_MAGIC, .struct_size = 12};

	(void)host_minor;
	return &desc;
}
