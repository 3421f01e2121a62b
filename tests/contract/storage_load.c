/*
 * storage_load.c - finding a storage plugin by name.
 */
#include "storage_help.h"

Test(storage_load, D_2_5_found_by_name)
{
	plugins *ps = help_modules();
	llm_err err = LLM_ERR_INIT;
	const plugin *p = NULL;

	cr_assert_eq(plugins_storage(ps, "memstore", NULL, &p, &err), 0, "%s", err.message);
	cr_expect_str_eq(p->kinds, "llm.storage/1");
	cr_expect_eq(p->storage->struct_size, sizeof(llm_storage_vtable));
	cr_expect_null(p->storage->bind);
	cr_expect_null(p->provider);
	cr_expect_str_eq(p->storage_info->config_keys[0]->name, "dsn");
	plugins_free(ps);
}

Test(storage_load, D_2_5_a_provider_is_no_storage)
{
	plugins *ps = help_modules();
	llm_err err = LLM_ERR_INIT;
	const plugin *p = NULL;

	cr_expect_eq(plugins_storage(ps, "good", NULL, &p, &err), LLM_E_PLUGIN);
	cr_expect_str_eq(err.message,
		"plugin good (" MODULES "/good.so) is no storage: it has llm.provider/1\n"
		"Name a storage plugin, such as sqlite.");
	cr_expect_null(p);
	cr_expect_eq(plugins_storage(ps, "nobody", NULL, &p, &err), LLM_E_PLUGIN);
	plugins_free(ps);
}

Test(storage_load, D_2_5_a_storage_is_no_provider)
{
	plugins *ps = help_modules();
	const plugin *p = help_get(ps, "memstore");
	llm_err err = LLM_ERR_INIT;
	instance *in = NULL;

	cr_expect_eq(instance_new(p, NULL, 0, mem_default(), NULL, &in, &err), LLM_E_PLUGIN);
	cr_expect_str_eq(err.message,
		"plugin memstore (" MODULES "/memstore.so) is no provider: it has llm.storage/1");
	plugins_free(ps);
}

static void refused(const char *name, const char *rest)
{
	plugins *ps = help_modules();

	help_refused(ps, name, "plugin file " MODULES "/%s.so%s", name, rest);
	plugins_free(ps);
}

Test(storage_load, X_02_storage_without_a_required_slot)
{
	refused("storage_null_slot", ": its table llm.storage/1 lacks the required slot commit");
}

Test(storage_load, X_02_storage_table_too_short)
{
	char rest[200];

	snprintf(rest, sizeof(rest),
		": its table llm.storage/1 has %zu bytes, that of ABI 1.0 has %zu",
		offsetof(llm_storage_vtable, query), sizeof(llm_storage_vtable));
	refused("storage_short", rest);
}

Test(storage_load, X_06_storage_that_contradicts_itself)
{
	refused("storage_half_bind",
		": its table llm.storage/1 has one of bind and release, or of schema and migrate, "
		"not both");
}
