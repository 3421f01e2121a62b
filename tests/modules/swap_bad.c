/* The build that is bad: it loads, and makes no instance. See swap.h. */
#include "llm/abi/provider.h"

static int32_t swap_fails(const llm_host *host, void **ret_instance);

#define SWAP_WORD "bad"
#define SWAP_VERSION "4.0.0"
#define SWAP_CREATE swap_fails
#include "swap.h"

static int32_t swap_fails(const llm_host *host, void **ret_instance)
{
	(void)ret_instance;
	host->set_error(host->ctx, LLM_E_PLUGIN, "this build makes no instance", 28);
	return LLM_E_PLUGIN;
}
