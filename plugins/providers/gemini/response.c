/*
 * response.c - one object of an answer: a whole one, or an event of a stream.
 *
 * Wrong types. `candidates`, a candidate, `content`, `parts` and `finishReason` carry the
 * answer: another type is LLM_E_PROTOCOL (null is none); so is a `promptFeedback` that is no
 * object where no candidate came. Everything else stands beside it, and counts as not sent
 * when it has another type.
 */
#include <string.h>

#include "gemini.h"

typedef struct answer {
	jsonr_text id;
	jsonr_text model;
	jsonr_text finish;
	jsonr_text finish_message;
	jsonr_text token; /* continuationToken */
	jsonr_text block; /* why the prompt was refused */
	jsonr_text stage; /* of the model's life */
	jsonr_text stage_message;
	llm_bytes parts;
	llm_bytes usage;
	llm_bytes logprobs;
	int n_candidates;
	int feedback; /* there is a promptFeedback */
	int suspect; /* there is an error */
	int bad;
} answer;

static int32_t nonsense(const gemini *g, const char *text)
{
	return kit_error(g->host, LLM_E_PROTOCOL, text, NULL, NULL);
}

/* ---- reading ---- */

/* Enters an object or an array; what is neither it nor null is bad. */
static int enter(jsonr *r, int kind, int *ret_bad)
{
	int found = jsonr_peek(r);

	*ret_bad |= found != kind && found != JSONR_NULL;
	return kind == JSONR_OBJECT ? jsonr_enter_object(r) : jsonr_enter_array(r);
}

static void read_content(jsonr *r, answer *a)
{
	jsonr_text key;
	int kind;

	if (!enter(r, JSONR_OBJECT, &a->bad))
		return;
	while (jsonr_member(r, &key)) {
		if (!jsonr_is(&key, "parts"))
			continue;
		kind = jsonr_peek(r);
		a->bad |= kind != JSONR_ARRAY && kind != JSONR_NULL;
		if (kind == JSONR_ARRAY)
			jsonr_raw(r, &a->parts);
	}
}

static void read_candidate_member(jsonr *r, const jsonr_text *key, answer *a)
{
	if (jsonr_is(key, "content"))
		read_content(r, a);
	else if (jsonr_is(key, "finishReason"))
		a->bad |= !kit_string_or_null(r, &a->finish);
	else if (jsonr_is(key, "finishMessage"))
		jsonr_string(r, &a->finish_message);
	else if (jsonr_is(key, "continuationToken"))
		jsonr_string(r, &a->token);
	else if (jsonr_is(key, "logprobsResult") && jsonr_peek(r) == JSONR_OBJECT)
		jsonr_raw(r, &a->logprobs);
}

/* Candidates of other indexes are passed over: one answer was asked for. */
static void read_candidate(jsonr *r, answer *a)
{
	answer candidate = *a;
	int64_t index = 0;
	jsonr_text key;

	if (!jsonr_enter_object(r)) {
		a->bad = 1;
		return;
	}
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "index"))
			gemini_count(r, &index);
		else
			read_candidate_member(r, &key, &candidate);
	}
	if (index == 0)
		*a = candidate;
}

static void read_candidates(jsonr *r, answer *a)
{
	if (!enter(r, JSONR_ARRAY, &a->bad))
		return;
	while (jsonr_element(r)) {
		a->n_candidates++;
		read_candidate(r, a);
	}
}

static void read_feedback(jsonr *r, answer *a)
{
	jsonr_text key;

	if (!jsonr_enter_object(r))
		return;
	a->feedback = 1;
	while (jsonr_member(r, &key))
		if (jsonr_is(&key, "blockReason"))
			jsonr_string(r, &a->block);
}

static void read_stage(jsonr *r, answer *a)
{
	jsonr_text key;

	if (!jsonr_enter_object(r))
		return;
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "modelStage"))
			jsonr_string(r, &a->stage);
		else if (jsonr_is(&key, "message"))
			jsonr_string(r, &a->stage_message);
	}
}

