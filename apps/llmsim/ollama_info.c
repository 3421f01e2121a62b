#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ollama.h"
#include "server.h"

#define JSON_TYPE "application/json; charset=utf-8"
#define CONTEXT_LENGTH 8192
#define MODEL_SIZE 2000000000

void ollama_escape(struct bytes *b, size_t from)
{
	struct bytes out = {0};

	for (size_t i = from; i < b->len;) {
		const char *at = b->data + i;
		size_t n = strcspn(at, "<>&\xe2");

		if (n) {
			bytes_add(&out, at, n);
		} else if (!strncmp(at, "\xe2\x80\xa8", 3) || !strncmp(at, "\xe2\x80\xa9", 3)) {
			bytes_format(&out, "\\u202%c", at[2] == '\xa8' ? '8' : '9');
			n = 3;
		} else if (*at == '\xe2') {
			bytes_add(&out, at, n = 1);
		} else {
			bytes_format(&out, "\\u00%02x", (unsigned char)*at);
			n = 1;
		}
		i += n;
	}
	b->len = from;
	bytes_add(b, out.data, out.len);
	bytes_done(&out);
}

void ollama_time(struct bytes *b, uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000u);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	bytes_format(b, "%04d-%02d-%02dT%02d:%02d:%02d.%09uZ", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(ns % 1000000000u));
}

void ollama_json(struct reply *r, int status, const json_t *v)
{
	struct bytes b = {0};
	char *text = json_dumps(v, JSON_COMPACT);

	bytes_text(&b, text ? text : "{}");
	ollama_escape(&b, 0);
	reply_whole(r, status, JSON_TYPE, b.data, b.len);
	bytes_done(&b);
	free(text);
}

void ollama_error(struct reply *r, const struct fault *f)
{
	struct bytes b = {0};

	bytes_text(&b, "{\"error\":");
	bytes_json(&b, f->text.data, f->text.len);
	bytes_text(&b, "}");
	ollama_escape(&b, 0);
	reply_whole(r, f->status, JSON_TYPE, b.data, b.len);
	bytes_done(&b);
}

void ollama_root(struct server *s, const struct http_request *rq, struct reply *r)
{
	(void)s;
	(void)rq;
	reply_text(r, 200, "Ollama is running");
}

void ollama_version(struct server *s, const struct http_request *rq, struct reply *r)
{
	static const char body[] = "{\"version\":\"0.32.15\"}";

	(void)s;
	(void)rq;
	reply_whole(r, 200, JSON_TYPE, body, sizeof(body) - 1);
}

static json_t *details(void)
{
	return json_pack("{s:s, s:s, s:s, s:[s], s:s, s:s}", "parent_model", "", "format", "gguf",
		"family", "sim", "families", "sim", "parameter_size", "1.0B", "quantization_level",
		"Q4_0");
}

static json_t *capabilities(const struct model *m)
{
	json_t *list = json_array();

	for (unsigned bit = CAN_COMPLETION; bit <= CAN_EMBEDDING; bit <<= 1)
		if (m->can & bit)
			json_array_append_new(list, json_string(model_capability(bit)));
	return list;
}

/* A digest is any 64 hex digits that depend on the name. */
static json_t *digest(const struct model *m)
{
	struct bytes b = {0};
	uint64_t rng = hash_bytes(0, m->name, strlen(m->name));
	json_t *v;

	for (int i = 0; i < 4; i++)
		bytes_format(&b, "%016llx", (unsigned long long)rng_next(&rng));
	v = json_string(b.data);
	bytes_done(&b);
	return v;
}

static json_t *listed(const struct model *m)
{
	return json_pack("{s:s, s:s, s:I, s:o, s:o}", "name", m->name, "model", m->name, "size",
		(json_int_t)MODEL_SIZE, "digest", digest(m), "details", details());
}

static bool has_line(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (strcspn(p, "\n") == n && !strncmp(p, name, n))
			return true;
	return false;
}

/* Whoever tests has written there what is to be in memory now. */
static bool is_loaded(const struct model *m, const char *path)
{
	char text[4096];
	FILE *f;

	if (!path)
		return true;
	f = fopen(path, "re");
	if (!f)
		return false;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return has_line(text, m->name);
}

/* `path`: only those that are loaded by it; null: all. */
static void list(struct server *s, struct reply *r, json_t *(*entry)(const struct model *m),
	const char *path)
{
	json_t *models = json_array();
	json_t *all;

	for (size_t i = 0; i < s->models.count; i++)
		if (is_loaded(&s->models.list[i], path))
			json_array_append_new(models, entry(&s->models.list[i]));
	all = json_pack("{s:o}", "models", models);
	ollama_json(r, 200, all);
	json_decref(all);
}

static json_t *tag(const struct model *m)
{
	json_t *one = listed(m);
	json_t *d = json_object_get(one, "details");

	json_object_set_new(d, "context_length", json_integer(CONTEXT_LENGTH));
	json_object_set_new(d, "embedding_length", json_integer(1024));
	json_object_set_new(one, "modified_at", json_string("2026-01-02T03:04:05.000000006Z"));
	json_object_set_new(one, "capabilities", capabilities(m));
	return one;
}

static json_t *loaded(const struct model *m)
{
	json_t *one = listed(m);
	struct bytes b = {0};

	ollama_time(&b, ((uint64_t)time(NULL) + 300) * 1000000000u);
	json_object_set_new(one, "expires_at", json_string(b.data));
	json_object_set_new(one, "size_vram", json_integer(0));
	json_object_set_new(one, "context_length", json_integer(CONTEXT_LENGTH));
	bytes_done(&b);
	return one;
}

void ollama_tags(struct server *s, const struct http_request *rq, struct reply *r)
{
	(void)rq;
	list(s, r, tag, NULL);
}

void ollama_ps(struct server *s, const struct http_request *rq, struct reply *r)
{
	(void)rq;
	list(s, r, loaded, s->opt->loaded);
}

static void show(const struct model *m, struct reply *r)
{
	json_t *info = json_pack("{s:s, s:I, s:i, s:i, s:i}", "general.architecture", "sim",
		"general.parameter_count", (json_int_t)1000000000, "sim.block_count", 16,
		"sim.context_length", CONTEXT_LENGTH, "sim.embedding_length", 1024);
	json_t *all = json_pack("{s:s, s:s, s:o, s:o, s:o, s:s}", "parameters",
		"stop                           \"<|end|>\"", "template", "{{ .Prompt }}",
		"details", details(), "model_info", info, "capabilities", capabilities(m),
		"modified_at", "2026-01-02T03:04:05.000000006Z");

	ollama_json(r, 200, all);
	json_decref(all);
}

void ollama_show(struct server *s, const struct http_request *rq, struct reply *r)
{
	struct fault f = {0};
	json_t *ask = ask_body(rq, &f);
	const json_t *named = ask_get(ask, "model") ? ask_get(ask, "model") :
						      ask_get(ask, "name"); /* the older field */
	const char *name = json_string_value(named);
	const struct model *m = name ? models_find(&s->models, name) : NULL;

	if (m)
		show(m, r);
	else if (!f.status && !name)
		fault_set(&f, 400, "model is required");
	else if (!f.status)
		fault_set(&f, 404, "model '%.200s' not found", name);
	if (f.status)
		ollama_error(r, &f);
	json_decref(ask);
	fault_done(&f);
}
