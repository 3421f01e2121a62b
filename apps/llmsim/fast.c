#include <stdlib.h>
#include <string.h>

#include "fast.h"
#include "route.h"
#include "server.h"

#define LOOK 1024 /* bytes at each end of a body in which "stream" is looked for */

struct fast {
	struct reply ollama_whole;
	struct reply ollama_stream;
	struct reply openai_whole;
	struct reply openai_stream;
	struct reply refused;
};

/* Made by the ordinary handlers, so that fast answers look like the others. */
static void make(const struct server *s, const char *path, bool stream, struct reply *ret)
{
	struct options opt = *s->opt;
	struct server like = *s;
	struct bytes body = {0};
	struct http_request rq = {.method = span_of("POST"), .path = span_of(path), .minor = 1};

	like.opt = &opt;
	if (stream) {
		opt.tokens = opt.events;
		opt.say = NULL;
		opt.bytes = 0;
	}
	bytes_text(&body, "{\"model\":");
	bytes_json(&body, s->models.list[0].name, strlen(s->models.list[0].name));
	bytes_format(&body,
		",\"think\":false,\"stream\":%s,\"stream_options\":"
		"{\"include_usage\":true},\"messages\":[{\"role\":\"user\",\"content\":"
		"\"Speak.\"}]}",
		stream ? "true" : "false");
	rq.body = (struct span){body.data, body.len};
	reply_begin(ret, &rq);
	route(&like, &rq, ret);
	bytes_done(&body);
}

struct fast *fast_new(const struct server *s)
{
	static const struct http_request any = {.minor = 1};
	static const char error[] = "{\"error\":\"the body is no JSON object\"}";
	struct fast *f = mem_new(sizeof(*f));

	make(s, "/api/chat", false, &f->ollama_whole);
	make(s, "/api/chat", true, &f->ollama_stream);
	make(s, "/v1/chat/completions", false, &f->openai_whole);
	make(s, "/v1/chat/completions", true, &f->openai_stream);
	reply_begin(&f->refused, &any);
	reply_whole(&f->refused, 400, "application/json", error, sizeof(error) - 1);
	return f;
}

void fast_free(struct fast *f)
{
	if (!f)
		return;
	reply_done(&f->ollama_whole);
	reply_done(&f->ollama_stream);
	reply_done(&f->openai_whole);
	reply_done(&f->openai_stream);
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

const struct reply *fast_reply(const struct fast *f, const struct http_request *rq)
{
	bool ollama = span_is(rq->path, "/api/chat");

	if (rq->close || !span_is(rq->method, "POST") ||
		(!ollama && !span_is(rq->path, "/v1/chat/completions")))
		return NULL;
	if (!looks_like_json(rq->body))
		return &f->refused;
	if (ollama)
		return says_stream(rq->body, "false") ? &f->ollama_whole : &f->ollama_stream;
	return says_stream(rq->body, "true") ? &f->openai_stream : &f->openai_whole;
}
