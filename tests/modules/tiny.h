/*
 * tiny.h - a provider that does nothing, for modules that are wrong in one corner.
 *
 * A module includes this, takes TINY_INFO, TINY_TABLE and TINY_DESC as they are or
 * changes the member that it is about.
 */
#ifndef TESTS_MODULES_TINY_H
#define TESTS_MODULES_TINY_H

#include "llm/abi/provider.h"

static int tiny_handle; /* what an instance points at */

static inline int32_t tiny_create(const llm_host *host, void **ret_instance)
{
	(void)host;
	*ret_instance = &tiny_handle;
	return 0;
}

static inline void tiny_destroy(void *instance)
{
	(void)instance;
}

static inline int32_t tiny_capabilities(void *instance, const char *model, llm_caps *caps)
{
	(void)instance;
	(void)model;
	caps->framing = LLM_FRAMING_NDJSON;
	return 0;
}

static inline int32_t tiny_build_request(
	void *instance, const llm_request_view *request, const llm_http_sink *out)
{
	(void)instance;
	(void)request;
	return out->target(out->ctx, "POST", "/tiny", 5);
}

static inline int32_t tiny_parse_response(
	void *instance, const llm_reply_view *reply, const llm_result_sink *out)
{
	(void)instance;
	(void)reply;
	return out->finish(out->ctx, LLM_FINISH_STOP, "stop", 4);
}

static inline int32_t tiny_stream_open(
	void *instance, const llm_reply_view *head, void **ret_stream)
{
	(void)instance;
	(void)head;
	*ret_stream = &tiny_handle;
	return 0;
}

static inline int32_t tiny_stream_frame(
	void *instance, void *stream, const llm_frame_view *frame, const llm_result_sink *out)
{
	(void)instance;
	(void)stream;
	return out->text(out->ctx, frame->data.ptr, frame->data.len);
}

static inline int32_t tiny_stream_close(void *instance, void *stream, const llm_bytes *residue,
	const llm_result_sink *out, uint32_t *ret_complete)
{
	(void)instance;
	(void)stream;
	(void)residue;
	(void)out;
	*ret_complete = 1;
	return 0;
}

static inline int32_t tiny_classify_error(
	void *instance, const llm_reply_view *reply, llm_error_facts *ret_facts)
{
	(void)instance;
	ret_facts->message = reply->body;
	return 0;
}

#define TINY_INFO \
	.struct_size = sizeof(llm_provider_info), .name = "tiny", .label = "Tiny", \
	.default_base_url = "http://127.0.0.1:9"

/* describe comes from the module. */
#define TINY_TABLE \
	.struct_size = sizeof(llm_provider_vtable), .create = tiny_create, \
	.destroy = tiny_destroy, .capabilities = tiny_capabilities, \
	.build_request = tiny_build_request, .parse_response = tiny_parse_response, \
	.stream_open = tiny_stream_open, .stream_frame = tiny_stream_frame, \
	.stream_close = tiny_stream_close, .classify_error = tiny_classify_error

/* id and parts come from the module. */
#define TINY_DESC \
	.magic = LLM_PLUGIN_MAGIC, .struct_size = sizeof(llm_plugin_desc), \
	.abi_minor = LLM_ABI_MINOR, .version = "1.0.0", .licence = "MIT"

#endif
