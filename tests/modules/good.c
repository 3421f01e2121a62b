/* Nothing is wrong with this one: it has every kind of row that describe can list. */
#include "tiny.h"

static const llm_key_info good_key = {sizeof(good_key), LLM_TYPE_DURATION, "keep_alive", "ms",
	"300000", "how long a model stays"};
static const llm_key_info *const good_keys[] = {&good_key, NULL};
static const llm_key_info good_option = {
	sizeof(good_option), LLM_TYPE_INT, "num_ctx", "tokens", NULL, "the window"};
static const llm_key_info *const good_options[] = {&good_option, NULL};
static const llm_error_rule good_rule = {
	sizeof(good_rule), LLM_MATCH_CODE, 0, LLM_E_QUOTA_EXHAUSTED, 0, 0, "no_money"};
static const llm_error_rule *const good_rules[] = {&good_rule, NULL};
static const char *const good_variables[] = {"GOOD_API_KEY", "GOOD_KEY", NULL};

static const llm_provider_info *good_describe(void)
{
	static const llm_provider_info info = {TINY_INFO, .config_keys = good_keys,
		.request_options = good_options, .error_rules = good_rules,
		.key_env = good_variables, .base_url_env = "GOOD_HOST"};

	return &info;
}

/* Every function of the host, so that a test sees what each does. */
static int32_t good_create(const llm_host *host, void **ret_instance)
{
	const char *text;
	size_t len;

	host->log(host->ctx, LLM_LOG_WARN, "good was created", 16);
	if (host->config(host->ctx, "keep_alive", &text, &len) == 0 && len == 4) {
		host->set_error(host->ctx, LLM_E_CONFIG, "keep_alive is four characters long", 34);
		return LLM_E_CONFIG;
	}
	*ret_instance = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, 64);
	return *ret_instance ? 0 : LLM_E_NOMEM;
}

static const void *good_get_extension(void *instance, const char *id)
{
	static const llm_models_ext models = {.struct_size = sizeof(models)};
	static const llm_models_ext small = {.struct_size = 8};

	(void)instance;
	if (id[0] == 's')
		return &small;
	return id[0] == 'l' ? &models : NULL;
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_provider_vtable table = {.struct_size = sizeof(table),
		.describe = good_describe,
		.create = good_create,
		.destroy = tiny_destroy,
		.capabilities = tiny_capabilities,
		.build_request = tiny_build_request,
		.parse_response = tiny_parse_response,
		.stream_open = tiny_stream_open,
		.stream_frame = tiny_stream_frame,
		.stream_close = tiny_stream_close,
		.classify_error = tiny_classify_error,
		.get_extension = good_get_extension};
	static const llm_plugin_part part = {LLM_KIND_PROVIDER, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {TINY_DESC, .id = "org.test.good", .parts = parts};

	(void)host_minor;
	return &desc;
}
