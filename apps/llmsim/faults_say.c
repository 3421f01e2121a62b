#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "gemini.h"
#include "ollama.h"
#include "openai.h"

#define TYPE "type.googleapis.com/google.rpc."
#define QUOTA \
	"You exceeded your current quota, please check your plan and billing details. For more " \
	"information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits."
#define METRIC "generativelanguage.googleapis.com/generate_content_free_tier_requests"

/* What each wire says; `name`: of one kind, null: of any with this status. */
struct said {
	const char *name;
	int status;
	const char *ollama;
	const char *openai;
	const char *type;
	const char *code;
	const char *gemini;
};

static const struct said table[] = {
	{"429-quota", 429,
		"you (someone) have reached your session usage limit, upgrade for higher limits: "
		"https://ollama.com/upgrade",
		"You exceeded your current quota, please check your plan and billing details.",
		"insufficient_quota", "insufficient_quota", QUOTA},
	{"429-body", 429, NULL, NULL, NULL, NULL, QUOTA},
	{"context", 400,
		"{\"error\":{\"code\":400,\"message\":\"request (9412 tokens) exceeds the "
		"available context size (8192 tokens), try increasing it\",\"type\":"
		"\"exceed_context_size_error\",\"n_prompt_tokens\":9412,\"n_ctx\":8192}}",
		"This model's maximum context length is 8192 tokens. However, your messages "
		"resulted in 9412 tokens. Please reduce the length of the messages.",
		NULL, "context_length_exceeded",
		"The input token count (9412) exceeds the maximum number of tokens allowed (8192)."},
	{NULL, 429, "too many requests, please try again later",
		"Rate limit reached for requests. Please slow down and try again.", "requests",
		"rate_limit_exceeded", "Resource has been exhausted (e.g. check quota)."},
	{NULL, 500,
		"model runner has unexpectedly stopped, this may be due to resource limitations "
		"or an internal error, check ollama server logs for details",
		"The server had an error while processing your request. Sorry about that!",
		"server_error", NULL,
		"An internal error has occurred. Please retry or report in "
		"https://developers.generativeai.google/guide/troubleshooting"},
	{NULL, 502,
		"Post \"https://ollama.com:443/api/chat\": dial tcp: lookup ollama.com: no such "
		"host",
		NULL, NULL, NULL, NULL},
	{NULL, 503, "server busy, please try again.  maximum pending requests exceeded",
		"The model is temporarily overloaded. Please try again later.",
		"service_unavailable_error", "server_is_overloaded",
		"This model is currently experiencing high demand. Spikes in demand are usually "
		"temporary. Please try again later."},
	{NULL, 504, "timed out waiting for llama runner to start",
		"The server took too long to respond.", "server_error", NULL,
		"Deadline expired before operation could complete."},
	{NULL, 529, "overloaded", "Overloaded", "overloaded_error", NULL,
		"The service is overloaded. Please try again later."},
};

static const struct said *find(const char *name, int status)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].status == status && (!table[i].name || !strcmp(table[i].name, name)))
			return &table[i];
	return NULL;
}

/* ---- Gemini's details ---- */

static json_t *violation(const char *id)
{
	return json_pack("{s:s, s:[{s:s, s:s, s:{s:s, s:s}, s:s}]}", "@type", TYPE "QuotaFailure",
		"violations", "quotaMetric", METRIC, "quotaId", id, "quotaDimensions", "location",
		"global", "model", "sim", "quotaValue", "15");
}

static json_t *details(const struct fault_spec *s)
{
	bool quota = !strcmp(s->kind->name, "429-quota");
	json_t *list = json_array();
	struct bytes delay = {0};

	if (!quota && strcmp(s->kind->name, "429-body") != 0) {
		json_decref(list);
		return NULL;
	}
	bytes_number(&delay, quota ? 22 : s->value);
	bytes_text(&delay, quota ? "s" : ".250000000s");
	json_array_append_new(list,
		violation(quota ? "GenerateRequestsPerDayPerProjectPerModel-FreeTier" :
				  "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"));
	json_array_append_new(
		list, json_pack("{s:s, s:s}", "@type", TYPE "RetryInfo", "retryDelay", delay.data));
	bytes_done(&delay);
	return list;
}

/* ---- an error of a status ---- */

static void gateway_page(struct reply *r)
{
	static const char page[] = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
				   "<body><center><h1>502 Bad Gateway</h1></center></body>\r\n"
				   "</html>\r\n";

	reply_whole(r, 502, "text/html", page, sizeof(page) - 1);
}

