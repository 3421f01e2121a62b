#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "ollama.h"
#include "server.h"

#define NS_PER_MS 1000000u

/* One request on its way to an answer. */
struct job {
	const struct server *srv;
	const json_t *ask;
	const char *name; /* as asked: replies echo it */
	const struct model *model;
	bool generate;
	struct question q;
	struct answer a;
	uint64_t start_ns; /* since 1970 */
	size_t frames; /* written so far; the next is that many paces later */
	struct bytes b; /* scratch */
};

/* ---- what is wrong with the request ---- */

static bool wants_thinking(const struct job *j)
{
	const json_t *think = ask_get(j->ask, "think");

	if (!think)
		return j->model->thinks;
	return json_is_true(think) || json_is_string(think);
}

static void check_model(struct job *j, struct fault *f)
{
	const json_t *tools = ask_get(j->ask, "tools");

	j->model = models_find(&j->srv->models, j->name);
	if (!j->model)
		fault_set(f, 404, "model '%.200s' not found", j->name);
	else if (!(j->model->can & CAN_COMPLETION))
		fault_set(f, 400, "\"%.200s\" does not support %s", j->name,
			j->generate ? "generate" : "chat");
	else if (json_array_size(tools) && !(j->model->can & CAN_TOOLS))
		fault_set(f, 400, "registry.ollama.ai/library/%.200s does not support tools",
			j->model->name);
	else if (wants_thinking(j) && !(j->model->can & CAN_THINKING))
		fault_set(f, 400, "\"%.200s\" does not support thinking", j->name);
}

static void check(struct job *j, struct fault *f)
{
	ollama_check(j->ask, j->generate, f);
	if (f->status)
		return;
	j->name = json_string_value(json_object_get(j->ask, "model"));
	check_model(j, f);
	if (!f->status)
		ollama_check_options(j->ask, f);
	if (!f->status)
		ollama_check_format(j->ask, f);
}

/* ---- the question in it ---- */

static void read_chat(struct job *j)
{
	const json_t *messages = json_object_get(j->ask, "messages");
	size_t n = json_array_size(messages);
	const json_t *last = n ? json_array_get(messages, n - 1) : NULL;
	const char *role = json_string_value(json_object_get(last, "role"));
	const json_t *text = ask_get(last, "content");

	for (size_t i = 0; i < n; i++)
		ask_text(&j->q.prompt, json_object_get(json_array_get(messages, i), "content"));
	if (role && text && !strcmp(role, "user"))
		j->q.last_user = (struct span){json_string_value(text), json_string_length(text)};
}

static uint64_t whole(const json_t *v, uint64_t fallback)
{
	if (json_is_integer(v))
		return (uint64_t)json_integer_value(v);
	/* Ollama takes 5.0 for an integer option. */
	if (json_is_real(v) && json_real_value(v) > -1e15 && json_real_value(v) < 1e15)
		return (uint64_t)(int64_t)json_real_value(v);
	return fallback;
}

static void read_question(struct job *j)
{
	const json_t *options = ask_get(j->ask, "options");
	const json_t *format = ask_get(j->ask, "format");
	int64_t limit = (int64_t)whole(ask_get(options, "num_predict"), 0);

	j->q.opt = j->srv->opt;
	j->q.faults = j->srv->models.faults;
	j->q.model = j->model->name;
	j->q.seed = whole(ask_get(options, "seed"), j->srv->opt->seed);
	j->q.limit = limit > 0 ? (uint64_t)limit : 0;
	j->q.stop = ask_get(options, "stop");
	j->q.think = wants_thinking(j);
	j->q.schema = json_is_object(format) ? format : NULL;
	j->q.json = json_string_length(format) > 0;
	/* Where both are given, the format wins and no tool is called. */
	if (!j->q.schema && !j->q.json)
		j->q.tools = ask_get(j->ask, "tools");
	if (j->generate) {
		ask_text(&j->q.prompt, ask_get(j->ask, "system"));
		ask_text(&j->q.prompt, ask_get(j->ask, "prompt"));
	} else {
		read_chat(j);
	}
}

/* ---- the frames of the answer ---- */

