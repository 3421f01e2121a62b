/* Another configuration, another plugin, a candidate switched off: while runs are under way. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "llm/llm.h"
#include "llm/plugins.h"
#include "support/run.h"
#include "support/sim.h"
#include "support/swap.h"

typedef struct changed {
	sim *first;
	sim *second;
	char *folder;
	char path[300]; /* of the configuration */
	llm_service *svc;
	llm_err err;
	char answer[200];
} changed;

static void write_conf(changed *c, const char *text)
{
	run_folder_put(c->folder, "llm.conf", text);
}

/* Provider `swap` and `ollama`, both at `up`. */
static void write_usual(changed *c, const sim *up)
{
	char text[1200];

	snprintf(text, sizeof(text),
		"default_profile = \"p\";\n"
		"plugins = { path = \"%s\"; };\n"
		"providers = { ollama = { base_url = \"%s\"; };\n"
		"  swap = { base_url = \"%s\"; }; };\n"
		"profiles = { p = { candidates = [ \"ollama/a\", \"ollama/b\" ]; }; };\n",
		c->folder, sim_url(up), sim_url(up));
	write_conf(c, text);
}

static void open_service(changed *c)
{
	static const char *const one[] = {
		"--models", "a,b,sim-small", "--say", "first", "--delay-ms", "30", NULL};
	static const char *const two[] = {"--models", "a,b,sim-small", "--say", "second", NULL};
	llm_service_opts o = LLM_SERVICE_OPTS_INIT;

	memset(c, 0, sizeof(*c));
	c->err = (llm_err)LLM_ERR_INIT;
	c->first = sim_start(one);
	c->second = sim_start(two);
	c->folder = run_folder();
	snprintf(c->path, sizeof(c->path), "%s/llm.conf", c->folder);
	swap_put(c->folder, "one");
	write_usual(c, c->first);
	o.flags = LLM_SERVICE_NO_ENV;
	o.config_path = c->path;
	o.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(llm_service_new(&o, &c->svc, &c->err), 0, "%s", c->err.message);
}

static void close_service(changed *c)
{
	llm_service_free(c->svc);
	sim_stop(c->first);
	sim_stop(c->second);
	run_folder_free(c->folder);
}

static const char *answer_of(changed *c, const char *model)
{
	llm_call *call = NULL;

	c->answer[0] = '\0';
	if (llm_ask(c->svc, model, "hi", &call, &c->err) == 0)
		snprintf(c->answer, sizeof(c->answer), "%s",
			llm_result_text(llm_call_result(call), NULL));
	llm_call_free(call);
	return c->answer;
}

static llm_call *begin(changed *c, const char *model)
{
	llm_request *rq;
	llm_call *call;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, model), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", LLM_NUL_TERMINATED), 0);
	cr_assert_eq(llm_submit(c->svc, rq, NULL, &call, &c->err), 0, "%s", c->err.message);
	llm_request_free(rq);
	return call;
}

/* ---- the configuration ---- */

Test(service_change, P_08_a_reload_counts_for_the_next_run_and_one_under_way_keeps_the_old_one)
{
	llm_call *old;
	changed c;

	open_service(&c);
	cr_assert_str_eq(answer_of(&c, "ollama/a"), "first", "%s", c.err.message);
	cr_assert_eq(llm_service_start(c.svc, &c.err), 0);
	old = begin(&c, "ollama/a"); /* its answer takes 30 ms */
	write_usual(&c, c.second);
	cr_assert_eq(llm_service_reload(c.svc, NULL, &c.err), 0, "%s", c.err.message);
	cr_assert_str_eq(answer_of(&c, "ollama/a"), "second", "%s", c.err.message);
	cr_assert_eq(llm_call_wait(old, UINT32_MAX, &c.err), 0, "%s", c.err.message);
	cr_assert_str_eq(llm_result_text(llm_call_result(old), NULL), "first");
	llm_call_free(old);
	close_service(&c);
}

