#include "llm/capabilities.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "run/models.h"

#define USUAL_MS 10000

_Static_assert((int)LLM_CAPABLE_ACCEPTED == (int)LLM_CAP_ACCEPTED &&
		(int)LLM_CAPABLE_NO == (int)LLM_CAP_NO &&
		(int)LLM_SAID_BY_TABLE == CAPS_FROM_TABLE &&
		(int)LLM_SAID_BY_PROVIDER == CAPS_FROM_ANSWER,
	"the numbers of the core are those of the header");

struct llm_capabilities {
	llm_allocator mem;
	caps_matrix matrix;
	llm_err problem; /* code 0: none */
};

static int32_t plan(llm_call *c, const char *model, const llm_call_opts *opts, llm_err *err)
{
	route r;
	int32_t rc = resolve_target(c->set->conf, model, 0, &r, err);

	if (!rc && r.profile)
		rc = err_set(err, LLM_E_INVALID_REQUEST,
			"\"%.100s\" is a profile: name one of its candidates", model);
	return rc ? rc : call_plan_model(c, &r, opts, err);
}

/* *ret_done: the run has ended, and its error, if any, is that of asking. */
static int32_t ask(llm_service *svc, const char *model, const llm_call_opts *opts, llm_models *m,
	int *ret_done, llm_err *err)
{
	llm_call *c;
	int32_t rc = call_new(svc, NULL, opts, &c, err);

	if (rc)
		return rc;
	c->set = confset_hold(svc);
	c->op = OP_MODEL;
	c->models = m;
	rc = plan(c, model, opts, err);
	if (!rc && !service_is_driver(svc))
		rc = service_drive(svc, err);
	if (!rc && service_post(svc, c, INBOX_NEW))
		rc = err_set(err, LLM_E_STATE, "the service is shutting down");
	if (!rc) {
		rc = llm_call_wait(c, UINT32_MAX, err);
		*ret_done = 1;
	}
	call_unref(c);
	return rc;
}

static int32_t make(const llm_service *svc, const llm_models *m, const llm_err *why,
	llm_capabilities **ret, llm_err *err)
{
	llm_capabilities *made = mem_new(&svc->mem, sizeof(*made));

	if (!made)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	made->mem = svc->mem;
	made->matrix = m->matrix;
	made->problem = *why;
	*ret = made;
	return 0;
}

/* Outside of callbacks, in the service's own process. */
static int32_t check(llm_service *svc, llm_err *err)
{
	int32_t rc = service_check(svc, err);

	if (!rc && service_on_loop(svc))
		rc = err_set(
			err, LLM_E_STATE, "asking about a model inside a callback would never end");
	return rc;
}

int32_t llm_service_capabilities(llm_service *svc, const char *model, uint32_t flags,
	uint32_t total_ms, llm_capabilities **ret, llm_err *err)
{
	const llm_call_opts opts = {.struct_size = (uint32_t)sizeof(opts),
		.flags = flags & LLM_CAPABILITIES_KNOWN ? LLM_CALL_PLAN_ONLY : 0,
		.total_ms = total_ms ? total_ms : USUAL_MS};
	llm_err why = LLM_ERR_INIT;
	llm_models *m = NULL;
	int done = 0;
	int32_t rc;

	if (!svc || !model || !ret)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"llm_service_capabilities needs a service, a model and a place for the table");
	rc = check(svc, &why);
	if (!rc && models_new(&svc->mem, &m))
		rc = err_set(&why, LLM_E_NOMEM, "out of memory");
	if (!rc)
		rc = ask(svc, model, &opts, m, &done, &why);
	if (done && rc != LLM_E_NOMEM)
		rc = make(svc, m, &why, ret, &why);
	models_free(m);
	if (rc)
		err_export(err, &why);
	return rc;
}

static void number(llm_capability *to, const char *name, int64_t value, uint32_t source)
{
	to->name = name;
	to->value = value > 0 ? LLM_CAPABLE_YES : LLM_CAPABLE_UNKNOWN;
	to->source = source;
	to->number = value;
}

int32_t llm_capabilities_at(const llm_capabilities *all, uint32_t i, llm_capability *ret)
{
	llm_capability cell = {.struct_size = (uint32_t)sizeof(cell)};
	const caps_matrix *m;

	if (!all || !ret)
		return LLM_E_INVALID_REQUEST;
	m = &all->matrix;
	if (i < CAPS_CELLS) {
		cell.name = caps_name(i);
		cell.value = m->value[i];
		cell.source = m->source[i];
		cell.text = caps_value_name(i, m->value[i]);
	} else if (i == CAPS_CELLS) {
		number(&cell, "max_input_tokens", m->max_input_tokens, m->max_input_source);
	} else if (i == CAPS_CELLS + 1) {
		number(&cell, "max_output_tokens", m->max_output_tokens, m->max_output_source);
	} else {
		return LLM_E_NOT_FOUND;
	}
	cell.said_by = caps_source_name(cell.source);
	*ret = cell;
	return 0;
}

const llm_err *llm_capabilities_problem(const llm_capabilities *all)
{
	return all && all->problem.code ? &all->problem : NULL;
}

void llm_capabilities_free(llm_capabilities *all)
{
	llm_allocator mem;

	if (!all)
		return;
	mem = all->mem;
	mem_free(&mem, all);
}
