/*
 * P-01 for runs on record: every allocation of a service with a storage, and of its runs,
 * fails, once and for ever. Whatever came of it, runs are recorded again when there is
 * memory again.
 */
#include "functional/ledger_try.h"
#include "support/failalloc.h"

typedef struct place {
	book b;
	char config[2400];
} place;

static int fair(int32_t rc)
{
	return rc == 0 || rc == LLM_E_NOMEM || rc == LLM_E_PERSISTENCE;
}

static int32_t ask(llm_service *svc, uint32_t *ret_persisted, llm_err *err)
{
	llm_call *call = NULL;
	int32_t rc = llm_ask(svc, "p", "hello", &call, err);

	if (call && llm_call_result(call))
		*ret_persisted = llm_result_persisted(llm_call_result(call), NULL);
	llm_call_free(call);
	return rc;
}

static int wrong(const char *what, const llm_err *err)
{
	fprintf(stderr, "P_01 %s: %s %s\n", what, llm_error_name(err->code), err->message);
	return 1;
}

static int play(failalloc *fa, void *arg)
{
	place *p = arg;
	llm_service_opts o = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	llm_err err = LLM_ERR_INIT;
	uint32_t persisted = LLM_PERSISTED_NO;
	int bad = 0;

	o.flags = LLM_SERVICE_NO_ENV;
	o.config_text = p->config;
	o.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.allocator = &fa->hook;
	if (llm_service_new(&o, &svc, &err) == 0) {
		if (!fair(ask(svc, &persisted, &err)))
			bad += wrong("while memory was short", &err);
		failalloc_never(fa);
		if (ask(svc, &persisted, &err) || persisted != LLM_PERSISTED_YES)
			bad += wrong("with memory again", &err);
	} else if (!fair(err.code)) {
		bad += wrong("llm_service_new", &err);
	}
	llm_service_free(svc);
	return bad;
}

/* `content`: what is kept of it; with a key. */
static void sweep(const char *content)
{
	place p;
	sim *up = sim_start(NULL);

	book_open(&p.b, "sync = \"off\";", "");
	run_folder_put(p.b.folder, "key", "0123456789abcdef0123456789abcdef\n");
	snprintf(p.config, sizeof(p.config),
		"%sproviders = { ollama = { base_url = \"%s\"; }; };\n"
		"profiles = { p = { policy = \"latency\"; candidates = [ \"ollama/sim-small\" ]; }; };\n"
		"budget = { limit = \"9\"; window = \"1h\"; default_cost = \"0.01\"; };\n"
		"privacy = { content = \"%s\"; key = \"file:%s/key\"; };\n",
		p.b.config, sim_url(up), content, p.b.folder);
	cr_assert_eq(failalloc_sweep(play, &p), 0);
	book_close(&p.b);
	sim_stop(up);
}

Test(alloc_record, P_01_R_UOW_11_R_COST_11_every_allocation_of_a_recorded_run)
{
	sweep("none");
}

Test(alloc_record, P_01_R_PRIV_1_every_allocation_with_content)
{
	sweep("full");
}
