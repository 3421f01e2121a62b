#include <stdlib.h>
#include <string.h>

#include "models.h"
#include "openai.h"
#include "options.h"
#include "server.h"
#include "text.h"
#include "vector.h"

#define CREATED 1767322800 /* of the models: 2026-01-02 */
#define INPUTS_MOST 2048

json_t *openai_body(const struct http_request *rq, struct fault *f)
{
	json_t *ask = ask_body(rq, f);

	if (!ask)
		fault_set(f, 400,
			"We could not parse the JSON body of your request. (HINT: This "
			"likely means you aren't using your HTTP library correctly.)");
	return ask;
}

const struct model *openai_find(const struct server *s, const char *name, struct fault *f)
{
	const struct model *m = name ? models_find(&s->models, name) : NULL;

	if (m)
		return m;
	fault_set(f, 404, "The model `%.200s` does not exist or you do not have access to it.",
		name ? name : "");
	f->code = "model_not_found";
	return NULL;
}

bool openai_key(const struct server *s, const struct http_request *rq, struct reply *r)
{
	static const char scheme[] = "Bearer ";
	struct span given = http_header(rq, "authorization");
	size_t n = sizeof(scheme) - 1;
	struct fault f = {0};

	if (!s->opt->key)
		return true;
	if (given.len <= n || !span_is_nocase((struct span){given.ptr, n}, scheme)) {
		fault_set(&f, 401,
			"You didn't provide an API key. You need to provide your API key in an "
			"Authorization header using Bearer auth (i.e. Authorization: Bearer "
			"YOUR_KEY).");
	} else if (!span_is((struct span){given.ptr + n, given.len - n}, s->opt->key)) {
		fault_set(&f, 401, "Incorrect API key provided: ***.");
		f.code = "invalid_api_key";
	} else {
		return true;
	}
	openai_error(r, &f);
	fault_done(&f);
	return false;
}

/* ---- models ---- */

static void model_entry(struct bytes *b, const struct model *m)
{
	bytes_text(b, "{\"id\":");
	bytes_json(b, m->name, strlen(m->name));
	bytes_format(b, ",\"object\":\"model\",\"created\":%d,\"owned_by\":\"llmsim\"}", CREATED);
}

void openai_models(struct server *s, const struct http_request *rq, struct reply *r)
{
	struct bytes b = {0};

	(void)rq;
	bytes_text(&b, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < s->models.count; i++) {
		bytes_text(&b, i ? "," : "");
		model_entry(&b, &s->models.list[i]);
	}
	bytes_text(&b, "]}");
	reply_whole(r, 200, "application/json", b.data, b.len);
	bytes_done(&b);
}

void openai_model(struct server *s, const struct http_request *rq, struct reply *r)
{
	size_t skip = strlen("/v1/models/");
	char *name = http_decoded((struct span){rq->path.ptr + skip, rq->path.len - skip});
	struct bytes b = {0};
	struct fault f = {0};
	const struct model *m = openai_find(s, name, &f);

	if (m) {
		model_entry(&b, m);
		reply_whole(r, 200, "application/json", b.data, b.len);
	} else {
		openai_error(r, &f);
	}
	bytes_done(&b);
	fault_done(&f);
	free(name);
}

void openai_no_route(const struct http_request *rq, struct reply *r)
{
	struct fault f = {0};

	fault_set(&f, 404, "Invalid URL (%.*s %.*s)", (int)(rq->method.len % 32), rq->method.ptr,
		(int)(rq->path.len < 300 ? rq->path.len : 300), rq->path.ptr);
	openai_error(r, &f);
	fault_done(&f);
}

/* ---- embeddings ---- */

/* A text or an array of tokens is one input; an array of either is many. */
static bool is_many(const json_t *input)
{
	return json_is_array(input) && !json_is_integer(json_array_get(input, 0));
}

static void fail(struct fault *f, const char *param)
{
	f->param = param;
	f->code = "invalid_value";
}

static void check_input(const json_t *one, struct fault *f)
{
	if (json_string_length(one) || json_array_size(one))
		return;
	fault_set(f, 400, "'$.input' is invalid. Please check the API reference.");
	fail(f, "input");
}

static void check(const json_t *ask, struct fault *f)
{
	const json_t *input = ask_get(ask, "input");
	const json_t *n = ask_get(ask, "dimensions");
	const json_t *format = ask_get(ask, "encoding_format");
	const char *name = json_string_value(format);

	if (!is_many(input))
		check_input(input, f);
	else if (!json_array_size(input) || json_array_size(input) > INPUTS_MOST)
		check_input(NULL, f);
	for (size_t i = 0; is_many(input) && i < json_array_size(input) && !f->status; i++)
		check_input(json_array_get(input, i), f);
	if (f->status)
		return;
	if (n && (json_integer_value(n) < 1 || json_integer_value(n) > VECTOR_MOST)) {
		fault_set(f, 400, "Invalid value for 'dimensions'.");
		fail(f, "dimensions");
	} else if (format &&
		(!name || (strcmp(name, "float") != 0 && strcmp(name, "base64") != 0))) {
		fault_set(f, 400, "Invalid value for 'encoding_format'.");
		fail(f, "encoding_format");
	}
}

/* Returns the number of tokens. */
static size_t embedding(
	struct bytes *b, const json_t *ask, const struct model *m, const json_t *one, size_t i)
{
	const json_t *n = ask_get(ask, "dimensions");
	const char *format = json_string_value(ask_get(ask, "encoding_format"));
	bool packed = format && !strcmp(format, "base64");
	struct bytes words = {0};
	size_t tokens;

	ask_words(&words, one);
	tokens = text_words(words.data, words.len);
	bytes_format(
		b, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", i ? "," : "", i);
	(packed ? vector_base64 : vector_json)(b, m->name, (struct span){words.data, words.len},
		n ? (size_t)json_integer_value(n) : VECTOR_LEN);
	bytes_text(b, "}");
	bytes_done(&words);
	return tokens;
}

static void embeddings(const json_t *ask, const struct model *m, struct reply *r)
{
	const json_t *input = ask_get(ask, "input");
	size_t count = is_many(input) ? json_array_size(input) : 1;
	size_t tokens = 0;
	struct bytes b = {0};

	bytes_text(&b, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < count; i++)
		tokens += embedding(
			&b, ask, m, is_many(input) ? json_array_get(input, i) : input, i);
	bytes_text(&b, "],\"model\":");
	bytes_json(&b, m->name, strlen(m->name));
	bytes_format(
		&b, ",\"usage\":{\"prompt_tokens\":%zu,\"total_tokens\":%zu}}", tokens, tokens);
	reply_whole(r, 200, "application/json", b.data, b.len);
	bytes_done(&b);
}

void openai_embeddings(struct server *s, const struct http_request *rq, struct reply *r)
{
	struct fault f = {0};
	json_t *ask = openai_body(rq, &f);
	const struct model *m = NULL;

	if (!f.status)
		m = openai_find(s, json_string_value(ask_get(ask, "model")), &f);
	if (!f.status)
		check(ask, &f);
	if (f.status)
		openai_error(r, &f);
	else
		embeddings(ask, m, r);
	fault_done(&f);
	json_decref(ask);
}
