#include "resolve.h"

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

	if (!name)
		name = c->default_profile;
	if (!name)
		return no_default(err);
	memset(r, 0, sizeof(*r));
	if (!want_profile && strchr(name, '/')) {
		one_name(r, name);
		return 0;
	}
	p = conf_profile_named(c, name);
	if (!p && conf_alias(c, name)) {
		name = conf_alias(c, name);
		p = conf_profile_named(c, name);
	}
	if (p) {
		r->profile = p;
		r->names = p->candidates;
		r->n_names = p->n_candidates;
		return 0;
	}
	if (want_profile || !strchr(name, '/'))
		return unknown(c, name, want_profile ? "profile" : "profile, alias or model", err);
	one_name(r, name);
	return 0;
}

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
