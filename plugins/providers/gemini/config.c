/*
 * config.c - generationConfig, and the options that only Gemini has.
 */
#include <string.h>

#include "gemini.h"

#define INFO(type, name, unit, help) \
	&(const llm_key_info) \
	{ \
		(uint32_t)sizeof(llm_key_info), type, name, unit, NULL, help \
	}

const llm_key_info *const gemini_options[] = {
	INFO(LLM_TYPE_BOOL, "include_thoughts", NULL, "summaries of the reasoning in the answer"),
	INFO(LLM_TYPE_STRING, "thinking_level", NULL,
		"as Gemini names them: MINIMAL, LOW, MEDIUM, HIGH; 3 and later"),
	INFO(LLM_TYPE_INT, "thinking_budget", "tokens",
		"how much a 2.5 may think; 0 off, -1 as it likes"),
	INFO(LLM_TYPE_STRING, "media_resolution", NULL, "MEDIA_RESOLUTION_LOW, _MEDIUM or _HIGH"),
	INFO(LLM_TYPE_JSON, "generation_config", NULL,
		"an object: further members of generationConfig, sent as they are"),
	INFO(LLM_TYPE_STRING, "cached_content", NULL, "name of a cache: cachedContents/ID"),
	INFO(LLM_TYPE_STRING, "service_tier", NULL, "standard, flex or priority"),
	INFO(LLM_TYPE_BOOL, "skip_signature_check", NULL,
		"mark tool calls that have no thought signature, so that they are taken (true)"),
	NULL,
};

/* ---- options ---- */

static const llm_key_info *find_option(const char *name)
{
	size_t i;

	for (i = 0; gemini_options[i]; i++)
		if (strcmp(gemini_options[i]->name, name) == 0)
			return gemini_options[i];
	return NULL;
}

static int option_fits(const llm_bytes *json, const llm_key_info *info)
{
	int64_t whole;
	int kind;
	jsonr r;

	jsonr_init(&r, json->ptr, json->len);
	kind = jsonr_peek(&r);
	if (info->type == LLM_TYPE_INT)
		return jsonr_int(&r, &whole) && jsonr_finish(&r) == 0;
	jsonr_skip(&r);
	if (jsonr_finish(&r))
		return 0;
	if (info->type == LLM_TYPE_BOOL)
		return kind == JSONR_TRUE || kind == JSONR_FALSE;
	return kind == (info->type == LLM_TYPE_JSON ? JSONR_OBJECT : JSONR_STRING);
}

static const char *option_wants(uint32_t type)
{
	switch (type) {
	case LLM_TYPE_INT:
		return ": expected a whole number";
	case LLM_TYPE_BOOL:
		return ": expected true or false";
	case LLM_TYPE_JSON:
		return ": expected a JSON object";
	default:
		return ": expected a text";
	}
}

int32_t gemini_check_options(const gemini *g, const llm_request_view *rq)
{
	const llm_key_info *info;
	size_t i;

	for (i = 0; i < rq->n_options; i++) {
		info = find_option(rq->options[i]->name);
		if (!info)
			return kit_error(g->host, LLM_E_UNSUPPORTED, "option ",
				rq->options[i]->name, " is not one of Gemini's");
		if (!option_fits(&rq->options[i]->json, info))
			return kit_error(g->host, LLM_E_INVALID_REQUEST, "option ", info->name,
				option_wants(info->type));
	}
	return 0;
}

int gemini_switch(const llm_request_view *rq, const char *name, int otherwise)
{
	const llm_option_view *o = kit_option(rq, name);
	int value = otherwise;
	jsonr r;

	if (!o)
		return otherwise;
	jsonr_init(&r, o->json.ptr, o->json.len);
	jsonr_bool(&r, &value);
	return value;
}

/* ---- generationConfig ---- */

enum {
	HAS_LIMIT,
	HAS_TEMPERATURE,
	HAS_TOP_P,
	HAS_TOP_K,
	HAS_STOP,
	HAS_SEED,
	HAS_PRESENCE,
	HAS_FREQUENCY,
	HAS_TYPE,
	HAS_SCHEMA,
	HAS_LOGPROBS,
	HAS_TOP_LOGPROBS,
	HAS_THINKING,
	HAS_RESOLUTION,
	N_MEMBERS
};

static const char *const names[N_MEMBERS] = {
	"maxOutputTokens",
	"temperature",
	"topP",
	"topK",
	"stopSequences",
	"seed",
	"presencePenalty",
	"frequencyPenalty",
	"responseMimeType",
	"responseJsonSchema",
	"responseLogprobs",
	"logprobs",
	"thinkingConfig",
	"mediaResolution",
};

typedef struct config {
	kit_doc *d;
	const llm_request_view *rq;
	int open;
	int written[N_MEMBERS];
} config;

static void open_config(config *c)
{
	if (c->open)
		return;
	kit_doc_member(c->d, "generationConfig");
	jsonw_object(&c->d->w);
	c->open = 1;
}

static jsonw *member(config *c, int which)
{
	open_config(c);
	c->written[which] = 1;
	jsonw_key(&c->d->w, names[which]);
	return &c->d->w;
}

