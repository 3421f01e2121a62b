#include "resolve.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

static int32_t unknown(const conf *c, const char *name, const char *kind, llm_err *err)
{
	const char *near = conf_nearest_target(c, name);

	if (conf_provider_named(c, name))
		return err_set(err, LLM_E_INVALID_REQUEST,
			"\"%.100s\" is a provider and no %s: name one of its models, as in "
			"%.100s/MODEL (llmctl models %.100s lists them)",
			name, kind, name, name);
	if (near && strcmp(near, name) == 0)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"\"%.100s\" is no %s: name it as a model (llmctl: -m)", name, kind);
	if (near)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"no %s is called \"%.100s\"; did you mean \"%s\"?", kind, name, near);
	return err_set(err, LLM_E_INVALID_REQUEST,
		"no %s is called \"%.100s\"; a model is written provider/model, "
		"such as ollama/llama3.2",
		kind, name);
}

static int32_t no_default(llm_err *err)
{
	return err_set(err, LLM_E_INVALID_REQUEST,
		"no model was named and no default_profile is configured; "
		"name one as provider/model");
}

static void one_name(route *r, const char *name)
{
	r->single[0] = name;
	r->names = r->single;
	r->n_names = 1;
}

int32_t resolve_target(const conf *c, const char *name, int want_profile, route *r, llm_err *err)
{
	const conf_profile *p;
	const char *asked;

	if (!name)
		name = c->default_profile;
	if (!name)
		return no_default(err);
	memset(r, 0, sizeof(*r));
	if (!want_profile && strchr(name, '/')) {
		one_name(r, name);
		return 0;
	}
	asked = name;
	p = conf_profile_named(c, name);
	if (!p && conf_alias(c, name)) {
		name = conf_alias(c, name);
		p = conf_profile_named(c, name);
	}
	if (p) {
		r->profile = p;
		r->names = p->candidates;
		r->n_names = p->n_candidates;
		r->weights = p->shares;
		return 0;
	}
	if (want_profile || !strchr(name, '/'))
		return unknown(c, asked, want_profile ? "profile" : "profile, alias or model", err);
	one_name(r, name);
	return 0;
}

int32_t resolve_list(const char *const *names, size_t n, route *r, llm_err *err)
{
	if (r->n_names && !r->profile)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"the request names the model \"%.100s\" and a list of candidates\n"
			"name one of the two; a profile can stand beside a list",
			r->names[0]);
	r->names = names;
	r->n_names = n;
	r->weights = NULL;
	return 0;
}

/* ---- endpoints ---- */

#define SHARE_SCALE UINT64_C(1000000)

/* The provider of a name that leaves open which of its endpoints is meant; else null. */
static const conf_provider *spreads(const conf *c, const char *name, const char **ret_target)
{
	const char *target = conf_alias(c, name);
	const conf_provider *p;
	char provider[RESOLVE_NAME];
	size_t len;

	if (!target)
		target = name;
	*ret_target = target;
	len = strcspn(target, "#/");
	if (target[len] != '/' || len >= sizeof(provider))
		return NULL;
	err_copy(provider, sizeof(provider), target, len);
	p = conf_provider_named(c, provider);
	return p && p->n_endpoints > 1 ? p : NULL;
}

/* Of SHARE_SCALE; where all have 0 they are equal. */
static uint64_t share_of(const conf_provider *p, size_t i)
{
	uint64_t sum = 0;
	size_t k;

	for (k = 0; k < p->n_endpoints; k++)
		sum += p->endpoints[k].weight;
	return sum ? SHARE_SCALE * p->endpoints[i].weight / sum : SHARE_SCALE / p->n_endpoints;
}

/* The smallest numbers of the same proportion: they are shown to people. */
static void reduce(uint32_t *weights, size_t n)
{
	uint32_t common = 0, a, b;
	size_t i;

	for (i = 0; i < n; i++)
		for (a = weights[i], b = common, common = a; b; a = b, b = common % b, common = a)
			continue;
	for (i = 0; common > 1 && i < n; i++)
		weights[i] /= common;
}

