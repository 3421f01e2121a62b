/* Bad input around retries and limits: settings, deadlines, and callbacks that meddle. */
#include "guard_time.h"

/* ---- settings out of bounds ---- */

#define IN_PROVIDER(text) "providers = { ollama = { " text " }; };\n"
#define IN_MODEL(text) "models = ( { id = \"ollama/a\"; " text " } );\n"
#define IN_PROFILE(text) "profiles = { p = { candidates = [ \"ollama/a\" ]; " text " }; };\n"

static const struct {
	const char *config, *key, *allowed;
} bounds[] = {
	{"max_attempts = 11;\n", "max_attempts", "from 1 to 10"},
	{"max_attempts = 0;\n", "max_attempts", "from 1 to 10"},
	{"max_attempts = -1;\n", "max_attempts", "from 1 to 10"},
	{"max_attempts_total = 11;\n", "max_attempts_total", "from 1 to 10"},
	{IN_PROFILE("max_attempts = 99;"), "profiles.p.max_attempts", "from 1 to 10"},
	{IN_PROVIDER("max_attempts = 0;"), "providers.ollama.max_attempts", "from 1 to 10"},
	{"patience = \"2h\";\n", "patience", "to \"3600s\""},
	{"patience = -1;\n", "patience", "from \"0ms\""},
	{"retry_after_max = \"61m\";\n", "retry_after_max", "to \"3600s\""},
	{"min_attempt_budget = 0;\n", "min_attempt_budget", "from \"1ms\""},
	{"min_attempt_budget = \"61s\";\n", "min_attempt_budget", "to \"60s\""},
	{IN_PROFILE("prefer = \"cheapest\";"), "profiles.p.prefer", "\"primary\""},
	{IN_PROFILE("stream_recovery = \"maybe\";"), "profiles.p.stream_recovery", "\"match\""},
	{"limits = { service = 0; };\n", "limits.service", "from 1 to 65535"},
	{"limits = { service = -4; };\n", "limits.service", "from 1 to 65535"},
	{"limits = { service = 65536; };\n", "limits.service", "from 1 to 65535"},
	{"limits = { workspace = 0; };\n", "limits.workspace", "from 1 to 65535"},
	{IN_PROVIDER("max_concurrency = 0;"), "providers.ollama.max_concurrency",
		"from 1 to 65535"},
	{IN_PROVIDER("max_concurrency = -1;"), "providers.ollama.max_concurrency",
		"from 1 to 65535"},
	{IN_PROVIDER("queue_max = 0;"), "providers.ollama.queue_max", "from 1 to 65535"},
	{IN_PROVIDER("queue_max = 65536;"), "providers.ollama.queue_max", "from 1 to 65535"},
	{IN_MODEL("max_concurrency = 0;"), "max_concurrency", "from 1 to 65535"},
	{IN_MODEL("rpm = -1;"), "rpm", "at least 1"},
	{IN_MODEL("rpm = 0;"), "rpm", "at least 1"},
	{IN_MODEL("tpm = -5;"), "tpm", "at least 1"},
	{"adaptive = \"yes\";\n", "adaptive", "\"aimd\""},
	{"breaker = { failures = 0; };\n", "breaker.failures", "from 1 to 1000"},
	{"breaker = { share = 101; };\n", "breaker.share", "from 1 to 100"},
	{"breaker = { probes = -2; };\n", "breaker.probes", "from 1 to 100"},
	{"breaker = { open = \"500ms\"; };\n", "breaker.open", "1s"},
	{"breaker = { open_max = \"25h\"; };\n", "breaker.open_max", "24h"},
	{"queue = -1;\n", "queue", "milliseconds"},
};

Test(guard_inputs, R_RETRY_1_R_LIM_1_R_CB_2_settings_out_of_bounds_are_refused_by_name)
{
	size_t i, k, lines;

	for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		llm_service_opts o = LLM_SERVICE_OPTS_INIT;
		llm_err err = LLM_ERR_INIT;
		llm_service *svc = NULL;

		o.flags = LLM_SERVICE_NO_ENV;
		o.config_text = bounds[i].config;
		o.plugin_dir = TEST_BINARY_DIR "/plugins";
		cr_expect_eq(llm_service_new(&o, &svc, &err), LLM_E_CONFIG, "%s", bounds[i].config);
		cr_expect_null(svc);
		cr_expect_not_null(strstr(err.message, bounds[i].key), "%s: %s", bounds[i].config,
			err.message);
		cr_expect_not_null(strstr(err.message, bounds[i].allowed), "%s: %s",
			bounds[i].config, err.message);
		for (k = lines = 0; err.message[k]; k++)
			lines += err.message[k] == '\n';
		cr_expect_lt(lines, 3, "%s", err.message);
		llm_service_free(svc);
	}
}

