/* Snapshots and the order made of them (core/route/snapshot.h, rank.h). */
#include <criterion/criterion.h>
#include <string.h>

#include "base/alloc.h"
#include "route/rank.h"

static snapshot snap;
static plan made;
static llm_err err = LLM_ERR_INIT;

static void begin(void)
{
	snapshot_init(&snap, mem_default());
	plan_init(&made, mem_default());
}

static void end(void)
{
	plan_done(&made);
	snapshot_done(&snap);
}

TestSuite(route_rank, .init = begin, .fini = end);

static snapshot_candidate *add(const char *id)
{
	snapshot_candidate *c = snapshot_add(&snap, id);

	cr_assert_not_null(c);
	memset(c->caps, LLM_CAP_YES, CAPS_CELLS);
	return c;
}

static void three(void)
{
	add("c/one");
	add("a/two");
	add("b/three");
}

static int32_t rank_with(const rank_policy *policy)
{
	cr_assert_eq(snapshot_seal(&snap, &err), 0, "%s", err.message);
	return rank_plan(&snap, policy, &made, &err);
}

static void expect(const char *ids)
{
	char text[500] = "";
	uint32_t i;

	for (i = 0; i < made.n_order; i++) {
		strncat(text, i ? " " : "", 2);
		strncat(text, snap.candidates[made.order[i]].view.id, 100);
		cr_expect_eq(made.rows[made.order[i]].rank, i);
	}
	cr_expect_str_eq(text, ids);
}

static uint32_t removed(const char *id)
{
	uint32_t i;

	for (i = 0; i < snap.n; i++)
		if (strcmp(snap.candidates[i].view.id, id) == 0)
			return made.rows[i].removed;
	return 99;
}

/* ---- policies of the test's own ---- */

typedef struct said {
	uint32_t candidate;
	int64_t score;
} said;

static const said *says;
static size_t n_says;
static int32_t returns;

static int32_t say(void *instance, const llm_snapshot *s, const llm_rank_sink *out)
{
	int32_t rc = 0;
	size_t i;

	(void)instance;
	(void)s;
	for (i = 0; !rc && i < n_says; i++)
		rc = out->score(out->ctx, says[i].candidate, says[i].score, 7, 8, 9);
	return rc ? rc : returns;
}

static const llm_policy_vtable vt = {.struct_size = sizeof(vt), .rank = say};
static const rank_policy own = {&vt, NULL, "own", 0}, strict = {&vt, NULL, "own", 1};

static void saying(const said *list, size_t n)
{
	says = list;
	n_says = n;
	returns = 0;
}

/* ---- the order ---- */

Test(route_rank, R_ROUTE_7_ordered_is_as_configured)
{
	three();
	cr_expect_eq(rank_with(NULL), 0);
	expect("c/one a/two b/three");
	cr_expect_str_eq(made.policy, "ordered");
}

Test(route_rank, R_ROUTE_6_level_capability_health_score_id)
{
	static const said list[] = {{0, 5}, {1, 5}, {2, 9}, {3, INT64_MAX}, {4, INT64_MAX}, {5, 5}};
	snapshot_candidate *c;

	add("f/usual"); /* 5 */
	add("a/usual"); /* 0 */
	add("b/usual"); /* 1 */
	c = add("c/open"); /* 2 */
	c->view.health = LLM_CANDIDATE_OPEN;
	c = add("d/unknown"); /* 3 */
	c->caps[CAPS_TOOLS] = LLM_CAP_UNKNOWN;
	c = add("e/later"); /* 4 */
	c->view.level = 1;
	snap.required = 1u << CAPS_TOOLS;
	saying(list, 6);
	cr_expect_eq(rank_with(&own), 0);
	expect("a/usual b/usual f/usual c/open d/unknown e/later");
	cr_expect_eq(made.rows[0].reason, 7);
	cr_expect_eq(made.rows[0].a, 8);
	cr_expect_eq(made.rows[0].b, 9);
}

Test(route_rank, R_ROUTE_6_health_is_closed_half_open_cooling_open)
{
	static const uint32_t health[] = {LLM_CANDIDATE_OPEN, LLM_CANDIDATE_COOLING,
		LLM_CANDIDATE_HALF_OPEN, LLM_CANDIDATE_CLOSED};
	static const char *const ids[] = {"a/open", "b/cooling", "c/half", "d/closed"};
	size_t i;

	for (i = 0; i < 4; i++)
		add(ids[i])->view.health = health[i];
	cr_expect_eq(rank_with(NULL), 0);
	expect("d/closed c/half b/cooling a/open");
}

Test(route_rank, R_ROUTE_6_scores_compare_over_their_whole_range)
{
	static const said list[] = {{0, INT64_MIN}, {1, INT64_MAX}, {2, 0}, {3, -1}};

	add("a/a");
	add("b/b");
	add("c/c");
	add("d/d");
	saying(list, 4);
	cr_expect_eq(rank_with(&own), 0);
	expect("b/b c/c d/d a/a");
}

