#include <stdlib.h>
#include <string.h>

#include "models.h"
#include "openai.h"

#define CALL_PART 12 /* bytes of arguments per chunk */

static void text(struct openai_job *j, const char *t)
{
	bytes_text(&j->b, t);
}

static void quoted(struct openai_job *j, const char *t)
{
	bytes_json(&j->b, t, strlen(t));
}

static void open_object(struct openai_job *j, const char *kind)
{
	j->b.len = 0;
	text(j, "{\"id\":\"");
	text(j, j->id.data);
	text(j, "\",\"object\":\"");
	text(j, kind);
	text(j, "\",\"created\":");
	bytes_number(&j->b, j->created);
	text(j, ",\"model\":");
	quoted(j, j->model->name);
}

void openai_usage(struct openai_job *j, bool details)
{
	size_t prompt = j->a->prompt_tokens;
	size_t output = 0;
	size_t thinking = 0;

	for (size_t i = 0; i < j->choices; i++) {
		output += j->a[i].output_tokens;
		thinking += j->a[i].thinking_tokens;
	}
	bytes_format(&j->b, "{\"prompt_tokens\":%zu,\"completion_tokens\":%zu,\"total_tokens\":%zu",
		prompt, output, prompt + output);
	if (details)
		bytes_format(&j->b,
			",\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
			"\"completion_tokens_details\":{\"reasoning_tokens\":%zu,"
			"\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
			"\"rejected_prediction_tokens\":0}",
			thinking);
	text(j, "}");
}

const char *openai_finish(const struct openai_job *j, size_t choice)
{
	const struct answer *a = &j->a[choice];

	if (a->finish == FINISH_LENGTH)
		return "length";
	if (a->finish == FINISH_FILTER)
		return "content_filter";
	/* A single forced function ends with "stop" at OpenAI. */
	if (a->calls && j->q.forced && *j->q.forced)
		return "stop";
	return a->calls ? "tool_calls" : "stop";
}

static bool declined(const struct openai_job *j, size_t choice)
{
	return answer_is(&j->a[choice], END_DECLINED);
}

/* Arguments are JSON inside a string; the input of a custom tool is text. */
static char *arguments(const json_t *call)
{
	const char *input = json_string_value(json_object_get(call, "input"));
	char *t;

	if (input)
		return mem_copy(input, strlen(input));
	t = json_dumps(json_object_get(call, "arguments"), JSON_COMPACT);
	return t ? t : mem_copy("{}", 2);
}

static const char *member(const json_t *call, const char *name)
{
	return json_string_value(json_object_get(call, name));
}

/* "id", "type" and the beginning of the object named as the type, before the input. */
static void call_head(struct openai_job *j, const json_t *call)
{
	const char *kind = json_object_get(call, "input") ? "custom" : "function";

	text(j, "\"id\":");
	quoted(j, member(call, "id"));
	text(j, ",\"type\":");
	quoted(j, kind);
	text(j, ",");
	quoted(j, kind);
	text(j, ":{\"name\":");
	quoted(j, member(call, "name"));
	text(j, json_object_get(call, "input") ? ",\"input\":" : ",\"arguments\":");
}

static void logprobs(struct openai_job *j, const struct pieces *p, size_t from, size_t to)
{
	if (!j->logprobs || from == to) {
		text(j, "null");
		return;
	}
	text(j, "{\"content\":[");
	for (size_t i = from; i < to; i++) {
		text(j, i > from ? "," : "");
		answer_logprob(&j->b, pieces_at(p, i), j->top);
	}
	text(j, "],\"refusal\":null}");
}

/* ---- in one piece ---- */

static void whole_calls(struct openai_job *j, const json_t *calls)
{
	size_t i;
	json_t *call;

	json_array_foreach(calls, i, call)
	{
		char *args = arguments(call);

		text(j, i ? ",{" : ",\"tool_calls\":[{");
		call_head(j, call);
		quoted(j, args);
		text(j, "}}");
		free(args);
	}
	text(j, calls ? "]" : "");
}

static void choice(struct openai_job *j, size_t i)
{
	const struct answer *a = &j->a[i];
	const struct pieces *said = &a->text;

	bytes_format(&j->b,
		"%s{\"index\":%zu,\"message\":{\"role\":\"assistant\",\"content\":", i ? "," : "",
		i);
	if (a->calls || declined(j, i))
		text(j, "null");
	else
		bytes_json(&j->b, said->b.data, said->b.len);
	whole_calls(j, a->calls);
	text(j, ",\"refusal\":");
	if (declined(j, i))
		bytes_json(&j->b, said->b.data, said->b.len);
	else
		text(j, "null");
	text(j, ",\"annotations\":[]},\"logprobs\":");
	logprobs(j, said, 0, said->count);
	text(j, ",\"finish_reason\":");
	quoted(j, openai_finish(j, i));
	text(j, "}");
}

static void send_whole(struct openai_job *j, struct reply *r)
{
	open_object(j, "chat.completion");
	text(j, ",\"choices\":[");
	for (size_t i = 0; i < j->choices; i++)
		choice(j, i);
	text(j, "],\"usage\":");
	openai_usage(j, true);
	text(j, ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_sim\"}");
	reply_whole(r, 200, "application/json", j->b.data, j->b.len);
}

