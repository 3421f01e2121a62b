/* Price files: libconfig's tree, checked for names and kinds; amounts stay text. */
#include "conf/prices.h"

#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "conf/inner.h"
#include "conf/prescan.h"

const char *const prices_names[PRICES_KINDS] = {
	"input", "output", "cache_read", "cache_write", "reasoning"};

typedef struct prices_in {
	const char *name;
	arena *mem;
	llm_err *err;
} prices_in;

static int32_t prices_refuse(
	const prices_in *in, const config_setting_t *s, const char *what, const char *expected)
{
	return err_set(in->err, LLM_E_CONFIG, "%s:%u: %s\nexpected: %s", in->name,
		config_setting_source_line(s), what, expected);
}

static int32_t prices_text(const prices_in *in, config_setting_t *s, const char **ret)
{
	if (config_setting_type(s) != CONFIG_TYPE_STRING)
		return prices_refuse(in, s, "a price, a model or a date is no text",
			"text in quotes, such as \"0.0375\"");
	*ret = arena_str(in->mem, config_setting_get_string(s));
	return *ret ? 0 : LLM_E_NOMEM;
}

static int32_t prices_origin(const prices_in *in, const config_setting_t *s, const char **ret)
{
	char text[300];

	(void)snprintf(text, sizeof(text), "%.270s:%u", in->name, config_setting_source_line(s));
	*ret = arena_str(in->mem, text);
	return *ret ? 0 : LLM_E_NOMEM;
}

/* Returns PRICES_KINDS for what is none. */
static size_t prices_kind(const char *name)
{
	size_t i;

	for (i = 0; i < PRICES_KINDS; i++)
		if (strcmp(prices_names[i], name) == 0)
			break;
	return i;
}

static int32_t prices_unknown(const prices_in *in, config_setting_t *s)
{
	static const char *const known[] = {"model", "prefix", "valid_from", "tiers",
		"above_tokens", "input", "output", "cache_read", "cache_write", "reasoning"};
	const char *name = config_setting_name(s);
	const char *near = text_nearest(name, known, sizeof(known) / sizeof(known[0]));

	return err_set(in->err, LLM_E_CONFIG, "%s:%u: unknown key '%.60s'%s%s%s", in->name,
		config_setting_source_line(s), name, near ? " - did you mean '" : "",
		near ? near : "", near ? "'?" : "");
}

static int32_t prices_tier_member(const prices_in *in, config_setting_t *s, prices_set *t)
{
	const char *name = config_setting_name(s);
	const size_t kind = prices_kind(name);
	const int type = config_setting_type(s);

	if (kind < PRICES_KINDS)
		return prices_text(in, s, &t->amount[kind]);
	if (strcmp(name, "above_tokens") != 0)
		return prices_unknown(in, s);
	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
		return prices_refuse(in, s, "above_tokens is no whole number", "such as 200000");
	t->above_tokens = config_setting_get_int64(s);
	return 0;
}

static int32_t prices_tier(const prices_in *in, config_setting_t *s, prices_set *t)
{
	int32_t rc;
	int i;

	if (config_setting_type(s) != CONFIG_TYPE_GROUP)
		return prices_refuse(in, s, "a tier is no group", "{ above_tokens = 200000; ... }");
	rc = prices_origin(in, s, &t->origin);
	for (i = 0; !rc && i < config_setting_length(s); i++)
		rc = prices_tier_member(in, config_setting_get_elem(s, (unsigned)i), t);
	return rc;
}

static int32_t prices_tiers(const prices_in *in, config_setting_t *s, prices_entry *e)
{
	const size_t n = (size_t)config_setting_length(s);
	int32_t rc = 0;
	size_t i;

	if (config_setting_type(s) != CONFIG_TYPE_LIST)
		return prices_refuse(in, s, "tiers is no list", "( { ... }, { ... } )");
	e->tiers = arena_array(in->mem, n ? n : 1, sizeof(*e->tiers));
	if (!e->tiers)
		return LLM_E_NOMEM;
	for (i = 0; !rc && i < n; i++)
		rc = prices_tier(in, config_setting_get_elem(s, (unsigned)i), &e->tiers[i]);
	e->n_tiers = n;
	return rc;
}

