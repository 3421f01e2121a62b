/*
 * strict.c - does a JSON Schema keep the rules of OpenAI's strict schemas?
 *
 * The root is an object and no anyOf. Every object allows no other properties and requires
 * all of its own. Keywords that are not listed here are refused. At most 5000 properties,
 * 10 levels, 1000 values of enums, 120,000 characters in all.
 */
#include <string.h>

#include "openai.h"

#define LEVELS_MAX 10
#define PROPERTIES_MAX 5000
#define VALUES_MAX 1000
#define ENUM_TEXTS_MAX 250
#define ENUM_TEXT_MAX 15000
#define LENGTH_MAX 120000

typedef struct judge {
	const char *problem; /* the first one */
	size_t n_properties;
	size_t n_values;
} judge;

/* The members of one schema that matter. */
typedef struct schema {
	llm_bytes properties;
	llm_bytes required;
	llm_bytes items;
	llm_bytes any_of;
	llm_bytes defs;
	int is_object;
	int is_array;
	int closed; /* additionalProperties is false */
	int says_what; /* type, anyOf, $ref, enum or const */
} schema;

static void judge_schema(judge *j, const llm_bytes *json, int level);

static void blame(judge *j, const char *problem)
{
	if (!j->problem)
		j->problem = problem;
}

static int is_one_of(const jsonr_text *t, const char *const *words)
{
	for (; *words; words++)
		if (jsonr_is(t, *words))
			return 1;
	return 0;
}

static void read_type_word(jsonr *r, schema *s)
{
	jsonr_text word = {"", 0, 0};

	jsonr_string(r, &word);
	s->is_object |= jsonr_is(&word, "object");
	s->is_array |= jsonr_is(&word, "array");
}

static void read_type(jsonr *r, schema *s)
{
	s->says_what = 1;
	if (!jsonr_enter_array(r)) {
		read_type_word(r, s);
		return;
	}
	while (jsonr_element(r))
		read_type_word(r, s);
}

static void read_enum(judge *j, jsonr *r)
{
	jsonr_text text;
	size_t n = 0;
	size_t len = 0;

	if (!jsonr_enter_array(r))
		blame(j, "enum is a list");
	while (jsonr_element(r)) {
		j->n_values++;
		if (jsonr_string(r, &text)) {
			n++;
			len += text.len;
		}
	}
	if (j->n_values > VALUES_MAX)
		blame(j, "all enums together have at most 1000 values");
	if (n > ENUM_TEXTS_MAX && len > ENUM_TEXT_MAX)
		blame(j, "a long enum has at most 15000 characters");
}

static void read_format(judge *j, jsonr *r)
{
	static const char *const formats[] = {"date-time", "time", "date", "duration", "email",
		"hostname", "ipv4", "ipv6", "uuid", NULL};
	jsonr_text format = {"", 0, 0};

	jsonr_string(r, &format);
	if (!is_one_of(&format, formats))
		blame(j, "format is one that OpenAI knows");
}

static void read_closed(jsonr *r, schema *s)
{
	s->closed = jsonr_peek(r) == JSONR_FALSE;
}

/* 1 when the keyword holds schemas or speaks about the object, and was read. */
static int read_inner(jsonr *r, const jsonr_text *key, schema *s)
{
	if (jsonr_is(key, "properties"))
		jsonr_raw(r, &s->properties);
	else if (jsonr_is(key, "required"))
		jsonr_raw(r, &s->required);
	else if (jsonr_is(key, "items"))
		jsonr_raw(r, &s->items);
	else if (jsonr_is(key, "anyOf"))
		jsonr_raw(r, &s->any_of);
	else if (jsonr_is(key, "$defs") || jsonr_is(key, "definitions"))
		jsonr_raw(r, &s->defs);
	else if (jsonr_is(key, "additionalProperties"))
		read_closed(r, s);
	else
		return 0;
	return 1;
}

