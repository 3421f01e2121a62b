/* The plan of a run: its candidates and its chains, each with its times. */
#include <stdio.h>
#include <string.h>

#include "attempt.h"
#include "base/hash.h"
#include "chains.h"
#include "options.h"
#include "planning.h"
#include "routing.h"
#include "times.h"

/* ---- candidates ---- */

static int known_not_to_stream(const llm_call *c, const target *t)
{
	const conf_model *model = t->cand.id ? conf_model_named(c->set->conf, t->cand.id) : NULL;

	return model && model->caps.stream == LLM_CAP_NO;
}

/* With others to fall back to, a candidate that stalls is to be noticed early (R-TIME-3). */
static int asks_for_stream(const llm_call *c, const target *t, const conf_profile *profile)
{
	uint32_t say = profile ? profile->upstream_stream : UPSTREAM_UNSET;

	if (say == UPSTREAM_UNSET)
		say = t->up->conf->upstream_stream;
	if (say == UPSTREAM_UNSET)
		say = c->set->conf->upstream_stream;
	if (say == UPSTREAM_UNSET || say == UPSTREAM_AUTO)
		say = profile && c->plan != &c->first ? UPSTREAM_ON : UPSTREAM_OFF;
	return say == UPSTREAM_ON && !known_not_to_stream(c, t);
}

static int32_t fill(llm_call *c, target *t, const char *provider, const conf_profile *profile,
	const llm_call_opts *opts, llm_err *err)
{
	char server[2 * RESOLVE_NAME];
	int32_t rc;

	if (t->cand.endpoint[0]) {
		snprintf(server, sizeof(server), "%s#%s", provider, t->cand.endpoint);
		provider = server;
	}
	rc = upstream_get(c->set, provider, &t->up, err);
	if (rc)
		return rc;
	t->weight = 1;
	t->chains |= CHAIN_GENERAL;
	times_target(c, t, profile, opts);
	t->upstream_stream = asks_for_stream(c, t, profile);
	if (!c->rq)
		return 0;
	t->extra = c->rq->view.extra;
	rc = options_for(c, t, err);
	return rc ? rc : options_extra(c, t, err);
}

static int32_t resolve(llm_call *c, const char *name, target *t, llm_err *err)
{
	int32_t rc = resolve_candidate(c->set->conf, name, &t->cand, err);

	if (rc)
		return rc;
	/* The call may outlive the configuration's text. */
	t->cand.id = arena_str(&c->ar, t->cand.id);
	if (!t->cand.id)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	t->cand.model = strchr(t->cand.id, '/') + 1;
	return 0;
}

static target *is_there(const llm_call *c, const target *t)
{
	size_t i;

	for (i = 0; i < c->n_plan; i++)
		if (strcmp(c->plan[i].cand.id, t->cand.id) == 0)
			return &c->plan[i];
	return NULL;
}

/* One that cannot even be set up is no reason to ask nobody. */
static int32_t leave_out(llm_call *c, const target *t, const llm_err *why)
{
	buf text;
	int32_t rc;

	buf_init(&text, &c->mem, 0);
	rc = buf_add_str(&text, t->cand.id);
	if (!rc)
		rc = buf_add_str(&text, " is not asked: ");
	if (!rc)
		rc = buf_add(&text, why->message, strcspn(why->message, "\n"));
	if (!rc) {
		char *copy = arena_dup(&c->ar, buf_text(&text), text.len);

		rc = copy ? call_push(&c->ar, &c->res.warnings, copy) : LLM_E_NOMEM;
	}
	buf_done(&text);
	return rc;
}

/* The names of one chain. */
typedef struct chain {
	const char *const *names;
	size_t n;
	uint32_t which; /* CHAIN_* */
	uint32_t level;
	const uint32_t *weights; /* or null: all the same */
} chain;

static void put_in(llm_call *c, target *t, const chain *of, uint32_t place)
{
	if (of->which != CHAIN_GENERAL && t == &c->plan[c->n_plan])
		t->chains = 0;
	else if (of->which == CHAIN_GENERAL)
		t->level = of->level;
	t->chains |= of->which;
	c->has_chains |= of->which;
	if (of->which == CHAIN_CONTEXT)
		t->context_place = place;
	else if (of->which == CHAIN_CONTENT)
		t->content_place = place;
}

