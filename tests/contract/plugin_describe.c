/*
 * plugin_describe.c - descriptors and descriptions, wrong in one member at a time. The
 * tables are this program's own: to the checks it is a loaded object like a plugin.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "plugin/check.h"
#include "support/failalloc.h"

static void nothing(void)
{
}

#define SLOT(member) .member = (__typeof__(((llm_provider_vtable *)0)->member))nothing

static char text_long[5000];
static char not_utf8[] = "caf\xe9";
static char two_lines[] = "two\nlines";
static char deleted[] = "a\x7f";

static llm_key_info key, option;
static const llm_key_info *keys[3], *options[3];
static llm_error_rule rule, later;
static const llm_error_rule *rules[3];
static const char *variables[3];
static llm_provider_info info;
static llm_provider_vtable table;
static llm_plugin_part part, other;
static const llm_plugin_part *parts[80];
static llm_plugin_desc desc;
static const llm_provider_info *described;

static const llm_provider_info *describe(void)
{
	return described;
}

static void set_rows(void)
{
	key = (llm_key_info){sizeof(key), LLM_TYPE_SIZE, "cache_size", "bytes", "64k", "a cache"};
	option = (llm_key_info){sizeof(option), LLM_TYPE_INT, "num_9", NULL, NULL, NULL};
	option.help = "";
	keys[0] = &key;
	keys[1] = keys[2] = NULL;
	options[0] = &option;
	options[1] = options[2] = NULL;
	rule = (llm_error_rule){
		sizeof(rule), LLM_MATCH_CODE, 0, LLM_E_RATE_LIMITED, 0, 0, "slow_down"};
	later = (llm_error_rule){sizeof(later), 77, 0, LLM_E_RATE_LIMITED, 0, 0, "x"};
	rules[0] = &later;
	rules[1] = &rule;
	rules[2] = NULL;
	variables[0] = "OWN_API_KEY";
	variables[1] = "_OWN2";
	variables[2] = NULL;
}

/* A sound plugin. */
static void reset(void)
{
	memset(text_long, 'a', sizeof(text_long) - 1);
	set_rows();
	info = (llm_provider_info){.struct_size = sizeof(info),
		.name = "own-2_x",
		.label = "Own",
		.default_base_url = "http://127.0.0.1:9",
		.base_url_env = "OWN_HOST",
		.key_env = variables,
		.config_keys = keys,
		.request_options = options,
		.error_rules = rules,
		.locality = LLM_LOCALITY_LOCAL,
		.licence_note = "free"};
	described = &info;
	table = (llm_provider_vtable){.struct_size = sizeof(table),
		.describe = describe,
		SLOT(create),
		SLOT(destroy),
		SLOT(capabilities),
		SLOT(build_request),
		SLOT(parse_response),
		SLOT(stream_open),
		SLOT(stream_frame),
		SLOT(stream_close),
		SLOT(classify_error)};
	part = (llm_plugin_part){LLM_KIND_PROVIDER, &table};
	other = (llm_plugin_part){"llm.later/1", NULL};
	memset(parts, 0, sizeof(parts));
	parts[0] = &part;
	desc = (llm_plugin_desc){.magic = LLM_PLUGIN_MAGIC,
		.struct_size = sizeof(desc),
		.abi_minor = LLM_ABI_MINOR,
		.id = "org.test.own-2",
		.version = "1.0.0",
		.licence = "MIT",
		.parts = parts};
}

TestSuite(plugin_describe, .init = reset);

static int32_t try(const llm_plugin_desc *theirs, plugin *p, llm_err *err)
{
	static arena ar;
	const char *note = NULL;

	arena_reset(&ar);
	arena_init(&ar, mem_default(), 0);
	*p = (plugin){.path = "own.so"};
	return check_descriptor(theirs, &ar, p, &note, err);
}

static void sound(void)
{
	llm_err err = LLM_ERR_INIT;
	plugin p;

	cr_assert_eq(try(&desc, &p, &err), 0, "%s", err.message);
	cr_assert_not_null(p.provider);
}

/* With what stands in the tables now: refused, with exactly these words behind the file. */
static void refused(const char *words)
{
	llm_err err = LLM_ERR_INIT;
	char whole[400];
	plugin p;

	snprintf(whole, sizeof(whole), "plugin file own.so%s", words);
	cr_assert_eq(try(&desc, &p, &err), LLM_E_PLUGIN, "taken, not refused as: %s", words);
	cr_assert_str_eq(err.message, whole);
	reset();
	sound();
}

#define REFUSED(change, words) \
	do { \
		change; \
		refused(words); \
	} while (0)

