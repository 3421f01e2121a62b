/* Wants a function that nobody has. */
#include "plain.h"

int undefined_function_of_nobody(void);

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static llm_plugin_desc desc = {TINY_DESC, .id = "org.test.undefined", .parts = plain_parts};

	desc.reserved = (uint32_t)undefined_function_of_nobody() + host_minor;
	return &desc;
}
