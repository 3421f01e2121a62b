/* The entry returns nothing. */
#include "llm/abi/abi.h"

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	(void)host_minor;
	return NULL;
}
