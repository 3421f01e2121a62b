/* What each of the six policies does, through its plugin. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "route/affinity.h"
#include "support/snaps.h"

static plugins *all;
static instance *in;
static rank_policy policy;
static snapshot snap;
static plan made;

static void begin(void)
{
	const plugin_search where = {.tool_dir = TEST_BINARY_DIR "/plugins"};

	cr_assert_eq(plugins_new(&where, mem_default(), NULL, &all), 0);
	snapshot_init(&snap, mem_default());
	plan_init(&made, mem_default());
	in = NULL;
}

static void end(void)
{
	instance_free(in);
	plan_done(&made);
	snapshot_done(&snap);
	plugins_free(all);
}

TestSuite(policy_six, .init = begin, .fini = end);

static void use(const char *name, const char *const *options)
{
	instance_free(in);
	in = snaps_policy(all, name, options, &policy);
}

static llm_candidate_view *add(const char *id)
{
	return &snapshot_add(&snap, id)->view;
}

/* Four candidates "p/a" to "p/d". */
static void four(void)
{
	static const char *const ids[] = {"p/a", "p/b", "p/c", "p/d"};
	size_t i;

	snapshot_clear(&snap);
	for (i = 0; i < 4; i++)
		add(ids[i]);
}

static const char *first(void)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(snapshot_seal(&snap, &err), 0, "%s", err.message);
	cr_assert_eq(rank_plan(&snap, &policy, &made, &err), 0, "%s", err.message);
	cr_assert_str_eq(made.refusal, "");
	return snap.candidates[made.order[0]].view.id;
}

static void expect_order(const char *letters)
{
	char now[SNAPS_MOST + 1];
	uint32_t i;

	first();
	for (i = 0; i < made.n_order; i++)
		now[i] = (char)('a' + made.order[i]);
	now[i] = '\0';
	cr_expect_str_eq(now, letters);
}

/* ---- weighted ---- */

Test(policy_six, R_ROUTE_7_weighted_gives_each_its_share)
{
	static const uint32_t weight[] = {1, 2, 3, 4};
	uint32_t counts[4] = {0}, second_of_d[4] = {0}, i, k;
	const uint32_t runs = 40000;

	use("weighted", NULL);
	for (i = 0; i < runs; i++) {
		four();
		for (k = 0; k < 4; k++)
			snap.candidates[k].view.weight = weight[k];
		snap.seed = i;
		first();
		counts[made.order[0]]++;
		if (made.order[0] == 3)
			second_of_d[made.order[1]]++;
	}
	for (k = 0; k < 4; k++) /* five standard deviations are 500 */
		cr_expect(counts[k] + 500 > runs * weight[k] / 10 &&
				counts[k] < runs * weight[k] / 10 + 500,
			"%u: %u", k, counts[k]);
	/* Of what is left when d is first, c has the half. */
	cr_expect(second_of_d[2] * 100 > counts[3] * 47 && second_of_d[2] * 100 < counts[3] * 53,
		"%u of %u", second_of_d[2], counts[3]);
}

Test(policy_six, R_ROUTE_7_weight_zero_is_never_first_and_still_a_fallback)
{
	uint32_t i;

	use("weighted", NULL);
	for (i = 0; i < 1000; i++) {
		four();
		snap.candidates[2].view.weight = 0;
		snap.candidates[1].view.weight = UINT32_MAX;
		snap.seed = i;
		cr_assert_str_neq(first(), "p/c");
		cr_assert_eq(made.order[3], 2);
	}
}

/* A canary of 5 %, drawn by the user: whoever is in it stays in it. */
Test(policy_six, R_ROUTE_7_a_split_by_user_is_sticky)
{
	uint32_t canary = 0, i, again;

	use("weighted", NULL);
	for (i = 0; i < 20000; i++) {
		for (again = 0; again < 2; again++) {
			snapshot_clear(&snap);
			add("p/stable")->weight = 95;
			add("p/canary")->weight = 5;
			snap.seed = i;
			canary += strcmp(first(), "p/canary") == 0;
		}
	}
	cr_expect_eq(canary % 2, 0);
	cr_expect(canary > 2 * 850 && canary < 2 * 1150, "%u", canary / 2);
}

/* ---- least busy ---- */

