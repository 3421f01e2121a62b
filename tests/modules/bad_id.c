/* An id that could be mistaken for a path. */
#include "plain.h"

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_plugin_desc desc = {TINY_DESC, .id = "org/test/Bad", .parts = plain_parts};

	(void)host_minor;
	return &desc;
}
