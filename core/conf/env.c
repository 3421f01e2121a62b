/* The environment: one copy, taken once; the variables LLM_* as keys. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "conf/inner.h"

#define VAR_MAX 240 /* bytes of a variable's name that can be a key's */

int32_t env_take_copy(conf_all *all, const char *const *vars)
{
	size_t len = 0;
	size_t i;

	for (i = 0; vars && vars[i]; i++)
		len += strlen(vars[i]) + 1;
	if (!len)
		return 0;
	all->env.bytes = mem_new(all->pub.allocator, len);
	if (!all->env.bytes)
		return LLM_E_NOMEM;
	for (i = 0; vars[i]; i++) {
		size_t n = strlen(vars[i]) + 1;

		/* Another thread may have changed the variable since it was measured. */
		if (n > len - all->env.len)
			break;
		memcpy(all->env.bytes + all->env.len, vars[i], n);
		all->env.len += n;
	}
	all->env.bytes[len - 1] = '\0';
	return 0;
}

void env_drop_copy(conf_all *all)
{
	mem_wipe(all->pub.allocator, all->env.bytes, all->env.len);
	all->env.bytes = NULL;
	all->env.len = 0;
}

char *env_find(const env_copy *env, const char *name, size_t len)
{
	size_t at;

	for (at = 0; at < env->len; at += strlen(env->bytes + at) + 1) {
		char *var = env->bytes + at;

		if (strncmp(var, name, len) == 0 && var[len] == '=')
			return var + len + 1;
	}
	return NULL;
}

/* Variables of libllm that are no configuration keys. */
static int is_no_key(const char *name, size_t len)
{
	static const char *const begins[] = {"LLM_TEST_", "LLM_DBG_", "LLM_LOG"};
	size_t i;

	for (i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncmp(name, begins[i], strlen(begins[i])) == 0)
			return 1;
	return len == 15 && memcmp(name, "LLM_PLUGIN_PATH", 15) == 0;
}

/* The name of the row's variable with the user's own names put in; null: none like it. */
static int32_t like(arena *mem, const key_def *def, const key_path *path, const char **ret)
{
	char text[VAR_MAX];
	char *name = NULL;
	key_path parts;
	size_t i;

	key_page_env(def, text, sizeof(text));
	path_split(text, "__", &parts);
	if (!parts.n || parts.n != path->n || (def->flags & KEY_LATER))
		return 0;
	for (i = 0; i < parts.n; i++) {
		int own = strcmp(parts.part[i], "NAME") == 0;

		name = table_text(mem, "%s%s%s", i ? name : "", i ? "__" : "",
			own ? path->part[i] : parts.part[i]);
		if (!name)
			return LLM_E_NOMEM;
	}
	for (i = 0; name[i]; i++)
		if (name[i] >= 'a' && name[i] <= 'z')
			name[i] = (char)(name[i] - 'a' + 'A');
	*ret = name;
	return 0;
}

static int32_t warn_unknown(loader *l, const char *var, const key_path *path)
{
	const char **names = arena_array(l->mem, 256, sizeof(*names));
	const char *near = NULL;
	const char *text;
	size_t n = 0;
	size_t i;

	if (!names)
		return LLM_E_NOMEM;
	for (i = 0; key_table[i].pattern && n < 256; i++) {
		if (like(l->mem, &key_table[i], path, &names[n]))
			return LLM_E_NOMEM;
		n += names[n] != NULL;
	}
	near = text_nearest(var, names, n);
	text = table_text(l->mem, "environment %s: no key of libllm%s%s%s", var,
		near ? " - did you mean " : "", near ? near : "", near ? "?" : "");
	return text ? conf_warn(l, text) : LLM_E_NOMEM;
}

/* A row may have a second variable. */
static void second_name(char *folded, key_path *path)
{
	char env[VAR_MAX];
	size_t i;

	for (i = 0; key_table[i].pattern; i++) {
		if (!key_table[i].env)
			continue;
		key_fold(key_table[i].env, strlen(key_table[i].env), env);
		if (strcmp(env, folded) == 0) {
			snprintf(folded, VAR_MAX, "%s", key_table[i].pattern);
			path_split(folded, ".", path);
			return;
		}
	}
	path_split(folded, "__", path);
}

/* Variables have no "-", headers hardly ever a "_". */
static void dashes(char *header)
{
	for (; *header; header++)
		if (*header == '_')
			*header = '-';
}

static int32_t take(loader *l, const char *name, size_t len, const char *value)
{
	written w = {.form = FORM_TEXT, .from = FROM_ENV, .text = value};
	char folded[VAR_MAX];
	const key_def *def;
	key_path path;

	if (len >= VAR_MAX || !path_is_plain(name, len) || is_no_key(name, len))
		return 0;
	key_fold(name + 4, len - 4, folded);
	second_name(folded, &path);
	def = path_def(&path);
	w.origin = table_text(l->mem, "environment %.*s", (int)len, name);
	if (!w.origin)
		return LLM_E_NOMEM;
	if (!def || def->type == KEY_GROUP || def->type == KEY_LIST) {
		/* All of a later feature is known, its group alone may be anyone's. */
		if (!def || !(def->flags & KEY_LATER) || path.n < 2)
			return warn_unknown(l, w.origin + strlen("environment "), &path);
	}
	if (def->flags & KEY_HEADER)
		dashes(folded + (path.part[path.n - 1] - folded));
	return path_set(l, &path, &w);
}

int32_t env_read(loader *l)
{
	const env_copy *env = &l->all->env;
	int32_t rc = 0;
	size_t at;

	if (env->hidden)
		return 0;
	for (at = 0; !rc && at < env->len; at += strlen(env->bytes + at) + 1) {
		const char *var = env->bytes + at;
		const char *equals = strchr(var, '=');

		if (equals && equals - var > 4 && memcmp(var, "LLM_", 4) == 0)
			rc = take(l, var, (size_t)(equals - var), equals + 1);
	}
	return rc;
}
