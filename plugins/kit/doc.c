/*
 * doc.c - the request's side: a JSON object into an HTTP body, with `extra` behind it.
 */
#include <string.h>

#include "kit/kit.h"

static int32_t doc_put(void *ctx, const char *bytes, size_t len)
{
	const kit_doc *d = ctx;

	return d->out->body(d->out->ctx, bytes, len);
}

void kit_doc_open(
	kit_doc *d, const llm_host *host, const llm_http_sink *out, const char *const *members)
{
	jsonw_init(&d->w, doc_put, d);
	d->host = host;
	d->out = out;
	d->members = members;
	jsonw_object(&d->w);
}

void kit_doc_member(kit_doc *d, const char *name)
{
	jsonw_key(&d->w, name);
}

static int32_t doc_extra_member(kit_doc *d, const jsonr_text *key, const llm_bytes *value)
{
	llm_bytes name;
	int32_t rc;
	size_t i;

	for (i = 0; d->members[i]; i++)
		if (jsonr_is(key, d->members[i]))
			return kit_error(d->host, LLM_E_INVALID_REQUEST, "extra: \"", d->members[i],
				"\" is written by the provider itself;"
				" take it out of extra and set it through the request");
	rc = kit_decode(d->host, LLM_SCOPE_SCRATCH, key, &name);
	if (rc)
		return rc;
	jsonw_key_len(&d->w, name.ptr, name.len);
	jsonw_raw(&d->w, value->ptr, value->len);
	return 0;
}

static int32_t doc_extra(kit_doc *d, const llm_bytes *extra)
{
	jsonr_text key;
	llm_bytes value;
	int32_t rc = 0;
	jsonr r;

	if (!kit_is_object(extra))
		return kit_error(d->host, LLM_E_INVALID_REQUEST, "extra: expected one JSON object",
			NULL, NULL);
	jsonr_init(&r, extra->ptr, extra->len);
	jsonr_enter_object(&r);
	while (rc == 0 && jsonr_member(&r, &key) && jsonr_raw(&r, &value))
		rc = doc_extra_member(d, &key, &value);
	return rc;
}

int32_t kit_doc_close(kit_doc *d, const llm_bytes *extra)
{
	int32_t rc;

	if (extra->len > 0) {
		rc = doc_extra(d, extra);
		if (rc)
			return rc;
	}
	jsonw_object_end(&d->w);
	rc = jsonw_finish(&d->w);
	if (rc == LLM_E_INVALID_REQUEST)
		return kit_error(d->host, rc,
			"the request holds text that is not UTF-8,"
			" or a number that JSON cannot carry",
			NULL, NULL);
	return rc;
}

const llm_option_view *kit_option(const llm_request_view *rq, const char *name)
{
	size_t i;

	for (i = rq->n_options; i > 0; i--)
		if (strcmp(rq->options[i - 1]->name, name) == 0)
			return rq->options[i - 1];
	return NULL;
}

int32_t kit_get(const llm_http_sink *out, const char *path)
{
	return out->target(out->ctx, "GET", path, strlen(path));
}

int32_t kit_post(const llm_http_sink *out, const char *path)
{
	static const char type[] = "application/json";
	int32_t rc = out->target(out->ctx, "POST", path, strlen(path));

	return rc ? rc : out->header(out->ctx, "Content-Type", type, sizeof(type) - 1);
}

int32_t kit_warn(const llm_http_sink *out, const char *text)
{
	return out->warning(out->ctx, text, strlen(text));
}
