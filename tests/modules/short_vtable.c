/* A table that ends before classify_error. */
#include "tiny.h"

static const llm_provider_info *short_describe(void)
{
	static const llm_provider_info info = {TINY_INFO};

	return &info;
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_provider_vtable table = {
		.struct_size = offsetof(llm_provider_vtable, classify_error),
		.describe = short_describe,
		.create = tiny_create,
		.destroy = tiny_destroy,
		.capabilities = tiny_capabilities,
		.build_request = tiny_build_request,
		.parse_response = tiny_parse_response,
		.stream_open = tiny_stream_open,
		.stream_frame = tiny_stream_frame,
		.stream_close = tiny_stream_close};
	static const llm_plugin_part part = {LLM_KIND_PROVIDER, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {
		TINY_DESC, .id = "org.test.short-vtable", .parts = parts};

	(void)host_minor;
	return &desc;
}