static void text_member(struct bytes *b, const char *name, struct span text)
{
	bytes_text(b, ",\"");
	bytes_text(b, name);
	bytes_text(b, "\":");
	bytes_json(b, text.ptr, text.len);
}

/* All calls, or from `first` on one of them. */
static void calls_member(struct bytes *b, const json_t *calls, size_t first, size_t most)
{
	size_t end = json_array_size(calls);

	if (most < end - first)
		end = first + most;
	bytes_text(b, ",\"tool_calls\":[");
	for (size_t i = first; i < end; i++) {
		const json_t *one = json_array_get(calls, i);
		json_t *out = json_pack("{s:O, s:{s:I, s:O, s:O}}", "id",
			json_object_get(one, "id"), "function", "index", (json_int_t)i, "name",
			json_object_get(one, "name"), "arguments",
			json_object_get(one, "arguments"));
		char *text = json_dumps(out, JSON_COMPACT);

		bytes_text(b, i > first ? "," : "");
		bytes_text(b, text ? text : "{}");
		free(text);
		json_decref(out);
	}
	bytes_text(b, "]");
}

#define NO_CALL SIZE_MAX
#define ALL_CALLS (SIZE_MAX - 1)

/* Starts one object in j->b: everything up to "done". `call` is a place among the calls. */
static void frame(struct job *j, struct span content, struct span thinking, size_t call)
{
	struct bytes *b = &j->b;
	const struct options *opt = j->srv->opt;

	b->len = 0;
	bytes_text(b, "{\"model\":");
	bytes_json(b, j->name, strlen(j->name));
	bytes_text(b, ",\"created_at\":\"");
	ollama_time(b, j->start_ns + (opt->delay_ms + j->frames++ * opt->pace_ms) * NS_PER_MS);
	bytes_text(b, "\"");
	if (!j->generate)
		bytes_text(b, ",\"message\":{\"role\":\"assistant\"");
	text_member(b, j->generate ? "response" : "content", content);
	if (thinking.len)
		text_member(b, "thinking", thinking);
	if (j->a.calls && call == ALL_CALLS)
		calls_member(b, j->a.calls, 0, SIZE_MAX);
	else if (call != NO_CALL && call != ALL_CALLS)
		calls_member(b, j->a.calls, call, 1);
	if (!j->generate)
		bytes_text(b, "}");
}

static void number_member(struct bytes *b, const char *name, uint64_t n)
{
	if (!n) /* Go leaves zeros out here */
		return;
	bytes_text(b, ",\"");
	bytes_text(b, name);
	bytes_text(b, "\":");
	bytes_number(b, n);
}

static void logprobs(struct job *j, const struct pieces *p, size_t from, size_t to)
{
	size_t top = (size_t)json_integer_value(ask_get(j->ask, "top_logprobs"));

	if (!json_is_true(ask_get(j->ask, "logprobs")) || from == to)
		return;
	bytes_text(&j->b, ",\"logprobs\":[");
	for (size_t i = from; i < to; i++) {
		bytes_text(&j->b, i > from ? "," : "");
		answer_logprob(&j->b, pieces_at(p, i), top);
	}
	bytes_text(&j->b, "]");
}

static void send_more(struct job *j, struct reply *r)
{
	bytes_text(&j->b, "}\n");
	ollama_escape(&j->b, 0);
	reply_event(r, j->b.data, j->b.len);
}

/* Times that such a model would have needed; they are made up, the counts are not. */
static void last(struct job *j, const char *reason, bool whole)
{
	const struct options *opt = j->srv->opt;
	uint64_t prompt_ns = j->a.prompt_tokens * 100000 + opt->delay_ms * NS_PER_MS;
	uint64_t eval_ns = j->a.output_tokens * (50000 + opt->pace_ms * NS_PER_MS);
	struct bytes *b = &j->b;

	bytes_text(b, ",\"done\":true,\"done_reason\":\"");
	bytes_text(b, reason);
	bytes_text(b, "\"");
	if (whole)
		logprobs(j, &j->a.text, 0, j->a.text.count);
	if (j->a.prompt_tokens) {
		if (j->generate)
			bytes_text(b, ",\"context\":[1,2,3]");
		number_member(b, "total_duration", prompt_ns + eval_ns + NS_PER_MS);
		number_member(b, "load_duration", NS_PER_MS);
		number_member(b, "prompt_eval_count", j->a.prompt_tokens);
		number_member(b, "prompt_eval_duration", prompt_ns);
		number_member(b, "eval_count", j->a.output_tokens);
		number_member(b, "eval_duration", eval_ns);
	}
	bytes_text(b, "}");
	ollama_escape(b, 0);
}

