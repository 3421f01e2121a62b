/*
 * future.c - a plugin from the future: built with headers in which every table has
 * grown, with bits, kinds, types and codes that this library does not know.
 */
#include "../modules/tiny.h"

typedef struct future_key {
	llm_key_info now;
	const char *later;
} future_key;

typedef struct future_rule {
	llm_error_rule now;
	const char *later;
} future_rule;

typedef struct future_info {
	llm_provider_info now;
	uint64_t later[8];
} future_info;

typedef struct future_table {
	llm_provider_vtable now;
	int32_t (*later)(void *instance);
	uint64_t more[16];
} future_table;

typedef struct future_desc {
	llm_plugin_desc now;
	const char *later;
	uint64_t more[4];
} future_desc;

static const future_key future_k = {
	{sizeof(future_k), 4242, "later_key", NULL, NULL, "of a type to come"}, "later"};
static const llm_key_info *const future_keys[] = {&future_k.now, NULL};
static const future_rule future_r1 = {
	{sizeof(future_r1), 99, 0, LLM_E_TIMEOUT, 1u << 31, 0, "a way of matching to come"},
	"later"};
static const future_rule future_r2 = {
	{sizeof(future_r2), LLM_MATCH_CODE, 0, -4242, 0, 0, "a code to come"}, "later"};
static const future_rule future_r3 = {
	{sizeof(future_r3), LLM_MATCH_CODE, 0, LLM_E_TIMEOUT, 1u << 31, 0, "known"}, "later"};
static const llm_error_rule *const future_rules[] = {
	&future_r1.now, &future_r2.now, &future_r3.now, NULL};

static const llm_provider_info *future_describe(void)
{
	static const future_info info = {{.struct_size = sizeof(info),
						 .flags = UINT32_MAX,
						 .name = "future",
						 .label = "Future",
						 .default_base_url = "",
						 .config_keys = future_keys,
						 .error_rules = future_rules,
						 .locality = 77},
		{1, 2, 3, 4, 5, 6, 7, 8}};

	return &info.now;
}

static int32_t future_later(void *instance)
{
	(void)instance;
	return LLM_E_INTERNAL;
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const future_table table = {{.struct_size = sizeof(table),
						   .reserved = 9,
						   .describe = future_describe,
						   .create = tiny_create,
						   .destroy = tiny_destroy,
						   .capabilities = tiny_capabilities,
						   .build_request = tiny_build_request,
						   .parse_response = tiny_parse_response,
						   .stream_open = tiny_stream_open,
						   .stream_frame = tiny_stream_frame,
						   .stream_close = tiny_stream_close,
						   .classify_error = tiny_classify_error},
		future_later, {0}};
	static const uint32_t engine = 4;
	static const llm_plugin_part parts[] = {
		{"llm.engine/1", &engine}, {LLM_KIND_PROVIDER, &table.now}};
	static const llm_plugin_part *const list[] = {&parts[0], &parts[1], NULL};
	static const future_desc desc = {{.magic = LLM_PLUGIN_MAGIC,
						 .struct_size = sizeof(desc),
						 .abi_minor = 99,
						 .abi_minor_min = 0,
						 .flags = UINT32_MAX,
						 .reserved = 7,
						 .id = "org.test.future",
						 .version = "9.0.0",
						 .licence = "MIT",
						 .parts = list},
		"later", {0}};

	(void)host_minor;
	return &desc.now;
}
