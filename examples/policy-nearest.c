/*
 * policy-nearest.c - a whole policy in one file: where the request is expected to be done
 * first, by usual latency, then with what computes here.
 *
 *	cc -shared -fPIC -Iinclude policy-nearest.c -o nearest.so
 */
#include <llm/abi/abi.h>
#include <llm/abi/policy.h>

enum { NEAREST_KNOWN = 1, NEAREST_NEW = 2 };

static const llm_reason_info known = {
	(uint32_t)sizeof(known), NEAREST_KNOWN, "known", "%a us to the first token"};
static const llm_reason_info fresh = {
	(uint32_t)sizeof(fresh), NEAREST_NEW, "new", "nothing known yet: place %a"};
static const llm_reason_info *const reasons[] = {&known, &fresh, NULL};

static const llm_policy_info info = {(uint32_t)sizeof(info), 0, "nearest",
	"by usual latency, local first among the unknown", NULL, reasons};

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
	(void)instance; /* the host's memory */
}

static int32_t rank(void *instance, const llm_snapshot *s, const llm_rank_sink *out)
{
	int32_t rc = 0;
	uint32_t i;

	(void)instance;
	for (i = 0; rc == 0 && i < s->n_candidates; i++) {
		const llm_candidate_view *c = s->candidates[i];
		const int64_t away = c->locality == LLM_LOCALITY_LOCAL ? 0 : 1000;

		if (c->latency_us >= 0)
			rc = out->score(
				out->ctx, i, -c->latency_us, NEAREST_KNOWN, c->latency_us, 0);
		else
			rc = out->score(out->ctx, i, -1000000 - away - c->position, NEAREST_NEW,
				c->position + INT64_C(1), 0);
	}
	return rc;
}

static const llm_policy_vtable vtable = {
	(uint32_t)sizeof(vtable), 0, describe, create, destroy, rank, NULL};
static const llm_plugin_part part = {LLM_KIND_POLICY, &vtable};
static const llm_plugin_part *const parts[] = {&part, NULL};
static const llm_plugin_desc desc = {LLM_PLUGIN_MAGIC, (uint32_t)sizeof(desc), LLM_ABI_MINOR, 0, 0,
	0, "org.example.nearest", "1.0.0", "CC0-1.0", parts, NULL};

const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	(void)host_minor;
	return &desc;
}
