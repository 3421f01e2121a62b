/* A provider of which one function returns when it is told to. */
#include "stuck.h"
#include "tiny.h"

static const llm_provider_info *stuck_describe(void)
{
	static const llm_provider_info info = {TINY_INFO};

	return &info;
}

static int32_t stuck_create(const llm_host *host, void **ret_instance)
{
	stuck_wait("create");
	return tiny_create(host, ret_instance);
}

static int32_t stuck_build_request(
	void *instance, const llm_request_view *request, const llm_http_sink *out)
{
	stuck_wait("build_request");
	return tiny_build_request(instance, request, out);
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_provider_vtable table = {.struct_size = sizeof(table),
		.describe = stuck_describe,
		.create = stuck_create,
		.destroy = tiny_destroy,
		.capabilities = tiny_capabilities,
		.build_request = stuck_build_request,
		.parse_response = tiny_parse_response,
		.stream_open = tiny_stream_open,
		.stream_frame = tiny_stream_frame,
		.stream_close = tiny_stream_close,
		.classify_error = tiny_classify_error};
	static const llm_plugin_part part = {LLM_KIND_PROVIDER, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {TINY_DESC, .id = "org.test.stuck", .parts = parts};

	(void)host_minor;
	return &desc;
}
