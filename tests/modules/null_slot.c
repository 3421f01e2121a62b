/* A table without build_request, which is required. */
#include "tiny.h"

static const llm_provider_info *null_describe(void)
{
	static const llm_provider_info info = {TINY_INFO};

	return &info;
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_provider_vtable table = {.struct_size = sizeof(table),
		.describe = null_describe,
		.create = tiny_create,
		.destroy = tiny_destroy,
		.capabilities = tiny_capabilities,
		.parse_response = tiny_parse_response,
		.stream_open = tiny_stream_open,
		.stream_frame = tiny_stream_frame,
		.stream_close = tiny_stream_close,
		.classify_error = tiny_classify_error};
	static const llm_plugin_part part = {LLM_KIND_PROVIDER, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {TINY_DESC, .id = "org.test.null-slot", .parts = parts};

	(void)host_minor;
	return &desc;
}
