/*
 * P-01 for what changes under way: every allocation of a reload, of a plugin's replacement
 * and of a switch fails, once and for ever. Then there is memory again, and all of it works.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "llm/llm.h"
#include "llm/plugins.h"
#include "support/failalloc.h"
#include "support/run.h"
#include "support/swap.h"

typedef struct place {
	char *folder;
	char conf[300];
	char other[300]; /* another build */
	char first[300];
} place;

static int fair(int32_t rc)
{
	return rc == 0 || rc == LLM_E_NOMEM;
}

static int change(const place *p, llm_service *svc, int (*good)(int32_t rc))
{
	llm_err err = LLM_ERR_INIT;
	int bad = 0;

	bad += !good(llm_service_reload(svc, NULL, &err));
	bad += !good(llm_plugin_replace(svc, "swap", p->other, &err));
	bad += !good(llm_candidate_enable(svc, "swap/m", LLM_CANDIDATE_DRAIN, &err));
	bad += !good(llm_plugin_replace(svc, "swap", p->first, &err));
	bad += !good(llm_service_dispatch(svc, &err));
	if (bad)
		fprintf(stderr, "P_01: %d: %s\n", err.code, err.message);
	return bad;
}

static int is_done(int32_t rc)
{
	return rc == 0;
}

static int play(failalloc *fa, void *arg)
{
	const place *p = arg;
	llm_service_opts o = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	llm_err err = LLM_ERR_INIT;
	int bad = 0;

	o.flags = LLM_SERVICE_NO_ENV;
	o.config_path = p->conf;
	o.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.allocator = &fa->hook;
	if (llm_service_new(&o, &svc, &err) == 0) {
		bad += change(p, svc, fair);
		failalloc_never(fa);
		bad += change(p, svc, is_done);
	} else {
		bad += err.code != LLM_E_NOMEM;
	}
	llm_service_free(svc);
	return bad;
}

Test(alloc_change, P_01_X_05_P_08_no_memory_changes_nothing)
{
	place p = {.folder = run_folder()};
	char text[600];

	snprintf(p.conf, sizeof(p.conf), "%s/llm.conf", p.folder);
	snprintf(p.first, sizeof(p.first), "%s/swap.so", p.folder);
	snprintf(p.other, sizeof(p.other), "%s/other/swap.so", p.folder);
	snprintf(text, sizeof(text),
		"plugins = { path = \"%s\"; };\n"
		"providers = { swap = { base_url = \"http://127.0.0.1:9\"; }; };\n"
		"profiles = { p = { policy = \"latency\"; candidates = [ \"swap/m\" ]; }; };\n",
		p.folder);
	run_folder_put(p.folder, "llm.conf", text);
	run_folder_put(p.folder, "other/empty", "");
	swap_put(p.folder, "one");
	snprintf(text, sizeof(text), "%s/other", p.folder);
	swap_put(text, "two");
	cr_assert_eq(failalloc_sweep(play, &p), 0);
	run_folder_free(p.folder);
}