/* ---- candidates that all lack something (R-ROUTE-4) ---- */

Test(guard_inputs, R_ROUTE_4_all_who_lack_a_capability_are_named_and_none_is_asked)
{
	static const char more[] =
		"models = ( { id = \"ollama/a\"; capabilities = { vision = \"no\"; }; },\n"
		"  { id = \"ok/b\"; capabilities = { vision = \"no\"; }; } );\n";
	const char png[] = "\x89PNG\r\n\x1a\n0000";
	llm_call *call = NULL;
	llm_message *m = NULL;
	llm_request *rq = NULL;
	llm_err err = LLM_ERR_INIT;
	guard g;

	guard_open(&g, SAYS(LINE("x") LAST), "", more);
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	llm_request_profile(rq, "two");
	llm_request_message(rq, LLM_ROLE_USER, &m);
	llm_message_text(m, "what is this?", LLM_NUL_TERMINATED);
	cr_assert_eq(llm_message_data(m, LLM_PART_IMAGE, "image/png", png, sizeof(png) - 1), 0);
	cr_assert_eq(llm_submit(g.o->svc, rq, NULL, &call, &err), 0, "%s", err.message);
	cr_assert_eq(llm_call_wait(call, 5000, &err), LLM_E_UNSUPPORTED);
	cr_assert_not_null(
		strstr(err.message, "ok/b lacks vision, ollama/a lacks vision"), "%s", err.message);
	cr_assert_eq(llm_result_attempt_count(llm_call_result(call)), 0);
	cr_assert_eq(guard_requests(&g), 0);
	llm_call_free(call);
	llm_request_free(rq);
	guard_close(&g);
}

/* ---- a deadline that has passed (R-TIME-5) ---- */

Test(guard_inputs, R_TIME_5_a_deadline_in_the_past_sends_nothing)
{
	static const char *const configs[] = {"",
		"profiles = { p = { candidates = [ \"ollama/a\", \"ollama/b\" ]; }; };\n"
		"aliases = { x = \"p\"; };\n"};
	const llm_call_opts limits = {.total_ms = 1};
	size_t i;

	for (i = 0; i < 2; i++) {
		talk_call c;
		still s;

		still_open(&s, SAYS(LINE("x") LAST), "", configs[i]);
		talk_submit(&s.t, &c, i ? "x" : "ollama/a", 1, &limits);
		fakeclock_advance_ms(&s.t.clock, 10);
		cr_assert(talk_finish(&s.t, &c));
		cr_assert_eq(c.code, LLM_E_DEADLINE, "%s", c.err.message);
		cr_assert_eq(llm_result_attempt_count(llm_call_result(c.call)), 0);
		still_settle(&s);
		cr_assert_eq(still_requests(&s), 0);
		talk_done(&c);
		still_close(&s);
	}
}

Test(guard_inputs, R_RETRY_16_a_wait_beyond_the_deadline_is_not_begun)
{
	const llm_call_opts limits = {.total_ms = 5000, .max_attempts = 3};
	talk_call c;
	still s;

	still_open(&s, STATUS("429", "\"Retry-After: 5\""), "", "");
	talk_submit(&s.t, &c, "ollama/a", 1, &limits);
	cr_assert(talk_finish(&s.t, &c));
	cr_assert_eq(c.code, LLM_E_RATE_LIMITED);
	cr_assert(c.err.flags & LLM_ERRF_DEADLINE);
	cr_assert_eq(c.err.retry_after_ms, 5000);
	cr_assert_eq(still_requests(&s), 1);
	talk_done(&c);
	still_close(&s);
}

/* ---- callbacks that meddle (R-CORE-4) ---- */

static struct {
	uint32_t kind; /* of the event that is answered with a deed */
	int deed;
	int done;
	oracle_run *other; /* begun inside */
	llm_err refused;
} meddle;

enum { CANCELS, SUBMITS, ENDS_SERVICE, SHUTS_DOWN, RESETS };

