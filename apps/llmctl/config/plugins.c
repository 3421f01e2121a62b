/*
 * plugins.c - "llmctl plugins list" and "explain": which files are taken, and why.
 */
#include <stdio.h>

#include "io/json.h"
#include "io/table.h"
#include "llm/plugins.h"
#include "setup/ctl.h"

static json_t *row_json(const llm_plugin_row *row)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", json_text(row->name));
	json_object_set_new(o, "taken", json_boolean(row->taken));
	json_object_set_new(o, "path", json_text(row->path));
	json_object_set_new(o, "source", json_text(row->source));
	json_object_set_new(o, "reason", json_text(row->reason));
	json_object_set_new(o, "id", json_text(row->id));
	json_object_set_new(o, "version", json_text(row->version));
	json_object_set_new(o, "licence", json_text(row->licence));
	json_object_set_new(o, "kinds", json_text(row->kinds));
	json_object_set_new(o, "label", json_text(row->label));
	json_object_set_new(o, "abi_minor", row->id ? json_integer(row->abi_minor) : json_null());
	return o;
}

static void print_json(const llm_plugins *plugins, bool all)
{
	llm_plugin_row row = {.struct_size = (uint32_t)sizeof(row)};
	json_t *o = json_object(), *list = json_array();

	for (uint32_t i = 0; llm_plugins_at(plugins, i, &row) == 0; i++)
		if (all || row.taken)
			json_array_append_new(list, row_json(&row));
	json_object_set_new(o, "schema", json_text("llm.plugins/1"));
	json_object_set_new(o, "plugins", list);
	json_print(o);
}

static void print_taken(const ctl *c, const llm_plugins *plugins)
{
	llm_plugin_row row = {.struct_size = (uint32_t)sizeof(row)};
	table t;

	table_open(&t);
	for (uint32_t i = 0; llm_plugins_at(plugins, i, &row) == 0; i++) {
		if (!row.taken)
			continue;
		table_cell(&t, row.name);
		table_cell(&t, row.version);
		table_cell(&t, row.kinds);
		table_cell(&t, row.label);
		table_cell(&t, row.path);
		table_row_end(&t);
	}
	table_close(&t, c->term.out);
}

/* A row without a name is a folder in which nothing was found. */
static bool is_file(const llm_plugin_row *row)
{
	return row->name && *row->name;
}

static void print_reasons(const llm_plugins *plugins)
{
	llm_plugin_row row = {.struct_size = (uint32_t)sizeof(row)};

	for (uint32_t i = 0; llm_plugins_at(plugins, i, &row) == 0; i++) {
		printf("%s  %s\n",
			row.taken	      ? "taken  " :
				is_file(&row) ? "refused" :
						"empty  ",
			row.path);
		printf("         found through %s\n", row.source ? row.source : "the search path");
		if (row.reason)
			printf("         %s\n", row.reason);
		if (row.id)
			printf("         %s %s, %s, %s\n", row.id, row.version ? row.version : "-",
				row.kinds ? row.kinds : "-", row.licence ? row.licence : "-");
	}
}

static bool has_file(const llm_plugins *plugins)
{
	llm_plugin_row row = {.struct_size = (uint32_t)sizeof(row)};

	for (uint32_t i = 0; llm_plugins_at(plugins, i, &row) == 0; i++)
		if (is_file(&row))
			return true;
	return false;
}

static int not_found(const ctl *c, const char *name)
{
	llm_err err;

	complain_set(&err, LLM_E_NOT_FOUND,
		"no file %.60s.so is in any folder of plugins\n"
		"Correct the name, or add a folder with LLM_PLUGIN_PATH.",
		name);
	complain(&c->term, &err, NULL);
	return complain_exit(err.code);
}

static int show(ctl *c, const char *name, bool all)
{
	llm_plugins *plugins = NULL;
	llm_err err = LLM_ERR_INIT;
	int status = 0;

	if (ctl_where(c, &err) || llm_plugins_scan(&c->opts, name, &plugins, &err))
		return ctl_fail(c, &err);
	if (c->opt.json)
		print_json(plugins, all);
	else if (all)
		print_reasons(plugins);
	else
		print_taken(c, plugins);
	if (name && !has_file(plugins))
		status = not_found(c, name);
	llm_plugins_free(plugins);
	return status;
}

int plugins_list_run(ctl *c)
{
	return show(c, NULL, false);
}

int plugins_explain_run(ctl *c)
{
	return show(c, c->opt.words.n ? c->opt.words.items[0] : NULL, true);
}
