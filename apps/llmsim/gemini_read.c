#include <stdlib.h>
#include <string.h>

#include "gemini.h"
#include "models.h"
#include "options.h"
#include "server.h"

/* ---- words ---- */

/* What a function gave back reads as its text, or as JSON. */
static void add_response(struct bytes *b, const json_t *response)
{
	const json_t *given = gemini_get(response, "response");
	const json_t *output = gemini_get(given, "output");
	char *text;

	if (!output)
		output = gemini_get(given, "error");
	if (!output)
		output = given;
	if (json_is_string(output)) {
		ask_text(b, output);
		return;
	}
	text = json_dumps(output, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text && b->len)
		bytes_text(b, "\n");
	bytes_text(b, text ? text : "");
	free(text);
}

static void add_parts(struct bytes *b, const json_t *content)
{
	const json_t *parts = gemini_get(content, "parts");

	for (size_t i = 0; i < json_array_size(parts); i++) {
		const json_t *one = json_array_get(parts, i);
		const json_t *response = gemini_get(one, "functionResponse");

		if (!json_is_true(gemini_get(one, "thought")))
			ask_text(b, gemini_get(one, "text"));
		if (response)
			add_response(b, response);
	}
}

void gemini_prompt(struct bytes *b, const json_t *ask)
{
	const json_t *contents = gemini_get(ask, "contents");

	add_parts(b, gemini_get(ask, "systemInstruction"));
	for (size_t i = 0; i < json_array_size(contents); i++)
		add_parts(b, json_array_get(contents, i));
}

static void read_words(struct gemini_job *j)
{
	const json_t *contents = gemini_get(j->ask, "contents");
	const json_t *last = json_array_get(contents, json_array_size(contents) - 1);
	const char *role = json_string_value(gemini_get(last, "role"));
	struct bytes own = {0};

	gemini_prompt(&j->q.prompt, j->ask);
	if ((role && !strcmp(role, "model")) || gemini_count(last, "functionResponse"))
		return;
	add_parts(&own, last); /* the prompt ends with it */
	if (own.len)
		j->q.last_user = (struct span){
			j->q.prompt.data + j->q.prompt.len - own.len, own.len};
	bytes_done(&own);
}

/* ---- tools ---- */

static bool allowed(const json_t *names, const char *name)
{
	for (size_t i = 0; i < json_array_size(names); i++)
		if (name && !strcmp(json_string_value(json_array_get(names, i)), name))
			return true;
	return !json_array_size(names);
}

static void add_functions(struct gemini_job *j, const json_t *list, const json_t *names)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *name = json_string_value(gemini_get(one, "name"));
		json_t *schema = gemini_get(one, "parametersJsonSchema");

		if (!schema)
			schema = gemini_get(one, "parameters");
		if (name && allowed(names, name))
			json_array_append_new(j->tools,
				json_pack("{s:{s:s, s:O*}}", "function", "name", name, "parameters",
					schema));
	}
}

static void read_tools(struct gemini_job *j)
{
	const json_t *config = gemini_get(
		gemini_get(j->ask, "toolConfig"), "functionCallingConfig");
	const char *mode = json_string_value(gemini_get(config, "mode"));
	const json_t *list = gemini_get(j->ask, "tools");

	if (mode && span_is_nocase(span_of(mode), "none"))
		return;
	j->tools = json_array();
	for (size_t i = 0; i < json_array_size(list); i++)
		add_functions(j, gemini_get(json_array_get(list, i), "functionDeclarations"),
			gemini_get(config, "allowedFunctionNames"));
	j->q.tools = j->tools;
	if (mode && span_is_nocase(span_of(mode), "any"))
		j->q.forced = "";
}

/* ---- the configuration ---- */

static bool thinks(const struct gemini_job *j, const json_t *config)
{
	const json_t *budget = gemini_get(config, "thinkingBudget");
	const char *level = json_string_value(gemini_get(config, "thinkingLevel"));

	if (!(j->model->can & CAN_THINKING))
		return false;
	if (level)
		return !span_is_nocase(span_of(level), "minimal");
	if (budget)
		return json_integer_value(budget) != 0;
	return j->model->thinks || j->thoughts;
}

static void read_format(struct gemini_job *j, const json_t *config)
{
	const char *mime = json_string_value(gemini_get(config, "responseMimeType"));

	if (!mime || !strcmp(mime, "text/plain"))
		return;
	j->q.bare = !strcmp(mime, "text/x.enum");
	j->q.json = true;
	j->q.schema = gemini_get(config, "responseJsonSchema");
	if (!j->q.schema)
		j->q.schema = gemini_get(config, "responseSchema");
}

void gemini_read(struct gemini_job *j)
{
	const json_t *config = gemini_get(j->ask, "generationConfig");
	const json_t *thinking = gemini_get(config, "thinkingConfig");
	const json_t *seed = gemini_get(config, "seed");

	j->q.opt = j->srv->opt;
	j->q.faults = j->srv->models.faults;
	j->q.model = j->model->name;
	j->q.seed = seed ? (uint64_t)json_integer_value(seed) : j->srv->opt->seed;
	j->q.limit = (uint64_t)json_number_value(gemini_get(config, "maxOutputTokens"));
	j->q.stop = gemini_get(config, "stopSequences");
	j->thoughts = json_is_true(gemini_get(thinking, "includeThoughts"));
	j->q.think = thinks(j, thinking);
	read_words(j);
	read_tools(j);
	read_format(j, config);
}
