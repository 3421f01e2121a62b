/* Listing a provider's models (llm/service.h). */
#include "run/models.h"

#include "base/err.h"

#define USUAL_MS 10000
#define PAGES_MAX 100

static int32_t ask_page(llm_service *svc, const char *provider, uint32_t op, uint32_t total_ms,
	llm_models *m, llm_err *err)
{
	const llm_call_opts opts = {.struct_size = (uint32_t)sizeof(opts), .total_ms = total_ms};
	llm_call *c;
	int32_t rc = call_new(svc, NULL, &opts, &c, err);

	if (rc)
		return rc;
	c->set = confset_hold(svc);
	c->op = op;
	c->models = m;
	rc = call_plan_provider(c, provider, &opts, err);
	/* Whoever waits must be sure of an end before the rows are lent to the run. */
	if (!rc && !service_is_driver(svc))
		rc = service_drive(svc, err);
	if (!rc)
		rc = service_post(svc, c, INBOX_NEW);
	if (!rc)
		rc = llm_call_wait(c, UINT32_MAX, err);
	call_unref(c);
	return rc;
}

/* One deadline for all pages. */
static uint32_t left_ms(const llm_service *svc, uint64_t start_ns, uint32_t total_ms)
{
	uint64_t passed = (clock_ns(&svc->time) - start_ns) / NS_PER_MS;

	return passed < total_ms ? total_ms - (uint32_t)passed : 1;
}

static int32_t all_pages(llm_service *svc, const char *provider, uint32_t op, uint32_t total_ms,
	llm_models *m, llm_err *err)
{
	uint64_t start_ns = clock_ns(&svc->time);
	int page;
	int32_t rc = 0;

	for (page = 0; !rc && page < PAGES_MAX && (!page || m->cursor); page++)
		rc = ask_page(svc, provider, op, left_ms(svc, start_ns, total_ms), m, err);
	if (!rc && m->cursor)
		rc = err_set(err, LLM_E_PROTOCOL, "%s: the list of models has more than %d pages",
			provider, PAGES_MAX);
	return rc;
}

int32_t llm_service_models(llm_service *svc, const char *provider, uint32_t which,
	uint32_t total_ms, llm_models **ret, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	llm_models *m = NULL;
	int32_t rc;

	if (!svc || !provider || !ret)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"llm_service_models needs a service, a provider and a place for the rows");
	rc = service_check(svc, &why);
	if (!rc && service_on_loop(svc))
		rc = err_set(&why, LLM_E_STATE, "listing models inside a callback would never end");
	if (!rc)
		rc = models_new(&svc->mem, &m) ? err_set(&why, LLM_E_NOMEM, "out of memory") : 0;
	if (!rc)
		rc = all_pages(svc, provider, which == LLM_MODELS_LOADED ? OP_STATE : OP_MODELS,
			total_ms ? total_ms : USUAL_MS, m, &why);
	if (rc) {
		models_free(m);
		err_export(err, &why);
		return rc;
	}
	*ret = m;
	return 0;
}

uint32_t llm_models_count(const llm_models *m)
{
	return (uint32_t)m->rows.n;
}

int32_t llm_models_at(const llm_models *m, uint32_t i, llm_model_desc *ret)
{
	if (i >= m->rows.n)
		return LLM_E_NOT_FOUND;
	*ret = *(const llm_model_desc *)m->rows.items[i];
	return 0;
}

void llm_models_free(llm_models *m)
{
	models_free(m);
}
