/*
 * A provider in several builds: what each answers begins with its own word, so that a test
 * sees who built the request. SWAP_WORD and SWAP_VERSION come from the module.
 */
#ifndef TESTS_MODULES_SWAP_H
#define TESTS_MODULES_SWAP_H

#include "tiny.h"

#include <string.h>

static inline const llm_provider_info *swap_describe(void)
{
	static const llm_provider_info info = {TINY_INFO};

	return &info;
}

/* A plain chat of Ollama's, whole and not a stream: the upstream has to answer something. */
static inline int32_t swap_build_request(
	void *instance, const llm_request_view *request, const llm_http_sink *out)
{
	static const char body[] =
		"{\"model\":\"sim-small\",\"stream\":false,\"messages\":[{\"role\":\"user\","
		"\"content\":\"" SWAP_WORD "\"}]}";

	(void)instance;
	(void)request;
	(void)out->target(out->ctx, "POST", "/api/chat", 9);
	(void)out->header(out->ctx, "Content-Type", "application/json", 16);
	return out->body(out->ctx, body, sizeof(body) - 1);
}

static inline int32_t swap_capabilities(void *instance, const char *model, llm_caps *caps)
{
	(void)instance;
	(void)model;
	caps->framing = LLM_FRAMING_NDJSON;
	caps->chat = LLM_CAP_YES;
	caps->stream = LLM_CAP_NO;
	return 0;
}

static inline int32_t swap_parse_response(
	void *instance, const llm_reply_view *reply, const llm_result_sink *out)
{
	(void)instance;
	if (!reply->body.len)
		return LLM_E_PROTOCOL;
	(void)out->text(out->ctx, SWAP_WORD, sizeof(SWAP_WORD) - 1);
	return out->finish(out->ctx, LLM_FINISH_STOP, "stop", 4);
}

#ifndef SWAP_CREATE
#define SWAP_CREATE tiny_create
#endif

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_provider_vtable table = {.struct_size = sizeof(table),
		.describe = swap_describe,
		.create = SWAP_CREATE,
		.destroy = tiny_destroy,
		.capabilities = swap_capabilities,
		.build_request = swap_build_request,
		.parse_response = swap_parse_response,
		.stream_open = tiny_stream_open,
		.stream_frame = tiny_stream_frame,
		.stream_close = tiny_stream_close,
		.classify_error = tiny_classify_error};
	static const llm_plugin_part part = {LLM_KIND_PROVIDER, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {.magic = LLM_PLUGIN_MAGIC,
		.struct_size = sizeof(llm_plugin_desc),
		.abi_minor = LLM_ABI_MINOR,
		.version = SWAP_VERSION,
		.licence = "MIT",
		.id = "org.test.swap",
		.parts = parts};

	(void)host_minor;
	return &desc;
}

#endif
