/*
 * url.c - see url.h. Strict on purpose: what two readers of URLs could understand
 * differently is refused, because a key is bound to the origin found here.
 */
#include "wire/url.h"

#include "base/err.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A base URL while it is taken apart. */
typedef struct url_parts {
	llm_bytes host; /* IPv6 without its brackets */
	llm_bytes port;
	llm_bytes path;
	int brackets;
} url_parts;

static int url_is_plain(char c)
{
	return c && (ascii_is_alnum((unsigned char)c) || strchr("-._~!$&'()*+,;=:@/", c));
}

static int url_is_hex(char c)
{
	return c && (ascii_is_digit((unsigned char)c) || strchr("abcdefABCDEF", c));
}

/* Only characters that may stand in a path, and those of `more`. */
static int url_is_clean(const char *s, size_t len, const char *more)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '%') {
			if (len - i < 3 || !url_is_hex(s[i + 1]) || !url_is_hex(s[i + 2]))
				return 0;
		} else if (!url_is_plain(s[i]) && (!s[i] || !strchr(more, s[i]))) {
			return 0;
		}
	}
	return 1;
}

/* The byte behind "scheme://", or null. */
static const char *url_scheme(const char *text, url *u)
{
	static const char *const names[] = {"http", "https"};

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(names[i]);

		if (!ascii_ncasecmp(text, names[i], n) && !strncmp(text + n, "://", 3)) {
			memcpy(u->scheme, names[i], n + 1);
			u->port = i ? 443 : 80;
			return text + n + 3;
		}
	}
	return NULL;
}

/* Null, or what is wrong. */
static const char *url_split(const char *text, url_parts *ret)
{
	size_t len = strcspn(text, "/");
	size_t host = text[0] == '[' ? strcspn(text, "]/") : strcspn(text, ":/");

	ret->path = (llm_bytes){text + len, strlen(text + len)};
	ret->brackets = text[0] == '[';
	if (ret->brackets && text[host] != ']')
		return "the [ of its host is never closed";
	ret->host = (llm_bytes){text + ret->brackets, host - (size_t)ret->brackets};
	host += (size_t)ret->brackets;
	if (!ret->host.len)
		return "it has no host";
	ret->port = (llm_bytes){text + host, len - host};
	if (!ret->port.len)
		return NULL;
	return text[host] == ':' ? NULL : "something stands between ] and the port";
}

static const char *url_port(llm_bytes text, url *u)
{
	unsigned port = 0;

	if (!text.len)
		return NULL;
	for (size_t i = 1; i < text.len; i++) {
		if (!ascii_is_digit((unsigned char)text.ptr[i]) || port > UINT16_MAX)
			return "its port is not a number from 1 to 65535";
		port = port * 10 + (unsigned)(text.ptr[i] - '0');
	}
	if (!port || port > UINT16_MAX)
		return "its port is not a number from 1 to 65535";
	u->port = (uint16_t)port;
	return NULL;
}

static const char *url_host6(llm_bytes host, url *u)
{
	struct in6_addr address;
	char text[INET6_ADDRSTRLEN];

	if (host.len >= sizeof(text))
		return "its host is not an IPv6 address";
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	if (inet_pton(AF_INET6, text, &address) != 1)
		return "its host is not an IPv6 address";
	(void)inet_ntop(AF_INET6, &address, text, sizeof(text));
	(void)snprintf(u->host, sizeof(u->host), "[%s]", text);
	u->local = IN6_IS_ADDR_LOOPBACK(&address);
	return NULL;
}

/*
 * Resolvers take 127.1, 0x7f000001 and the like for addresses: only one spelling
 * passes. `host` is in lower case.
 */
static int url_is_number(const char *host)
{
	const char *dot = strrchr(host, '.');
	const char *last = dot ? dot + 1 : host;

	if (last[0] == '0' && last[1] == 'x')
		return 1;
	return last[0] && strspn(last, "0123456789") == strlen(last);
}

