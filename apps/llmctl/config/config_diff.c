/*
 * config_diff.c - "llmctl config diff": what a reload of another file would change.
 */
#include <stdio.h>
#include <string.h>

#include "io/json.h"
#include "llm/config.h"
#include "setup/ctl.h"

static int32_t load(ctl *c, const char *path, llm_config **ret, llm_err *err)
{
	c->opts.config_path = path;
	c->opts.config_paths = NULL;
	return llm_config_load(&c->opts, ret, err);
}

/* A secret is not shown; what it refers to instead stands behind its origin. */
static const char *value_of(const llm_config_item *item)
{
	const char *refers = strstr(item->origin, ", ");

	if (strcmp(item->value, "***") == 0 && refers)
		return refers + 2;
	return item->value;
}

/* `text` null: it is not there. */
static void tell(json_t *list, const char *key, const char *before, const char *after)
{
	json_t *o;

	if (!list) {
		if (before)
			printf("- %s = %s\n", key, before);
		if (after)
			printf("+ %s = %s\n", key, after);
		return;
	}
	o = json_object();
	json_object_set_new(o, "key", json_text(key));
	json_object_set_new(o, "old", before ? json_text(before) : json_null());
	json_object_set_new(o, "new", after ? json_text(after) : json_null());
	json_array_append_new(list, o);
}

/* Both are in order of the key. */
static void compare(const llm_config *old, const llm_config *new, json_t *list)
{
	llm_config_item a = {.struct_size = (uint32_t)sizeof(a)}, b = a;
	uint32_t i = 0, k = 0;

	for (;;) {
		const int32_t no_a = llm_config_at(old, i, &a), no_b = llm_config_at(new, k, &b);
		int order;

		if (no_a && no_b)
			return;
		order = no_a ? 1 : no_b ? -1 : strcmp(a.key, b.key);
		if (order < 0)
			tell(list, a.key, value_of(&a), NULL);
		else if (order > 0)
			tell(list, b.key, NULL, value_of(&b));
		else if (strcmp(value_of(&a), value_of(&b)) != 0)
			tell(list, a.key, value_of(&a), value_of(&b));
		i += order <= 0;
		k += order >= 0;
	}
}

static void show(ctl *c, const llm_config *old, const llm_config *new)
{
	json_t *o, *list;

	if (!c->opt.json) {
		compare(old, new, NULL);
		return;
	}
	o = json_object();
	list = json_array();
	compare(old, new, list);
	json_object_set_new(o, "schema", json_text("llm.config-diff/1"));
	json_object_set_new(o, "changes", list);
	json_print(o);
}

int config_diff_run(ctl *c)
{
	llm_config *old = NULL, *new = NULL;
	llm_err err = LLM_ERR_INIT;
	int32_t rc = 0;

	if (c->opt.words.n != 2)
		rc = complain_set(&err, LLM_E_INVALID_REQUEST,
			"config diff wants two files: llmctl config diff OLD NEW");
	if (!rc)
		rc = ctl_where(c, &err);
	if (!rc)
		rc = load(c, c->opt.words.items[0], &old, &err);
	if (!rc)
		rc = load(c, c->opt.words.items[1], &new, &err);
	if (!rc)
		show(c, old, new);
	llm_config_free(old);
	llm_config_free(new);
	return rc ? ctl_fail(c, &err) : 0;
}
