/*
 * plugin.c - cost.so: the cheapest first by an estimate; an unknown price last.
 */
#include "kit/policy.h"

#define USUAL_OUTPUT 256 /* tokens, where the request does not say */
#define COST_MAX (UINT64_C(1) << 50) /* picodollars: more is all the same */

enum { COST_ESTIMATE = 1, COST_UNKNOWN = 2 };

static const llm_reason_info cost_estimate = {(uint32_t)sizeof(cost_estimate), COST_ESTIMATE,
	"estimate", "about %a picodollars for %b tokens"};
static const llm_reason_info cost_unknown = {
	(uint32_t)sizeof(cost_unknown), COST_UNKNOWN, "unknown", "its price is not known"};
static const llm_reason_info *const cost_reasons[] = {&cost_estimate, &cost_unknown, NULL};

static const llm_key_info cost_output = {(uint32_t)sizeof(cost_output), LLM_TYPE_INT,
	"expected_output_tokens", "tokens", "256",
	"what an answer has when the request sets no limit"};
static const llm_key_info *const cost_options[] = {&cost_output, NULL};

typedef struct cost {
	int64_t output_tokens;
} cost;

/* Prices and tokens are not negative here. */
static uint64_t cost_part(int64_t tokens, int64_t picousd)
{
	uint64_t sum;

	if (__builtin_mul_overflow((uint64_t)tokens, (uint64_t)picousd, &sum) || sum > COST_MAX)
		return COST_MAX;
	return sum;
}

static int64_t not_negative(int64_t value)
{
	return value < 0 ? 0 : value;
}

static int32_t cost_rank(void *instance, const llm_snapshot *s, const llm_rank_sink *out)
{
	const cost *in = instance;
	const int64_t input = not_negative(s->input_tokens);
	const int64_t output = s->output_tokens < 0 ? in->output_tokens : s->output_tokens;
	int32_t rc = 0;
	uint32_t i;

	for (i = 0; rc == 0 && i < s->n_candidates; i++) {
		const llm_candidate_view *c = s->candidates[i];
		uint64_t sum;

		if (c->input_picousd < 0 || c->output_picousd < 0) {
			rc = out->score(out->ctx, i, -INT64_MAX, COST_UNKNOWN, 0, 0);
			continue;
		}
		sum = cost_part(input, c->input_picousd) + cost_part(output, c->output_picousd);
		/* What costs the same is asked in the order of the profile. */
		rc = out->score(out->ctx, i, -(int64_t)(sum << 11 | (c->position & 2047)),
			COST_ESTIMATE, (int64_t)sum,
			input > INT64_MAX - output ? INT64_MAX : input + output);
	}
	return rc;
}

static const llm_policy_info info = {
	.struct_size = (uint32_t)sizeof(info),
	.name = "cost",
	.label = "cheapest first",
	.flags = LLM_POLICY_FASTEST,
	.options = cost_options,
	.reasons = cost_reasons,
};

static const llm_policy_info *cost_describe(void)
{
	return &info;
}

static int32_t cost_create(const llm_host *host, void **ret_instance)
{
	cost *in = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, sizeof(*in));

	if (!in)
		return LLM_E_NOMEM;
	in->output_tokens = kit_config_int(host, cost_output.name, USUAL_OUTPUT);
	if (in->output_tokens < 0) {
		host->set_error(host->ctx, LLM_E_CONFIG, "expected_output_tokens is negative", 34);
		return LLM_E_CONFIG;
	}
	*ret_instance = in;
	return 0;
}

static const llm_policy_vtable vtable = {
	.struct_size = (uint32_t)sizeof(vtable),
	.describe = cost_describe,
	.create = cost_create,
	.destroy = kit_destroy,
	.rank = cost_rank,
};

static const llm_plugin_part part = {LLM_KIND_POLICY, &vtable};
static const llm_plugin_part *const parts[] = {&part, NULL};

static const llm_plugin_desc desc = {
	.magic = LLM_PLUGIN_MAGIC,
	.struct_size = (uint32_t)sizeof(desc),
	.abi_minor = LLM_ABI_MINOR,
	.id = "org.libllm.cost",
	.version = "0.1.0",
	.licence = "Apache-2.0",
	.parts = parts,
};

const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	(void)host_minor;
	return &desc;
}
