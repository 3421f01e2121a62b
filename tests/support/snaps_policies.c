#include "support/snaps.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "snaps: %s: %s\n", what, why);
	exit(99);
}

/* The test's own options first; then what the policy says is usual. */
static size_t settings(const llm_key_info *const *keys, const char *const *options,
	host_config_item *to, size_t most)
{
	size_t n = 0;

	for (; options && options[0] && n < most; options += 2)
		to[n++] = (host_config_item){options[0], options[1]};
	for (; keys && *keys && n < most; keys++)
		to[n++] = (host_config_item){(*keys)->name, (*keys)->default_text};
	return n;
}

instance *snaps_policy(plugins *all, const char *name, const char *const *options, rank_policy *ret)
{
	host_config_item items[16];
	llm_err err = LLM_ERR_INIT;
	const plugin *p;
	instance *in;

	if (plugins_get(all, name, NULL, &p, &err))
		fail(name, err.message);
	if (!p->policy)
		fail(name, "is no policy");
	if (instance_new_policy(p, items, settings(p->policy_info->options, options, items, 16),
		    mem_default(), NULL, &in, &err))
		fail(name, err.message);
	*ret = (rank_policy){p->policy, instance_handle(in), p->policy_info->name, 0};
	return in;
}

void snaps_policies_open(snaps_policies *p, const char *folder)
{
	const plugin_search where = {.tool_dir = folder};
	size_t i;

	if (plugins_new(&where, mem_default(), NULL, &p->all))
		fail(folder, "no memory");
	for (i = 0; i < SNAPS_POLICIES; i++)
		p->instances[i] = snaps_policy(p->all, snaps_policy_names[i], NULL, &p->each[i]);
}

void snaps_policies_close(snaps_policies *p)
{
	size_t i;

	for (i = 0; i < SNAPS_POLICIES; i++)
		instance_free(p->instances[i]);
	plugins_free(p->all);
}
