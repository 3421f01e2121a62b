/* The right name on a piece of data. */
#include "llm/base.h"

LLM_API extern const uint64_t llm_plugin_v1[4];

const uint64_t llm_plugin_v1[4] = {1, 2, 3, 4};
