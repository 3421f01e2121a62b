/* The turns of a request: messages and their parts (llm/request.h). */
#include <string.h>

#include "base/err.h"
#include "llm/request.h"
#include "run/request.h"
#include "wire/jsonio.h"

static int32_t message_new(llm_request *rq, uint32_t role, llm_message **ret)
{
	llm_message *m = NULL;
	int32_t rc = request_open(rq);

	if (rc)
		return rc;
	if (role < LLM_ROLE_SYSTEM || role > LLM_ROLE_TOOL)
		return request_refuse(
			rq, LLM_E_INVALID_REQUEST, "a role is system, user, assistant or tool");
	m = arena_new(&rq->ar, sizeof(*m));
	if (!m)
		return request_refuse(rq, LLM_E_NOMEM, "out of memory");
	m->rq = rq;
	m->view.struct_size = (uint32_t)sizeof(m->view);
	m->view.role = role;
	rc = request_push(rq, &rq->messages, m);
	if (!rc)
		*ret = m;
	return rc;
}

int32_t llm_request_message(llm_request *rq, uint32_t role, llm_message **ret)
{
	return ret ? message_new(rq, role, ret) : LLM_E_INVALID_REQUEST;
}

int32_t llm_request_text(llm_request *rq, uint32_t role, const char *text, size_t len)
{
	llm_message *m = NULL;
	int32_t rc = message_new(rq, role, &m);

	return rc ? rc : llm_message_text(m, text, len);
}

static int32_t part_new(llm_message *m, uint32_t kind, llm_part_view **ret)
{
	llm_part_view *p = NULL;
	int32_t rc;

	if (!m)
		return LLM_E_INVALID_REQUEST;
	rc = request_open(m->rq);
	if (rc)
		return rc;
	p = arena_new(&m->rq->ar, sizeof(*p));
	if (!p)
		return request_refuse(m->rq, LLM_E_NOMEM, "out of memory");
	p->struct_size = (uint32_t)sizeof(*p);
	p->kind = kind;
	*ret = p;
	return 0;
}

static int32_t add_text(llm_message *m, uint32_t kind, const char *text, size_t len)
{
	llm_part_view *p = NULL;
	int32_t rc = part_new(m, kind, &p);

	if (!rc)
		rc = request_text(m->rq, text, len, "the text", &p->text);
	return rc ? rc : request_push(m->rq, &m->parts, p);
}

int32_t llm_message_text(llm_message *m, const char *text, size_t len)
{
	return add_text(m, LLM_PART_TEXT, text, len);
}

int32_t llm_message_reasoning(llm_message *m, const char *text, size_t len)
{
	return add_text(m, LLM_PART_REASONING, text, len);
}

static int32_t copy_name(llm_request *rq, const char *text, const char *what, const char **field)
{
	llm_bytes copy = {0};
	int32_t rc;

	if (!text)
		return 0;
	rc = request_text(rq, text, LLM_NUL_TERMINATED, what, &copy);
	if (!rc)
		*field = copy.ptr;
	return rc;
}

static int32_t media_new(llm_message *m, uint32_t kind, const char *media_type, llm_part_view **ret)
{
	llm_part_view *p = NULL;
	int32_t rc = part_new(m, kind, &p);

	if (rc)
		return rc;
	if (kind < LLM_PART_IMAGE || kind > LLM_PART_FILE || !media_type || !media_type[0])
		return request_refuse(m->rq, LLM_E_INVALID_REQUEST,
			"an image, audio or file part needs its kind and media type");
	rc = copy_name(m->rq, media_type, "the media type", &p->media_type);
	if (!rc)
		*ret = p;
	return rc;
}

int32_t llm_message_data(
	llm_message *m, uint32_t kind, const char *media_type, const void *data, size_t len)
{
	llm_part_view *p = NULL;
	int32_t rc = media_new(m, kind, media_type, &p);

	if (rc)
		return rc;
	if (!data || !len)
		return request_refuse(m->rq, LLM_E_INVALID_REQUEST, "the data part is empty");
	p->data.ptr = arena_dup(&m->rq->ar, data, len);
	p->data.len = len;
	if (!p->data.ptr)
		return request_refuse(m->rq, LLM_E_NOMEM, "out of memory");
	return request_push(m->rq, &m->parts, p);
}

