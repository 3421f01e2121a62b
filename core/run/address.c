#include "address.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

const conf_provider *address_implicit(const char *name, arena *ar)
{
	conf_provider *made = arena_new(ar, sizeof(*made));

	if (!made)
		return NULL;
	made->endpoints = arena_new(ar, sizeof(*made->endpoints));
	made->name = made->plugin = arena_str(ar, name);
	if (!made->endpoints || !made->name)
		return NULL;
	made->origin = "implicit";
	made->n_endpoints = 1;
	memset(&made->times, 0xff, sizeof(made->times)); /* CONF_UNSET in every member */
	return made;
}

static const char *raw_base_url(
	const conf *c, const conf_endpoint *end, const llm_provider_info *info, int *ret_from_env)
{
	const char *text = end->base_url;

	*ret_from_env = 0;
	if (!text && info->base_url_env) {
		text = conf_env_get(c, info->base_url_env);
		*ret_from_env = text && text[0];
	}
	return text && text[0] ? text : info->default_base_url;
}

static int is_usual(const llm_provider_info *info, const url *base)
{
	const char *text = info->default_base_url;
	url usual;

	return text && text[0] && url_parse(text, "default", &usual, NULL) == 0 &&
		url_same_origin(&usual, base);
}

/* The text as the plugin wants it: it may know other forms. */
static int32_t rewrite(
	const plugin *plug, const char *raw, const char *what, char *text, size_t cap, llm_err *err)
{
	if (!raw || !raw[0])
		return err_set(err, LLM_E_CONFIG,
			"%s is missing: say where the server is, "
			"such as http://127.0.0.1:8080/v1",
			what);
	if (strlen(raw) >= cap)
		return err_set(err, LLM_E_CONFIG, "%s is longer than 2047 bytes", what);
	if (!plug->provider->base_url)
		memcpy(text, raw, strlen(raw) + 1);
	else if (plug->provider->base_url(raw, text, cap))
		return err_set(err, LLM_E_CONFIG, "%s is no address that %s understands", what,
			plug->info->label);
	return 0;
}

/* How messages call the setting. */
static void name_setting(const conf_provider *p, const conf_endpoint *end, char *to, size_t cap)
{
	if (p->n_endpoints > 1)
		snprintf(to, cap, "base_url of endpoint %s in providers.%s", end->id, p->name);
	else
		snprintf(to, cap, "providers.%s.base_url", p->name);
}

int32_t address_find(const conf *c, const conf_provider *p, const conf_endpoint *end,
	const plugin *plug, arena *ar, address *ret, llm_err *err)
{
	char text[2048], what[192];
	address a = {0};
	const char *raw = raw_base_url(c, end, plug->info, &a.from_env);
	int32_t rc;

	name_setting(p, end, what, sizeof(what));
	if (a.from_env)
		snprintf(what, sizeof(what), "%s", plug->info->base_url_env);
	rc = rewrite(plug, raw, what, text, sizeof(text), err);
	if (rc)
		return rc;
	a.text = arena_str(ar, text);
	if (!a.text)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	rc = url_parse(text, what, &a.base, err);
	if (rc)
		return rc;
	a.usual = is_usual(plug->info, &a.base);
	*ret = a;
	return 0;
}

usual_key address_key(const conf *c, const llm_provider_info *info, const address *a)
{
	const char *const *env;
	usual_key k = {0};

	for (env = info->key_env; env && *env; env++) {
		const char *value = conf_env_get(c, *env);

		if (!value || !value[0])
			continue;
		if (!k.name)
			k.name = *env;
		else if (!k.also)
			k.also = *env;
	}
	if (!a->usual && !a->from_env)
		k = (usual_key){.kept = k.name};
	return k;
}

int32_t address_warning(
	const char *provider, const usual_key *k, const address *a, arena *ar, const char **ret)
{
	char text[800];

	*ret = NULL;
	if (k->also)
		snprintf(text, sizeof(text), "provider %s: %s and %s are both set; %s is used",
			provider, k->name, k->also, k->name);
	else if (k->kept && !a->base.local) /* servers on this machine hardly want a key */
		snprintf(text, sizeof(text),
			"provider %s: %s is set and not sent to %s://%s, which is not its usual "
			"address; say providers.%s.api_key = \"env:NAME\"",
			provider, k->kept, a->base.scheme, a->base.host, provider);
	else
		return 0;
	*ret = arena_str(ar, text);
	return *ret ? 0 : LLM_E_NOMEM;
}
