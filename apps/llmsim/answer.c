#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "faults.h"
#include "options.h"
#include "schema.h"
#include "text.h"

#define MIB ((size_t)1 << 20)

void answer_id(struct bytes *b, uint64_t *rng, size_t n)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < n; i++)
		bytes_add(b, set + rng_below(rng, sizeof(set) - 1), 1);
}

static const json_t *function_of(const json_t *tool)
{
	const json_t *function = json_object_get(tool, "function");

	return function ? function : json_object_get(tool, "custom");
}

static const char *tool_name(const json_t *tool)
{
	const char *name = json_string_value(json_object_get(function_of(tool), "name"));

	return name ? name : "";
}

/* A custom tool takes text, the others an object of their schema. */
static json_t *input(struct answer *a, const json_t *tool, const char **ret_key)
{
	struct bytes phrase = {0};
	json_t *made;

	if (json_object_get(tool, "custom")) {
		text_phrase(&phrase, &a->rng);
		made = json_string(phrase.data);
		bytes_done(&phrase);
		*ret_key = "input";
		return made;
	}
	made = schema_make(json_object_get(function_of(tool), "parameters"), &a->rng);
	*ret_key = "arguments";
	if (json_is_object(made))
		return made;
	json_decref(made);
	return json_object();
}

static void call(struct answer *a, const json_t *tool)
{
	struct bytes id = {0};
	const char *key = NULL;
	json_t *value = input(a, tool, &key);

	bytes_text(&id, "call_");
	answer_id(&id, &a->rng, 8);
	if (!a->calls)
		a->calls = json_array();
	json_array_append_new(a->calls,
		json_pack("{s:s, s:s, s:o}", "id", id.data, "name", tool_name(tool), key, value));
	bytes_done(&id);
}

static bool starts_with_call(struct span text)
{
	return text.len >= 5 && span_is_nocase((struct span){text.ptr, 5}, "call ");
}

/* The whole name, or a longer word of it: "Weather in Porto?" means get_weather. */
static bool named(struct span text, const char *name)
{
	char word[65];

	if (span_has_nocase(text, name))
		return *name;
	while (*name) {
		size_t n = strcspn(name, "_-.:");

		if (n > 3 && n < sizeof(word)) {
			memcpy(word, name, n);
			word[n] = 0;
			if (span_has_nocase(text, word))
				return true;
		}
		name += n + (name[n] != 0);
	}
	return false;
}

/* Of one tool two calls, if the question has two things in it. */
static void call_again(const struct question *q, struct answer *a, const json_t *tool)
{
	if (!q->one_call && json_array_size(a->calls) == 1 &&
		span_has_nocase(q->last_user, " and "))
		call(a, tool);
}

/* One call of each tool that was named, else of the first if any was asked for. */
static void calls(const struct question *q, struct answer *a)
{
	bool any = q->forced || starts_with_call(q->last_user) ||
		span_has_nocase(q->last_user, "use the tool");
	const json_t *last = NULL;
	size_t i;
	json_t *tool;

	json_array_foreach(q->tools, i, tool)
	{
		const char *name = tool_name(tool);

		if (a->calls && q->one_call)
			break;
		if (q->forced && *q->forced ? strcmp(q->forced, name) != 0 :
					      !named(q->last_user, name))
			continue;
		call(a, tool);
		last = tool;
	}
	if (!a->calls && any && json_array_size(q->tools))
		call(a, json_array_get(q->tools, 0));
	else if (last && !q->forced)
		call_again(q, a, last);
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
	if (q->bare && json_is_string(made))
		text_slice(&a->text, json_string_value(made), json_string_length(made));
	else if (text)
		text_slice(&a->text, text, strlen(text));
	free(text);
	json_decref(made);
	bytes_done(&phrase);
}

