#include "llm/request.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "run/request.h"
#include "store/record.h"
#include "store/workspace.h"
#include "wire/httpmsg.h"
#include "wire/jsonio.h"
#include "wire/jsonr.h"

#define CANDIDATES_MAX 256

int32_t llm_request_new(const llm_allocator *allocator, llm_request **ret)
{
	const llm_allocator *mem = allocator ? allocator : mem_default();
	llm_request *rq;

	if (!ret)
		return LLM_E_INVALID_REQUEST;
	rq = mem_new(mem, sizeof(*rq));
	if (!rq)
		return LLM_E_NOMEM;
	rq->mem = *mem;
	arena_init(&rq->ar, &rq->mem, 1024);
	atomic_init(&rq->refs, 1);
	rq->view.choices = 1;
	*ret = rq;
	return 0;
}

void llm_request_free(llm_request *rq)
{
	request_unref(rq);
}

const char *llm_request_problem(const llm_request *rq)
{
	return rq ? rq->problem : "";
}

static int32_t set_target(llm_request *rq, const char *text, int is_profile)
{
	llm_bytes copy = {0};
	int32_t rc = request_open(rq);

	if (!rc)
		rc = request_text(rq, text, LLM_NUL_TERMINATED,
			is_profile ? "the profile" : "the model", &copy);
	if (rc)
		return rc;
	rq->target = copy.ptr;
	rq->target_is_profile = is_profile;
	return 0;
}

int32_t llm_request_profile(llm_request *rq, const char *profile)
{
	return set_target(rq, profile, 1);
}

int32_t llm_request_model(llm_request *rq, const char *model)
{
	return set_target(rq, model, 0);
}

int32_t llm_request_candidate(llm_request *rq, const char *name)
{
	llm_bytes copy = {0};
	int32_t rc = request_open(rq);

	if (!rc && rq->candidates.n == CANDIDATES_MAX)
		return request_refuse(
			rq, LLM_E_INVALID_REQUEST, "at most 256 candidates are asked");
	if (!rc)
		rc = request_text(rq, name, LLM_NUL_TERMINATED, "the candidate", &copy);
	return rc ? rc : request_push(rq, &rq->candidates, (void *)(uintptr_t)copy.ptr);
}

int32_t llm_request_local_only(llm_request *rq, uint32_t on)
{
	int32_t rc = request_open(rq);

	if (!rc)
		rq->local_only = on != 0;
	return rc;
}

int32_t llm_request_tool(llm_request *rq, const char *name, const char *description,
	const char *schema, size_t schema_len)
{
	llm_tool_view *t;
	llm_bytes text = {0};
	llm_err err = LLM_ERR_INIT;
	int32_t rc = request_open(rq);

	if (rc)
		return rc;
	t = arena_new(&rq->ar, sizeof(*t));
	if (!t)
		return request_refuse(rq, LLM_E_NOMEM, "out of memory");
	t->struct_size = (uint32_t)sizeof(*t);
	rc = request_text(rq, name, LLM_NUL_TERMINATED, "the tool's name", &text);
	t->name = text.ptr;
	if (!rc && description)
		rc = request_text(
			rq, description, LLM_NUL_TERMINATED, "the tool's description", &text);
	t->description = description ? text.ptr : NULL;
	if (!rc && schema)
		rc = request_text(rq, schema, schema_len, "the tool's schema", &t->schema);
	if (rc)
		return rc;
	if (schema && jsonio_check(t->schema.ptr, t->schema.len, 1, "the tool's schema", &err))
		return request_refuse(rq, LLM_E_INVALID_REQUEST, err.message);
	return request_push(rq, &rq->tools, t);
}

int32_t llm_request_tool_strict(llm_request *rq, uint32_t on)
{
	llm_tool_view *t;
	int32_t rc = request_open(rq);

	if (rc)
		return rc;
	if (!rq->tools.n)
		return request_refuse(
			rq, LLM_E_INVALID_REQUEST, "strict is said of a tool: add the tool first");
	t = rq->tools.items[rq->tools.n - 1];
	t->strict = on != 0;
	return 0;
}

