/*
 * P-01 through the public library: every allocation of a service, a streamed run and a
 * blocking one fails, once and for ever. Whatever came of it, the service is usable again
 * when there is memory again.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "llm/llm.h"
#include "support/failalloc.h"
#include "support/oracle.h"

/* Fewer points than this would mean that the sweep no longer goes where it went. */
#ifdef LLM_DEBUG
#define FLOOR 120
#else /* arenas take blocks, not single items */
#define FLOOR 60
#endif

typedef struct play {
	char config[2000];
	const char *model;
	uint32_t flags; /* of the streamed call */
	int plans; /* looks at plans, requests and capabilities too */
	int records; /* lack of memory is PERSISTENCE where a row cannot be written */
	failalloc fa;
	unsigned wrong;
} play;

static void tell(play *p, uint64_t n, int for_ever, const char *what, const llm_err *err)
{
	p->wrong++;
	fprintf(stderr, "P_01: allocation %llu failing %s: %s: %s %s\n", (unsigned long long)n,
		for_ever ? "for ever" : "once", what, llm_error_name(err->code), err->message);
}

static int fair(const play *p, int32_t rc)
{
	return rc == 0 || rc == LLM_E_NOMEM || (p->records && rc == LLM_E_PERSISTENCE);
}

static int32_t open_service(play *p, llm_service **ret, llm_err *err)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;

	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = p->config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	so.allocator = &p->fa.hook;
	return llm_service_new(&so, ret, err);
}

/* A streamed run, pulled to its end. */
static int32_t stream(play *p, llm_service *svc, llm_err *err)
{
	llm_call_opts co = LLM_CALL_OPTS_INIT;
	llm_request *rq = NULL;
	llm_call *call = NULL;
	llm_event e = {.kind = 0};
	int32_t rc = llm_request_new(&p->fa.hook, &rq);

	co.flags = LLM_CALL_STREAM | LLM_CALL_TRACE | p->flags;
	co.total_ms = 5000;
	err->code = rc;
	if (!rc)
		rc = llm_request_model(rq, p->model);
	if (!rc)
		rc = llm_request_text(rq, LLM_ROLE_USER, "hello", LLM_NUL_TERMINATED);
	if (!rc)
		rc = llm_submit(svc, rq, &co, &call, err);
	while (!rc && e.kind != LLM_EVENT_END)
		rc = llm_call_next(call, 6000, &e);
	if (!rc)
		rc = llm_call_wait(call, 0, err);
	llm_call_free(call);
	llm_request_free(rq);
	return rc;
}

static int32_t ask(const play *p, llm_service *svc, llm_err *err)
{
	llm_call *call = NULL;
	int32_t rc = llm_ask(svc, p->model, "hello", &call, err);

	llm_call_free(call);
	return rc;
}

/* Nobody is asked: the plan, the request to the first, what it can do. */
static int32_t look(const play *p, llm_service *svc, llm_err *err)
{
	llm_call_opts co = LLM_CALL_OPTS_INIT;
	llm_capabilities *caps = NULL;
	llm_request *rq = NULL;
	llm_call *call = NULL;
	int32_t rc = llm_request_new(NULL, &rq);

	co.flags = LLM_CALL_DRY_RUN;
	if (!rc)
		rc = llm_request_model(rq, p->model);
	if (!rc)
		rc = llm_request_end_user(rq, "somebody");
	if (!rc)
		rc = llm_request_text(rq, LLM_ROLE_USER, "hello", LLM_NUL_TERMINATED);
	if (!rc)
		rc = llm_plan(svc, rq, NULL, &call, err);
	llm_call_free(call);
	call = NULL;
	if (!rc)
		rc = llm_plan(svc, rq, &co, &call, err);
	llm_call_free(call);
	llm_request_free(rq);
	if (!rc)
		rc = llm_service_capabilities(
			svc, "a/sim-small", LLM_CAPABILITIES_KNOWN, 0, &caps, err);
	llm_capabilities_free(caps);
	return rc;
}

static void use(play *p, llm_service *svc, uint64_t n, int for_ever)
{
	llm_err err = LLM_ERR_INIT;

	if (!fair(p, stream(p, svc, &err)))
		tell(p, n, for_ever, "stream", &err);
	if (!fair(p, ask(p, svc, &err)))
		tell(p, n, for_ever, "ask", &err);
	if (p->plans && !fair(p, look(p, svc, &err)))
		tell(p, n, for_ever, "plan", &err);
	failalloc_never(&p->fa);
	if (ask(p, svc, &err))
		tell(p, n, for_ever, "with memory again", &err);
}

