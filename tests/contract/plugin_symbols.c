/*
 * plugin_symbols.c - what the built objects export: one symbol per plugin, llm_* of
 * the library, and nothing of theirs gets into another's way.
 */
#include "plugin_help.h"

#include <dlfcn.h>
#include <stdbool.h>

/* What a build that counts lines adds of its own. */
static bool is_counter(const char *name)
{
	return strncmp(name, "__gcov_", 7) == 0 || strcmp(name, "mangle_path") == 0;
}

/* The names in the dynamic table that a file defines, by `nm`; how many. */
static size_t exported(const char *path, char names[][128], size_t cap)
{
	char command[700], line[512], type;
	size_t n = 0;
	FILE *nm;

	snprintf(command, sizeof(command), "nm -D --defined-only '%s'", path);
	nm = popen(command, "r"); /* NOLINT: a fixed command */
	cr_assert_not_null(nm);
	while (fgets(line, sizeof(line), nm)) {
		cr_assert_lt(n, cap, "%s exports too much", path);
		if (sscanf(line, "%*x %c %127s", &type, names[n]) == 2 && !is_counter(names[n]))
			n++;
	}
	cr_assert_eq(pclose(nm), 0, "nm failed on %s", path);
	return n;
}

static void expect_one_symbol(const char *path)
{
	static char names[64][128];

	cr_expect_eq(exported(path, names, 64), 1, "%s", path);
	cr_expect_str_eq(names[0], "llm_plugin_v1", "%s", path);
}

Test(plugin_symbols, X_10_plugins_export_one_symbol)
{
	expect_one_symbol(TEST_BINARY_DIR "/plugins/openai.so");
	expect_one_symbol(TEST_BINARY_DIR "/plugins/ollama.so");
	expect_one_symbol(TEST_BINARY_DIR "/plugins/gemini.so");
#ifdef TEST_WITH_SQLITE
	expect_one_symbol(TEST_BINARY_DIR "/plugins/sqlite.so");
#endif
	expect_one_symbol(MODULES "/memstore.so");
	expect_one_symbol(MODULES "/echo.so");
	expect_one_symbol(MODULES "/good.so");
}

Test(plugin_symbols, X_10_library_exports_llm_only)
{
	static char names[4096][128];
	const char *path = TEST_BINARY_DIR "/lib/libllm.so";
	size_t n, i;

	n = exported(path, names, 4096);
	cr_expect_gt(n, 0);
	for (i = 0; i < n; i++)
		cr_expect(strncmp(names[i], "llm_", 4) == 0 || strcmp(names[i], "LLM_0") == 0 ||
				strcmp(names[i], "LLM_0@@LLM_0") == 0,
			"libllm.so exports %s", names[i]);
}

/* The library is a guest in the host's database: it knows none by itself. */
Test(plugin_symbols, R_UOW_1_the_library_knows_no_database)
{
	char line[512];
	FILE *nm = popen(
		"nm -D --undefined-only '" TEST_BINARY_DIR "/lib/libllm.so'", "r"); /* NOLINT */
	size_t n = 0;

	cr_assert_not_null(nm);
	while (fgets(line, sizeof(line), nm)) {
		n++;
		cr_expect_null(strstr(line, " sqlite3_"), "%s", line);
		cr_expect_null(strstr(line, " PQ"), "%s", line);
	}
	cr_expect_eq(pclose(nm), 0);
	cr_expect_gt(n, 10);
}

/* Two plugins define tiny_handle, llm_plugin_v1 and more; none becomes global. */
Test(plugin_symbols, X_10_loaded_symbols_stay_local)
{
	plugins *ps = help_modules();
	const plugin *a = help_get(ps, "good"), *b = help_get(ps, "duplicate_a");

	cr_expect_null(dlsym(RTLD_DEFAULT, "llm_plugin_v1"));
	cr_expect_neq(a->provider->describe, b->provider->describe);
	cr_expect_str_neq(a->id, b->id);
	plugins_free(ps);
}