static char *endpoint_name(arena *ar, const char *target, const char *id)
{
	const size_t provider = strcspn(target, "/");
	const size_t room = strlen(target) + 1 + strlen(id) + 1;
	char *text = arena_new(ar, room);

	if (text)
		snprintf(text, room, "%.*s#%s%s", (int)provider, target, id, target + provider);
	return text;
}

static size_t count_names(const conf *c, const route *r)
{
	const char *ignored;
	const conf_provider *p;
	size_t n = 0, i;

	for (i = 0; i < r->n_names; i++) {
		p = spreads(c, r->names[i], &ignored);
		n += p ? p->n_endpoints : 1;
	}
	return n;
}

static int32_t spread_all(
	const conf *c, arena *ar, const route *r, const char **names, uint32_t *weights)
{
	const char *target;
	size_t n = 0, i, k;

	for (i = 0; i < r->n_names; i++) {
		const uint32_t weight = r->weights ? r->weights[i] : 1;
		const conf_provider *p = spreads(c, r->names[i], &target);

		if (!p) {
			weights[n] = (uint32_t)(weight * SHARE_SCALE);
			names[n++] = r->names[i];
			continue;
		}
		for (k = 0; k < p->n_endpoints; k++, n++) {
			weights[n] = (uint32_t)(weight * share_of(p, k));
			names[n] = endpoint_name(ar, target, p->endpoints[k].id);
			if (!names[n])
				return LLM_E_NOMEM;
		}
	}
	reduce(weights, n);
	return 0;
}

int32_t resolve_expand(const conf *c, arena *ar, route *r)
{
	const size_t n = c->many_endpoints ? count_names(c, r) : r->n_names;
	const char **names;
	uint32_t *weights;

	if (n == r->n_names)
		return 0;
	names = arena_array(ar, n, sizeof(*names));
	weights = arena_array(ar, n, sizeof(*weights));
	if (!names || !weights || spread_all(c, ar, r, names, weights))
		return LLM_E_NOMEM;
	r->names = names;
	r->weights = weights;
	r->n_names = n;
	return 0;
}

/* ---- one candidate ---- */

static int is_name(const char *text, size_t len)
{
	size_t i;

	if (!len || len >= RESOLVE_NAME || text[0] < 'a' || text[0] > 'z')
		return 0;
	for (i = 1; i < len; i++)
		if (!(text[i] >= 'a' && text[i] <= 'z') && !ascii_is_digit(text[i]) &&
			text[i] != '_' && text[i] != '-')
			return 0;
	return 1;
}

static int32_t malformed(const char *name, llm_err *err)
{
	return err_set(err, LLM_E_INVALID_REQUEST,
		"\"%.100s\" is not a model's name: write provider/model with the provider in "
		"a-z 0-9 _ -, such as ollama/llama3.2",
		name);
}

int32_t resolve_candidate(const conf *c, const char *name, candidate *ret, llm_err *err)
{
	const char *target = conf_alias(c, name), *slash, *hash;
	size_t provider, endpoint;

	if (!target)
		target = name;
	slash = strchr(target, '/');
	if (!slash || !slash[1])
		return malformed(target, err);
	hash = memchr(target, '#', (size_t)(slash - target));
	provider = (size_t)((hash ? hash : slash) - target);
	endpoint = hash ? (size_t)(slash - hash - 1) : 0;
	if (!is_name(target, provider) || (hash && !is_name(hash + 1, endpoint)))
		return malformed(target, err);
	memcpy(ret->provider, target, provider);
	ret->provider[provider] = '\0';
	memcpy(ret->endpoint, hash ? hash + 1 : "", endpoint);
	ret->endpoint[endpoint] = '\0';
	ret->model = slash + 1;
	ret->id = target;
	return 0;
}