/* ---- who is removed ---- */

Test(route_rank, R_ROUTE_4_no_removes_unknown_comes_after_yes)
{
	snap.required = 1u << CAPS_VISION | 1u << CAPS_TOOLS;
	add("a/unknown")->caps[CAPS_VISION] = LLM_CAP_UNKNOWN;
	add("b/no")->caps[CAPS_VISION] = LLM_CAP_NO;
	add("c/yes");
	cr_expect_eq(rank_with(NULL), 0);
	expect("c/yes a/unknown");
	cr_expect_eq(removed("b/no"), RANK_LACKS);
}

Test(route_rank, R_ROUTE_4_all_removed_names_the_first_missing_of_each)
{
	snap.required = 1u << CAPS_VISION | 1u << CAPS_TOOLS;
	add("a/blind")->caps[CAPS_VISION] = LLM_CAP_NO;
	add("b/handless")->caps[CAPS_TOOLS] = LLM_CAP_NO;
	cr_expect_eq(rank_with(NULL), LLM_E_UNSUPPORTED);
	cr_expect(strstr(err.message, "a/blind lacks vision, b/handless lacks tools"), "%s",
		err.message);
	cr_expect_eq(made.n_order, 0);
}

Test(route_rank, R_ROUTE_13_more_than_a_tenth_too_long_is_skipped)
{
	snap.input_tokens = 1100;
	add("a/small")->view.max_input_tokens = 999;
	add("b/edge")->view.max_input_tokens = 1000;
	add("c/unknown");
	cr_expect_eq(rank_with(NULL), 0);
	expect("b/edge c/unknown");
	cr_expect_eq(removed("a/small"), RANK_TOO_LONG);
}

Test(route_rank, R_ROUTE_13_too_long_for_all_says_so)
{
	snap.input_tokens = INT64_MAX;
	add("a/small")->view.max_input_tokens = 999;
	add("b/huge")->view.max_input_tokens = INT64_C(1) << 62;
	cr_expect_eq(rank_with(NULL), LLM_E_CONTEXT_LENGTH_EXCEEDED);
	cr_expect(strstr(err.message, "4611686018427387904"), "%s", err.message);
}

Test(route_rank, R_ROUTE_15_local_means_local)
{
	snap.local_only = 1;
	add("a/cloud")->view.locality = LLM_LOCALITY_CLOUD;
	add("b/who")->view.locality = LLM_LOCALITY_UNKNOWN;
	add("c/here")->view.locality = LLM_LOCALITY_LOCAL;
	cr_expect_eq(rank_with(NULL), 0);
	expect("c/here");
	cr_expect_eq(removed("b/who"), RANK_NOT_LOCAL);
	snapshot_clear(&snap);
	snap.local_only = 1;
	add("a/cloud")->view.locality = LLM_LOCALITY_CLOUD;
	cr_expect_eq(rank_with(NULL), LLM_E_NO_CANDIDATE);
}

Test(route_rank, R_ROUTE_14_each_removal_has_its_word)
{
	three();
	snap.candidates[0].switched = SNAPSHOT_OFF;
	snap.candidates[1].switched = SNAPSHOT_DRAINING;
	cr_expect_eq(rank_with(NULL), 0);
	expect("b/three");
	cr_expect_str_eq(rank_reason_name(removed("c/one")), "switched off");
	cr_expect_str_eq(rank_reason_name(removed("a/two")), "draining");
	cr_expect_str_eq(rank_reason_name(removed("b/three")), "kept");
	snap.candidates[1].switched = SNAPSHOT_OFF;
	cr_expect_eq(rank_with(NULL), LLM_E_NO_CANDIDATE);
	cr_expect(strstr(err.message, "switched off"), "%s", err.message);
	snapshot_clear(&snap);
	cr_expect_eq(rank_with(NULL), LLM_E_NO_CANDIDATE);
	cr_expect_str_eq(err.message, "there is no candidate");
}

/* ---- policies that cannot be followed ---- */

static void expect_refused(const said *list, size_t n, const char *why)
{
	snapshot_clear(&snap);
	three();
	saying(list, n);
	cr_expect_eq(rank_with(&own), 0);
	expect("c/one a/two b/three");
	cr_expect_str_eq(made.policy, "ordered");
	cr_expect(strstr(made.refusal, why), "%s", made.refusal);
	cr_expect_eq(rank_with(&strict), LLM_E_CONFIG);
	cr_expect(strstr(err.message, why), "%s", err.message);
	cr_expect_eq(made.n_order, 0);
}

Test(route_rank, R_ROUTE_15_a_bad_answer_is_not_followed)
{
	static const said unknown[] = {{0, 1}, {3, 1}}, twice[] = {{0, 1}, {1, 1}, {0, 2}};

	expect_refused(unknown, 2, "an unknown candidate (number 3)");
	expect_refused(twice, 3, "a candidate twice (number 0)");
	expect_refused(NULL, 0, "none of 3");
	saying(unknown, 1);
	returns = LLM_E_INTERNAL;
	snapshot_clear(&snap);
	three();
	cr_expect_eq(rank_with(&own), 0);
	cr_expect(strstr(made.refusal, "rank returned -38"), "%s", made.refusal);
}

