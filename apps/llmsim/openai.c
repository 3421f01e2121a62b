#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "openai.h"
#include "server.h"

#define NS_PER_MS 1000000u
#define CREATED 1767322800 /* of the models: 2026-01-02 */
#define CALL_PART 12 /* bytes of arguments per chunk */

struct job {
	const struct server *srv;
	const json_t *ask;
	const struct model *model;
	struct question q;
	struct answer a;
	struct bytes id;
	uint64_t created;
	bool usage; /* asked for in the stream */
	struct bytes b;
};

/* ---- the question ---- */

static void no_model(struct fault *f, const char *name)
{
	fault_set(
		f, 404, "The model `%.200s` does not exist or you do not have access to it.", name);
	f->code = "model_not_found";
}

static void check(struct job *j, struct fault *f)
{
	const char *name = json_string_value(json_object_get(j->ask, "model"));

	openai_check(j->ask, f);
	if (f->status)
		return;
	j->model = models_find(&j->srv->models, name);
	if (!j->model)
		no_model(f, name);
}

static void read_messages(struct job *j)
{
	const json_t *messages = json_object_get(j->ask, "messages");
	size_t n = json_array_size(messages);
	const json_t *last = json_array_get(messages, n - 1);
	const char *role = json_string_value(json_object_get(last, "role"));
	size_t before = 0;

	for (size_t i = 0; i < n; i++) {
		before = j->q.prompt.len;
		ask_text(&j->q.prompt, json_object_get(json_array_get(messages, i), "content"));
	}
	before += before && before < j->q.prompt.len; /* the newline between them */
	if (role && !strcmp(role, "user") && j->q.prompt.len)
		j->q.last_user = (struct span){j->q.prompt.data + before, j->q.prompt.len - before};
}

static void read_tools(struct job *j)
{
	const json_t *choice = ask_get(j->ask, "tool_choice");
	const char *mode = json_string_value(choice);

	if (mode && !strcmp(mode, "none"))
		return;
	j->q.tools = ask_get(j->ask, "tools");
	if (mode && !strcmp(mode, "required"))
		j->q.forced = "";
	if (json_is_object(choice))
		j->q.forced = json_string_value(
			json_object_get(json_object_get(choice, "function"), "name"));
}

static void read_format(struct job *j)
{
	const json_t *format = ask_get(j->ask, "response_format");
	const char *type = json_string_value(json_object_get(format, "type"));

	if (type && !strcmp(type, "json_object"))
		j->q.json = true;
	if (type && !strcmp(type, "json_schema"))
		j->q.schema = ask_get(json_object_get(format, "json_schema"), "schema");
}

static void read_question(struct job *j)
{
	const json_t *limit = ask_get(j->ask, "max_completion_tokens");
	const json_t *seed = ask_get(j->ask, "seed");
	const json_t *with = ask_get(j->ask, "stream_options");
	const char *effort = json_string_value(ask_get(j->ask, "reasoning_effort"));

	if (!limit)
		limit = ask_get(j->ask, "max_tokens");
	j->q.opt = j->srv->opt;
	j->q.model = j->model->name;
	j->q.seed = seed ? (uint64_t)json_integer_value(seed) : j->srv->opt->seed;
	j->q.limit = (uint64_t)json_integer_value(limit);
	j->q.stop = ask_get(j->ask, "stop");
	j->q.think = effort && strcmp(effort, "none") != 0 && (j->model->can & CAN_THINKING);
	j->usage = json_is_true(json_object_get(with, "include_usage"));
	read_messages(j);
	read_tools(j);
	read_format(j);
}

/* ---- the answer ---- */

static void text(struct job *j, const char *t)
{
	bytes_text(&j->b, t);
}

static void open_object(struct job *j, const char *kind)
{
	j->b.len = 0;
	text(j, "{\"id\":\"");
	text(j, j->id.data);
	text(j, "\",\"object\":\"");
	text(j, kind);
	text(j, "\",\"created\":");
	bytes_number(&j->b, j->created);
	text(j, ",\"model\":");
	bytes_json(&j->b, j->model->name, strlen(j->model->name));
	text(j, ",\"choices\":[");
}

static void usage(struct job *j)
{
	const struct answer *a = &j->a;

	bytes_format(&j->b,
		"{\"prompt_tokens\":%zu,\"completion_tokens\":%zu,\"total_tokens\":%zu,"
		"\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
		"\"completion_tokens_details\":{\"reasoning_tokens\":%zu,\"audio_tokens\":0,"
		"\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
		a->prompt_tokens, a->output_tokens, a->prompt_tokens + a->output_tokens,
		a->thinking_tokens);
}

