#include "nopolicy.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

static const char *nopolicy_origin(const conf *c, const conf_profile *p, const char *key)
{
	size_t i;

	for (i = 0; i < c->n_items; i++)
		if (strcmp(c->items[i].key, key) == 0)
			return c->items[i].origin;
	return p->origin;
}

static const char *nopolicy_near(plugins *ps, const char *policy, arena *mem)
{
	const char *const *names;
	size_t n;

	return plugins_names(ps, LLM_KIND_POLICY, mem, &names, &n) ? NULL :
								     text_nearest(policy, names, n);
}

void nopolicy_say(const conf *c, plugins *ps, const conf_profile *p, llm_err *err)
{
	const llm_err before = *err;
	char key[160];
	const char *near;
	arena mem;

	(void)snprintf(key, sizeof(key), "profiles.%.100s.policy", p->name);
	arena_init(&mem, c->allocator, 0);
	near = nopolicy_near(ps, p->policy, &mem);
	err_set(err, before.code, "%s: '%s' cannot be had%s%s%s\n%s", nopolicy_origin(c, p, key),
		key, near ? " - did you mean '" : "", near ? near : "", near ? "'?" : "",
		before.message);
	arena_reset(&mem);
}
