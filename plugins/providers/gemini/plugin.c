/*
 * plugin.c - gemini.so: what it is, and its instances.
 */
#include <string.h>

#include "gemini.h"

static const llm_key_info *const no_keys[] = {NULL};
static const char *const key_env[] = {"GEMINI_API_KEY", "GOOGLE_API_KEY", NULL};

static const llm_provider_info info = {
	.struct_size = (uint32_t)sizeof(info),
	.flags = LLM_PROVIDER_NEEDS_KEY | LLM_PROVIDER_EOF_ENDS,
	.name = "gemini",
	.label = "Gemini",
	.default_base_url = GEMINI_BASE_URL,
	.base_url_env = "GOOGLE_GEMINI_BASE_URL",
	.key_env = key_env,
	.config_keys = no_keys,
	.request_options = gemini_options,
	.error_rules = gemini_error_rules,
	.first_token_ms = 300000, /* nothing is sent while a model thinks */
	.idle_ms = 120000,
	.attempt_ms = 600000,
	.locality = LLM_LOCALITY_CLOUD,
};

static const llm_provider_info *plugin_describe(void)
{
	return &info;
}

static int is_version(const char *text, size_t len)
{
	size_t i;

	if (len < 2 || text[0] != 'v' || text[1] < '0' || text[1] > '9')
		return 0;
	for (i = 2; i < len; i++)
		if ((text[i] < '0' || text[i] > '9') && (text[i] < 'a' || text[i] > 'z'))
			return 0;
	return 1;
}

/* Is the last segment of the URL's path a version of the API: ".../v1beta", ".../v1/"? */
static int ends_in_version(const char *url)
{
	const char *p = strstr(url, "://");
	const char *last;
	size_t n;

	p = p ? strchr(p + 3, '/') : NULL;
	if (!p)
		return 0;
	n = strlen(p);
	while (n > 1 && p[n - 1] == '/')
		n--;
	last = p + n;
	while (last[-1] != '/')
		last--;
	return is_version(last, (size_t)(p + n - last));
}

static int32_t plugin_create(const llm_host *host, void **ret_instance)
{
	const char *url;
	size_t len;
	gemini *g;

	g = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, sizeof(*g));
	if (!g)
		return LLM_E_NOMEM;
	g->host = host;
	g->version = "/v1beta";
	if (host->config(host->ctx, "base_url", &url, &len) == 0 && ends_in_version(url))
		g->version = "";
	*ret_instance = g;
	return 0;
}

/* Nothing to give back: an instance's memory is the host's. */
static void plugin_destroy(void *instance)
{
	(void)instance;
}

static int32_t plugin_capabilities(void *instance, const char *model, llm_caps *caps)
{
	(void)instance;
	gemini_fill_caps(model, caps);
	return 0;
}

static const void *plugin_extension(void *instance, const char *id)
{
	(void)instance;
	if (strcmp(id, LLM_EXT_MODELS) == 0)
		return &gemini_models;
	return strcmp(id, LLM_EXT_MODEL) == 0 ? &gemini_model : NULL;
}

static const llm_provider_vtable vtable = {
	.struct_size = (uint32_t)sizeof(vtable),
	.describe = plugin_describe,
	.create = plugin_create,
	.destroy = plugin_destroy,
	.capabilities = plugin_capabilities,
	.build_request = gemini_build_request,
	.parse_response = gemini_parse_response,
	.stream_open = gemini_stream_open,
	.stream_frame = gemini_stream_frame,
	.stream_close = gemini_stream_close,
	.classify_error = gemini_classify_error,
	.get_extension = plugin_extension,
};

static const llm_plugin_part part = {LLM_KIND_PROVIDER, &vtable};
static const llm_plugin_part *const parts[] = {&part, NULL};

static const llm_plugin_desc desc = {
	.magic = LLM_PLUGIN_MAGIC,
	.struct_size = (uint32_t)sizeof(desc),
	.abi_minor = LLM_ABI_MINOR,
	.abi_minor_min = 0,
	.id = GEMINI_ID,
	.version = "0.1.0",
	.licence = "Apache-2.0",
	.parts = parts,
};

const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	(void)host_minor; /* 1.0 is all that is used */
	return &desc;
}