/* ---- as a stream ---- */

struct stream {
	struct openai_job *j;
	struct reply *r;
	struct bytes event;
};

static void open_chunk(struct stream *s)
{
	s->event.len = 0;
	bytes_text(&s->event, "data: ");
	open_object(s->j, "chat.completion.chunk");
	text(s->j, ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_sim\",\"choices\":[");
}

static void send_event(struct stream *s)
{
	bytes_add(&s->event, s->j->b.data, s->j->b.len);
	bytes_text(&s->event, "\n\n");
	reply_event(s->r, s->event.data, s->event.len);
}

/* The event around one delta; what stands between begin and end is its inside. */
static void begin(struct stream *s, size_t choice)
{
	open_chunk(s);
	bytes_format(&s->j->b, "{\"index\":%zu,\"delta\":{", choice);
}

/* `piece`: which token of the text it was; SIZE_MAX: none. */
static void end(struct stream *s, size_t choice, size_t piece, const char *why)
{
	struct openai_job *j = s->j;

	text(j, "},\"logprobs\":");
	logprobs(j, &j->a[choice].text, piece, piece == SIZE_MAX ? piece : piece + 1);
	text(j, ",\"finish_reason\":");
	if (why)
		quoted(j, why);
	else
		text(j, "null");
	text(j, j->usage ? "}],\"usage\":null}" : "}]}");
	send_event(s);
}

static void first_chunk(struct stream *s, size_t i)
{
	bool none = s->j->a[i].calls || declined(s->j, i);

	begin(s, i);
	text(s->j, "\"role\":\"assistant\",\"content\":");
	text(s->j, none ? "null" : "\"\"");
	text(s->j, declined(s->j, i) ? ",\"refusal\":\"\"" : ",\"refusal\":null");
	end(s, i, SIZE_MAX, NULL);
}

static void text_chunk(struct stream *s, size_t i, size_t k)
{
	struct span piece = pieces_at(&s->j->a[i].text, k);

	begin(s, i);
	text(s->j, declined(s->j, i) ? "\"refusal\":" : "\"content\":");
	bytes_json(&s->j->b, piece.ptr, piece.len);
	end(s, i, k, NULL);
}

/* Token by token, each choice in its turn. */
static void text_chunks(struct stream *s)
{
	bool more = true;

	for (size_t k = 0; more; k++) {
		more = false;
		for (size_t i = 0; i < s->j->choices; i++) {
			if (k >= s->j->a[i].text.count)
				continue;
			text_chunk(s, i, k);
			more = true;
		}
	}
}

/* Cut anywhere, as a real model does: even inside an escape. */
static void argument_chunks(struct stream *s, size_t choice, size_t i, const json_t *call)
{
	bool custom = json_object_get(call, "input") != NULL;
	char *args = arguments(call);
	size_t len = strlen(args);

	for (size_t at = 0; at < len;) {
		size_t n = len - at < CALL_PART ? len - at : CALL_PART;

		while (n < len - at && ((unsigned char)args[at + n] & 0xc0) == 0x80)
			n++;
		begin(s, choice);
		bytes_format(&s->j->b, "\"tool_calls\":[{\"index\":%zu,\"%s\":{\"%s\":", i,
			custom ? "custom" : "function", custom ? "input" : "arguments");
		bytes_json(&s->j->b, args + at, n);
		text(s->j, "}}]");
		end(s, choice, SIZE_MAX, NULL);
		at += n;
	}
	free(args);
}

static void call_chunks(struct stream *s, size_t choice)
{
	size_t i;
	json_t *call;

	json_array_foreach(s->j->a[choice].calls, i, call)
	{
		begin(s, choice);
		bytes_format(&s->j->b, "\"tool_calls\":[{\"index\":%zu,", i);
		call_head(s->j, call);
		text(s->j, "\"\"}}]");
		end(s, choice, SIZE_MAX, NULL);
		argument_chunks(s, choice, i, call);
	}
}

static void usage_chunk(struct stream *s)
{
	open_chunk(s);
	text(s->j, "],\"usage\":");
	openai_usage(s->j, true);
	text(s->j, "}");
	send_event(s);
}

static void send_stream(struct openai_job *j, struct reply *r)
{
	static const char last[] = "data: [DONE]\n\n";
	struct stream s = {.j = j, .r = r};

	reply_stream(r, "text/event-stream; charset=utf-8");
	for (size_t i = 0; i < j->choices; i++)
		first_chunk(&s, i);
	text_chunks(&s);
	for (size_t i = 0; i < j->choices; i++)
		call_chunks(&s, i);
	for (size_t i = 0; i < j->choices; i++) {
		begin(&s, i);
		end(&s, i, SIZE_MAX, openai_finish(j, i));
	}
	if (j->usage)
		usage_chunk(&s);
	reply_event(r, last, sizeof(last) - 1);
	r->lead = j->choices;
	r->tail = j->choices + j->usage + 1;
	reply_end(r);
	bytes_done(&s.event);
}

void openai_say(struct openai_job *j, struct reply *r)
{
	if (json_is_true(json_object_get(j->ask, "stream")))
		send_stream(j, r);
	else
		send_whole(j, r);
}
