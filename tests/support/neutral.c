#include "support/neutral.h"

#include <stdlib.h>
#include <string.h>

typedef struct word {
	const char *name;
	uint32_t value;
} word;

static uint32_t look_up(const word *words, const char *name)
{
	for (; words->name; words++)
		if (strcmp(words->name, name) == 0)
			return words->value;
	return 999;
}

static const word roles[] = {
	{"system", LLM_ROLE_SYSTEM},
	{"user", LLM_ROLE_USER},
	{"assistant", LLM_ROLE_ASSISTANT},
	{"tool", LLM_ROLE_TOOL},
	{NULL, 0},
};
static const word levels[] = {
	{"off", LLM_REASONING_OFF},
	{"on", LLM_REASONING_ON},
	{"low", LLM_REASONING_LOW},
	{"medium", LLM_REASONING_MEDIUM},
	{"high", LLM_REASONING_HIGH},
	{"max", LLM_REASONING_MAX},
	{NULL, 0},
};

uint32_t neutral_finish(const char *name)
{
	static const word words[] = {
		{"none", LLM_FINISH_NONE},
		{"stop", LLM_FINISH_STOP},
		{"length", LLM_FINISH_LENGTH},
		{"tool_calls", LLM_FINISH_TOOL_CALLS},
		{"content_filter", LLM_FINISH_CONTENT_FILTER},
		{"other", LLM_FINISH_OTHER},
		{NULL, 0},
	};

	return look_up(words, name);
}

uint32_t neutral_cap(const char *name)
{
	static const word words[] = {
		{"unknown", LLM_CAP_UNKNOWN},
		{"yes", LLM_CAP_YES},
		{"no", LLM_CAP_NO},
		{"accepted", LLM_CAP_ACCEPTED},
		{NULL, 0},
	};

	return look_up(words, name);
}

/* ---- pieces ---- */

static llm_bytes bytes_of(const json_t *text)
{
	return (llm_bytes){json_string_value(text), json_string_length(text)};
}

static llm_bytes dumped(plug *p, const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	llm_bytes b = {NULL, strlen(text)};

	b.ptr = plug_keep_text(p, text, b.len);
	free(text);
	return b;
}

static unsigned base64_digit(char c)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c && c != '=' ? strchr(letters, c) : NULL;

	return at ? (unsigned)(at - letters) : 0;
}

static llm_bytes from_base64(plug *p, const char *text)
{
	size_t n = strlen(text);
	char *out = plug_keep(p, n + 1);
	llm_bytes b = {out, n / 4 * 3};
	size_t i;

	for (i = 0; i + 3 < n; i += 4) {
		unsigned bits = base64_digit(text[i]) << 18 | base64_digit(text[i + 1]) << 12 |
			base64_digit(text[i + 2]) << 6 | base64_digit(text[i + 3]);

		*out++ = (char)(bits >> 16 & 255);
		*out++ = (char)(bits >> 8 & 255);
		*out++ = (char)(bits & 255);
	}
	while (n > 0 && text[--n] == '=')
		b.len--;
	return b;
}

/* Image, audio or file: KIND_base64 or KIND_url. 1 when it was one. */
static int fill_media(plug *p, const json_t *j, llm_part_view *v)
{
	static const struct {
		const char *bytes;
		const char *url;
		uint32_t kind;
	} rows[] = {
		{"image_base64", "image_url", LLM_PART_IMAGE},
		{"audio_base64", "audio_url", LLM_PART_AUDIO},
		{"file_base64", "file_url", LLM_PART_FILE},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const json_t *bytes = json_object_get(j, rows[i].bytes);
		const json_t *url = json_object_get(j, rows[i].url);

		if (!bytes && !url)
			continue;
		v->kind = rows[i].kind;
		if (bytes)
			v->data = from_base64(p, json_string_value(bytes));
		v->url = json_string_value(url);
		v->media_type = json_string_value(json_object_get(j, "media_type"));
		v->name = json_string_value(json_object_get(j, "name"));
		return 1;
	}
	return 0;
}

