/* A provider with several servers or keys: each is a candidate of its own. */
#include <stdlib.h>

#include "guard_time.h"

#define WELL SAYS(LINE("x") LAST)
#define FAILS(n) STATUS(n, "")

typedef struct many {
	talk t;
	sim *up;
	char *script;
	char config[2400];
} many;

/* "work" has two keys at one server, at paths that tell them apart; `more` stands beside it. */
static void many_open(
	many *s, const char *script, const char *first, const char *second, const char *more)
{
	static const char form[] =
		"providers = { work = { plugin = \"ollama\"; endpoints = (\n"
		"  { id = \"eu\"; base_url = \"%s/eu\"; api_key = \"env:EU_KEY\"; %s },\n"
		"  { id = \"us\"; base_url = \"%s/us\"; api_key = \"env:US_KEY\"; %s } ); };\n"
		"  far = { plugin = \"ollama\"; base_url = \"%s\"; locality = \"cloud\"; }; };\n%s";
	const char *args[] = {"--log-secrets", "--script", NULL, NULL};

	setenv("EU_KEY", "key-of-eu", 1);
	setenv("US_KEY", "key-of-us", 1);
	s->script = sim_file(script);
	args[2] = s->script;
	s->up = sim_start(args);
	snprintf(s->config, sizeof(s->config), form, sim_url(s->up), first, sim_url(s->up), second,
		sim_url(s->up), more);
	talk_open(&s->t, TEST_BINARY_DIR "/plugins", s->config, 1);
}

static void many_close(many *s)
{
	talk_close(&s->t);
	cr_assert_eq(sim_stop(s->up), 0);
	sim_file_free(s->script);
}

static size_t asked(const many *s, const char *what)
{
	return sim_log_count(s->up, what);
}

static int32_t ask(many *s, const char *model)
{
	const llm_call_opts limits = {.max_attempts = 1};
	talk_call c;

	talk_submit(&s->t, &c, model, 1, &limits);
	cr_assert(talk_finish(&s->t, &c));
	talk_done(&c);
	return c.code;
}

/* ---- keys ---- */

static void next_key(const char *status)
{
	char script[1024];
	many s;

	snprintf(script, sizeof(script), "%s" WELL, status);
	many_open(&s, script, "", "", "");
	cr_assert_eq(ask(&s, "work/m"), 0);
	cr_assert_eq(asked(&s, "/eu/api/chat"), 1, "%s", sim_log_text(s.up));
	cr_assert_eq(asked(&s, "/us/api/chat"), 1);
	cr_assert_eq(asked(&s, "Bearer key-of-eu"), 1);
	cr_assert_eq(asked(&s, "Bearer key-of-us"), 1);
	many_close(&s);
}

Test(endpoints, R_ERR_11_a_refused_key_moves_on_to_the_next)
{
	next_key(FAILS("401"));
}

Test(endpoints, R_ERR_11_a_key_whose_quota_is_used_up_moves_on_to_the_next)
{
	next_key(
		"accept\nread request\nreply 429 \"Connection: close\" "
		"\"{\\\"error\\\":\\\"you (x) have reached your weekly usage limit\\\"}\"\nclose\n");
}

Test(endpoints, R_CB_1_each_has_its_own_health)
{
	llm_health h = {.struct_size = (uint32_t)sizeof(h)};
	many s;

	many_open(&s, FAILS("401") WELL WELL, "", "", "");
	cr_assert_eq(ask(&s, "work/m"), 0);
	cr_assert_eq(llm_service_health(s.t.svc, 0, &h), 0);
	cr_assert_str_eq(h.candidate, "work#eu/m");
	cr_assert_eq(h.state, LLM_HEALTH_IS_OPEN);
	h.struct_size = (uint32_t)sizeof(h);
	cr_assert_eq(llm_service_health(s.t.svc, 1, &h), 0);
	cr_assert_str_eq(h.candidate, "work#us/m");
	cr_assert_eq(h.state, LLM_HEALTH_CLOSED);
	/* So the one that is well is asked first, and the other not at all. */
	cr_assert_eq(ask(&s, "work/m"), 0);
	cr_assert_eq(asked(&s, "/eu/api/chat"), 1);
	cr_assert_eq(asked(&s, "/us/api/chat"), 2);
	many_close(&s);
}

