/*
 * response.c - one object of an answer: a whole reply or a chunk of a stream.
 *
 * Wrong types. `choices`, a choice, `message` or `delta`, `content`, `reasoning`,
 * `refusal`, `tool_calls` and `finish_reason` carry the answer: another type is
 * LLM_E_PROTOCOL (null is none). `id`, `model`, `usage`, `logprobs` and `reasoning_details`
 * stand beside it: another type counts as not sent.
 */
#include <string.h>

#include "openai.h"

typedef struct answer {
	jsonr_text id;
	jsonr_text model;
	jsonr_text content;
	jsonr_text reasoning;
	jsonr_text refusal;
	jsonr_text finish;
	llm_bytes parts; /* content as an array */
	llm_bytes calls; /* an array */
	llm_bytes old_call; /* function_call, an object */
	llm_bytes details; /* an array */
	llm_bytes logprobs; /* an array */
	llm_bytes usage;
	llm_bytes timings; /* llama.cpp's */
	llm_bytes groq; /* x_groq, an object */
	llm_bytes padding; /* says nothing, and is another in each chunk */
	int n_choices;
	int suspect; /* it may be an error in one of the shapes of errors.c */
	int bad;
} answer;

static int32_t nonsense(const openai *o, const char *text)
{
	return kit_error(o->host, LLM_E_PROTOCOL, text, NULL, NULL);
}

static void read_content(jsonr *r, answer *a)
{
	if (jsonr_peek(r) != JSONR_ARRAY) {
		a->bad |= !kit_string_or_null(r, &a->content);
		return;
	}
	jsonr_raw(r, &a->parts);
	a->bad |= !openai_parts_fit(&a->parts);
}

/* The older and the newer name of one thing; when both come they are equal. */
static void read_reasoning(jsonr *r, answer *a)
{
	jsonr_text text = {"", 0, 0};

	a->bad |= !kit_string_or_null(r, &text);
	if (text.len > 0)
		a->reasoning = text;
}

/* A value of that kind as it is written. */
static int read_raw(jsonr *r, int kind, llm_bytes *ret)
{
	if (jsonr_peek(r) != kind)
		return 0;
	jsonr_raw(r, ret);
	return 1;
}

static void read_calls(jsonr *r, answer *a)
{
	if (!read_raw(r, JSONR_ARRAY, &a->calls))
		a->bad |= jsonr_peek(r) != JSONR_NULL;
	else
		a->bad |= !openai_calls_fit(&a->calls);
}

static void read_old_call(jsonr *r, answer *a)
{
	if (!read_raw(r, JSONR_OBJECT, &a->old_call))
		a->bad |= jsonr_peek(r) != JSONR_NULL;
	else
		a->bad |= !openai_old_call_fits(&a->old_call);
}

static void read_message(jsonr *r, answer *a)
{
	jsonr_text key;

	if (jsonr_peek(r) == JSONR_NULL)
		return; /* Azure's late chunks about filters have no delta */
	if (!jsonr_enter_object(r)) {
		a->bad = 1;
		return;
	}
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "content"))
			read_content(r, a);
		else if (jsonr_is(&key, "reasoning") || jsonr_is(&key, "reasoning_content"))
			read_reasoning(r, a);
		else if (jsonr_is(&key, "refusal"))
			a->bad |= !kit_string_or_null(r, &a->refusal);
		else if (jsonr_is(&key, "tool_calls"))
			read_calls(r, a);
		else if (jsonr_is(&key, "function_call"))
			read_old_call(r, a);
		else if (jsonr_is(&key, "reasoning_details"))
			read_raw(r, JSONR_ARRAY, &a->details);
	}
}

/* Of each token; those of a refusal are passed over. */
static void read_logprobs(jsonr *r, answer *a)
{
	jsonr_text key;

	if (!jsonr_enter_object(r))
		return;
	while (jsonr_member(r, &key))
		if (jsonr_is(&key, "content"))
			read_raw(r, JSONR_ARRAY, &a->logprobs);
}

