#include <stdlib.h>
#include <string.h>

#include "gemini.h"
#include "models.h"
#include "server.h"
#include "text.h"
#include "vector.h"

#define JSON_TYPE "application/json; charset=UTF-8"
#define CONTEXT_LENGTH 8192
#define TYPE "type.googleapis.com/google.rpc."
#define DOMAIN "generativelanguage.googleapis.com"

void gemini_json(struct reply *r, int status, json_t *v)
{
	struct bytes b = {0};
	char *text = json_dumps(v, JSON_INDENT(2) | JSON_REAL_PRECISION(15));

	bytes_text(&b, text ? text : "{}");
	bytes_text(&b, "\n");
	reply_whole(r, status, JSON_TYPE, b.data, b.len);
	bytes_done(&b);
	free(text);
	json_decref(v);
}

void gemini_name(struct bytes *b, const struct model *m)
{
	static const char latest[] = ":latest";
	size_t len = strlen(m->name);
	size_t end = sizeof(latest) - 1;

	if (len > end && !strcmp(m->name + len - end, latest))
		len -= end;
	bytes_add(b, m->name, len);
}

/* ---- errors ---- */

static const char *status_word(int status)
{
	switch (status) {
	case 401:
		return "UNAUTHENTICATED";
	case 403:
		return "PERMISSION_DENIED";
	case 404:
		return "NOT_FOUND";
	case 429:
		return "RESOURCE_EXHAUSTED";
	case 500:
		return "INTERNAL";
	case 503:
	case 529:
		return "UNAVAILABLE";
	case 504:
		return "DEADLINE_EXCEEDED";
	default:
		return "INVALID_ARGUMENT";
	}
}

static json_t *reason(const struct fault *f)
{
	json_t *list = json_pack("[{s:s, s:s, s:s, s:{s:s}}]", "@type", TYPE "ErrorInfo", "reason",
		f->code, "domain", "googleapis.com", "metadata", "service", DOMAIN);

	if (!strcmp(f->code, "API_KEY_INVALID"))
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s}", "@type", TYPE "LocalizedMessage", "locale",
				"en-US", "message", f->text.data));
	return list;
}

static json_t *violation(const struct fault *f)
{
	return json_pack("[{s:s, s:[{s:s, s:s}]}]", "@type", TYPE "BadRequest", "fieldViolations",
		"field", f->where.data, "description", f->text.data);
}

void gemini_error(struct reply *r, const struct fault *f, bool in_array)
{
	json_t *e = json_pack("{s:i, s:o, s:s}", "code", f->status, "message",
		json_stringn(f->text.data, f->text.len), "status", status_word(f->status));
	json_t *v = json_pack("{s:o}", "error", e);

	if (f->details)
		json_object_set(e, "details", f->details);
	else if (f->code)
		json_object_set_new(e, "details", reason(f));
	else if (f->where.len)
		json_object_set_new(e, "details", violation(f));
	if (in_array)
		v = json_pack("[o]", v);
	gemini_json(r, f->status, v);
}

/* ---- models ---- */

static void methods(json_t *v, const struct model *m)
{
	json_t *list = json_array();

	if (m->can & CAN_COMPLETION)
		json_array_append_new(list, json_string("generateContent"));
	if (m->can & CAN_EMBEDDING)
		json_array_append_new(list, json_string("embedContent"));
	json_array_append_new(list, json_string("countTokens"));
	json_object_set_new(v, "supportedGenerationMethods", list);
}

static json_t *entry(const struct model *m)
{
	struct bytes name = {0};
	json_t *v;

	bytes_text(&name, "models/");
	gemini_name(&name, m);
	v = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "name", name.data, "version", "001",
		"displayName", name.data + strlen("models/"), "description", "simulated",
		"inputTokenLimit", CONTEXT_LENGTH, "outputTokenLimit", CONTEXT_LENGTH);
	methods(v, m);
	if (m->can & CAN_COMPLETION)
		json_object_update_new(v,
			json_pack("{s:i, s:f, s:i, s:i}", "temperature", 1, "topP", 0.95, "topK",
				64, "maxTemperature", 2));
	if (m->can & CAN_THINKING)
		json_object_set_new(v, "thinking", json_true());
	bytes_done(&name);
	return v;
}

/* A whole number of the query; what is none counts as 0. */
static size_t number(const struct http_request *rq, const char *name)
{
	struct span text = http_query(rq, name);
	size_t n = 0;

	for (size_t i = 0; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
		n = n < 100000 ? n * 10 + (size_t)(text.ptr[i] - '0') : n;
	return n;
}

void gemini_models(struct server *s, const struct http_request *rq, struct reply *r)
{
	size_t size = number(rq, "pageSize");
	size_t at = number(rq, "pageToken");
	json_t *list = json_array();
	json_t *v = json_pack("{s:o}", "models", list);
	struct bytes token = {0};

	size = !size ? 50 : size > 1000 ? 1000 : size;
	for (; size && at < s->models.count; size--)
		json_array_append_new(list, entry(&s->models.list[at++]));
	if (at < s->models.count) {
		bytes_number(&token, at);
		json_object_set_new(v, "nextPageToken", json_string(token.data));
	}
	bytes_done(&token);
	gemini_json(r, 200, v);
}

void gemini_model(const struct model *m, struct reply *r)
{
	gemini_json(r, 200, entry(m));
}

/* ---- counting and embedding ---- */

void gemini_tokens(const struct gemini_job *j, struct reply *r)
{
	const json_t *inside = gemini_get(j->ask, "generateContentRequest");
	struct bytes prompt = {0};
	size_t n;

	gemini_prompt(&prompt, inside ? inside : j->ask);
	n = text_words(prompt.data, prompt.len) + (inside ? 8 : 0);
	bytes_done(&prompt);
	gemini_json(r, 200,
		json_pack("{s:I, s:[{s:s, s:I}]}", "totalTokens", (json_int_t)n,
			"promptTokensDetails", "modality", "TEXT", "tokenCount", (json_int_t)n));
}

static void vector(struct bytes *b, const struct gemini_job *j, const json_t *one)
{
	json_int_t n = json_integer_value(gemini_get(one, "outputDimensionality"));
	const json_t *parts = gemini_get(gemini_get(one, "content"), "parts");
	struct bytes text = {0};

	for (size_t i = 0; i < json_array_size(parts); i++)
		ask_text(&text, gemini_get(json_array_get(parts, i), "text"));
	bytes_text(b, "{\"values\":");
	vector_json(b, j->model->name, (struct span){text.data ? text.data : "", text.len},
		n > 0 && n <= VECTOR_MOST ? (size_t)n : VECTOR_LEN);
	bytes_text(b, "}");
	bytes_done(&text);
}

void gemini_embed(const struct gemini_job *j, bool batch, struct reply *r)
{
	const json_t *list = gemini_get(j->ask, "requests");
	struct bytes b = {0};

	bytes_text(&b, batch ? "{\"embeddings\":[" : "{\"embedding\":");
	if (!batch)
		vector(&b, j, j->ask);
	for (size_t i = 0; i < json_array_size(list); i++) {
		bytes_text(&b, i ? "," : "");
		vector(&b, j, json_array_get(list, i));
	}
	bytes_text(&b, batch ? "]}" : "}");
	reply_whole(r, 200, JSON_TYPE, b.data, b.len);
	bytes_done(&b);
}
