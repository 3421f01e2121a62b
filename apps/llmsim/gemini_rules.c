#include <stdio.h>
#include <string.h>

#include "gemini.h"
#include "models.h"

static const struct {
	const char *name; /* how it begins; the first that fits counts */
	unsigned rules;
} generations[] = {
	{"gemini-2.", GEMINI_OLD | GEMINI_PREFILL},
	{"gemini-3.5-flash-lite", 0},
	{"gemini-3.5", GEMINI_PREFILL},
	{"gemini-3.1-pro", GEMINI_PREFILL | GEMINI_NO_MINIMAL},
	{"gemini-3.1", GEMINI_PREFILL},
	{"gemini-3-", GEMINI_PREFILL},
	{"gemini-3.7", GEMINI_NO_MINIMAL},
	{"gemini-3.8", GEMINI_NO_MINIMAL},
	{"gemini-4", GEMINI_NO_MINIMAL | GEMINI_NO_BUDGET},
};

unsigned gemini_rules_of(const char *model)
{
	for (size_t i = 0; i < sizeof(generations) / sizeof(generations[0]); i++)
		if (!strncmp(model, generations[i].name, strlen(generations[i].name)))
			return generations[i].rules;
	return 0;
}

size_t gemini_count(const json_t *content, const char *member)
{
	const json_t *parts = gemini_get(content, "parts");
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(parts); i++)
		n += gemini_get(json_array_get(parts, i), member) != NULL;
	return n;
}

static const char *role_of(const json_t *content)
{
	const char *role = json_string_value(gemini_get(content, "role"));

	return role && *role ? role : "user";
}

static bool is_model(const json_t *content)
{
	return !strcmp(role_of(content), "model");
}

/* ---- parts ---- */

static void part(const json_t *one, size_t i, size_t k, struct fault *f)
{
	static const char *const data[] = {"text", "inlineData", "fileData", "functionCall",
		"functionResponse", "executableCode", "codeExecutionResult", "toolCall",
		"toolResponse"};
	const json_t *inline_data = gemini_get(one, "inlineData");
	const json_t *bytes = gemini_get(inline_data, "data");
	size_t n = 0;

	for (size_t d = 0; d < sizeof(data) / sizeof(data[0]); d++)
		n += gemini_get(one, data[d]) != NULL;
	if (!n)
		fault_set(f, 400,
			"* GenerateContentRequest.contents[%zu].parts[%zu].data: required oneof "
			"field 'data' must have one initialized field\n",
			i, k);
	else if (n > 1)
		fault_set(f, 400,
			"Invalid value at 'contents[%zu].parts[%zu]' (oneof), oneof field 'data' "
			"is already set.",
			i, k);
	else if (inline_data &&
		base64_bad(json_string_value(bytes), json_string_length(bytes)) !=
			json_string_length(bytes))
		fault_set(f, 400,
			"Invalid value at 'contents[%zu].parts[%zu].inline_data.data' "
			"(TYPE_BYTES), Base64 decoding failed",
			i, k);
}

static void parts(const json_t *content, size_t i, struct fault *f)
{
	const json_t *list = gemini_get(content, "parts");

	if (!json_array_size(list))
		fault_set(f, 400,
			"* GenerateContentRequest.contents[%zu].parts: contents.parts must not be "
			"empty.\n",
			i);
	for (size_t k = 0; k < json_array_size(list) && !f->status; k++)
		part(json_array_get(list, k), i, k, f);
}

/* ---- turns ---- */

static const json_t *next_part(const json_t *content, const char *member, size_t *at)
{
	const json_t *list = gemini_get(content, "parts");

	while (*at < json_array_size(list)) {
		const json_t *v = gemini_get(json_array_get(list, (*at)++), member);

		if (v)
			return v;
	}
	return NULL;
}

/* With ids a result may stand anywhere in its turn; without, only in order. */
static bool answers(const json_t *call, const json_t *turn)
{
	const char *id = json_string_value(gemini_get(call, "id"));
	size_t at = 0;
	const json_t *one;

	if (!id)
		return true;
	while ((one = next_part(turn, "functionResponse", &at))) {
		const char *own = json_string_value(gemini_get(one, "id"));

		if (!own || !strcmp(own, id))
			return true;
	}
	return false;
}

static void results(const json_t *calls, const json_t *turn, struct fault *f)
{
	const json_t *call;
	size_t at = 0;

	if (is_model(turn) ||
		gemini_count(calls, "functionCall") != gemini_count(turn, "functionResponse")) {
		fault_set(f, 400,
			"Please ensure that the number of function response parts is equal to the "
			"number of function call parts of the function call turn.");
		return;
	}
	while (!f->status && (call = next_part(calls, "functionCall", &at)))
		if (!answers(call, turn))
			fault_set(f, 400, "functionResponse.id does not match functionCall.id");
}

