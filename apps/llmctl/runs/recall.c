#include "recall.h"

#include <stdlib.h>
#include <string.h>

#include "runs.h"

#define PAGE 50
#define PAGES 40 /* so far back is looked for a run with content */

const char *recall_text(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

int64_t recall_number(const json_t *o, const char *name)
{
	const json_t *n = json_object_get(o, name);

	return json_is_integer(n) ? json_integer_value(n) : LLM_UNKNOWN;
}

/* ---- rows ---- */

static int32_t take_run(void *ctx, const void *row)
{
	((recalled *)ctx)->run = runs_json(row);
	return 0;
}

static int32_t take_attempt(void *ctx, const void *row)
{
	return json_array_append_new(((recalled *)ctx)->attempts, runs_attempt_json(row)) ?
		LLM_E_NOMEM :
		0;
}

typedef struct content {
	char *text;
	int64_t size;
} content;

static int32_t take_content(void *ctx, const void *row)
{
	const llm_content_row *r = row;
	content *into = ctx;

	into->size = r->size;
	if (!r->has_bytes)
		return 0;
	into->text = malloc(r->bytes.len + 1);
	if (!into->text)
		return LLM_E_NOMEM;
	if (r->bytes.len)
		memcpy(into->text, r->bytes.ptr, r->bytes.len);
	into->text[r->bytes.len] = '\0';
	return 0;
}

static int32_t ask(const store *st, uint32_t kind, const char *id, void *ctx,
	int32_t (*row)(void *ctx, const void *row), llm_err *err)
{
	llm_row_sink sink = {sizeof(sink), 0, ctx, row};
	llm_filter f = LLM_FILTER_INIT;

	f.workspace_id = st->workspace;
	f.id = id;
	return llm_records_read(st->unit, kind, &f, &sink, err);
}

int32_t recall_media(const store *st, const recalled *r, rebuild_media *ret, llm_err *err)
{
	const json_t *list = json_object_get(json_object_get(r->run, "params_json"), "media");
	const size_t n = json_array_size(list);
	int32_t rc = 0;

	*ret = (rebuild_media){n ? calloc(n, sizeof(*ret->items)) : NULL, 0};
	if (n && !ret->items)
		return complain_set(err, LLM_E_NOMEM, "memory is short");
	for (; !rc && ret->n < n; ret->n++) {
		const char *hash = json_string_value(json_array_get(list, ret->n));
		content c = {NULL, LLM_UNKNOWN};

		if (hash)
			rc = ask(st, LLM_QUERY_CONTENT, hash, &c, take_content, err);
		ret->items[ret->n] = (rebuild_part){c.text, c.text ? (size_t)c.size : 0};
	}
	return rc;
}

void recall_media_done(rebuild_media *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->items[i].bytes);
	free(m->items);
	*m = (rebuild_media){NULL, 0};
}

/* A reference is the hash of a stored content, or "bytes:N" where only the count is kept. */
static int32_t read_content(
	const store *st, const recalled *r, const char *which, content *ret, llm_err *err)
{
	const char *reference = recall_text(r->run, which), *at;

	*ret = (content){NULL, LLM_UNKNOWN};
	if (!reference)
		return 0;
	if (strncmp(reference, "bytes:", 6) != 0)
		return ask(st, LLM_QUERY_CONTENT, reference, ret, take_content, err);
	ret->size = 0;
	for (at = reference + 6; *at >= '0' && *at <= '9' && ret->size < INT32_MAX; at++)
		ret->size = ret->size * 10 + (*at - '0');
	return 0;
}

/* What was said in the run whose row is there. */
static int32_t read_contents(const store *st, recalled *r, llm_err *err)
{
	content prompt = {NULL, LLM_UNKNOWN}, response = {NULL, LLM_UNKNOWN};
	int32_t rc = read_content(st, r, "prompt_ref", &prompt, err);

	if (!rc)
		rc = read_content(st, r, "response_ref", &response, err);
	r->prompt = prompt.text;
	r->prompt_size = prompt.size;
	r->response = response.text;
	r->response_size = response.size;
	return rc;
}

static void clear(recalled *r)
{
	*r = (recalled){.prompt_size = LLM_UNKNOWN, .response_size = LLM_UNKNOWN};
}

int32_t recall_run(const store *st, const char *id, recalled *ret, llm_err *err)
{
	int32_t rc;

	clear(ret);
	rc = ask(st, LLM_QUERY_RUN, id, ret, take_run, err);
	if (!rc && !ret->run)
		return complain_set(err, LLM_E_NOT_FOUND,
			"workspace %.60s has no run %.60s\nTry: llmctl runs list", st->workspace,
			id);
	ret->attempts = json_array();
	if (!rc)
		rc = ask(st, LLM_QUERY_ATTEMPTS, id, ret, take_attempt, err);
	return rc ? rc : read_contents(st, ret, err);
}

/* ---- the last one ---- */

static int32_t take_row(void *ctx, const void *row)
{
	return json_array_append_new(ctx, runs_json(row)) ? LLM_E_NOMEM : 0;
}

static json_t *read_page(const store *st, const char *before, llm_err *err)
{
	json_t *page = json_array();
	llm_row_sink sink = {sizeof(sink), 0, page, take_row};
	llm_filter f = LLM_FILTER_INIT;

	f.workspace_id = st->workspace;
	f.status = "succeeded";
	f.cursor = before;
	f.limit = PAGE;
	if (llm_records_read(st->unit, LLM_QUERY_RUNS, &f, &sink, err) == 0)
		return page;
	json_decref(page);
	return NULL;
}

/* The first of a page that is stored whole stays in *ret. */
static int32_t try_page(const store *st, const json_t *page, recalled *ret, llm_err *err)
{
	int32_t rc = 0;

	for (size_t i = 0; !rc && i < json_array_size(page); i++) {
		clear(ret);
		ret->run = json_incref(json_array_get(page, i));
		rc = read_contents(st, ret, err);
		if (!rc && ret->prompt && ret->response)
			return 0;
		recall_done(ret);
	}
	return rc;
}

int32_t recall_last(const store *st, recalled *ret, llm_err *err)
{
	char before[64] = "";
	int32_t rc = 0;

	clear(ret);
	for (unsigned i = 0; !rc && !ret->run && i < PAGES; i++) {
		json_t *page = read_page(st, before[0] ? before : NULL, err);
		const size_t n = json_array_size(page);
		const char *last = recall_text(json_array_get(page, n ? n - 1 : 0), "id");

		rc = page ? try_page(st, page, ret, err) : err->code;
		snprintf(before, sizeof(before), "%s", last ? last : "");
		json_decref(page);
		if (n < PAGE)
			break;
	}
	if (rc || ret->run)
		return rc;
	return complain_set(err, LLM_E_NOT_FOUND,
		"workspace %.60s has no run to go on from: of none are prompt and answer stored\n"
		"Store what comes with: llmctl ask --store-content",
		st->workspace);
}

void recall_done(recalled *r)
{
	json_decref(r->run);
	json_decref(r->attempts);
	free(r->prompt);
	free(r->response);
	clear(r);
}