Test(route_rank, R_ROUTE_15_a_router_can_force_any_plan)
{
	static const said only[] = {{2, 0}};

	three();
	saying(only, 1);
	cr_expect_eq(rank_with(&strict), 0);
	expect("c/one");
	cr_expect_eq(removed("a/two"), RANK_LEFT_OUT);
	cr_expect_str_eq(made.refusal, "");
	cr_expect_str_eq(made.policy, "own");
}

/* ---- snapshots ---- */

Test(route_rank, R_ROUTE_6_two_of_one_id_are_refused)
{
	add("a/a");
	add("b/b");
	add("a/a");
	cr_expect_eq(snapshot_seal(&snap, &err), LLM_E_CONFIG);
	cr_expect(strstr(err.message, "a/a stands twice"), "%s", err.message);
}

Test(route_rank, R_ROUTE_6_state_is_small_and_part_of_the_hash)
{
	static char bytes[LLM_POLICY_STATE_MAX + 1];
	char before[SHA256_HEX], after[SHA256_HEX];

	three();
	cr_assert_eq(snapshot_seal(&snap, NULL), 0);
	cr_assert_eq(snapshot_hash(&snap, before), 0);
	snap.state = (llm_bytes){bytes, LLM_POLICY_STATE_MAX};
	cr_expect_eq(snapshot_seal(&snap, NULL), 0);
	cr_assert_eq(snapshot_hash(&snap, after), 0);
	cr_expect_str_neq(before, after);
	snap.state.len++;
	cr_expect_eq(snapshot_seal(&snap, &err), LLM_E_CONFIG);
}

Test(route_rank, R_ROUTE_6_ids_that_are_too_long_are_refused)
{
	static char id[SNAPSHOT_ID_MAX + 2];

	memset(id, 'x', SNAPSHOT_ID_MAX + 1);
	add(id);
	cr_expect_eq(snapshot_seal(&snap, &err), LLM_E_CONFIG);
}

/* What is unknown takes a byte, and no number is too large to come back. */
Test(route_rank, R_ROUTE_14_all_numbers_come_back)
{
	static const int64_t numbers[] = {-1, 0, 1, 63, 64, INT64_MAX, INT64_MIN};
	size_t unknown_len = 0, i;
	snapshot again;
	buf bytes;

	three();
	snapshot_init(&again, mem_default());
	buf_init(&bytes, mem_default(), 0);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snap.input_tokens = numbers[i];
		snap.seed = UINT64_MAX;
		snap.required = UINT32_MAX;
		cr_assert_eq(snapshot_seal(&snap, NULL), 0);
		buf_clear(&bytes);
		cr_assert_eq(snapshot_encode(&snap, &bytes), 0);
		cr_assert_eq(snapshot_decode(bytes.ptr, bytes.len, &again, NULL), 0);
		cr_expect_eq(again.input_tokens, numbers[i]);
		cr_expect_eq(again.seed, UINT64_MAX);
		cr_expect_eq(again.required, UINT32_MAX);
		unknown_len = i ? unknown_len : bytes.len;
	}
	cr_expect_eq(bytes.len, unknown_len + 9, "unknown: 1 byte, the least number: 10");
	buf_done(&bytes);
	snapshot_done(&again);
}

/* Cut, changed or grown by a byte: never taken for another snapshot, never a crash. */
Test(route_rank, R_ROUTE_14_only_canonical_bytes_are_read)
{
	snapshot again;
	buf bytes, back;
	size_t i;

	snap.state = (llm_bytes){"state", 5};
	three();
	cr_assert_eq(snapshot_seal(&snap, NULL), 0);
	snapshot_init(&again, mem_default());
	buf_init(&bytes, mem_default(), 0);
	buf_init(&back, mem_default(), 0);
	cr_assert_eq(snapshot_encode(&snap, &bytes), 0);
	for (i = 0; i < bytes.len; i++)
		cr_expect_eq(snapshot_decode(bytes.ptr, i, &again, &err), LLM_E_INVALID_REQUEST);
	for (i = 0; i < bytes.len; i++) {
		bytes.ptr[i] ^= 0x41;
		buf_clear(&back);
		if (snapshot_decode(bytes.ptr, bytes.len, &again, NULL) == 0) {
			cr_expect_eq(snapshot_encode(&again, &back), 0);
			cr_expect(back.len == bytes.len &&
				memcmp(back.ptr, bytes.ptr, bytes.len) == 0);
		}
		bytes.ptr[i] ^= 0x41;
	}
	cr_assert_eq(buf_add_char(&bytes, 'x'), 0);
	cr_expect_eq(snapshot_decode(bytes.ptr, bytes.len, &again, &err), LLM_E_INVALID_REQUEST);
	buf_done(&bytes);
	buf_done(&back);
	snapshot_done(&again);
}
