#include "ollama.h"

#include <stdio.h>
#include <string.h>

#include "io/complain.h"

#define LIST_MS 3000 /* nobody waits longer for a suggestion */

/* The first row's name; LLM_E_NOT_FOUND when the list is empty. */
static int32_t first_of(llm_service *svc, uint32_t which, char *ret, size_t cap, llm_err *err)
{
	llm_model_desc m = {.struct_size = (uint32_t)sizeof(m)};
	llm_models *models = NULL;
	int32_t rc = llm_service_models(svc, "ollama", which, LIST_MS, &models, err);

	if (rc)
		return rc;
	rc = llm_models_at(models, 0, &m);
	if (!rc)
		snprintf(ret, cap, "ollama/%s", m.name);
	llm_models_free(models);
	return rc;
}

static int32_t none(llm_service *svc, int reached, llm_err *err)
{
	llm_provider_desc p = {.struct_size = (uint32_t)sizeof(p)};
	const char *url = "its usual address";

	if (llm_service_provider(svc, "ollama", &p, NULL) == 0 && p.base_url)
		url = p.base_url;
	return complain_set(err, LLM_E_CONFIG,
		"no model to ask: %s at %.200s. %s\n"
		"or set a key and name a model: export OPENAI_API_KEY=...; "
		"llmctl ask -m openai/MODEL \"...\"\n"
		"or let the quickstart set up a small model on this machine: scripts/quickstart.sh",
		reached ? "Ollama has none" : "no Ollama answers", url,
		reached ? "Pull one: ollama pull llama3.2" : "Start Ollama: ollama serve");
}

int32_t ollama_first_model(llm_service *svc, char *ret, size_t cap, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	int32_t rc = first_of(svc, LLM_MODELS_LOADED, ret, cap, &why);

	if (!rc)
		return 0;
	/* Nothing loaded is usual; what cannot be reached now need not be asked again. */
	if (rc != LLM_E_CONNECTION && rc != LLM_E_CONFIG && rc != LLM_E_PLUGIN)
		rc = first_of(svc, LLM_MODELS_ALL, ret, cap, &why);
	if (!rc)
		return 0;
	/* A wrong setting or a missing plugin has a message of its own. */
	if (rc == LLM_E_CONFIG || rc == LLM_E_PLUGIN) {
		*err = why;
		return rc;
	}
	return none(svc, rc == LLM_E_NOT_FOUND, err);
}
