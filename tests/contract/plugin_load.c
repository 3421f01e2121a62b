/*
 * plugin_load.c - what the loader takes, and each refusal with its sentence.
 */
#include "plugin_help.h"

#define FILE_OF(name) "plugin file " MODULES "/" name ".so"
#define PROVIDER_TABLE " its table llm.provider/1 "

static void refused(const char *name, const char *rest)
{
	plugins *ps = help_modules();

	help_refused(ps, name, "plugin file " MODULES "/%s.so%s", name, rest);
	plugins_free(ps);
}

Test(plugin_load, D_2_1_sound_plugin)
{
	plugins *ps = help_modules();
	const plugin *p = help_get(ps, "good");

	cr_expect_str_eq(p->name, "good");
	cr_expect_str_eq(p->path, MODULES "/good.so");
	cr_expect_str_eq(p->id, "org.test.good");
	cr_expect_str_eq(p->version, "1.0.0");
	cr_expect_str_eq(p->licence, "MIT");
	cr_expect_str_eq(p->kinds, "llm.provider/1");
	cr_expect_eq(p->abi_minor, 0);
	cr_expect_eq(p->provider->struct_size, sizeof(llm_provider_vtable));
	cr_expect_null(p->provider->base_url);
	cr_expect_str_eq(p->info->name, "tiny");
	cr_expect_str_eq(p->info->config_keys[0]->name, "keep_alive");
	cr_expect_str_eq(p->info->config_keys[0]->default_text, "300000");
	cr_expect_null(p->info->config_keys[1]);
	cr_expect_str_eq(p->info->request_options[0]->unit, "tokens");
	cr_expect_eq(p->info->error_rules[0]->code, LLM_E_QUOTA_EXHAUSTED);
	cr_expect_str_eq(p->info->key_env[1], "GOOD_KEY");
	cr_expect_null(p->info->key_env[2]);
	plugins_free(ps);
}

Test(plugin_load, D_2_1_lists_left_out_are_empty)
{
	plugins *ps = help_modules();
	const plugin *p = help_get(ps, "duplicate_a");

	cr_expect_null(p->info->config_keys[0]);
	cr_expect_null(p->info->request_options[0]);
	cr_expect_null(p->info->error_rules[0]);
	cr_expect_null(p->info->key_env[0]);
	plugins_free(ps);
}

Test(plugin_load, D_2_6_one_file_is_one_plugin)
{
	plugins *a = help_modules(), *b = help_modules();
	const plugin *first = help_get(a, "good");

	cr_expect_eq(help_get(a, "good"), first);
	cr_expect_eq(help_get(a, MODULES "/good.so"), first, "by path");
	cr_expect_eq(help_get(b, "good"), first, "in another service");
	plugins_free(a);
	cr_expect_str_eq(first->id, "org.test.good", "outlives the service");
	plugins_free(b);
}

/* Closes what is open on a module, as a host does that closes all it does not know. */
static int close_modules(void)
{
	char link[64], target[600];
	int fd, closed = 0;
	ssize_t n;

	for (fd = 3; fd < 256; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target));
		if (n > (ssize_t)strlen(MODULES) && memcmp(target, MODULES, strlen(MODULES)) == 0)
			closed += close(fd) == 0;
	}
	return closed;
}

/* The loader knows objects by their path, and descriptor numbers come back. */
Test(plugin_load, D_2_6_files_are_not_mixed_up)
{
	static const char *const names[] = {"good", "duplicate_a", "echo", "future", "slow_create"};
	static const char *const ids[] = {"org.test.good", "org.test.duplicate", "org.example.echo",
		"org.test.future", "org.test.slow-create"};
	plugins *ps = help_modules();
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_expect_str_eq(help_get(ps, names[i])->id, ids[i]);
		cr_expect_eq(close_modules(), 1, "%s keeps its descriptor", names[i]);
	}
	plugins_free(ps);
}

Test(plugin_load, X_01_no_entry)
{
	refused("no_entry", " has no llm_plugin_v1: it is no plugin of libllm");
}

Test(plugin_load, X_01_entry_is_no_function)
{
	refused("not_function", " has a llm_plugin_v1 that is no function");
}

Test(plugin_load, X_01_null_and_garbage_tables)
{
	refused("null_desc", ": llm_plugin_v1 returned no descriptor");
	refused("garbage", " has a damaged descriptor: its address is garbage");
	refused("null_info", ": describe returned nothing");
	refused("no_parts", " has a damaged descriptor: its list of parts has no end");
}

Test(plugin_load, X_01_undefined_symbol)
{
	refused("undefined", " cannot be loaded: undefined symbol: undefined_function_of_nobody");
}