static void turn(const json_t *contents, size_t i, struct fault *f)
{
	const json_t *now = json_array_get(contents, i);
	const json_t *before = i ? json_array_get(contents, i - 1) : NULL;
	const json_t *after = json_array_get(contents, i + 1);

	if (gemini_count(now, "functionResponse") &&
		(!before || !gemini_count(before, "functionCall")))
		fault_set(f, 400,
			"Please ensure that function response turn comes immediately after a "
			"function call turn.");
	else if (gemini_count(now, "functionCall") &&
		(!is_model(now) || !before || is_model(before)))
		fault_set(f, 400,
			"Please ensure that function call turn comes immediately after a user turn "
			"or after a function response turn.");
	else if (gemini_count(now, "functionCall") && after)
		results(now, after, f);
}

static void turns(const struct gemini_job *j, const json_t *contents, struct fault *f)
{
	size_t n = json_array_size(contents);

	for (size_t i = 0; i < n && !f->status; i++) {
		const char *role = role_of(json_array_get(contents, i));

		if (strcmp(role, "user") != 0 && strcmp(role, "model") != 0)
			fault_set(f, 400, "Please use a valid role: user, model.");
		else
			parts(json_array_get(contents, i), i, f);
	}
	for (size_t i = 0; i < n && !f->status; i++)
		turn(contents, i, f);
	if (f->status)
		return;
	if (is_model(json_array_get(contents, 0)))
		fault_set(f, 400, "Please ensure that multiturn requests start with a user turn.");
	else if (is_model(json_array_get(contents, n - 1)) && !(j->rules & GEMINI_PREFILL))
		fault_set(f, 400, "Requests ending with a model turn are not supported.");
}

/* ---- signatures ---- */

/* The current turn begins with the last thing that the user said, not returned. */
static size_t current(const json_t *contents)
{
	for (size_t i = json_array_size(contents); i > 0; i--) {
		const json_t *one = json_array_get(contents, i - 1);

		if (!is_model(one) && !gemini_count(one, "functionResponse"))
			return i;
	}
	return 0;
}

static void unsigned_call(struct fault *f, const json_t *call, size_t i)
{
	const char *name = json_string_value(gemini_get(call, "name"));

	fault_set(f, 400,
		"Function call is missing a thought_signature in functionCall parts. This is "
		"required for tools to work correctly, and missing thought_signature may lead to "
		"degraded model performance. Additional data, function call "
		"`default_api:%.64s` , position %zu.",
		name ? name : "", i + 1);
}

static void step(const json_t *content, size_t i, struct fault *f)
{
	const json_t *list = gemini_get(content, "parts");

	for (size_t k = 0; k < json_array_size(list); k++) {
		const json_t *one = json_array_get(list, k);
		const json_t *call = gemini_get(one, "functionCall");
		const char *text = json_string_value(gemini_get(one, "thoughtSignature"));
		json_t *own;

		if (!call)
			continue;
		if (!text || !*text) {
			unsigned_call(f, call, i);
			return;
		}
		own = gemini_call_signature(gemini_get(call, "name"), gemini_get(call, "args"));
		/* Others come from other models; whether they are sound we cannot know. */
		if (gemini_own_signature(text) && strcmp(text, json_string_value(own)) != 0)
			fault_set(f, 400, "Corrupted thought signature.");
		json_decref(own);
		return;
	}
}

static void signatures(const struct gemini_job *j, const json_t *contents, struct fault *f)
{
	if (j->rules & GEMINI_OLD)
		return;
	for (size_t i = current(contents); i < json_array_size(contents) && !f->status; i++)
		if (is_model(json_array_get(contents, i)))
			step(json_array_get(contents, i), i, f);
}

/* ---- the configuration ---- */

static bool is_level(const char *level, const char *name)
{
	return level && span_is_nocase(span_of(level), name);
}