/* What is wrong, and what the message has to name. */
static const struct {
	const char *text;
	int32_t code;
	const char *says;
} bad[] = {
	{"providers = { ollama = { base_url = ", LLM_E_CONFIG, "llm.conf"},
	{"providrs = { };", LLM_E_CONFIG, "providrs"},
	{"default_profile = \"nobody\";", LLM_E_CONFIG, "nobody"},
	{"providers = { a = { plugin = \"not_there\"; }; };", LLM_E_PLUGIN, "not_there"},
	{"providers = { ollama = { base_url = \"http://127.0.0.1:1\"; no_such_key = 1; }; };",
		LLM_E_CONFIG, "no_such_key"},
	{"providers = { ollama = { base_url = \"http://127.0.0.1:1\"; }; };\n"
	 "profiles = { p = { policy = \"no_policy\"; candidates = [ \"ollama/a\" ]; }; };",
		LLM_E_PLUGIN, "no_policy"},
};

Test(service_change, P_08_a_bad_file_changes_nothing_and_says_why)
{
	const char *name;
	size_t i;
	changed c;

	open_service(&c);
	name = llm_service_profile_at(c.svc, 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_conf(&c, bad[i].text);
		cr_assert_eq(llm_service_reload(c.svc, NULL, &c.err), bad[i].code, "%zu: %s", i,
			c.err.message);
		cr_assert_not_null(strstr(c.err.message, bad[i].says), "%zu: %s", i, c.err.message);
		cr_assert_str_eq(answer_of(&c, "ollama/a"), "first", "%s", c.err.message);
	}
	unlink(c.path);
	cr_assert_eq(llm_service_reload(c.svc, NULL, &c.err), LLM_E_CONFIG);
	cr_assert_str_eq(answer_of(&c, NULL), "first", "%s", c.err.message);
	/* What the host was given before is still there after it has changed. */
	write_conf(&c, "profiles = { q = { candidates = [ \"ollama/a\" ]; }; };");
	cr_assert_eq(llm_service_reload(c.svc, NULL, &c.err), 0, "%s", c.err.message);
	cr_assert_str_eq(name, "p");
	cr_assert_str_eq(llm_service_profile_at(c.svc, 0), "q");
	close_service(&c);
}

Test(service_change, P_08_other_sources_may_be_given_and_are_read_again_later)
{
	llm_service_opts o = LLM_SERVICE_OPTS_INIT;
	char text[300];
	changed c;

	open_service(&c);
	snprintf(text, sizeof(text), "providers.ollama.base_url=%s", sim_url(c.second));
	o.flags = LLM_SERVICE_NO_ENV;
	o.config_path = c.path;
	o.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.overrides = (const char *const[]){text, NULL};
	cr_assert_eq(llm_service_reload(c.svc, &o, &c.err), 0, "%s", c.err.message);
	text[0] = '\0';
	cr_assert_str_eq(answer_of(&c, "ollama/a"), "second", "%s", c.err.message);
	cr_assert_eq(llm_service_reload(c.svc, NULL, &c.err), 0, "%s", c.err.message);
	cr_assert_str_eq(answer_of(&c, "ollama/a"), "second", "%s", c.err.message);
	close_service(&c);
}

static int32_t inside_code;

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	changed *c = (changed *)token;

	(void)call;
	if (e->kind == LLM_EVENT_END)
		inside_code = llm_service_reload(c->svc, NULL, NULL);
}

