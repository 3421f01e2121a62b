/*
 * config.c - "llmctl config check", "show" and "path".
 */
#include <stdio.h>
#include <unistd.h>

#include "io/json.h"
#include "llm/config.h"
#include "setup/ctl.h"

static int32_t load(ctl *c, llm_config **ret, llm_err *err)
{
	int32_t rc = ctl_where(c, err);

	return rc ? rc : llm_config_load(&c->opts, ret, err);
}

static void check_json(const llm_config *cfg, const llm_err *err)
{
	json_t *o = json_object(), *warnings = json_array();
	const char *text;

	for (uint32_t i = 0; cfg && (text = llm_config_warning_at(cfg, i)); i++)
		json_array_append_new(warnings, json_text(text));
	json_object_set_new(o, "schema", json_text("llm.config-check/1"));
	json_object_set_new(o, "ok", json_boolean(cfg != NULL));
	json_object_set_new(o, "warnings", warnings);
	json_object_set_new(o, "error", json_error(cfg ? NULL : err));
	json_print(o);
}

int config_check_run(ctl *c)
{
	llm_config *cfg = NULL;
	llm_err err = LLM_ERR_INIT;
	const char *text;
	int32_t rc = load(c, &cfg, &err);

	if (c->opt.json)
		check_json(cfg, &err);
	if (rc) {
		complain(&c->term, &err, NULL);
		return complain_exit(rc);
	}
	for (uint32_t i = 0; !c->opt.json && (text = llm_config_warning_at(cfg, i)); i++)
		printf("warning: %s\n", text);
	if (!c->opt.json)
		puts("ok");
	llm_config_free(cfg);
	return 0;
}

static json_t *item_json(const llm_config_item *item)
{
	json_t *o = json_object();

	json_object_set_new(o, "key", json_text(item->key));
	json_object_set_new(o, "value", json_text(item->value));
	json_object_set_new(o, "origin", json_text(item->origin));
	return o;
}

static void show_json(const llm_config *cfg)
{
	llm_config_item item = {.struct_size = (uint32_t)sizeof(item)};
	json_t *o = json_object(), *items = json_array();

	for (uint32_t i = 0; llm_config_at(cfg, i, &item) == 0; i++)
		json_array_append_new(items, item_json(&item));
	json_object_set_new(o, "schema", json_text("llm.config/1"));
	json_object_set_new(o, "items", items);
	json_print(o);
}

static void show_text(const llm_config *cfg, bool origin)
{
	llm_config_item item = {.struct_size = (uint32_t)sizeof(item)};

	for (uint32_t i = 0; llm_config_at(cfg, i, &item) == 0; i++) {
		if (origin)
			printf("%s\t", item.origin);
		printf("%s = %s\n", item.key, item.value);
	}
}

int config_show_run(ctl *c)
{
	llm_config *cfg = NULL;
	llm_err err = LLM_ERR_INIT;

	if (load(c, &cfg, &err))
		return ctl_fail(c, &err);
	if (c->opt.json)
		show_json(cfg);
	else
		show_text(cfg, c->opt.origin);
	llm_config_free(cfg);
	return 0;
}

static const char *state_of(const char *path)
{
	if (access(path, R_OK) == 0)
		return "read";
	return access(path, F_OK) == 0 ? "unreadable" : "absent";
}

static json_t *file_json(const defaults_file *file)
{
	json_t *o = json_object();

	json_object_set_new(o, "path", json_text(file->path));
	json_object_set_new(o, "state", json_text(state_of(file->path)));
	return o;
}

int config_path_run(ctl *c)
{
	json_t *o, *files;
	llm_err err = LLM_ERR_INIT;

	if (ctl_where(c, &err))
		return ctl_fail(c, &err);
	if (!c->opt.json) {
		for (size_t i = 0; i < c->where.n_files; i++)
			printf("%s\t%s\n", state_of(c->where.files[i].path),
				c->where.files[i].path);
		return 0;
	}
	o = json_object();
	files = json_array();
	for (size_t i = 0; i < c->where.n_files; i++)
		json_array_append_new(files, file_json(&c->where.files[i]));
	json_object_set_new(o, "schema", json_text("llm.config-path/1"));
	json_object_set_new(o, "files", files);
	json_print(o);
	return 0;
}
