/*
 * A host that does not link the library but opens it with RTLD_LOCAL, as bindings and
 * plugin systems do: nothing of it is visible to others, and its plugins work all the same.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "llm/llm.h"
#include "support/sim.h"

static int wrong;

static void complain(const char *what, const char *why)
{
	wrong = 1;
	fprintf(stderr, "local: %s: %s\n", what, why ? why : "?");
}

/* Object pointers and function pointers are of one size wherever dlsym exists. */
static void find(void *library, const char *name, void *ret)
{
	void *at = dlsym(library, name);

	if (!at)
		complain(name, dlerror());
	memcpy(ret, &at, sizeof(at));
}

static struct {
	int32_t (*service_new)(const llm_service_opts *opts, llm_service **ret, llm_err *err);
	void (*service_free)(llm_service *svc);
	int32_t (*service_start)(llm_service *svc, llm_err *err);
	int32_t (*service_provider)(
		llm_service *svc, const char *name, llm_provider_desc *ret, llm_err *err);
	int32_t (*ask)(llm_service *svc, const char *model, const char *text, llm_call **ret_call,
		llm_err *err);
	const llm_result *(*call_result)(const llm_call *call);
	const char *(*result_text)(const llm_result *r, size_t *ret_len);
	void (*call_free)(llm_call *call);
} llm;

static void find_all(void *library)
{
	find(library, "llm_service_new", &llm.service_new);
	find(library, "llm_service_free", &llm.service_free);
	find(library, "llm_service_start", &llm.service_start);
	find(library, "llm_service_provider", &llm.service_provider);
	find(library, "llm_ask", &llm.ask);
	find(library, "llm_call_result", &llm.call_result);
	find(library, "llm_result_text", &llm.result_text);
	find(library, "llm_call_free", &llm.call_free);
}

static llm_service *service(const sim *up)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	llm_err err = LLM_ERR_INIT;
	char config[512];

	snprintf(config, sizeof(config),
		"providers = { ollama = { base_url = \"%s\"; }; openai = { base_url = \"%s/v1\"; };"
		" };",
		sim_url(up), sim_url(up));
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	if (llm.service_new(&so, &svc, &err))
		complain("llm_service_new", err.message);
	return svc;
}

static void ask(llm_service *svc, const char *model)
{
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;
	size_t len = 0;

	if (llm.ask(svc, model, "hello", &call, &err))
		complain(model, err.message);
	else if (!llm.result_text(llm.call_result(call), &len)[0] || !len)
		complain(model, "no answer");
	llm.call_free(call);
}

static void play(const sim *up)
{
	static const char *const names[] = {"ollama", "openai", "gemini"};
	llm_service *svc = service(up);
	llm_provider_desc desc;
	llm_err err = LLM_ERR_INIT;
	size_t i;

	if (!svc)
		return;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (llm.service_provider(svc, names[i], &desc, &err))
			complain(names[i], err.message);
	ask(svc, "ollama/sim-small");
	ask(svc, "openai/sim-small");
	llm.service_free(svc);
}

static void open_and_play(const sim *up)
{
	void *library = dlopen(TEST_BINARY_DIR "/lib/libllm.so", RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		complain("libllm.so", dlerror());
		return;
	}
	find_all(library);
	if (dlsym(RTLD_DEFAULT, "llm_service_new"))
		complain("RTLD_LOCAL", "the library's symbols are everybody's");
	if (!wrong)
		play(up);
	if (dlclose(library))
		complain("dlclose", dlerror());
}

int main(void)
{
	sim *up = sim_start(NULL);

	open_and_play(up);
	open_and_play(up);
	sim_stop(up);
	printf("local: the library opened with RTLD_LOCAL, twice, three plugins: %s\n",
		wrong ? "wrong" : "well");
	return wrong;
}