Test(service_change, P_08_a_callback_and_a_service_that_ends_cannot_reload)
{
	llm_call_opts o = LLM_CALL_OPTS_INIT;
	llm_request *rq;
	llm_call *call;
	changed c;

	open_service(&c);
	o.on_event = on_event;
	o.token = (uintptr_t)&c;
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, "ollama/a"), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", LLM_NUL_TERMINATED), 0);
	cr_assert_eq(llm_submit(c.svc, rq, &o, &call, &c.err), 0);
	cr_assert_eq(llm_call_wait(call, UINT32_MAX, &c.err), 0, "%s", c.err.message);
	cr_assert_eq(inside_code, LLM_E_STATE);
	llm_request_free(rq);
	llm_call_free(call);
	cr_assert_eq(llm_service_reload(NULL, NULL, NULL), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_service_shutdown(c.svc, NULL), 0);
	cr_assert_eq(llm_service_reload(c.svc, NULL, &c.err), LLM_E_STATE);
	close_service(&c);
}

/* ---- plugins ---- */

/* The state of the generation with that version; 0: there is none. */
static uint32_t generation(changed *c, const char *version)
{
	llm_generation g = {.struct_size = (uint32_t)sizeof(g)};
	uint32_t i;

	for (i = 0; !llm_plugin_generation_at(c->svc, i, &g); i++)
		if (strcmp(g.name, "swap") == 0 && strcmp(g.version, version) == 0)
			return g.state;
	return 0;
}

static uint32_t generations(changed *c)
{
	llm_generation g = {.struct_size = (uint32_t)sizeof(g)};
	uint32_t i, n = 0;

	for (i = 0; !llm_plugin_generation_at(c->svc, i, &g); i++)
		n += strcmp(g.name, "swap") == 0;
	return n;
}

Test(service_change, X_05_a_replaced_plugin_drains_is_retired_and_comes_back)
{
	uint32_t state;
	llm_call *old;
	changed c;

	open_service(&c);
	cr_assert_str_eq(answer_of(&c, "swap/m"), "one", "%s", c.err.message);
	cr_assert_eq(llm_service_start(c.svc, &c.err), 0);
	cr_assert_eq(generation(&c, "1.0.0"), LLM_GENERATION_ACTIVE);
	old = begin(&c, "swap/m");
	swap_put(c.folder, "two");
	cr_assert_eq(llm_plugin_replace(c.svc, "swap", NULL, &c.err), 0, "%s", c.err.message);
	state = generation(&c, "1.0.0");
	if (!llm_call_result(old)) /* on a slow machine it may have ended by now */
		cr_assert_eq(state, LLM_GENERATION_DRAINING);
	cr_assert_eq(generation(&c, "2.0.0"), LLM_GENERATION_ACTIVE);
	cr_assert_str_eq(answer_of(&c, "swap/m"), "two", "%s", c.err.message);
	cr_assert_eq(llm_call_wait(old, UINT32_MAX, &c.err), 0, "%s", c.err.message);
	cr_assert_str_eq(llm_result_text(llm_call_result(old), NULL), "one");
	llm_call_free(old);
	cr_assert_str_eq(answer_of(&c, "swap/m"), "two"); /* a turn of the loop later */
	cr_assert_eq(generation(&c, "1.0.0"), LLM_GENERATION_RETIRED);
	swap_put(c.folder, "one"); /* another file, the same bytes */
	cr_assert_eq(llm_plugin_replace(c.svc, "swap", NULL, &c.err), 0, "%s", c.err.message);
	cr_assert_eq(generation(&c, "1.0.0"), LLM_GENERATION_ACTIVE);
	cr_assert_eq(generations(&c), 2);
	cr_assert_str_eq(answer_of(&c, "swap/m"), "one", "%s", c.err.message);
	/* Once more, with nothing new: nothing happens. */
	cr_assert_eq(llm_plugin_replace(c.svc, "swap", NULL, &c.err), 0, "%s", c.err.message);
	cr_assert_eq(generation(&c, "1.0.0"), LLM_GENERATION_ACTIVE);
	close_service(&c);
}