static const char *reason(const struct job *j)
{
	return j->a.finish == FINISH_LENGTH ? "length" : "stop";
}

static void send_pieces(struct job *j, struct reply *r, const struct pieces *p, bool thinking)
{
	static const struct span none = {"", 0};

	for (size_t i = 0; i < p->count; i++) {
		struct span piece = pieces_at(p, i);

		frame(j, thinking ? none : piece, thinking ? piece : none, NO_CALL);
		bytes_text(&j->b, ",\"done\":false");
		if (!thinking)
			logprobs(j, p, i, i + 1);
		send_more(j, r);
	}
}

static void send_stream(struct job *j, struct reply *r)
{
	static const struct span none = {"", 0};

	reply_stream(r, "application/x-ndjson");
	send_pieces(j, r, &j->a.thinking, true);
	send_pieces(j, r, &j->a.text, false);
	for (size_t i = 0; i < json_array_size(j->a.calls); i++) {
		frame(j, none, none, i);
		bytes_text(&j->b, ",\"done\":false");
		send_more(j, r);
	}
	frame(j, none, none, NO_CALL);
	last(j, reason(j), false);
	bytes_text(&j->b, "\n");
	reply_event(r, j->b.data, j->b.len);
	r->tail = 1;
	reply_end(r);
}

static void send_whole(struct job *j, struct reply *r, const char *why)
{
	const struct pieces *text = &j->a.text;
	const struct pieces *thinking = &j->a.thinking;

	frame(j, (struct span){text->b.data, text->b.len},
		(struct span){thinking->b.data, thinking->b.len}, ALL_CALLS);
	last(j, why, true);
	reply_whole(r, 200, "application/json; charset=utf-8", j->b.data, j->b.len);
}

/* No messages, or no prompt: the model is only loaded, or unloaded. */
static bool only_load(const struct job *j)
{
	if (j->generate)
		return !json_string_length(json_object_get(j->ask, "prompt"));
	return !json_array_size(json_object_get(j->ask, "messages"));
}

static const char *load_reason(const struct job *j)
{
	const json_t *keep = ask_get(j->ask, "keep_alive");
	const char *text = json_string_value(keep);
	bool zero = json_is_number(keep) && !(json_number_value(keep) > 0) &&
		!(json_number_value(keep) < 0);

	return zero || (text && !strcmp(text, "0")) ? "unload" : "load";
}

static void reply_to(struct job *j, struct reply *r)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	j->start_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (only_load(j)) {
		send_whole(j, r, load_reason(j));
		return;
	}
	read_question(j);
	answer_make(&j->q, &j->a);
	r->delay_ns = j->srv->opt->delay_ms * NS_PER_MS;
	if (json_is_false(json_object_get(j->ask, "stream"))) {
		/* A whole answer comes when the last token would have. */
		r->delay_ns += j->a.output_tokens * j->srv->opt->pace_ms * NS_PER_MS;
		send_whole(j, r, reason(j));
		return;
	}
	r->pace_ns = j->srv->opt->pace_ms * NS_PER_MS;
	send_stream(j, r);
}

static void serve(struct server *s, const struct http_request *rq, struct reply *r, bool generate)
{
	struct job j = {.srv = s, .generate = generate};
	struct fault f = {0};
	json_t *ask = ask_body(rq, &f);

	j.ask = ask;
	if (!f.status)
		check(&j, &f);
	if (f.status)
		ollama_error(r, &f);
	else
		reply_to(&j, r);
	answer_done(&j.a);
	question_done(&j.q);
	bytes_done(&j.b);
	fault_done(&f);
	json_decref(ask);
}

void ollama_chat(struct server *s, const struct http_request *rq, struct reply *r)
{
	serve(s, rq, r, false);
}

void ollama_generate(struct server *s, const struct http_request *rq, struct reply *r)
{
	serve(s, rq, r, true);
}
