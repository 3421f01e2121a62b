/*
 * plugin.c - what the plugin is.
 */
#include "unit.h"

#define BIT(n) (UINT64_C(1) << (n))

static const llm_key_info key_dsn = {sizeof(key_dsn), LLM_TYPE_STRING, "dsn", NULL, NULL,
	"the database: a path, or a file: URI"};
static const llm_key_info key_sync = {sizeof(key_sync), LLM_TYPE_STRING, "sync", NULL, "normal",
	"off, normal (survives the process) or full (survives a power cut)"};
static const llm_key_info key_busy = {sizeof(key_busy), LLM_TYPE_DURATION, "busy_timeout", "ms",
	"5000", "how long to wait for another writer"};
static const llm_key_info key_create = {sizeof(key_create), LLM_TYPE_BOOL, "create", NULL, "false",
	"make the file, of mode 0600, when it is not there"};
static const llm_key_info key_access = {sizeof(key_access), LLM_TYPE_STRING, "access", NULL,
	"write", "write, or read: never writes and takes no lock"};

static const llm_storage_info *plugin_describe(void)
{
	static const llm_key_info *const keys[] = {
		&key_dsn, &key_sync, &key_busy, &key_create, &key_access, NULL};
	static const llm_storage_info info = {.struct_size = sizeof(info),
		.name = "sqlite",
		.label = "SQLite",
		.ops = BIT(LLM_OP_CACHE_TRIM + 1) - BIT(LLM_OP_RUN_BEGIN),
		.queries = BIT(LLM_QUERY_OWNERS + 1) - BIT(LLM_QUERY_RUN),
		.config_keys = keys,
		.native_kind = LLM_NATIVE_SQLITE};

	return &info;
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_storage_vtable table = {.struct_size = sizeof(table),
		.describe = plugin_describe,
		.open = own_open,
		.close = own_close,
		.begin = own_begin,
		.commit = own_commit,
		.rollback = own_rollback,
		.interrupt = own_interrupt,
		.apply = work_apply,
		.query = work_query,
		.bind = bound_bind,
		.release = bound_release,
		.schema = schema_state,
		.migrate = own_migrate,
		.purge = work_purge,
		.reap = work_reap,
		.maintain = own_maintain};
	static const llm_plugin_part part = {LLM_KIND_STORAGE, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {.magic = LLM_PLUGIN_MAGIC,
		.struct_size = sizeof(desc),
		.abi_minor = LLM_ABI_MINOR,
		.id = "org.libllm.sqlite",
		.version = "0.1.0",
		.licence = "Apache-2.0",
		.parts = parts};

	(void)host_minor;
	return &desc;
}
