/*
 * Goes on after a sink said stop, swallows what it said, and returns codes that
 * do not exist.
 */
#include "tiny.h"

static const llm_provider_info *ignores_describe(void)
{
	static const llm_provider_info info = {TINY_INFO};

	return &info;
}

static int32_t ignores_build(
	void *instance, const llm_request_view *request, const llm_http_sink *out)
{
	(void)instance;
	(void)request;
	(void)out->target(out->ctx, "POST", "/tiny", 5);
	(void)out->target(out->ctx, "POST", "/again", 6);
	(void)out->body(out->ctx, "{}", 2);
	return 0;
}

static int32_t ignores_frame(
	void *instance, void *stream, const llm_frame_view *frame, const llm_result_sink *out)
{
	int i;

	(void)instance;
	(void)stream;
	for (i = 0; i < 3; i++)
		(void)out->text(out->ctx, frame->data.ptr, frame->data.len);
	(void)out->finish(out->ctx, LLM_FINISH_STOP, "stop", 4);
	(void)out->finish(out->ctx, LLM_FINISH_LENGTH, "length", 6);
	(void)out->text(out->ctx, "after the end", 13);
	return 0;
}

static int32_t ignores_parse(
	void *instance, const llm_reply_view *reply, const llm_result_sink *out)
{
	(void)instance;
	(void)reply;
	(void)out;
	return 77;
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_provider_vtable table = {.struct_size = sizeof(table),
		.describe = ignores_describe,
		.create = tiny_create,
		.destroy = tiny_destroy,
		.capabilities = tiny_capabilities,
		.build_request = ignores_build,
		.parse_response = ignores_parse,
		.stream_open = tiny_stream_open,
		.stream_frame = ignores_frame,
		.stream_close = tiny_stream_close,
		.classify_error = tiny_classify_error};
	static const llm_plugin_part part = {LLM_KIND_PROVIDER, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {
		TINY_DESC, .id = "org.test.ignores-sinks", .parts = parts};

	(void)host_minor;
	return &desc;
}
