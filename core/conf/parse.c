/* libconfig's tree into the table. The only file that includes libconfig. */
#include <libconfig.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "conf/inner.h"
#include "conf/prescan.h"
#include "wire/num.h"

typedef struct parse {
	loader *l;
	const char *file;
} parse;

static int is_whole(const config_setting_t *s)
{
	const int type = config_setting_type(s);

	return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

static int all_strings(config_setting_t *s, const key_def *def)
{
	int n = config_setting_length(s);
	int i;

	for (i = 0; i < n; i++) {
		const config_setting_t *one = config_setting_get_elem(s, (unsigned)i);

		if (config_setting_type(one) != CONFIG_TYPE_STRING &&
			!((def->flags & KEY_NUMBERS) && is_whole(one)))
			return 0;
	}
	return 1;
}

static char *read_element(const parse *p, const config_setting_t *s)
{
	char digits[NUM_TEXT];

	if (!is_whole(s))
		return arena_str(p->l->mem, config_setting_get_string(s));
	num_write_i64(config_setting_get_int64(s), digits);
	return arena_str(p->l->mem, digits);
}

static int32_t read_strings(const parse *p, config_setting_t *s, written *w)
{
	size_t n = (size_t)config_setting_length(s);
	const char **list = arena_array(p->l->mem, n ? n : 1, sizeof(*list));
	size_t i;

	if (!list)
		return LLM_E_NOMEM;
	for (i = 0; i < n; i++) {
		list[i] = read_element(p, config_setting_get_elem(s, (unsigned)i));
		if (!list[i])
			return LLM_E_NOMEM;
	}
	w->form = FORM_STRINGS;
	w->list = list;
	w->n_list = n;
	return 0;
}

static int32_t keep_text(const parse *p, const char *text, uint32_t form, written *w)
{
	w->form = form;
	w->text = arena_str(p->l->mem, text);
	return w->text ? 0 : LLM_E_NOMEM;
}

static int32_t read_value(const parse *p, config_setting_t *s, const key_def *def, written *w)
{
	char digits[NUM_TEXT];

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		w->form = FORM_GROUP;
		return 0;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		num_write_i64(config_setting_get_int64(s), digits);
		return keep_text(p, digits, FORM_INT, w);
	case CONFIG_TYPE_STRING:
		return keep_text(p, config_setting_get_string(s), FORM_STRING, w);
	case CONFIG_TYPE_BOOL:
		return keep_text(p, config_setting_get_bool(s) ? "true" : "false", FORM_BOOL, w);
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		if (def->type == KEY_LIST || !all_strings(s, def)) {
			w->form = FORM_LIST;
			return 0;
		}
		return read_strings(p, s, w);
	default:
		w->form = FORM_OTHER;
		return 0;
	}
}

static int32_t read_members(const parse *p, config_setting_t *group, entry *parent);

static int32_t read_member(const parse *p, config_setting_t *s, entry *parent, int index)
{
	const char *name = config_setting_name(s);
	written w = {.from = FROM_FILE};
	char digits[NUM_TEXT];
	entry *e = NULL;
	int32_t rc;

	if (!name) {
		num_write_i64(index, digits);
		name = digits;
	}
	w.origin = table_text(p->l->mem, "%s:%u", p->file, config_setting_source_line(s));
	if (!w.origin)
		return LLM_E_NOMEM;
	rc = table_member(&p->l->t, parent, name, &w, 0, &e);
	if (rc)
		return rc;
	/* A group keeps the line where it was first opened. */
	if (e->def->type == KEY_GROUP && e->set.origin && !e->dead)
		w.origin = e->set.origin;
	rc = read_value(p, s, e->def, &w);
	if (!rc)
		rc = table_set(&p->l->t, e, &w);
	if (!rc && (w.form == FORM_GROUP || w.form == FORM_LIST))
		rc = read_members(p, s, e);
	return rc;
}

/* As deep as the patterns of key_table: what is deeper has been refused. */
static int32_t read_members(const parse *p, config_setting_t *group, entry *parent)
{
	int n = config_setting_length(group);
	int32_t rc = 0;
	int i;

	for (i = 0; !rc && i < n; i++)
		rc = read_member(p, config_setting_get_elem(group, (unsigned)i), parent, i);
	return rc;
}

/* What the prescan leaves to libconfig: a key twice in a group, an array of two types. */
static int32_t refused(const parse *p, const config_t *tree)
{
	const char *text = config_error_text(tree);

	return err_set(p->l->err, LLM_E_CONFIG,
		"%s:%d: %s (libconfig)\n"
		"see this line and those before it",
		p->file, config_error_line(tree), text ? text : "cannot be read");
}

static int32_t read_tree(const parse *p, const char *text)
{
	config_t tree;
	int32_t rc;

	config_init(&tree);
	if (config_read_string(&tree, text) == CONFIG_TRUE)
		rc = read_members(p, config_root_setting(&tree), p->l->t.items[0]);
	else
		rc = refused(p, &tree);
	config_destroy(&tree);
	return rc;
}

int32_t parse_text(loader *l, const char *text, size_t len, const char *file)
{
	parse p = {.l = l, .file = file};
	char *copy;
	int32_t rc;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* some editors put it there */
		text += 3;
		len -= 3;
	}
	rc = prescan_text(text, len, file, l->err);
	if (rc)
		return rc;
	/* libconfig does not see the end of a comment in a last line without its end. */
	copy = mem_new(l->mem->mem, len + 2);
	if (!copy)
		return LLM_E_NOMEM;
	memcpy(copy, text, len);
	copy[len] = '\n';
	rc = read_tree(&p, copy);
	mem_wipe(l->mem->mem, copy, len + 1);
	return rc;
}
