/*
 * models.c - "llmctl models": what the providers have.
 */
#include <stdio.h>
#include <string.h>

#include "capable.h"
#include "io/json.h"
#include "io/table.h"
#include "llm/config.h"
#include "setup/ctl.h"

/* Where rows go: a table, or the arrays of the JSON object. */
typedef struct listing {
	ctl *c;
	table rows;
	json_t *models;
	json_t *errors;
	int status;
} listing;

static void size_text(int64_t bytes, char *ret, size_t cap)
{
	ret[0] = '\0';
	if (bytes >= 1000000000)
		snprintf(ret, cap, "%lld.%lld GB", (long long)(bytes / 1000000000),
			(long long)(bytes / 100000000 % 10));
	else if (bytes > 0)
		snprintf(ret, cap, "%lld MB", (long long)((bytes + 999999) / 1000000));
}

static void add_row(table *t, const char *provider, const llm_model_desc *m)
{
	char name[300], size[32], context[32] = "";

	snprintf(name, sizeof(name), "%s/%s", provider, m->name);
	size_text(m->size_bytes, size, sizeof(size));
	if (m->context_tokens > 0)
		snprintf(context, sizeof(context), "%lld tokens", (long long)m->context_tokens);
	table_cell(t, name);
	table_cell(t, size);
	table_cell(t, context);
	table_cell(t, m->loaded ? "loaded" : "");
	table_cell(t, m->detail);
	table_row_end(t);
}

static json_t *add_json(json_t *list, const char *provider, const llm_model_desc *m)
{
	json_t *o = json_object();

	json_object_set_new(o, "provider", json_text(provider));
	json_object_set_new(o, "name", json_text(m->name));
	json_object_set_new(o, "detail", json_text(m->detail));
	json_object_set_new(o, "size_bytes", json_positive(m->size_bytes));
	json_object_set_new(o, "context_tokens", json_positive(m->context_tokens));
	json_object_set_new(o, "loaded", json_boolean(m->loaded));
	json_array_append_new(list, o);
	return o; /* the list's */
}

static void add_failure(listing *l, const char *provider, const llm_err *err)
{
	json_t *o;

	complain(&l->c->term, err, NULL);
	if (!l->status)
		l->status = complain_exit(err->code);
	if (!l->errors)
		return;
	o = json_error(err);
	json_object_set_new(o, "provider", json_text(provider));
	json_array_append_new(l->errors, o);
}

/* `row` is the model's object, or null for a table. */
static void list_capabilities(listing *l, const char *provider, const char *model, json_t *row)
{
	llm_err err = LLM_ERR_INIT;
	json_t *cells = NULL;
	char name[300];
	int32_t rc;

	snprintf(name, sizeof(name), "%s/%s", provider, model);
	rc = row ? capable_json(l->c, name, &cells, &err) :
		   capable_rows(l->c, name, &l->rows, &err);
	if (rc)
		add_failure(l, provider, &err);
	if (cells)
		json_object_set_new(row, "capabilities", cells);
}

static void list_model(listing *l, const char *provider, const llm_model_desc *m)
{
	json_t *row = l->models ? add_json(l->models, provider, m) : NULL;

	if (l->c->opt.capabilities)
		list_capabilities(l, provider, m->name, row);
	else if (!row)
		add_row(&l->rows, provider, m);
}

/* PROVIDER/MODEL, which need not be in any list. */
static void list_named(listing *l, const char *name, const char *slash)
{
	char provider[80];
	json_t *row = NULL;

	snprintf(provider, sizeof(provider), "%.*s", (int)(slash - name), name);
	if (l->models) {
		row = json_object();
		json_object_set_new(row, "provider", json_text(provider));
		json_object_set_new(row, "name", json_text(slash + 1));
		json_array_append_new(l->models, row);
	}
	list_capabilities(l, provider, slash + 1, row);
}