Test(plugin_describe, X_02_a_sound_one_is_copied)
{
	llm_err err = LLM_ERR_INIT;
	plugin p;

	info.locality = 99;
	info.default_base_url = NULL;
	cr_assert_eq(try(&desc, &p, &err), 0, "%s", err.message);
	cr_assert_str_eq(p.id, "org.test.own-2");
	cr_assert_str_eq(p.kinds, LLM_KIND_PROVIDER);
	cr_assert_neq(p.info, &info, "the plugin's own table is used");
	cr_assert_str_eq(p.info->default_base_url, "");
	cr_assert_eq(p.info->locality, LLM_LOCALITY_UNKNOWN);
	cr_assert_eq(p.info->config_keys[0]->type, LLM_TYPE_SIZE);
	cr_assert_null(p.info->config_keys[1]);
	cr_assert_str_eq(p.info->request_options[0]->name, "num_9");
	cr_assert_str_eq(p.info->error_rules[0]->text, "slow_down", "a later rule is left out");
	cr_assert_null(p.info->error_rules[1]);
	cr_assert_str_eq(p.info->key_env[1], "_OWN2");
	cr_assert_null(p.info->key_env[2]);
}

Test(plugin_describe, X_02_lists_that_are_not_there_are_empty)
{
	llm_err err = LLM_ERR_INIT;
	plugin p;

	info.key_env = NULL;
	info.config_keys = info.request_options = NULL;
	info.error_rules = NULL;
	info.base_url_env = info.licence_note = NULL;
	cr_assert_eq(try(&desc, &p, &err), 0, "%s", err.message);
	cr_assert_null(p.info->config_keys[0]);
	cr_assert_null(p.info->request_options[0]);
	cr_assert_null(p.info->error_rules[0]);
	cr_assert_null(p.info->key_env[0]);
}

Test(plugin_describe, X_06_the_head_of_a_descriptor)
{
	static const char id[] =
		" has a damaged descriptor: its id is not 1 to 127 bytes of [a-z0-9.-]";
	static const char version[] =
		" has a damaged descriptor: its version is not 1 to 63 bytes of ASCII";
	static const char licence[] =
		" has a damaged descriptor: its licence is not 1 to 127 bytes of ASCII";
	static const char *const bad_ids[] = {
		NULL, "", "Org", "org_x", "a b", "a/b", "a~", "\xc3\xa4"};
	size_t i;

	for (i = 0; i < sizeof(bad_ids) / sizeof(bad_ids[0]); i++)
		REFUSED(desc.id = bad_ids[i], id);
	REFUSED(desc.id = text_long, id);
	REFUSED(desc.id = (const char *)(uintptr_t)0x10, id);
	REFUSED(desc.version = NULL, version);
	REFUSED(desc.version = text_long, version);
	REFUSED(desc.version = two_lines, version);
	REFUSED(desc.licence = deleted, licence);
	REFUSED(desc.licence = "", licence);
}

Test(plugin_describe, X_02_the_size_of_a_descriptor)
{
	llm_err err = LLM_ERR_INIT;
	plugin p;

	cr_assert_eq(try((const llm_plugin_desc *)(uintptr_t)0x1000, &p, &err), LLM_E_PLUGIN);
	cr_assert_not_null(strstr(err.message, "its address is garbage"));
	cr_assert_eq(try((const llm_plugin_desc *)((uintptr_t)&desc + 4), &p, &err), LLM_E_PLUGIN);
	cr_assert_not_null(strstr(err.message, "its address is garbage"));
	REFUSED(desc.struct_size = 1u << 17,
		" has a damaged descriptor: its size is 131072 bytes, that of ABI 1.0 is 64");
	REFUSED(desc.struct_size = 8,
		" has a damaged descriptor: its size is 8 bytes, that of ABI 1.0 is 64");
}

Test(plugin_describe, X_06_the_list_of_parts)
{
	static const char endless[] = " has a damaged descriptor: its list of parts has no end";
	static const char no_kind[] = " has a damaged descriptor: a part has no kind";
	static const llm_plugin_part twin = {LLM_KIND_PROVIDER, &table};
	llm_err err = LLM_ERR_INIT;
	plugin p;
	size_t i;

	REFUSED(desc.parts = NULL, endless);
	REFUSED(desc.parts = (const llm_plugin_part *const *)(uintptr_t)0x1000, endless);
	for (i = 0; i < 80; i++)
		parts[i] = &other;
	refused(endless);
	REFUSED(parts[0] = (const llm_plugin_part *)(uintptr_t)0x1000, no_kind);
	REFUSED(part.kind = NULL, no_kind);
	REFUSED(part.kind = "", no_kind);
	REFUSED(parts[1] = &twin,
		" has a damaged descriptor: it has two parts of kind " LLM_KIND_PROVIDER);
	parts[0] = &other;
	parts[1] = &part;
	cr_assert_eq(try(&desc, &p, &err), 0, "%s", err.message);
	cr_assert_str_eq(p.kinds, "llm.later/1, " LLM_KIND_PROVIDER);
}