/* One name of a chain. A target that is in the plan already is only put into the chain. */
static int32_t add(llm_call *c, const route *r, const chain *of, size_t i,
	const llm_call_opts *opts, llm_err *err)
{
	target *t = &c->plan[c->n_plan], *there;
	int32_t rc = resolve(c, of->names[i], t, err);

	if (rc)
		return rc;
	there = is_there(c, t);
	if (there) {
		if (of->which != CHAIN_GENERAL)
			put_in(c, there, of, (uint32_t)i);
		memset(t, 0, sizeof(*t));
		return 0;
	}
	rc = fill(c, t, t->cand.provider, r->profile, opts, err);
	if (rc)
		return rc;
	times_slow(c, t, r->profile);
	t->weight = of->weights ? of->weights[i] : 1;
	put_in(c, t, of, (uint32_t)i);
	c->n_plan++;
	return 0;
}

static int32_t add_chain(llm_call *c, const route *r, const chain *of, const llm_call_opts *opts,
	llm_err *first, llm_err *err)
{
	size_t i;

	for (i = 0; i < of->n; i++) {
		target *t = &c->plan[c->n_plan];
		int32_t rc = add(c, r, of, i, opts, err);

		if (!rc)
			continue;
		/* Without an id it was not even found out what is meant. */
		if (rc == LLM_E_NOMEM || !t->cand.id)
			return rc;
		if (!first->code)
			*first = *err;
		if (leave_out(c, t, err))
			return err_set(err, LLM_E_NOMEM, "out of memory");
		memset(t, 0, sizeof(*t));
		err_clear(err);
	}
	return 0;
}

#define CHAINS 5

/* The chains of a profile; behind a model that was named those of the default profile. */
static size_t list_chains(const route *r, const conf_profile *p, chain ret[CHAINS])
{
	size_t n = 0;

	ret[n++] = (chain){r->names, r->n_names, CHAIN_GENERAL, 0, r->weights};
	if (!p)
		return n;
	if (!r->profile)
		ret[n++] = (chain){p->candidates, p->n_candidates, CHAIN_GENERAL, 1, p->shares};
	ret[n++] = (chain){p->general.items, p->general.n, CHAIN_GENERAL, 2, NULL};
	ret[n++] = (chain){p->context.items, p->context.n, CHAIN_CONTEXT, 0, NULL};
	ret[n++] = (chain){p->content.items, p->content.n, CHAIN_CONTENT, 0, NULL};
	return n;
}

/* Those behind the first, whose names are spread over endpoints already. */
static int32_t spread(llm_call *c, chain *of)
{
	route r = {.names = of->names, .n_names = of->n, .weights = of->weights};
	int32_t rc = resolve_expand(c->set->conf, &c->ar, &r);

	of->names = r.names;
	of->n = r.n_names;
	of->weights = r.weights;
	return rc;
}

static int32_t fill_plan(
	llm_call *c, const route *r, const conf_profile *p, const llm_call_opts *opts, llm_err *err)
{
	llm_err first; /* of no use, and not written, while its code is 0 */
	chain chains[CHAINS];
	const size_t n = list_chains(r, p, chains);
	size_t all = chains[0].n, i;
	int32_t rc = 0;

	first.code = 0;
	for (i = 1; !rc && i < n; i++) {
		rc = spread(c, &chains[i]);
		all += chains[i].n;
	}
	c->plan = c->at = rc ? NULL : arena_array(&c->ar, all + 1, sizeof(*c->plan));
	if (!c->plan)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	c->n_plan = c->n_general = 0;
	for (i = 0; !rc && i < n; i++) {
		rc = add_chain(c, r, &chains[i], opts, &first, err);
		if (chains[i].which == CHAIN_GENERAL)
			c->n_general = c->n_plan;
	}
	if (rc || c->n_general || !first.code)
		return rc;
	*err = first;
	return first.code;
}

/* Who follows a model that was named, if somebody wants that (R-ROUTE-11). */
static const conf_profile *fallbacks_of(const llm_call *c, const route *r)
{
	const conf *all = c->set->conf;
	const char *name = all->default_profile;
	const conf_profile *p;

	if (r->profile)
		return r->profile->general.n + r->profile->context.n + r->profile->content.n ?
			r->profile :
			NULL;
	if (!name || !c->rq)
		return NULL;
	p = conf_profile_named(all, name);
	if (!p && conf_alias(all, name))
		p = conf_profile_named(all, conf_alias(all, name));
	return p && (p->pinned_fallbacks || (c->flags & LLM_CALL_FALLBACKS)) ? p : NULL;
}

/* Most runs have one candidate, and pay nothing for those of others. */
static int32_t fill_one(llm_call *c, const route *r, const llm_call_opts *opts, llm_err *err)
{
	int32_t rc = resolve(c, r->names[0], &c->first, err);

	return rc ? rc : fill(c, &c->first, c->first.cand.provider, r->profile, opts, err);
}

