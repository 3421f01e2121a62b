#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gemini.h"
#include "models.h"
#include "options.h"
#include "server.h"

#define NS_PER_MS 1000000u
#define CACHED 4096 /* tokens that any cached content has */
#define SIGNATURE "llmsim-1:" /* 9 bytes are 12 of base64: it can be seen in the code */

/* ---- signatures ---- */

static json_t *signature(uint64_t h)
{
	struct bytes plain = {0};
	struct bytes code = {0};
	json_t *v;

	bytes_format(&plain, SIGNATURE "%016llx", (unsigned long long)h);
	bytes_base64(&code, plain.data, plain.len);
	v = json_string(code.data);
	bytes_done(&plain);
	bytes_done(&code);
	return v;
}

json_t *gemini_call_signature(const json_t *name, const json_t *args)
{
	json_t *all = json_pack("[O?, O?]", name, args);
	char *text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	json_t *v = signature(hash_bytes(3, text ? text : "", text ? strlen(text) : 0));

	free(text);
	json_decref(all);
	return v;
}

bool gemini_own_signature(const char *text)
{
	struct bytes code = {0};
	bool own;

	bytes_base64(&code, SIGNATURE, sizeof(SIGNATURE) - 1);
	own = !strncmp(text, code.data, code.len);
	bytes_done(&code);
	return own;
}

/* ---- the members of a response ---- */

static void set_number(json_t *v, const char *name, size_t n)
{
	if (n) /* zeros are left out */
		json_object_set_new(v, name, json_integer((json_int_t)n));
}

static json_t *usage(const struct gemini_job *j, size_t thinking, size_t text)
{
	size_t cached = gemini_get(j->ask, "cachedContent") ? CACHED : 0;
	size_t prompt = j->a.prompt_tokens + cached;
	json_t *v = json_object();

	set_number(v, "promptTokenCount", prompt);
	set_number(v, "candidatesTokenCount", text);
	set_number(v, "totalTokenCount", prompt + thinking + text);
	set_number(v, "cachedContentTokenCount", cached);
	json_object_set_new(v, "promptTokensDetails",
		json_pack("[{s:s, s:I}]", "modality", "TEXT", "tokenCount", (json_int_t)prompt));
	set_number(v, "thoughtsTokenCount", thinking);
	return v;
}

static const char *finish(const struct gemini_job *j)
{
	switch (j->a.finish) {
	case FINISH_LENGTH:
		return "MAX_TOKENS";
	case FINISH_FILTER:
		return j->a.special->reason;
	default:
		return "STOP"; /* for tool calls there is no word of its own */
	}
}

static json_t *ratings(void)
{
	return json_pack("[{s:s, s:s, s:b}]", "category", "HARM_CATEGORY_DANGEROUS_CONTENT",
		"probability", "HIGH", "blocked", 1);
}

static void why_filtered(json_t *candidate, const char *reason, size_t len)
{
	if (!strcmp(reason, "RECITATION"))
		json_object_set_new(candidate, "citationMetadata",
			json_pack("{s:[{s:i, s:I, s:s, s:s}]}", "citationSources", "startIndex", 0,
				"endIndex", (json_int_t)len, "uri", "https://example.com/poem",
				"license", ""));
	else
		json_object_set_new(candidate, "safetyRatings", ratings());
}

/* Takes the parts; null: a candidate without content. */
static json_t *candidate(const struct gemini_job *j, json_t *parts, const char *why)
{
	json_t *v = json_object();

	if (parts)
		json_object_set_new(
			v, "content", json_pack("{s:o, s:s}", "parts", parts, "role", "model"));
	else if (answer_is(&j->a, END_EMPTY))
		json_object_set_new(v, "content", json_pack("{s:s}", "role", "model"));
	if (why)
		json_object_set_new(v, "finishReason", json_string(why));
	json_object_set_new(v, "index", json_integer(0));
	if (why && j->a.finish == FINISH_FILTER)
		why_filtered(v, why, j->a.text.b.len);
	return v;
}

/* Takes both; a blocked prompt has no candidate. */
static json_t *response(struct gemini_job *j, json_t *one, json_t *counts)
{
	struct bytes name = {0};
	struct bytes id = {0};
	uint64_t rng = j->a.rng; /* the same for every event */
	json_t *v = json_object();

	gemini_name(&name, j->model);
	answer_id(&id, &rng, 22);
	if (one)
		json_object_set_new(v, "candidates", json_pack("[o]", one));
	else
		json_object_set_new(v, "promptFeedback",
			json_pack("{s:s, s:o}", "blockReason", j->a.special->reason,
				"safetyRatings", ratings()));
	json_object_set_new(v, "usageMetadata", counts);
	json_object_set_new(v, "modelVersion", json_string(name.data));
	json_object_set_new(v, "responseId", json_string(id.data));
	bytes_done(&name);
	bytes_done(&id);
	return v;
}

/* ---- parts ---- */

static json_t *text_part(struct span text, bool thought)
{
	json_t *v = json_pack("{s:o}", "text", json_stringn(text.ptr ? text.ptr : "", text.len));

	if (thought)
		json_object_set_new(v, "thought", json_true());
	return v;
}