/* Choices of other indexes are passed over: one answer was asked for. */
static void read_choice(jsonr *r, answer *a)
{
	answer choice = *a;
	int64_t index = 0;
	jsonr_text key;

	if (!jsonr_enter_object(r)) {
		a->bad = 1;
		return;
	}
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "index"))
			kit_count(r, &index);
		else if (jsonr_is(&key, "delta") || jsonr_is(&key, "message"))
			read_message(r, &choice);
		else if (jsonr_is(&key, "finish_reason"))
			choice.bad |= !kit_string_or_null(r, &choice.finish);
		else if (jsonr_is(&key, "logprobs"))
			read_logprobs(r, &choice);
	}
	if (index == 0)
		*a = choice;
}

static void read_choices(jsonr *r, answer *a)
{
	if (jsonr_peek(r) == JSONR_NULL)
		return;
	if (!jsonr_enter_array(r)) {
		a->bad = 1;
		return;
	}
	while (jsonr_element(r)) {
		a->n_choices++;
		read_choice(r, a);
	}
}

static void read_other(jsonr *r, const jsonr_text *key, answer *a)
{
	jsonr_text word = {"", 0, 0};

	if (jsonr_is(key, "error"))
		a->suspect |= jsonr_peek(r) != JSONR_NULL;
	else if (jsonr_is(key, "obfuscation") || jsonr_is(key, "p")) /* OpenAI's, Mistral's */
		jsonr_raw(r, &a->padding);
	else if (jsonr_is(key, "object") && jsonr_string(r, &word))
		a->suspect |= jsonr_is(&word, "error");
}

static void read_member(jsonr *r, const jsonr_text *key, answer *a)
{
	if (jsonr_is(key, "choices"))
		read_choices(r, a);
	else if (jsonr_is(key, "usage"))
		jsonr_raw(r, &a->usage);
	else if (jsonr_is(key, "id"))
		jsonr_string(r, &a->id);
	else if (jsonr_is(key, "model"))
		jsonr_string(r, &a->model);
	else if (jsonr_is(key, "timings"))
		jsonr_raw(r, &a->timings);
	else if (jsonr_is(key, "x_groq"))
		read_raw(r, JSONR_OBJECT, &a->groq);
	else
		read_other(r, key, a);
}

static int32_t read_answer(const llm_bytes *json, answer *a)
{
	jsonr_text key;
	jsonr r;

	memset(a, 0, sizeof(*a));
	jsonr_init(&r, json->ptr, json->len);
	if (!jsonr_enter_object(&r))
		return LLM_E_PROTOCOL;
	while (jsonr_member(&r, &key))
		read_member(&r, &key, a);
	return jsonr_finish(&r);
}

static int32_t push_meta(const openai *o, const jsonr_text *t, uint32_t key, uint32_t *told,
	const llm_result_sink *out)
{
	llm_bytes text;
	int32_t rc;

	if (*told || t->len == 0) /* Azure's first chunk has them empty */
		return 0;
	rc = kit_decode(o->host, LLM_SCOPE_SCRATCH, t, &text);
	if (rc)
		return rc;
	*told = 1;
	return out->meta(out->ctx, key, text.ptr, text.len);
}

static int32_t push_ids(
	const openai *o, openai_stream *s, const answer *a, const llm_result_sink *out)
{
	const char *id = s->request_id;
	int32_t rc = 0;

	if (id && !s->request_id_told)
		rc = out->meta(out->ctx, LLM_META_REQUEST_ID, id, strlen(id));
	s->request_id_told = 1;
	if (rc == 0)
		rc = push_meta(o, &a->id, LLM_META_RESPONSE_ID, &s->id_told, out);
	if (rc == 0)
		rc = push_meta(o, &a->model, LLM_META_MODEL, &s->model_told, out);
	return rc;
}

