/* conf_try.h - reading one configuration in a test, and what it must say. */
#ifndef TESTS_CONF_TRY_H
#define TESTS_CONF_TRY_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "conf/inner.h"
#include "support/litter.h"

typedef struct conf_try {
	conf *c;
	int32_t rc;
	llm_err err;
} conf_try;

/* Any of the lists may be null; `vars` null is an empty environment. */
static inline conf_try try_all(
	const char *text, const char *const *vars, const char *const *overrides)
{
	conf_try t = {.err = LLM_ERR_INIT};
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	conf_env env = {vars};

	opts.config_text = text;
	opts.overrides = overrides;
	t.rc = conf_load_as(&opts, &env, mem_default(), NULL, 0, &t.c, &t.err);
	return t;
}

static inline conf_try try_text(const char *text)
{
	return try_all(text, NULL, NULL);
}

static inline size_t lines_of(const char *message)
{
	size_t n = 1;

	for (; *message; message++)
		n += *message == '\n';
	return n;
}

/* Refused as CONFIG, in at most three lines, with all of these words. */
static inline void refused_with(const conf_try *t, const char *const *words)
{
	cr_assert_eq(t->rc, LLM_E_CONFIG, "accepted, or another code: %d", (int)t->rc);
	cr_assert_null(t->c);
	cr_assert_leq(lines_of(t->err.message), 3, "%s", t->err.message);
	for (; *words; words++)
		cr_assert(strstr(t->err.message, *words), "no '%s' in: %s", *words, t->err.message);
}

#define REFUSED(t, ...) \
	do { \
		conf_try refused_ = (t); \
		refused_with(&refused_, (const char *const[]){__VA_ARGS__, NULL}); \
	} while (0)

static inline conf *accepted(conf_try t)
{
	cr_assert_eq(t.rc, 0, "%s", t.err.message);
	cr_assert_not_null(t.c);
	return t.c;
}

static inline const conf_item *item_of(const conf *c, const char *key)
{
	size_t i;

	for (i = 0; i < c->n_items; i++)
		if (strcmp(c->items[i].key, key) == 0)
			return &c->items[i];
	return NULL;
}

/* Writes a file of that mode below a fresh folder and returns its path. */
static inline const char *file_with(char ret_path[64], const char *text, size_t len, mode_t mode)
{
	char *made = litter_folder();
	FILE *f;

	cr_assert_lt(snprintf(ret_path, 64, "%s/file", made), 64);
	free(made);
	f = fopen(ret_path, "w");
	cr_assert_not_null(f);
	cr_assert_eq(fwrite(text, 1, len, f), len);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(chmod(ret_path, mode), 0);
	return ret_path;
}

static inline void file_gone(char *path)
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

#endif
