/*
 * Smoke tests against services of somebody else, where the person who runs them says so:
 *
 *	LLM_TEST_OLLAMA_URL=http://127.0.0.1:11434   an Ollama with at least one model
 *	LLM_TEST_GEMINI=1 GEMINI_API_KEY=...         Gemini; it may bill a few hundred tokens
 *
 * LLM_TEST_OLLAMA_MODEL and LLM_TEST_GEMINI_MODEL name another model than the usual one.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "real_ask.h"

#define GEMINI_MODEL "gemini-flash-lite-latest" /* the cheapest, under a name that stays */
#define QUESTION "Name three colours, in one short sentence."
#define ENOUGH 512 /* tokens: some models think first */

static llm_service *svc;

static void tear_down(void)
{
	llm_service_free(svc);
}

TestSuite(real_services, .fini = tear_down);

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static void skip(const char *name, const char *reason)
{
	fprintf(stderr, "SKIP %s: %s\n", name, reason);
	cr_skip_test("%s", reason);
}

static void is_answer(const llm_result *r, const char *provider)
{
	llm_usage usage = real_usage(r);

	cr_assert_str_neq(llm_result_text(r, NULL), "");
	cr_assert_eq(llm_result_finish(r, NULL), LLM_FINISH_STOP);
	cr_assert_str_eq(llm_result_provider(r), provider);
	cr_assert_gt(usage.input_tokens, 0);
	cr_assert_gt(usage.output_tokens, 0);
}

/* Asked whole and streamed. */
static void answers(const char *provider, const char *model)
{
	char name[256];
	real_ask ask = {.model = name, .question = QUESTION, .max_tokens = ENOUGH};
	static real_stream s;
	llm_call *call;

	snprintf(name, sizeof(name), "%s/%s", provider, model);
	call = real_start(svc, &ask);
	is_answer(real_wait(call), provider);
	llm_call_free(call);
	ask.stream = 1;
	call = real_start(svc, &ask);
	is_answer(real_stream_all(call, &s), provider);
	cr_assert_gt(s.pieces, 0);
	llm_call_free(call);
}

/* The first model that is made for talking, into `ret`. */
static void first_model(const char *provider, char *ret, size_t cap)
{
	llm_model_desc row = {.struct_size = sizeof(row)};
	llm_err err = LLM_ERR_INIT;
	llm_models *models = NULL;

	cr_assert_eq(
		llm_service_models(svc, provider, LLM_MODELS_ALL, REAL_LIMIT_MS, &models, &err), 0,
		"%s", err.message);
	for (uint32_t i = 0; !*ret && !llm_models_at(models, i, &row); i++)
		if (!strstr(row.name, "embed") && !strstr(row.name, "minilm"))
			snprintf(ret, cap, "%s", row.name);
	llm_models_free(models);
	cr_assert(*ret, "%s has no model; get one: ollama pull gemma3:270m", provider);
}

Test(real_services, ollama)
{
	const char *url = variable("LLM_TEST_OLLAMA_URL");
	const char *wanted = variable("LLM_TEST_OLLAMA_MODEL");
	char config[512], model[256] = "";

	if (!url)
		skip("real_ollama", "LLM_TEST_OLLAMA_URL is not set");
	snprintf(config, sizeof(config),
		"providers = { ollama = { plugin = \"ollama\"; base_url = \"%s\"; }; };", url);
	svc = real_open(config, LLM_SERVICE_NO_ENV);
	if (wanted)
		snprintf(model, sizeof(model), "%s", wanted);
	else
		first_model("ollama", model, sizeof(model));
	cr_assert(real_lists(svc, "ollama", model), "no model %s", model);
	answers("ollama", model);
}

/* The environment is read: the key, and GOOGLE_GEMINI_BASE_URL where somebody has a proxy. */
Test(real_services, gemini)
{
	const char *agreed = variable("LLM_TEST_GEMINI");
	const char *wanted = variable("LLM_TEST_GEMINI_MODEL");
	const char *model = wanted ? wanted : GEMINI_MODEL;

	if (!variable("GEMINI_API_KEY"))
		skip("real_gemini", "GEMINI_API_KEY is not set");
	if (!agreed || strcmp(agreed, "1") != 0)
		skip("real_gemini", "LLM_TEST_GEMINI=1 is not set; it agrees to be billed");
	svc = real_open("providers = { gemini = { plugin = \"gemini\"; }; };", 0);
	cr_assert(real_lists(svc, "gemini", model), "no model %s", model);
	answers("gemini", model);
}