static void read_member(jsonr *r, const jsonr_text *key, answer *a)
{
	if (jsonr_is(key, "candidates"))
		read_candidates(r, a);
	else if (jsonr_is(key, "promptFeedback"))
		read_feedback(r, a);
	else if (jsonr_is(key, "usageMetadata"))
		jsonr_raw(r, &a->usage);
	else if (jsonr_is(key, "modelVersion"))
		jsonr_string(r, &a->model);
	else if (jsonr_is(key, "responseId"))
		jsonr_string(r, &a->id);
	else if (jsonr_is(key, "modelStatus"))
		read_stage(r, a);
	else if (jsonr_is(key, "error"))
		a->suspect |= jsonr_peek(r) != JSONR_NULL;
}

static int32_t read_answer(const llm_bytes *json, answer *a)
{
	jsonr_text key;
	jsonr r;

	memset(a, 0, sizeof(*a));
	jsonr_init(&r, json->ptr, json->len);
	if (jsonr_peek(&r) == JSONR_ARRAY) { /* the form without alt=sse; errors only */
		a->suspect = 1;
		jsonr_skip(&r);
		return jsonr_finish(&r);
	}
	if (!jsonr_enter_object(&r))
		return LLM_E_PROTOCOL;
	while (jsonr_member(&r, &key))
		read_member(&r, &key, a);
	return jsonr_finish(&r);
}

/* ---- pushing ---- */

static int32_t push_meta(const gemini *g, const jsonr_text *t, uint32_t key, uint32_t *told,
	const llm_result_sink *out)
{
	llm_bytes text;
	int32_t rc;

	if (*told || t->len == 0)
		return 0;
	rc = kit_decode(g->host, LLM_SCOPE_SCRATCH, t, &text);
	if (rc)
		return rc;
	*told = 1;
	return out->meta(out->ctx, key, text.ptr, text.len);
}

/* Two texts as one warning. */
static int32_t push_warning(
	const gemini *g, const char *lead, const jsonr_text *tail, const llm_result_sink *out)
{
	size_t n = strlen(lead);
	char *text = g->host->alloc(g->host->ctx, LLM_SCOPE_SCRATCH, n + tail->len + 1);

	if (!text)
		return LLM_E_NOMEM;
	memcpy(text, lead, n + 1);
	n += jsonr_decode(tail, text + n);
	return out->warning(out->ctx, text, n);
}

/* A model on its way out is told of, once. */
static int32_t push_stage(
	const gemini *g, gemini_stream *s, const answer *a, const llm_result_sink *out)
{
	if (s->stage_told)
		return 0;
	if (!jsonr_is(&a->stage, "LEGACY") && !jsonr_is(&a->stage, "DEPRECATED") &&
		!jsonr_is(&a->stage, "RETIRED"))
		return 0;
	s->stage_told = 1;
	return push_warning(g, "Gemini says that this model is being retired: ",
		a->stage_message.len > 0 ? &a->stage_message : &a->stage, out);
}

/* In a stream each event has its own, so each goes as an array of one. */
static int32_t push_logprobs(const gemini *g, const llm_bytes *json, const llm_result_sink *out)
{
	char *text;

	if (json->len == 0)
		return 0;
	text = g->host->alloc(g->host->ctx, LLM_SCOPE_SCRATCH, json->len + 2);
	if (!text)
		return LLM_E_NOMEM;
	text[0] = '[';
	memcpy(text + 1, json->ptr, json->len);
	text[json->len + 1] = ']';
	return out->meta(out->ctx, LLM_META_LOGPROBS, text, json->len + 2);
}

static int32_t push_token(const gemini *g, const answer *a, const llm_result_sink *out)
{
	llm_opaque_view o = {
		.struct_size = (uint32_t)sizeof(o), .provider = GEMINI_ID, .kind = GEMINI_TOKEN};
	int32_t rc;

	if (a->token.len == 0)
		return 0;
	rc = kit_decode(g->host, LLM_SCOPE_SCRATCH, &a->token, &o.data);
	return rc ? rc : out->opaque(out->ctx, &o);
}