/* Returns 1 while the failure was reached. */
static int once_through(play *p, uint64_t n, int for_ever)
{
	llm_service *svc = NULL;
	llm_err err = LLM_ERR_INIT;
	size_t fds = oracle_fds();

	failalloc_init(&p->fa);
	if (for_ever)
		failalloc_from(&p->fa, n);
	else
		failalloc_once(&p->fa, n);
	if (open_service(p, &svc, &err) == 0)
		use(p, svc, n, for_ever);
	else if (err.code != LLM_E_NOMEM)
		tell(p, n, for_ever, "llm_service_new", &err);
	llm_service_free(svc);
	if (failalloc_leaks(&p->fa))
		tell(p, n, for_ever, "memory is left", &err);
	if (oracle_fds() != fds)
		tell(p, n, for_ever, "descriptors are left", &err);
	return p->fa.failed > 0;
}

static void sweep(play *p, const char *what)
{
	uint64_t n;

	for (n = 1; once_through(p, n, 0); n++)
		(void)once_through(p, n, 1);
	printf("P_01 %s: %llu points\n", what, (unsigned long long)(n - 1));
	cr_assert_eq(p->wrong, 0, "%u of the failures were not taken well", p->wrong);
	cr_assert_geq(n - 1, FLOOR, "only %llu points", (unsigned long long)(n - 1));
}

Test(alloc_run, P_01_P_02_every_allocation_of_a_service_and_its_runs)
{
	play *p = calloc(1, sizeof(*p));
	sim *up = sim_start(NULL);

	cr_assert_not_null(p);
	p->model = "ollama/sim-small";
	snprintf(p->config, sizeof(p->config), "providers = { ollama = { base_url = \"%s\"; }; };",
		sim_url(up));
	sweep(p, "run");
	sim_stop(up);
	free(p);
}

/* The first is slow to begin in every run, so that two attempts are in flight in each. */
Test(alloc_run, P_01_R_RETRY_20_every_allocation_of_a_race)
{
	static const char *const slow[] = {"--delay-ms", "8", NULL};
	play *p = calloc(1, sizeof(*p));
	sim *up = sim_start(slow);

	cr_assert_not_null(p);
	p->model = "both";
	snprintf(p->config, sizeof(p->config),
		"max_attempts = 1; providers = { a = { plugin = \"openai\"; base_url = \"%s/v1\"; }; "
		"b = { plugin = \"openai\"; base_url = \"%s/v1\"; }; };\n"
		"profiles = { both = { candidates = [ \"a/sim-small\", \"b/sim-small\" ]; "
		"slow_start = 1; slow_start_action = \"race\"; }; };\n",
		sim_url(up), sim_url(up));
	sweep(p, "race");
	sim_stop(up);
	free(p);
}

/* A policy that draws, endpoints, prices, a budget and a chain, and plans that are explained. */
Test(alloc_run, P_01_R_ROUTE_6_every_allocation_of_plans_by_a_policy)
{
	play *p = calloc(1, sizeof(*p));
	sim *up = sim_start(NULL);
	const char *url = sim_url(up);

	cr_assert_not_null(p);
	p->model = "drawn";
	p->flags = LLM_CALL_EXPLAIN;
	p->plans = 1;
	snprintf(p->config, sizeof(p->config),
		"providers = { a = { plugin = \"openai\"; base_url = \"%s/v1\"; };\n"
		"b = { plugin = \"openai\"; endpoints = ( { id = \"x\"; base_url = \"%s/v1\"; "
		"weight = 2; }, { id = \"y\"; base_url = \"%s/v1\"; } ); }; };\n"
		"models = ( { id = \"a/sim-small\"; price = { input = \"0.5\"; output = \"1\"; }; "
		"capabilities = { vision = \"no\"; }; } );\n"
		"budget = { limit = \"5\"; window = \"1h\"; default_cost = \"0.001\"; };\n"
		"profiles = { drawn = { policy = \"weighted\"; weights = [ 2, 1 ]; "
		"split_by = \"user\"; candidates = [ \"a/sim-small\", \"b/sim-small\" ]; "
		"fallbacks = { general = [ \"a/other\" ]; }; }; };\n",
		url, url, url);
	sweep(p, "plans");
	sim_stop(up);
	free(p);
}
