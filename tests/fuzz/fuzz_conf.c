/*
 * The text of a file; behind a byte 0 overrides, each ended by another; behind two of
 * them variables. Our prescan must see every syntax error before libconfig does, which
 * loses memory on them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "conf/inner.h"

#define LIST_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Pointers to the texts behind `p`, until an empty one. */
static const char *list_of(const char *p, const char *end, const char **list)
{
	size_t n = 0;

	while (p < end && *p && n < LIST_MAX) {
		list[n++] = p;
		p += strlen(p) + 1;
	}
	list[n] = NULL;
	return p < end ? p + 1 : end;
}

static int is_missed_syntax(const char *message)
{
	static const char what[] = ": syntax error (libconfig)";

	if (strncmp(message, "config_text:", 12) != 0)
		return 0;
	message += 12;
	message += strspn(message, "0123456789");
	return strncmp(message, what, sizeof(what) - 1) == 0;
}

static void look(const conf *c)
{
	size_t i;

	for (i = 1; i < c->n_items; i++)
		if (strcmp(c->items[i - 1].key, c->items[i].key) >= 0)
			abort();
	for (i = 0; i < c->n_providers; i++)
		if (!c->providers[i].n_endpoints || !c->providers[i].plugin)
			abort();
	for (i = 0; i < c->n_aliases; i++)
		if (!conf_alias(c, c->aliases[i].name))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *overrides[LIST_MAX + 1];
	const char *vars[LIST_MAX + 1];
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	conf_env env = {vars};
	llm_err err = LLM_ERR_INIT;
	char *text = malloc(size + 1);
	const char *end = text + size;
	conf *c = NULL;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	list_of(list_of(text + strlen(text) + 1, end, overrides), end, vars);
	opts.config_text = text;
	opts.overrides = overrides;
	if (conf_load_as(&opts, &env, mem_default(), NULL, 0, &c, &err) == 0)
		look(c);
	else if (err.code != LLM_E_CONFIG || is_missed_syntax(err.message))
		abort();
	conf_free(c);
	free(text);
	return 0;
}