Test(plugin_describe, X_06_the_table_of_a_provider)
{
	REFUSED(part.vtable = NULL, ": the address of its table " LLM_KIND_PROVIDER " is garbage");
	REFUSED(part.vtable = (const char *)&table + 4,
		": the address of its table " LLM_KIND_PROVIDER " is garbage");
	REFUSED(table.struct_size = 50,
		": its table " LLM_KIND_PROVIDER " has 50 bytes, that of ABI 1.0 has 104");
	REFUSED(table.struct_size = 1u << 20,
		": its table " LLM_KIND_PROVIDER " has 1048576 bytes, that of ABI 1.0 has 104");
	REFUSED(table.stream_close = NULL,
		": its table " LLM_KIND_PROVIDER " lacks the required slot stream_close");
	REFUSED(described = NULL, ": describe returned nothing");
	REFUSED(described = (const llm_provider_info *)(uintptr_t)0x1000,
		": describe returned nothing");
	REFUSED(info.struct_size = 12,
		": describe returned a table of 12 bytes, that of ABI 1.0 has 112");
}

Test(plugin_describe, X_06_the_words_of_a_provider)
{
	static const char name[] = ": describe returned a name that is not [a-z][a-z0-9_-]{0,62}";
	static const char label[] = ": describe returned no label of one line";
	static const char url[] = ": describe returned a default base URL that is no line";
	static const char env[] = ": describe returned a base_url_env that names no variable";
	static const char note[] = ": describe returned a licence note that is no line";

	REFUSED(info.name = NULL, name);
	REFUSED(info.name = "9own", name);
	REFUSED(info.name = "{own", name);
	REFUSED(info.name = "oWn", name);
	REFUSED(info.name = "own.x", name);
	REFUSED(info.name = "own{", name);
	REFUSED(info.label = NULL, label);
	REFUSED(info.label = "", label);
	REFUSED(info.label = two_lines, label);
	REFUSED(info.label = not_utf8, label);
	REFUSED(info.label = deleted, label);
	REFUSED(info.default_base_url = two_lines, url);
	REFUSED(info.default_base_url = text_long, url);
	REFUSED(info.base_url_env = "9X", env);
	REFUSED(info.base_url_env = "A-B", env);
	REFUSED(info.base_url_env = "", env);
	REFUSED(info.licence_note = not_utf8, note);
}

Test(plugin_describe, X_06_the_rows_of_a_provider)
{
	static const char key_1[] = ": describe returned a damaged list config_keys (row 1)";
	static const char key_2[] = ": describe returned a damaged list config_keys (row 2)";
	static const char option_1[] = ": describe returned a damaged list request_options (row 1)";
	static const char rule_2[] = ": describe returned a damaged list error_rules (row 2)";
	static const char env_2[] = ": describe returned a damaged list key_env (row 2)";

	REFUSED(key.type = 0, key_1);
	REFUSED(key.name = "a-dash", key_1);
	REFUSED(key.unit = two_lines, key_1);
	REFUSED(key.default_text = not_utf8, key_1);
	REFUSED(key.help = two_lines, key_1);
	REFUSED(key.struct_size = 3, key_1);
	REFUSED(keys[1] = (const llm_key_info *)(uintptr_t)0x1000, key_2);
	REFUSED(info.config_keys = (const llm_key_info *const *)(uintptr_t)0x1000, key_1);
	REFUSED(option.name = NULL, option_1);
	REFUSED(rule.match = 0, rule_2);
	REFUSED(rule.code = 1, rule_2);
	REFUSED(rule.text = NULL, rule_2);
	REFUSED(rule.text = "", rule_2);
	REFUSED(variables[1] = "A B", env_2);
	REFUSED(variables[1] = (const char *)(uintptr_t)0x1000, env_2);
	later.match = LLM_MATCH_CODE;
	later.code = LLM_E_LAST - 1; /* of a later libllm: left out as well */
	sound();
}

Test(plugin_describe, X_06_a_list_without_an_end)
{
	static const char *endless[1100];
	size_t i;

	for (i = 0; i < 1100; i++)
		endless[i] = "OWN";
	REFUSED(info.key_env = endless, ": describe returned a damaged list key_env (row 1025)");
}

static int short_of_memory(failalloc *fa, void *arg)
{
	llm_err err = LLM_ERR_INIT;
	plugin p = {.path = "own.so"};
	const char *note = NULL;
	arena ar;
	int32_t rc;

	(void)arg;
	arena_init(&ar, &fa->hook, 64);
	rc = check_descriptor(&desc, &ar, &p, &note, &err);
	arena_reset(&ar);
	return rc && rc != LLM_E_NOMEM;
}

Test(plugin_describe, P_01_every_allocation_of_a_check_may_fail)
{
	parts[1] = &other;
	cr_assert_eq(failalloc_sweep(short_of_memory, NULL), 0);
}
