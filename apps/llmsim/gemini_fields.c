#include <string.h>

#include "gemini.h"

enum kind { ANY, TEXT, NUMBER, FLAG, TEXTS, MAP, ONE, LIST, NAMED };

struct field {
	const char *name;
	enum kind kind;
	const struct field *inside; /* of ONE, of each in LIST, of each value in NAMED */
};

#define END \
	{ \
		NULL, ANY, NULL \
	}

static const struct field schema[] = {{"type", TEXT, NULL}, {"format", TEXT, NULL},
	{"title", TEXT, NULL}, {"description", TEXT, NULL}, {"nullable", FLAG, NULL},
	{"enum", TEXTS, NULL}, {"items", ONE, schema}, {"minItems", NUMBER, NULL},
	{"maxItems", NUMBER, NULL}, {"properties", NAMED, schema}, {"required", TEXTS, NULL},
	{"minProperties", NUMBER, NULL}, {"maxProperties", NUMBER, NULL}, {"minimum", NUMBER, NULL},
	{"maximum", NUMBER, NULL}, {"minLength", NUMBER, NULL}, {"maxLength", NUMBER, NULL},
	{"pattern", TEXT, NULL}, {"example", ANY, NULL}, {"anyOf", LIST, schema},
	{"propertyOrdering", TEXTS, NULL}, {"default", ANY, NULL}, END};

static const struct field blob[] = {
	{"mimeType", TEXT, NULL}, {"data", TEXT, NULL}, {"displayName", TEXT, NULL}, END};
static const struct field file[] = {
	{"mimeType", TEXT, NULL}, {"fileUri", TEXT, NULL}, {"displayName", TEXT, NULL}, END};
static const struct field call[] = {
	{"name", TEXT, NULL}, {"args", MAP, NULL}, {"id", TEXT, NULL}, END};
static const struct field response_part[] = {
	{"inlineData", ONE, blob}, {"fileData", ONE, file}, END};
static const struct field response[] = {{"name", TEXT, NULL}, {"response", MAP, NULL},
	{"id", TEXT, NULL}, {"parts", LIST, response_part}, {"willContinue", FLAG, NULL},
	{"scheduling", TEXT, NULL}, END};

static const struct field part[] = {{"text", TEXT, NULL}, {"inlineData", ONE, blob},
	{"fileData", ONE, file}, {"functionCall", ONE, call}, {"functionResponse", ONE, response},
	{"executableCode", MAP, NULL}, {"codeExecutionResult", MAP, NULL}, {"toolCall", MAP, NULL},
	{"toolResponse", MAP, NULL}, {"thought", FLAG, NULL}, {"thoughtSignature", TEXT, NULL},
	{"mediaResolution", ANY, NULL}, {"videoMetadata", MAP, NULL}, {"partMetadata", MAP, NULL},
	END};
static const struct field content[] = {{"role", TEXT, NULL}, {"parts", LIST, part}, END};

static const struct field function[] = {{"name", TEXT, NULL}, {"description", TEXT, NULL},
	{"parameters", ONE, schema}, {"parametersJsonSchema", MAP, NULL}, {"response", ONE, schema},
	{"responseJsonSchema", MAP, NULL}, {"behavior", TEXT, NULL}, END};
static const struct field tool[] = {{"functionDeclarations", LIST, function},
	{"googleSearch", MAP, NULL}, {"urlContext", MAP, NULL}, {"codeExecution", MAP, NULL},
	{"fileSearch", MAP, NULL}, {"googleMaps", MAP, NULL}, {"computerUse", MAP, NULL},
	{"mcpServers", ANY, NULL}, END};
static const struct field calling[] = {
	{"mode", TEXT, NULL}, {"allowedFunctionNames", TEXTS, NULL}, END};
static const struct field tool_config[] = {{"functionCallingConfig", ONE, calling},
	{"retrievalConfig", MAP, NULL}, {"includeServerSideToolInvocations", FLAG, NULL}, END};
static const struct field safety[] = {{"category", TEXT, NULL}, {"threshold", TEXT, NULL}, END};
static const struct field thinking[] = {{"thinkingLevel", TEXT, NULL},
	{"thinkingBudget", NUMBER, NULL}, {"includeThoughts", FLAG, NULL}, END};

static const struct field generation[] = {{"maxOutputTokens", NUMBER, NULL},
	{"temperature", NUMBER, NULL}, {"topP", NUMBER, NULL}, {"topK", NUMBER, NULL},
	{"candidateCount", NUMBER, NULL}, {"stopSequences", TEXTS, NULL}, {"seed", NUMBER, NULL},
	{"presencePenalty", NUMBER, NULL}, {"frequencyPenalty", NUMBER, NULL},
	{"responseMimeType", TEXT, NULL}, {"responseSchema", ONE, schema},
	{"responseJsonSchema", MAP, NULL}, {"responseModalities", TEXTS, NULL},
	{"responseLogprobs", FLAG, NULL}, {"logprobs", NUMBER, NULL},
	{"thinkingConfig", ONE, thinking}, {"mediaResolution", TEXT, NULL},
	{"speechConfig", MAP, NULL}, {"imageConfig", MAP, NULL},
	{"audioTranscriptionConfig", MAP, NULL}, {"enableEnhancedCivicAnswers", FLAG, NULL}, END};

