/*
 * policy-nearest.c - a policy in 60 lines: the shortest usual time to the first token; of those
 * that nothing is known of, what computes here.
 *
 *	cc -shared -fPIC -Iinclude policy-nearest.c -o nearest.so
 */
#include <llm/abi/policy.h>

static const llm_reason_info known = {sizeof(known), 1, "known", "%a us to the first token"};
static const llm_reason_info fresh = {sizeof(fresh), 2, "new", "nothing known yet, place %a"};
static const llm_reason_info *const reasons[] = {&known, &fresh, NULL};
static const llm_policy_info info = {
	sizeof(info), 0, "nearest", "the shortest usual time first", NULL, reasons};

static const llm_policy_info *describe(void)
{
	return &info;
}

static int32_t create(const llm_host *host, void **ret_instance)
{
	*ret_instance = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, 1);
	return *ret_instance ? 0 : LLM_E_NOMEM;
}

static void destroy(void *instance)
{
	(void)instance; /* its memory is the host's */
}

static int32_t score(const llm_candidate_view *c, uint32_t i, const llm_rank_sink *out)
{
	const int64_t guess_us = c->locality == LLM_LOCALITY_LOCAL ? 1000000 : 2000000;

	if (c->latency_us >= 0)
		return out->score(out->ctx, i, -c->latency_us, 1, c->latency_us, 0);
	return out->score(out->ctx, i, -guess_us - c->position, 2, c->position + INT64_C(1), 0);
}

static int32_t rank(void *instance, const llm_snapshot *s, const llm_rank_sink *out)
{
	int32_t rc = 0;

	(void)instance;
	for (uint32_t i = 0; rc == 0 && i < s->n_candidates; i++)
		rc = score(s->candidates[i], i, out);
	return rc;
}

static const llm_policy_vtable vtable = {sizeof(vtable), 0, describe, create, destroy, rank, NULL};
static const llm_plugin_part part = {LLM_KIND_POLICY, &vtable};
static const llm_plugin_part *const parts[] = {&part, NULL};
static const llm_plugin_desc desc = {LLM_PLUGIN_MAGIC, sizeof(desc), LLM_ABI_MINOR, 0, 0, 0,
	"org.example.nearest", "1.0.0", "CC0-1.0", parts, NULL};

const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	(void)host_minor;
	return &desc;
}
