/* canon.c - what canonical.h asks of a request, from where the core keeps it. */
#include "canon.h"

#include <string.h>

#include "base/err.h"
#include "store/canonical.h"

static canonical_option *room(arena *ar, size_t n)
{
	return arena_array(ar, n + 1, sizeof(canonical_option));
}

int32_t canon_requested(const llm_request *rq, buf *out, llm_err *err)
{
	canonical_request from = {.view = &rq->view,
		.requested = 1,
		.target = rq->target,
		.target_is_profile = rq->target_is_profile,
		.local_only = rq->local_only,
		.candidates = (const char *const *)rq->candidates.items,
		.n_candidates = rq->candidates.n,
		.extra = rq->view.extra};
	canonical_option *options;
	int32_t rc;
	size_t i;
	arena ar;

	arena_init(&ar, &rq->mem, 0);
	options = room(&ar, rq->options.n);
	for (i = 0; options && i < rq->options.n; i++) {
		const request_option *o = rq->options.items[i];

		options[i] = (canonical_option){
			.name = o->name, .value = {o->value, strlen(o->value)}};
	}
	from.options = options;
	from.n_options = i;
	rc = options ? canonical_write(&from, &rq->mem, out, err) :
		       err_set(err, LLM_E_NOMEM, "out of memory");
	arena_reset(&ar);
	return rc;
}

int32_t canon_resolved(const llm_request *rq, const target *t, buf *out, llm_err *err)
{
	canonical_request from = {.view = &rq->view,
		.provider = t->cand.provider,
		.endpoint = t->cand.endpoint,
		.model = t->cand.model,
		.extra = t->extra};
	canonical_option *options;
	int32_t rc;
	size_t i;
	arena ar;

	arena_init(&ar, &rq->mem, 0);
	options = room(&ar, t->n_options);
	for (i = 0; options && i < t->n_options; i++)
		options[i] = (canonical_option){
			.name = t->options[i]->name, .value = t->options[i]->json, .json = 1};
	from.options = options;
	from.n_options = i;
	rc = options ? canonical_write(&from, &rq->mem, out, err) :
		       err_set(err, LLM_E_NOMEM, "out of memory");
	arena_reset(&ar);
	return rc;
}
