/* The record of a decision (core/route/explain.h). */
#include <criterion/criterion.h>
#include <string.h>

#include "base/alloc.h"
#include "route/explain.h"
#include "support/snaps.h"

static snaps_policies policies;
static snapshot snap;
static plan made;
static buf out;

static int32_t put(void *ctx, const char *bytes, size_t len)
{
	return buf_add(ctx, bytes, len);
}

static const char *explain(const llm_policy_info *info)
{
	jsonw w;

	buf_clear(&out);
	jsonw_init(&w, put, &out);
	cr_assert_eq(explain_write(&snap, &made, info, &w), 0);
	cr_assert_eq(jsonw_finish(&w), 0);
	return buf_text(&out);
}

static void has(const char *json, const char *part)
{
	cr_expect(strstr(json, part), "%s is not in %s", part, json);
}

static void begin(void)
{
	snapshot_candidate *c;

	snaps_policies_open(&policies, TEST_BINARY_DIR "/plugins");
	snapshot_init(&snap, mem_default());
	plan_init(&made, mem_default());
	buf_init(&out, mem_default(), 0);
	snap.policy = "least_busy";
	snap.required = 1u << CAPS_VISION;
	c = snapshot_add(&snap, "a/busy");
	c->view.in_flight = 3;
	c->view.limit = 4;
	c->caps[CAPS_VISION] = LLM_CAP_YES;
	snapshot_add(&snap, "b/blind")->caps[CAPS_VISION] = LLM_CAP_NO;
	c = snapshot_add(&snap, "c/idle");
	c->view.limit = 4;
	c->view.health = LLM_CANDIDATE_COOLING;
	cr_assert_eq(snapshot_seal(&snap, NULL), 0);
}

static void end(void)
{
	buf_done(&out);
	plan_done(&made);
	snapshot_done(&snap);
	snaps_policies_close(&policies);
}

TestSuite(policy_explain, .init = begin, .fini = end);

Test(policy_explain, R_ROUTE_14_each_candidate_with_its_reason)
{
	const llm_policy_info *info = policies.each[2].vt->describe();
	const char *json;

	cr_assert_eq(rank_plan(&snap, &policies.each[2], &made, NULL), 0);
	json = explain(info);
	has(json, "\"policy\":\"least_busy\",\"followed\":\"least_busy\",\"refused\":null");
	has(json, "\"id\":\"a/busy\",\"kept\":true,\"removed\":null,\"lacks\":null");
	has(json, "\"reason\":\"3 in flight of 4\",\"rank\":0");
	has(json, "\"id\":\"b/blind\",\"kept\":false,\"removed\":\"lacks\",\"lacks\":\"vision\"");
	has(json, "\"fit\":\"unknown\",\"health\":\"cooling\"");
	has(json, "\"plan\":[\"a/busy\",\"c/idle\"]");
	has(json, "\"replayable\":true");
}

static int32_t nothing(void *self, const llm_snapshot *s, const llm_rank_sink *sink)
{
	(void)self;
	(void)s;
	(void)sink;
	return 0;
}

Test(policy_explain, R_ROUTE_14_a_refused_policy_is_named)
{
	static const llm_policy_vtable vt = {.struct_size = sizeof(vt), .rank = nothing};
	const rank_policy own = {&vt, NULL, "least_busy", 0};
	const char *json;

	cr_assert_eq(rank_plan(&snap, &own, &made, NULL), 0);
	json = explain(policies.each[2].vt->describe());
	has(json, "\"followed\":\"ordered\",\"refused\":\"it ranked none of 2\"");
	has(json, "\"reason\":\"place 1 of the profile\"");
}

Test(policy_explain, R_ROUTE_14_reasons_are_cut_not_overrun)
{
	char small[8];
	uint32_t cap;

	cr_assert_eq(rank_plan(&snap, &policies.each[2], &made, NULL), 0);
	for (cap = 1; cap <= sizeof(small); cap++) {
		explain_reason(&made, 0, policies.each[2].vt->describe(), small, cap);
		cr_expect_eq(strlen(small), cap - 1);
		cr_expect_eq(strncmp(small, "3 in flight of 4", cap - 1), 0);
	}
	explain_reason(&made, 1, policies.each[2].vt->describe(), small, sizeof(small));
	cr_expect_str_eq(small, "");
}