static int url_is_label(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!ascii_is_alnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_')
			return 0;
	return len > 0 && len <= 63;
}

static const char *url_host_name(llm_bytes host, url *u)
{
	struct in_addr address;

	if (host.len > 253)
		return "its host is too long";
	for (size_t i = 0; i < host.len; i++)
		u->host[i] = (char)ascii_lower((unsigned char)host.ptr[i]);
	u->host[host.len] = '\0';
	for (size_t at = 0; at < host.len;) {
		size_t n = strcspn(u->host + at, ".");

		if (!url_is_label(u->host + at, n))
			return "its host is not a name";
		at += n + 1;
	}
	if (url_is_number(u->host)) {
		if (inet_pton(AF_INET, u->host, &address) != 1)
			return "its host is a number but not an address like 127.0.0.1";
		u->local = ntohl(address.s_addr) >> 24 == 127;
		return NULL;
	}
	u->local = !strcmp(u->host, "localhost") || !strcmp(u->host, "localhost.");
	return NULL;
}

static const char *url_path(llm_bytes path, url *u)
{
	while (path.len && path.ptr[path.len - 1] == '/')
		path.len--;
	if (path.len >= sizeof(u->path))
		return "its path is too long";
	memcpy(u->path, path.ptr, path.len);
	u->path[path.len] = '\0';
	return NULL;
}

/* The problems that must be seen before a part is looked at by itself. */
static const char *url_shape(const char *rest)
{
	size_t authority = strcspn(rest, "/?#");

	if (memchr(rest, '@', authority))
		return "it holds a user name or a password; keys have their own setting";
	if (rest[strcspn(rest, "?#")])
		return "it has a query or a fragment";
	if (!url_is_clean(rest, authority, "[]") ||
		!url_is_clean(rest + authority, strlen(rest + authority), ""))
		return "it holds a character that must be percent-encoded";
	return NULL;
}

static const char *url_take(const char *text, url *u)
{
	const char *rest = url_scheme(text, u);
	const char *problem;
	url_parts parts = {.brackets = 0};

	if (!rest)
		return "it does not begin with http:// or https://";
	problem = url_shape(rest);
	if (!problem)
		problem = url_split(rest, &parts);
	if (!problem)
		problem = url_port(parts.port, u);
	if (!problem)
		problem = parts.brackets ? url_host6(parts.host, u) : url_host_name(parts.host, u);
	return problem ? problem : url_path(parts.path, u);
}

int32_t url_parse(const char *text, const char *what, url *ret, llm_err *err)
{
	url u;
	const char *problem;

	memset(&u, 0, sizeof(u));
	problem = text && *text ? url_take(text, &u) : "it is empty";
	if (problem)
		return err_set(err, LLM_E_CONFIG,
			"%s is not a base URL: %s.\nWrite one like http://127.0.0.1:11434/v1.",
			what, problem);
	*ret = u;
	return 0;
}

int32_t url_join(const url *base, const char *path, size_t len, buf *out)
{
	char port[8] = "";
	size_t start = out->len;
	int32_t rc;

	if (!len || path[0] != '/' || !url_is_clean(path, len, "?"))
		return LLM_E_INVALID_REQUEST;
	if (base->port != (strcmp(base->scheme, "https") ? 80 : 443))
		(void)snprintf(port, sizeof(port), ":%" PRIu16, base->port);
	rc = buf_add_str(out, base->scheme);
	if (!rc)
		rc = buf_add_str(out, "://");
	if (!rc)
		rc = buf_add_str(out, base->host);
	if (!rc)
		rc = buf_add_str(out, port);
	if (!rc)
		rc = buf_add_str(out, base->path);
	if (!rc)
		rc = buf_add(out, path, len);
	if (rc && out->ptr) {
		out->len = start;
		out->ptr[start] = '\0';
	}
	return rc;
}

int url_same_origin(const url *a, const url *b)
{
	return a->port == b->port && !strcmp(a->scheme, b->scheme) && !strcmp(a->host, b->host);
}
