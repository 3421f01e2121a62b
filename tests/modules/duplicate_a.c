/* The first of two files that claim one id. */
#include "plain.h"

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_plugin_desc desc = {
		TINY_DESC, .id = "org.test.duplicate", .parts = plain_parts};

	(void)host_minor;
	return &desc;
}
