/*
 * canonical.c - the request is written as JSON in a handy order, then made canonical as a
 * whole: no order of members has to be kept in mind here.
 */
#include "store/canonical.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "store/jcs.h"
#include "wire/jsonw.h"

typedef struct writing {
	jsonw w;
	int32_t code; /* of hashing */
} writing;

static int32_t put(void *ctx, const char *bytes, size_t len)
{
	return buf_add(ctx, bytes, len);
}

/* ---- members, left out where nothing was said ---- */

static void word(jsonw *w, const char *key, const char *text)
{
	if (!text)
		return;
	jsonw_key(w, key);
	jsonw_cstring(w, text);
}

static void flag(jsonw *w, const char *key, uint32_t on)
{
	if (!on)
		return;
	jsonw_key(w, key);
	jsonw_bool(w, 1);
}

static void whole(jsonw *w, const char *key, int64_t value)
{
	jsonw_key(w, key);
	jsonw_int(w, value);
}

static void text(jsonw *w, const char *key, const llm_bytes *bytes)
{
	jsonw_key(w, key);
	jsonw_string(w, bytes->ptr, bytes->len);
}

/* A document that the caller gave; what is wrong with it is found when all is made canonical. */
static void document(jsonw *w, const char *key, const llm_bytes *json)
{
	if (!json->len)
		return;
	jsonw_key(w, key);
	jsonw_raw(w, json->ptr, json->len);
}

static void strings(jsonw *w, const char *key, const char *const *items, size_t n)
{
	size_t i;

	if (!n)
		return;
	jsonw_key(w, key);
	jsonw_array(w);
	for (i = 0; i < n; i++)
		jsonw_cstring(w, items[i]);
	jsonw_array_end(w);
}

/* Bytes stand for themselves by their digest: images are large. */
static void digest(writing *wr, const llm_bytes *bytes)
{
	char hex[SHA256_HEX];

	if (hash_keyed_hex(NULL, 0, bytes->ptr, bytes->len, hex)) {
		wr->code = LLM_E_NOMEM;
		return;
	}
	word(&wr->w, "sha256", hex);
	whole(&wr->w, "bytes", (int64_t)bytes->len);
}

/* ---- messages ---- */

static void write_opaque(writing *wr, const llm_opaque_view *o)
{
	jsonw *w = &wr->w;

	jsonw_object(w);
	word(w, "provider", o->provider);
	word(w, "kind", o->kind);
	digest(wr, &o->data);
	jsonw_object_end(w);
}

static void write_part(writing *wr, const llm_part_view *p)
{
	jsonw *w = &wr->w;
	size_t i;

	jsonw_object(w);
	whole(w, "kind", p->kind);
	if (p->text.len)
		text(w, "text", &p->text);
	if (p->data.len)
		digest(wr, &p->data);
	word(w, "url", p->url);
	word(w, "media_type", p->media_type);
	word(w, "name", p->name);
	word(w, "id", p->id);
	flag(w, "is_error", p->is_error);
	if (p->n_opaque) {
		jsonw_key(w, "opaque");
		jsonw_array(w);
		for (i = 0; i < p->n_opaque; i++)
			write_opaque(wr, p->opaque[i]);
		jsonw_array_end(w);
	}
	jsonw_object_end(w);
}

