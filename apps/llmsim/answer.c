#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "options.h"
#include "schema.h"
#include "text.h"

void answer_id(struct bytes *b, uint64_t *rng, size_t n)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < n; i++)
		bytes_add(b, set + rng_below(rng, sizeof(set) - 1), 1);
}

static const json_t *function_of(const json_t *tool)
{
	return json_object_get(tool, "function");
}

static const char *tool_name(const json_t *tool)
{
	const char *name = json_string_value(json_object_get(function_of(tool), "name"));

	return name ? name : "";
}

static void call(struct answer *a, const json_t *tool)
{
	struct bytes id = {0};
	json_t *arguments = schema_make(json_object_get(function_of(tool), "parameters"), &a->rng);
	json_t *one;

	bytes_text(&id, "call_");
	answer_id(&id, &a->rng, 8);
	if (!json_is_object(arguments)) {
		json_decref(arguments);
		arguments = json_object();
	}
	one = json_pack(
		"{s:s, s:s, s:o}", "id", id.data, "name", tool_name(tool), "arguments", arguments);
	if (!a->calls)
		a->calls = json_array();
	json_array_append_new(a->calls, one);
	bytes_done(&id);
}

static bool starts_with_call(struct span text)
{
	return text.len >= 5 && span_is_nocase((struct span){text.ptr, 5}, "call ");
}

/* One call of each tool that was named, else of the first if any was asked for. */
static void calls(const struct question *q, struct answer *a)
{
	bool any = q->forced || starts_with_call(q->last_user) ||
		span_has_nocase(q->last_user, "use the tool");
	size_t i;
	json_t *tool;

	json_array_foreach(q->tools, i, tool)
	{
		const char *name = tool_name(tool);

		if (q->forced && *q->forced ? !strcmp(q->forced, name) :
					      span_has_nocase(q->last_user, name))
			call(a, tool);
	}
	if (!a->calls && any && json_array_size(q->tools))
		call(a, json_array_get(q->tools, 0));
}

static void document(const struct question *q, struct answer *a)
{
	json_t *made;
	char *text;
	struct bytes phrase = {0};

	text_phrase(&phrase, &a->rng);
	made = q->schema ? schema_make(q->schema, &a->rng) :
			   json_pack("{s:s}", "answer", phrase.data);
	text = json_dumps(made, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text)
		text_slice(&a->text, text, strlen(text));
	free(text);
	json_decref(made);
	bytes_done(&phrase);
}

static void say(const struct question *q, struct answer *a)
{
	if (q->schema || q->json) {
		document(q, a);
		return;
	}
	if (q->opt->say)
		text_split(&a->text, q->opt->say, strlen(q->opt->say));
	else
		text_make(&a->text, &a->rng, q->opt->tokens);
	if (q->opt->bytes)
		text_resize(&a->text, &a->rng, q->opt->bytes);
}

static void first_stop(const struct answer *a, const char *stop, size_t *cut)
{
	const char *at = NULL;

	if (stop && *stop && a->text.b.len)
		at = memmem(a->text.b.data, a->text.b.len, stop, strlen(stop));
	if (at && (size_t)(at - a->text.b.data) < *cut)
		*cut = (size_t)(at - a->text.b.data);
}

static void apply_stop(const struct question *q, struct answer *a)
{
	size_t cut = a->text.b.len;

	first_stop(a, json_string_value(q->stop), &cut);
	for (size_t i = 0; i < json_array_size(q->stop); i++)
		first_stop(a, json_string_value(json_array_get(q->stop, i)), &cut);
	if (cut == a->text.b.len)
		return;
	pieces_cut(&a->text, cut);
	a->finish = FINISH_STOP;
}

static bool limit(struct pieces *p, size_t most)
{
	if (p->count <= most)
		return false;
	p->count = most;
	p->b.len = most ? p->ends[most - 1] : 0;
	p->b.data[p->b.len] = 0;
	return true;
}

/* The limit counts thinking first: a small one leaves no text, as with real models. */
static void apply_limit(const struct question *q, struct answer *a)
{
	if (!q->limit)
		return;
	if (limit(&a->thinking, q->limit))
		a->finish = FINISH_LENGTH;
	if (limit(&a->text, q->limit - a->thinking.count))
		a->finish = FINISH_LENGTH;
}

void answer_make(const struct question *q, struct answer *ret)
{
	struct answer a = {0};
	uint64_t h = hash_bytes(q->seed, q->model, strlen(q->model));

	a.rng = hash_bytes(h, q->prompt.data ? q->prompt.data : "", q->prompt.len);
	if (q->think)
		text_make(&a.thinking, &a.rng, q->opt->tokens / 4 + 4);
	calls(q, &a);
	if (!a.calls)
		say(q, &a);
	apply_limit(q, &a);
	apply_stop(q, &a);
	if (a.calls && a.finish == FINISH_STOP)
		a.finish = FINISH_TOOLS;
	a.prompt_tokens = text_words(q->prompt.data, q->prompt.len) + 8;
	a.thinking_tokens = a.thinking.count;
	a.output_tokens = a.thinking.count + a.text.count + 12 * json_array_size(a.calls);
	*ret = a;
}

void answer_done(struct answer *a)
{
	pieces_done(&a->thinking);
	pieces_done(&a->text);
	json_decref(a->calls);
	a->calls = NULL;
}

void question_done(struct question *q)
{
	bytes_done(&q->prompt);
}