static int32_t push_content(
	const openai *o, openai_stream *s, const answer *a, const llm_result_sink *out)
{
	int32_t rc;

	s->output |= a->reasoning.len > 0 || a->content.len > 0 || a->refusal.len > 0;
	s->refused |= a->refusal.len > 0;
	rc = kit_emit(o->host, &a->reasoning, out->reasoning, out->ctx);
	if (rc == 0 && a->parts.len > 0)
		rc = openai_read_parts(o, &a->parts, out, &s->output);
	if (rc == 0)
		rc = kit_emit(o->host, &a->content, out->text, out->ctx);
	if (rc == 0)
		rc = kit_emit(o->host, &a->refusal, out->text, out->ctx);
	return rc;
}

static int32_t push_calls(
	const openai *o, openai_stream *s, const answer *a, const llm_result_sink *out)
{
	int32_t rc = 0;

	if (s->finished) /* they were ended */
		return 0;
	if (a->calls.len > 0)
		rc = openai_read_calls(o, s, &a->calls, out);
	if (rc == 0 && !s->failed && a->old_call.len > 0)
		rc = openai_read_old_call(o, s, &a->old_call, out);
	s->output |= s->n_calls > 0;
	return rc;
}

/* The usage of Groq's own member, for when there is no other. */
static llm_bytes groq_usage(const answer *a)
{
	llm_bytes usage = {NULL, 0};
	jsonr_text key;
	jsonr r;

	jsonr_init(&r, a->groq.ptr, a->groq.len);
	if (a->groq.len > 0 && jsonr_enter_object(&r))
		while (jsonr_member(&r, &key))
			if (jsonr_is(&key, "usage"))
				jsonr_raw(&r, &usage);
	return usage;
}

static int32_t push_numbers(const answer *a, const llm_result_sink *out)
{
	llm_bytes usage = a->usage;
	int some = 0;
	int32_t rc = 0;

	if (usage.len > 0)
		rc = openai_push_usage(&usage, out, &some);
	if (rc == 0 && !some) {
		usage = groq_usage(a);
		rc = usage.len > 0 ? openai_push_usage(&usage, out, &some) : 0;
	}
	if (rc == 0 && a->timings.len > 0)
		rc = openai_push_timings(&a->timings, out);
	if (rc == 0 && a->logprobs.len > 2) /* more than [] */
		rc = out->meta(out->ctx, LLM_META_LOGPROBS, a->logprobs.ptr, a->logprobs.len);
	return rc;
}

/* What was held back goes out before the end. */
static int32_t push_end(const openai *o, openai_stream *s, uint32_t reason, const llm_bytes *word,
	const llm_result_sink *out)
{
	int32_t rc = openai_end_calls(s, out);

	if (rc == 0 && !s->failed)
		rc = openai_push_details(o, s, out);
	if (rc || s->failed)
		return rc;
	if (reason == LLM_FINISH_STOP && s->n_calls > 0)
		reason = LLM_FINISH_TOOL_CALLS;
	if (reason == LLM_FINISH_STOP && s->refused)
		reason = LLM_FINISH_CONTENT_FILTER;
	s->finished = 1;
	return out->finish(out->ctx, reason, word->ptr, word->len);
}

int32_t openai_push_plain_end(const openai *o, openai_stream *s, const llm_result_sink *out)
{
	llm_bytes no_word = {"", 0};

	return push_end(o, s, LLM_FINISH_STOP, &no_word, out);
}

static int32_t push_finish(
	const openai *o, openai_stream *s, const answer *a, const llm_result_sink *out)
{
	static const char text[] = "the provider ended the answer before it was whole";
	uint32_t reason = openai_finish_reason(&a->finish);
	llm_bytes word;
	int32_t rc;

	rc = kit_decode(o->host, LLM_SCOPE_SCRATCH, &a->finish, &word);
	if (rc)
		return rc;
	if (reason == LLM_FINISH_NONE) /* its word is the code */
		return openai_push_failure(s, &word, text, out);
	return push_end(o, s, reason, &word, out);
}

