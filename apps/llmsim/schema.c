#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "schema.h"
#include "text.h"

#define DEPTH_MAX 12

struct maker {
	const json_t *root;
	uint64_t *rng;
	int depth;
	size_t item; /* place in the array being filled: makes items differ */
};

static json_t *make(struct maker *m, const json_t *schema);

static size_t size_of(const json_t *schema, const char *key, size_t fallback)
{
	const json_t *v = json_object_get(schema, key);

	return json_is_integer(v) && json_integer_value(v) >= 0 ? (size_t)json_integer_value(v) :
								  fallback;
}

static bool has_number(const json_t *schema, const char *key, double *ret)
{
	const json_t *v = json_object_get(schema, key);

	if (!json_is_number(v))
		return false;
	*ret = json_number_value(v);
	return true;
}

static const char *format_example(const char *format)
{
	static const char *const examples[][2] = {
		{"date-time", "2026-01-02T03:04:05Z"},
		{"date", "2026-01-02"},
		{"time", "03:04:05Z"},
		{"duration", "PT5M"},
		{"email", "someone@example.com"},
		{"hostname", "host.example.com"},
		{"ipv4", "192.0.2.1"},
		{"ipv6", "2001:db8::1"},
		{"uri", "https://example.com/"},
		{"uuid", "6f1b7c7e-3d4a-4b5c-8d6e-7f8091a2b3c4"},
	};

	for (size_t i = 0; format && i < sizeof(examples) / sizeof(examples[0]); i++)
		if (!strcmp(format, examples[i][0]))
			return examples[i][1];
	return NULL;
}

static json_t *make_string(struct maker *m, const json_t *schema)
{
	const char *format = json_string_value(json_object_get(schema, "format"));
	const char *example = format_example(format);
	size_t most = size_of(schema, "maxLength", SIZE_MAX);
	struct bytes b = {0};
	json_t *made;

	if (example)
		return json_string(example);
	text_phrase(&b, m->rng);
	if (m->item)
		bytes_format(&b, " %zu", m->item + 1);
	while (b.len < size_of(schema, "minLength", 0)) {
		bytes_text(&b, " ");
		text_phrase(&b, m->rng);
	}
	made = json_stringn(b.data, b.len < most ? b.len : most);
	bytes_done(&b);
	return made;
}

/* The bounds as given, or a small range that touches the one that is. */
static void bounds(const json_t *schema, double step, double *ret_low, double *ret_high)
{
	double low = 1;
	double high = 100;
	bool has_low = has_number(schema, "minimum", &low);
	bool has_high = has_number(schema, "maximum", &high);

	if (has_number(schema, "exclusiveMinimum", &low)) {
		low += step;
		has_low = true;
	}
	if (has_number(schema, "exclusiveMaximum", &high)) {
		high -= step;
		has_high = true;
	}
	if (has_low && !has_high)
		high = low + 99;
	if (has_high && !has_low)
		low = high < 1 ? high - 99 : 1;
	*ret_low = low;
	*ret_high = high;
}

static json_int_t ceiling(double v)
{
	json_int_t whole;

	/* Beyond 2^53 a double cannot say which integer is meant. */
	if (v < -9007199254740992.0)
		return -9007199254740992;
	if (v > 9007199254740992.0)
		return 9007199254740992;
	whole = (json_int_t)v;
	return (double)whole < v ? whole + 1 : whole;
}

static json_t *make_integer(struct maker *m, const json_t *schema)
{
	double low;
	double high;
	double step = 1;
	json_int_t by;
	json_int_t first;
	size_t many;

	bounds(schema, 1, &low, &high);
	if (!has_number(schema, "multipleOf", &step) || step < 1)
		step = 1;
	by = ceiling(step);
	first = ceiling(low / step) * by;
	many = high > (double)first ? (size_t)((high - (double)first) / step) + 1 : 1;
	return json_integer(first + by * (json_int_t)((rng_below(m->rng, many) + m->item) % many));
}

/* Quarters: they have short exact decimals. */
static json_t *make_number(struct maker *m, const json_t *schema)
{
	double low;
	double high;
	double step;
	size_t many;

	if (has_number(schema, "multipleOf", &step))
		return make_integer(m, schema);
	bounds(schema, 0.25, &low, &high);
	if (high - low < 0.5)
		return json_real(low);
	many = high - low > 100 ? 400 : (size_t)((high - low) * 4);
	return json_real(low + 0.25 * (double)((rng_below(m->rng, many) + m->item) % many));
}

static size_t item_count(struct maker *m, const json_t *schema, size_t given)
{
	size_t least = size_of(schema, "minItems", m->depth > DEPTH_MAX / 2 ? 0 : 1);
	size_t most = size_of(schema, "maxItems", least > 2 ? least : 2);
	size_t n;

	if (least < given)
		least = given;
	n = least >= most ? least : least + rng_below(m->rng, most - least + 1);
	return n > 64 ? least : n;
}

static json_t *make_array(struct maker *m, const json_t *schema)
{
	const json_t *items = json_object_get(schema, "items");
	const json_t *prefix = json_object_get(schema, "prefixItems");
	size_t n = item_count(m, schema, json_array_size(prefix));
	json_t *list = json_array();
	size_t outer = m->item;

	for (size_t i = 0; i < n; i++) {
		const json_t *own = json_array_get(prefix, i);

		m->item = i;
		json_array_append_new(list, make(m, own ? own : items));
	}
	m->item = outer;
	return list;
}

