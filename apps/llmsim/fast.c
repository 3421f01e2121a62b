#include <stdlib.h>
#include <string.h>

#include "fast.h"
#include "route.h"
#include "server.h"

#define OLLAMA "/api/chat"
#define OPENAI "/v1/chat/completions"
#define GEMINI "/v1beta/models/"
#define GEMINI_WHOLE ":generateContent"
#define GEMINI_STREAM ":streamGenerateContent"
#define LOOK 1024 /* bytes at each end of a body in which "stream" is looked for */

/* A whole answer and a stream of each API. */
struct fast {
	struct reply ollama[2];
	struct reply openai[2];
	struct reply gemini[2];
	struct reply refused;
};

enum { WHOLE, STREAM };

static void fast_body(struct bytes *b, const struct server *s, const char *more)
{
	bytes_text(b, "{\"model\":");
	bytes_json(b, s->models.list[0].name, strlen(s->models.list[0].name));
	bytes_text(b, ",\"messages\":[{\"role\":\"user\",\"content\":\"Speak.\"}]");
	bytes_text(b, more);
	bytes_text(b, "}");
}

/* Made by the ordinary handlers, so that fast answers look like the others. */
static void make(const struct server *s, struct http_request *rq, bool stream, const char *body,
	struct reply *ret)
{
	struct options opt = *s->opt;
	struct server like = *s;

	opt.key = NULL;
	like.opt = &opt;
	if (stream) {
		opt.tokens = opt.events;
		opt.say = NULL;
		opt.bytes = 0;
	}
	rq->method = span_of("POST");
	rq->minor = 1;
	rq->body = span_of(body);
	reply_begin(ret, rq);
	route(&like, rq, ret);
}

static void make_bodied(
	const struct server *s, const char *path, const char *more, bool stream, struct reply *ret)
{
	struct http_request rq = {.path = span_of(path)};
	struct bytes body = {0};

	fast_body(&body, s, more);
	make(s, &rq, stream, body.data, ret);
	bytes_done(&body);
}

static void make_gemini(const struct server *s, bool stream, struct reply *ret)
{
	static const char body[] =
		"{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Speak.\"}]}]}";
	struct http_request rq = {.query = span_of(stream ? "alt=sse&key=any" : "key=any")};
	struct bytes path = {0};

	bytes_text(&path, GEMINI);
	bytes_text(&path, s->models.list[0].name);
	bytes_text(&path, stream ? GEMINI_STREAM : GEMINI_WHOLE);
	rq.path = (struct span){path.data, path.len};
	make(s, &rq, stream, body, ret);
	bytes_done(&path);
}

struct fast *fast_new(const struct server *s)
{
	static const struct http_request any = {.minor = 1};
	static const char error[] = "{\"error\":\"the body is no JSON object\"}";
	static const char with_usage[] =
		",\"stream\":true,\"stream_options\":{\"include_usage\":true}";
	struct fast *f = mem_new(sizeof(*f));

	make_bodied(s, OLLAMA, ",\"think\":false,\"stream\":false", false, &f->ollama[WHOLE]);
	make_bodied(s, OLLAMA, ",\"think\":false", true, &f->ollama[STREAM]);
	make_bodied(s, OPENAI, "", false, &f->openai[WHOLE]);
	make_bodied(s, OPENAI, with_usage, true, &f->openai[STREAM]);
	make_gemini(s, false, &f->gemini[WHOLE]);
	make_gemini(s, true, &f->gemini[STREAM]);
	reply_begin(&f->refused, &any);
	reply_whole(&f->refused, 400, "application/json", error, sizeof(error) - 1);
	return f;
}

void fast_free(struct fast *f)
{
	if (!f)
		return;
	for (int i = WHOLE; i <= STREAM; i++) {
		reply_done(&f->ollama[i]);
		reply_done(&f->openai[i]);
		reply_done(&f->gemini[i]);
	}
	reply_done(&f->refused);
	free(f);
}

static bool blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool looks_like_json(struct span body)
{
	while (body.len && blank(body.ptr[body.len - 1]))
		body.len--;
	while (body.len && blank(*body.ptr)) {
		body.ptr++;
		body.len--;
	}
	return body.len > 1 && body.ptr[0] == '{' && body.ptr[body.len - 1] == '}';
}

static bool stream_is(const char *at, size_t len, const char *value)
{
	static const char key[] = "\"stream\":";
	const char *hit = memmem(at, len, key, sizeof(key) - 1);
	size_t n = strlen(value);

	if (!hit)
		return false;
	hit += sizeof(key) - 1;
	hit += *hit == ' ';
	return (size_t)(at + len - hit) >= n && !memcmp(hit, value, n);
}

/* A long prompt in the middle is not searched: that would cost more than the answer. */
static bool says_stream(struct span body, const char *value)
{
	size_t n = body.len < LOOK ? body.len : LOOK;

	return stream_is(body.ptr, n, value) ||
		(n < body.len && stream_is(body.ptr + body.len - n, n, value));
}

static bool ends_in(struct span s, const char *end, size_t len)
{
	return s.len > len && !memcmp(s.ptr + s.len - len, end, len);
}

/* Any model will do, and any key: only what is asked for is read. */
static const struct reply *gemini_reply(const struct fast *f, const struct http_request *rq)
{
	size_t n = sizeof(GEMINI) - 1;

	if (rq->path.len <= n || memcmp(rq->path.ptr, GEMINI, n) != 0)
		return NULL;
	if (ends_in(rq->path, GEMINI_WHOLE, sizeof(GEMINI_WHOLE) - 1))
		return looks_like_json(rq->body) ? &f->gemini[WHOLE] : &f->refused;
	if (ends_in(rq->path, GEMINI_STREAM, sizeof(GEMINI_STREAM) - 1) &&
		span_is(http_query(rq, "alt"), "sse"))
		return looks_like_json(rq->body) ? &f->gemini[STREAM] : &f->refused;
	return NULL;
}

const struct reply *fast_reply(const struct fast *f, const struct http_request *rq)
{
	bool ollama = span_is(rq->path, OLLAMA);

	if (rq->close || !span_is(rq->method, "POST"))
		return NULL;
	if (!ollama && !span_is(rq->path, OPENAI))
		return gemini_reply(f, rq);
	if (!looks_like_json(rq->body))
		return &f->refused;
	if (ollama)
		return &f->ollama[says_stream(rq->body, "false") ? WHOLE : STREAM];
	return &f->openai[says_stream(rq->body, "true") ? STREAM : WHOLE];
}