static void write_messages(writing *wr, const llm_request_view *v)
{
	jsonw *w = &wr->w;
	size_t i, k;

	jsonw_key(w, "messages");
	jsonw_array(w);
	for (i = 0; i < v->n_messages && !w->status; i++) {
		const llm_message_view *m = v->messages[i];

		jsonw_object(w);
		whole(w, "role", m->role);
		jsonw_key(w, "parts");
		jsonw_array(w);
		for (k = 0; k < m->n_parts; k++)
			write_part(wr, m->parts[k]);
		jsonw_array_end(w);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

/* ---- what shapes the answer ---- */

static void write_tools(jsonw *w, const llm_request_view *v)
{
	size_t i;

	whole(w, "tool_choice", v->tool_choice);
	if (v->tool_choice == LLM_TOOLS_NAMED)
		word(w, "tool_name", v->tool_name);
	if (v->has & LLM_HAS_PARALLEL_TOOLS)
		whole(w, "parallel_tools", v->parallel_tools);
	if (!v->n_tools)
		return;
	jsonw_key(w, "tools");
	jsonw_array(w);
	for (i = 0; i < v->n_tools; i++) {
		const llm_tool_view *t = v->tools[i];

		jsonw_object(w);
		word(w, "name", t->name);
		word(w, "description", t->description);
		document(w, "schema", &t->schema);
		flag(w, "strict", t->strict);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void real_of(
	jsonw *w, const llm_request_view *v, uint64_t bit, const char *key, double value)
{
	if (!(v->has & bit))
		return;
	jsonw_key(w, key);
	jsonw_double(w, value);
}

static void whole_of(
	jsonw *w, const llm_request_view *v, uint64_t bit, const char *key, int64_t value)
{
	if (v->has & bit)
		whole(w, key, value);
}

static void write_numbers(jsonw *w, const llm_request_view *v)
{
	real_of(w, v, LLM_HAS_TEMPERATURE, "temperature", v->temperature);
	real_of(w, v, LLM_HAS_TOP_P, "top_p", v->top_p);
	real_of(w, v, LLM_HAS_MIN_P, "min_p", v->min_p);
	real_of(w, v, LLM_HAS_PRESENCE_PENALTY, "presence_penalty", v->presence_penalty);
	real_of(w, v, LLM_HAS_FREQUENCY_PENALTY, "frequency_penalty", v->frequency_penalty);
	real_of(w, v, LLM_HAS_REPEAT_PENALTY, "repeat_penalty", v->repeat_penalty);
	whole_of(w, v, LLM_HAS_TOP_K, "top_k", v->top_k);
	whole_of(w, v, LLM_HAS_SEED, "seed", v->seed);
	whole_of(w, v, LLM_HAS_MAX_OUTPUT_TOKENS, "max_output_tokens", v->max_output_tokens);
	whole_of(w, v, LLM_HAS_TOP_LOGPROBS, "top_logprobs", v->top_logprobs);
	whole_of(w, v, LLM_HAS_CHOICES, "choices", v->choices);
}

static void write_form(jsonw *w, const llm_request_view *v)
{
	whole(w, "format", v->format);
	if (v->format == LLM_FORMAT_SCHEMA) {
		document(w, "schema", &v->schema);
		word(w, "schema_name", v->schema_name);
	}
	whole(w, "reasoning", v->reasoning);
	strings(w, "stop", v->stop, v->n_stop);
	flag(w, "logprobs", v->logprobs);
	flag(w, "continue_last_turn", v->continue_last_turn);
	flag(w, "allow_truncation", v->allow_truncation);
	document(w, "safety", &v->safety);
}

/* ---- what only one provider understands ---- */

static int is_of_trace(const char *name)
{
	static const char *const names[] = {"traceparent", "tracestate", "baggage"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (ascii_casecmp(name, names[i]) == 0)
			return 1;
	return 0;
}

static void write_headers(jsonw *w, const llm_request_view *v)
{
	size_t i;

	jsonw_key(w, "headers");
	jsonw_array(w);
	for (i = 0; i < v->n_headers; i++) {
		if (is_of_trace(v->headers[i]->name))
			continue;
		jsonw_object(w);
		word(w, v->headers[i]->name, v->headers[i]->value);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

/* A list: one option may be given twice, and then their order counts. */
static void write_options(jsonw *w, const canonical_request *rq)
{
	size_t i;

	if (!rq->n_options)
		return;
	jsonw_key(w, "options");
	jsonw_array(w);
	for (i = 0; i < rq->n_options; i++) {
		const canonical_option *o = &rq->options[i];

		jsonw_object(w);
		if (o->json)
			document(w, o->name, &o->value);
		else
			text(w, o->name, &o->value);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

/* ---- the whole ---- */

static void write_who(jsonw *w, const canonical_request *rq)
{
	if (!rq->requested) {
		word(w, "provider", rq->provider);
		word(w, "endpoint", rq->endpoint);
		word(w, "model", rq->model);
		return;
	}
	word(w, rq->target_is_profile ? "profile" : "target", rq->target);
	strings(w, "candidates", rq->candidates, rq->n_candidates);
	flag(w, "local_only", (uint32_t)rq->local_only);
}

static int32_t write_plain(const canonical_request *rq, buf *out)
{
	writing wr = {.code = 0};
	jsonw *w = &wr.w;
	int32_t rc;

	jsonw_init(w, put, out);
	jsonw_object(w);
	write_who(w, rq);
	write_messages(&wr, rq->view);
	write_tools(w, rq->view);
	write_form(w, rq->view);
	write_numbers(w, rq->view);
	write_headers(w, rq->view);
	write_options(w, rq);
	document(w, "extra", &rq->extra);
	jsonw_object_end(w);
	rc = jsonw_finish(w);
	return wr.code ? wr.code : rc;
}

int32_t canonical_write(
	const canonical_request *rq, const llm_allocator *mem, buf *out, llm_err *err)
{
	int32_t rc;
	buf plain;

	buf_init(&plain, mem, 0);
	rc = write_plain(rq, &plain);
	if (rc)
		err_set(err, rc,
			rc == LLM_E_NOMEM ? "out of memory" :
					    "the request holds a number or a text that is none");
	else
		rc = jcs_write(buf_text(&plain), plain.len, mem, out, err);
	buf_done(&plain);
	return rc;
}

/* ---- hashes ---- */

int32_t canonical_cache_key(const privacy *p, const char *workspace, const char *space,
	const llm_bytes *canonical, const llm_allocator *mem, char ret_hex[SHA256_HEX])
{
	const char *const before[] = {CANONICAL_VERSION, workspace, space};
	int32_t rc = 0;
	size_t i;
	buf all;

	buf_init(&all, mem, 0);
	for (i = 0; !rc && i < sizeof(before) / sizeof(before[0]); i++)
		rc = buf_add(&all, before[i], strlen(before[i]) + 1);
	if (!rc)
		rc = buf_add(&all, canonical->ptr, canonical->len);
	if (!rc)
		rc = privacy_hash(p, "cache", &(llm_bytes){buf_text(&all), all.len}, mem, ret_hex);
	buf_done(&all);
	return rc;
}

int32_t canonical_fingerprint(const privacy *p, const llm_bytes *canonical,
	const llm_allocator *mem, char ret_hex[SHA256_HEX])
{
	int32_t rc;
	buf all;

	buf_init(&all, mem, 0);
	rc = buf_add(&all, CANONICAL_VERSION, sizeof(CANONICAL_VERSION));
	if (!rc)
		rc = buf_add(&all, canonical->ptr, canonical->len);
	if (!rc)
		rc = privacy_hash(
			p, "fingerprint", &(llm_bytes){buf_text(&all), all.len}, mem, ret_hex);
	buf_done(&all);
	return rc;
}
