/*
 * route.c - many snapshots, many keys, many candidates: what plans must hold to.
 *
 *   prove_route shuffle N     N snapshots in two orders: how many differ
 *   prove_route bytes         1,000 snapshots and plans as bytes, for a hash of all of them
 *   prove_route affinity      10,000 keys, 16 candidates, 21 fleets: keys moved wrongly, how much
 *                             the fullest has above its share, median and worst of the fleets
 *   prove_route plan          W13: ns per plan, of the policy alone, and allocations
 *   prove_route tokens FILE   the estimate for each text of a file, a line of "%%" between them
 *
 * Proves: R-ROUTE-6, R-ROUTE-9, R-ROUTE-13
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "route/affinity.h"
#include "route/tokens.h"
#include "support/snaps.h"

static snaps_policies policies;
static snapshot snap;
static plan made;

static void die(const char *what)
{
	fprintf(stderr, "prove_route: %s\n", what);
	exit(1);
}

/* ---- shuffle ---- */

static int same_again(uint64_t i)
{
	const rank_policy *p = &policies.each[i % SNAPS_POLICIES];
	char hex[SHA256_HEX], again[SHA256_HEX], text[SNAPS_MOST * 80];

	snaps_make(&snap, i, 0);
	rank_plan(&snap, p, &made, NULL);
	if (snapshot_hash(&snap, hex))
		die("no hash");
	snprintf(text, sizeof(text), "%s", snaps_plan_text(&snap, &made));
	snaps_make(&snap, i, i + 1);
	rank_plan(&snap, p, &made, NULL);
	if (snapshot_hash(&snap, again))
		die("no hash");
	return strcmp(hex, again) == 0 && strcmp(text, snaps_plan_text(&snap, &made)) == 0;
}

static int shuffle(uint64_t n)
{
	uint64_t i, wrong = 0;

	for (i = 0; i < n; i++)
		wrong += !same_again(i);
	printf("%" PRIu64 " snapshots, %" PRIu64 " differ\n", n, wrong);
	return wrong != 0;
}

/* ---- affinity ---- */

#define KEYS 10000
#define NODES 16
#define FLEETS 21

