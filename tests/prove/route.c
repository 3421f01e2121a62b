/*
 * route.c - many snapshots, many keys, many candidates: what plans must hold to.
 *
 *   prove_route shuffle N     N snapshots in two orders: how many differ
 *   prove_route bytes         1,000 snapshots and plans as bytes, for a hash of all of them
 *   prove_route affinity      10,000 keys, 16 candidates, 21 fleets: keys moved wrongly, how much
 *                             the fullest has above its share, median and worst of the fleets
 *   prove_route tokens FILE   the estimate for each text of a file, a line of "%%" between them
 *
 * Proves: R-ROUTE-6, R-ROUTE-9, R-ROUTE-13
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static char ids[NODES][32];

static void name_them(void)
{
	uint32_t i;

	for (i = 0; i < NODES; i++)
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
	else if (strcmp(what, "tokens") == 0 && argc > 2)
		tokens(argv[2]);
	else
		die("shuffle N | bytes | affinity | tokens FILE");
	plan_done(&made);
	snapshot_done(&snap);
	snaps_policies_close(&policies);
	return status;
}
