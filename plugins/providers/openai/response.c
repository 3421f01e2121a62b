/*
 * response.c - one object of an answer: a whole reply or a chunk of a stream.
 *
 * Wrong types. `choices`, a choice, `message` or `delta`, `content`, `reasoning`,
 * `refusal` and `finish_reason` carry the answer: another type is LLM_E_PROTOCOL (null is
 * none). `id`, `model` and `usage` stand beside it: another type counts as not sent. Tool
 * calls are not read yet; that they came is told as a warning.
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
	llm_bytes usage;
	int n_choices;
	int suspect; /* it may be an error in one of the shapes of errors.c */
	int called;
	int bad;
} answer;

static int32_t nonsense(const openai *o, const char *text)
{
	return kit_error(o->host, LLM_E_PROTOCOL, text, NULL, NULL);
}

static void read_content(jsonr *r, answer *a)
{
	if (jsonr_peek(r) == JSONR_ARRAY)
		jsonr_raw(r, &a->parts);
	else
		a->bad |= !kit_string_or_null(r, &a->content);
}

/* The older and the newer name of one thing; when both come they are equal. */
static void read_reasoning(jsonr *r, answer *a)
{
	jsonr_text text = {"", 0, 0};

	a->bad |= !kit_string_or_null(r, &text);
	if (text.len > 0)
		a->reasoning = text;
}

static void read_calls(jsonr *r, answer *a)
{
	if (jsonr_enter_array(r))
		while (jsonr_element(r))
			a->called = 1;
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
	}
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

static void read_error_mark(jsonr *r, const jsonr_text *key, answer *a)
{
	jsonr_text word = {"", 0, 0};

	if (jsonr_is(key, "error"))
		a->suspect |= jsonr_peek(r) != JSONR_NULL;
	else if (jsonr_is(key, "object") && jsonr_string(r, &word))
		a->suspect |= jsonr_is(&word, "error");
}

static int32_t read_answer(const llm_bytes *json, answer *a)
{
	jsonr_text key;
	jsonr r;

	memset(a, 0, sizeof(*a));
	jsonr_init(&r, json->ptr, json->len);
	if (!jsonr_enter_object(&r))
		return LLM_E_PROTOCOL;
	while (jsonr_member(&r, &key)) {
		if (jsonr_is(&key, "choices"))
			read_choices(&r, a);
		else if (jsonr_is(&key, "usage"))
			jsonr_raw(&r, &a->usage);
		else if (jsonr_is(&key, "id"))
			jsonr_string(&r, &a->id);
		else if (jsonr_is(&key, "model"))
			jsonr_string(&r, &a->model);
		else
			read_error_mark(&r, &key, a);
	}
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
	static const char told[] = "the answer holds tool calls, which this version does not read";
	int32_t rc;

	s->output |= a->reasoning.len > 0 || a->content.len > 0 || a->refusal.len > 0;
	rc = kit_emit(o->host, &a->reasoning, out->reasoning, out->ctx);
	if (rc == 0 && a->parts.len > 0)
		rc = openai_read_parts(o, &a->parts, out, &s->output);
	if (rc == 0)
		rc = kit_emit(o->host, &a->content, out->text, out->ctx);
	if (rc == 0)
		rc = kit_emit(o->host, &a->refusal, out->text, out->ctx);
	if (rc == 0 && a->called && !s->called)
		rc = out->warning(out->ctx, told, sizeof(told) - 1);
	s->called |= (uint32_t)a->called;
	s->refused |= a->refusal.len > 0;
	return rc;
}

/* Words of OpenAI and its look-alikes. LLM_FINISH_NONE: the answer failed. */
static uint32_t finish_reason(const jsonr_text *word)
{
	static const struct {
		const char *word;
		uint32_t reason;
	} words[] = {
		{"stop", LLM_FINISH_STOP},
		{"eos", LLM_FINISH_STOP},
		{"end_turn", LLM_FINISH_STOP},
		{"stop_sequence", LLM_FINISH_STOP},
		{"length", LLM_FINISH_LENGTH},
		{"max_tokens", LLM_FINISH_LENGTH},
		{"model_length", LLM_FINISH_LENGTH},
		{"tool_calls", LLM_FINISH_TOOL_CALLS},
		{"tool_use", LLM_FINISH_TOOL_CALLS},
		{"function_call", LLM_FINISH_TOOL_CALLS},
		{"content_filter", LLM_FINISH_CONTENT_FILTER},
		{"safety", LLM_FINISH_CONTENT_FILTER},
		{"refusal", LLM_FINISH_CONTENT_FILTER},
		{"error", LLM_FINISH_NONE},
		{"insufficient_system_resource", LLM_FINISH_NONE},
		{"abort", LLM_FINISH_NONE},
		{"cancelled", LLM_FINISH_NONE},
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (jsonr_is(word, words[i].word))
			return words[i].reason;
	return LLM_FINISH_OTHER;
}

/* The provider gave up: its word is the code that openai_error_rules knows. */
static int32_t push_failure(openai_stream *s, const llm_bytes *word, const llm_result_sink *out)
{
	llm_error_facts facts = {
		.struct_size = (uint32_t)sizeof(facts), .status = 500, .retry_after_ms = -1};

	facts.code = *word;
	facts.request_id = kit_text(s->request_id);
	facts.message = kit_text("the provider ended the answer before it was whole");
	s->failed = 1;
	return out->error(out->ctx, &facts);
}

static int32_t push_finish(
	const openai *o, openai_stream *s, const answer *a, const llm_result_sink *out)
{
	uint32_t reason = finish_reason(&a->finish);
	llm_bytes word;
	int32_t rc;

	rc = kit_decode(o->host, LLM_SCOPE_SCRATCH, &a->finish, &word);
	if (rc)
		return rc;
	if (reason == LLM_FINISH_NONE)
		return push_failure(s, &word, out);
	if (reason == LLM_FINISH_STOP && s->called)
		reason = LLM_FINISH_TOOL_CALLS;
	if (reason == LLM_FINISH_STOP && s->refused)
		reason = LLM_FINISH_CONTENT_FILTER;
	s->finished = 1;
	return out->finish(out->ctx, reason, word.ptr, word.len);
}

static int32_t push_answer(
	const openai *o, openai_stream *s, const answer *a, const llm_result_sink *out)
{
	int32_t rc = push_ids(o, s, a, out);

	if (rc == 0)
		rc = push_content(o, s, a, out);
	/* Look-alikes put usage beside the finish, so it goes first. */
	if (rc == 0 && a->usage.len > 0)
		rc = openai_push_usage(&a->usage, out);
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
	facts.request_id = kit_text(s->request_id);
	s->failed = 1;
	return out->error(out->ctx, &facts);
}

int32_t openai_read_object(const openai *o, openai_stream *s, const llm_bytes *json, int whole,
	const llm_result_sink *out)
{
	llm_error_facts facts = {.struct_size = (uint32_t)sizeof(facts), .retry_after_ms = -1};
	answer a;

	if (read_answer(json, &a))
		return nonsense(o, "the answer is not a JSON object");
	a.suspect |= whole && a.n_choices == 0;
	if (a.suspect && openai_error_facts(o, LLM_SCOPE_SCRATCH, json, &facts))
		return push_error(s, &facts, out);
	if (a.bad)
		return nonsense(o, "a member of the answer has a wrong type");
	if (whole && a.n_choices == 0)
		return nonsense(o, "the answer holds no choices");
	return push_answer(o, s, &a, out);
}
