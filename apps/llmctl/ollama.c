#include "ollama.h"

#include <stdio.h>
#include <string.h>

#include "complain.h"

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

static int is_ollama(llm_service *svc, const char *provider)
{
	llm_provider_desc p = {.struct_size = (uint32_t)sizeof(p)};

	return provider[0] && llm_service_provider(svc, provider, &p, NULL) == 0 &&
		strcmp(p.plugin, "ollama") == 0;
}

/* "a, b, c and 4 more" */
static void list_names(const llm_models *models, char *ret, size_t cap)
{
	llm_model_desc m = {.struct_size = (uint32_t)sizeof(m)};
	uint32_t i, n = llm_models_count(models);
	size_t used = 0;

	ret[0] = '\0';
	for (i = 0; i < n && llm_models_at(models, i, &m) == 0; i++) {
		if (used + strlen(m.name) + 32 > cap)
			break;
		used += (size_t)snprintf(ret + used, cap - used, "%s%s", i ? ", " : "", m.name);
	}
	if (i < n)
		snprintf(ret + used, cap - used, " and %u more", (unsigned)(n - i));
}

int ollama_pull_hint(llm_service *svc, const llm_err *failed, char *ret, size_t cap)
{
	const char *model = strchr(failed->candidate, '/');
	llm_models *models = NULL;
	char names[300] = "";

	if (failed->code != LLM_E_NOT_FOUND || !model || !is_ollama(svc, failed->provider))
		return 0;
	if (llm_service_models(svc, failed->provider, LLM_MODELS_ALL, LIST_MS, &models, NULL) == 0)
		list_names(models, names, sizeof(names));
	snprintf(ret, cap, "pull it: ollama pull %s\n%s%s", model + 1, models ? "there are: " : "",
		!models		 ? "" :
			names[0] ? names :
				   "no models yet");
	llm_models_free(models);
	return 1;
}
