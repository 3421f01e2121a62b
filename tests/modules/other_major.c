/* Made for ABI 2 only. */
#include "llm/abi/abi.h"

LLM_API const void *llm_plugin_v2(uint16_t host_minor);

const void *llm_plugin_v2(uint16_t host_minor)
{
	(void)host_minor;
	return NULL;
}
