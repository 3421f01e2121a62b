/*
 * request.c - POST /chat/completions.
 *
 * What the caller did not say is not sent: reasoning models refuse some fields even with
 * their default values.
 */
#include <string.h>

#include "openai.h"

static int32_t unsupported(const openai *o, const char *text)
{
	return kit_error(o->host, LLM_E_UNSUPPORTED, text, NULL, NULL);
}

static const kit_range ranges[] = {
	{"temperature", LLM_HAS_TEMPERATURE, offsetof(llm_request_view, temperature), 0, 0, 2,
		" must be from 0 to 2"},
	{"presence_penalty", LLM_HAS_PRESENCE_PENALTY, offsetof(llm_request_view, presence_penalty),
		0, -2, 2, " must be from -2 to 2"},
	{"frequency_penalty", LLM_HAS_FREQUENCY_PENALTY,
		offsetof(llm_request_view, frequency_penalty), 0, -2, 2, " must be from -2 to 2"},
	{NULL, 0, 0, 0, 0, 0, NULL},
};

static int32_t ranges_check(const openai *o, const llm_request_view *rq)
{
	if (!(o->dialect->flags & OPENAI_RANGES))
		return 0;
	if (rq->n_stop > 4)
		return kit_error(o->host, LLM_E_INVALID_REQUEST, "at most 4 stop texts for ",
			rq->model, NULL);
	return kit_check_ranges(o->host, rq, ranges);
}

static int32_t request_check(const openai *o, const llm_request_view *rq)
{
	const uint64_t foreign = LLM_HAS_TOP_K | LLM_HAS_MIN_P | LLM_HAS_REPEAT_PENALTY;

	if (!rq->model || !rq->model[0])
		return kit_error(
			o->host, LLM_E_INVALID_REQUEST, "the request names no model", NULL, NULL);
	if ((rq->has & foreign) && !o->dialect->repeat)
		return kit_error(o->host, LLM_E_UNSUPPORTED, "dialect ", o->dialect->name,
			" has no top_k, min_p or repeat_penalty;"
			" for a server that has them set its dialect, or put them into extra");
	if ((rq->has & LLM_HAS_CHOICES) && rq->choices > 1)
		return unsupported(
			o, "the openai provider reads one answer; ask several times for more");
	if (rq->safety.len > 0)
		return unsupported(o, "OpenAI's protocol has no safety settings");
	if (rq->continue_last_turn)
		return unsupported(
			o, "OpenAI's protocol has no way to be told to continue the last turn");
	return openai_options_check(o, rq);
}

static int32_t parts_check(const openai *o, const llm_request_view *rq)
{
	int32_t rc = ranges_check(o, rq);

	if (rc == 0)
		rc = openai_messages_check(o, rq);
	if (rc == 0)
		rc = openai_tools_check(o, rq);
	return rc ? rc : openai_format_check(o, rq);
}

static int32_t request_warn(const openai *o, const llm_request_view *rq, const llm_http_sink *out)
{
	int32_t rc = 0;

	if (openai_loses_reasoning(o, rq))
		rc = kit_warn(out,
			"reasoning of earlier turns was left out;"
			" reasoning_history names the field for it where a server takes it");
	if (rc == 0 && rq->end_user && !o->dialect->user)
		rc = kit_warn(out, "the server takes no id of the end user; it was left out");
	return rc;
}

/* ---- members ---- */

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
	write_whole(d, rq, LLM_HAS_TOP_K, "top_k", rq->top_k);
	write_real(d, rq, LLM_HAS_MIN_P, "min_p", rq->min_p);
	write_real(d, rq, LLM_HAS_REPEAT_PENALTY, o->dialect->repeat, rq->repeat_penalty);
	write_whole(d, rq, LLM_HAS_MAX_OUTPUT_TOKENS, o->limit, rq->max_output_tokens);
	write_stop(d, rq);
	write_whole(d, rq, LLM_HAS_SEED, o->dialect->seed, rq->seed);
	write_real(d, rq, LLM_HAS_PRESENCE_PENALTY, "presence_penalty", rq->presence_penalty);
	write_real(d, rq, LLM_HAS_FREQUENCY_PENALTY, "frequency_penalty", rq->frequency_penalty);
}

/* top_logprobs alone is refused. */
static void write_logprobs(kit_doc *d, const llm_request_view *rq)
{
	if (rq->logprobs || (rq->has & LLM_HAS_TOP_LOGPROBS)) {
		kit_doc_member(d, "logprobs");
		jsonw_bool(&d->w, 1);
	}
	write_whole(d, rq, LLM_HAS_TOP_LOGPROBS, "top_logprobs", rq->top_logprobs);
}

static void write_user(const openai *o, kit_doc *d, const llm_request_view *rq)
{
	if (!rq->end_user || !o->dialect->user)
		return;
	kit_doc_member(d, o->dialect->user);
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

static int32_t write_body(const openai *o, const llm_request_view *rq, const llm_http_sink *out)
{
	kit_doc d;
	int32_t rc;

	kit_doc_open(&d, o->host, out, o->members);
	if (!o->deployments) {
		kit_doc_member(&d, "model");
		jsonw_cstring(&d.w, rq->model);
	}
	rc = openai_write_messages(o, &d, rq);
	if (rc)
		return rc;
	openai_write_tools(o, &d, rq);
	rc = openai_write_format(o, &d, rq);
	if (rc == 0)
		rc = openai_write_reasoning(o, &d, rq);
	if (rc)
		return rc;
	write_numbers(o, &d, rq);
	write_logprobs(&d, rq);
	write_user(o, &d, rq);
	write_stream(o, &d, rq);
	return kit_doc_close(&d, &rq->extra);
}

/* ---- target and headers ---- */

static int32_t push_target(const openai *o, const llm_request_view *rq, const llm_http_sink *out)
{
	const char *path = "/chat/completions";

	if (o->deployments)
		path = kit_path(o->host, "/deployments/", rq->model, "", path);
	return path ? kit_post(out, path) : LLM_E_NOMEM;
}

static int32_t push_header(const llm_http_sink *out, const char *name, const char *value)
{
	return value ? out->header(out->ctx, name, value, strlen(value)) : 0;
}

int32_t openai_build_request(void *instance, const llm_request_view *rq, const llm_http_sink *out)
{
	const openai *o = instance;
	int32_t rc = request_check(o, rq);

	if (rc == 0)
		rc = parts_check(o, rq);
	if (rc == 0)
		rc = push_target(o, rq, out);
	if (rc == 0)
		rc = push_header(out, "OpenAI-Organization", o->organization);
	if (rc == 0)
		rc = push_header(out, "OpenAI-Project", o->project);
	if (rc == 0)
		rc = request_warn(o, rq, out);
	return rc ? rc : write_body(o, rq, out);
}