int32_t llm_request_tool_choice(llm_request *rq, uint32_t choice, const char *name)
{
	llm_bytes text = {0};
	int32_t rc = request_open(rq);

	if (rc)
		return rc;
	if (choice > LLM_TOOLS_NAMED || (choice == LLM_TOOLS_NAMED) != (name != NULL))
		return request_refuse(rq, LLM_E_INVALID_REQUEST,
			"tool_choice is auto, none, required, or named with a tool's name");
	if (name)
		rc = request_text(rq, name, LLM_NUL_TERMINATED, "the tool's name", &text);
	if (rc)
		return rc;
	rq->view.tool_choice = choice;
	rq->view.tool_name = text.ptr;
	return 0;
}

int32_t llm_request_parallel_tools(llm_request *rq, uint32_t on)
{
	int32_t rc = request_open(rq);

	if (rc)
		return rc;
	rq->view.parallel_tools = on != 0;
	rq->view.has |= LLM_HAS_PARALLEL_TOOLS;
	return 0;
}

int32_t llm_request_format_json(llm_request *rq)
{
	int32_t rc = request_open(rq);

	if (!rc)
		rq->view.format = LLM_FORMAT_JSON;
	return rc;
}

int32_t llm_request_format_schema(
	llm_request *rq, const char *name, const char *schema, size_t schema_len)
{
	llm_bytes text = {0}, label = {0};
	llm_err err = LLM_ERR_INIT;
	int32_t rc = request_open(rq);

	if (!rc)
		rc = request_text(rq, schema, schema_len, "the schema", &text);
	if (!rc && name)
		rc = request_text(rq, name, LLM_NUL_TERMINATED, "the schema's name", &label);
	if (rc)
		return rc;
	if (jsonio_check(text.ptr, text.len, 1, "the schema", &err))
		return request_refuse(rq, LLM_E_SCHEMA_INVALID, err.message);
	rq->view.format = LLM_FORMAT_SCHEMA;
	rq->view.schema = text;
	rq->view.schema_name = label.ptr;
	return 0;
}

int32_t llm_request_stop(llm_request *rq, const char *text)
{
	llm_bytes copy = {0};
	int32_t rc = request_open(rq);

	if (!rc)
		rc = request_text(rq, text, LLM_NUL_TERMINATED, "the stop text", &copy);
	if (!rc && !copy.len)
		rc = request_refuse(rq, LLM_E_INVALID_REQUEST, "the stop text is empty");
	return rc ? rc : request_push(rq, &rq->stop, (void *)(uintptr_t)copy.ptr);
}

static int32_t set_json(llm_request *rq, const char *json, size_t len, int want_object,
	const char *what, llm_bytes *field)
{
	llm_bytes text;
	llm_err err = LLM_ERR_INIT;
	int32_t rc = request_open(rq);

	if (!rc)
		rc = request_text(rq, json, len, what, &text);
	if (rc)
		return rc;
	if (jsonio_check(text.ptr, text.len, want_object, what, &err))
		return request_refuse(rq, LLM_E_INVALID_REQUEST, err.message);
	*field = text;
	return 0;
}

int32_t llm_request_safety(llm_request *rq, const char *json, size_t len)
{
	return rq ? set_json(rq, json, len, 0, "the safety setting", &rq->view.safety) :
		    LLM_E_INVALID_REQUEST;
}

int32_t llm_request_extra(llm_request *rq, const char *json, size_t len)
{
	return rq ? set_json(rq, json, len, 1, "extra", &rq->view.extra) : LLM_E_INVALID_REQUEST;
}