static void thinking(const struct gemini_job *j, const json_t *config, struct fault *f)
{
	const json_t *budget = gemini_get(config, "thinkingBudget");
	const char *level = json_string_value(gemini_get(config, "thinkingLevel"));
	bool known = is_level(level, "minimal") || is_level(level, "low") ||
		is_level(level, "medium") || is_level(level, "high");

	if (budget && level)
		fault_set(
			f, 400, "You can only set only one of thinking budget and thinking level.");
	else if ((budget || level) && !(j->model->can & CAN_THINKING))
		fault_set(f, 400, "Thinking is not enabled for this model.");
	else if (budget && (j->rules & GEMINI_NO_BUDGET))
		fault_set(f, 400,
			"Thinking budget is not supported for this model. Use thinking level "
			"instead.");
	else if (level && (j->rules & GEMINI_OLD))
		fault_set(f, 400, "Thinking level is not supported for this model.");
	else if (level && !known)
		fault_set(f, 400,
			"Invalid value at 'generation_config.thinking_config.thinking_level' "
			"(TYPE_ENUM), \"%.60s\"",
			level);
	else if (is_level(level, "minimal") && (j->rules & GEMINI_NO_MINIMAL))
		fault_set(f, 400,
			"Thinking level MINIMAL is not supported for this model. Please retry with "
			"other thinking level.");
}

static bool has_functions(const json_t *ask)
{
	const json_t *list = gemini_get(ask, "tools");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (gemini_get(json_array_get(list, i), "functionDeclarations"))
			return true;
	return false;
}

static void format(const struct gemini_job *j, const json_t *config, struct fault *f)
{
	const char *mime = json_string_value(gemini_get(config, "responseMimeType"));
	const json_t *own = gemini_get(config, "responseSchema");
	const json_t *schema = gemini_get(config, "responseJsonSchema");
	bool json = mime && !strcmp(mime, "application/json");
	bool list = mime && !strcmp(mime, "text/x.enum");

	if (mime && !json && !list && strcmp(mime, "text/plain") != 0)
		fault_set(f, 400,
			"* GenerateContentRequest.generation_config.response_mime_type: allowed "
			"mimetypes are `text/plain`, `application/json`, `text/x.enum`.\n");
	else if (own && schema)
		fault_set(
			f, 400, "Only one of response_schema and response_json_schema may be set.");
	else if ((own || schema) && !json && !list)
		fault_set(f, 400,
			"A response schema needs a response mime type of application/json or "
			"text/x.enum.");
	else if (json && (j->rules & GEMINI_OLD) && has_functions(j->ask))
		fault_set(f, 400,
			"Function calling with a response mime type: 'application/json' is "
			"unsupported");
}

static bool not_zero(const json_t *v)
{
	return json_number_value(v) < 0 || json_number_value(v) > 0;
}

static void generation(const struct gemini_job *j, const json_t *config, struct fault *f)
{
	const json_t *most = gemini_get(config, "maxOutputTokens");
	const json_t *many = gemini_get(config, "candidateCount");

	if (not_zero(gemini_get(config, "presencePenalty")) ||
		not_zero(gemini_get(config, "frequencyPenalty")))
		fault_set(f, 400, "Penalty is not enabled for this model");
	else if (many && json_number_value(many) > 1)
		fault_set(f, 400, "Multiple candidates is not enabled for this model");
	else if (json_is_true(gemini_get(config, "responseLogprobs")))
		fault_set(f, 400, "Logprobs is not enabled for this model");
	else if (most && json_number_value(most) < 1)
		fault_set(f, 400,
			"* GenerateContentRequest.generation_config.max_output_tokens: "
			"max_output_tokens must be positive.\n");
	else if (json_array_size(gemini_get(config, "stopSequences")) > 5)
		fault_set(f, 400,
			"* GenerateContentRequest.generation_config.stop_sequences: the list may "
			"have at most 5 entries.\n");
	if (!f->status)
		thinking(j, gemini_get(config, "thinkingConfig"), f);
	if (!f->status)
		format(j, config, f);
}

static void cache(const json_t *ask, struct fault *f)
{
	const char *name = json_string_value(gemini_get(ask, "cachedContent"));

	if (!name)
		return;
	if (strncmp(name, "cachedContents/", 15) != 0)
		fault_set(f, 403, "CachedContent not found (or permission denied)");
	else if (gemini_get(ask, "systemInstruction") || gemini_get(ask, "tools") ||
		gemini_get(ask, "toolConfig"))
		fault_set(f, 400,
			"CachedContent can not be used with GenerateContent request setting "
			"system_instruction, tools or tool_config.");
}

void gemini_rules(const struct gemini_job *j, struct fault *f)
{
	const json_t *contents = gemini_get(j->ask, "contents");

	if (!json_array_size(contents))
		fault_set(f, 400, "* GenerateContentRequest.contents: contents is not specified\n");
	else if (has_functions(j->ask) && !(j->model->can & CAN_TOOLS))
		fault_set(f, 400, "Function calling is not enabled for this model");
	if (!f->status)
		turns(j, contents, f);
	if (!f->status)
		signatures(j, contents, f);
	if (!f->status)
		generation(j, gemini_get(j->ask, "generationConfig"), f);
	if (!f->status)
		cache(j->ask, f);
}
