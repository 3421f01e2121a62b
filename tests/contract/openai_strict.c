/*
 * openai.so: which schemas are sent as strict. Seen from outside, by the request that is
 * built and the warning that says why.
 */
#include "openai_help.h"

TestSuite(openai_strict, .init = set_up, .fini = tear_down);

/* `why` null: it is strict. The schema is JSON. */
static void judged(const char *schema, const char *why)
{
	static llm_request_view v;
	json_t *body;
	const json_t *format;

	v = (llm_request_view){.struct_size = (uint32_t)sizeof(v),
		.model = "m",
		.format = LLM_FORMAT_SCHEMA,
		.schema = {schema, strlen(schema)},
		.choices = 1};
	rq = v;
	cr_assert_eq(build(), 0, "%s", p.error.ptr);
	body = json_loads(http.body.ptr, 0, NULL);
	format = json_object_get(json_object_get(body, "response_format"), "json_schema");
	cr_expect_eq(
		json_is_true(json_object_get(format, "strict")), why == NULL, "%.300s", schema);
	cr_expect_eq(http.n_warnings, why ? 1u : 0u);
	if (why)
		has_warning(why);
	json_decref(body);
}

static void judge(const char *schema, const char *why)
{
	char *copy = plug_keep_text(&p, schema, strlen(schema));
	char *c;

	for (c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	judged(copy, why);
}

/* An object with one property of that schema. */
#define WITH(schema) \
	"{'type':'object','properties':{'a':" schema "},'required':['a']," \
	"'additionalProperties':false}"
#define EMPTY "{'type':'object','properties':{},'required':[],'additionalProperties':false}"

Test(openai_strict, schemas_that_are_strict)
{
	static const char *const schemas[] = {
		EMPTY,
		WITH("{'type':'string'}"),
		WITH("{'type':['string','null'],'description':'d','title':'t'}"),
		WITH("{'type':'string','pattern':'a','format':'date-time'}"),
		WITH("{'type':'number','minimum':1,'maximum':2,'exclusiveMinimum':0,"
		     "'exclusiveMaximum':3,'multipleOf':1}"),
		WITH("{'type':'array','items':{'type':'string'},'minItems':1,'maxItems':2}"),
		WITH("{'enum':['a','b',null]}"),
		WITH("{'const':1}"),
		WITH("{'anyOf':[{'type':'string'}," EMPTY "]}"),
		WITH("{'$ref':'#'}"),
		WITH(WITH("{'type':'boolean'}")),
		("{'$schema':'x','type':'object','properties':{'a':{'$ref':'#/$defs/b'}},"
		 "'required':['a'],'additionalProperties':false,'$defs':{'b':" EMPTY "}}"),
		("{'additionalProperties':false,'required':['b','a'],'properties':{'a':{'type':"
		 "'null'},'b':{'type':'null'}},'type':'object'}"),
	};
	size_t i;

	for (i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++)
		judge(schemas[i], NULL);
}

Test(openai_strict, schemas_that_break_a_rule)
{
	static const char *const rows[][2] = {
		{"{}", "the root is an object"},
		{"{'type':'string'}", "the root is an object"},
		{"{'type':'object','additionalProperties':false,'anyOf':[]}", "no anyOf"},
		{"{'type':'object','properties':{}}", "additionalProperties false"},
		{"{'type':'object','additionalProperties':true}", "additionalProperties false"},
		{"{'type':'object','additionalProperties':{}}", "additionalProperties false"},
		{WITH("{'type':'object'}"), "additionalProperties false"},
		{WITH("{'type':['object','null'],'properties':{}}"), "additionalProperties false"},
		{WITH("{'type':'array','items':{'type':'object'}}"), "additionalProperties false"},
		{WITH("{'anyOf':[{'type':'object'}]}"), "additionalProperties false"},
		{"{'type':'object','properties':{'a':{'type':'null'}},"
		 "'additionalProperties':false}",
			"listed in required"},
		{"{'type':'object','properties':{'a':{'type':'null'}},'required':['b'],"
		 "'additionalProperties':false}",
			"listed in required"},
		{"{'type':'object','properties':{'a':{'type':'null'}},'required':'a',"
		 "'additionalProperties':false}",
			"listed in required"},
		{WITH("{}"), "a type"},
		{WITH("true"), "every schema is an object"},
		{WITH("{'type':'array'}"), "what its items are"},
		{WITH("{'type':'string','minLength':1}"), "no other keywords"},
		{WITH("{'type':'string','default':'a'}"), "no other keywords"},
		{WITH("{'type':'string','not':{}}"), "no other keywords"},
		{WITH("{'type':'string','allOf':[]}"), "no other keywords"},
		{WITH("{'type':'string','if':{}}"), "no other keywords"},
		{WITH("{'type':'string','dependentRequired':{}}"), "no other keywords"},
		{WITH("{'type':'string','oneOf':[]}"), "no other keywords"},
		{WITH("{'type':'string','format':'uri'}"), "format is one"},
		{WITH("{'enum':1}"), "enum is a list"},
		{WITH("{'anyOf':1}"), "anyOf is a list"},
		{"{'type':'object','additionalProperties':false,'properties':[1]}", "are objects"},
		{"{'type':'object','additionalProperties':false,'$defs':{'a':{'type':'object'}}}",
			"additionalProperties false"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		judge(rows[i][0], rows[i][1]);
}

/* `n` levels of objects below the root. */
static const char *nested(size_t n)
{
	static char text[4000];
	size_t used = 0;
	size_t i;

	for (i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"{'type':'object','required':['a'],'additionalProperties':false,"
			"'properties':{'a':");
	used += (size_t)snprintf(text + used, sizeof(text) - used, "{'type':'null'}");
	for (i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "}}");
	return text;
}

Test(openai_strict, depth)
{
	judge(nested(10), NULL);
	judge(nested(11), "10 levels");
	judge(nested(30), "10 levels");
}

/* A schema with `n` texts of `len` characters in an enum. */
static const char *listed(size_t n, size_t len)
{
	plug_text t = {NULL, 0};
	char item[200];
	size_t i;
	char *copy;

	plug_add(&t,
		"{\"type\":\"object\",\"required\":[\"a\"],\"additionalProperties\":false,"
		"\"properties\":{\"a\":{\"enum\":[\"x\"",
		93);
	for (i = 1; i < n; i++) {
		snprintf(item, sizeof(item), ",\"%0*zu\"", (int)len, i);
		plug_add(&t, item, strlen(item));
	}
	plug_add(&t, "]}}}", 4);
	copy = plug_keep_text(&p, t.ptr, t.len);
	plug_clear(&t);
	return copy;
}

Test(openai_strict, sizes)
{
	plug_text t = {NULL, 0};
	size_t i;

	judged(listed(1000, 1), NULL);
	judged(listed(1001, 1), "1000 values");
	judged(listed(250, 100), NULL);
	judged(listed(260, 100), "15000 characters");
	judged(listed(900, 130), "15000 characters");
	plug_add(&t, "{\"type\":\"object\",\"title\":\"", 26);
	for (i = 0; i < 120000; i++)
		plug_add(&t, "x", 1);
	plug_add(&t, "\",\"properties\":{},\"additionalProperties\":false}", 47);
	judged(plug_keep_text(&p, t.ptr, t.len), "120000 characters");
	plug_clear(&t);
}

/* `n` properties, and their names in `required`, forwards or backwards. */
static const char *with_properties(size_t n, int backwards)
{
	plug_text t = {NULL, 0};
	char item[64];
	char *copy;
	size_t i;

	plug_add(&t, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{", 60);
	for (i = 0; i < n; i++) {
		snprintf(item, sizeof(item), "%s\"%zx\":{\"$ref\":0}", i ? "," : "", i);
		plug_add(&t, item, strlen(item));
	}
	plug_add(&t, "},\"required\":[", 14);
	for (i = 0; i < n; i++) {
		snprintf(item, sizeof(item), "%s\"%zx\"", i ? "," : "", backwards ? n - 1 - i : i);
		plug_add(&t, item, strlen(item));
	}
	plug_add(&t, "]}", 2);
	copy = plug_keep_text(&p, t.ptr, t.len);
	plug_clear(&t);
	return copy;
}

Test(openai_strict, number_of_properties)
{
	judged(with_properties(5000, 0), NULL);
	judged(with_properties(5001, 0), "5000 properties");
	judged(with_properties(400, 1), NULL);
}
