/*
 * request.c - POST MODEL:generateContent, or :streamGenerateContent?alt=sse.
 *
 * The server refuses fields that it does not know, so nothing is sent that was not said.
 */
#include <string.h>

#include "gemini.h"

/* Both spellings: the server takes either, and two of one field are an error. */
static const char *const members[] = {
	"contents",
	"systemInstruction",
	"system_instruction",
	"tools",
	"toolConfig",
	"tool_config",
	"safetySettings",
	"safety_settings",
	"generationConfig",
	"generation_config",
	"cachedContent",
	"cached_content",
	"serviceTier",
	"service_tier",
	NULL,
};

static int32_t refuse(const gemini *g, const char *text)
{
	return kit_error(g->host, LLM_E_UNSUPPORTED, text, NULL, NULL);
}

static int32_t wrong(const gemini *g, const char *text)
{
	return kit_error(g->host, LLM_E_INVALID_REQUEST, text, NULL, NULL);
}

/* ---- the path ---- */

static int is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		(c && strchr("-._~", c));
}

char *gemini_escape(char *to, const char *text, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < len; i++) {
		if (is_plain(text[i])) {
			*to++ = text[i];
			continue;
		}
		*to++ = '%';
		*to++ = digits[(unsigned char)text[i] >> 4];
		*to++ = digits[(unsigned char)text[i] & 15];
	}
	return to;
}

/* With its NUL; returns where that is. */
static char *append(char *to, const char *text)
{
	size_t n = strlen(text);

	memcpy(to, text, n + 1);
	return to + n;
}

char *gemini_path(const gemini *g, const char *model, const char *tail)
{
	static const char tuned[] = "tunedModels/";
	const char *name = gemini_plain_name(model);
	size_t size = strlen(g->version) + sizeof(tuned) + 3 * strlen(name) + strlen(tail) + 1;
	char *path = g->host->alloc(g->host->ctx, LLM_SCOPE_SCRATCH, size);
	char *p = path;

	if (!path)
		return NULL;
	p = append(p, g->version);
	p = append(p, "/");
	if (strncmp(name, tuned, sizeof(tuned) - 1) == 0)
		name += sizeof(tuned) - 1;
	p = append(p, name == gemini_plain_name(model) ? "models/" : tuned);
	p = gemini_escape(p, name, strlen(name));
	append(p, tail);
	return path;
}

/* ---- what is refused, what is warned about ---- */

static const kit_range ranges[] = {
	{"temperature", LLM_HAS_TEMPERATURE, offsetof(llm_request_view, temperature), 0, 0, 2,
		" must be from 0 to 2"},
	{"seed", LLM_HAS_SEED, offsetof(llm_request_view, seed), 1, INT32_MIN, INT32_MAX,
		" must be from -2147483648 to 2147483647"},
	{"max_tokens", LLM_HAS_MAX_OUTPUT_TOKENS, offsetof(llm_request_view, max_output_tokens), 1,
		1, INT32_MAX, " must be from 1 to 2147483647"},
	{NULL, 0, 0, 0, 0, 0, NULL},
};

static int32_t check_numbers(const gemini *g, const llm_request_view *rq)
{
	gemini_family f = gemini_family_of(rq->model);
	int presence = (rq->has & LLM_HAS_PRESENCE_PENALTY) && rq->presence_penalty != 0.0;
	int frequency = (rq->has & LLM_HAS_FREQUENCY_PENALTY) && rq->frequency_penalty != 0.0;

	if (rq->has & (LLM_HAS_MIN_P | LLM_HAS_REPEAT_PENALTY))
		return refuse(g, "Gemini has no min_p and no repeat_penalty");
	if ((presence || frequency) && f.generation >= 205)
		return refuse(g, "Gemini takes no penalties from 2.5 on; leave them out");
	if ((rq->has & LLM_HAS_CHOICES) && rq->choices > 1)
		return refuse(g, "Gemini gives one answer; ask several times for more");
	if (rq->n_stop > 5)
		return refuse(g, "Gemini takes at most five stop texts");
	return kit_check_ranges(g->host, rq, ranges);
}