Test(endpoints, R_ROUTE_1_one_of_them_can_be_named)
{
	const llm_result *r;
	talk_call c;
	many s;

	many_open(&s, WELL, "", "", "");
	talk_submit(&s.t, &c, "work#us/m", 1, NULL);
	cr_assert(talk_finish(&s.t, &c));
	r = llm_call_result(c.call);
	cr_assert_eq(c.code, 0, "%s", c.err.message);
	cr_assert_str_eq(llm_result_provider(r), "work");
	cr_assert_str_eq(llm_result_model(r), "m");
	talk_done(&c);
	cr_assert_eq(asked(&s, "/us/api/chat"), 1);
	cr_assert_eq(asked(&s, "key-of-eu"), 0);
	many_close(&s);
}

Test(endpoints, R_ROUTE_1_one_that_is_not_there_is_refused)
{
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;
	many s;

	many_open(&s, WELL, "", "", "");
	cr_assert_eq(llm_ask(s.t.svc, "work#de/m", "x", &call, &err), LLM_E_INVALID_REQUEST);
	cr_assert_not_null(strstr(err.message, "no endpoint \"de\""), "%s", err.message);
	cr_assert_not_null(strstr(err.message, "\"eu\""), "%s", err.message);
	err = (llm_err)LLM_ERR_INIT;
	cr_assert_eq(llm_ask(s.t.svc, "far#de/m", "x", &call, &err), LLM_E_INVALID_REQUEST);
	cr_assert_not_null(strstr(err.message, "write far/MODEL"), "%s", err.message);
	many_close(&s);
}

Test(endpoints, R_LIM_1_each_has_its_own_places)
{
	talk_call c[3];
	many s;
	int i;

	many_open(&s, "accept\nread request\nstall\n", "max_concurrency = 1;", "", "");
	for (i = 0; i < 3; i++)
		talk_submit(&s.t, &c[i], i < 2 ? "work#eu/m" : "work#us/m", 1, NULL);
	for (i = 0; i < 12; i++)
		talk_turn(&s.t, 3);
	cr_assert_eq(asked(&s, "/eu/api/chat"), 1, "%s", sim_log_text(s.up));
	cr_assert_eq(asked(&s, "/us/api/chat"), 1);
	for (i = 0; i < 3; i++)
		talk_done(&c[i]);
	for (i = 0; i < 12; i++)
		talk_turn(&s.t, 3);
	many_close(&s);
}

/* ---- who is drawn ---- */

#define SPLIT \
	"profiles = { canary = { policy = \"weighted\"; weights = [ 95, 5 ]; %s " \
	"candidates = [ \"work#eu/m\", \"far/new\" ]; }; };\n"

static int is_new(many *s, const char *user)
{
	llm_request *rq = NULL;
	llm_call *c = NULL;
	llm_err err = LLM_ERR_INIT;
	const char *json;
	int found;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_profile(rq, "canary"), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "x", 1), 0);
	cr_assert_eq(llm_request_end_user(rq, user), 0);
	cr_assert_eq(llm_plan(s->t.svc, rq, NULL, &c, &err), 0, "%s", err.message);
	json = llm_result_decision(llm_call_result(c), NULL);
	cr_assert_not_null(json);
	found = strstr(json, "\"plan\":[\"far/new\"") != NULL;
	llm_call_free(c);
	llm_request_free(rq);
	return found;
}

static int count_new(many *s, const char *form, int n, int *ret_changed)
{
	char user[32];
	int found = 0, i, k;

	*ret_changed = 0;
	for (i = 0; i < n; i++) {
		int first;

		snprintf(user, sizeof(user), form, i);
		first = is_new(s, user);
		found += first;
		for (k = 0; k < 2; k++)
			*ret_changed += is_new(s, user) != first;
	}
	return found;
}

Test(endpoints, R_ROUTE_7_a_split_by_user_draws_each_user_once)
{
	char profile[300];
	int changed, found;
	many s;

	snprintf(profile, sizeof(profile), SPLIT, "split_by = \"user\";");
	many_open(&s, WELL, "", "", profile);
	found = count_new(&s, "user-%d", 1000, &changed);
	cr_assert_eq(changed, 0);
	cr_assert(found >= 30 && found <= 70, "%d of 1000", found);
	many_close(&s);
}

Test(endpoints, R_ROUTE_7_without_it_each_run_draws)
{
	char profile[300];
	int changed, found;
	many s;

	snprintf(profile, sizeof(profile), SPLIT, "");
	many_open(&s, WELL, "", "", profile);
	found = count_new(&s, "one", 300, &changed);
	cr_assert(changed > 0);
	cr_assert(found > 0 && found < 60, "%d of 300", found);
	many_close(&s);
}

/* ---- a list of the request's own ---- */

static llm_request *listed(const char *first, const char *second)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "x", 1), 0);
	cr_assert_eq(llm_request_candidate(rq, first), 0);
	if (second)
		cr_assert_eq(llm_request_candidate(rq, second), 0);
	return rq;
}