Test(service_change, X_05_a_bad_build_leaves_the_one_in_use)
{
	char path[400];
	changed c;

	open_service(&c);
	cr_assert_str_eq(answer_of(&c, "swap/m"), "one", "%s", c.err.message);
	swap_put(c.folder, "bad");
	cr_assert_eq(llm_plugin_replace(c.svc, "swap", NULL, &c.err), LLM_E_PLUGIN);
	cr_assert_not_null(
		strstr(c.err.message, "this build makes no instance"), "%s", c.err.message);
	cr_assert_str_eq(answer_of(&c, "swap/m"), "one", "%s", c.err.message);
	cr_assert_eq(
		llm_plugin_replace(c.svc, "swap", TEST_BINARY_DIR "/tests/modules/good.so", &c.err),
		LLM_E_PLUGIN, "another plugin");
	cr_assert_eq(llm_plugin_replace(c.svc, "swap", "/nowhere/swap.so", &c.err), LLM_E_PLUGIN);
	cr_assert_eq(llm_plugin_replace(c.svc, "swap", "swap.so", &c.err), LLM_E_INVALID_REQUEST);
	run_folder_put(c.folder, "text/swap.so", "no object");
	snprintf(path, sizeof(path), "%s/text/swap.so", c.folder);
	cr_assert_eq(llm_plugin_replace(c.svc, "swap", path, &c.err), LLM_E_PLUGIN);
	cr_assert_str_eq(answer_of(&c, "swap/m"), "one", "%s", c.err.message);
	close_service(&c);
}

Test(service_change, X_05_mapped_files_that_nobody_uses_have_a_bound)
{
	char text[600];
	changed c;

	open_service(&c);
	snprintf(text, sizeof(text),
		"plugins = { path = \"%s\"; max_parked = 1; };\n"
		"providers = { swap = { base_url = \"%s\"; }; };",
		c.folder, sim_url(c.first));
	write_conf(&c, text);
	cr_assert_eq(llm_service_reload(c.svc, NULL, &c.err), 0, "%s", c.err.message);
	cr_assert_str_eq(answer_of(&c, "swap/m"), "one", "%s", c.err.message);
	swap_put(c.folder, "two");
	cr_assert_eq(llm_plugin_replace(c.svc, "swap", NULL, &c.err), 0, "%s", c.err.message);
	cr_assert_str_eq(answer_of(&c, "swap/m"), "two", "%s", c.err.message);
	cr_assert_str_eq(answer_of(&c, "swap/m"), "two", "%s", c.err.message);
	swap_put(c.folder, "three");
	cr_assert_eq(llm_plugin_replace(c.svc, "swap", NULL, &c.err), LLM_E_PLUGIN);
	cr_assert_not_null(strstr(c.err.message, "max_parked"), "%s", c.err.message);
	swap_put(c.folder, "one"); /* this one is mapped already */
	cr_assert_eq(llm_plugin_replace(c.svc, "swap", NULL, &c.err), 0, "%s", c.err.message);
	cr_assert_str_eq(answer_of(&c, "swap/m"), "one", "%s", c.err.message);
	close_service(&c);
}

/* ---- a candidate ---- */

static uint32_t switched(changed *c, const char *id)
{
	llm_health h = {.struct_size = (uint32_t)sizeof(h)};
	uint32_t i;

	for (i = 0; !llm_service_health(c->svc, i, &h); i++)
		if (strcmp(h.candidate, id) == 0)
			return h.switched;
	return UINT32_MAX;
}

static const char *model_of(changed *c)
{
	llm_call *call = NULL;
	static char model[64];

	model[0] = '\0';
	if (llm_ask(c->svc, NULL, "hi", &call, &c->err) == 0)
		snprintf(model, sizeof(model), "%s", llm_result_model(llm_call_result(call)));
	llm_call_free(call);
	return model;
}

