/* create takes 40 ms, although it must be cheap. */
#include "tiny.h"

#include <time.h>

static const llm_provider_info *slow_describe(void)
{
	static const llm_provider_info info = {TINY_INFO};

	return &info;
}

static int32_t slow_create(const llm_host *host, void **ret_instance)
{
	const struct timespec delay = {0, 40000000};

	nanosleep(&delay, NULL);
	return tiny_create(host, ret_instance);
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_provider_vtable table = {.struct_size = sizeof(table),
		.describe = slow_describe,
		.create = slow_create,
		.destroy = tiny_destroy,
		.capabilities = tiny_capabilities,
		.build_request = tiny_build_request,
		.parse_response = tiny_parse_response,
		.stream_open = tiny_stream_open,
		.stream_frame = tiny_stream_frame,
		.stream_close = tiny_stream_close,
		.classify_error = tiny_classify_error};
	static const llm_plugin_part part = {LLM_KIND_PROVIDER, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {
		TINY_DESC, .id = "org.test.slow-create", .parts = parts};

	(void)host_minor;
	return &desc;
}
