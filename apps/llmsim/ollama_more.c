#include <stdlib.h>
#include <string.h>

#include "ollama.h"
#include "server.h"
#include "text.h"
#include "vector.h"

#define JSON_TYPE "application/json; charset=utf-8"
#define LAYER "sha256:5c1d0bafe0cd6f3ae6a1b3bb1f3ae24b6d7e0d9b6f7a1c2e3d4b5a6978877665"
#define LAYER_SIZE 2000000000

/* ---- embeddings ---- */

static void check(const json_t *ask, struct fault *f)
{
	const json_t *input = ask_get(ask, "input");
	const json_t *n = ask_get(ask, "dimensions");

	if (!json_string_length(json_object_get(ask, "model")))
		fault_set(f, 400, "model is required");
	else if (input && !json_is_string(input) && !json_is_array(input))
		fault_set(f, 400, "invalid input type");
	else if (n && (json_integer_value(n) < 1 || json_integer_value(n) > VECTOR_MOST))
		fault_set(f, 400, "invalid dimensions");
	for (size_t i = 0; i < json_array_size(input) && !f->status; i++)
		if (!json_is_string(json_array_get(input, i)))
			fault_set(f, 400, "invalid input type");
}

static struct span text_of(const json_t *v)
{
	return (struct span){json_string_value(v), json_string_length(v)};
}

/* Returns the number of tokens. */
static size_t vectors(struct bytes *b, const json_t *ask, const char *model)
{
	const json_t *input = ask_get(ask, "input");
	const json_t *n = ask_get(ask, "dimensions");
	size_t len = n ? (size_t)json_integer_value(n) : VECTOR_LEN;
	size_t tokens = 0;
	size_t count = json_is_array(input) ? json_array_size(input) :
					      json_string_length(input) > 0;

	for (size_t i = 0; i < count; i++) {
		struct span text = text_of(json_is_array(input) ? json_array_get(input, i) : input);

		bytes_text(b, i ? "," : "");
		vector_json(b, model, text, len);
		tokens += text_words(text.ptr, text.len);
	}
	return tokens;
}

static void embed(const json_t *ask, const struct model *m, struct reply *r)
{
	const char *name = json_string_value(json_object_get(ask, "model"));
	struct bytes b = {0};
	size_t tokens;

	bytes_text(&b, "{\"model\":");
	bytes_json(&b, name, strlen(name));
	bytes_text(&b, ",\"embeddings\":[");
	tokens = vectors(&b, ask, m->name);
	bytes_format(&b, "],\"total_duration\":%zu,\"load_duration\":1000000", 2000000 + tokens);
	if (tokens)
		bytes_format(&b, ",\"prompt_eval_count\":%zu", tokens);
	bytes_text(&b, "}");
	reply_whole(r, 200, JSON_TYPE, b.data, b.len);
	bytes_done(&b);
}

void ollama_embed(struct server *s, const struct http_request *rq, struct reply *r)
{
	struct fault f = {0};
	json_t *ask = ask_body(rq, &f);
	const char *name = json_string_value(ask_get(ask, "model"));
	const struct model *m = name ? models_find(&s->models, name) : NULL;

	if (!f.status)
		check(ask, &f);
	if (!f.status && !m)
		fault_set(&f, 404, "model \"%.200s\" not found, try pulling it first", name);
	if (m && !f.status)
		embed(ask, m, r);
	else
		ollama_error(r, &f);
	json_decref(ask);
	fault_done(&f);
}

/* ---- pulling: there is nothing to fetch, but it reads as if ---- */

static void line(struct reply *r, const char *text)
{
	struct bytes b = {0};

	bytes_text(&b, text);
	bytes_text(&b, "\n");
	reply_event(r, b.data, b.len);
	bytes_done(&b);
}

static void layer(struct reply *r, long long done)
{
	struct bytes b = {0};

	bytes_format(&b, "{\"status\":\"pulling %.12s\",\"digest\":\"%s\",\"total\":%lld",
		&LAYER[sizeof("sha256:") - 1], LAYER, (long long)LAYER_SIZE);
	if (done)
		bytes_format(&b, ",\"completed\":%lld", done);
	bytes_text(&b, "}");
	line(r, b.data);
	bytes_done(&b);
}

static void stream(struct reply *r, bool found)
{
	reply_stream(r, "application/x-ndjson");
	line(r, "{\"status\":\"pulling manifest\"}");
	if (found) {
		layer(r, 0);
		layer(r, LAYER_SIZE / 2);
		layer(r, LAYER_SIZE);
		line(r, "{\"status\":\"verifying sha256 digest\"}");
		line(r, "{\"status\":\"writing manifest\"}");
		line(r, "{\"status\":\"success\"}");
	} else {
		line(r, "{\"error\":\"pull model manifest: file does not exist\"}");
	}
	reply_end(r);
}

void ollama_pull(struct server *s, const struct http_request *rq, struct reply *r)
{
	static const char success[] = "{\"status\":\"success\"}";
	struct fault f = {0};
	json_t *ask = ask_body(rq, &f);
	const char *name = json_string_value(ask_get(ask, "model"));
	bool found = name && models_find(&s->models, name);
	bool whole = json_is_false(json_object_get(ask, "stream"));

	if (!f.status && !name)
		fault_set(&f, 400, "invalid model name");
	else if (!f.status && !found && whole)
		fault_set(&f, 500, "pull model manifest: file does not exist");
	if (f.status)
		ollama_error(r, &f);
	else if (whole)
		reply_whole(r, 200, JSON_TYPE, success, sizeof(success) - 1);
	else
		stream(r, found);
	json_decref(ask);
	fault_done(&f);
}
