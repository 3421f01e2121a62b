/* Policies that are wrong, late or forgetful, in the hands of a service (core/run/routing.h). */
#include <criterion/criterion.h>

#include "run/confset.h"
#include "run/routing.h"
#include "run/service.h"
#include "support/route_try.h"

#define THREE \
	"profiles = { p = { candidates = [ \"ollama/a\", \"ollama/b\", \"ollama/c\" ]; }; " \
	"q = { candidates = [ \"ollama/b\", \"ollama/a\" ]; }; };\n%s"
#define IN_ORDER "\"plan\":[\"ollama/a\",\"ollama/b\",\"ollama/c\"]"
#define BACKWARDS "\"plan\":[\"ollama/c\",\"ollama/b\",\"ollama/a\"]"

/* What the policy of a test does. */
static struct {
	uint64_t takes_ms;
	uint32_t asked;
	int mode;
	char state[32]; /* as the snapshot had it */
	fakeclock *clock;
} does;

enum { WELL = 0, UNKNOWN, TWICE, NONE, FAILS };

static int32_t rank(void *self, const llm_snapshot *s, const llm_rank_sink *to)
{
	uint32_t i;
	int32_t rc = 0;

	(void)self;
	does.asked++;
	snprintf(does.state, sizeof(does.state), "%.*s", (int)s->state.len, s->state.ptr);
	fakeclock_advance_ms(does.clock, does.takes_ms);
	if (does.mode == NONE)
		return 0;
	if (does.mode == FAILS)
		return LLM_E_INTERNAL;
	for (i = 0; !rc && i < s->n_candidates; i++)
		rc = to->score(
			to->ctx, does.mode == TWICE ? 0 : i + (does.mode == UNKNOWN), i, 0, 0, 0);
	return rc;
}

static int32_t on_outcome(
	void *self, const llm_bytes *state, const llm_outcome *o, const llm_state_sink *out)
{
	static char large[LLM_POLICY_STATE_MAX + 1];
	char text[32];

	(void)self;
	if (o->code)
		return out->state(out->ctx, large, sizeof(large));
	snprintf(text, sizeof(text), "%.*s%s", (int)state->len, state->ptr, o->id + 7);
	return out->state(out->ctx, text, strlen(text));
}

static const llm_policy_vtable vt = {
	.struct_size = sizeof(vt), .rank = rank, .on_outcome = on_outcome};

static routing *open_with(route_try *t, int strict)
{
	const rank_policy own = {&vt, NULL, "own", strict};
	routing *r;

	memset(&does, 0, sizeof(does));
	route_open(t, THREE, "");
	does.clock = &t->clock;
	r = t->svc->set->routing;
	cr_assert_eq(routing_router(r, "nosuch", &own, NULL), LLM_E_NOT_FOUND);
	cr_assert_eq(routing_router(r, "p", &own, NULL), 0);
	return r;
}

Test(route_policies, R_ROUTE_15_a_router_of_the_host_makes_the_plan_of_its_profile)
{
	route_try t;
	routing *r = open_with(&t, 1);

	cr_assert_eq(route_plan_of(&t, "p", "x", 0), 0, "%s", t.err.message);
	route_has(&t, BACKWARDS);
	route_has(&t, "\"policy\":\"own\",\"followed\":\"own\"");
	cr_assert_eq(route_plan_of(&t, "q", "x", 0), 0);
	route_has(&t, "\"followed\":\"ordered\"");
	cr_assert_eq(does.asked, 1);
	cr_assert_eq(routing_router(r, NULL, &r->profiles[0].policy, NULL), 0);
	cr_assert_eq(route_plan_of(&t, "q", "x", 0), 0);
	cr_assert_eq(does.asked, 2);
	route_close(&t);
}

