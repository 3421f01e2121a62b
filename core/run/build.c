/* The HTTP request of an attempt: what the provider writes, then what only the core adds. */
#include <string.h>

#include "attempt.h"
#include "base/alloc.h"
#include "base/err.h"

static int32_t put_target(void *ctx, const char *method, const char *path, size_t len)
{
	attempt *a = ctx;
	size_t i;

	if (!method || !path || !len || path[0] != '/')
		return LLM_E_PLUGIN;
	for (i = 0; i < len; i++)
		if ((unsigned char)path[i] <= ' ' || path[i] == 0x7f)
			return LLM_E_PLUGIN;
	a->method = arena_str(&a->ar, method);
	if (!a->method)
		return LLM_E_NOMEM;
	buf_clear(&a->url);
	return url_join(&a->c->up->base, path, len, &a->url);
}

static int32_t add_header(attempt *a, const char *name, const char *value, size_t len)
{
	xfer_header *h = arena_new(&a->ar, sizeof(*h));

	if (!h)
		return LLM_E_NOMEM;
	h->name = arena_str(&a->ar, name);
	h->value = arena_dup(&a->ar, value, len);
	if (!h->name || !h->value)
		return LLM_E_NOMEM;
	return call_push(&a->ar, &a->headers, h);
}

static int32_t put_header(void *ctx, const char *name, const char *value, size_t len)
{
	attempt *a = ctx;
	char *copy;

	if (!name || !value || memchr(value, '\0', len))
		return LLM_E_PLUGIN;
	copy = arena_dup(&a->ar, value, len);
	if (!copy)
		return LLM_E_NOMEM;
	if (!httpmsg_valid(name, copy) || redact_is_secret_header(name))
		return LLM_E_PLUGIN;
	return add_header(a, name, copy, len);
}

static int32_t put_body(void *ctx, const char *bytes, size_t len)
{
	attempt *a = ctx;

	return buf_add(&a->body, bytes, len);
}

static int32_t put_warning(void *ctx, const char *text, size_t len)
{
	attempt *a = ctx;
	llm_result_sink sink;

	sink_init(a, &sink);
	return sink.warning(sink.ctx, text, len);
}

static void fill_view(attempt *a)
{
	const llm_call *c = a->c;

	a->view = c->rq->view;
	a->view.model = c->cand.model;
	a->view.endpoint = c->cand.endpoint[0] ? c->cand.endpoint : NULL;
	a->view.stream = (c->flags & LLM_CALL_STREAM) != 0;
	a->view.options = c->options;
	a->view.n_options = c->n_options;
	a->view.extra = c->extra;
}

static int32_t ask_extension(attempt *a, const llm_http_sink *out, llm_err *err)
{
	llm_call *c = a->c;
	instance *in = c->up->in;
	const char *id = c->op == OP_STATE ? LLM_EXT_STATE : LLM_EXT_MODELS;
	llm_models_ext models;
	llm_state_ext state;

	if (c->op == OP_STATE && instance_extension(in, id, &state, sizeof(state), sizeof(state)))
		return state.build(instance_handle(in), out);
	if (c->op == OP_MODELS &&
		instance_extension(in, id, &models, sizeof(models), sizeof(models)))
		return models.build(instance_handle(in), c->models->cursor, out);
	return err_set(err, LLM_E_UNSUPPORTED, "%s cannot list models", c->up->title);
}

static int32_t ask_provider(attempt *a, llm_err *err)
{
	const llm_http_sink out = {.struct_size = (uint32_t)sizeof(out),
		.ctx = a,
		.target = put_target,
		.header = put_header,
		.body = put_body,
		.warning = put_warning};
	llm_call *c = a->c;
	const llm_provider_vtable *vt = c->up->plug->provider;
	instance *in = c->up->in;
	int32_t rc;

	instance_begin(in, &a->ar);
	a->caps.struct_size = (uint32_t)sizeof(a->caps);
	rc = vt->capabilities(instance_handle(in), c->cand.model ? c->cand.model : "", &a->caps);
	rc = instance_end(in, "capabilities", rc, err);
	if (rc)
		return rc;
	instance_begin(in, &a->ar);
	if (c->op != OP_CHAT) {
		rc = ask_extension(a, &out, err);
		return rc == LLM_E_UNSUPPORTED ? rc : instance_end(in, "models.build", rc, err);
	}
	fill_view(a);
	rc = instance_end(
		in, "build_request", vt->build_request(instance_handle(in), &a->view, &out), err);
	if (!rc && !a->method)
		rc = err_set(err, LLM_E_PLUGIN, "%s built a request without a target",
			c->up->plug->path);
	return rc;
}

static int32_t need_key(const upstream *up, llm_err *err)
{
	if (up->key && up->key->problem)
		return err_set(err, LLM_E_AUTHENTICATION, "%s: there is no API key: %s",
			up->title, up->key->problem);
	return err_set(err, LLM_E_AUTHENTICATION,
		"%s: there is no API key\nset %s, or providers.%s.api_key = \"env:NAME\"",
		up->title, up->key_names[0] ? up->key_names : "a key variable",
		up->name);
}

