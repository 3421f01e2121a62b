#include "llm/version.h"

#include <string.h>

#include "base/hash.h"
#include "conf/conf.h"
#include "llm/abi/abi.h"
#include "net/xfer.h"
#include "wire/jsonio.h"

uint32_t llm_version_number(void)
{
	return LLM_VERSION_MAJOR * 10000 + LLM_VERSION_MINOR * 100 + LLM_VERSION_PATCH;
}

const char *llm_version_string(void)
{
	return LLM_VERSION_STRING;
}

uint32_t llm_version_plugin_abi(void)
{
	return (uint32_t)LLM_ABI_MAJOR << 16 | LLM_ABI_MINOR;
}

const char *llm_version_of(const char *name)
{
	if (!name)
		return NULL;
	if (strcmp(name, "libcurl") == 0)
		return net_version();
	if (strcmp(name, "jansson") == 0)
		return jansson_version_str();
	if (strcmp(name, "libconfig") == 0)
		return conf_library_version();
	return strcmp(name, "openssl") == 0 ? hash_library_version() : NULL;
}
