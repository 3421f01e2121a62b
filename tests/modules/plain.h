/*
 * plain.h - the rest of a sound module: includes the tiny provider, says what it
 * is, and lists it. The module writes llm_plugin_v1.
 */
#ifndef TESTS_MODULES_PLAIN_H
#define TESTS_MODULES_PLAIN_H

#include "tiny.h"

static inline const llm_provider_info *plain_describe(void)
{
	static const llm_provider_info info = {TINY_INFO};

	return &info;
}

static const llm_provider_vtable plain_table = {TINY_TABLE, .describe = plain_describe};
static const llm_plugin_part plain_provider = {LLM_KIND_PROVIDER, &plain_table};
static const llm_plugin_part *const plain_parts[] = {&plain_provider, NULL};

#endif