static const char *finish(const struct job *j)
{
	if (j->a.finish == FINISH_LENGTH)
		return "length";
	/* A single forced function ends with "stop" at OpenAI. */
	if (j->a.calls && j->q.forced && *j->q.forced)
		return "stop";
	return j->a.calls ? "tool_calls" : "stop";
}

/* Arguments are JSON inside a string. */
static char *arguments(const json_t *call)
{
	char *t = json_dumps(json_object_get(call, "arguments"), JSON_COMPACT);

	return t ? t : mem_copy("{}", 2);
}

static const char *member(const json_t *call, const char *name)
{
	return json_string_value(json_object_get(call, name));
}

static void whole_calls(struct job *j)
{
	size_t i;
	json_t *call;

	json_array_foreach(j->a.calls, i, call)
	{
		char *args = arguments(call);

		text(j, i ? ",{\"id\":" : ",\"tool_calls\":[{\"id\":");
		bytes_json(&j->b, member(call, "id"), strlen(member(call, "id")));
		text(j, ",\"type\":\"function\",\"function\":{\"name\":");
		bytes_json(&j->b, member(call, "name"), strlen(member(call, "name")));
		text(j, ",\"arguments\":");
		bytes_json(&j->b, args, strlen(args));
		text(j, "}}");
		free(args);
	}
	text(j, j->a.calls ? "]" : "");
}