static int32_t push_answer(
	const openai *o, openai_stream *s, const answer *a, const llm_result_sink *out)
{
	int32_t rc = push_ids(o, s, a, out);

	if (rc == 0 && a->details.len > 0)
		rc = openai_keep_details(o, s, &a->details);
	if (rc == 0)
		rc = push_content(o, s, a, out);
	if (rc == 0)
		rc = push_calls(o, s, a, out);
	if (rc || s->failed)
		return rc;
	/* Look-alikes put usage beside the finish, so it goes first. */
	rc = push_numbers(a, out);
	if (rc == 0 && a->finish.len > 0 && !s->finished)
		rc = push_finish(o, s, a, out);
	return rc;
}

static int32_t push_error(
	openai_stream *s, const llm_error_facts *found, const llm_result_sink *out)
{
	llm_error_facts facts = *found;

	/* The status of the reply is a success; without a better one it is a server's failure. */
	if (facts.status == 0)
		facts.status = 500;
	if (s->request_id)
		facts.request_id = kit_text(s->request_id);
	s->failed = 1;
	return out->error(out->ctx, &facts);
}

/* ---- chunks that differ in their text alone ---- */

/* Is a text of the answer or of its reasoning all that came of it? */
static int is_plain(const answer *a)
{
	const size_t other = a->refusal.len + a->finish.len + a->parts.len + a->calls.len +
		a->old_call.len + a->details.len + a->timings.len + a->groq.len;

	if (a->n_choices != 1 || a->suspect || other > 0 || a->logprobs.len > 2)
		return 0;
	if (a->usage.len > 0 && a->usage.ptr[0] == '{')
		return 0;
	return (a->content.len > 0) != (a->reasoning.len > 0);
}

static void keep_chunk(const openai *o, openai_stream *s, const llm_bytes *json, const answer *a)
{
	const jsonr_text *text = a->content.len > 0 ? &a->content : &a->reasoning;
	const llm_bytes values[KIT_REPEAT_VALUES] = {kit_quoted(text), a->padding};

	if (s->whole || !is_plain(a))
		return;
	if (kit_repeat_keep(&s->repeat, o->host, json, values))
		s->repeats_reasoning = text == &a->reasoning;
}

int openai_read_repeat(const openai *o, openai_stream *s, const llm_bytes *json,
	const llm_result_sink *out, int32_t *ret)
{
	jsonr_text values[KIT_REPEAT_VALUES];

	if (!kit_repeat_find(&s->repeat, json, values))
		return 0;
	if (values[0].len == 0) /* another member may hold the text */
		return 0;
	s->output = 1;
	*ret = kit_emit(
		o->host, &values[0], s->repeats_reasoning ? out->reasoning : out->text, out->ctx);
	return 1;
}

/* ---- the object ---- */

/* 1 when the object tells of an error, in itself or in x_groq. */
static int find_error(const openai *o, const answer *a, const llm_bytes *json, llm_error_facts *ret)
{
	if (a->suspect && openai_error_facts(o, LLM_SCOPE_SCRATCH, json, ret))
		return 1;
	return a->groq.len > 0 && openai_error_facts(o, LLM_SCOPE_SCRATCH, &a->groq, ret);
}

int32_t openai_read_object(
	const openai *o, openai_stream *s, const llm_bytes *json, const llm_result_sink *out)
{
	llm_error_facts facts = {.struct_size = (uint32_t)sizeof(facts), .retry_after_ms = -1};
	int32_t rc;
	answer a;

	if (read_answer(json, &a))
		return nonsense(o, "the answer is not a JSON object");
	a.suspect |= s->whole && a.n_choices == 0;
	if (find_error(o, &a, json, &facts))
		return push_error(s, &facts, out);
	if (a.bad)
		return nonsense(o, "a member of the answer has a wrong type");
	if (s->whole && a.n_choices == 0)
		return nonsense(o, "the answer holds no choices");
	rc = push_answer(o, s, &a, out);
	if (rc == 0)
		keep_chunk(o, s, json, &a);
	return rc;
}
