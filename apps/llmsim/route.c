#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"
#include "gemini.h"
#include "ollama.h"
#include "openai.h"
#include "route.h"
#include "server.h"

struct route {
	const char *method;
	const char *path;
	void (*handle)(struct server *s, const struct http_request *rq, struct reply *r);
};

/* llmsim's own: faults that happen a few times happen again. */
static void reset(struct server *s, const struct http_request *rq, struct reply *r)
{
	(void)rq;
	faults_reset(s->models.faults);
	reply_text(r, 200, "every fault begins anew\n");
}

static const struct route routes[] = {
	{"POST", "/api/chat", ollama_chat},
	{"POST", "/api/generate", ollama_generate},
	{"POST", "/api/show", ollama_show},
	{"POST", "/api/embed", ollama_embed},
	{"POST", "/api/pull", ollama_pull},
	{"GET", "/api/tags", ollama_tags},
	{"GET", "/api/ps", ollama_ps},
	{"GET", "/api/version", ollama_version},
	{"GET", "/", ollama_root},
	{"POST", "/v1/chat/completions", openai_chat},
	{"POST", "/v1/completions", openai_completions},
	{"POST", "/v1/embeddings", openai_embeddings},
	{"GET", "/v1/models", openai_models},
	{"POST", "/llmsim/reset", reset},
};

static bool under(const struct http_request *rq, const char *prefix)
{
	size_t len = strlen(prefix);

	return rq->path.len > len && !memcmp(rq->path.ptr, prefix, len);
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name);
	size_t e = strlen(end);

	return n >= e && !strcmp(name + n - e, end);
}

static bool local_number(const char *name)
{
	struct in_addr four;
	struct in6_addr six;
	uint32_t a;

	if (inet_pton(AF_INET6, name, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_UNSPECIFIED(&six);
	if (inet_pton(AF_INET, name, &four) != 1)
		return false;
	a = ntohl(four.s_addr);
	return a == 0 || a >> 24 == 127 || a >> 24 == 10 || a >> 16 == 0xc0a8 || a >> 20 == 0xac1;
}

/* As Ollama on the loopback: a web page with a name of its own may not talk to it. */
static bool host_allowed(const struct http_request *rq)
{
	struct span host = http_header(rq, "host");
	char name[256];
	char own[256] = "";

	if (host.len && host.ptr[0] == '[') {
		host.ptr++;
		host.len = strcspn(host.ptr, "]\r");
	} else if (host.len) {
		host.len = strcspn(host.ptr, ":\r \t");
	}
	if (!host.len)
		return true;
	if (host.len >= sizeof(name))
		return false;
	memcpy(name, host.ptr, host.len);
	name[host.len] = 0;
	gethostname(own, sizeof(own) - 1);
	return !strcmp(name, "localhost") || !strcmp(name, own) || local_number(name) ||
		ends_in(name, ".localhost") || ends_in(name, ".local") ||
		ends_in(name, ".internal");
}

static const struct route *find(const struct http_request *rq, bool *ret_path)
{
	struct span method = rq->method;

	if (span_is(method, "HEAD"))
		method = span_of("GET");
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!span_is(rq->path, routes[i].path))
			continue;
		*ret_path = true;
		if (span_is(method, routes[i].method))
			return &routes[i];
	}
	return NULL;
}

static void openai(struct server *s, const struct http_request *rq, struct reply *r)
{
	bool path = false;
	const struct route *found = find(rq, &path);

	if (!openai_key(s, rq, r))
		return;
	if (found)
		found->handle(s, rq, r);
	else if (under(rq, "/v1/models/") && !span_is(rq->method, "POST"))
		openai_model(s, rq, r);
	else if (path)
		reply_text(r, 405, "405 method not allowed");
	else
		openai_no_route(rq, r);
}

static void ollama(struct server *s, const struct http_request *rq, struct reply *r)
{
	bool path = false;
	const struct route *found = find(rq, &path);

	if (!host_allowed(rq))
		reply_whole(r, 403, "text/plain", "", 0);
	else if (found)
		found->handle(s, rq, r);
	else if (path)
		reply_text(r, 405, "405 method not allowed");
	else
		reply_text(r, 404, "404 page not found");
}

void route(struct server *s, const struct http_request *rq, struct reply *r)
{
	if (under(rq, "/v1beta/"))
		gemini(s, rq, r);
	else if (under(rq, "/v1/"))
		openai(s, rq, r);
	else
		ollama(s, rq, r);
}
