/*
 * response.c - what Ollama answers: one object, or one object a line.
 *
 * Wrong types. `message`, `content`, `thinking`, `tool_calls` and `done` carry the
 * answer: another type is LLM_E_PROTOCOL. `model`, `done_reason`, `logprobs`, the counts
 * and the durations stand beside it: another type counts as not sent. A count that is
 * not sent is unknown, although Ollama leaves out zeroes as well.
 */
#include <string.h>

#include "ollama.h"

enum { N_INPUT, N_OUTPUT, N_LOAD, N_PROMPT, N_EVAL, N_COUNTS };

static const char *const count_names[N_COUNTS] = {
	"prompt_eval_count",
	"eval_count",
	"load_duration",
	"prompt_eval_duration",
	"eval_duration",
};

typedef struct answer {
	jsonr_text model;
	jsonr_text content;
	jsonr_text thinking;
	jsonr_text reason;
	llm_bytes calls;
	llm_bytes logprobs;
	llm_bytes error;
	llm_bytes time; /* another in each line */
	int64_t counts[N_COUNTS]; /* -1: not sent */
	int has_message;
	int done;
	int bad;
} answer;

static int32_t nonsense(const ollama *o, const char *text)
{
	return kit_error(o->host, LLM_E_PROTOCOL, text, NULL, NULL);
}

/* An array as it is written, if it is one and holds something; null is none. */
static int read_array(jsonr *r, llm_bytes *ret)
{
	int kind = jsonr_peek(r);

	if (kind == JSONR_ARRAY)
		jsonr_raw(r, ret);
	else
		jsonr_skip(r);
	return kind == JSONR_ARRAY || kind == JSONR_NULL;
}

static void read_message(jsonr *r, answer *a)
{
	jsonr_text key;

	if (!jsonr_enter_object(r)) {
		jsonr_skip(r);
		a->bad = 1;
		return;
	}
	a->has_message = 1;
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "content"))
			a->bad |= !kit_string_or_null(r, &a->content);
		else if (jsonr_is(&key, "thinking"))
			a->bad |= !kit_string_or_null(r, &a->thinking);
		else if (jsonr_is(&key, "tool_calls"))
			a->bad |= !read_array(r, &a->calls);
		else
			jsonr_skip(r);
	}
}

/* `null` and "" are no error. */
static void read_error(jsonr *r, answer *a)
{
	llm_bytes value;

	if (!jsonr_raw(r, &value))
		return;
	if (!kit_is(&value, "null") && !kit_is(&value, "\"\""))
		a->error = value;
}

static void read_count(jsonr *r, const jsonr_text *key, answer *a)
{
	size_t i;

	for (i = 0; i < N_COUNTS; i++) {
		if (jsonr_is(key, count_names[i])) {
			kit_count(r, &a->counts[i]);
			return;
		}
	}
	jsonr_skip(r);
}

static void read_member(jsonr *r, const jsonr_text *key, answer *a)
{
	if (jsonr_is(key, "message"))
		read_message(r, a);
	else if (jsonr_is(key, "done"))
		a->bad |= !jsonr_bool(r, &a->done);
	else if (jsonr_is(key, "error"))
		read_error(r, a);
	else if (jsonr_is(key, "model"))
		jsonr_string(r, &a->model);
	else if (jsonr_is(key, "done_reason"))
		jsonr_string(r, &a->reason);
	else if (jsonr_is(key, "logprobs"))
		read_array(r, &a->logprobs);
	else if (jsonr_is(key, "created_at"))
		jsonr_raw(r, &a->time);
	else
		read_count(r, key, a);
}

static int32_t read_answer(const llm_bytes *json, answer *a)
{
	jsonr_text key;
	jsonr r;
	size_t i;

	memset(a, 0, sizeof(*a));
	for (i = 0; i < N_COUNTS; i++)
		a->counts[i] = LLM_TOKENS_UNKNOWN;
	jsonr_init(&r, json->ptr, json->len);
	if (!jsonr_enter_object(&r))
		return LLM_E_PROTOCOL;
	while (jsonr_member(&r, &key))
		read_member(&r, &key, a);
	return jsonr_finish(&r);
}

static int32_t push_error(
	const ollama *o, ollama_stream *s, const answer *a, const llm_result_sink *out)
{
	llm_error_facts facts = {.struct_size = (uint32_t)sizeof(facts), .retry_after_ms = -1};

	ollama_error_facts(o, LLM_SCOPE_SCRATCH, &a->error, &facts);
	/* The HTTP status was sent before the failure; Ollama's own failures are its 500. */
	if (facts.status == 0)
		facts.status = 500;
	s->failed = 1;
	return out->error(out->ctx, &facts);
}

static int32_t push_model(
	const ollama *o, ollama_stream *s, const answer *a, const llm_result_sink *out)
{
	llm_bytes name;
	int32_t rc;

	if (s->model_told || a->model.len == 0)
		return 0;
	rc = kit_decode(o->host, LLM_SCOPE_SCRATCH, &a->model, &name);
	if (rc)
		return rc;
	s->model_told = 1;
	return out->meta(out->ctx, LLM_META_MODEL, name.ptr, name.len);
}

static int32_t push_content(
	const ollama *o, ollama_stream *s, const answer *a, const llm_result_sink *out)
{
	int32_t rc = push_model(o, s, a, out);

	if (rc == 0)
		rc = kit_emit(o->host, &a->thinking, out->reasoning, out->ctx);
	if (rc == 0)
		rc = kit_emit(o->host, &a->content, out->text, out->ctx);
	if (rc == 0 && a->calls.len > 0)
		rc = ollama_read_calls(o, s, &a->calls, out);
	if (rc == 0 && a->logprobs.len > 0)
		rc = out->meta(out->ctx, LLM_META_LOGPROBS, a->logprobs.ptr, a->logprobs.len);
	return rc;
}