static int32_t check_shape(const gemini *g, const llm_request_view *rq)
{
	gemini_family f = gemini_family_of(rq->model);

	if (rq->n_tools > 0 && rq->format != LLM_FORMAT_TEXT && f.generation > 0 &&
		f.generation < 300)
		return refuse(g,
			"this model takes no tools together with a JSON format;"
			" leave one out, or use Gemini 3 or later");
	if (rq->continue_last_turn && gemini_is_late(&f))
		return refuse(g,
			"this model does not continue the last turn; end with a turn of the user");
	if (rq->format == LLM_FORMAT_SCHEMA && !kit_is_object(&rq->schema))
		return wrong(g, "the answer's schema is not a JSON object");
	return 0;
}

static int32_t request_check(const gemini *g, const llm_request_view *rq)
{
	int32_t rc;

	if (!rq->model || !gemini_plain_name(rq->model)[0])
		return wrong(g, "the request names no model");
	rc = check_numbers(g, rq);
	if (rc == 0)
		rc = check_shape(g, rq);
	if (rc == 0)
		rc = gemini_check_options(g, rq);
	return rc ? rc : gemini_check_thinking(g, rq);
}

static int32_t request_warn(const llm_request_view *rq, const llm_http_sink *out)
{
	int32_t rc = 0;

	if (rq->end_user)
		rc = kit_warn(out, "Gemini takes no id of the end user; it was left out");
	if (rc == 0 && rq->n_tools > 0 && (rq->has & LLM_HAS_PARALLEL_TOOLS) && !rq->parallel_tools)
		rc = kit_warn(out, "Gemini cannot be told to call one tool at a time");
	return rc;
}

/* ---- the body ---- */

static int32_t write_safety(const gemini *g, kit_doc *d, const llm_request_view *rq)
{
	int kind;
	jsonr r;

	if (rq->safety.len == 0)
		return 0;
	jsonr_init(&r, rq->safety.ptr, rq->safety.len);
	kind = jsonr_peek(&r);
	jsonr_skip(&r);
	if (jsonr_finish(&r) || kind != JSONR_ARRAY)
		return wrong(g,
			"safety: expected a JSON array of"
			" {\"category\": ..., \"threshold\": ...}");
	kit_doc_member(d, "safetySettings");
	jsonw_raw(&d->w, rq->safety.ptr, rq->safety.len);
	return 0;
}

static void write_option(
	kit_doc *d, const llm_request_view *rq, const char *option, const char *name)
{
	const llm_option_view *o = kit_option(rq, option);

	if (!o)
		return;
	kit_doc_member(d, name);
	jsonw_raw(&d->w, o->json.ptr, o->json.len);
}

static int32_t write_body(const gemini *g, const llm_request_view *rq, const llm_http_sink *out)
{
	kit_doc d;
	int32_t rc;

	kit_doc_open(&d, g->host, out, members);
	rc = gemini_write_contents(g, &d, rq, out);
	if (rc == 0)
		rc = gemini_write_tools(g, &d, rq);
	if (rc == 0)
		rc = write_safety(g, &d, rq);
	if (rc == 0)
		rc = gemini_write_config(g, &d, rq, out);
	if (rc)
		return rc;
	write_option(&d, rq, "cached_content", "cachedContent");
	write_option(&d, rq, "service_tier", "serviceTier");
	return kit_doc_close(&d, &rq->extra);
}

int32_t gemini_build_request(void *instance, const llm_request_view *rq, const llm_http_sink *out)
{
	const gemini *g = instance;
	int32_t rc = request_check(g, rq);
	char *path;

	if (rc)
		return rc;
	path = gemini_path(
		g, rq->model, rq->stream ? ":streamGenerateContent?alt=sse" : ":generateContent");
	if (!path)
		return LLM_E_NOMEM;
	rc = kit_post(out, path);
	if (rc == 0)
		rc = request_warn(rq, out);
	return rc ? rc : write_body(g, rq, out);
}
