/*
 * plugin.c - openai.so: what it is, its instances, and what its models can do.
 */
#include <string.h>

#include "openai.h"

static const llm_key_info key_include_usage = {(uint32_t)sizeof(llm_key_info), LLM_TYPE_BOOL,
	"include_usage", NULL, "true",
	"ask for token counts at the end of streams; old servers refuse the field"};
static const llm_key_info key_max_tokens_field = {(uint32_t)sizeof(llm_key_info), LLM_TYPE_STRING,
	"max_tokens_field", NULL, "auto",
	"name of the output limit: max_tokens, max_completion_tokens, or auto (by base URL)"};
static const llm_key_info *const config_keys[] = {&key_include_usage, &key_max_tokens_field, NULL};
static const llm_key_info *const no_options[] = {NULL};
static const char *const key_env[] = {"OPENAI_API_KEY", NULL};

static const llm_provider_info info = {
	.struct_size = (uint32_t)sizeof(info),
	.flags = LLM_PROVIDER_NEEDS_KEY | LLM_PROVIDER_EOF_ENDS,
	.name = "openai",
	.label = "OpenAI",
	.default_base_url = OPENAI_BASE_URL,
	.base_url_env = "OPENAI_BASE_URL",
	.key_env = key_env,
	.config_keys = config_keys,
	.request_options = no_options,
	.error_rules = openai_error_rules,
	.locality = LLM_LOCALITY_CLOUD,
};

static const llm_provider_info *plugin_describe(void)
{
	return &info;
}

/* The configuration's text, or null. */
static const char *setting(const llm_host *host, const char *key)
{
	const char *text;
	size_t len;

	return host->config(host->ctx, key, &text, &len) == 0 ? text : NULL;
}

/* OpenAI itself and Azure's deployments of it. */
static int is_origin(const char *url)
{
	static const char azure[] = ".openai.azure.com";
	llm_bytes host = kit_url_host(url);
	llm_bytes tail = host;
	size_t n = sizeof(azure) - 1;

	if (kit_is(&host, "api.openai.com"))
		return 1;
	if (host.len <= n)
		return 0;
	tail.ptr += host.len - n;
	tail.len = n;
	return kit_is(&tail, azure);
}

static int32_t read_limit_field(openai *o)
{
	const char *text = setting(o->host, "max_tokens_field");

	o->limit_field = o->origin ? "max_completion_tokens" : "max_tokens";
	if (!text || strcmp(text, "auto") == 0)
		return 0;
	if (strcmp(text, "max_tokens") == 0)
		o->limit_field = "max_tokens";
	else if (strcmp(text, "max_completion_tokens") == 0)
		o->limit_field = "max_completion_tokens";
	else
		return kit_error(o->host, LLM_E_CONFIG, "max_tokens_field = \"", text,
			"\": expected auto, max_tokens or max_completion_tokens");
	return 0;
}

static int32_t plugin_create(const llm_host *host, void **ret_instance)
{
	const char *url = setting(host, "base_url");
	const char *usage = setting(host, "include_usage");
	openai *o;
	int32_t rc;

	o = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, sizeof(*o));
	if (!o)
		return LLM_E_NOMEM;
	o->host = host;
	o->origin = is_origin(url ? url : OPENAI_BASE_URL);
	o->include_usage = !usage || strcmp(usage, "false") != 0;
	rc = read_limit_field(o);
	if (rc == 0)
		*ret_instance = o;
	return rc;
}

/* Nothing to give back: an instance's memory is the host's. */
static void plugin_destroy(void *instance)
{
	(void)instance;
}

static int32_t plugin_capabilities(void *instance, const char *model, llm_caps *caps)
{
	const openai *o = instance;

	(void)model;
	caps->framing = LLM_FRAMING_SSE;
	caps->auth = LLM_AUTH_BEARER;
	if (o->origin)
		caps->locality = LLM_LOCALITY_CLOUD;
	caps->chat = LLM_CAP_YES;
	caps->stream = LLM_CAP_YES;
	caps->system_role = LLM_CAP_YES;
	caps->seed = LLM_CAP_ACCEPTED; /* taken, best effort */
	caps->prefill = LLM_CAP_NO;
	/* What this version of the plugin does not translate, no model behind it can do. */
	caps->tools = LLM_CAP_NO;
	caps->parallel_tools = LLM_CAP_NO;
	caps->tool_choice = LLM_CAP_NO;
	caps->json_object = LLM_CAP_NO;
	caps->json_schema = LLM_CAP_NO;
	caps->tools_with_schema = LLM_CAP_NO;
	caps->vision = LLM_CAP_NO;
	caps->audio = LLM_CAP_NO;
	caps->logprobs = LLM_CAP_NO;
	return 0;
}

static const void *plugin_extension(void *instance, const char *id)
{
	(void)instance;
	return strcmp(id, LLM_EXT_MODELS) == 0 ? &openai_models : NULL;
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
	.id = "org.libllm.openai",
	.version = "0.1.0",
	.licence = "Apache-2.0",
	.parts = parts,
};

const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	(void)host_minor; /* 1.0 is all that is used */
	return &desc;
}