static void fill_opaque(plug *p, const json_t *j, llm_part_view *v)
{
	const json_t *rows = json_object_get(j, "opaque");
	const llm_opaque_view **list = plug_keep(p, (json_array_size(rows) + 1) * sizeof(*list));
	size_t i;

	v->opaque = list;
	v->n_opaque = json_array_size(rows);
	for (i = 0; i < v->n_opaque; i++) {
		const json_t *row = json_array_get(rows, i);
		llm_opaque_view *o = plug_keep(p, sizeof(*o));

		list[i] = o;
		o->struct_size = (uint32_t)sizeof(*o);
		o->provider = json_string_value(json_object_get(row, "provider"));
		o->kind = json_string_value(json_object_get(row, "kind"));
		o->data = bytes_of(json_object_get(row, "data"));
	}
}

static int fill_part(plug *p, const json_t *j, llm_part_view *v)
{
	const json_t *call = json_object_get(j, "tool_call");
	const json_t *result = json_object_get(j, "tool_result");

	v->struct_size = (uint32_t)sizeof(*v);
	fill_opaque(p, j, v);
	if (json_object_get(j, "text")) {
		v->kind = LLM_PART_TEXT;
		v->text = bytes_of(json_object_get(j, "text"));
	} else if (json_object_get(j, "reasoning")) {
		v->kind = LLM_PART_REASONING;
		v->text = bytes_of(json_object_get(j, "reasoning"));
	} else if (call || result) {
		v->kind = call ? LLM_PART_TOOL_CALL : LLM_PART_TOOL_RESULT;
		v->id = json_string_value(json_object_get(call ? call : result, "id"));
		v->name = json_string_value(json_object_get(call ? call : result, "name"));
		v->text = bytes_of(call ? json_object_get(call, "arguments") :
					  json_object_get(result, "content"));
		v->is_error = json_is_true(json_object_get(result, "is_error"));
	} else if (!fill_media(p, j, v)) {
		v->kind = LLM_PART_OPAQUE;
		return v->n_opaque ? 0 : -1;
	}
	return 0;
}

static int fill_message(plug *p, const json_t *j, llm_message_view *v)
{
	const json_t *parts = json_object_get(j, "parts");
	const llm_part_view **list;
	size_t i;

	v->struct_size = (uint32_t)sizeof(*v);
	v->role = look_up(roles, json_string_value(json_object_get(j, "role")));
	v->n_parts = json_array_size(parts);
	list = plug_keep(p, (v->n_parts + 1) * sizeof(*list));
	v->parts = list;
	for (i = 0; i < v->n_parts; i++) {
		llm_part_view *part = plug_keep(p, sizeof(*part));

		list[i] = part;
		if (fill_part(p, json_array_get(parts, i), part))
			return -1;
	}
	return v->role == 999 ? -1 : 0;
}

static int fill_messages(plug *p, const json_t *j, llm_request_view *v)
{
	const llm_message_view **list;
	size_t i;

	v->n_messages = json_array_size(j);
	list = plug_keep(p, (v->n_messages + 1) * sizeof(*list));
	v->messages = list;
	for (i = 0; i < v->n_messages; i++) {
		llm_message_view *m = plug_keep(p, sizeof(*m));

		list[i] = m;
		if (fill_message(p, json_array_get(j, i), m))
			return -1;
	}
	return 0;
}

