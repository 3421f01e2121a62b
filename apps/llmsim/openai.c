#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "openai.h"
#include "server.h"

#define NS_PER_MS 1000000u

/* ---- the question ---- */

static void read_messages(struct openai_job *j)
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

static const char *name_of(const json_t *tool)
{
	const char *kind = json_object_get(tool, "custom") ? "custom" : "function";

	return json_string_value(json_object_get(json_object_get(tool, kind), "name"));
}

/* {"type":"allowed_tools",...}: only these, and perhaps one of them must be called. */
static void allow(struct openai_job *j, const json_t *set)
{
	const char *mode = json_string_value(json_object_get(set, "mode"));
	const json_t *some = json_object_get(set, "tools");
	size_t i;
	json_t *tool;

	j->tools = json_array();
	json_array_foreach(j->q.tools, i, tool)
	{
		const char *name = name_of(tool);

		for (size_t k = 0; name && k < json_array_size(some); k++) {
			const char *own = name_of(json_array_get(some, k));

			if (own && !strcmp(own, name))
				json_array_append(j->tools, tool);
		}
	}
	j->q.tools = j->tools;
	if (mode && !strcmp(mode, "required"))
		j->q.forced = "";
}

static void read_tools(struct openai_job *j)
{
	const json_t *choice = ask_get(j->ask, "tool_choice");
	const json_t *set = ask_get(choice, "allowed_tools");
	const char *mode = json_string_value(choice);

	j->q.one_call = json_is_false(ask_get(j->ask, "parallel_tool_calls"));
	if (mode && !strcmp(mode, "none"))
		return;
	j->q.tools = ask_get(j->ask, "tools");
	if (mode && !strcmp(mode, "required"))
		j->q.forced = "";
	if (set)
		allow(j, set);
	else if (json_is_object(choice))
		j->q.forced = name_of(choice);
}

static void read_format(struct openai_job *j)
{
	const json_t *format = ask_get(j->ask, "response_format");
	const char *type = json_string_value(json_object_get(format, "type"));

	if (type && !strcmp(type, "json_object"))
		j->q.json = true;
	if (type && !strcmp(type, "json_schema"))
		j->q.schema = ask_get(json_object_get(format, "json_schema"), "schema");
}

static size_t choices(const json_t *ask)
{
	const json_t *n = ask_get(ask, "n");

	return n ? (size_t)json_integer_value(n) : 1;
}

static void read_question(struct openai_job *j)
{
	const json_t *limit = ask_get(j->ask, "max_completion_tokens");
	const json_t *seed = ask_get(j->ask, "seed");
	const json_t *with = ask_get(j->ask, "stream_options");
	const char *effort = json_string_value(ask_get(j->ask, "reasoning_effort"));

	if (!limit)
		limit = ask_get(j->ask, "max_tokens");
	j->q.opt = j->srv->opt;
	j->q.faults = j->srv->models.faults;
	j->q.model = j->model->name;
	j->q.seed = seed ? (uint64_t)json_integer_value(seed) : j->srv->opt->seed;
	j->q.limit = (uint64_t)json_integer_value(limit);
	j->q.stop = ask_get(j->ask, "stop");
	j->q.think = effort ? strcmp(effort, "none") != 0 && (j->model->can & CAN_THINKING) :
			      j->model->thinks;
	j->logprobs = json_is_true(ask_get(j->ask, "logprobs"));
	j->top = (size_t)json_integer_value(ask_get(j->ask, "top_logprobs"));
	j->usage = json_is_true(json_object_get(with, "include_usage"));
	read_messages(j);
	read_tools(j);
	read_format(j);
}

/* ---- the answers ---- */

/* The choices differ as by another seed. */
static void make_choices(struct openai_job *j)
{
	j->choices = choices(j->ask);
	j->a = mem_new(j->choices * sizeof(*j->a));
	for (size_t i = 0; i < j->choices; i++) {
		j->q.choice = i;
		answer_make(&j->q, &j->a[i]);
	}
}

static void reply_to(struct openai_job *j, const char *prefix,
	void (*say)(struct openai_job *j, struct reply *r), struct reply *r)
{
	const struct options *opt = j->srv->opt;

	j->created = (uint64_t)time(NULL);
	bytes_text(&j->id, prefix);
	answer_id(&j->id, &j->a->rng, 24);
	r->delay_ns = opt->delay_ms * NS_PER_MS;
	if (json_is_true(json_object_get(j->ask, "stream")))
		r->pace_ns = opt->pace_ms * NS_PER_MS;
	else
		r->delay_ns += j->a->output_tokens * opt->pace_ms * NS_PER_MS;
	say(j, r);
}

static void blocked(struct fault *f)
{
	fault_set(f, 400,
		"Invalid prompt: your prompt was flagged as potentially violating our usage "
		"policy. Please try again with a different prompt.");
	f->param = "prompt";
	f->code = "content_filter";
}

static void done(struct openai_job *j)
{
	for (size_t i = 0; i < j->choices; i++)
		answer_done(&j->a[i]);
	free(j->a);
	question_done(&j->q);
	bytes_done(&j->id);
	bytes_done(&j->b);
	json_decref(j->tools);
}

static void chat(struct openai_job *j, struct reply *r, struct fault *f)
{
	openai_check(j->ask, f);
	if (!f->status)
		j->model = openai_find(
			j->srv, json_string_value(json_object_get(j->ask, "model")), f);
	if (!f->status)
		openai_rules(j->ask, j->model, f);
	if (f->status)
		return;
	read_question(j);
	make_choices(j);
	if (answer_is(j->a, END_BLOCKED))
		blocked(f);
	else
		reply_to(j, "chatcmpl-", openai_say, r);
}

/* A prompt is a text, or tokens of which only the number counts. */
static void completion(struct openai_job *j, struct reply *r, struct fault *f)
{
	const json_t *limit = ask_get(j->ask, "max_tokens");
	const json_t *seed = ask_get(j->ask, "seed");
	const json_t *with = ask_get(j->ask, "stream_options");

	openai_check_completion(j->ask, f);
	if (!f->status)
		j->model = openai_find(
			j->srv, json_string_value(json_object_get(j->ask, "model")), f);
	if (f->status)
		return;
	j->q.opt = j->srv->opt;
	j->q.faults = j->srv->models.faults;
	j->q.model = j->model->name;
	j->q.seed = seed ? (uint64_t)json_integer_value(seed) : j->srv->opt->seed;
	j->q.limit = limit ? (uint64_t)json_integer_value(limit) : 16;
	j->q.stop = ask_get(j->ask, "stop");
	j->usage = json_is_true(json_object_get(with, "include_usage"));
	ask_words(&j->q.prompt, ask_get(j->ask, "prompt"));
	make_choices(j);
	reply_to(j, "cmpl-", openai_text_say, r);
}

static void serve(struct server *s, const struct http_request *rq, struct reply *r,
	void (*answer)(struct openai_job *j, struct reply *r, struct fault *f))
{
	struct openai_job j = {.srv = s};
	struct fault f = {0};
	json_t *ask = openai_body(rq, &f);

	j.ask = ask;
	if (!f.status)
		answer(&j, r, &f);
	if (f.status)
		openai_error(r, &f);
	done(&j);
	fault_done(&f);
	json_decref(ask);
}

void openai_chat(struct server *s, const struct http_request *rq, struct reply *r)
{
	serve(s, rq, r, chat);
}

void openai_completions(struct server *s, const struct http_request *rq, struct reply *r)
{
	serve(s, rq, r, completion);
}
