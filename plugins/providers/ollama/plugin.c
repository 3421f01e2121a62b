/*
 * plugin.c - ollama.so: what it is, its instances, and what its models can do.
 */
#include <string.h>

#include "ollama.h"

static const llm_key_info *const no_keys[] = {NULL};
static const char *const key_env[] = {"OLLAMA_API_KEY", NULL};

static const llm_provider_info info = {
	.struct_size = (uint32_t)sizeof(info),
	.name = "ollama",
	.label = "Ollama",
	.default_base_url = "http://127.0.0.1:11434",
	.base_url_env = "OLLAMA_HOST",
	.key_env = key_env,
	.config_keys = no_keys,
	.request_options = ollama_options,
	.error_rules = ollama_error_rules,
	.connect_ms = 5000,
	.first_token_ms = 330000, /* a cold model may load for five minutes */
	.first_token_warm_ms = 60000,
	.idle_ms = 60000,
	.attempt_ms = 600000,
	.max_concurrency = 4,
	.locality = LLM_LOCALITY_LOCAL,
};

static const llm_provider_info *plugin_describe(void)
{
	return &info;
}

static int is_cloud_host(const llm_bytes *host)
{
	static const char name[] = "ollama.com";
	size_t n = sizeof(name) - 1;

	if (host->len < n || memcmp(host->ptr + host->len - n, name, n) != 0)
		return 0;
	return host->len == n || host->ptr[host->len - n - 1] == '.';
}

static int32_t plugin_create(const llm_host *host, void **ret_instance)
{
	const char *url;
	llm_bytes name;
	size_t len;
	ollama *o;

	o = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, sizeof(*o));
	if (!o)
		return LLM_E_NOMEM;
	o->host = host;
	if (host->config(host->ctx, "base_url", &url, &len) == 0) {
		name = kit_url_host(url);
		o->cloud = is_cloud_host(&name);
	}
	*ret_instance = o;
	return 0;
}

/* Nothing to give back: an instance's memory is the host's. */
static void plugin_destroy(void *instance)
{
	(void)instance;
}

static int is_cloud_name(const char *model)
{
	return kit_ends_with(model, "-cloud") || kit_ends_with(model, ":cloud");
}

void ollama_fill_caps(const ollama *o, const char *model, llm_caps *caps)
{
	int cloud = o->cloud || is_cloud_name(model);

	caps->framing = LLM_FRAMING_NDJSON;
	caps->auth = LLM_AUTH_BEARER;
	if (cloud)
		caps->locality = LLM_LOCALITY_CLOUD;
	caps->chat = LLM_CAP_YES;
	caps->stream = LLM_CAP_YES;
	caps->tool_choice = LLM_CAP_NO;
	caps->json_object = cloud ? LLM_CAP_ACCEPTED : LLM_CAP_YES;
	caps->json_schema = cloud ? LLM_CAP_ACCEPTED : LLM_CAP_YES;
	caps->tools_with_schema = LLM_CAP_NO;
	caps->audio = LLM_CAP_NO;
	caps->system_role = LLM_CAP_YES;
	caps->prefill = LLM_CAP_NO;
	caps->seed = LLM_CAP_YES;
	caps->logprobs = LLM_CAP_YES;
}

static int32_t plugin_capabilities(void *instance, const char *model, llm_caps *caps)
{
	ollama_fill_caps(instance, model, caps);
	return 0;
}

static const void *plugin_extension(void *instance, const char *id)
{
	(void)instance;
	if (strcmp(id, LLM_EXT_MODELS) == 0)
		return &ollama_models;
	if (strcmp(id, LLM_EXT_MODEL) == 0)
		return &ollama_model;
	if (strcmp(id, LLM_EXT_STATE) == 0)
		return &ollama_state;
	return NULL;
}

static const llm_provider_vtable vtable = {
	.struct_size = (uint32_t)sizeof(vtable),
	.describe = plugin_describe,
	.create = plugin_create,
	.destroy = plugin_destroy,
	.capabilities = plugin_capabilities,
	.build_request = ollama_build_request,
	.parse_response = ollama_parse_response,
	.stream_open = ollama_stream_open,
	.stream_frame = ollama_stream_frame,
	.stream_close = ollama_stream_close,
	.classify_error = ollama_classify_error,
	.base_url = ollama_base_url,
	.get_extension = plugin_extension,
};

static const llm_plugin_part part = {LLM_KIND_PROVIDER, &vtable};
static const llm_plugin_part *const parts[] = {&part, NULL};

static const llm_plugin_desc desc = {
	.magic = LLM_PLUGIN_MAGIC,
	.struct_size = (uint32_t)sizeof(desc),
	.abi_minor = LLM_ABI_MINOR,
	.abi_minor_min = 0,
	.id = "org.libllm.ollama",
	.version = "0.1.0",
	.licence = "Apache-2.0",
	.parts = parts,
};

const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	(void)host_minor; /* 1.0 is all that is used */
	return &desc;
}
