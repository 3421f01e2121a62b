/* Keys that only a plugin knows, against what it describes. */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conf/inner.h"
#include "wire/num.h"

#define KNOWN_MAX 160

const char *conf_value_expected(uint32_t type)
{
	switch (type) {
	case LLM_TYPE_BOOL:
		return "true or false";
	case LLM_TYPE_INT:
		return "a whole number";
	case LLM_TYPE_REAL:
		return "a number as text: \"0.5\"";
	case LLM_TYPE_DURATION:
		return "milliseconds, or text such as \"500ms\", \"20s\", \"5m\", \"1h\"";
	case LLM_TYPE_SIZE:
		return "bytes, or text such as \"64k\", \"2M\", \"1G\"";
	default:
		return "text";
	}
}

static const llm_key_info *known(const llm_key_info *const *keys, const char *name)
{
	for (; keys && *keys; keys++)
		if (strcmp((*keys)->name, name) == 0)
			return *keys;
	return NULL;
}

/* Whose keys they are. */
typedef struct group {
	const char *list; /* "providers.", or "storage" alone */
	const char *name; /* in that list, or "" */
	const char *inner; /* ".policy_options", or "" */
	const key_def *ours; /* keys of ours that stand beside them, or null */
	const conf_pair *pairs;
	size_t n;
} group;

/* The nearest of the plugin's keys and of ours. */
static const char *nearest(const group *g, const llm_key_info *const *keys, const char *name)
{
	const char *names[KNOWN_MAX];
	size_t n = 0;

	names[n++] = g->ours ? key_nearest(g->ours, name) : NULL;
	for (; keys && *keys && n < KNOWN_MAX; keys++)
		names[n++] = (*keys)->name;
	return text_nearest(name, names, n);
}

static int32_t unknown(
	const group *g, const conf_pair *s, const llm_key_info *const *keys, llm_err *err)
{
	const char *near = nearest(g, keys, s->name);

	return err_set(err, LLM_E_CONFIG, "%s: unknown key '%s%s%s.%s'%s%s%s", s->origin, g->list,
		g->name, g->inner, s->name, near ? " - did you mean '" : "", near ? near : "",
		near ? "'?" : "\nneither the library nor the plugin has one of that name");
}

const char *conf_value_as(uint32_t type, const char *text, char ret[NUM_TEXT])
{
	size_t len = strlen(text);
	uint64_t u = 0;
	int64_t i = 0;
	double d;
	int b = 0;

	switch (type) {
	case LLM_TYPE_BOOL:
		return !num_read_bool(text, len, &b) ? NULL : b ? "true" : "false";
	case LLM_TYPE_INT:
		return num_read_i64(text, len, &i) ? text : NULL;
	case LLM_TYPE_REAL:
		return num_read_double(text, len, &d) ? text : NULL;
	case LLM_TYPE_DURATION:
		if (!num_read_duration_ms(text, len, &u) || u > KEY_MAX_MS)
			return NULL;
		num_write_i64((int64_t)u, ret);
		return ret;
	case LLM_TYPE_SIZE:
		if (!num_read_size(text, len, &u) || u > INT64_MAX)
			return NULL;
		num_write_i64((int64_t)u, ret);
		return ret;
	default:
		return text;
	}
}

static int32_t convert(const group *g, const conf_pair *s, const llm_key_info *k, arena *mem,
	conf_pair *ret, llm_err *err)
{
	char number[NUM_TEXT];
	const char *text = conf_value_as(k->type, s->value, number);

	if (!text)
		return err_set(err, LLM_E_CONFIG,
			"%s: '%s%s%s.%s' has a value that cannot "
			"be taken\nexpected: %s",
			s->origin, g->list, g->name, g->inner, s->name,
			conf_value_expected(k->type));
	*ret = *s;
	ret->value = arena_str(mem, text);
	return ret->value ? 0 : LLM_E_NOMEM;
}

static int32_t check(const group *g, const llm_key_info *const *keys, arena *mem, conf_pair **ret,
	size_t *ret_n, llm_err *err)
{
	conf_pair *list = arena_array(mem, g->n ? g->n : 1, sizeof(*list));
	size_t n = 0;
	size_t i;
	int32_t rc = list ? 0 : LLM_E_NOMEM;

	for (i = 0; !rc && i < g->n; i++)
		if (!known(keys, g->pairs[i].name))
			rc = unknown(g, &g->pairs[i], keys, err);
	for (; !rc && keys && *keys; keys++)
		for (i = 0; !rc && i < g->n; i++)
			if (strcmp((*keys)->name, g->pairs[i].name) == 0)
				rc = convert(g, &g->pairs[i], *keys, mem, &list[n++], err);
	if (rc == LLM_E_NOMEM)
		return err_set(err, rc, "no memory to read the configuration");
	if (rc)
		return rc;
	*ret = list;
	*ret_n = n;
	return 0;
}

int32_t conf_check_settings(const conf_provider *p, const llm_key_info *const *keys, arena *mem,
	conf_pair **ret, size_t *ret_n, llm_err *err)
{
	const int storage = !p->name;
	const group g = {storage ? "storage" : "providers.", storage ? "" : p->name, "",
		storage ? key_child(key_table, "storage") :
			  key_child(key_child(key_table, "providers"), "*"),
		p->settings, p->n_settings};

	return check(&g, keys, mem, ret, ret_n, err);
}

int32_t conf_check_options(const conf_profile *p, const llm_key_info *const *keys, arena *mem,
	conf_pair **ret, size_t *ret_n, llm_err *err)
{
	const group g = {"profiles.", p->name, ".policy_options", NULL, p->options, p->n_options};

	return check(&g, keys, mem, ret, ret_n, err);
}
