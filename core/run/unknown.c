/*
 * unknown.c - a provider or a plugin that is not there: the names nearest to it that are.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "upstream.h"

#define SHOWN 3
#define NAMES_MAX 4096 /* comparing with more would take long */

typedef struct known {
	arena ar;
	const char *const *files; /* plugins by the names of their files */
	size_t n_files;
	const char **names; /* what may have been meant */
	size_t n;
} known;

static int has(const char *const *names, size_t n, const char *name)
{
	while (n--)
		if (strcmp(names[n], name) == 0)
			return 1;
	return 0;
}

/* Of the files only those of providers: what else is there answers nobody. */
static int32_t gather(confset *set, int files, int configured, known *k)
{
	const conf *c = set->conf;
	size_t most, i;
	int32_t rc = 0;

	if (files)
		rc = plugins_names(set->plugins, LLM_KIND_PROVIDER, &k->ar, &k->files, &k->n_files);
	most = c->n_providers + k->n_files;
	if (rc)
		return rc;
	if (most > NAMES_MAX)
		return 0;
	k->names = arena_array(&k->ar, most + 1, sizeof(*k->names));
	if (!k->names)
		return LLM_E_NOMEM;
	for (i = 0; configured && i < c->n_providers; i++)
		k->names[k->n++] = c->providers[i].name;
	for (i = 0; i < k->n_files; i++)
		if (!has(k->names, k->n, k->files[i]))
			k->names[k->n++] = k->files[i];
	return 0;
}

/* One line, in front of what `err` says already. */
static void say(const char *kind, const char *word, const known *k, llm_err *err)
{
	const llm_err before = *err;
	const char *near[SHOWN];
	const size_t shown = text_rank(word, k->names, k->n, near, SHOWN);
	char list[256] = "", many[64] = "there are";
	size_t i, used = 0;

	if (!shown)
		return;
	for (i = 0; i < shown && used < sizeof(list); i++)
		used += (size_t)snprintf(
			list + used, sizeof(list) - used, "%s%.64s", i ? ", " : "", near[i]);
	if (k->n > shown)
		snprintf(many, sizeof(many), "the nearest of %zu are", k->n);
	else if (shown == 1)
		snprintf(many, sizeof(many), "there is");
	err_set(err, before.code, "no %s is called \"%.64s\"; %s: %s\n%s", kind, word, many, list,
		before.message);
}

int32_t upstream_unknown(confset *set, const char *name, const conf_provider *p, llm_err *err)
{
	const int implicit = !p || strcmp(p->origin, "implicit") == 0;
	const char *word = implicit ? name : p->plugin;
	known k = {.n = 0};
	int32_t rc = 0;

	if (word[0] == '/')
		return err->code;
	arena_init(&k.ar, &set->svc->mem, 0);
	if (p)
		rc = plugins_names(set->plugins, NULL, &k.ar, &k.files, &k.n_files);
	/* A file of that name was looked at, and `err` says why it was refused. */
	if (!rc && !has(k.files, k.n_files, word))
		rc = gather(set, p != NULL, implicit, &k);
	if (rc)
		err_set(err, LLM_E_NOMEM, "out of memory");
	else
		say(implicit ? "provider" : "plugin", word, &k, err);
	arena_reset(&k.ar);
	return err->code;
}