/* One token, and the same sentence over and over. */
static void big_text(struct pieces *p, uint64_t *rng, size_t len)
{
	struct bytes one = {0};

	text_make(p, rng, 9);
	bytes_add(&one, p->b.data, p->b.len);
	while (p->b.len < len) {
		size_t left = len - p->b.len;

		pieces_add(p, one.data, left < one.len ? left : one.len);
	}
	p->count = 0;
	pieces_mark(p);
	bytes_done(&one);
}

static void say(const struct question *q, struct answer *a)
{
	uint64_t big = faults_big_frame(q->faults);

	if (q->schema || q->json) {
		document(q, a);
		return;
	}
	if (big) {
		big_text(&a->text, &a->rng, big * MIB);
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

/* A filter leaves the first words; who declines says so. */
static void apply_special(struct answer *a)
{
	static const char sorry[] = "I'm sorry, I can't help with that.";

	if (answer_is(a, END_BLOCKED) || answer_is(a, END_FILTERED)) {
		limit(&a->text, a->special->words);
		a->finish = FINISH_FILTER;
	}
	if (answer_is(a, END_EMPTY))
		pieces_cut(&a->text, 0);
	if (answer_is(a, END_DECLINED)) {
		pieces_cut(&a->text, 0);
		text_split(&a->text, sorry, sizeof(sorry) - 1);
	}
}

static void count(const struct question *q, struct answer *a)
{
	a->prompt_tokens = text_words(q->prompt.data, q->prompt.len) + 8;
	a->thinking_tokens = a->thinking.count;
	a->output_tokens = a->thinking.count + a->text.count + 12 * json_array_size(a->calls);
}

void answer_make(const struct question *q, struct answer *ret)
{
	struct answer a = {.special = faults_special(q->faults)};
	const char *who = q->opt->same_text ? "" : q->model;
	uint64_t h = hash_bytes(q->seed + q->choice, who, strlen(who));
	uint64_t thoughts;

	if (!a.special)
		a.special = special_find(q->last_user);
	a.rng = hash_bytes(h, q->prompt.data ? q->prompt.data : "", q->prompt.len);
	thoughts = a.rng + 1; /* whoever thinks says the same as who does not */
	if (q->think && !answer_is(&a, END_BLOCKED))
		text_make(&a.thinking, &thoughts, q->opt->tokens / 4 + 4);
	if (!a.special)
		calls(q, &a);
	if (!a.calls)
		say(q, &a);
	apply_special(&a);
	apply_limit(q, &a);
	apply_stop(q, &a);
	if (a.calls && a.finish == FINISH_STOP)
		a.finish = FINISH_TOOLS;
	count(q, &a);
	*ret = a;
}

bool answer_is(const struct answer *a, enum ending ending)
{
	return a->special && a->special->ending == ending;
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

static void logprob(struct bytes *b, struct span token, uint64_t *rng, size_t rank)
{
	bytes_text(b, "{\"token\":");
	bytes_json(b, token.ptr, token.len);
	bytes_format(b, ",\"logprob\":-%zu.%04zu,\"bytes\":[", rank, rng_below(rng, 9999) + 1);
	for (size_t i = 0; i < token.len; i++)
		bytes_format(b, "%s%u", i ? "," : "", (unsigned char)token.ptr[i]);
	bytes_text(b, "]");
}

void answer_logprob(struct bytes *b, struct span token, size_t top)
{
	uint64_t first = hash_bytes(2, token.ptr, token.len);
	uint64_t rng = first;
	uint64_t again = first;

	logprob(b, token, &rng, 0);
	bytes_text(b, ",\"top_logprobs\":[");
	for (size_t i = 0; i < top; i++) {
		struct bytes other = {0};

		text_phrase(&other, &rng);
		bytes_text(b, i ? "," : "");
		logprob(b, i ? (struct span){other.data, other.len} : token, i ? &rng : &again, i);
		bytes_text(b, "}");
		bytes_done(&other);
	}
	bytes_text(b, "]}");
}