Test(route_policies, R_ROUTE_15_a_bad_ranking_is_not_followed_and_warned_of)
{
	static const char *const says[] = {
		"", "an unknown candidate", "a candidate twice", "it ranked none of 3", "returned"};
	const char *warning;
	route_try t;
	int mode;

	for (mode = UNKNOWN; mode <= FAILS; mode++) {
		routing *r = open_with(&t, 0);

		does.mode = mode;
		cr_assert_eq(route_plan_of(&t, "p", "x", 0), 0, "%s", t.err.message);
		route_has(&t, IN_ORDER);
		route_has(&t, "\"policy\":\"own\",\"followed\":\"ordered\"");
		warning = llm_result_warning(llm_call_result(t.call), 0);
		cr_assert_not_null(warning);
		cr_expect_not_null(strstr(warning, says[mode]), "%s", warning);
		cr_expect_not_null(strstr(t.log, "is not followed"), "%s", t.log);
		cr_expect_eq(r->profiles[0].n_refused, 1);
		route_close(&t);
		open_with(&t, 1);
		does.mode = mode;
		cr_expect_eq(route_plan_of(&t, "p", "x", 0), LLM_E_CONFIG);
		cr_expect_not_null(strstr(t.err.message, says[mode]), "%s", t.err.message);
		route_close(&t);
	}
}

Test(route_policies, R_ROUTE_7_three_times_late_in_a_row_and_it_is_not_asked_any_more)
{
	static const uint64_t takes[] = {10, 10, 0, 10, 10, 10};
	route_try t;
	routing *r = open_with(&t, 0);
	size_t i;

	for (i = 0; i < sizeof(takes) / sizeof(takes[0]); i++) {
		does.takes_ms = takes[i];
		cr_assert_eq(route_plan_of(&t, "p", "x", 0), 0);
		route_has(&t, BACKWARDS);
	}
	cr_assert_eq(does.asked, 6);
	cr_assert_eq(r->profiles[0].n_late, 5);
	cr_assert_not_null(strstr(t.log, "policy own took 10 ms to rank 3 candidates of profile p"),
		"%s", t.log);
	cr_assert_eq(route_plan_of(&t, "p", "x", 0), 0);
	route_has(&t, IN_ORDER);
	route_has(&t, "\"followed\":\"ordered\",\"refused\":\"it was late 3 times in a row\"");
	route_has(&t, "\"reason\":\"place 1 of the profile\"");
	cr_assert_eq(does.asked, 6);
	route_close(&t);
}

static void expect_state(
	const route_try *t, uint64_t ranked, uint64_t late, uint64_t refused, uint32_t given_up)
{
	llm_policy_state s = {.struct_size = sizeof(s)};

	cr_assert_eq(llm_service_policy(t->svc, 0, &s), 0);
	cr_expect_str_eq(s.profile, "p");
	cr_expect_str_eq(s.policy, "own");
	cr_expect_eq(s.ranked, ranked, "ranked %llu", (unsigned long long)s.ranked);
	cr_expect_eq(s.late, late, "late %llu", (unsigned long long)s.late);
	cr_expect_eq(s.refused, refused, "refused %llu", (unsigned long long)s.refused);
	cr_expect_eq(s.given_up, given_up);
}

Test(route_policies, R_ROUTE_7_what_a_policy_does_wrong_can_be_counted)
{
	static const llm_policy_info info = {.struct_size = sizeof(info), .name = "own"};
	llm_policy_state s = {.struct_size = sizeof(s)};
	route_try t;
	routing *r = open_with(&t, 0);
	size_t i;

	r->profiles[0].info = &info;
	expect_state(&t, 0, 0, 0, 0);
	does.mode = TWICE;
	cr_assert_eq(route_plan_of(&t, "p", "x", 0), 0);
	expect_state(&t, 1, 0, 1, 0);
	does.mode = WELL;
	does.takes_ms = 6;
	for (i = 0; i < 4; i++)
		cr_assert_eq(route_plan_of(&t, "p", "x", 0), 0);
	expect_state(&t, 4, 3, 1, 1);
	/* A reload keeps the counts, and tries it again. */
	does.takes_ms = 0;
	cr_assert_eq(llm_service_reload(t.svc, NULL, &t.err), 0, "%s", t.err.message);
	cr_assert_eq(route_plan_of(&t, "p", "x", 0), 0);
	expect_state(&t, 5, 3, 1, 0);
	cr_assert_eq(llm_service_policy(t.svc, 1, &s), 0);
	cr_expect_str_eq(s.profile, "q");
	cr_expect_str_eq(s.policy, "ordered");
	cr_expect_eq(s.ranked, 0);
	cr_expect_eq(llm_service_policy(t.svc, 2, &s), LLM_E_NOT_FOUND);
	cr_expect_eq(llm_service_policy(NULL, 0, &s), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_service_policy(t.svc, 0, NULL), LLM_E_INVALID_REQUEST);
	s.struct_size = 8;
	s.late = 77;
	cr_expect_eq(llm_service_policy(t.svc, 0, &s), 0);
	cr_expect_eq(s.late, 77, "more was written than there is room for");
	s.struct_size = 0;
	cr_expect_eq(llm_service_policy(t.svc, 0, &s), LLM_E_INVALID_REQUEST);
	route_close(&t);
}

