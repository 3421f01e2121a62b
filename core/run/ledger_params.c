/*
 * ledger_params.c - how an answer was asked for, as it is kept beside a stored prompt: what
 * another request can be given by name, documents where all is kept, and what of this one is not.
 */
#include <string.h>

#include "call.h"
#include "ledger.h"
#include "wire/jsonw.h"

typedef struct number {
	const char *name; /* as llm_request_option knows it */
	uint64_t bit; /* LLM_HAS_* */
	size_t at;
	int whole;
} number;

#define AT(member) offsetof(llm_request_view, member)
static const number numbers[] = {
	{"temperature", LLM_HAS_TEMPERATURE, AT(temperature), 0},
	{"top_p", LLM_HAS_TOP_P, AT(top_p), 0},
	{"top_k", LLM_HAS_TOP_K, AT(top_k), 1},
	{"min_p", LLM_HAS_MIN_P, AT(min_p), 0},
	{"seed", LLM_HAS_SEED, AT(seed), 1},
	{"max_tokens", LLM_HAS_MAX_OUTPUT_TOKENS, AT(max_output_tokens), 1},
	{"presence_penalty", LLM_HAS_PRESENCE_PENALTY, AT(presence_penalty), 0},
	{"frequency_penalty", LLM_HAS_FREQUENCY_PENALTY, AT(frequency_penalty), 0},
	{"repeat_penalty", LLM_HAS_REPEAT_PENALTY, AT(repeat_penalty), 0},
	{"top_logprobs", LLM_HAS_TOP_LOGPROBS, AT(top_logprobs), 1},
	{"choices", LLM_HAS_CHOICES, AT(choices), 1},
};

static int32_t put(void *ctx, const char *bytes, size_t len)
{
	return buf_add(ctx, bytes, len);
}

static void write_number(jsonw *w, const number *n, const llm_request_view *v)
{
	const char *at = (const char *)v + n->at;
	double real;
	int64_t whole;

	if (!(v->has & n->bit))
		return;
	jsonw_key(w, n->name);
	if (n->whole) {
		memcpy(&whole, at, sizeof(whole));
		jsonw_int(w, whole);
	} else {
		memcpy(&real, at, sizeof(real));
		jsonw_double(w, real);
	}
}

static void write_flag(jsonw *w, const char *name, int on)
{
	if (!on)
		return;
	jsonw_key(w, name);
	jsonw_bool(w, 1);
}

static void write_options(jsonw *w, const llm_request *rq)
{
	static const char *const levels[] = {NULL, "off", "on", "low", "medium", "high", "max"};
	const llm_request_view *v = &rq->view;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		write_number(w, &numbers[i], v);
	if (v->reasoning && v->reasoning < sizeof(levels) / sizeof(levels[0])) {
		jsonw_key(w, "reasoning");
		jsonw_cstring(w, levels[v->reasoning]);
	}
	write_flag(w, "truncate", v->allow_truncation != 0);
	write_flag(w, "logprobs", v->logprobs != 0);
	for (i = 0; i < rq->options.n; i++) {
		const request_option *o = rq->options.items[i];

		jsonw_key(w, o->name);
		jsonw_cstring(w, o->value);
	}
}

static void write_stops(jsonw *w, const llm_request *rq)
{
	size_t i;

	if (!rq->stop.n)
		return;
	jsonw_key(w, "stop");
	jsonw_array(w);
	for (i = 0; i < rq->stop.n; i++)
		jsonw_cstring(w, rq->stop.items[i]);
	jsonw_array_end(w);
}

enum { PARTS_HINTED = 1, PARTS_OPAQUE = 2, PARTS_FAILED = 4 };

/* What parts of turns have that a stored prompt does not say. */
static unsigned parts_of(const llm_request_view *v)
{
	unsigned has = 0;
	size_t i, k;

	for (i = 0; i < v->n_messages; i++)
		for (k = 0; k < v->messages[i]->n_parts; k++) {
			const llm_part_view *p = v->messages[i]->parts[k];

			has |= p->cache_hint ? PARTS_HINTED : 0;
			has |= p->n_opaque || p->kind == LLM_PART_OPAQUE ? PARTS_OPAQUE : 0;
			has |= p->is_error ? PARTS_FAILED : 0;
		}
	return has;
}

