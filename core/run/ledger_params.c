/*
 * ledger_params.c - how an answer was asked for, as it is kept beside a stored prompt: what
 * another request can be given by name, and what of this one is not kept.
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

/* Documents of the application's own: that they were there is all that is kept. */
static void write_left_out(jsonw *w, const llm_request_view *v)
{
	const unsigned has = parts_of(v);
	const struct {
		const char *name;
		int on;
	} parts[] = {{"tools", v->n_tools != 0}, {"a schema", v->schema.len != 0},
		{"extra members", v->extra.len != 0}, {"safety settings", v->safety.len != 0},
		{"extra headers", v->n_headers != 0}, {"the end user", v->end_user != NULL},
		{"that the last turn is continued", v->continue_last_turn != 0},
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

int32_t ledger_params(const llm_request *rq, buf *out)
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
	write_left_out(&w, v);
	jsonw_object_end(&w);
	return jsonw_finish(&w);
}