/* A plain run, which would need no plan, is told too. */
Test(route_policies, R_ROUTE_7_who_is_planned_without_a_late_policy_is_warned)
{
	const rank_policy own = {&vt, NULL, "own", 0};
	llm_call_opts o = LLM_CALL_OPTS_INIT;
	const char *warning;
	llm_request *rq;
	llm_call *c = NULL;
	route_try t;
	routing *r;

	route_open(&t, THREE "providers = { ollama = { base_url = \"http://127.0.0.1:9\"; }; };\n",
		"");
	r = t.svc->set->routing;
	cr_assert_eq(routing_router(r, "p", &own, NULL), 0);
	r->profiles[0].given_up = 1;
	does.asked = 0;
	o.max_attempts = 1;
	rq = route_request("p", "x");
	cr_assert_eq(llm_submit(t.svc, rq, &o, &c, NULL), 0);
	llm_request_free(rq);
	cr_assert_eq(llm_call_wait(c, 5000, NULL), LLM_E_CONNECTION);
	warning = llm_result_warning(llm_call_result(c), 0);
	cr_assert_not_null(warning);
	cr_expect_str_eq(warning, "the policy own was not followed: it was late 3 times in a row");
	cr_expect_eq(does.asked, 0);
	llm_call_free(c);
	route_close(&t);
}

Test(route_policies, R_ROUTE_6_what_a_policy_remembers_is_kept_by_profile)
{
	llm_outcome o = {.struct_size = sizeof(o), .id = "ollama/b"};
	route_try t;
	routing *r = open_with(&t, 0);
	route_profile *p = routing_profile(r, "p");

	cr_assert_eq(routing_router(r, "q", &p->policy, NULL), 0);
	routing_outcome(r, p, &o);
	o.id = "ollama/c";
	routing_outcome(r, p, &o);
	cr_assert_eq(route_plan_of(&t, "p", "x", 0), 0);
	cr_assert_str_eq(does.state, "bc");
	cr_assert_eq(route_plan_of(&t, "q", "x", 0), 0);
	cr_assert_str_eq(does.state, "");
	/* More than may be kept: the old one stays. */
	o.code = LLM_E_UNAVAILABLE;
	routing_outcome(r, p, &o);
	cr_assert_not_null(strstr(t.log, "its state stays as it was"), "%s", t.log);
	cr_assert_eq(route_plan_of(&t, "p", "x", 0), 0);
	cr_assert_str_eq(does.state, "bc");
	route_close(&t);
}

/* Plain runs in order need no snapshot: they pay nothing for it. */
Test(route_policies, R_ROUTE_6_in_order_and_alike_no_snapshot_is_made)
{
	llm_call_opts o = LLM_CALL_OPTS_INIT;
	llm_request *rq;
	llm_call *c = NULL;
	route_try t;

	route_open(&t, THREE "providers = { ollama = { base_url = \"http://127.0.0.1:9\"; }; };\n",
		"");
	o.max_attempts = 1;
	rq = route_request("p", "x");
	cr_assert_eq(llm_submit(t.svc, rq, &o, &c, NULL), 0);
	llm_request_free(rq);
	cr_assert_eq(llm_call_wait(c, 5000, NULL), LLM_E_CONNECTION);
	cr_assert_eq(t.svc->set->routing->snap.cap, 0);
	cr_assert_null(llm_result_decision(llm_call_result(c), NULL));
	llm_call_free(c);
	cr_assert_eq(route_plan_of(&t, "p", "x", 0), 0);
	cr_assert_gt(t.svc->set->routing->snap.cap, 0);
	route_close(&t);
}