static int32_t prices_member(const prices_in *in, config_setting_t *s, prices_entry *e)
{
	const char *name = config_setting_name(s);
	const size_t kind = prices_kind(name);

	if (kind < PRICES_KINDS)
		return prices_text(in, s, &e->base.amount[kind]);
	if (strcmp(name, "valid_from") == 0)
		return prices_text(in, s, &e->valid_from);
	if (strcmp(name, "tiers") == 0)
		return prices_tiers(in, s, e);
	if (strcmp(name, "model") != 0 && strcmp(name, "prefix") != 0)
		return prices_unknown(in, s);
	if (e->match)
		return prices_refuse(in, s, "a price has both a model and a prefix, or one twice",
			"model or prefix, once");
	e->prefix = name[0] == 'p';
	return prices_text(in, s, &e->match);
}

static int32_t prices_one(const prices_in *in, config_setting_t *s, prices_entry *e)
{
	int32_t rc;
	int i;

	if (config_setting_type(s) != CONFIG_TYPE_GROUP)
		return prices_refuse(in, s, "a price is no group", "{ model = \"...\"; ... }");
	rc = prices_origin(in, s, &e->base.origin);
	for (i = 0; !rc && i < config_setting_length(s); i++)
		rc = prices_member(in, config_setting_get_elem(s, (unsigned)i), e);
	if (!rc && !e->match)
		rc = prices_refuse(in, s, "a price is of no model",
			"model = \"PROVIDER/MODEL\" or prefix = \"PROVIDER/...\"");
	return rc;
}

static int32_t prices_list(
	const prices_in *in, config_setting_t *root, prices_entry **ret, size_t *ret_n)
{
	config_setting_t *list = config_setting_get_member(root, "prices");
	prices_entry *rows;
	int32_t rc = 0;
	size_t n, i;

	if (!list || config_setting_length(root) != 1 ||
		config_setting_type(list) != CONFIG_TYPE_LIST)
		return err_set(in->err, LLM_E_CONFIG,
			"%s: a price file has one list and nothing else\n"
			"expected: prices = ( { ... }, { ... } );",
			in->name);
	n = (size_t)config_setting_length(list);
	rows = arena_array(in->mem, n ? n : 1, sizeof(*rows));
	if (!rows)
		return LLM_E_NOMEM;
	for (i = 0; !rc && i < n; i++)
		rc = prices_one(in, config_setting_get_elem(list, (unsigned)i), &rows[i]);
	if (!rc) {
		*ret = rows;
		*ret_n = n;
	}
	return rc;
}

static int32_t prices_tree(const prices_in *in, const char *text, prices_entry **ret, size_t *ret_n)
{
	config_t tree;
	int32_t rc;

	config_init(&tree);
	if (config_read_string(&tree, text) == CONFIG_TRUE)
		rc = prices_list(in, config_root_setting(&tree), ret, ret_n);
	else
		rc = err_set(in->err, LLM_E_CONFIG, "%s:%d: %s (libconfig)", in->name,
			config_error_line(&tree), config_error_text(&tree));
	config_destroy(&tree);
	return rc;
}

int32_t prices_parse(const char *text, size_t len, const char *name, arena *mem, prices_entry **ret,
	size_t *ret_n, llm_err *err)
{
	const prices_in in = {name, mem, err};
	int32_t rc = prescan_text(text, len, name, err);
	char *copy;

	if (rc)
		return rc;
	/* libconfig does not see the end of a comment in a last line without its end. */
	copy = mem_new(mem->mem, len + 2);
	if (!copy)
		return err_set(err, LLM_E_NOMEM, "no memory to read %s", name);
	memcpy(copy, text, len);
	copy[len] = '\n';
	rc = prices_tree(&in, copy, ret, ret_n);
	mem_free(mem->mem, copy);
	return rc == LLM_E_NOMEM ? err_set(err, rc, "no memory to read %s", name) : rc;
}

int32_t prices_load(
	const char *path, arena *mem, const char **ret_text, size_t *ret_len, llm_err *err)
{
	file_facts facts;
	char *text = NULL, *copy;
	size_t len = 0;
	int32_t rc = file_read(path, PRESCAN_FILE_MAX, mem->mem, &facts, &text, &len);

	if (rc == LLM_E_CONFIG)
		return err_set(err, rc, "%s: %s\nname a file of prices that can be read", path,
			facts.problem);
	if (rc)
		return err_set(err, rc, "no memory to read %s", path);
	copy = arena_dup(mem, text, len);
	mem_free(mem->mem, text);
	if (!copy)
		return err_set(err, LLM_E_NOMEM, "no memory to read %s", path);
	*ret_text = copy;
	*ret_len = len;
	return 0;
}
