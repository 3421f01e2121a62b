#include "engine.h"

#include <string.h>

#include "base/alloc.h"
#include "models.h"

#define ASK_MS 3000 /* who takes longer to say is not worth the place */

/* ---- asking ---- */

static int32_t begin(llm_service *svc, upstream *up)
{
	const llm_call_opts opts = {.struct_size = (uint32_t)sizeof(opts), .total_ms = ASK_MS};
	llm_err ignored = LLM_ERR_INIT;
	llm_call *c;
	int32_t rc = call_new(svc, NULL, &opts, &c, &ignored);

	if (rc)
		return rc;
	c->set = confset_hold(svc);
	c->op = OP_STATE;
	c->of_engine = 1;
	rc = models_new(&svc->mem, &c->models);
	if (!rc)
		rc = call_plan_provider(c, up->id, &opts, &ignored);
	if (rc) {
		models_free(c->models);
	} else {
		call_ref(c); /* the service's, until the run has ended */
		run_begin(c);
	}
	call_unref(c);
	return rc;
}

static void look(llm_service *svc, upstream *up)
{
	llm_state_ext ext;
	uint64_t now_ns;

	if (!up->conf->watch || atomic_load(&svc->stopping))
		return;
	now_ns = loop_now(svc->loop);
	if (now_ns < up->use->engine_ns)
		return;
	up->use->engine_ns = clock_after_ms(now_ns, ENGINE_MS);
	if (!models_state(up->in, &ext))
		up->use->engine_ns = UINT64_MAX; /* it has nothing to say */
	else if (begin(svc, up))
		log_line(&svc->log, LLM_LOG_DEBUG, "%s: could not be asked for its state", up->id);
}

void engine_look(llm_call *c)
{
	size_t i;

	for (i = 0; i < c->n_plan; i++)
		if (!c->plan[i].left_out)
			look(c->svc, c->plan[i].up);
}

/* ---- the answer ---- */

/* A name without a tag stands for the latest. */
static int is_model(const char *name, const char *row)
{
	const size_t n = strlen(name);

	if (strncmp(row, name, n) != 0)
		return 0;
	return !row[n] || (strcmp(row + n, ":latest") == 0 && !strchr(name, ':'));
}

static int is_listed(const llm_models *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->rows.n; i++)
		if (is_model(name, ((const llm_model_desc *)m->rows.items[i])->name))
			return 1;
	return 0;
}

/* A model that its engine hands on to a cloud is in no memory here. */
static void note(llm_call *c, cand_state *s, const char *model, int32_t code)
{
	s->loaded_ns = loop_now(c->svc->loop);
	if (code || s->caps.elsewhere)
		s->loaded = LLM_LOADED_UNKNOWN;
	else
		s->loaded = is_listed(c->models, model) ? LLM_LOADED_WARM : LLM_LOADED_COLD;
}

void engine_ended(llm_call *c, int32_t code)
{
	const idmap *all = &c->svc->slots.candidates;
	const char *id = c->at->up->id;
	const size_t n = strlen(id);
	size_t i;

	for (i = 0; i < all->n; i++)
		if (strncmp(all->slots[i].key, id, n) == 0 && all->slots[i].key[n] == '/')
			note(c, all->slots[i].value, all->slots[i].key + n + 1, code);
	if (code)
		log_line(&c->svc->log, LLM_LOG_DEBUG, "%s did not say what it has in memory: %s",
			id, c->res.error.message);
	models_free(c->models);
	c->models = NULL;
}

static llm_call *next_of_engine(llm_service *svc)
{
	llm_call *c;

	for (c = svc->live; c; c = c->next)
		if (c->of_engine)
			return c;
	return NULL;
}

void engine_stop(llm_service *svc)
{
	llm_call *c;

	while ((c = next_of_engine(svc)))
		run_cancel(c, 0);
}
