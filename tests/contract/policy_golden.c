/*
 * policy_golden.c - 1,000 snapshots and their plans, kept in tests/golden/plans.txt: a line
 * has the number, the policy, the first bytes of the snapshot's SHA-256, and the plan as
 * numbers of candidates in byte order of their ids, one letter each.
 *
 * LLM_GOLDEN_WRITE=1 writes the file anew.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/snaps.h"

#define GOLDEN TEST_SOURCE_DIR "/tests/golden/plans.txt"
#define COUNT 1000

static snaps_policies policies;
static snapshot snap;
static plan made;

static void open_all(void)
{
	snaps_policies_open(&policies, TEST_BINARY_DIR "/plugins");
	snapshot_init(&snap, mem_default());
	plan_init(&made, mem_default());
}

static void close_all(void)
{
	plan_done(&made);
	snapshot_done(&snap);
	snaps_policies_close(&policies);
}

TestSuite(policy_golden, .init = open_all, .fini = close_all);

static void line_of(uint64_t i, char *to, size_t cap)
{
	char hex[SHA256_HEX], letters[SNAPS_MOST + 1];
	int32_t rc;
	uint32_t k;

	snaps_make(&snap, i, 0);
	rc = rank_plan(&snap, &policies.each[i % SNAPS_POLICIES], &made, NULL);
	cr_assert_eq(snapshot_hash(&snap, hex), 0);
	for (k = 0; k < made.n_order; k++)
		letters[k] = (char)('a' + made.order[k]);
	letters[made.n_order] = '\0';
	snprintf(to, cap, "%" PRIu64 " %s %.16s %" PRIu32 " %s", i, snap.policy, hex, made.n,
		rc ? llm_error_name(rc) : letters);
}

Test(policy_golden, R_ROUTE_6_thousand_plans_are_the_kept_ones)
{
	const char *write = getenv("LLM_GOLDEN_WRITE");
	FILE *f = fopen(GOLDEN, write ? "w" : "r");
	char kept[256], now[256];
	uint64_t i;

	cr_assert_not_null(f, "%s", GOLDEN);
	for (i = 0; i < COUNT; i++) {
		line_of(i, now, sizeof(now));
		if (write) {
			fprintf(f, "%s\n", now);
			continue;
		}
		cr_assert_not_null(fgets(kept, sizeof(kept), f), "line %" PRIu64, i + 1);
		kept[strcspn(kept, "\n")] = '\0';
		cr_assert_str_eq(now, kept);
	}
	fclose(f);
}

Test(policy_golden, R_ROUTE_6_bytes_are_the_whole_snapshot)
{
	char before[SHA256_HEX], after[SHA256_HEX], plan_before[2000];
	snapshot again;
	uint64_t i;
	buf bytes;

	snapshot_init(&again, mem_default());
	buf_init(&bytes, mem_default(), 0);
	for (i = 0; i < COUNT; i++) {
		const rank_policy *p = &policies.each[i % SNAPS_POLICIES];

		snaps_make(&snap, i, 0);
		rank_plan(&snap, p, &made, NULL);
		snprintf(plan_before, sizeof(plan_before), "%s", snaps_plan_text(&snap, &made));
		buf_clear(&bytes);
		cr_assert_eq(snapshot_encode(&snap, &bytes), 0);
		cr_assert_eq(snapshot_decode(bytes.ptr, bytes.len, &again, NULL), 0);
		rank_plan(&again, p, &made, NULL);
		cr_assert_str_eq(snaps_plan_text(&again, &made), plan_before);
		cr_assert_str_eq(again.policy, snap.policy);
		cr_assert_eq(snapshot_hash(&snap, before), 0);
		cr_assert_eq(snapshot_hash(&again, after), 0);
		cr_assert_str_eq(before, after);
	}
	buf_done(&bytes);
	snapshot_done(&again);
}

Test(policy_golden, R_ROUTE_6_order_of_adding_does_not_matter)
{
	char hex[SHA256_HEX], shuffled[SHA256_HEX], plan_before[2000];
	uint64_t i;

	for (i = 0; i < 2000; i++) {
		const rank_policy *p = &policies.each[i % SNAPS_POLICIES];

		snaps_make(&snap, i, 0);
		rank_plan(&snap, p, &made, NULL);
		cr_assert_eq(snapshot_hash(&snap, hex), 0);
		snprintf(plan_before, sizeof(plan_before), "%s", snaps_plan_text(&snap, &made));
		snaps_make(&snap, i, i + 1);
		rank_plan(&snap, p, &made, NULL);
		cr_assert_eq(snapshot_hash(&snap, shuffled), 0);
		cr_assert_str_eq(hex, shuffled);
		cr_assert_str_eq(snaps_plan_text(&snap, &made), plan_before);
	}
}

/* The plugin and what the core does without one say the same. */
Test(policy_golden, R_ROUTE_7_ordered_needs_no_plugin)
{
	char before[2000];
	uint64_t i;

	for (i = 0; i < COUNT; i++) {
		snaps_make(&snap, i, 0);
		rank_plan(&snap, &policies.each[0], &made, NULL);
		snprintf(before, sizeof(before), "%s", snaps_plan_text(&snap, &made));
		rank_plan(&snap, NULL, &made, NULL);
		cr_assert_str_eq(snaps_plan_text(&snap, &made), before);
	}
}
