/*
 * chat_words.c - what can be said in a chat besides questions, and what it adds up to.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat.h"
#include "runs/runs.h"
#include "start/near.h"

void chat_say(const char *format, ...)
{
	char text[2000];
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (n > 0)
		term_say(text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

/* ---- sums ---- */

static void add_known(int64_t *sum, int64_t n)
{
	if (n > 0)
		*sum += n;
}

void chat_count(chat *ch, const llm_result *r, int status)
{
	llm_timing t = {.struct_size = (uint32_t)sizeof(t)};
	llm_cost cost = {.struct_size = (uint32_t)sizeof(cost), .nanousd = -1};
	llm_usage u = LLM_USAGE_INIT;
	chat_sums *s = &ch->sums;

	s->answers += status == 0;
	s->stopped += status == EXIT_INTERRUPTED;
	s->failed += status && status != EXIT_INTERRUPTED;
	if (!r)
		return;
	llm_result_usage(r, &u);
	llm_result_timing(r, &t);
	llm_result_cost(r, &cost);
	add_known(&s->input_tokens, u.input_tokens);
	add_known(&s->output_tokens, u.output_tokens);
	add_known(&s->nanousd, cost.nanousd);
	add_known(&s->ms, t.duration_ms);
	s->uncosted += cost.nanousd < 0;
}

static void say_stats(chat *ch, const char *rest)
{
	const chat_sums *s = &ch->sums;
	char usd[40], span[40];

	(void)rest;
	runs_usd(s->nanousd, usd, sizeof(usd));
	runs_span(s->ms, span, sizeof(span));
	chat_say("answers: %u, stopped: %u, failed: %u; turns kept: %zu\n"
		 "tokens: %lld read, %lld written; time: %s\n",
		s->answers, s->stopped, s->failed, json_array_size(ch->turns),
		(long long)s->input_tokens, (long long)s->output_tokens, span);
	if (s->uncosted)
		chat_say("cost: %s USD, without %u whose cost is not known\n", usd, s->uncosted);
	else
		chat_say("cost: %s USD\n", usd);
}

/* ---- settings ---- */

/* The text behind a word: null when there is none. */
static char *own(const char *text)
{
	return *text ? strdup(text) : NULL;
}

static void say_target(const ctl_options *o)
{
	if (o->profile)
		chat_say("profile %s answers\n", o->profile);
	else if (o->model)
		chat_say("model %s answers\n", o->model);
	else
		chat_say("the default profile answers\n");
}

static void set_target(chat *ch, const char *rest, bool is_profile)
{
	ctl_options *o = &ch->c->opt;

	if (*rest) {
		free(ch->target);
		ch->target = own(rest);
		o->model = is_profile ? NULL : ch->target;
		o->profile = is_profile ? ch->target : NULL;
		o->candidates = NULL;
	}
	say_target(o);
}

static void set_model(chat *ch, const char *rest)
{
	set_target(ch, rest, false);
}

static void set_profile(chat *ch, const char *rest)
{
	set_target(ch, rest, true);
}

static void set_system(chat *ch, const char *rest)
{
	free(ch->system);
	ch->system = own(rest);
	ch->c->opt.system = ch->system;
	chat_say(ch->system ? "the system text is set\n" : "there is no system text any more\n");
}

static void reset(chat *ch, const char *rest)
{
	(void)rest;
	json_array_clear(ch->turns);
	chat_say("what was said is forgotten\n");
}

/* ---- saving ---- */

static json_t *document(const chat *ch)
{
	const ctl_options *o = &ch->c->opt;
	json_t *doc = json_object(), *turns = json_deep_copy(ch->turns), *first;

	if (o->system) {
		first = json_pack("{s:s, s:s}", "role", "system", "content", o->system);
		json_array_insert_new(turns, 0, first);
	}
	json_object_set_new(doc, "schema", json_string("llm.chat/1"));
	json_object_set_new(doc, "profile", o->profile ? json_string(o->profile) : json_null());
	json_object_set_new(doc, "model", o->model ? json_string(o->model) : json_null());
	json_object_set_new(doc, "turns", turns);
	return doc;
}

/* A file of somebody's is not written over. */
static void save(chat *ch, const char *path)
{
	json_t *doc;
	int fd, rc = -1;

	if (!*path) {
		chat_say("where to? /save FILE\n");
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		doc = document(ch);
		rc = json_dumpfd(doc, fd, JSON_INDENT(2));
		json_decref(doc);
		rc |= close(fd);
	}
	if (rc)
		chat_say("%s cannot be written: %s\n", path, strerror(errno));
	else
		chat_say("%zu turns are in %s\n", json_array_size(ch->turns), path);
}

/* ---- the table ---- */

static void help(chat *ch, const char *rest)
{
	(void)ch;
	(void)rest;
	chat_say("%s", chat_words);
}

static void quit(chat *ch, const char *rest)
{
	(void)rest;
	ch->ends = true;
}

typedef struct word {
	const char *name;
	void (*run)(chat *ch, const char *rest);
} word;

/* As chat_words of start/commands.c explains them. */
static const word words[] = {{"/model", set_model}, {"/profile", set_profile},
	{"/system", set_system}, {"/reset", reset}, {"/save", save}, {"/stats", say_stats},
	{"/help", help}, {"/quit", quit}};

void chat_command(chat *ch, const char *line)
{
	const size_t n = strcspn(line, " \t\n");
	char name[40];
	near close_to = {.word = name};
	const char *rest = line + n + strspn(line + n, " \t\n");

	snprintf(name, sizeof(name), "%.*s", n < sizeof(name) ? (int)n : (int)sizeof(name) - 1,
		line);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].name, name) == 0) {
			words[i].run(ch, rest);
			return;
		}
		near_try(&close_to, words[i].name);
	}
	if (close_to.best)
		chat_say("%s is nothing that can be said; did you mean %s?\n", name, close_to.best);
	else
		chat_say("%s is nothing that can be said; /help lists what is\n", name);
	if (!ch->terminal)
		ch->status = EXIT_USAGE;
}