/* Whoever thought signs the end of its text. */
static void sign_text(const struct gemini_job *j, json_t *part)
{
	if (j->a.thinking.count && !(j->rules & GEMINI_OLD))
		json_object_set_new(part, "thoughtSignature",
			signature(hash_bytes(4, j->a.text.b.data, j->a.text.b.len)));
}

/* Of parallel calls the first is signed, whether there was much thinking or none. */
static json_t *call_part(const struct gemini_job *j, size_t i)
{
	const json_t *call = json_array_get(j->a.calls, i);
	json_t *name = json_object_get(call, "name");
	json_t *args = json_object_get(call, "arguments");
	bool old = j->rules & GEMINI_OLD;
	json_t *v = json_pack("{s:{s:O, s:O, s:O*}}", "functionCall", "name", name, "args", args,
		"id", old ? NULL : json_object_get(call, "id"));

	if (!i && !old)
		json_object_set_new(v, "thoughtSignature", gemini_call_signature(name, args));
	return v;
}

/* ---- in one piece ---- */

static json_t *all_parts(const struct gemini_job *j)
{
	const struct pieces *thinking = &j->a.thinking;
	const struct pieces *text = &j->a.text;
	json_t *parts = json_array();

	if (j->thoughts && thinking->b.len)
		json_array_append_new(
			parts, text_part((struct span){thinking->b.data, thinking->b.len}, true));
	if (text->b.len) {
		json_array_append_new(
			parts, text_part((struct span){text->b.data, text->b.len}, false));
		sign_text(j, json_array_get(parts, json_array_size(parts) - 1));
	}
	for (size_t i = 0; i < json_array_size(j->a.calls); i++)
		json_array_append_new(parts, call_part(j, i));
	if (json_array_size(parts))
		return parts;
	json_decref(parts);
	return NULL;
}

static size_t text_tokens(const struct gemini_job *j)
{
	return j->a.output_tokens - j->a.thinking_tokens;
}

static json_t *whole(struct gemini_job *j)
{
	json_t *counts = usage(j, j->a.thinking_tokens, text_tokens(j));

	if (answer_is(&j->a, END_BLOCKED))
		return response(j, NULL, counts);
	return response(j, candidate(j, all_parts(j), finish(j)), counts);
}

/* ---- as a stream ---- */

struct stream {
	struct gemini_job *j;
	struct reply *r;
	size_t thinking; /* tokens so far */
	size_t text;
	size_t sent;
};

/* Takes v. With alt=sse one line, else one element of an array. */
static void event(struct stream *s, json_t *v)
{
	bool sse = s->j->sse;
	char *text = json_dumps(v, sse ? 0 : JSON_INDENT(2));
	struct bytes b = {0};

	if (sse)
		bytes_text(&b, "data: ");
	else
		bytes_text(&b, s->sent ? ",\r\n" : "[");
	bytes_text(&b, text ? text : "{}");
	bytes_text(&b, sse ? "\r\n\r\n" : "");
	reply_event(s->r, b.data, b.len);
	s->sent++;
	bytes_done(&b);
	free(text);
	json_decref(v);
}

static void part_event(struct stream *s, json_t *part, const char *why)
{
	json_t *counts = usage(s->j, s->thinking, s->text);

	event(s, response(s->j, candidate(s->j, json_pack("[o]", part), why), counts));
}

static void text_events(struct stream *s, const struct pieces *p, bool thought)
{
	for (size_t i = 0; i < p->count; i++) {
		*(thought ? &s->thinking : &s->text) += 1;
		part_event(s, text_part(pieces_at(p, i), thought), NULL);
	}
}

static void call_events(struct stream *s)
{
	for (size_t i = 0; i < json_array_size(s->j->a.calls); i++) {
		s->text += 12;
		part_event(s, call_part(s->j, i), NULL);
	}
}

/* The last event has an empty part, which may carry the signature of the text. */
static void last_event(struct stream *s)
{
	json_t *part = text_part((struct span){"", 0}, false);

	if (!s->j->a.calls)
		sign_text(s->j, part);
	s->thinking = s->j->a.thinking_tokens;
	part_event(s, part, finish(s->j));
}

static void stream(struct gemini_job *j, struct reply *r)
{
	struct stream s = {.j = j, .r = r};

	reply_stream(r, j->sse ? "text/event-stream" : "application/json; charset=UTF-8");
	if (answer_is(&j->a, END_BLOCKED)) {
		event(&s, whole(j));
	} else {
		if (j->thoughts)
			text_events(&s, &j->a.thinking, true);
		s.thinking = j->a.thinking_tokens;
		text_events(&s, &j->a.text, false);
		call_events(&s);
		last_event(&s);
	}
	if (!j->sse)
		reply_event(r, "]", 1);
	r->tail = j->sse ? 1 : 2;
	reply_end(r);
}

void gemini_say(struct gemini_job *j, struct reply *r)
{
	const struct options *opt = j->srv->opt;

	answer_make(&j->q, &j->a);
	r->delay_ns = opt->delay_ms * NS_PER_MS;
	if (j->stream) {
		r->pace_ns = opt->pace_ms * NS_PER_MS;
		stream(j, r);
		return;
	}
	r->delay_ns += j->a.output_tokens * opt->pace_ms * NS_PER_MS;
	gemini_json(r, 200, whole(j));
}
