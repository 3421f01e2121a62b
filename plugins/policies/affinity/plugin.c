/*
 * plugin.c - affinity.so: prompts with the same head go to the same candidate, which may
 * have it in its cache still. Each candidate scores a head by a hash of both, so taking one
 * away moves only the heads that were its own.
 */
#include <string.h>

#include "kit/policy.h"

#define HEAD_BYTES 2048 /* a shorter head of the prompt decides nothing */
#define STICKY_MS 60000
#define ROW ((size_t)24) /* bytes of a row of the state: key, candidate, until */
#define ROWS (LLM_POLICY_STATE_MAX / ROW)

enum { AFFINITY_BELONGS = 1, AFFINITY_SHORT = 2, AFFINITY_STICKY = 3 };

static const llm_reason_info affinity_belongs = {(uint32_t)sizeof(affinity_belongs),
	AFFINITY_BELONGS, "belongs", "by the head of the prompt, %a bytes"};
static const llm_reason_info affinity_short = {(uint32_t)sizeof(affinity_short), AFFINITY_SHORT,
	"short", "the head of the prompt has only %a bytes: place %b of the profile"};
static const llm_reason_info affinity_sticky = {(uint32_t)sizeof(affinity_sticky), AFFINITY_STICKY,
	"sticky", "stays where it was answered, for another %a ms"};
static const llm_reason_info *const affinity_reasons[] = {
	&affinity_belongs, &affinity_short, &affinity_sticky, NULL};

static const llm_key_info affinity_stays = {(uint32_t)sizeof(affinity_stays), LLM_TYPE_BOOL,
	"sticky", NULL, "false", "after a failure, stay with the candidate that answered"};
static const llm_key_info affinity_time = {(uint32_t)sizeof(affinity_time), LLM_TYPE_DURATION,
	"sticky_ms", "ms", "60000", "for how long"};
static const llm_key_info *const affinity_options[] = {&affinity_stays, &affinity_time, NULL};

typedef struct affinity {
	int sticky;
	uint64_t sticky_ms;
} affinity;

typedef struct sticky_row {
	uint64_t key;
	uint64_t candidate;
	uint64_t until_ms;
} sticky_row;

/* ---- the state: rows of three numbers, low byte first ---- */

static uint64_t read_u64(const unsigned char *p)
{
	uint64_t v = 0;
	int i;

	for (i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static void write_u64(unsigned char *p, uint64_t v)
{
	int i;

	for (i = 0; i < 8; i++, v >>= 8)
		p[i] = (unsigned char)(v & 0xff);
}

static sticky_row read_row(const llm_bytes *state, size_t i)
{
	const unsigned char *p = (const unsigned char *)state->ptr + i * ROW;

	return (sticky_row){read_u64(p), read_u64(p + 8), read_u64(p + 16)};
}

/* The row of a key that still holds, or all zero. */
static sticky_row find_row(const llm_bytes *state, uint64_t key, uint64_t now_ms)
{
	size_t i;

	for (i = 0; key && i < state->len / ROW; i++) {
		const sticky_row r = read_row(state, i);

		if (r.key == key && r.until_ms > now_ms)
			return r;
	}
	return (sticky_row){0, 0, 0};
}

/* ---- the order ---- */

static int32_t affinity_rank(void *instance, const llm_snapshot *s, const llm_rank_sink *out)
{
	const affinity *in = instance;
	sticky_row stay = {0, 0, 0};
	int32_t rc = 0;
	uint32_t i;

	if (in->sticky)
		stay = find_row(&s->state, s->affinity_key, s->now_ms);
	for (i = 0; rc == 0 && i < s->n_candidates; i++) {
		const llm_candidate_view *c = s->candidates[i];

		if (stay.key && kit_mix(0, c->id) == stay.candidate)
			rc = out->score(out->ctx, i, INT64_MAX, AFFINITY_STICKY,
				(int64_t)(stay.until_ms - s->now_ms), 0);
		else if (s->affinity_bytes < HEAD_BYTES)
			rc = out->score(out->ctx, i, -(int64_t)c->position, AFFINITY_SHORT,
				s->affinity_bytes, (int64_t)c->position + 1);
		else
			rc = out->score(out->ctx, i, (int64_t)(c->affinity_u64 >> 2),
				AFFINITY_BELONGS, s->affinity_bytes, 0);
	}
	return rc;
}

/* ---- what is remembered ---- */

/* Rows that hold and are not of this key; the oldest goes when there is no room. */
static size_t keep_rows(const llm_bytes *state, const llm_outcome *o, unsigned char *to)
{
	const size_t have = state->len / ROW;
	size_t n = 0, i;

	for (i = 0; i < have; i++) {
		const sticky_row r = read_row(state, i);

		if (r.key == o->affinity_key || r.until_ms <= o->now_ms)
			continue;
		if (n == ROWS - 1) {
			memmove(to, to + ROW, (ROWS - 2) * ROW);
			n--;
		}
		memcpy(to + n * ROW, state->ptr + i * ROW, ROW);
		n++;
	}
	return n;
}

static int32_t affinity_on_outcome(
	void *instance, const llm_bytes *state, const llm_outcome *o, const llm_state_sink *out)
{
	const affinity *in = instance;
	const sticky_row old = find_row(state, o->affinity_key, o->now_ms);
	const uint64_t candidate = kit_mix(0, o->id);
	unsigned char rows[ROWS * ROW];
	size_t n;

	if (!in->sticky || !o->affinity_key)
		return 0;
	if (o->code ? !old.key || old.candidate != candidate : !o->moved)
		return 0; /* a failure elsewhere, a usual success: nothing changes */
	n = keep_rows(state, o, rows);
	if (!o->code) {
		write_u64(rows + n * ROW, o->affinity_key);
		write_u64(rows + n * ROW + 8, candidate);
		write_u64(rows + n * ROW + 16, o->now_ms + in->sticky_ms);
		n++;
	}
	return out->state(out->ctx, rows, n * ROW);
}

static const llm_policy_info info = {
	.struct_size = (uint32_t)sizeof(info),
	.name = "affinity",
	.label = "same head of the prompt, same candidate",
	.flags = LLM_POLICY_AFFINITY,
	.options = affinity_options,
	.reasons = affinity_reasons,
};

static const llm_policy_info *affinity_describe(void)
{
	return &info;
}

static int32_t affinity_create(const llm_host *host, void **ret_instance)
{
	affinity *in = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, sizeof(*in));
	int64_t ms;

	if (!in)
		return LLM_E_NOMEM;
	ms = kit_config_int(host, affinity_time.name, STICKY_MS);
	in->sticky = kit_config_bool(host, affinity_stays.name);
	in->sticky_ms = ms > 0 ? (uint64_t)ms : 0;
	*ret_instance = in;
	return 0;
}

static const llm_policy_vtable vtable = {
	.struct_size = (uint32_t)sizeof(vtable),
	.describe = affinity_describe,
	.create = affinity_create,
	.destroy = kit_destroy,
	.rank = affinity_rank,
	.on_outcome = affinity_on_outcome,
};

static const llm_plugin_part part = {LLM_KIND_POLICY, &vtable};
static const llm_plugin_part *const parts[] = {&part, NULL};

static const llm_plugin_desc desc = {
	.magic = LLM_PLUGIN_MAGIC,
	.struct_size = (uint32_t)sizeof(desc),
	.abi_minor = LLM_ABI_MINOR,
	.id = "org.libllm.affinity",
	.version = "0.1.0",
	.licence = "Apache-2.0",
	.parts = parts,
};

const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	(void)host_minor;
	return &desc;
}
