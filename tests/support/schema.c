#include "support/schema.h"

#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct walk {
	char *why;
	size_t cap;
	char path[256];
} walk;

static bool check(walk *w, const json_t *schema, const json_t *value);

static bool wrong(walk *w, const char *what)
{
	snprintf(w->why, w->cap, "%s: %s", w->path[0] ? w->path : "/", what);
	return false;
}

static bool is_type(const char *type, const json_t *v)
{
	if (!strcmp(type, "string"))
		return json_is_string(v);
	if (!strcmp(type, "integer"))
		return json_is_integer(v);
	if (!strcmp(type, "boolean"))
		return json_is_boolean(v);
	if (!strcmp(type, "array"))
		return json_is_array(v);
	if (!strcmp(type, "object"))
		return json_is_object(v);
	return !strcmp(type, "null") && json_is_null(v);
}

static bool check_type(walk *w, const json_t *types, const json_t *v)
{
	if (json_is_string(types))
		return is_type(json_string_value(types), v) || wrong(w, "another type");
	for (size_t i = 0; i < json_array_size(types); i++)
		if (is_type(json_string_value(json_array_get(types, i)), v))
			return true;
	return wrong(w, "none of the types");
}

static bool check_enum(walk *w, const json_t *list, const json_t *v)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), v))
			return true;
	return wrong(w, "none of the values");
}

static bool check_pattern(walk *w, const json_t *pattern, const json_t *v)
{
	regex_t re;
	bool ok;

	if (!json_is_string(v))
		return true;
	if (regcomp(&re, json_string_value(pattern), REG_EXTENDED | REG_NOSUB))
		return wrong(w, "the schema's pattern does not compile");
	ok = regexec(&re, json_string_value(v), 0, NULL, 0) == 0;
	regfree(&re);
	return ok || wrong(w, "not of the pattern");
}

static bool check_below(walk *w, const char *name, const json_t *schema, const json_t *v)
{
	size_t len = strlen(w->path);
	bool ok;

	snprintf(w->path + len, sizeof(w->path) - len, "/%s", name);
	ok = schema ? check(w, schema, v) : wrong(w, "unknown member");
	w->path[len] = '\0';
	return ok;
}

static bool check_required(walk *w, const json_t *names, const json_t *v)
{
	for (size_t i = 0; json_is_object(v) && i < json_array_size(names); i++)
		if (!json_object_get(v, json_string_value(json_array_get(names, i))))
			return wrong(w, json_string_value(json_array_get(names, i)));
	return true;
}

static bool check_members(walk *w, const json_t *properties, const json_t *v)
{
	const char *name;
	json_t *member, *object = (json_t *)(uintptr_t)v;

	if (!json_is_object(v))
		return true;
	json_object_foreach(
		object, name, member) if (!check_below(w, name, json_object_get(properties, name),
						  member)) return false;
	return true;
}

static bool check_items(walk *w, const json_t *items, const json_t *v)
{
	char number[24];

	for (size_t i = 0; i < json_array_size(v); i++) {
		snprintf(number, sizeof(number), "%zu", i);
		if (!check_below(w, number, items, json_array_get(v, i)))
			return false;
	}
	return true;
}

static bool check_keyword(walk *w, const char *key, const json_t *rule, const json_t *v)
{
	if (!strcmp(key, "type"))
		return check_type(w, rule, v);
	if (!strcmp(key, "enum"))
		return check_enum(w, rule, v);
	if (!strcmp(key, "pattern"))
		return check_pattern(w, rule, v);
	if (!strcmp(key, "required"))
		return check_required(w, rule, v);
	if (!strcmp(key, "properties"))
		return check_members(w, rule, v);
	if (!strcmp(key, "items"))
		return check_items(w, rule, v);
	if (!strcmp(key, "minimum"))
		return !json_is_integer(v) || json_integer_value(v) >= json_integer_value(rule) ||
			wrong(w, "below the minimum");
	/* That members are closed is what check_members takes for granted. */
	if (!strcmp(key, "additionalProperties"))
		return json_is_false(rule) || wrong(w, "the schema leaves members open");
	return key[0] == '$' || !strcmp(key, "title") || !strcmp(key, "description") ||
		wrong(w, key);
}

static bool check(walk *w, const json_t *schema, const json_t *value)
{
	const char *key;
	json_t *rule, *object = (json_t *)(uintptr_t)schema;

	json_object_foreach(
		object, key, rule) if (!check_keyword(w, key, rule, value)) return false;
	return true;
}

bool schema_check(const json_t *schema, const json_t *value, char *why, size_t cap)
{
	walk w = {.why = why, .cap = cap, .path = ""};

	why[0] = '\0';
	return check(&w, schema, value);
}