static void write_real(config *c, uint64_t bit, int which, double value)
{
	if (c->rq->has & bit)
		jsonw_double(member(c, which), value);
}

static void write_whole(config *c, uint64_t bit, int which, int64_t value)
{
	if (c->rq->has & bit)
		jsonw_int(member(c, which), value);
}

static int32_t write_sampling(config *c, const llm_http_sink *out)
{
	const uint64_t bits = LLM_HAS_TEMPERATURE | LLM_HAS_TOP_P | LLM_HAS_TOP_K;
	const llm_request_view *rq = c->rq;
	gemini_family f = gemini_family_of(rq->model);

	if ((rq->has & bits) && gemini_is_late(&f))
		return kit_warn(out,
			"this model ignores temperature, top_p and top_k, and later ones may refuse"
			" them; they were left out");
	write_real(c, LLM_HAS_TEMPERATURE, HAS_TEMPERATURE, rq->temperature);
	write_real(c, LLM_HAS_TOP_P, HAS_TOP_P, rq->top_p);
	write_whole(c, LLM_HAS_TOP_K, HAS_TOP_K, rq->top_k);
	return 0;
}

static void write_penalties(config *c)
{
	const llm_request_view *rq = c->rq;
	gemini_family f = gemini_family_of(rq->model);

	if (f.generation >= 205) /* zero is what they have; another value was refused */
		return;
	write_real(c, LLM_HAS_PRESENCE_PENALTY, HAS_PRESENCE, rq->presence_penalty);
	write_real(c, LLM_HAS_FREQUENCY_PENALTY, HAS_FREQUENCY, rq->frequency_penalty);
}

static void write_stop(config *c)
{
	jsonw *w;
	size_t i;

	if (c->rq->n_stop == 0)
		return;
	w = member(c, HAS_STOP);
	jsonw_array(w);
	for (i = 0; i < c->rq->n_stop; i++)
		jsonw_cstring(w, c->rq->stop[i]);
	jsonw_array_end(w);
}

static void write_format(config *c)
{
	if (c->rq->format == LLM_FORMAT_TEXT)
		return;
	jsonw_cstring(member(c, HAS_TYPE), "application/json");
	if (c->rq->format == LLM_FORMAT_SCHEMA)
		jsonw_raw(member(c, HAS_SCHEMA), c->rq->schema.ptr, c->rq->schema.len);
}

static void write_logprobs(config *c)
{
	if (c->rq->logprobs || (c->rq->has & LLM_HAS_TOP_LOGPROBS))
		jsonw_bool(member(c, HAS_LOGPROBS), 1);
	write_whole(c, LLM_HAS_TOP_LOGPROBS, HAS_TOP_LOGPROBS, c->rq->top_logprobs);
}

static void write_resolution(config *c)
{
	const llm_option_view *o = kit_option(c->rq, "media_resolution");

	if (o)
		jsonw_raw(member(c, HAS_RESOLUTION), o->json.ptr, o->json.len);
}

/* A member of the option generation_config. */
static int32_t write_further(
	const gemini *g, config *c, const jsonr_text *key, const llm_bytes *value)
{
	llm_bytes name;
	int32_t rc;
	int i;

	for (i = 0; i < N_MEMBERS; i++)
		if (c->written[i] && jsonr_is(key, names[i]))
			return kit_error(g->host, LLM_E_INVALID_REQUEST,
				"option generation_config: \"", names[i],
				"\" is set by the request as well; leave one out");
	rc = kit_decode(g->host, LLM_SCOPE_SCRATCH, key, &name);
	if (rc)
		return rc;
	open_config(c);
	jsonw_key_len(&c->d->w, name.ptr, name.len);
	jsonw_raw(&c->d->w, value->ptr, value->len);
	return 0;
}

static int32_t write_furthers(const gemini *g, config *c)
{
	const llm_option_view *o = kit_option(c->rq, "generation_config");
	jsonr_text key;
	llm_bytes value;
	int32_t rc = 0;
	jsonr r;

	if (!o)
		return 0;
	jsonr_init(&r, o->json.ptr, o->json.len);
	jsonr_enter_object(&r);
	while (rc == 0 && jsonr_member(&r, &key) && jsonr_raw(&r, &value))
		rc = write_further(g, c, &key, &value);
	return rc;
}

int32_t gemini_write_config(
	const gemini *g, kit_doc *d, const llm_request_view *rq, const llm_http_sink *out)
{
	config c = {.d = d, .rq = rq};
	int32_t rc;

	write_whole(&c, LLM_HAS_MAX_OUTPUT_TOKENS, HAS_LIMIT, rq->max_output_tokens);
	rc = write_sampling(&c, out);
	if (rc)
		return rc;
	write_stop(&c);
	write_whole(&c, LLM_HAS_SEED, HAS_SEED, rq->seed);
	write_penalties(&c);
	write_format(&c);
	write_logprobs(&c);
	write_resolution(&c);
	if (gemini_has_thinking(rq))
		rc = gemini_write_thinking(member(&c, HAS_THINKING), rq, out);
	if (rc == 0)
		rc = write_furthers(g, &c);
	if (c.open)
		jsonw_object_end(&d->w);
	return rc;
}