Test(policy_six, R_ROUTE_7_least_busy_is_by_share_of_the_limit)
{
	use("least_busy", NULL);
	four();
	snap.candidates[0].view.in_flight = 3;
	snap.candidates[0].view.limit = 4;
	snap.candidates[1].view.in_flight = 5;
	snap.candidates[1].view.limit = 20;
	snap.candidates[2].view.in_flight = 1;
	snap.candidates[2].view.limit = 2;
	snap.candidates[3].view.limit = 1;
	snap.candidates[3].view.waiting = 9;
	expect_order("bcad");
}

Test(policy_six, R_ROUTE_7_warm_before_cold)
{
	static const char *const names[] = {"least_busy", "latency"};
	size_t i;

	for (i = 0; i < 2; i++) {
		use(names[i], NULL);
		four();
		snap.candidates[0].view.loaded = LLM_LOADED_COLD;
		snap.candidates[1].view.loaded = LLM_LOADED_WARM;
		snap.candidates[1].view.in_flight = 50;
		snap.candidates[2].view.loaded = LLM_LOADED_COLD;
		snap.candidates[3].view.loaded = LLM_LOADED_WARM;
		snap.candidates[3].view.in_flight = 60;
		cr_expect_str_eq(first(), "p/b", "%s", names[i]);
		cr_expect_eq(made.order[1], 3, "%s", names[i]);
	}
}

Test(policy_six, R_ROUTE_7_least_busy_spreads_over_the_idle)
{
	uint32_t counts[4] = {0}, i;

	use("least_busy", NULL);
	for (i = 0; i < 4000; i++) {
		four();
		snap.seed = i;
		first();
		counts[made.order[0]]++;
	}
	for (i = 0; i < 4; i++)
		cr_expect(counts[i] > 850 && counts[i] < 1150, "%u", counts[i]);
}

/* ---- latency ---- */

Test(policy_six, R_ROUTE_7_latency_takes_the_better_of_two)
{
	uint32_t counts[4] = {0}, i, k;

	use("latency", NULL);
	for (i = 0; i < 12000; i++) {
		four();
		for (k = 0; k < 4; k++)
			snap.candidates[k].view.latency_us = 100000 * (k + 1);
		snap.seed = i;
		first();
		counts[made.order[0]]++;
	}
	/* Of the six pairs a wins three, b two, c one, d none. */
	cr_expect_eq(counts[3], 0);
	cr_expect(counts[0] > 5700 && counts[0] < 6300, "%u", counts[0]);
	cr_expect(counts[1] > 3700 && counts[1] < 4300, "%u", counts[1]);
	cr_expect(counts[2] > 1700 && counts[2] < 2300, "%u", counts[2]);
}

Test(policy_six, R_ROUTE_7_latency_counts_what_is_in_flight_and_guesses_a_second)
{
	use("latency", NULL);
	snapshot_clear(&snap);
	add("p/a")->latency_us = 300000;
	add("p/b");
	snap.candidates[0].view.in_flight = 2;
	cr_expect_str_eq(first(), "p/a", "0.9 s before 1 s");
	snap.candidates[0].view.in_flight = 3;
	cr_expect_str_eq(first(), "p/b", "1.2 s behind 1 s");
	snap.candidates[0].view.latency_us = INT64_MAX;
	snap.candidates[0].view.in_flight = UINT32_MAX;
	cr_expect_str_eq(first(), "p/b", "too large to count");
}

Test(policy_six, R_ROUTE_7_latency_draws_among_the_healthy)
{
	uint32_t i;

	use("latency", NULL);
	for (i = 0; i < 1000; i++) {
		four();
		snap.candidates[0].view.health = LLM_CANDIDATE_OPEN;
		snap.candidates[0].view.latency_us = 1;
		snap.candidates[3].view.level = 1;
		snap.candidates[1].view.latency_us = 5;
		snap.candidates[2].view.latency_us = 9;
		snap.seed = i;
		expect_order("bcad");
	}
}

/* ---- cost ---- */

static void priced(int64_t input, int64_t output, uint32_t k)
{
	snap.candidates[k].view.input_picousd = input;
	snap.candidates[k].view.output_picousd = output;
}