static int by_size(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static char ids[1024][32];

static void name_them(void)
{
	uint32_t i;

	for (i = 0; i < 1024; i++)
		snprintf(ids[i], sizeof(ids[i]), "pool#n%04" PRIu32 "/model", i);
}

/* The candidate that a key belongs to when `without` is not there. */
static uint32_t owner(sha256 *h, uint64_t key, uint32_t without)
{
	affinity_head head = {.key = key | 1, .bytes = 4096};
	snapshot_candidate *c;
	uint32_t i;

	memcpy(head.digest, &key, sizeof(key));
	snapshot_clear(&snap);
	for (i = 0; i < NODES; i++) {
		if (i == without)
			continue;
		c = snapshot_add(&snap, ids[i]);
		if (!c || affinity_score(h, &head, ids[i], &c->view.affinity_u64))
			die("no memory");
	}
	snap.affinity_key = head.key;
	snap.affinity_bytes = head.bytes;
	if (snapshot_seal(&snap, NULL) || rank_plan(&snap, &policies.each[5], &made, NULL))
		die("no plan");
	i = made.order[0];
	return i < without ? i : i + 1;
}

/* Which candidate has a key, in a fleet with all of them; how much the fullest has over. */
static uint32_t own_all(sha256 *h, uint64_t fleet, uint32_t *ret_owners)
{
	uint32_t counts[NODES] = {0}, k, most = 0;

	for (k = 0; k < KEYS; k++) {
		ret_owners[k] = owner(h, fleet * KEYS + k, NODES);
		counts[ret_owners[k]]++;
	}
	for (k = 0; k < NODES; k++)
		most = counts[k] > most ? counts[k] : most;
	return most * NODES - KEYS;
}

static void affinity(void)
{
	static uint32_t owners[KEYS];
	uint32_t over[FLEETS], k, gone, now, foreign = 0;
	sha256 *h = sha256_new();

	if (!h)
		die("no memory");
	for (k = FLEETS; k-- > 0;)
		over[k] = own_all(h, k, owners);
	for (gone = 0; gone < NODES; gone++) /* of fleet 0 */
		for (k = 0; k < KEYS; k++) {
			now = owner(h, k, gone);
			foreign += now != owners[k] && owners[k] != gone;
		}
	sha256_free(h);
	qsort(over, FLEETS, sizeof(over[0]), by_size);
	printf("%" PRIu32 " %" PRIu32 ".%02" PRIu32 " %" PRIu32 ".%02" PRIu32 "\n", foreign,
		over[FLEETS / 2] / 100, over[FLEETS / 2] % 100, over[FLEETS - 1] / 100,
		over[FLEETS - 1] % 100);
}

/* ---- W13 ---- */

static uint64_t allocs;

static void *counted_alloc(void *ctx, size_t n)
{
	allocs++;
	return mem_default()->alloc(ctx, n);
}

static void *counted_resize(void *ctx, void *p, size_t n)
{
	allocs++;
	return mem_default()->resize(ctx, p, n);
}

static void counted_release(void *ctx, void *p)
{
	mem_default()->release(ctx, p);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* As a service would: candidates in the order of their ids, as a profile keeps them. */
static void fill(uint32_t n, uint64_t seed)
{
	uint32_t i;

	snapshot_clear(&snap);
	snap.seed = seed;
	snap.required = 1u << CAPS_CHAT | 1u << CAPS_STREAM;
	snap.input_tokens = 1200;
	snap.affinity_bytes = 4096;
	for (i = 0; i < n; i++) {
		snapshot_candidate *c = snapshot_add(&snap, ids[i]);

		if (!c)
			die("no memory");
		c->caps[CAPS_CHAT] = c->caps[CAPS_STREAM] = LLM_CAP_YES;
		c->view.in_flight = (uint32_t)(seed + i) % 7;
		c->view.limit = 16;
		c->view.latency_us = 100000 + (int64_t)((seed * 31 + i * 17) % 50000);
		c->view.input_picousd = 100000 + i;
		c->view.output_picousd = 400000 - i;
		c->view.affinity_u64 = (seed + i) * UINT64_C(0x9e3779b97f4a7c15);
	}
}

static void one_plan(uint32_t n, uint64_t i, const rank_policy *p)
{
	fill(n, i);
	if (snapshot_seal(&snap, NULL) || rank_plan(&snap, p, &made, NULL))
		die("no plan");
}

static void time_plans(uint32_t n, const rank_policy *p)
{
	const uint64_t rounds = 400000 / n + 50;
	uint64_t best = UINT64_MAX, took, before, i;
	int again;

	one_plan(n, 1, p);
	allocs = 0;
	for (again = 0; again < 5; again++) {
		before = now_ns();
		for (i = 0; i < rounds; i++)
			one_plan(n, i, p);
		took = now_ns() - before;
		best = took < best ? took : best;
	}
	printf("%s %" PRIu32 " %" PRIu64 " %" PRIu64 "\n", p->name, n, best / rounds,
		allocs / (rounds * 5));
}

static void time_all(void)
{
	static const uint32_t sizes[] = {2, 16, 128, 1024};
	const llm_allocator counted = {NULL, counted_alloc, counted_resize, counted_release};
	size_t i, k;

	snapshot_done(&snap);
	plan_done(&made);
	snapshot_init(&snap, &counted);
	plan_init(&made, &counted);
	for (i = 0; i < SNAPS_POLICIES; i++)
		for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++)
			time_plans(sizes[k], &policies.each[i]);
	snapshot_done(&snap);
	plan_done(&made);
}

/* ---- tokens ---- */

static void tokens(const char *path)
{
	static char text[1 << 16], line[1 << 14];
	FILE *f = fopen(path, "rb");
	size_t len = 0, n;

	if (!f)
		die(path);
	while (fgets(line, sizeof(line), f)) {
		if (strcmp(line, "%%\n") == 0) {
			printf("%" PRId64 "\n", tokens_of_text(text, len));
			len = 0;
			continue;
		}
		n = strlen(line);
		if (n > sizeof(text) - len)
			die("a text is too long");
		memcpy(text + len, line, n);
		len += n;
	}
	fclose(f);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int status = 0;

	snapshot_init(&snap, mem_default());
	plan_init(&made, mem_default());
	snaps_policies_open(&policies, TEST_BINARY_DIR "/plugins");
	name_them();
	if (strcmp(what, "shuffle") == 0 && argc > 2)
		status = shuffle(strtoull(argv[2], NULL, 10));
	else if (strcmp(what, "bytes") == 0)
		snaps_bytes(policies.each, 1000);
	else if (strcmp(what, "affinity") == 0)
		affinity();
	else if (strcmp(what, "plan") == 0)
		time_all();
	else if (strcmp(what, "tokens") == 0 && argc > 2)
		tokens(argv[2]);
	else
		die("shuffle N | bytes | affinity | plan | tokens FILE");
	plan_done(&made);
	snapshot_done(&snap);
	snaps_policies_close(&policies);
	return status;
}