static const struct field generate[] = {{"contents", LIST, content},
	{"systemInstruction", ONE, content}, {"tools", LIST, tool},
	{"toolConfig", ONE, tool_config}, {"safetySettings", LIST, safety},
	{"generationConfig", ONE, generation}, {"cachedContent", TEXT, NULL},
	{"serviceTier", TEXT, NULL}, {"model", TEXT, NULL}, END};
static const struct field count[] = {
	{"contents", LIST, content}, {"generateContentRequest", ONE, generate}, END};
static const struct field embed[] = {{"model", TEXT, NULL}, {"content", ONE, content},
	{"taskType", TEXT, NULL}, {"title", TEXT, NULL}, {"outputDimensionality", NUMBER, NULL},
	END};
static const struct field batch[] = {{"requests", LIST, embed}, END};

static char lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c;
}

/* "maxItems" as "max_items" */
static void snake(struct bytes *b, const char *name)
{
	for (; *name; name++) {
		char c = lower(*name);

		bytes_add(b, "_", c != *name);
		bytes_add(b, &c, 1);
	}
}

json_t *gemini_get(const json_t *object, const char *name)
{
	json_t *v = ask_get(object, name);
	struct bytes other = {0};

	if (v)
		return v;
	snake(&other, name);
	v = ask_get(object, other.data);
	bytes_done(&other);
	return v;
}

/* Is key this name, or the same with underscores? */
static bool is_name(const char *name, const char *key)
{
	const char *k = key;

	if (!strcmp(name, key))
		return true;
	for (; *name; name++) {
		if (lower(*name) != *name && *k++ != '_')
			return false;
		if (*k++ != lower(*name))
			return false;
	}
	return !*k;
}

static const struct field *find(const struct field *fields, const char *key)
{
	for (; fields->name; fields++)
		if (is_name(fields->name, key))
			return fields;
	return NULL;
}

static void unknown(struct fault *f, const char *key, const struct bytes *at)
{
	bool top = !at->len;

	fault_set(f, 400,
		"Invalid JSON payload received. Unknown name \"%.100s\"%s%.200s%s: "
		"Cannot find field.",
		key, top ? "" : " at '", top ? "" : at->data, top ? "" : "'");
	f->where.len = 0;
	bytes_text(&f->where, top ? "" : at->data);
}

static bool is_list_of_text(const json_t *v)
{
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!json_is_string(json_array_get(v, i)))
			return false;
	return json_is_array(v);
}

static bool fits(const json_t *v, enum kind kind)
{
	switch (kind) {
	case TEXT:
		return json_is_string(v);
	case NUMBER:
		return json_is_number(v);
	case FLAG:
		return json_is_boolean(v);
	case TEXTS:
		return is_list_of_text(v);
	case LIST:
		return json_is_array(v);
	case MAP:
	case ONE:
	case NAMED:
		return json_is_object(v);
	default:
		return true;
	}
}

static void misfit(struct fault *f, const struct bytes *at, const json_t *v)
{
	fault_set(f, 400, "Invalid value at '%.200s' (%s), Cannot convert this value.", at->data,
		ask_kind(v));
	f->where.len = 0;
	bytes_text(&f->where, at->data);
}

static void object(const json_t *v, const struct field *fields, struct bytes *at, struct fault *f);

static void cut(struct bytes *at, size_t len)
{
	at->len = len;
	at->data[len] = 0;
}

static void list(const json_t *v, const struct field *inside, struct bytes *at, struct fault *f)
{
	size_t len = at->len;

	for (size_t i = 0; i < json_array_size(v) && !f->status; i++) {
		const json_t *one = json_array_get(v, i);

		bytes_format(at, "[%zu]", i);
		if (json_is_object(one))
			object(one, inside, at, f);
		else
			misfit(f, at, one);
		cut(at, len);
	}
}

static void named(json_t *v, const struct field *inside, struct bytes *at, struct fault *f)
{
	size_t len = at->len;
	const char *key;
	json_t *one;

	json_object_foreach(v, key, one)
	{
		if (f->status)
			return;
		bytes_format(at, "[%.60s].value", key);
		if (json_is_object(one))
			object(one, inside, at, f);
		else
			misfit(f, at, one);
		cut(at, len);
	}
}

static void value(json_t *v, const struct field *k, struct bytes *at, struct fault *f)
{
	if (json_is_null(v))
		return;
	if (!fits(v, k->kind))
		misfit(f, at, v);
	else if (k->kind == ONE)
		object(v, k->inside, at, f);
	else if (k->kind == LIST)
		list(v, k->inside, at, f);
	else if (k->kind == NAMED)
		named(v, k->inside, at, f);
}

static void object(const json_t *v, const struct field *fields, struct bytes *at, struct fault *f)
{
	size_t len = at->len;
	const char *key;
	json_t *one;

	json_object_foreach((json_t *)v, key, one)
	{
		const struct field *k = find(fields, key);

		if (f->status)
			return;
		if (!k) {
			unknown(f, key, at);
			return;
		}
		bytes_text(at, len ? "." : "");
		snake(at, k->name);
		value(one, k, at, f);
		cut(at, len);
	}
}

void gemini_fields(const json_t *ask, enum gemini_body kind, struct fault *f)
{
	static const struct field *const bodies[] = {generate, count, embed, batch};
	struct bytes at = {0};

	object(ask, bodies[kind], &at, f);
	bytes_done(&at);
}