Test(policy_six, R_ROUTE_7_cost_is_an_estimate_and_unknown_is_last)
{
	static const char *const few[] = {"expected_output_tokens", "1", NULL};

	use("cost", NULL);
	four();
	snap.input_tokens = 1000;
	snap.output_tokens = 100;
	priced(10, 10, 0); /* 11,000 */
	priced(1, 90, 1); /* 10,000 */
	priced(5, -1, 2);
	priced(0, 0, 3);
	expect_order("dbac");
	snap.output_tokens = -1; /* as usual: 256 */
	priced(1, 40, 1); /* 11,240 against 12,560 */
	expect_order("dbac");
	priced(1, 60, 1); /* 16,360 */
	expect_order("dabc");
	use("cost", few);
	expect_order("dbac");
}

Test(policy_six, R_ROUTE_7_cost_of_equals_is_in_the_order_of_the_profile)
{
	use("cost", NULL);
	snapshot_clear(&snap);
	add("p/c");
	add("p/b");
	add("p/a");
	snap.input_tokens = INT64_MAX;
	priced(INT64_MAX, INT64_MAX, 0);
	priced(INT64_MAX, INT64_MAX, 1);
	priced(INT64_MAX, INT64_MAX, 2);
	expect_order("cba");
}

/* ---- affinity ---- */

#define KEYS 10000
#define NODES 16

static uint8_t owner(uint64_t key, uint32_t without)
{
	static char ids[NODES][32];
	affinity_head head = {.key = key | 1, .bytes = 4096};
	sha256 *h = sha256_new();
	uint32_t i;

	memcpy(head.digest, &key, sizeof(key));
	snapshot_clear(&snap);
	for (i = 0; i < NODES; i++) {
		llm_candidate_view *c;

		snprintf(ids[i], sizeof(ids[i]), "pool#n%02" PRIu32 "/model", i);
		if (i == without)
			continue;
		c = add(ids[i]);
		cr_assert_eq(affinity_score(h, &head, c->id, &c->affinity_u64), 0);
	}
	sha256_free(h);
	snap.affinity_key = head.key;
	snap.affinity_bytes = head.bytes;
	i = (uint32_t)(first()[6] - '0') * 10 + (uint32_t)(first()[7] - '0');
	return (uint8_t)i;
}

Test(policy_six, R_ROUTE_9_a_candidate_that_goes_moves_only_its_own_keys)
{
	static uint8_t before[KEYS];
	uint32_t k, gone, moved = 0, own = 0, foreign = 0;

	use("affinity", NULL);
	for (k = 0; k < KEYS; k++)
		before[k] = owner(k, NODES);
	for (gone = 0; gone < NODES; gone += 5)
		for (k = 0; k < KEYS; k++) {
			const uint8_t now = owner(k, gone);

			own += before[k] == gone;
			moved += now != before[k];
			foreign += now != before[k] && before[k] != gone;
		}
	cr_expect_eq(foreign, 0);
	cr_expect_eq(moved, own);
	cr_expect_gt(moved, 0);
}

Test(policy_six, R_ROUTE_9_keys_are_spread_evenly)
{
	uint32_t counts[NODES] = {0}, k, most = 0;

	use("affinity", NULL);
	for (k = 0; k < KEYS; k++)
		counts[owner(k, NODES)]++;
	for (k = 0; k < NODES; k++)
		most = counts[k] > most ? counts[k] : most;
	cr_expect_lt(most * NODES, KEYS * 110 / 100, "the fullest has %u", most);
}

Test(policy_six, R_ROUTE_9_a_short_head_steps_aside)
{
	use("affinity", NULL);
	snapshot_clear(&snap);
	add("p/z")->affinity_u64 = 1;
	add("p/a")->affinity_u64 = UINT64_MAX;
	snap.affinity_bytes = 2047;
	cr_expect_str_eq(first(), "p/z");
	snap.affinity_bytes = 2048;
	cr_expect_str_eq(first(), "p/a");
	snap.candidates[0].view.health = LLM_CANDIDATE_OPEN;
	cr_expect_str_eq(first(), "p/z", "the highest healthy one");
}

/* ---- sticky fallback ---- */

typedef struct kept {
	char bytes[LLM_POLICY_STATE_MAX];
	size_t len;
	uint32_t changes;
} kept;

