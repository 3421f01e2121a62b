/*
 * plugin.c - openai.so: what it is, its instances, and what its models can do.
 */
#include <string.h>

#include "openai.h"

static const char *const key_env[] = {"OPENAI_API_KEY", NULL};

static const llm_provider_info info = {
	.struct_size = (uint32_t)sizeof(info),
	/* OpenRouter and DeepSeek send comments while a model works. */
	.flags = LLM_PROVIDER_NEEDS_KEY | LLM_PROVIDER_KEEPALIVES | LLM_PROVIDER_EOF_ENDS,
	.name = "openai",
	.label = "OpenAI",
	.default_base_url = OPENAI_BASE_URL,
	.base_url_env = "OPENAI_BASE_URL",
	.key_env = key_env,
	.config_keys = openai_config_keys,
	.request_options = openai_options,
	.error_rules = openai_error_rules,
	.locality = LLM_LOCALITY_CLOUD,
};

static const llm_provider_info *plugin_describe(void)
{
	return &info;
}

static int32_t plugin_create(const llm_host *host, void **ret_instance)
{
	openai *o;
	int32_t rc;

	o = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, sizeof(*o));
	if (!o)
		return LLM_E_NOMEM;
	o->host = host;
	rc = openai_configure(o);
	if (rc == 0)
		*ret_instance = o;
	return rc;
}

/* Nothing to give back: an instance's memory is the host's. */
static void plugin_destroy(void *instance)
{
	(void)instance;
}

/* What depends on the model stays unknown: no server tells. */
static int32_t plugin_capabilities(void *instance, const char *model, llm_caps *caps)
{
	const openai *o = instance;

	(void)model;
	caps->framing = LLM_FRAMING_SSE;
	caps->auth = o->auth_header ? LLM_AUTH_HEADER : LLM_AUTH_BEARER;
	caps->auth_header = o->auth_header;
	if (o->dialect->flags & OPENAI_CLOUD)
		caps->locality = LLM_LOCALITY_CLOUD;
	caps->chat = LLM_CAP_YES;
	caps->stream = LLM_CAP_YES;
	caps->system_role = LLM_CAP_YES;
	caps->tool_choice = LLM_CAP_YES;
	caps->seed = LLM_CAP_ACCEPTED; /* taken, best effort */
	caps->prefill = LLM_CAP_NO;
	if (o->dialect->flags & OPENAI_SCHEMAS) {
		caps->json_object = LLM_CAP_YES;
		caps->json_schema = LLM_CAP_YES;
	}
	return 0;
}

static const void *plugin_extension(void *instance, const char *id)
{
	(void)instance;
	if (strcmp(id, LLM_EXT_MODELS) == 0)
		return &openai_models;
	return strcmp(id, LLM_EXT_MODEL) == 0 ? &openai_model : NULL;
}

static const llm_provider_vtable vtable = {
	.struct_size = (uint32_t)sizeof(vtable),
	.describe = plugin_describe,
	.create = plugin_create,
	.destroy = plugin_destroy,
	.capabilities = plugin_capabilities,
	.build_request = openai_build_request,
	.parse_response = openai_parse_response,
	.stream_open = openai_stream_open,
	.stream_frame = openai_stream_frame,
	.stream_close = openai_stream_close,
	.classify_error = openai_classify_error,
	.get_extension = plugin_extension,
};

static const llm_plugin_part part = {LLM_KIND_PROVIDER, &vtable};
static const llm_plugin_part *const parts[] = {&part, NULL};

static const llm_plugin_desc desc = {
	.magic = LLM_PLUGIN_MAGIC,
	.struct_size = (uint32_t)sizeof(desc),
	.abi_minor = LLM_ABI_MINOR,
	.abi_minor_min = 0,
	.id = OPENAI_ID,
	.version = "0.1.0",
	.licence = "Apache-2.0",
	.parts = parts,
};

const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	(void)host_minor; /* 1.0 is all that is used */
	return &desc;
}
