/*
 * plan.c - from a filled snapshot to the order of candidates, each policy and size (W13).
 *
 *   bench-plan POLICY CANDIDATES ROUNDS
 *
 * What is timed is what planning adds to a run once the candidates are known: filling a
 * snapshot that is reused, sealing it, asking the policy, checking and sorting its scores.
 * It looks inside the library: through the public interface a plan comes with a request.
 * Prints one JSON object.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "meter.h"
#include "plugin/plugin.h"
#include "route/rank.h"

#define SIZE_MOST 1024
#define BATCHES 5

static struct {
	snapshot snap;
	plan made;
	rank_policy policy;
	uint32_t n;
	uint64_t allocs;
	char ids[SIZE_MOST][32];
} bench;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench-plan: %s: %s\n", what, why);
	exit(1);
}

/* ---- memory, counted ---- */

static void *counted_alloc(void *ctx, size_t n)
{
	bench.allocs++;
	return mem_default()->alloc(ctx, n);
}

static void *counted_resize(void *ctx, void *p, size_t n)
{
	bench.allocs++;
	return mem_default()->resize(ctx, p, n);
}

static void counted_release(void *ctx, void *p)
{
	mem_default()->release(ctx, p);
}

/* ---- the policy ---- */

/* With the options that it says are usual. */
static instance *open_policy(plugins *all, const char *name)
{
	host_config_item items[16];
	llm_err err = LLM_ERR_INIT;
	const llm_key_info *const *key;
	const plugin *p;
	instance *in;
	size_t n = 0;

	if (plugins_get(all, name, NULL, &p, &err))
		die(name, err.message);
	if (!p->policy)
		die(name, "is no policy");
	for (key = p->policy_info->options; key && *key && n < 16; key++)
		items[n++] = (host_config_item){(*key)->name, (*key)->default_text};
	if (instance_new_policy(p, items, n, mem_default(), NULL, &in, &err))
		die(name, err.message);
	bench.policy = (rank_policy){p->policy, instance_handle(in), p->policy_info->name, 0};
	return in;
}

/* ---- plans ---- */

/* As a service does: in the order of ids, as a profile keeps them. */
static void fill(uint64_t seed)
{
	snapshot *s = &bench.snap;
	uint32_t i;

	snapshot_clear(s);
	s->seed = seed;
	s->required = 1u << CAPS_CHAT | 1u << CAPS_STREAM;
	s->input_tokens = 1200;
	s->affinity_bytes = 4096;
	for (i = 0; i < bench.n; i++) {
		snapshot_candidate *c = snapshot_add(s, bench.ids[i]);

		if (!c)
			die("snapshot", "no memory");
		c->caps[CAPS_CHAT] = c->caps[CAPS_STREAM] = LLM_CAP_YES;
		c->view.in_flight = (uint32_t)(seed + i) % 7;
		c->view.limit = 16;
		c->view.latency_us = 100000 + (int64_t)((seed * 31 + i * 17) % 50000);
		c->view.input_picousd = 100000 + i;
		c->view.output_picousd = 400000 - i;
		c->view.affinity_u64 = (seed + i) * UINT64_C(0x9e3779b97f4a7c15);
	}
}

static void one_plan(uint64_t seed)
{
	llm_err err = LLM_ERR_INIT;

	fill(seed);
	if (snapshot_seal(&bench.snap, &err) ||
		rank_plan(&bench.snap, &bench.policy, &bench.made, &err))
		die(bench.policy.name, err.message);
	if (bench.made.n_order != bench.n || bench.made.refusal[0])
		die(bench.policy.name, "its ranking was not followed");
}

/* ns a plan, of the quickest batch: what disturbs only ever adds. */
static uint64_t time_plans(uint64_t rounds)
{
	uint64_t best = UINT64_MAX, took, before, i;
	int batch;

	one_plan(0); /* memory grows once */
	bench.allocs = 0;
	for (batch = 0; batch < BATCHES; batch++) {
		before = meter_now();
		for (i = 0; i < rounds; i++)
			one_plan(i);
		took = meter_now() - before;
		best = took < best ? took : best;
	}
	return best / rounds;
}

static void print(uint64_t rounds)
{
	const uint64_t ns = time_plans(rounds);

	printf("{\"failed\":0,\"ns\":%llu,\"plans\":%llu,\"allocs\":%llu}\n",
		(unsigned long long)ns, (unsigned long long)(rounds * BATCHES),
		(unsigned long long)bench.allocs);
}

int main(int argc, char **argv)
{
	const llm_allocator counted = {NULL, counted_alloc, counted_resize, counted_release};
	const plugin_search where = {.tool_dir = LLM_BUILD_PLUGIN_DIR};
	const uint64_t rounds = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	plugins *all;
	instance *in;
	uint32_t i;

	bench.n = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	if (!rounds || !bench.n || bench.n > SIZE_MOST)
		die("usage", "bench-plan POLICY CANDIDATES ROUNDS");
	if (plugins_new(&where, mem_default(), NULL, &all))
		die("plugins", "no memory");
	in = open_policy(all, argv[1]);
	for (i = 0; i < SIZE_MOST; i++)
		snprintf(bench.ids[i], sizeof(bench.ids[i]), "pool#n%04u/model", (unsigned)i);
	snapshot_init(&bench.snap, &counted);
	plan_init(&bench.made, &counted);
	print(rounds);
	plan_done(&bench.made);
	snapshot_done(&bench.snap);
	instance_free(in);
	plugins_free(all);
	return 0;
}