static void say(const struct fault_scene *sc, struct fault *f, struct reply *r)
{
	if (sc->wire == WIRE_OLLAMA)
		ollama_error(r, f);
	else if (sc->wire == WIRE_OPENAI)
		openai_error(r, f);
	else
		gemini_error(r, f, sc->array);
}

static void fill(const struct fault_scene *sc, const struct said *s, struct fault *f)
{
	const char *text = sc->wire == WIRE_OLLAMA ? s->ollama :
		sc->wire == WIRE_OPENAI		   ? s->openai :
						     s->gemini;

	fault_set(f, s->status, "%s", text ? text : "");
	if (sc->wire == WIRE_OPENAI) {
		f->type = s->type;
		f->code = s->code;
	} else if (sc->wire == WIRE_GEMINI) {
		f->details = details(sc->spec);
	}
}

void faults_error(const struct fault_scene *sc, int status, const char *text)
{
	const struct said *s = text ? NULL : find(sc->spec->kind->name, status);
	struct fault f = {0};

	sc->r->p.b.len = sc->r->p.count = 0;
	sc->r->delay_ns = sc->r->pace_ns = 0;
	if (s)
		fill(sc, s, &f);
	else
		fault_set(&f, status, "%s", text ? text : "");
	if (s && !f.text.len)
		gateway_page(sc->r);
	else
		say(sc, &f, sc->r);
	fault_done(&f);
}

/* ---- frames and documents ---- */

static void around(const struct fault_scene *sc, struct bytes *b, const char *json)
{
	bool events = sc->r->stream && sc->wire != WIRE_OLLAMA && !sc->array;
	const struct bytes *so_far = &sc->r->p.b;
	bool first = so_far->len < 4 || !memcmp(so_far->data + so_far->len - 4, "\r\n\r\n", 4);

	if (sc->r->stream && sc->array)
		bytes_format(b, "%s%s\r\n]", first ? "[" : ",\r\n", json);
	else if (events)
		bytes_format(b, "data: %s%s", json, sc->wire == WIRE_GEMINI ? "\r\n\r\n" : "\n\n");
	else
		bytes_format(b, "%s\n", json);
}

void faults_frame(const struct fault_scene *sc, struct bytes *b)
{
	if (sc->wire == WIRE_OLLAMA)
		around(sc, b,
			"{\"error\":\"an error was encountered while running the model: "
			"unexpected EOF\"}");
	else if (sc->wire == WIRE_OPENAI)
		around(sc, b,
			"{\"error\":{\"message\":\"The server had an error while processing your "
			"request. Sorry about that!\",\"type\":\"server_error\",\"param\":null,"
			"\"code\":null}}");
	else
		around(sc, b,
			"{\"error\": {\"code\": 503,\"message\": \"This model is currently "
			"experiencing high demand. Spikes in demand are usually temporary. Please "
			"try again later.\",\"status\": \"UNAVAILABLE\"}}");
}

void faults_malformed(const struct fault_scene *sc, struct bytes *b)
{
	if (sc->wire == WIRE_OLLAMA)
		bytes_text(b, "{\"model\":\"sim\",\"message\":{\"role\":\"assistant\",\"cont\n");
	else if (sc->wire == WIRE_OPENAI)
		bytes_text(b, "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"del\n\n");
	else if (sc->array)
		bytes_text(b, ",\r\n{\"candidates\": [{\"content\": {\"par");
	else
		bytes_text(b, "data: {\"candidates\": [{\"content\": {\"par\r\n\r\n");
}

void faults_no_choices(const struct fault_scene *sc, struct bytes *b)
{
	if (sc->wire == WIRE_OLLAMA)
		around(sc, b, "{}");
	else if (sc->wire == WIRE_OPENAI && sc->r->stream)
		around(sc, b,
			"{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":"
			"1767322800,\"model\":\"sim\",\"choices\":[]}\n\ndata: [DONE]");
	else if (sc->wire == WIRE_OPENAI)
		around(sc, b,
			"{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":"
			"1767322800,\"model\":\"sim\",\"choices\":[]}");
	else
		around(sc, b,
			"{\"usageMetadata\": {\"promptTokenCount\": 4,\"totalTokenCount\": 4},"
			"\"modelVersion\": \"sim\"}");
}

void faults_alive(const struct fault_scene *sc, struct bytes *b)
{
	bool events = sc->r->stream && sc->wire != WIRE_OLLAMA && !sc->array;

	bytes_text(b, events ? ": keep-alive\n\n" : "\n");
}
