/* A host's own router (include/llm/router.h). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "llm/explain.h"
#include "llm/llm.h"
#include "llm/router.h"
#include "support/sim.h"

/* What one test's router does. */
typedef struct plan_of {
	const char *first; /* id; the others follow in any order */
	int twice;
	int beyond;
	int silent;
	int32_t code;
	int ranked;
	int outcomes;
	int32_t last_code;
	int destroyed;
	size_t state_len; /* as it came with the last snapshot */
} plan_of;

static int32_t rank(void *ctx, const llm_snapshot *s, const llm_rank_sink *out)
{
	plan_of *p = ctx;
	int32_t rc = 0;
	uint32_t i;

	p->ranked++;
	p->state_len = s->state.len;
	for (i = 0; !rc && !p->silent && i < s->n_candidates; i++)
		rc = out->score(out->ctx, i,
			p->first && strcmp(s->candidates[i]->id, p->first) == 0, 1, i, 0);
	if (p->twice)
		rc = out->score(out->ctx, 0, 0, 1, 0, 0);
	if (p->beyond)
		rc = out->score(out->ctx, s->n_candidates, 0, 1, 0, 0);
	return p->code ? p->code : rc;
}

static int32_t on_outcome(
	void *ctx, const llm_bytes *state, const llm_outcome *outcome, const llm_state_sink *out)
{
	plan_of *p = ctx;

	(void)state;
	p->outcomes++;
	p->last_code = outcome->code;
	return out->state(out->ctx, "seen", 4);
}

static void destroy(void *ctx)
{
	((plan_of *)ctx)->destroyed++;
}

static const llm_reason_info forced = {
	(uint32_t)sizeof(forced), 1, "forced", "by the test, number %a"};
static const llm_reason_info *const reasons[] = {&forced, NULL};

static sim *upstream;
static llm_service *svc;
static llm_err err = LLM_ERR_INIT;

static void begin(void)
{
	char text[900];
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;

	upstream = sim_start((const char *const[]){"--models", "one,two,three", NULL});
	snprintf(text, sizeof(text),
		"providers = { ollama = { base_url = \"%s\"; }; };\n"
		"profiles = { all = { candidates = [ \"ollama/one\", \"ollama/two\", "
		"\"ollama/three\" ]; }; other = { candidates = [ \"ollama/one\", \"ollama/two\" ]; "
		"}; };\n",
		sim_url(upstream));
	opts.config_text = text;
	opts.flags = LLM_SERVICE_NO_ENV;
	opts.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(llm_service_new(&opts, &svc, &err), 0, "%s", err.message);
}

static void end(void)
{
	llm_service_free(svc);
	svc = NULL;
	sim_stop(upstream);
}

TestSuite(router, .init = begin, .fini = end);

static int32_t set(const char *profile, plan_of *p)
{
	llm_router r = LLM_ROUTER_INIT;

	r.name = "forced";
	r.ctx = p;
	r.rank = rank;
	r.on_outcome = on_outcome;
	r.destroy = destroy;
	r.reasons = reasons;
	return llm_service_router(svc, profile, &r, &err);
}

static int32_t ask(const char *profile, const char *model)
{
	llm_call *call = NULL;
	const int32_t rc = llm_ask(svc, profile, "Hello", &call, &err);

	if (!rc)
		cr_expect_str_eq(llm_result_model(llm_call_result(call)), model);
	llm_call_free(call);
	return rc;
}

Test(router, R_ROUTE_15_a_hosts_own_router_forces_any_plan)
{
	plan_of p = {.first = "ollama/three"};

	cr_assert_eq(set("all", &p), 0, "%s", err.message);
	cr_expect_eq(ask("all", "three"), 0, "%s", err.message);
	p.first = "ollama/two";
	cr_expect_eq(ask("all", "two"), 0, "%s", err.message);
	cr_expect_eq(ask("other", "one"), 0, "%s", err.message);
	cr_expect_eq(p.ranked, 2);
	llm_service_free(svc);
	svc = NULL;
	cr_expect_eq(p.destroyed, 1);
}

Test(router, R_ROUTE_15_it_is_told_how_attempts_ended_and_remembers)
{
	plan_of p = {.first = "ollama/three"};

	cr_assert_eq(set("all", &p), 0, "%s", err.message);
	cr_expect_eq(ask("all", "three"), 0, "%s", err.message);
	cr_expect_eq(p.state_len, 0);
	cr_expect_eq(p.outcomes, 1);
	cr_expect_eq(p.last_code, 0);
	cr_expect_eq(ask("all", "three"), 0, "%s", err.message);
	cr_expect_eq(p.outcomes, 2);
	cr_expect_eq(p.state_len, 4);
}