static void list_provider(listing *l, const char *provider)
{
	uint32_t which = l->c->opt.loaded ? LLM_MODELS_LOADED : LLM_MODELS_ALL;
	llm_model_desc m = {.struct_size = (uint32_t)sizeof(m)};
	llm_models *models = NULL;
	llm_err err = LLM_ERR_INIT;

	if (llm_service_models(l->c->svc, provider, which, 0, &models, &err)) {
		/* Of all that are asked, those in the cloud have no memory to look into. */
		if (err.code != LLM_E_UNSUPPORTED || !l->c->opt.loaded || l->c->opt.words.n)
			add_failure(l, provider, &err);
		return;
	}
	for (uint32_t i = 0; llm_models_at(models, i, &m) == 0; i++)
		list_model(l, provider, &m);
	llm_models_free(models);
}

static bool is_configured(const llm_service *svc, const char *provider)
{
	const char *name;

	for (uint32_t i = 0; (name = llm_service_provider_at(svc, i)); i++)
		if (strcmp(name, provider) == 0)
			return true;
	return false;
}

/* NAME of the key "providers.NAME.api_key"; false for another key. */
static bool keyed_name(const char *key, char *ret, size_t cap)
{
	static const char before[] = "providers.", behind[] = ".api_key";
	const size_t skip = sizeof(before) - 1;
	const char *end;

	if (strncmp(key, before, skip) != 0)
		return false;
	end = strchr(key + skip, '.');
	if (!end || strcmp(end, behind) != 0 || (size_t)(end - key) - skip >= cap)
		return false;
	snprintf(ret, cap, "%.*s", (int)((size_t)(end - key) - skip), key + skip);
	return true;
}

/* Those but `listed` (or null) that nobody configured, whose usual variable holds a key. */
static void list_keyed(listing *l, const char *listed)
{
	llm_config_item item = {.struct_size = (uint32_t)sizeof(item)};
	llm_config *cfg = NULL;
	llm_err err = LLM_ERR_INIT;
	char name[80];

	if (llm_config_load(&l->c->opts, &cfg, &err)) {
		/* What is wrong with a configured provider was said when it was listed. */
		if (err.code != LLM_E_CONFIG)
			add_failure(l, NULL, &err);
		return;
	}
	for (uint32_t i = 0; llm_config_at(cfg, i, &item) == 0; i++)
		if (keyed_name(item.key, name, sizeof(name)) &&
			!(listed && strcmp(name, listed) == 0) && !is_configured(l->c->svc, name))
			list_provider(l, name);
	llm_config_free(cfg);
}

static void list_all(listing *l)
{
	static const char usual[] = "ollama";
	const char *name = l->c->opt.words.n ? l->c->opt.words.items[0] : NULL;
	uint32_t i;

	if (name && l->c->opt.capabilities && strchr(name, '/')) {
		list_named(l, name, strchr(name, '/'));
		return;
	}
	if (name) {
		list_provider(l, name);
		return;
	}
	for (i = 0; (name = llm_service_provider_at(l->c->svc, i)); i++)
		list_provider(l, name);
	if (!i)
		list_provider(l, usual);
	list_keyed(l, i ? NULL : usual);
}

static void print_json(const listing *l)
{
	json_t *o = json_object();

	json_object_set_new(o, "schema", json_text("llm.models/1"));
	json_object_set_new(o, "models", l->models);
	json_object_set_new(o, "errors", l->errors);
	json_print(o);
}

int models_run(ctl *c)
{
	listing l = {.c = c};
	llm_err err = LLM_ERR_INIT;

	if (ctl_service(c, &err))
		return ctl_fail(c, &err);
	if (c->opt.json) {
		l.models = json_array();
		l.errors = json_array();
		list_all(&l);
		print_json(&l);
		return l.status;
	}
	table_open(&l.rows);
	list_all(&l);
	table_close(&l.rows, c->term.out);
	return l.status;
}