static int32_t submit(many *s, llm_request *rq, talk_call *c)
{
	memset(c, 0, sizeof(*c));
	c->err = (llm_err)LLM_ERR_INIT;
	return llm_submit(s->t.svc, rq, NULL, &c->call, &c->err);
}

Test(endpoints, R_ROUTE_11_a_request_brings_its_own_candidates)
{
	llm_request *rq = listed("far/a", "work#us/b");
	llm_attempt last = {.struct_size = (uint32_t)sizeof(last)};
	talk_call c;
	many s;

	many_open(&s, FAILS("404") WELL, "", "",
		"default_profile = \"p\"; profiles = { p = { candidates = [ \"work/m\" ]; }; };\n");
	cr_assert_eq(submit(&s, rq, &c), 0, "%s", c.err.message);
	cr_assert_eq(llm_call_wait(c.call, 5000, &c.err), 0, "%s", c.err.message);
	cr_assert_eq(llm_result_attempt_count(llm_call_result(c.call)), 2);
	cr_assert_eq(llm_result_attempt(llm_call_result(c.call), 1, &last), 0);
	cr_assert_str_eq(last.candidate, "work#us/b");
	cr_assert_str_eq(llm_result_profile(llm_call_result(c.call)), "p");
	cr_assert_eq(asked(&s, "/eu/"), 0);
	llm_call_free(c.call);
	llm_request_free(rq);
	many_close(&s);
}

Test(endpoints, R_ROUTE_11_a_list_and_a_model_are_refused)
{
	llm_request *rq = listed("far/a", NULL);
	talk_call c;
	many s;

	many_open(&s, WELL, "", "", "");
	cr_assert_eq(llm_request_model(rq, "work/m"), 0);
	cr_assert_eq(submit(&s, rq, &c), LLM_E_INVALID_REQUEST);
	cr_assert_not_null(strstr(c.err.message, "list of candidates"), "%s", c.err.message);
	llm_request_free(rq);
	rq = listed("nothing", NULL);
	cr_assert_eq(submit(&s, rq, &c), LLM_E_INVALID_REQUEST);
	llm_request_free(rq);
	cr_assert_eq(asked(&s, REQUEST), 0);
	many_close(&s);
}

/* ---- local only ---- */

static int32_t local_ask(many *s, llm_request *rq, talk_call *c)
{
	int32_t rc;

	cr_assert_eq(llm_request_local_only(rq, 1), 0);
	cr_assert_eq(submit(s, rq, c), 0, "%s", c->err.message);
	rc = llm_call_wait(c->call, 5000, &c->err);
	llm_call_free(c->call);
	llm_request_free(rq);
	return rc;
}

Test(endpoints, R_ROUTE_15_a_local_request_asks_nobody_elsewhere)
{
	talk_call c;
	many s;

	many_open(&s, FAILS("503"), "locality = \"cloud\";", "", "");
	/* The local one fails, and the other is still not asked. */
	cr_assert_neq(local_ask(&s, listed("work/m", "far/a"), &c), 0);
	cr_assert_eq(asked(&s, "/eu/"), 0);
	cr_assert_eq(asked(&s, "/us/"), asked(&s, REQUEST));
	many_close(&s);
}

Test(endpoints, R_ROUTE_15_where_nobody_is_local_each_is_named)
{
	talk_call c;
	many s;

	many_open(&s, WELL, "", "", "");
	cr_assert_eq(local_ask(&s, listed("far/a", "work#eu/x:cloud"), &c), LLM_E_NO_CANDIDATE);
	cr_assert_not_null(strstr(c.err.message, "far/a computes elsewhere"), "%s", c.err.message);
	/* The server is on this machine, the model is not. */
	cr_assert_not_null(
		strstr(c.err.message, "work#eu/x:cloud computes elsewhere"), "%s", c.err.message);
	/* One alone is no exception. */
	cr_assert_eq(local_ask(&s, listed("far/a", NULL), &c), LLM_E_NO_CANDIDATE);
	cr_assert_eq(asked(&s, REQUEST), 0);
	many_close(&s);
}

Test(endpoints, R_ROUTE_15_a_profile_can_require_it)
{
	many s;

	many_open(&s, WELL, "", "",
		"profiles = { home = { require = { locality = \"local\"; };\n"
		"  candidates = [ \"far/a\", \"work/m\" ]; }; };\n");
	cr_assert_eq(ask(&s, "home"), 0);
	cr_assert_eq(asked(&s, "/eu/api/chat"), 1);
	cr_assert_eq(asked(&s, REQUEST), 1);
	many_close(&s);
}
