/*
 * proxy.c - by which proxy a provider is reached. Nobody's environment is followed unless
 * the configuration says so: a proxy sees whom we talk to, and on plain HTTP the key.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "upstream.h"

/* As everybody reads them: http_proxy in lower case only, since a web server's client
 * can set HTTP_PROXY in the environment of a CGI program. */
static const char *const for_http[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
static const char *const for_https[] = {
	"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
static const char *const for_none[] = {"no_proxy", "NO_PROXY", NULL};

/* The first that is set; *ret_name is its name. */
static const char *first_set(const confset *set, const char *const *names, const char **ret_name)
{
	for (; *names; names++) {
		const char *text = conf_env_get(set->conf, *names);

		if (text && text[0]) {
			*ret_name = *names;
			return text;
		}
	}
	return NULL;
}

/* What stands between the commas of no_proxy, in one line for libcurl. */
static int32_t join_exceptions(const conf *c, upstream *up)
{
	size_t i, n = 1;
	char *text;

	for (i = 0; i < c->n_no_proxy; i++)
		n += strlen(c->no_proxy[i]) + 1;
	text = arena_array(&up->ar, n, 1);
	if (!text)
		return LLM_E_NOMEM;
	for (i = n = 0; i < c->n_no_proxy; i++) {
		const size_t len = strlen(c->no_proxy[i]);

		memcpy(text + n, c->no_proxy[i], len);
		text[n + len] = ',';
		n += len + 1;
	}
	text[n] = '\0';
	up->no_proxy = text;
	return 0;
}

static int32_t bad_proxy(const char *what, llm_err *err)
{
	return err_set(err, LLM_E_CONFIG,
		"%s is no proxy that can be used: it must be like http://proxy.example:3128\n"
		"correct it, or set proxy to another one",
		what);
}

/* The part in front of the host, which only the environment may have, is a secret. */
static int32_t keep_user(confset *set, const char *user, size_t len)
{
	const char *colon = memchr(user, ':', len);
	int32_t rc = 0;

	pthread_rwlock_wrlock(&set->svc->secrets_lock);
	if (colon)
		rc = redact_add(set->svc->secrets, colon + 1, len - (size_t)(colon + 1 - user));
	pthread_rwlock_unlock(&set->svc->secrets_lock);
	return rc;
}

/* libcurl takes 1080 for the port of a proxy that names none: say which is meant. */
static int32_t take(confset *set, upstream *up, const char *text, const char *what, llm_err *err)
{
	const char *rest = strstr(text, "://"), *at;
	char plain[600], full[900];
	url u;
	size_t scheme, user;

	scheme = rest ? (size_t)(rest + 3 - text) : 0;
	rest = text + scheme;
	at = memchr(rest, '@', strcspn(rest, "/"));
	user = at ? (size_t)(at + 1 - rest) : 0;
	if (strlen(text) >= sizeof(plain) - 8)
		return bad_proxy(what, err);
	snprintf(plain, sizeof(plain), "%.*s%s", scheme ? (int)scheme : 7,
		scheme ? text : "http://", rest + user);
	if (url_parse(plain, what, &u, NULL))
		return bad_proxy(what, err);
	snprintf(full, sizeof(full), "%s://%.*s%s:%" PRIu16, u.scheme, (int)user, rest, u.host,
		u.port);
	up->proxy = arena_str(&up->ar, full);
	if (!up->proxy || (user && keep_user(set, rest, user - 1)))
		return err_set(err, LLM_E_NOMEM, "out of memory");
	return 0;
}

static int32_t by_environment(confset *set, upstream *up, llm_err *err)
{
	const int secure = strcmp(up->at.base.scheme, "https") == 0;
	const char *name = "", *ignored;
	const char *text = first_set(set, secure ? for_https : for_http, &name);

	if (!up->no_proxy)
		up->no_proxy = first_set(set, for_none, &ignored);
	return text ? take(set, up, text, name, err) : 0;
}

int32_t upstream_proxy(confset *set, upstream *up, llm_err *err)
{
	const conf *c = set->conf;
	const char *own = up->conf->proxy, *text = own ? own : c->proxy;
	const int env = text && strcmp(text, "env") == 0;

	if (!text || strcmp(text, "none") == 0)
		return 0;
	if (own && !env)
		return take(set, up, text, "proxy", err);
	/* A proxy for everything is none for this machine itself. */
	if (up->at.base.local)
		return 0;
	if (c->n_no_proxy && join_exceptions(c, up))
		return err_set(err, LLM_E_NOMEM, "out of memory");
	return env ? by_environment(set, up, err) : take(set, up, text, "proxy", err);
}