int32_t llm_message_url(llm_message *m, uint32_t kind, const char *media_type, const char *url)
{
	llm_part_view *p = NULL;
	int32_t rc = media_new(m, kind, media_type, &p);

	if (!rc && !url)
		return request_refuse(m->rq, LLM_E_INVALID_REQUEST, "the URL is missing (null)");
	if (!rc)
		rc = copy_name(m->rq, url, "the URL", &p->url);
	return rc ? rc : request_push(m->rq, &m->parts, p);
}

int32_t llm_message_tool_call(
	llm_message *m, const char *id, const char *name, const char *arguments, size_t len)
{
	llm_err err = LLM_ERR_INIT;
	llm_part_view *p = NULL;
	int32_t rc = part_new(m, LLM_PART_TOOL_CALL, &p);

	if (!rc && !name)
		return request_refuse(m->rq, LLM_E_INVALID_REQUEST, "the tool's name is missing");
	if (!rc)
		rc = copy_name(m->rq, name, "the tool's name", &p->name);
	if (!rc)
		rc = copy_name(m->rq, id, "the call's id", &p->id);
	if (!rc)
		rc = request_text(m->rq, arguments, len, "the arguments", &p->text);
	if (rc)
		return rc;
	if (jsonio_check(p->text.ptr, p->text.len, 1, "the arguments", &err))
		return request_refuse(m->rq, LLM_E_INVALID_REQUEST, err.message);
	return request_push(m->rq, &m->parts, p);
}

int32_t llm_message_tool_result(llm_message *m, const char *id, const char *name,
	const char *content, size_t len, uint32_t is_error)
{
	llm_part_view *p = NULL;
	int32_t rc = part_new(m, LLM_PART_TOOL_RESULT, &p);

	if (!rc)
		rc = copy_name(m->rq, name, "the tool's name", &p->name);
	if (!rc)
		rc = copy_name(m->rq, id, "the call's id", &p->id);
	if (!rc)
		rc = request_text(m->rq, content, len, "the tool's result", &p->text);
	if (rc)
		return rc;
	p->is_error = is_error != 0;
	return request_push(m->rq, &m->parts, p);
}

static llm_part_view *last_part(llm_message *m)
{
	return m && m->parts.n ? m->parts.items[m->parts.n - 1] : NULL;
}

int32_t llm_message_opaque(
	llm_message *m, const char *provider, const char *kind, const void *data, size_t len)
{
	llm_part_view *p = last_part(m);
	llm_opaque_view *o;
	const llm_opaque_view **grown;
	int32_t rc = m ? request_open(m->rq) : LLM_E_INVALID_REQUEST;

	if (rc)
		return rc;
	if (!p || !provider || !kind || !data)
		return request_refuse(m->rq, LLM_E_INVALID_REQUEST,
			"an opaque part is attached to a part, and has a provider, a kind and data");
	o = arena_new(&m->rq->ar, sizeof(*o));
	grown = arena_array(&m->rq->ar, p->n_opaque + 1, sizeof(void *));
	if (!o || !grown)
		return request_refuse(m->rq, LLM_E_NOMEM, "out of memory");
	o->struct_size = (uint32_t)sizeof(*o);
	rc = copy_name(m->rq, provider, "the provider's id", &o->provider);
	if (!rc)
		rc = copy_name(m->rq, kind, "the kind", &o->kind);
	o->data.ptr = arena_dup(&m->rq->ar, data, len);
	o->data.len = len;
	if (!rc && !o->data.ptr)
		rc = request_refuse(m->rq, LLM_E_NOMEM, "out of memory");
	if (rc)
		return rc;
	if (p->n_opaque)
		memcpy(grown, p->opaque, p->n_opaque * sizeof(void *));
	grown[p->n_opaque++] = o;
	p->opaque = grown;
	return 0;
}

int32_t llm_message_name(llm_message *m, const char *name)
{
	llm_part_view *p = last_part(m);
	int32_t rc = m ? request_open(m->rq) : LLM_E_INVALID_REQUEST;

	if (rc)
		return rc;
	if (!p || p->kind != LLM_PART_FILE || !name || !name[0])
		return request_refuse(m->rq, LLM_E_INVALID_REQUEST,
			"a name is that of a file: add the file first, and give it a name");
	return copy_name(m->rq, name, "the file's name", &p->name);
}

int32_t llm_message_cache_hint(llm_message *m)
{
	llm_part_view *p = last_part(m);
	int32_t rc = m ? request_open(m->rq) : LLM_E_INVALID_REQUEST;

	if (rc)
		return rc;
	if (!p)
		return request_refuse(m->rq, LLM_E_INVALID_REQUEST,
			"a cache hint stands behind a part: add one first");
	p->cache_hint = 1;
	return 0;
}
