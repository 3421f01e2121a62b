#include "missing.h"

#include <stdio.h>
#include <string.h>

#include "start/near.h"

#define LIST_MS 3000 /* nobody waits longer for a suggestion */

static int is_ollama(llm_service *svc, const char *provider)
{
	llm_provider_desc p = {.struct_size = (uint32_t)sizeof(p)};

	return llm_service_provider(svc, provider, &p, NULL) == 0 &&
		strcmp(p.plugin, "ollama") == 0;
}

static void look(const llm_models *models, nearest *n)
{
	llm_model_desc m = {.struct_size = (uint32_t)sizeof(m)};
	uint32_t i;

	for (i = 0; llm_models_at(models, i, &m) == 0; i++)
		nearest_try(n, m.name);
}

/* "there are: a, b", or "the nearest of 57 models: a, b, c" */
static void put_names(const nearest *n, uint32_t count, char *ret, size_t cap)
{
	size_t used, i;

	if (count > n->n)
		used = (size_t)snprintf(ret, cap, "the nearest of %u models: ", (unsigned)count);
	else
		used = (size_t)snprintf(ret, cap, "there %s: ", count == 1 ? "is" : "are");
	for (i = 0; i < n->n && used < cap; i++)
		used += (size_t)snprintf(
			ret + used, cap - used, "%s%.128s", i ? ", " : "", n->found[i]);
}

int missing_hint(llm_service *svc, const llm_err *failed, char *ret, size_t cap)
{
	const char *slash = strchr(failed->candidate, '/');
	nearest n = {.word = slash ? slash + 1 : ""};
	llm_models *models = NULL;
	size_t used = 0;
	int ollama;

	if (failed->code != LLM_E_NOT_FOUND || !n.word[0] || !failed->provider[0])
		return 0;
	ollama = is_ollama(svc, failed->provider);
	if (ollama)
		used = (size_t)snprintf(ret, cap, "pull it: ollama pull %s\n", n.word);
	if (llm_service_models(svc, failed->provider, LLM_MODELS_ALL, LIST_MS, &models, NULL) == 0)
		look(models, &n);
	if (n.n && n.far[0] && used < cap)
		put_names(&n, llm_models_count(models), ret + used, cap - used);
	else if (ollama && models && !n.n && used < cap)
		snprintf(ret + used, cap - used, "there are: no models yet");
	llm_models_free(models);
	return ollama || (n.n && n.far[0]);
}
