/* The entry returns an address at which nothing is. */
#include "llm/abi/abi.h"

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	return (const llm_plugin_desc *)((uintptr_t)0xdead0000 + host_minor);
}