static bool required(const json_t *schema, const char *key)
{
	const json_t *list = json_object_get(schema, "required");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if (name && !strcmp(name, key))
			return true;
	}
	return false;
}

static json_t *make_object(struct maker *m, const json_t *schema)
{
	json_t *properties = json_object_get(schema, "properties");
	const json_t *list = json_object_get(schema, "required");
	json_t *made = json_object();
	const char *key;
	json_t *value;

	json_object_foreach(properties, key, value)
		/* Deep down only what must be there: a schema may contain itself. */
		if (m->depth < DEPTH_MAX / 2 || required(schema, key))
			json_object_set_new(made, key, make(m, value));
	for (size_t i = 0; i < json_array_size(list); i++) {
		key = json_string_value(json_array_get(list, i));
		if (key && !json_object_get(made, key))
			json_object_set_new(made, key, json_string("value"));
	}
	return made;
}

/* "#/$defs/item": each step is a member or an index. */
static const json_t *referred(const json_t *root, const char *ref)
{
	const json_t *at = root;
	char step[256];

	if (ref[0] != '#')
		return NULL;
	for (ref++; *ref == '/' && at;) {
		size_t len = strcspn(++ref, "/");

		if (len >= sizeof(step))
			return NULL;
		memcpy(step, ref, len);
		step[len] = 0;
		at = json_object_get(at, step);
		ref += len;
	}
	return at;
}

/* All members of all parts in one object; the later part wins. */
static json_t *merged(const json_t *schema, const json_t *parts)
{
	json_t *all = json_deep_copy(schema);
	json_t *properties;
	size_t i;
	json_t *part;

	json_object_del(all, "allOf");
	json_array_foreach(parts, i, part)
	{
		json_t *together = json_object();

		properties = json_object_get(all, "properties");
		if (properties)
			json_object_update(together, properties);
		if (json_object_get(part, "properties"))
			json_object_update(together, json_object_get(part, "properties"));
		json_object_update(all, part);
		json_object_set_new(all, "properties", together);
	}
	return all;
}

static const char *type_of(const json_t *schema)
{
	const json_t *type = json_object_get(schema, "type");

	for (size_t i = 0; i < json_array_size(type); i++) {
		const char *one = json_string_value(json_array_get(type, i));

		if (one && strcmp(one, "null") != 0)
			return one;
	}
	if (json_is_array(type))
		return "null";
	if (json_is_string(type))
		return json_string_value(type);
	if (json_object_get(schema, "properties") || json_object_get(schema, "required"))
		return "object";
	return json_object_get(schema, "items") ? "array" : "string";
}

/* Gemini's own schemas write types in capitals. */
static json_t *make_type(struct maker *m, const json_t *schema)
{
	struct span type = span_of(type_of(schema));

	if (span_is_nocase(type, "object"))
		return make_object(m, schema);
	if (span_is_nocase(type, "array"))
		return make_array(m, schema);
	if (span_is_nocase(type, "integer"))
		return make_integer(m, schema);
	if (span_is_nocase(type, "number"))
		return make_number(m, schema);
	if (span_is_nocase(type, "boolean"))
		return json_boolean(rng_below(m->rng, 2));
	if (span_is_nocase(type, "null"))
		return json_null();
	return make_string(m, schema);
}

/* One of a list of schemas; deep down the last, which is where recursion usually ends. */
static json_t *make_choice(struct maker *m, const json_t *list)
{
	size_t n = json_array_size(list);
	size_t i = m->depth > DEPTH_MAX / 2 ? n - 1 : 0;

	return make(m, json_array_get(list, i));
}

static json_t *make_parts(struct maker *m, const json_t *schema, const json_t *parts)
{
	json_t *all = merged(schema, parts);
	json_t *made = make(m, all);

	json_decref(all);
	return made;
}

static json_t *make_schema(struct maker *m, const json_t *schema)
{
	json_t *constant = json_object_get(schema, "const");
	json_t *list = json_object_get(schema, "enum");
	const char *ref = json_string_value(json_object_get(schema, "$ref"));

	if (constant)
		return json_deep_copy(constant);
	if (json_array_size(list))
		return json_deep_copy(
			json_array_get(list, rng_below(m->rng, json_array_size(list))));
	if (ref)
		return make(m, referred(m->root, ref));
	if (json_array_size(json_object_get(schema, "anyOf")))
		return make_choice(m, json_object_get(schema, "anyOf"));
	if (json_array_size(json_object_get(schema, "oneOf")))
		return make_choice(m, json_object_get(schema, "oneOf"));
	if (json_array_size(json_object_get(schema, "allOf")))
		return make_parts(m, schema, json_object_get(schema, "allOf"));
	return make_type(m, schema);
}

static json_t *make(struct maker *m, const json_t *schema)
{
	json_t *made;

	if (!json_is_object(schema))
		return json_string("value");
	if (m->depth == DEPTH_MAX)
		return json_null();
	m->depth++;
	made = make_schema(m, schema);
	m->depth--;
	return made;
}

json_t *schema_make(const json_t *schema, uint64_t *rng)
{
	struct maker m = {.root = schema};

	m.rng = rng;
	return json_is_object(schema) ? make(&m, schema) : json_object();
}