static int32_t name_result(llm_call *c, const conf_profile *profile)
{
	llm_result *r = &c->res;

	r->profile = profile ? arena_str(&c->ar, profile->name) : NULL;
	r->provider = arena_str(&c->ar, c->at->up->name);
	r->model = c->at->cand.model;
	if (c->rq && c->rq->target)
		r->requested = arena_str(&c->ar, c->rq->target);
	else if (profile)
		r->requested = r->profile;
	return (profile && !r->profile) || !r->provider ? LLM_E_NOMEM : 0;
}

/* The same user draws the same, in this profile and workspace (R-ROUTE-7). Never 0. */
static int32_t split_of(llm_call *c, const conf_profile *profile)
{
	const char *user = c->rq && c->rq->view.end_user ? c->rq->view.end_user : "";
	unsigned char digest[SHA256_BYTES];
	sha256 *h;
	size_t i;
	int32_t rc;

	if (!profile || profile->split_by != SPLIT_BY_USER || !user[0])
		return 0;
	h = sha256_new();
	if (!h)
		return LLM_E_NOMEM;
	rc = sha256_add(h, c->workspace, strlen(c->workspace) + 1);
	if (!rc)
		rc = sha256_add(h, profile->name, strlen(profile->name) + 1);
	if (!rc)
		rc = sha256_add(h, user, strlen(user));
	if (!rc)
		rc = sha256_take(h, digest);
	for (i = 0; !rc && i < 8; i++)
		c->split_key = c->split_key << 8 | digest[i];
	c->split_key |= !rc && !c->split_key;
	sha256_free(h);
	return rc;
}

static int32_t finish(
	llm_call *c, const conf_profile *profile, const llm_call_opts *opts, llm_err *err)
{
	const char *ws = c->rq ? c->rq->workspace : NULL;

	if (c->rq && !ws)
		ws = c->rq->metadata_workspace;
	if (!ws && c->set->conf->workspace) {
		ws = arena_str(&c->ar, c->set->conf->workspace);
		if (!ws)
			return err_set(err, LLM_E_NOMEM, "out of memory");
	}
	c->workspace = ws ? ws : "";
	times_run(c, profile, opts);
	c->local_only = (c->rq && c->rq->local_only) ||
		(profile && profile->require_locality == LLM_LOCALITY_LOCAL);
	if (split_of(c, profile))
		return err_set(err, LLM_E_NOMEM, "out of memory");
	return name_result(c, profile) ? err_set(err, LLM_E_NOMEM, "out of memory") : 0;
}

int32_t call_plan(llm_call *c, route *r, const llm_call_opts *opts, llm_err *err)
{
	const conf_profile *more;
	int32_t rc = resolve_expand(c->set->conf, &c->ar, r);

	if (rc)
		return err_set(err, rc, "out of memory");
	c->by = r->profile ? routing_profile(c->set->routing, r->profile->name) : NULL;
	if (c->by && c->by->problem) {
		*err = *c->by->problem;
		return err->code;
	}
	more = fallbacks_of(c, r);
	rc = r->n_names < 2 && !more ? fill_one(c, r, opts, err) : fill_plan(c, r, more, opts, err);
	return rc ? rc : finish(c, r->profile, opts, err);
}

int32_t call_plan_provider(
	llm_call *c, const char *provider, const llm_call_opts *opts, llm_err *err)
{
	int32_t rc = fill(c, &c->first, provider, NULL, opts, err);

	return rc ? rc : finish(c, NULL, opts, err);
}

int32_t call_plan_model(llm_call *c, route *r, const llm_call_opts *opts, llm_err *err)
{
	int32_t rc = resolve_expand(c->set->conf, &c->ar, r);

	if (rc)
		return err_set(err, rc, "out of memory");
	rc = fill_one(c, r, opts, err);
	return rc ? rc : finish(c, NULL, opts, err);
}

/* ---- who is next ---- */

uint32_t plan_prefill(llm_call *c, const target *t)
{
	caps_matrix scratch;

	return planning_caps(c, t, &scratch)->value[CAPS_PREFILL];
}

static int is_free(llm_call *c, const target *t)
{
	return (t->chains & c->chain) && !t->tried && !t->left_out &&
		!slots_ready_ns(c->svc, t->state);
}

uint32_t plan_untried(llm_call *c, const target *except)
{
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < c->n_plan; i++)
		n += &c->plan[i] != except && is_free(c, &c->plan[i]);
	return n;
}

target *plan_next(llm_call *c)
{
	target *best = NULL;
	size_t i;

	for (i = 0; i < c->n_plan; i++) {
		target *t = &c->plan[i];

		if ((!best || chains_place(c, t) < chains_place(c, best)) && is_free(c, t))
			best = t;
	}
	return best;
}