int32_t llm_request_end_user(llm_request *rq, const char *id)
{
	llm_bytes copy = {0};
	int32_t rc = request_open(rq);

	if (!rc)
		rc = request_text(rq, id, LLM_NUL_TERMINATED, "the end user's id", &copy);
	if (!rc)
		rq->view.end_user = copy.ptr;
	return rc;
}

/* What the core writes itself, or what would carry a secret past its origin. */
static int is_reserved_header(const char *name)
{
	static const char *const names[] = {"authorization", "proxy-authorization", "x-api-key",
		"x-goog-api-key", "api-key", "cookie", "host", "content-length",
		"transfer-encoding", "connection", "expect", "content-type"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i]) == 0)
			return 1;
	return 0;
}

int32_t llm_request_header(llm_request *rq, const char *name, const char *value)
{
	llm_header_view *h;
	int32_t rc = request_open(rq);

	if (rc)
		return rc;
	if (!name || !value || !httpmsg_valid(name, value) || strlen(name) + strlen(value) > 8192)
		return request_refuse(rq, LLM_E_INVALID_REQUEST,
			"a header needs a token as its name and one line as its value");
	if (is_reserved_header(name))
		return request_refuse(rq, LLM_E_INVALID_REQUEST,
			"authentication, host, type and length headers are the library's own");
	h = arena_new(&rq->ar, sizeof(*h));
	if (h) {
		h->name = arena_str(&rq->ar, name);
		h->value = arena_str(&rq->ar, value);
	}
	if (!h || !h->name || !h->value)
		return request_refuse(rq, LLM_E_NOMEM, "out of memory");
	return request_push(rq, &rq->headers, h);
}

static int is_workspace(const char *text)
{
	size_t n = text ? strspn(text,
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789._:-") :
			  0;

	return n >= 1 && n <= 128 && !text[n];
}

int32_t llm_request_workspace(llm_request *rq, const char *workspace)
{
	int32_t rc = request_open(rq);

	if (rc)
		return rc;
	if (!is_workspace(workspace))
		return request_refuse(rq, LLM_E_INVALID_REQUEST,
			"a workspace is 1 to 128 bytes of A-Z a-z 0-9 . _ : -");
	rq->workspace = arena_str(&rq->ar, workspace);
	return rq->workspace ? 0 : request_refuse(rq, LLM_E_NOMEM, "out of memory");
}

/* ---- metadata ---- */

/* The member workspace_id of a checked object as text in the arena; *ret stays null without. */
static int32_t find_workspace(llm_request *rq, const char *json, size_t len, const char **ret)
{
	jsonr_text key, value;
	char *copy;
	jsonr r;

	jsonr_init(&r, json, len);
	if (!jsonr_enter_object(&r))
		return 0;
	while (jsonr_member(&r, &key)) {
		if (!jsonr_is(&key, "workspace_id") || !jsonr_string(&r, &value))
			continue;
		copy = arena_new(&rq->ar, value.len + 1);
		if (!copy)
			return LLM_E_NOMEM;
		copy[jsonr_decode(&value, copy)] = '\0';
		*ret = copy;
	}
	return 0;
}

int32_t llm_request_metadata(llm_request *rq, const char *json, size_t len)
{
	const char *workspace = NULL;
	llm_err why = LLM_ERR_INIT;
	llm_bytes text;
	int32_t rc = request_open(rq);

	if (!rc)
		rc = request_text(rq, json, len, "the metadata", &text);
	if (rc)
		return rc;
	rc = record_metadata(text.ptr, text.len, &why);
	if (rc)
		return request_refuse(rq, rc, why.message);
	if (find_workspace(rq, text.ptr, text.len, &workspace))
		return request_refuse(rq, LLM_E_NOMEM, "out of memory");
	if (workspace && !workspace_valid(workspace))
		return request_refuse(rq, LLM_E_INVALID_REQUEST,
			"workspace_id is no workspace: 1 to 128 bytes of A-Z a-z 0-9 . _ : -");
	rq->metadata = text.ptr;
	rq->metadata_workspace = workspace;
	return 0;
}