typedef struct raw_usage {
	char text[512]; /* five names and numbers take less than 250 */
	size_t len;
} raw_usage;

static int32_t raw_usage_put(void *ctx, const char *bytes, size_t len)
{
	raw_usage *raw = ctx;

	if (len > sizeof(raw->text) - raw->len)
		return LLM_E_INTERNAL;
	memcpy(raw->text + raw->len, bytes, len);
	raw->len += len;
	return 0;
}

/* Ollama has no object for usage; its counts are told as one. */
static int32_t push_raw_usage(const answer *a, const llm_result_sink *out)
{
	raw_usage raw = {{0}, 0};
	int32_t rc;
	jsonw w;
	int i;

	jsonw_init(&w, raw_usage_put, &raw);
	jsonw_object(&w);
	for (i = 0; i < N_COUNTS; i++) {
		if (a->counts[i] < 0)
			continue;
		jsonw_key(&w, count_names[i]);
		jsonw_int(&w, a->counts[i]);
	}
	jsonw_object_end(&w);
	rc = jsonw_finish(&w);
	return rc ? rc : out->meta(out->ctx, LLM_META_USAGE_RAW, raw.text, raw.len);
}

static int32_t push_usage(const answer *a, const llm_result_sink *out)
{
	llm_usage usage = LLM_USAGE_INIT;
	int32_t rc;

	if (a->counts[N_INPUT] < 0 && a->counts[N_OUTPUT] < 0)
		return 0;
	usage.input_tokens = a->counts[N_INPUT];
	usage.output_tokens = a->counts[N_OUTPUT];
	rc = out->usage(out->ctx, &usage);
	return rc ? rc : push_raw_usage(a, out);
}

static int32_t push_times(const answer *a, const llm_result_sink *out)
{
	static const uint32_t metrics[N_COUNTS] = {
		0, 0, LLM_METRIC_LOAD_MS, LLM_METRIC_PROMPT_MS, LLM_METRIC_OUTPUT_MS};
	int32_t rc = 0;
	int i;

	for (i = N_LOAD; rc == 0 && i < N_COUNTS; i++)
		if (a->counts[i] >= 0)
			rc = out->metric(out->ctx, metrics[i], (uint64_t)a->counts[i] / 1000000);
	return rc;
}

static uint32_t finish_reason(const jsonr_text *reason, int called)
{
	if (reason->len == 0 || jsonr_is(reason, "stop"))
		return called ? LLM_FINISH_TOOL_CALLS : LLM_FINISH_STOP;
	if (jsonr_is(reason, "length"))
		return LLM_FINISH_LENGTH;
	if (jsonr_is(reason, "load") || jsonr_is(reason, "unload"))
		return LLM_FINISH_STOP;
	return LLM_FINISH_OTHER;
}

static int32_t push_end(
	const ollama *o, ollama_stream *s, const answer *a, const llm_result_sink *out)
{
	llm_bytes raw = {"", 0};
	int32_t rc = push_usage(a, out);

	if (rc == 0)
		rc = push_times(a, out);
	if (rc == 0 && a->reason.len > 0)
		rc = kit_decode(o->host, LLM_SCOPE_SCRATCH, &a->reason, &raw);
	if (rc)
		return rc;
	s->done = 1;
	return out->finish(out->ctx, finish_reason(&a->reason, s->n_calls > 0), raw.ptr, raw.len);
}

/* ---- lines that differ in their text alone ---- */

/* Is a text of the answer or of its thinking all that came of it? */
static int is_plain(const answer *a)
{
	if (a->done || a->calls.len > 0 || a->logprobs.len > 0)
		return 0;
	return (a->content.len > 0) != (a->thinking.len > 0);
}

static void keep_line(const ollama *o, ollama_stream *s, const llm_bytes *json, const answer *a)
{
	const jsonr_text *text = a->content.len > 0 ? &a->content : &a->thinking;
	const llm_bytes values[KIT_REPEAT_VALUES] = {kit_quoted(text), a->time};

	if (!is_plain(a))
		return;
	if (kit_repeat_keep(&s->repeat, o->host, json, values))
		s->repeats_thinking = text == &a->thinking;
}

int ollama_read_repeat(const ollama *o, const ollama_stream *s, const llm_bytes *json,
	const llm_result_sink *out, int32_t *ret)
{
	jsonr_text values[KIT_REPEAT_VALUES];

	if (!kit_repeat_find(&s->repeat, json, values))
		return 0;
	*ret = kit_emit(
		o->host, &values[0], s->repeats_thinking ? out->reasoning : out->text, out->ctx);
	return 1;
}

/* ---- the object ---- */

int32_t ollama_read_object(
	const ollama *o, ollama_stream *s, const llm_bytes *json, const llm_result_sink *out)
{
	answer a;
	int32_t rc;

	if (read_answer(json, &a))
		return nonsense(o, "Ollama's answer is not a JSON object");
	if (a.error.ptr)
		return push_error(o, s, &a, out);
	if (a.bad || !a.has_message)
		return nonsense(o,
			"Ollama's answer lacks a message,"
			" or a member of it has a wrong type");
	rc = a.calls.len > 0 ? ollama_read_calls(o, s, &a.calls, NULL) : 0;
	if (rc == 0)
		rc = push_content(o, s, &a, out);
	if (rc == 0)
		keep_line(o, s, json, &a);
	/* The last line may carry content and tool calls beside the counts. */
	return rc == 0 && a.done ? push_end(o, s, &a, out) : rc;
}