static void send_whole(struct job *j, struct reply *r)
{
	open_object(j, "chat.completion");
	text(j, "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
	if (j->a.calls)
		text(j, "null");
	else
		bytes_json(&j->b, j->a.text.b.data, j->a.text.b.len);
	whole_calls(j);
	text(j, ",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"");
	text(j, finish(j));
	text(j, "\"}],\"usage\":");
	usage(j);
	text(j, ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_sim\"}");
	reply_whole(r, 200, "application/json", j->b.data, j->b.len);
}

/* The SSE event around one chunk; `delta` is the inside of the object. */
static void chunk_begin(struct job *j, struct bytes *event)
{
	event->len = 0;
	bytes_text(event, "data: ");
	open_object(j, "chat.completion.chunk");
	text(j, "{\"index\":0,\"delta\":{");
}

static void chunk_end(struct job *j, struct bytes *event, struct reply *r, const char *why)
{
	text(j, "},\"logprobs\":null,\"finish_reason\":");
	if (why)
		bytes_json(&j->b, why, strlen(why));
	else
		text(j, "null");
	text(j, j->usage ? "}],\"usage\":null}" : "}]}");
	bytes_add(event, j->b.data, j->b.len);
	bytes_text(event, "\n\n");
	reply_event(r, event->data, event->len);
}

static void stream_arguments(
	struct job *j, struct bytes *event, struct reply *r, size_t i, const char *args)
{
	size_t len = strlen(args);

	/* Cut anywhere, as a real model does: even inside an escape. */
	for (size_t at = 0; at < len;) {
		size_t n = len - at < CALL_PART ? len - at : CALL_PART;

		while (n < len - at && ((unsigned char)args[at + n] & 0xc0) == 0x80)
			n++;
		chunk_begin(j, event);
		bytes_format(
			&j->b, "\"tool_calls\":[{\"index\":%zu,\"function\":{\"arguments\":", i);
		bytes_json(&j->b, args + at, n);
		text(j, "}}]");
		chunk_end(j, event, r, NULL);
		at += n;
	}
}

static void stream_calls(struct job *j, struct bytes *event, struct reply *r)
{
	size_t i;
	json_t *call;

	json_array_foreach(j->a.calls, i, call)
	{
		char *args = arguments(call);

		chunk_begin(j, event);
		bytes_format(&j->b,
			"\"tool_calls\":[{\"index\":%zu,\"id\":\"%s\","
			"\"type\":\"function\",\"function\":{\"name\":",
			i, member(call, "id"));
		bytes_json(&j->b, member(call, "name"), strlen(member(call, "name")));
		text(j, ",\"arguments\":\"\"}}]");
		chunk_end(j, event, r, NULL);
		stream_arguments(j, event, r, i, args);
		free(args);
	}
}

static void stream_text(struct job *j, struct bytes *event, struct reply *r)
{
	for (size_t i = 0; i < j->a.text.count; i++) {
		struct span piece = pieces_at(&j->a.text, i);

		chunk_begin(j, event);
		text(j, "\"content\":");
		bytes_json(&j->b, piece.ptr, piece.len);
		chunk_end(j, event, r, NULL);
	}
}

static void stream_usage(struct job *j, struct bytes *event, struct reply *r)
{
	event->len = 0;
	bytes_text(event, "data: ");
	open_object(j, "chat.completion.chunk");
	text(j, "],\"usage\":");
	usage(j);
	text(j, "}");
	bytes_add(event, j->b.data, j->b.len);
	bytes_text(event, "\n\n");
	reply_event(r, event->data, event->len);
}

static void send_stream(struct job *j, struct reply *r)
{
	static const char end[] = "data: [DONE]\n\n";
	struct bytes event = {0};

	reply_stream(r, "text/event-stream; charset=utf-8");
	chunk_begin(j, &event);
	text(j, "\"role\":\"assistant\",\"content\":");
	text(j, j->a.calls ? "null" : "\"\"");
	text(j, ",\"refusal\":null");
	chunk_end(j, &event, r, NULL);
	stream_text(j, &event, r);
	stream_calls(j, &event, r);
	chunk_begin(j, &event);
	chunk_end(j, &event, r, finish(j));
	if (j->usage)
		stream_usage(j, &event, r);
	reply_event(r, end, sizeof(end) - 1);
	reply_end(r);
	bytes_done(&event);
}

static void reply_to(struct job *j, struct reply *r)
{
	const struct options *opt = j->srv->opt;

	read_question(j);
	answer_make(&j->q, &j->a);
	j->created = (uint64_t)time(NULL);
	bytes_text(&j->id, "chatcmpl-");
	answer_id(&j->id, &j->a.rng, 24);
	r->delay_ns = opt->delay_ms * NS_PER_MS;
	if (json_is_true(json_object_get(j->ask, "stream"))) {
		r->pace_ns = opt->pace_ms * NS_PER_MS;
		send_stream(j, r);
		return;
	}
	r->delay_ns += j->a.output_tokens * opt->pace_ms * NS_PER_MS;
	send_whole(j, r);
}

/* OpenAI's words for a body that is no JSON object. */
static json_t *body(const struct http_request *rq, struct fault *f)
{
	json_t *ask = ask_body(rq, f);

	if (!ask)
		fault_set(f, 400,
			"We could not parse the JSON body of your request. (HINT: This "
			"likely means you aren't using your HTTP library correctly.)");
	return ask;
}

void openai_chat(struct server *s, const struct http_request *rq, struct reply *r)
{
	struct job j = {.srv = s};
	struct fault f = {0};
	json_t *ask = body(rq, &f);

	j.ask = ask;
	if (!f.status)
		check(&j, &f);
	if (f.status)
		openai_error(r, &f);
	else
		reply_to(&j, r);
	answer_done(&j.a);
	question_done(&j.q);
	bytes_done(&j.id);
	bytes_done(&j.b);
	fault_done(&f);
	json_decref(ask);
}

static void model_entry(struct bytes *b, const struct model *m)
{
	bytes_text(b, "{\"id\":");
	bytes_json(b, m->name, strlen(m->name));
	bytes_format(b, ",\"object\":\"model\",\"created\":%d,\"owned_by\":\"llmsim\"}", CREATED);
}

void openai_models(struct server *s, const struct http_request *rq, struct reply *r)
{
	struct bytes b = {0};

	(void)rq;
	bytes_text(&b, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < s->models.count; i++) {
		bytes_text(&b, i ? "," : "");
		model_entry(&b, &s->models.list[i]);
	}
	bytes_text(&b, "]}");
	reply_whole(r, 200, "application/json", b.data, b.len);
	bytes_done(&b);
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)((at - digits) % 16) : -1;
}

/* Clients send the colon of a tag as %3A. */
static char *decoded(const char *text, size_t len)
{
	char *out = mem_copy(text, len);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		out[n++] = text[i];
		if (text[i] != '%' || i + 2 >= len || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
			continue;
		out[n - 1] = (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]));
		i += 2;
	}
	out[n] = 0;
	return out;
}

void openai_model(struct server *s, const struct http_request *rq, struct reply *r)
{
	size_t skip = strlen("/v1/models/");
	char *name = decoded(rq->path.ptr + skip, rq->path.len - skip);
	const struct model *m = models_find(&s->models, name);
	struct bytes b = {0};
	struct fault f = {0};

	if (m) {
		model_entry(&b, m);
		reply_whole(r, 200, "application/json", b.data, b.len);
	} else {
		no_model(&f, name);
		openai_error(r, &f);
	}
	bytes_done(&b);
	fault_done(&f);
	free(name);
}

void openai_no_route(const struct http_request *rq, struct reply *r)
{
	struct fault f = {0};

	fault_set(&f, 404, "Invalid URL (%.*s %.*s)", (int)(rq->method.len % 32), rq->method.ptr,
		(int)(rq->path.len < 300 ? rq->path.len : 300), rq->path.ptr);
	openai_error(r, &f);
	fault_done(&f);
}