/* ---- documents of the application's own ---- */

static void write_document(jsonw *w, const char *name, const llm_bytes *json)
{
	if (!json->len)
		return;
	jsonw_key(w, name);
	jsonw_raw(w, json->ptr, json->len);
}

static void write_word(jsonw *w, const char *name, const char *text)
{
	if (!text)
		return;
	jsonw_key(w, name);
	jsonw_cstring(w, text);
}

static void write_tools(jsonw *w, const llm_request_view *v)
{
	static const char *const choices[] = {NULL, "none", "required", "named"};
	size_t i;

	if (v->n_tools) {
		jsonw_key(w, "tools");
		jsonw_array(w);
	}
	for (i = 0; i < v->n_tools; i++) {
		const llm_tool_view *t = v->tools[i];

		jsonw_object(w);
		write_word(w, "name", t->name);
		write_word(w, "description", t->description);
		write_document(w, "schema", &t->schema);
		write_flag(w, "strict", t->strict != 0);
		jsonw_object_end(w);
	}
	if (v->n_tools)
		jsonw_array_end(w);
	if (v->tool_choice < sizeof(choices) / sizeof(choices[0]))
		write_word(w, "tool_choice", choices[v->tool_choice]);
	write_word(w, "tool_name", v->tool_name);
	if (v->has & LLM_HAS_PARALLEL_TOOLS) {
		jsonw_key(w, "parallel_tools");
		jsonw_bool(w, v->parallel_tools != 0);
	}
}

/* As they were given, but headers: they may hold what is not to be on record. */
static void write_documents(jsonw *w, const llm_request_view *v, const llm_bytes *media)
{
	write_tools(w, v);
	write_document(w, "schema", &v->schema);
	write_word(w, "schema_name", v->schema_name);
	write_document(w, "extra", &v->extra);
	write_document(w, "safety", &v->safety);
	write_word(w, "end_user", v->end_user);
	write_flag(w, "continue_last", v->continue_last_turn != 0);
	write_document(w, "media", media);
}

/* That they were there is all that is kept of these; of documents, unless `whole`. */
static void write_left_out(jsonw *w, const llm_request_view *v, int whole)
{
	const unsigned has = parts_of(v);
	const struct {
		const char *name;
		int on;
	} parts[] = {{"tools", !whole && v->n_tools}, {"a schema", !whole && v->schema.len},
		{"extra members", !whole && v->extra.len},
		{"safety settings", !whole && v->safety.len}, {"extra headers", v->n_headers != 0},
		{"the end user", !whole && v->end_user},
		{"that the last turn is continued", !whole && v->continue_last_turn},
		{"cache hints", (has & PARTS_HINTED) != 0},
		{"opaque parts", (has & PARTS_OPAQUE) != 0},
		{"which tools have failed", (has & PARTS_FAILED) != 0}};
	size_t n = 0, i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!parts[i].on)
			continue;
		if (!n++) {
			jsonw_key(w, "left_out");
			jsonw_array(w);
		}
		jsonw_cstring(w, parts[i].name);
	}
	if (n)
		jsonw_array_end(w);
}

int32_t ledger_params(const llm_request *rq, const llm_bytes *media, buf *out)
{
	const llm_request_view *v = &rq->view;
	jsonw w;

	jsonw_init(&w, put, out);
	jsonw_object(&w);
	jsonw_key(&w, "options");
	jsonw_object(&w);
	write_options(&w, rq);
	jsonw_object_end(&w);
	write_stops(&w, rq);
	if (v->format == LLM_FORMAT_JSON) {
		jsonw_key(&w, "format");
		jsonw_cstring(&w, "json");
	}
	if (media)
		write_documents(&w, v, media);
	write_left_out(&w, v, media != NULL);
	jsonw_object_end(&w);
	return jsonw_finish(&w);
}
