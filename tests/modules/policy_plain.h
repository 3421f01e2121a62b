/*
 * policy_plain.h - a policy that ranks by number, for modules that are wrong in one corner.
 */
#ifndef TESTS_MODULES_POLICY_PLAIN_H
#define TESTS_MODULES_POLICY_PLAIN_H

#include "llm/abi/policy.h"

static int plain_handle; /* what an instance points at */

static inline int32_t plain_create(const llm_host *host, void **ret_instance)
{
	(void)host;
	*ret_instance = &plain_handle;
	return 0;
}

static inline void plain_destroy(void *instance)
{
	(void)instance;
}

static inline int32_t plain_rank(void *instance, const llm_snapshot *s, const llm_rank_sink *out)
{
	int32_t rc = 0;
	uint32_t i;

	(void)instance;
	for (i = 0; rc == 0 && i < s->n_candidates; i++)
		rc = out->score(out->ctx, i, i, 1, 0, 0);
	return rc;
}

#define PLAIN_INFO .struct_size = sizeof(llm_policy_info), .name = "plain", .label = "Plain"

/* describe comes from the module. */
#define PLAIN_TABLE \
	.struct_size = sizeof(llm_policy_vtable), .create = plain_create, \
	.destroy = plain_destroy, .rank = plain_rank

#define PLAIN_DESC \
	.magic = LLM_PLUGIN_MAGIC, .struct_size = sizeof(llm_plugin_desc), \
	.abi_minor = LLM_ABI_MINOR, .version = "1.0.0", .licence = "MIT"

#endif
