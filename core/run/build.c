/* The HTTP request of an attempt: what the provider writes, then what only the core adds. */
#include <string.h>

#include "attempt.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "models.h"

static int32_t refuse(attempt *a, const char *why)
{
	return sink_stop(a, LLM_E_PLUGIN, why);
}

/* One word of a request line, without what would end it. */
static int is_word(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return 0;
	return len > 0;
}

static int32_t put_target(void *ctx, const char *method, const char *path, size_t len)
{
	attempt *a = ctx;
	int32_t rc;

	if (!method || !is_word(method, strlen(method)) || !path || !is_word(path, len) ||
		path[0] != '/')
		return refuse(a, "a target needs a method and a path that begins with a slash");
	a->method = arena_str(&a->ar, method);
	if (!a->method)
		return sink_stop(a, LLM_E_NOMEM, NULL);
	buf_clear(&a->url);
	rc = url_join(&a->t->up->at.base, path, len, &a->url);
	if (rc == LLM_E_INVALID_REQUEST)
		return refuse(a, "the target's path is not percent-encoded");
	return sink_stop(a, rc, rc == LLM_E_TOO_LARGE ? "the URL is longer than 16 KiB" : NULL);
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

/* What the core or libcurl writes; a second one would contradict it. */
static int is_reserved(const char *name)
{
	return redact_is_secret_header(name) || ascii_casecmp(name, "host") == 0 ||
		ascii_casecmp(name, "content-length") == 0 ||
		ascii_casecmp(name, "transfer-encoding") == 0;
}

static int32_t put_header(void *ctx, const char *name, const char *value, size_t len)
{
	attempt *a = ctx;
	char *copy;

	if (!name || (len && !value) || (len && memchr(value, '\0', len)))
		return refuse(a, "a header needs a name and a value");
	copy = arena_dup(&a->ar, value, len);
	if (!copy)
		return sink_stop(a, LLM_E_NOMEM, NULL);
	if (!httpmsg_valid(name, copy))
		return refuse(a, "a header is not one line of NAME: VALUE");
	if (is_reserved(name))
		return refuse(a, "a header is one that only the core may write");
	return sink_stop(a, add_header(a, name, copy, len), NULL);
}

static int32_t put_body(void *ctx, const char *bytes, size_t len)
{
	attempt *a = ctx;
	int32_t rc;

	if (len && !bytes)
		return refuse(a, "the body has a length and no bytes");
	rc = len ? buf_add(&a->body, bytes, len) : 0;
	return sink_stop(
		a, rc, rc == LLM_E_TOO_LARGE ? "the request is larger than 256 MiB" : NULL);
}

static int32_t put_warning(void *ctx, const char *text, size_t len)
{
	attempt *a = ctx;

	return a->sink.warning(a->sink.ctx, text, len);
}

/* Who did not ask for pieces gets none: they are put together on the way (R-TIME-3). */
static uint32_t wants_stream(const attempt *a)
{
	if (a->c->flags & LLM_CALL_STREAM)
		return 1;
	return a->t->upstream_stream && a->caps.stream != LLM_CAP_NO;
}

/* The answer so far as the beginning of the assistant's turn, to be gone on with. */
static int32_t continue_turn(attempt *a)
{
	llm_request_view *v = &a->view;
	const buf *text = &a->c->res.text;
	llm_part_view *part = arena_new(&a->ar, sizeof(*part));
	llm_message_view *turn = arena_new(&a->ar, sizeof(*turn));
	const llm_part_view **parts = arena_array(&a->ar, 1, sizeof(void *));
	const llm_message_view **all = arena_array(&a->ar, v->n_messages + 1, sizeof(void *));
	char *copy = arena_dup(&a->ar, buf_text(text), text->len);

	if (!part || !turn || !parts || !all || !copy)
		return LLM_E_NOMEM;
	*part = (llm_part_view){.struct_size = (uint32_t)sizeof(*part),
		.kind = LLM_PART_TEXT,
		.text = {copy, text->len}};
	parts[0] = part;
	*turn = (llm_message_view){.struct_size = (uint32_t)sizeof(*turn),
		.role = LLM_ROLE_ASSISTANT,
		.parts = parts,
		.n_parts = 1};
	memcpy(all, v->messages, v->n_messages * sizeof(void *));
	all[v->n_messages++] = turn;
	v->messages = all;
	v->continue_last_turn = 1;
	return 0;
}

static void fill_view(attempt *a)
{
	const llm_call *c = a->c;

	a->view = c->rq->view;
	a->view.model = a->t->cand.model;
	a->view.endpoint = a->t->cand.endpoint[0] ? a->t->cand.endpoint : NULL;
	a->view.stream = a->clock.stream = wants_stream(a);
	a->view.options = a->t->options;
	a->view.n_options = a->t->n_options;
	a->view.extra = a->t->extra;
}

/* The call into the provider is over: what the sink refused counts, whatever it returned. */
static int32_t ended(attempt *a, const char *slot, int32_t rc, llm_err *err)
{
	llm_err ignored = LLM_ERR_INIT;
	const upstream *up = a->t->up;

	if (a->sink_rc) {
		(void)instance_end(up->in, slot, 0, &ignored);
		return err_set(err, a->sink_rc, "%s: %s", up->title,
			a->sink_why ? a->sink_why : "out of memory");
	}
	rc = instance_end(up->in, slot, rc, err);
	if (!rc && !a->method)
		rc = err_set(
			err, LLM_E_PLUGIN, "%s built a request without a target", up->plug->path);
	return rc;
}

static int32_t ask_state(attempt *a, const llm_http_sink *out, llm_err *err)
{
	instance *in = a->t->up->in;
	llm_state_ext ext;

	if (!models_state(in, &ext))
		return err_set(err, LLM_E_UNSUPPORTED, "%s cannot say which models are loaded",
			a->t->up->title);
	instance_enter(in, "state.build", &a->ar);
	return ended(a, "state.build", ext.build(instance_handle(in), out), err);
}

static int32_t ask_models(attempt *a, const llm_http_sink *out, llm_err *err)
{
	const char *cursor = a->c->models->cursor;
	instance *in = a->t->up->in;
	llm_models_ext ext;

	if (!models_list(in, &ext))
		return err_set(err, LLM_E_UNSUPPORTED, "%s cannot list models", a->t->up->title);
	instance_enter(in, "models.build", &a->ar);
	return ended(a, "models.build", ext.build(instance_handle(in), cursor, out), err);
}

static int32_t ask_model(attempt *a, const llm_http_sink *out, llm_err *err)
{
	instance *in = a->t->up->in;
	llm_model_ext ext;

	if (!models_one(in, &ext))
		return err_set(err, LLM_E_UNSUPPORTED, "%s says nothing of single models",
			a->t->up->title);
	instance_enter(in, "model.build", &a->ar);
	return ended(a, "model.build", ext.build(instance_handle(in), a->t->cand.model, out), err);
}

/* Room for the body in one piece: growing to it would copy a long prompt again and again. */
static int32_t make_room(attempt *a)
{
	const llm_request_view *rq = &a->view;
	size_t i, k, bytes = 256;

	for (i = 0; i < rq->n_messages; i++) {
		for (k = 0; k < rq->messages[i]->n_parts; k++) {
			const llm_part_view *p = rq->messages[i]->parts[k];

			/* With what JSON escapes, and binary data as base64. */
			bytes += p->text.len + p->text.len / 8 + p->data.len / 3 * 4 + 64;
			if (bytes > REQUEST_MAX)
				return 0; /* the body itself will say that it is too large */
		}
	}
	return buf_reserve(&a->body, bytes);
}

static int32_t ask_chat(attempt *a, const llm_http_sink *out, llm_err *err)
{
	instance *in = a->t->up->in;

	fill_view(a);
	if ((a->c->mending == RECOVER_CONTINUE && continue_turn(a)) || make_room(a))
		return err_set(err, LLM_E_NOMEM, "out of memory");
	instance_enter(in, "build_request", &a->ar);
	return ended(a, "build_request",
		a->t->up->plug->provider->build_request(instance_handle(in), &a->view, out), err);
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
	instance *in = a->t->up->in;
	int32_t rc;

	instance_enter(in, "capabilities", &a->ar);
	a->caps.struct_size = (uint32_t)sizeof(a->caps);
	rc = a->t->up->plug->provider->capabilities(
		instance_handle(in), a->t->cand.model ? a->t->cand.model : "", &a->caps);
	rc = instance_end(in, "capabilities", rc, err);
	if (rc)
		return rc;
	if (c->op == OP_CHAT)
		return ask_chat(a, &out, err);
	if (c->op == OP_MODEL)
		return ask_model(a, &out, err);
	return c->op == OP_STATE ? ask_state(a, &out, err) : ask_models(a, &out, err);
}

static int32_t need_key(const upstream *up, llm_err *err)
{
	if (up->key && up->key->problem)
		return err_set(err, LLM_E_AUTHENTICATION, "%s: there is no API key: %s", up->title,
			up->key->problem);
	return err_set(err, LLM_E_AUTHENTICATION,
		"%s: there is no API key\nset %s, or %s = \"env:NAME\"", up->title,
		up->key_names[0] ? up->key_names : "a key variable", up->key_setting);
}

/* The key joins the request here, after the plugin has returned. */
/* Is it one word of printable ASCII, as every key is? What is pasted often brings a blank along. */
static int is_key(const conf_secret *key)
{
	size_t i;

	for (i = 0; i < key->len; i++)
		if (key->value[i] <= ' ' || key->value[i] >= 0x7f)
			return 0;
	return 1;
}

static int32_t add_key(attempt *a, llm_err *err)
{
	const upstream *up = a->t->up;
	const int bearer = a->caps.auth == LLM_AUTH_BEARER;
	const char *name = bearer ? "Authorization" : a->caps.auth_header;
	size_t lead = bearer ? strlen("Bearer ") : 0;
	xfer_header *h;

	if (a->caps.auth == LLM_AUTH_NONE)
		return 0;
	if (!up->key || !up->key->value)
		return up->key_needed || (up->key && up->key->problem) ? need_key(up, err) : 0;
	if (!is_key(up->key))
		return err_set(err, LLM_E_AUTHENTICATION,
			"%s: the API key of %s holds a blank or another character that no key has\n"
			"write the key alone, without quotes and without blanks around it",
			up->title, up->key->origin);
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

static int has_header(const attempt *a, const char *name)
{
	size_t i;

	for (i = 0; i < a->headers.n; i++) {
		const xfer_header *h = a->headers.items[i];

		if (ascii_casecmp(h->name, name) == 0)
			return 1;
	}
	return 0;
}

/* The run's own name: the same in all of its attempts. What the caller sets is the caller's. */
static int32_t add_idempotency(attempt *a)
{
	const char *name = a->t->up->plug->info->idempotency_header;
	const char *run_id = a->c->res.run_id;

	if (!name || a->c->op != OP_CHAT || has_header(a, name))
		return 0;
	return add_header(a, name, run_id, strlen(run_id));
}

static int32_t add_headers(attempt *a)
{
	const llm_call *c = a->c;
	size_t i;
	int32_t rc = 0;

	for (i = 0; !rc && i < a->t->up->conf->n_headers; i++) {
		const conf_pair *p = &a->t->up->conf->headers[i];

		rc = add_header(a, p->name, p->value, strlen(p->value));
	}
	for (i = 0; !rc && c->rq && i < c->rq->view.n_headers; i++) {
		const llm_header_view *h = c->rq->view.headers[i];

		rc = add_header(a, h->name, h->value, strlen(h->value));
	}
	return rc ? rc : add_idempotency(a);
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
	const conf_provider *p = a->t->up->conf;
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
	const conf_provider *p = a->t->up->conf;
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
	a->wire.proxy = a->t->up->proxy;
	a->wire.no_proxy = a->t->up->no_proxy;
	a->wire.http2 = p->http_version == 2;
	a->wire.connect_ns = a->c->limits.connect_ns;
	return 0;
}

int32_t attempt_build(attempt *a, llm_err *err)
{
	const conf_provider *p = a->t->up->conf;
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
