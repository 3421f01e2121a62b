/*
 * plugin_help.h - folders, copies and registries for the loader's tests.
 */
#ifndef TESTS_CONTRACT_PLUGIN_HELP_H
#define TESTS_CONTRACT_PLUGIN_HELP_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "plugin/plugin.h"
#include "support/litter.h"

#define MODULES TEST_BINARY_DIR "/tests/modules"

typedef char help_path[512];

/* A new folder of mode 0755; at the latest it goes with the test's process. */
static inline void help_folder(help_path ret)
{
	char *made = litter_folder();

	cr_assert_lt(strlen(made), sizeof(help_path));
	memcpy(ret, made, strlen(made) + 1);
	free(made);
	cr_assert_eq(chmod(ret, 0755), 0);
}

static inline void help_join(help_path ret, const char *folder, const char *base)
{
	int n = snprintf(ret, sizeof(help_path), "%s/%s", folder, base);

	cr_assert(n > 0 && (size_t)n < sizeof(help_path));
}

/* Copies the first `most` bytes of a file. */
static inline void help_copy_part(const char *from, const char *to, size_t most)
{
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	int c;

	cr_assert(in && out, "cannot copy %s to %s", from, to);
	while (most-- > 0 && (c = fgetc(in)) != EOF)
		fputc(c, out);
	fclose(in);
	cr_assert_eq(fclose(out), 0);
	cr_assert_eq(chmod(to, 0755), 0);
}

/* Puts tests/modules/MODULE.so into `folder` as BASE; its path in `ret`. */
static inline void help_install(
	const char *module, const char *folder, const char *base, help_path ret)
{
	help_path from;

	snprintf(from, sizeof(from), MODULES "/%s.so", module);
	help_join(ret, folder, base);
	help_copy_part(from, ret, SIZE_MAX);
}

static inline plugins *help_registry(const char *env_path, const char *config_path)
{
	plugin_search search = {.env_path = env_path, .config_path = config_path};
	plugins *ps = NULL;

	cr_assert_eq(plugins_new(&search, mem_default(), NULL, &ps), 0);
	return ps;
}

/* A registry over the built modules. */
static inline plugins *help_modules(void)
{
	return help_registry(MODULES, NULL);
}

static inline const plugin *help_get(plugins *ps, const char *name)
{
	llm_err err = LLM_ERR_INIT;
	const plugin *p = NULL;
	int32_t rc = plugins_get(ps, name, NULL, &p, &err);

	cr_assert_eq(rc, 0, "%s: %s", name, err.message);
	cr_assert_not_null(p);
	return p;
}

/* `name` is refused with exactly this sentence, twice, and *ret is left alone. */
static inline void help_refused(plugins *ps, const char *name, const char *format, ...)
{
	char wanted[2001];
	llm_err err = LLM_ERR_INIT;
	const plugin *untouched = (const plugin *)&err;
	const plugin *p = untouched;
	va_list args;
	int i;

	va_start(args, format);
	vsnprintf(wanted, sizeof(wanted), format, args);
	va_end(args);
	for (i = 0; i < 2; i++) {
		cr_expect_eq(plugins_get(ps, name, NULL, &p, &err), LLM_E_PLUGIN);
		cr_expect_str_eq(err.message, wanted);
		cr_expect_eq(err.code, LLM_E_PLUGIN);
		cr_expect_eq(p, untouched);
	}
}

#endif
