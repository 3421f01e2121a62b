/*
 * request.c - POST /chat/completions: text in this version.
 *
 * What the caller did not say is not sent: reasoning models refuse some fields even with
 * their default values.
 */
#include "openai.h"

static const char *const members[] = {
	"model",
	"messages",
	"temperature",
	"top_p",
	"max_tokens",
	"max_completion_tokens",
	"stop",
	"seed",
	"presence_penalty",
	"frequency_penalty",
	"safety_identifier",
	"user",
	"stream",
	"stream_options",
	NULL,
};

static int32_t unsupported(const openai *o, const char *text)
{
	return kit_error(o->host, LLM_E_UNSUPPORTED, text, NULL, NULL);
}

/* Comes with a later version of this plugin; until then `extra` carries it. */
static int32_t later_check(const openai *o, const llm_request_view *rq)
{
	if (rq->n_tools > 0)
		return unsupported(o, "tools are not in this version of the openai provider");
	if (rq->format != LLM_FORMAT_TEXT)
		return unsupported(o,
			"JSON formats are not in this version of the openai"
			" provider; extra can carry response_format");
	if (rq->reasoning != LLM_REASONING_DEFAULT)
		return unsupported(o,
			"reasoning levels are not in this version of the openai"
			" provider; extra can carry reasoning_effort");
	if (rq->logprobs || (rq->has & LLM_HAS_TOP_LOGPROBS))
		return unsupported(o, "logprobs are not in this version of the openai provider");
	if ((rq->has & LLM_HAS_CHOICES) && rq->choices > 1)
		return unsupported(o,
			"this version of the openai provider reads one answer;"
			" ask several times for more");
	return 0;
}

static int32_t request_check(const openai *o, const llm_request_view *rq)
{
	const uint64_t foreign = LLM_HAS_TOP_K | LLM_HAS_MIN_P | LLM_HAS_REPEAT_PENALTY;

	if (!rq->model || !rq->model[0])
		return kit_error(
			o->host, LLM_E_INVALID_REQUEST, "the request names no model", NULL, NULL);
	if (rq->has & foreign)
		return unsupported(o,
			"OpenAI has no top_k, min_p or repeat_penalty;"
			" for a server that has them put them into extra");
	if (rq->safety.len > 0)
		return unsupported(o, "OpenAI has no safety settings");
	if (rq->continue_last_turn)
		return unsupported(o, "OpenAI cannot be told to continue the last turn");
	if (rq->n_options > 0)
		return kit_error(o->host, LLM_E_UNSUPPORTED, "option ", rq->options[0]->name,
			" is not one of the openai provider's");
	return later_check(o, rq);
}

static int has_reasoning(const llm_message_view *m)
{
	size_t i;

	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i]->kind == LLM_PART_REASONING)
			return 1;
	return 0;
}

static int32_t request_warn(const llm_request_view *rq, const llm_http_sink *out)
{
	size_t i;

	for (i = 0; i < rq->n_messages; i++)
		if (has_reasoning(rq->messages[i]))
			return kit_warn(out,
				"OpenAI takes no reasoning of earlier turns;"
				" it was left out");
	return 0;
}

static void write_real(
	kit_doc *d, const llm_request_view *rq, uint64_t bit, const char *name, double value)
{
	if (!(rq->has & bit))
		return;
	kit_doc_member(d, name);
	jsonw_double(&d->w, value);
}

static void write_whole(
	kit_doc *d, const llm_request_view *rq, uint64_t bit, const char *name, int64_t value)
{
	if (!(rq->has & bit))
		return;
	kit_doc_member(d, name);
	jsonw_int(&d->w, value);
}

static void write_stop(kit_doc *d, const llm_request_view *rq)
{
	size_t i;

	if (rq->n_stop == 0)
		return;
	kit_doc_member(d, "stop");
	jsonw_array(&d->w);
	for (i = 0; i < rq->n_stop; i++)
		jsonw_cstring(&d->w, rq->stop[i]);
	jsonw_array_end(&d->w);
}

static void write_numbers(const openai *o, kit_doc *d, const llm_request_view *rq)
{
	write_real(d, rq, LLM_HAS_TEMPERATURE, "temperature", rq->temperature);
	write_real(d, rq, LLM_HAS_TOP_P, "top_p", rq->top_p);
	write_whole(d, rq, LLM_HAS_MAX_OUTPUT_TOKENS, o->limit_field, rq->max_output_tokens);
	write_stop(d, rq);
	write_whole(d, rq, LLM_HAS_SEED, "seed", rq->seed);
	write_real(d, rq, LLM_HAS_PRESENCE_PENALTY, "presence_penalty", rq->presence_penalty);
	write_real(d, rq, LLM_HAS_FREQUENCY_PENALTY, "frequency_penalty", rq->frequency_penalty);
}

static void write_user(const openai *o, kit_doc *d, const llm_request_view *rq)
{
	if (!rq->end_user)
		return;
	kit_doc_member(d, o->origin ? "safety_identifier" : "user");
	jsonw_cstring(&d->w, rq->end_user);
}

static void write_stream(const openai *o, kit_doc *d, const llm_request_view *rq)
{
	kit_doc_member(d, "stream");
	jsonw_bool(&d->w, rq->stream != 0);
	if (!rq->stream || !o->include_usage)
		return;
	kit_doc_member(d, "stream_options");
	jsonw_object(&d->w);
	jsonw_key(&d->w, "include_usage");
	jsonw_bool(&d->w, 1);
	jsonw_object_end(&d->w);
}

int32_t openai_build_request(void *instance, const llm_request_view *rq, const llm_http_sink *out)
{
	const openai *o = instance;
	kit_doc d;
	int32_t rc = request_check(o, rq);

	if (rc == 0)
		rc = kit_post(out, "/chat/completions");
	if (rc == 0)
		rc = request_warn(rq, out);
	if (rc)
		return rc;
	kit_doc_open(&d, o->host, out, members);
	kit_doc_member(&d, "model");
	jsonw_cstring(&d.w, rq->model);
	rc = openai_write_messages(o, &d, rq);
	if (rc)
		return rc;
	write_numbers(o, &d, rq);
	write_user(o, &d, rq);
	write_stream(o, &d, rq);
	return kit_doc_close(&d, &rq->extra);
}