/* The key joins the request here, after the plugin has returned. */
static int32_t add_key(attempt *a, llm_err *err)
{
	const upstream *up = a->c->up;
	const int bearer = a->caps.auth == LLM_AUTH_BEARER;
	const char *name = bearer ? "Authorization" : a->caps.auth_header;
	size_t lead = bearer ? strlen("Bearer ") : 0;
	xfer_header *h;

	if (a->caps.auth == LLM_AUTH_NONE)
		return 0;
	if (!up->key || !up->key->value)
		return up->key_needed || (up->key && up->key->problem) ? need_key(up, err) : 0;
	if (a->caps.auth > LLM_AUTH_HEADER || !name || !name[0])
		return err_set(err, LLM_E_UNSUPPORTED,
			"%s wants an authentication that this "
			"version does not have",
			up->title);
	a->secret_len = lead + up->key->len;
	a->secret_header = mem_new(&a->c->mem, a->secret_len + 1);
	h = arena_new(&a->ar, sizeof(*h));
	if (!a->secret_header || !h || call_push(&a->ar, &a->headers, h))
		return err_set(err, LLM_E_NOMEM, "out of memory");
	memcpy(a->secret_header, "Bearer ", lead);
	memcpy(a->secret_header + lead, up->key->value, up->key->len + 1);
	h->name = name;
	h->value = a->secret_header;
	return 0;
}

/* A configured value whose variable or file could not be had. */
static int32_t check_pairs(const conf_pair *p, size_t n, const char *what, llm_err *err)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i].problem)
			return err_set(err, LLM_E_AUTHENTICATION, "the %s %s cannot be sent: %s",
				what, p[i].name, p[i].problem);
	return 0;
}

static int32_t add_headers(attempt *a)
{
	const llm_call *c = a->c;
	size_t i;
	int32_t rc = 0;

	for (i = 0; !rc && i < c->up->conf->n_headers; i++) {
		const conf_pair *p = &c->up->conf->headers[i];

		rc = add_header(a, p->name, p->value, strlen(p->value));
	}
	for (i = 0; !rc && c->rq && i < c->rq->view.n_headers; i++) {
		const llm_header_view *h = c->rq->view.headers[i];

		rc = add_header(a, h->name, h->value, strlen(h->value));
	}
	return rc;
}

static int32_t add_query_text(buf *out, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	int32_t rc = 0;

	for (; *text && !rc; text++) {
		unsigned char ch = (unsigned char)*text;
		char escaped[3] = {'%', hex[ch >> 4], hex[ch & 15]};
		int plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
			(ch >= '0' && ch <= '9') || ch == '-' || ch == '_' || ch == '.' ||
			ch == '~';

		rc = plain ? buf_add_char(out, *text) : buf_add(out, escaped, 3);
	}
	return rc;
}

static int32_t add_query(attempt *a)
{
	const conf_provider *p = a->c->up->conf;
	size_t i;
	int32_t rc = 0;

	for (i = 0; !rc && i < p->n_query; i++) {
		rc = buf_add_char(&a->url, strchr(buf_text(&a->url), '?') ? '&' : '?');
		if (!rc)
			rc = add_query_text(&a->url, p->query[i].name);
		if (!rc)
			rc = buf_add_char(&a->url, '=');
		if (!rc)
			rc = add_query_text(&a->url, p->query[i].value);
	}
	return rc;
}

/* The transfer wants its headers as one array. */
static int32_t lay_out(attempt *a)
{
	const conf_provider *p = a->c->up->conf;
	xfer_header *rows = arena_array(&a->ar, a->headers.n + 1, sizeof(*rows));
	size_t i;

	if (!rows)
		return LLM_E_NOMEM;
	for (i = 0; i < a->headers.n; i++)
		rows[i] = *(const xfer_header *)a->headers.items[i];
	a->wire.method = a->method;
	a->wire.url = buf_text(&a->url);
	a->wire.headers = rows;
	a->wire.n_headers = a->headers.n;
	a->wire.body = buf_text(&a->body);
	a->wire.body_len = a->body.len;
	a->wire.ca_file = p->ca_file;
	a->wire.client_cert = p->client_cert;
	a->wire.client_key = (llm_bytes){p->client_key.value, p->client_key.len};
	a->wire.proxy = p->proxy;
	return 0;
}

int32_t attempt_build(attempt *a, llm_err *err)
{
	const conf_provider *p = a->c->up->conf;
	int32_t rc = ask_provider(a, err);

	if (!rc)
		rc = check_pairs(p->headers, p->n_headers, "header", err);
	if (!rc)
		rc = check_pairs(p->query, p->n_query, "query parameter", err);
	if (rc)
		return rc;
	rc = add_headers(a);
	if (!rc)
		rc = add_query(a);
	if (rc)
		return err_set(err, rc, "out of memory");
	rc = add_key(a, err);
	if (!rc && lay_out(a))
		rc = err_set(err, LLM_E_NOMEM, "out of memory");
	return rc;
}