/* LLM_FINISH_NONE: the answer failed. Words that are not here are OTHER. */
static uint32_t finish_reason(const jsonr_text *word)
{
	static const struct {
		const char *word;
		uint32_t reason;
	} words[] = {
		{"STOP", LLM_FINISH_STOP},
		{"MAX_TOKENS", LLM_FINISH_LENGTH},
		{"CONTINUATION", LLM_FINISH_LENGTH},
		{"SAFETY", LLM_FINISH_CONTENT_FILTER},
		{"RECITATION", LLM_FINISH_CONTENT_FILTER},
		{"BLOCKLIST", LLM_FINISH_CONTENT_FILTER},
		{"PROHIBITED_CONTENT", LLM_FINISH_CONTENT_FILTER},
		{"SPII", LLM_FINISH_CONTENT_FILTER},
		{"IMAGE_SAFETY", LLM_FINISH_CONTENT_FILTER},
		{"IMAGE_PROHIBITED_CONTENT", LLM_FINISH_CONTENT_FILTER},
		{"IMAGE_RECITATION", LLM_FINISH_CONTENT_FILTER},
		{"MALFORMED_FUNCTION_CALL", LLM_FINISH_NONE},
		{"UNEXPECTED_TOOL_CALL", LLM_FINISH_NONE},
		{"TOO_MANY_TOOL_CALLS", LLM_FINISH_NONE},
		{"MISSING_THOUGHT_SIGNATURE", LLM_FINISH_NONE},
		{"MALFORMED_RESPONSE", LLM_FINISH_NONE},
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (jsonr_is(word, words[i].word))
			return words[i].reason;
	return LLM_FINISH_OTHER;
}

/* The model wrote what nobody can use: its word is the code that the table of rules knows. */
static int32_t push_failure(const gemini *g, gemini_stream *s, const llm_bytes *word,
	const answer *a, const llm_result_sink *out)
{
	llm_error_facts facts = {.struct_size = (uint32_t)sizeof(facts), .retry_after_ms = -1};
	int32_t rc;

	facts.code = *word;
	facts.message = kit_text("the model's answer is malformed, or calls a tool in a wrong way");
	if (a->finish_message.len > 0) {
		rc = kit_decode(g->host, LLM_SCOPE_SCRATCH, &a->finish_message, &facts.message);
		if (rc)
			return rc;
	}
	s->failed = 1;
	return out->error(out->ctx, &facts);
}

static int32_t push_finish(
	const gemini *g, gemini_stream *s, const answer *a, const llm_result_sink *out)
{
	uint32_t reason = finish_reason(&a->finish);
	llm_bytes word;
	int32_t rc = kit_decode(g->host, LLM_SCOPE_SCRATCH, &a->finish, &word);

	if (rc)
		return rc;
	if (reason == LLM_FINISH_NONE)
		return push_failure(g, s, &word, a, out);
	if (reason == LLM_FINISH_STOP && s->n_calls > 0)
		reason = LLM_FINISH_TOOL_CALLS;
	if (a->finish_message.len > 0)
		rc = push_warning(g, "Gemini: ", &a->finish_message, out);
	if (rc)
		return rc;
	s->finished = 1;
	return out->finish(out->ctx, reason, word.ptr, word.len);
}

/* The core makes an error of it when nothing was said. */
int32_t gemini_push_blocked(gemini_stream *s, const llm_bytes *why, const llm_result_sink *out)
{
	static const char unsaid[] = "BLOCK_REASON_UNSPECIFIED";
	llm_bytes word = why->len > 0 ? *why : kit_text(unsaid);

	s->finished = 1;
	return out->finish(out->ctx, LLM_FINISH_CONTENT_FILTER, word.ptr, word.len);
}

static int32_t push_end(
	const gemini *g, gemini_stream *s, const answer *a, int whole, const llm_result_sink *out)
{
	llm_bytes why = {NULL, 0};
	int32_t rc;

	if (s->finished)
		return 0;
	if (a->finish.len > 0)
		return push_finish(g, s, a, out);
	if (a->n_candidates > 0 || !a->feedback)
		return 0;
	s->blocked = 1;
	if (a->block.len == 0 && !whole) /* candidates may follow */
		return 0;
	rc = kit_decode(g->host, LLM_SCOPE_SCRATCH, &a->block, &why);
	return rc ? rc : gemini_push_blocked(s, &why, out);
}

static int32_t push_content(
	const gemini *g, gemini_stream *s, const answer *a, const llm_result_sink *out)
{
	int32_t rc = push_meta(g, &a->id, LLM_META_RESPONSE_ID, &s->id_told, out);

	if (rc == 0)
		rc = push_meta(g, &a->model, LLM_META_MODEL, &s->model_told, out);
	if (rc == 0)
		rc = push_stage(g, s, a, out);
	if (rc == 0 && a->parts.len > 0)
		rc = gemini_read_parts(g, s, &a->parts, out);
	if (rc == 0)
		rc = push_logprobs(g, &a->logprobs, out);
	return rc;
}

static int32_t push_answer(
	const gemini *g, gemini_stream *s, const answer *a, int whole, const llm_result_sink *out)
{
	int last = a->finish.len > 0 || a->n_candidates == 0 || s->finished;
	int32_t rc = push_content(g, s, a, out);

	s->answered |= a->n_candidates > 0;
	/* Nearly every event has the usage so far; as it is it is told with the last one. */
	if (rc == 0 && a->usage.len > 0)
		rc = gemini_push_usage(&a->usage, last, out);
	if (rc == 0)
		rc = push_token(g, a, out);
	return rc ? rc : push_end(g, s, a, whole, out);
}

/* ---- events that differ in their text and usage alone ---- */

static int is_plain(const gemini_stream *s, const answer *a)
{
	const size_t other = a->token.len + a->finish.len + a->logprobs.len;

	return a->n_candidates == 1 && !a->suspect && other == 0 && s->lone_text.len > 0;
}

static void keep_event(const gemini *g, gemini_stream *s, const llm_bytes *json, const answer *a)
{
	llm_bytes values[KIT_REPEAT_VALUES] = {kit_quoted(&s->lone_text)};
	gemini_counts steady = GEMINI_NO_COUNTS;

	if (a->parts.len == 0 || !is_plain(s, a))
		return;
	if (a->usage.len > 0 && !gemini_find_counts(&a->usage, &steady, values + 1))
		return;
	if (!kit_repeat_keep(&s->repeat, g->host, json, values))
		return;
	s->steady = steady;
	s->repeats_thought = s->lone_thought;
}

int gemini_read_repeat(const gemini *g, const gemini_stream *s, const llm_bytes *json,
	const llm_result_sink *out, int32_t *ret)
{
	jsonr_text values[KIT_REPEAT_VALUES];
	int32_t rc;

	if (s->finished || !kit_repeat_find(&s->repeat, json, values))
		return 0;
	if (values[0].len == 0) /* is the part of another kind then? */
		return 0;
	rc = kit_emit(
		g->host, &values[0], s->repeats_thought ? out->reasoning : out->text, out->ctx);
	*ret = rc ? rc : gemini_push_counts(&s->steady, values + 1, out);
	return 1;
}

/* ---- the object ---- */

/* Why nothing can be made of it, or null. */
static const char *problem(const answer *a, int whole)
{
	if (a->bad)
		return "a member of Gemini's answer has a wrong type";
	if (!whole)
		return a->suspect && a->n_candidates == 0 ? "an event holds no answer" : NULL;
	if (a->n_candidates == 0 && !a->feedback)
		return "Gemini's answer holds no candidates";
	if (a->n_candidates > 0 && a->finish.len == 0)
		return "Gemini's answer has no finish reason: it is not whole";
	return NULL;
}

int32_t gemini_read_object(const gemini *g, gemini_stream *s, const llm_bytes *json, int whole,
	const llm_result_sink *out)
{
	llm_error_facts facts = {.struct_size = (uint32_t)sizeof(facts), .retry_after_ms = -1};
	const char *text;
	int32_t rc = 0;
	answer a;

	if (read_answer(json, &a))
		return nonsense(g, "Gemini's answer is not a JSON object");
	if (a.suspect && gemini_error_facts(g, LLM_SCOPE_SCRATCH, json, &facts)) {
		s->failed = 1;
		return out->error(out->ctx, &facts);
	}
	text = problem(&a, whole);
	if (text)
		return nonsense(g, text);
	if (a.parts.len > 0)
		rc = gemini_read_parts(g, s, &a.parts, NULL);
	if (rc == LLM_E_PROTOCOL)
		return nonsense(g, "a part of Gemini's answer has a wrong type");
	if (rc == 0)
		rc = push_answer(g, s, &a, whole, out);
	if (rc == 0 && !whole)
		keep_event(g, s, json, &a);
	return rc;
}
