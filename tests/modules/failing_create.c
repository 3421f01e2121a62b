/* create fails without saying why, or, told to, with a code that does not exist. */
#include "tiny.h"

static const llm_provider_info *failing_describe(void)
{
	static const llm_provider_info info = {TINY_INFO};

	return &info;
}

static int32_t failing_create(const llm_host *host, void **ret_instance)
{
	const char *mode;
	size_t len;

	(void)ret_instance;
	if (host->config(host->ctx, "mode", &mode, &len) != 0)
		return LLM_E_UNSUPPORTED;
	if (mode[0] == 'r')
		return 4711;
	if (mode[0] == 'n')
		return 0; /* and no instance */
	host->set_error(host->ctx, LLM_E_CONFIG, "bad \xff byte\r\nand a second line", 29);
	return LLM_E_CONFIG;
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_provider_vtable table = {.struct_size = sizeof(table),
		.describe = failing_describe,
		.create = failing_create,
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
		TINY_DESC, .id = "org.test.failing-create", .parts = parts};

	(void)host_minor;
	return &desc;
}