static void read_keyword(judge *j, jsonr *r, const jsonr_text *key, schema *s)
{
	static const char *const plain[] = {"title", "description", "$schema", "pattern", "minimum",
		"maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems",
		"maxItems", NULL};
	static const char *const whats[] = {"$ref", "const", NULL};

	if (read_inner(r, key, s))
		return;
	if (jsonr_is(key, "type")) {
		read_type(r, s);
	} else if (jsonr_is(key, "enum")) {
		s->says_what = 1;
		read_enum(j, r);
	} else if (jsonr_is(key, "format")) {
		read_format(j, r);
	} else if (is_one_of(key, whats)) {
		s->says_what = 1;
	} else if (!is_one_of(key, plain)) {
		blame(j, "it uses no other keywords than the strict ones");
	}
}

static int same_text(jsonr *r, const jsonr_text *name)
{
	jsonr_text text;

	return jsonr_string(r, &text) && text.len == name->len &&
		memcmp(text.raw, name->raw, text.len) == 0;
}

/* Is the name an element of the array of texts? `step` walks it, as its order is mostly the same. */
static int is_listed(const llm_bytes *array, jsonr *step, const jsonr_text *name)
{
	int found = jsonr_element(step) && same_text(step, name);
	jsonr r;

	jsonr_init(&r, array->ptr, array->len);
	if (found || !jsonr_enter_array(&r))
		return found;
	while (!found && jsonr_element(&r))
		found = same_text(&r, name);
	return found;
}

/* An object whose members are schemas; `required` null: they need not be. */
static void judge_members(judge *j, const llm_bytes *members, const llm_bytes *required, int level)
{
	llm_bytes value;
	jsonr_text name;
	jsonr step;
	jsonr r;

	jsonr_init(&r, members->ptr, members->len);
	jsonr_init(&step, required ? required->ptr : "", required ? required->len : 0);
	jsonr_enter_array(&step);
	if (!jsonr_enter_object(&r))
		blame(j, "properties and $defs are objects");
	while (!j->problem && jsonr_member(&r, &name) && jsonr_raw(&r, &value)) {
		if (required && ++j->n_properties > PROPERTIES_MAX)
			blame(j, "it has at most 5000 properties");
		else if (required && !is_listed(required, &step, &name))
			blame(j, "every property is listed in required");
		judge_schema(j, &value, level + 1);
	}
}

static void judge_list(judge *j, const llm_bytes *list, int level)
{
	llm_bytes value;
	jsonr r;

	jsonr_init(&r, list->ptr, list->len);
	if (!jsonr_enter_array(&r))
		blame(j, "anyOf is a list");
	while (!j->problem && jsonr_element(&r) && jsonr_raw(&r, &value))
		judge_schema(j, &value, level);
}

static void judge_parts(judge *j, const schema *s, int level)
{
	if (s->is_object && !s->closed)
		blame(j, "every object has additionalProperties false");
	if (s->is_array && s->items.len == 0)
		blame(j, "every array says what its items are");
	if (!s->says_what && s->any_of.len == 0)
		blame(j, "every value has a type");
	if (s->properties.len > 0)
		judge_members(j, &s->properties, &s->required, level);
	if (s->items.len > 0)
		judge_schema(j, &s->items, level + 1);
	if (s->any_of.len > 0)
		judge_list(j, &s->any_of, level);
	if (s->defs.len > 0)
		judge_members(j, &s->defs, NULL, 0);
}

static void judge_schema(judge *j, const llm_bytes *json, int level)
{
	schema s = {.is_object = 0};
	jsonr_text key;
	jsonr r;

	if (level > LEVELS_MAX)
		blame(j, "it is at most 10 levels deep");
	jsonr_init(&r, json->ptr, json->len);
	if (!jsonr_enter_object(&r))
		blame(j, "every schema is an object");
	while (!j->problem && jsonr_member(&r, &key))
		read_keyword(j, &r, &key, &s);
	if (level == 0 && (!s.is_object || s.any_of.len > 0))
		blame(j, "the root is an object and no anyOf");
	if (!j->problem)
		judge_parts(j, &s, level);
}

const char *openai_schema_problem(const llm_bytes *schema_text)
{
	judge j = {NULL, 0, 0};

	if (schema_text->len > LENGTH_MAX)
		return "it has at most 120000 characters";
	judge_schema(&j, schema_text, 0);
	return j.problem;
}