Test(service_change, R_ROUTE_6_a_candidate_is_switched_off_drained_and_on_again)
{
	changed c;

	open_service(&c);
	cr_assert_str_eq(model_of(&c), "a", "%s", c.err.message);
	cr_assert_eq(llm_candidate_enable(c.svc, "ollama/a", LLM_CANDIDATE_OFF, &c.err), 0);
	cr_assert_eq(switched(&c, "ollama/a"), LLM_CANDIDATE_OFF);
	cr_assert_str_eq(model_of(&c), "b", "%s", c.err.message);
	cr_assert_eq(llm_candidate_enable(c.svc, "ollama/b", LLM_CANDIDATE_DRAIN, &c.err), 0);
	cr_assert_eq(switched(&c, "ollama/b"), LLM_CANDIDATE_DRAIN);
	cr_assert_str_eq(model_of(&c), "");
	cr_assert_eq(c.err.code, LLM_E_NO_CANDIDATE, "%s", c.err.message);
	cr_assert_str_eq(answer_of(&c, "ollama/a"), "");
	cr_assert_eq(c.err.code, LLM_E_NO_CANDIDATE, "%s", c.err.message);
	/* A reload does not change it. */
	cr_assert_eq(llm_service_reload(c.svc, NULL, &c.err), 0, "%s", c.err.message);
	cr_assert_eq(switched(&c, "ollama/a"), LLM_CANDIDATE_OFF);
	cr_assert_eq(llm_candidate_enable(c.svc, "ollama/a", LLM_CANDIDATE_ON, &c.err), 0);
	cr_assert_str_eq(model_of(&c), "a", "%s", c.err.message);
	cr_assert_eq(llm_candidate_enable(c.svc, "nonsense", LLM_CANDIDATE_ON, &c.err),
		LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_candidate_enable(c.svc, "ollama/a", 3, &c.err), LLM_E_INVALID_REQUEST);
	close_service(&c);
}

Test(service_change, R_ROUTE_6_who_is_under_way_ends_at_a_candidate_that_drains)
{
	llm_call *old;
	changed c;

	open_service(&c);
	cr_assert_eq(llm_service_start(c.svc, &c.err), 0);
	old = begin(&c, "ollama/a");
	cr_assert(sim_log_wait(c.first, "\"event\":\"request\"", 1, 5000));
	cr_assert_eq(llm_candidate_enable(c.svc, "ollama/a", LLM_CANDIDATE_DRAIN, &c.err), 0);
	cr_assert_eq(llm_call_wait(old, UINT32_MAX, &c.err), 0, "%s", c.err.message);
	cr_assert_str_eq(llm_result_text(llm_call_result(old), NULL), "first");
	llm_call_free(old);
	close_service(&c);
}

Test(service_change, R_ROUTE_6_a_model_of_several_endpoints_is_switched_at_all_of_them)
{
	char text[800];
	changed c;

	open_service(&c);
	snprintf(text, sizeof(text),
		"providers = { work = { plugin = \"ollama\"; endpoints = (\n"
		"  { id = \"eu\"; base_url = \"%s\"; }, { id = \"us\"; base_url = \"%s\"; } ); }; };",
		sim_url(c.first), sim_url(c.second));
	write_conf(&c, text);
	cr_assert_eq(llm_service_reload(c.svc, NULL, &c.err), 0, "%s", c.err.message);
	cr_assert_str_neq(answer_of(&c, "work/a"), "", "%s", c.err.message);
	cr_assert_eq(llm_candidate_enable(c.svc, "work#eu/a", LLM_CANDIDATE_OFF, &c.err), 0);
	cr_assert_str_eq(answer_of(&c, "work/a"), "second", "%s", c.err.message);
	cr_assert_eq(llm_candidate_enable(c.svc, "work/a", LLM_CANDIDATE_OFF, &c.err), 0);
	cr_assert_eq(switched(&c, "work#us/a"), LLM_CANDIDATE_OFF);
	cr_assert_str_eq(answer_of(&c, "work/a"), "");
	cr_assert_eq(c.err.code, LLM_E_NO_CANDIDATE, "%s", c.err.message);
	close_service(&c);
}