Test(router, R_ROUTE_15_what_it_says_is_checked)
{
	plan_of p = {.twice = 1};

	cr_assert_eq(set(NULL, &p), 0);
	cr_expect_eq(ask("all", "none"), LLM_E_CONFIG);
	cr_expect(strstr(err.message,
			  "the router forced cannot be followed: it ranked a candidate "
			  "twice"),
		"%s", err.message);
	p = (plan_of){.beyond = 1};
	cr_expect_eq(ask("other", "none"), LLM_E_CONFIG);
	cr_expect(strstr(err.message, "unknown candidate"), "%s", err.message);
	p = (plan_of){.silent = 1};
	cr_expect_eq(ask("all", "none"), LLM_E_CONFIG);
	cr_expect(strstr(err.message, "it ranked none"), "%s", err.message);
	p = (plan_of){.code = LLM_E_INTERNAL};
	cr_expect_eq(ask("all", "none"), LLM_E_CONFIG);
	cr_expect(strstr(err.message, "rank returned -38"), "%s", err.message);
	p = (plan_of){.first = "ollama/two"};
	cr_expect_eq(ask("all", "two"), 0, "%s", err.message);
}

Test(router, R_ROUTE_15_it_is_told_by_name_in_the_record)
{
	plan_of p = {.first = "ollama/two"};
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_request *rq;
	llm_call *call;
	const char *text;

	cr_assert_eq(set("all", &p), 0);
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	llm_request_profile(rq, "all");
	llm_request_text(rq, LLM_ROLE_USER, "Hello", LLM_NUL_TERMINATED);
	opts.flags = LLM_CALL_EXPLAIN;
	cr_assert_eq(llm_plan(svc, rq, &opts, &call, &err), 0, "%s", err.message);
	text = llm_result_decision(llm_call_result(call), NULL);
	cr_assert_not_null(text);
	cr_expect(strstr(text, "\"policy\":\"forced\",\"followed\":\"forced\""), "%s", text);
	cr_expect(strstr(text, "\"reason\":\"by the test, number "), "%s", text);
	cr_expect(strstr(text, "\"plan\":[\"ollama/two\","), "%s", text);
	cr_expect_eq(p.outcomes, 0);
	llm_call_free(call);
	llm_request_free(rq);
}

Test(router, R_ROUTE_15_when_it_cannot_be_set)
{
	plan_of p = {.first = NULL};
	llm_router none = LLM_ROUTER_INIT;
	llm_call *call;

	cr_expect_eq(llm_service_router(svc, NULL, NULL, &err), LLM_E_INVALID_REQUEST);
	cr_expect_eq(llm_service_router(svc, NULL, &none, &err), LLM_E_INVALID_REQUEST);
	none.struct_size = 8;
	cr_expect_eq(llm_service_router(svc, NULL, &none, &err), LLM_E_INVALID_REQUEST);
	cr_expect_eq(set("nonesuch", &p), LLM_E_NOT_FOUND);
	cr_expect(strstr(err.message, "nonesuch"), "%s", err.message);
	cr_assert_eq(llm_ask(svc, "all", "Hello", &call, &err), 0, "%s", err.message);
	cr_expect_eq(set("all", &p), LLM_E_STATE);
	llm_call_free(call);
	cr_expect_eq(p.destroyed, 0);
}

Test(router, R_ROUTE_15_the_one_set_last_counts_and_a_reload_keeps_it)
{
	plan_of one = {.first = "ollama/one"}, three = {.first = "ollama/three"};

	cr_assert_eq(set("all", &three), 0);
	cr_assert_eq(set(NULL, &one), 0);
	cr_expect_eq(ask("all", "one"), 0);
	cr_assert_eq(set("all", &three), 0);
	cr_expect_eq(ask("all", "three"), 0);
	cr_assert_eq(llm_service_reload(svc, NULL, &err), 0, "%s", err.message);
	cr_expect_eq(ask("all", "three"), 0);
	llm_service_free(svc);
	svc = NULL;
	cr_expect_eq(three.destroyed, 2);
	cr_expect_eq(one.destroyed, 1);
}