static int fill_tools(plug *p, const json_t *j, llm_request_view *v)
{
	const llm_tool_view **list;
	size_t i;

	v->n_tools = json_array_size(j);
	list = plug_keep(p, (v->n_tools + 1) * sizeof(*list));
	v->tools = list;
	for (i = 0; i < v->n_tools; i++) {
		const json_t *tool = json_array_get(j, i);
		llm_tool_view *t = plug_keep(p, sizeof(*t));

		list[i] = t;
		t->struct_size = (uint32_t)sizeof(*t);
		t->name = json_string_value(json_object_get(tool, "name"));
		t->description = json_string_value(json_object_get(tool, "description"));
		t->strict = json_is_true(json_object_get(tool, "strict"));
		if (json_object_get(tool, "schema"))
			t->schema = dumped(p, json_object_get(tool, "schema"));
	}
	return 0;
}

static int fill_format(plug *p, const json_t *j, llm_request_view *v)
{
	if (json_is_object(j)) {
		v->format = LLM_FORMAT_SCHEMA;
		v->schema = dumped(p, json_object_get(j, "schema"));
		v->schema_name = json_string_value(json_object_get(j, "name"));
		return 0;
	}
	v->format = LLM_FORMAT_JSON;
	return strcmp(json_string_value(j), "json") == 0 ? 0 : -1;
}

static int fill_numbers(plug *p, const json_t *j, llm_request_view *v)
{
	static const struct {
		const char *name;
		uint64_t bit;
		size_t offset;
		int whole;
	} rows[] = {
		{"temperature", LLM_HAS_TEMPERATURE, offsetof(llm_request_view, temperature), 0},
		{"top_p", LLM_HAS_TOP_P, offsetof(llm_request_view, top_p), 0},
		{"min_p", LLM_HAS_MIN_P, offsetof(llm_request_view, min_p), 0},
		{"presence_penalty", LLM_HAS_PRESENCE_PENALTY,
			offsetof(llm_request_view, presence_penalty), 0},
		{"frequency_penalty", LLM_HAS_FREQUENCY_PENALTY,
			offsetof(llm_request_view, frequency_penalty), 0},
		{"repeat_penalty", LLM_HAS_REPEAT_PENALTY,
			offsetof(llm_request_view, repeat_penalty), 0},
		{"top_k", LLM_HAS_TOP_K, offsetof(llm_request_view, top_k), 1},
		{"seed", LLM_HAS_SEED, offsetof(llm_request_view, seed), 1},
		{"max_output_tokens", LLM_HAS_MAX_OUTPUT_TOKENS,
			offsetof(llm_request_view, max_output_tokens), 1},
		{"top_logprobs", LLM_HAS_TOP_LOGPROBS, offsetof(llm_request_view, top_logprobs), 1},
		{"choices", LLM_HAS_CHOICES, offsetof(llm_request_view, choices), 1},
	};
	size_t known = 0;
	size_t i;

	(void)p;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const json_t *n = json_object_get(j, rows[i].name);
		void *at = (char *)v + rows[i].offset;

		if (!n)
			continue;
		known++;
		v->has |= rows[i].bit;
		if (rows[i].whole)
			*(int64_t *)at = (int64_t)json_integer_value(n);
		else
			*(double *)at = json_number_value(n);
	}
	return known == json_object_size(j) ? 0 : -1;
}

static int fill_stop(plug *p, const json_t *j, llm_request_view *v)
{
	const char **list;
	size_t i;

	v->n_stop = json_array_size(j);
	list = plug_keep(p, (v->n_stop + 1) * sizeof(*list));
	v->stop = list;
	for (i = 0; i < v->n_stop; i++)
		list[i] = json_string_value(json_array_get(j, i));
	return 0;
}

static int fill_options(plug *p, const json_t *j, llm_request_view *v)
{
	const llm_option_view **list = plug_keep(p, (json_object_size(j) + 1) * sizeof(*list));
	const char *name;
	json_t *value;

	v->options = list;
	json_object_foreach((json_t *)(uintptr_t)j, name, value)
	{
		llm_option_view *o = plug_keep(p, sizeof(*o));

		o->struct_size = (uint32_t)sizeof(*o);
		o->name = name;
		o->json = dumped(p, value);
		list[v->n_options++] = o;
	}
	return 0;
}