static int32_t keep(void *ctx, const void *bytes, size_t len)
{
	kept *k = ctx;

	cr_assert_leq(len, sizeof(k->bytes));
	memcpy(k->bytes, bytes, len);
	k->len = len;
	k->changes++;
	return 0;
}

static void outcome(kept *k, uint64_t key, const char *id, int32_t code, int moved, uint64_t now)
{
	const llm_state_sink sink = {.struct_size = sizeof(sink), .ctx = k, .state = keep};
	const llm_outcome o = {.struct_size = sizeof(o),
		.code = code,
		.id = id,
		.now_ms = now,
		.affinity_key = key,
		.moved = (uint32_t)moved};
	const llm_bytes state = {k->bytes, k->len};

	cr_assert_eq(policy.vt->on_outcome(policy.instance, &state, &o, &sink), 0);
}

static const char *first_with(const kept *k, uint64_t key, uint64_t now)
{
	four();
	snap.candidates[3].view.affinity_u64 = UINT64_MAX;
	snap.affinity_bytes = 4096;
	snap.affinity_key = key;
	snap.now_ms = now;
	snap.state = (llm_bytes){k->bytes, k->len};
	return first();
}

Test(policy_six, R_ROUTE_12_off_by_default)
{
	static kept k;

	use("affinity", NULL);
	outcome(&k, 7, "p/b", 0, 1, 1000);
	cr_expect_eq(k.changes, 0);
	cr_expect_str_eq(first_with(&k, 7, 1000), "p/d");
}

Test(policy_six, R_ROUTE_12_stays_where_it_was_answered)
{
	static const char *const on[] = {"sticky", "true", NULL};
	static kept k;

	use("affinity", on);
	outcome(&k, 7, "p/b", 0, 0, 1000);
	cr_expect_eq(k.changes, 0, "no failover");
	outcome(&k, 7, "p/b", 0, 1, 1000);
	cr_expect_str_eq(first_with(&k, 7, 1001), "p/b");
	cr_expect_eq(made.rows[1].reason, 3, "recorded");
	cr_expect_eq(made.rows[1].a, 59999);
	cr_expect_str_eq(first_with(&k, 8, 1001), "p/d", "another key");
	cr_expect_str_eq(first_with(&k, 7, 61000), "p/d", "a minute later");
	outcome(&k, 7, "p/c", LLM_E_CONNECTION, 0, 2000);
	cr_expect_str_eq(first_with(&k, 7, 2000), "p/b", "another one failed");
	outcome(&k, 7, "p/b", LLM_E_CONNECTION, 0, 2000);
	cr_expect_str_eq(first_with(&k, 7, 2000), "p/d", "it failed itself");
}

Test(policy_six, R_ROUTE_12_the_state_stays_small)
{
	static const char *const on[] = {"sticky", "on", "sticky_ms", "100", NULL};
	static kept k;
	uint64_t i;

	use("affinity", on);
	for (i = 1; i <= 1000; i++)
		outcome(&k, i, "p/b", 0, 1, 1000);
	cr_expect_leq(k.len, LLM_POLICY_STATE_MAX);
	cr_expect_str_eq(first_with(&k, 1000, 1000), "p/b");
	cr_expect_str_eq(first_with(&k, 900, 1000), "p/b");
	cr_expect_str_eq(first_with(&k, 1, 1000), "p/d", "the oldest went");
	outcome(&k, 5000, "p/b", 0, 1, 2000);
	cr_expect_eq(k.len, 24, "what has passed is not kept");
}

/* ---- all ---- */

Test(policy_six, R_ROUTE_7_every_policy_is_a_plugin_with_words_for_its_reasons)
{
	llm_err err = LLM_ERR_INIT;
	const plugin *p;
	size_t i;

	for (i = 0; i < SNAPS_POLICIES; i++) {
		cr_assert_eq(plugins_get(all, snaps_policy_names[i], NULL, &p, &err), 0, "%s",
			err.message);
		cr_expect_str_eq(p->policy_info->name, snaps_policy_names[i]);
		cr_expect_str_eq(p->kinds, LLM_KIND_POLICY);
		cr_expect_null(p->provider);
		cr_expect_not_null(p->policy_info->reasons[0]);
	}
}