Test(plugin_load, X_02_other_major)
{
	refused("other_major",
		" has no llm_plugin_v1 but llm_plugin_v2: "
		"it was made for ABI 2, this is ABI 1");
}

Test(plugin_load, X_02_wrong_magic)
{
	refused("wrong_magic", " has the wrong magic 1122334455667788 instead of 00316962616d6c6c");
}

Test(plugin_load, X_02_damaged_sizes)
{
	char rest[200];

	snprintf(rest, sizeof(rest),
		" has a damaged descriptor: its size is 12 bytes, "
		"that of ABI 1.0 is %zu",
		sizeof(llm_plugin_desc));
	refused("damaged", rest);
	snprintf(rest, sizeof(rest),
		" has a damaged descriptor: its size is 3735928559 bytes, "
		"that of ABI 1.0 is %zu",
		sizeof(llm_plugin_desc));
	refused("huge", rest);
}

Test(plugin_load, X_02_needs_newer_host)
{
	refused("too_new", " needs a newer libllm: it wants ABI 1.99, this is ABI 1.0");
}

Test(plugin_load, X_02_short_table)
{
	char rest[200];

	snprintf(rest, sizeof(rest), ":" PROVIDER_TABLE "has %zu bytes, that of ABI 1.0 has %zu",
		offsetof(llm_provider_vtable, classify_error), sizeof(llm_provider_vtable));
	refused("short_vtable", rest);
}

Test(plugin_load, X_02_required_slot_missing)
{
	refused("null_slot", ":" PROVIDER_TABLE "lacks the required slot build_request");
}

Test(plugin_load, X_02_plugin_from_the_future)
{
	plugins *ps = help_modules();
	const plugin *p = help_get(ps, "future");

	cr_expect_eq(p->abi_minor, 99);
	cr_expect_str_eq(p->kinds, "llm.engine/1, llm.provider/1");
	cr_expect_str_eq(p->info->name, "future");
	cr_expect_eq(p->info->locality, LLM_LOCALITY_UNKNOWN);
	cr_expect_str_eq(p->info->config_keys[0]->name, "later_key");
	cr_expect_str_eq(p->info->error_rules[0]->text, "known", "rules to come are left out");
	cr_expect_null(p->info->error_rules[1]);
	cr_expect_eq(p->provider->struct_size, sizeof(llm_provider_vtable));
	plugins_free(ps);
}

Test(plugin_load, X_02_unknown_part_is_no_reason)
{
	plugins *ps = help_modules();
	const plugin *p = help_get(ps, "unknown_part");
	llm_err err = LLM_ERR_INIT;
	instance *in = NULL;

	cr_expect_str_eq(p->kinds, "llm.engine/1");
	cr_expect_null(p->provider);
	cr_expect_eq(instance_new(p, NULL, 0, mem_default(), NULL, &in, &err), LLM_E_PLUGIN);
	cr_expect_str_eq(err.message,
		"plugin unknown_part (" MODULES
		"/unknown_part.so) is no provider: it has llm.engine/1");
	plugins_free(ps);
}

Test(plugin_load, D_2_1_words_and_lists_are_checked)
{
	refused("bad_id", " has a damaged descriptor: its id is not 1 to 127 bytes of [a-z0-9.-]");
	refused("bad_name", ": describe returned a name that is not [a-z][a-z0-9_-]{0,62}");
	refused("bad_list", ": describe returned a damaged list config_keys (row 2)");
}

/* A refusal after mapping is remembered by the file, whoever asks. */
Test(plugin_load, D_2_6_refused_once_refused_everywhere)
{
	plugins *a = help_modules(), *b = help_modules();

	help_refused(a, "wrong_magic",
		"%s has the wrong magic 1122334455667788 instead of 00316962616d6c6c",
		FILE_OF("wrong_magic"));
	help_refused(b, "wrong_magic",
		"%s has the wrong magic 1122334455667788 instead of 00316962616d6c6c",
		FILE_OF("wrong_magic"));
	plugins_free(a);
	plugins_free(b);
}

Test(plugin_load, X_09_one_id_in_two_files)
{
	plugins *ps = help_modules(), *other = help_modules();

	help_get(ps, "duplicate_a");
	help_refused(ps, "duplicate_b",
		FILE_OF("duplicate_b") ": its id org.test.duplicate is already active from " MODULES
				       "/duplicate_a.so");
	cr_expect_str_eq(
		help_get(other, "duplicate_b")->name, "duplicate_b", "ids are a service's own");
	plugins_free(ps);
	plugins_free(other);
}
