/*
 * storage_tiny.h - a storage backend that does nothing, for modules that are wrong in
 * one corner.
 */
#ifndef TESTS_MODULES_STORAGE_TINY_H
#define TESTS_MODULES_STORAGE_TINY_H

#include "llm/abi/storage.h"

static inline const llm_storage_info *tiny_describe(void)
{
	static const llm_storage_info info = {
		.struct_size = sizeof(info), .name = "tiny", .label = "Tiny"};

	return &info;
}

static inline int32_t tiny_open(const llm_host *host, void **ret_unit)
{
	(void)ret_unit;
	host->set_error(host->ctx, LLM_E_UNSUPPORTED, "it opens nothing", 16);
	return LLM_E_UNSUPPORTED;
}

static inline void tiny_void(void *unit)
{
	(void)unit;
}

static inline int32_t tiny_step(void *unit)
{
	(void)unit;
	return 0;
}

static inline int32_t tiny_apply(
	void *unit, const llm_op *const *ops, size_t n, llm_op_result *const *results)
{
	(void)unit;
	(void)ops;
	(void)n;
	(void)results;
	return LLM_E_UNSUPPORTED;
}

static inline int32_t tiny_query(
	void *unit, uint32_t kind, const llm_filter *filter, const llm_row_sink *out)
{
	(void)unit;
	(void)kind;
	(void)filter;
	(void)out;
	return LLM_E_UNSUPPORTED;
}

#define TINY_STORAGE \
	.describe = tiny_describe, .open = tiny_open, .close = tiny_void, .begin = tiny_step, \
	.rollback = tiny_step, .interrupt = tiny_void, .apply = tiny_apply, .query = tiny_query

/* A module writes the table; this is the rest of it. */
static const llm_storage_vtable tiny_table;

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_plugin_part part = {LLM_KIND_STORAGE, &tiny_table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {.magic = LLM_PLUGIN_MAGIC,
		.struct_size = sizeof(desc),
		.id = "org.test.storage",
		.version = "1.0.0",
		.licence = "MIT",
		.parts = parts};

	(void)host_minor;
	return &desc;
}

#endif