static void on_meddled(oracle_run *run, llm_call *call, const llm_event *e)
{
	const oracle_ask ask = {.model = "ok/b", .stream = 1};

	if (e->kind != meddle.kind || meddle.done++)
		return;
	switch (meddle.deed) {
	case CANCELS:
		llm_call_cancel(call);
		llm_call_cancel(call);
		break;
	case SUBMITS:
		meddle.other = oracle_submit(run->o, &ask, &meddle.refused);
		atomic_store(&meddle.other->submitting, 0);
		break;
	case ENDS_SERVICE:
		llm_service_free(run->o->svc);
		break;
	case SHUTS_DOWN:
		llm_service_shutdown(run->o->svc, NULL);
		break;
	default:
		(void)llm_service_health_reset(run->o->svc, NULL);
		break;
	}
}

static oracle_run *meddled(guard *g, const char *model, uint32_t kind, int deed)
{
	const oracle_ask ask = {.model = model, .stream = 1, .on_event = on_meddled};
	oracle_run *run;

	memset(&meddle, 0, sizeof(meddle));
	meddle.kind = kind;
	meddle.deed = deed;
	g->o->opts.mode = ORACLE_LOOP;
	run = oracle_do(g->o, &ask);
	cr_assert_eq(meddle.done, 1);
	return run;
}

#define MOVES STATUS("429", "\"Retry-After: 500\"") SAYS(LINE("b") LAST)
#define WAITS STATUS("429", "\"retry-after-ms: 40\"") SAYS(LINE("a") LAST)

Test(guard_inputs, R_CORE_4_R_RETRY_15_a_callback_cancels_as_it_is_told_of_a_wait_or_a_move)
{
	guard g;

	guard_open(&g, WAITS, "", "");
	cr_assert_eq(meddled(&g, "ollama/a", LLM_EVENT_WAITING, CANCELS)->code, LLM_E_CANCELLED);
	cr_assert_eq(guard_requests(&g), 1);
	guard_close(&g);
	guard_open(&g, MOVES, "", "");
	cr_assert_eq(meddled(&g, "two", LLM_EVENT_FALLBACK, CANCELS)->code, LLM_E_CANCELLED);
	guard_close(&g);
}

Test(guard_inputs, R_CORE_4_a_callback_submits_as_it_is_told_of_a_move_and_of_the_end)
{
	static const uint32_t kinds[] = {LLM_EVENT_FALLBACK, LLM_EVENT_END, LLM_EVENT_TEXT};
	size_t i;

	for (i = 0; i < 3; i++) {
		guard g;

		guard_open(&g, MOVES SAYS(LINE("b") LAST), "", "");
		cr_assert_eq(meddled(&g, "two", kinds[i], SUBMITS)->code, 0);
		cr_assert_not_null(meddle.other, "%s", meddle.refused.message);
		oracle_finish(meddle.other);
		cr_assert_eq(meddle.other->code, 0, "%s", meddle.other->err.message);
		guard_close(&g);
	}
}

Test(guard_inputs, R_CORE_2_a_callback_that_would_end_the_service_changes_nothing)
{
	static const uint32_t kinds[] = {LLM_EVENT_FALLBACK, LLM_EVENT_TEXT, LLM_EVENT_END};
	size_t i;

	for (i = 0; i < 3; i++) {
		guard g;

		guard_open(&g, MOVES, "", "");
		cr_assert_eq(meddled(&g, "two", kinds[i], ENDS_SERVICE)->code, 0);
		guard_close(&g);
	}
}

Test(guard_inputs, R_CORE_2_a_callback_that_shuts_down_while_it_waits_ends_the_wait)
{
	guard g;

	guard_open(&g, STATUS("429", "\"Retry-After: 4\""), "", "");
	cr_assert_eq(meddled(&g, "ollama/a", LLM_EVENT_WAITING, SHUTS_DOWN)->code, LLM_E_CANCELLED);
	cr_assert_eq(guard_requests(&g), 1);
	guard_close(&g);
}

Test(guard_inputs, R_CB_9_a_callback_resets_the_health_of_the_candidate_it_waits_for)
{
	guard g;

	guard_open(&g, WAITS, "", "");
	cr_assert_eq(meddled(&g, "ollama/a", LLM_EVENT_WAITING, RESETS)->code, 0);
	cr_assert_eq(guard_requests(&g), 2);
	guard_close(&g);
}