static int fill_tool_choice(const json_t *j, llm_request_view *v)
{
	static const word words[] = {
		{"auto", LLM_TOOLS_AUTO},
		{"none", LLM_TOOLS_NONE},
		{"required", LLM_TOOLS_REQUIRED},
		{NULL, 0},
	};

	if (json_is_object(j)) {
		v->tool_choice = LLM_TOOLS_NAMED;
		v->tool_name = json_string_value(json_object_get(j, "name"));
		return v->tool_name ? 0 : -1;
	}
	v->tool_choice = look_up(words, json_string_value(j));
	return v->tool_choice == 999 ? -1 : 0;
}

static int fill_parallel(const json_t *j, llm_request_view *v)
{
	v->has |= LLM_HAS_PARALLEL_TOOLS;
	v->parallel_tools = json_is_true(j);
	return 0;
}

static int fill_member(plug *p, const char *name, const json_t *j, llm_request_view *v)
{
	if (strcmp(name, "model") == 0)
		v->model = json_string_value(j);
	else if (strcmp(name, "messages") == 0)
		return fill_messages(p, j, v);
	else if (strcmp(name, "tools") == 0)
		return fill_tools(p, j, v);
	else if (strcmp(name, "format") == 0)
		return fill_format(p, j, v);
	else if (strcmp(name, "numbers") == 0)
		return fill_numbers(p, j, v);
	else if (strcmp(name, "stop") == 0)
		return fill_stop(p, j, v);
	else if (strcmp(name, "reasoning") == 0)
		v->reasoning = look_up(levels, json_string_value(j));
	else if (strcmp(name, "logprobs") == 0)
		v->logprobs = json_is_true(j);
	else if (strcmp(name, "tool_choice") == 0)
		return fill_tool_choice(j, v);
	else if (strcmp(name, "parallel_tools") == 0)
		return fill_parallel(j, v);
	else if (strcmp(name, "end_user") == 0)
		v->end_user = json_string_value(j);
	else if (strcmp(name, "options") == 0)
		return fill_options(p, j, v);
	else if (strcmp(name, "extra") == 0)
		v->extra = dumped(p, j);
	else
		return -1;
	return v->reasoning == 999 ? -1 : 0;
}

int neutral_view(plug *p, const json_t *request, int stream, llm_request_view *ret)
{
	const char *name;
	json_t *value;

	memset(ret, 0, sizeof(*ret));
	ret->struct_size = (uint32_t)sizeof(*ret);
	ret->stream = stream != 0;
	ret->choices = 1;
	json_object_foreach((json_t *)(uintptr_t)request, name,
		value) if (fill_member(p, name, value, ret)) return -1;
	return 0;
}

/* ---- comparing ---- */

json_t *neutral_json(const char *text)
{
	char *copy = strdup(text);
	json_t *j;
	char *c;

	if (!copy)
		abort();
	for (c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	j = json_loads(copy, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	free(copy);
	return j;
}

static int same_objects(const json_t *a, const json_t *b)
{
	const char *name;
	json_t *value;

	if (json_object_size(a) != json_object_size(b))
		return 0;
	json_object_foreach((json_t *)(uintptr_t)a, name,
		value) if (!neutral_same(value, json_object_get(b, name))) return 0;
	return 1;
}

static int same_arrays(const json_t *a, const json_t *b)
{
	size_t i;

	if (json_array_size(a) != json_array_size(b))
		return 0;
	for (i = 0; i < json_array_size(a); i++)
		if (!neutral_same(json_array_get(a, i), json_array_get(b, i)))
			return 0;
	return 1;
}

int neutral_same(const json_t *a, const json_t *b)
{
	if (!a || !b)
		return a == b;
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	if (json_is_object(a) && json_is_object(b))
		return same_objects(a, b);
	if (json_is_array(a) && json_is_array(b))
		return same_arrays(a, b);
	return json_equal(a, b);
}
