/*
 * ask_show.c - an answer as a person sees it: text on standard output; reasoning,
 * the spinner, notes and figures on standard error.
 */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "llm/explain.h"

#define PIECE 1024

void show_begin(ask *a)
{
	const term *t = &a->c->term;

	if (a->c->opt.json)
		return;
	a->show.reasoning = a->c->opt.reasoning || (t->out && t->err);
	spinner_start(&a->show.spin, t, "waiting");
}

void show_wait(ask *a)
{
	spinner_turn(&a->show.spin);
}

/* Dimmed piece by piece, so that the terminal is never left dim, whatever happens. */
static void say_dim(ask *a, const char *text, size_t len)
{
	char clean[PIECE + 1];
	const term *t = &a->c->term;

	while (len) {
		size_t n = len < PIECE ? len : PIECE;

		if (t->color)
			term_say("\033[2m", 4);
		if (t->err && !a->c->opt.raw)
			term_say(clean, strip_text(&a->show.thoughts, text, n, clean));
		else
			term_say(text, n);
		if (t->color)
			term_say("\033[0m", 4);
		text += n;
		len -= n;
	}
}

static void show_reasoning(ask *a, const char *text, size_t len)
{
	show *s = &a->show;

	if (!s->reasoning || !len)
		return;
	spinner_clear(&s->spin);
	if (s->got_text && !s->thinking)
		term_say("\n", 1);
	s->thinking = true;
	s->got_reasoning = true;
	say_dim(a, text, len);
}

static void end_thought(ask *a)
{
	if (!a->show.thinking)
		return;
	a->show.thinking = false;
	if (a->c->term.err)
		term_say("\n\n", 2);
	else
		term_say("\n", 1);
}

static void show_text(ask *a, const char *text, size_t len)
{
	if (!len)
		return;
	spinner_clear(&a->show.spin);
	end_thought(a);
	a->show.got_text = true;
	out_text(&a->out, text, len);
}

void show_event(ask *a, const llm_event *e)
{
	if (e->kind == LLM_EVENT_START)
		snprintf(
			a->show.spin.what, sizeof(a->show.spin.what), "waiting for %.70s", e->text);
	else if (e->kind == LLM_EVENT_TEXT)
		show_text(a, e->text, e->len);
	else if (e->kind == LLM_EVENT_REASONING)
		show_reasoning(a, e->text, e->len);
}

/* Waits that nobody notices are not worth a line. */
#define NOTICED_MS 1000

void show_notice(ask *a, const llm_event *e)
{
	char line[500];

	if (e->kind == LLM_EVENT_WAITING && e->index < NOTICED_MS)
		return;
	spinner_clear(&a->show.spin);
	if (a->show.got_text && a->c->term.out)
		term_say("\n", 1);
	snprintf(line, sizeof(line), "%.400s%s", e->text,
		e->kind == LLM_EVENT_WAITING ? " (Ctrl-C stops)" : "");
	complain_note(&a->c->term, "note", line);
}

void show_end(ask *a)
{
	const char *text;
	size_t len = 0;

	spinner_clear(&a->show.spin);
	if (a->result && !a->show.got_reasoning) {
		text = llm_result_reasoning(a->result, &len);
		show_reasoning(a, text, len);
	}
	if (a->result && !a->show.got_text) {
		text = llm_result_text(a->result, &len);
		show_text(a, text, len);
	}
	end_thought(a);
	if (!a->c->opt.raw)
		out_line_end(&a->out);
}

/* ---- on standard error, behind the answer ---- */

static void seconds(int64_t ms, char ret[32])
{
	if (ms < 0)
		snprintf(ret, 32, "?");
	else
		snprintf(ret, 32, "%lld.%02lld", (long long)(ms / 1000),
			(long long)(ms % 1000 / 10));
}

static void count(int64_t tokens, char ret[32])
{
	if (tokens < 0)
		snprintf(ret, 32, "?");
	else
		snprintf(ret, 32, "%lld", (long long)tokens);
}

static void tokens_text(const llm_result *r, char ret[96])
{
	llm_usage u = LLM_USAGE_INIT;
	char in[32], made[32];

	llm_result_usage(r, &u);
	count(u.input_tokens, in);
	count(u.output_tokens, made);
	snprintf(ret, 96, "tokens: %s read, %s written", in, made);
}

static void time_text(const llm_result *r, char ret[96])
{
	llm_timing t = {.struct_size = (uint32_t)sizeof(t)};
	char all[32], first[32];

	llm_result_timing(r, &t);
	seconds(t.duration_ms, all);
	seconds(t.ttft_ms, first);
	snprintf(ret, 96, "time: %s s, first token after %s s", all, first);
}

static void show_stats(const llm_result *r, const term *t)
{
	const char *provider = llm_result_provider(r), *model = llm_result_model(r);
	char tokens[96], times[96], line[600];

	tokens_text(r, tokens);
	time_text(r, times);
	snprintf(line, sizeof(line), "answered by %.60s/%.200s; %s; %s; finish: %s; source: %s",
		provider ? provider : "?", model ? model : "?", tokens, times,
		llm_finish_name(llm_result_finish(r, NULL)), llm_source_name(llm_result_source(r)));
	complain_note(t, "stats", line);
}

static void show_exchange(const llm_result *r, const term *t)
{
	const char *text = llm_result_exchange(r);
	size_t len = text ? strlen(text) : 0;
	strip state = {0};
	char clean[PIECE + 1];

	while (len) {
		size_t n = len < PIECE ? len : PIECE;

		if (t->err)
			term_say(clean, strip_text(&state, text, n, clean));
		else
			term_say(text, n);
		text += n;
		len -= n;
		if (!len && text[-1] != '\n')
			term_say("\n", 1);
	}
}

static void show_warnings(const llm_result *r, const term *t)
{
	for (uint32_t i = 0; i < llm_result_warning_count(r); i++)
		complain_note(t, "warning", llm_result_warning(r, i));
}

/* The answer is there all the same. */
static void show_cache_fault(const llm_result *r, const term *t)
{
	const char *why = NULL;
	char line[200];

	if (llm_result_cache(r, &why) != LLM_CACHE_MISS || !why)
		return;
	snprintf(line, sizeof(line), "cache: %s", why);
	complain_note(t, "warning", line);
}

/* An empty answer looks like a fault of the tool; say that it is none. */
static void show_empty(const ask *a, const llm_result *r, const term *t)
{
	char line[128];
	size_t len = 0;

	llm_result_text(r, &len);
	if (len || a->c->opt.dry_run || llm_result_status(r) != LLM_STATUS_SUCCEEDED ||
		llm_result_tool_call_count(r))
		return;
	snprintf(line, sizeof(line), "the answer has no text (finish: %s)",
		llm_finish_name(llm_result_finish(r, NULL)));
	complain_note(t, "note", line);
}

/* The answer is there, its row is not: who counts on records has to know. */
static void show_unkept(const llm_result *r, const term *t)
{
	const llm_err *why = NULL;
	char line[900];

	if (llm_result_status(r) != LLM_STATUS_SUCCEEDED ||
		llm_result_persisted(r, &why) != LLM_PERSISTED_NO)
		return;
	snprintf(line, sizeof(line), "the end of this run is not on record%s%.800s",
		why ? ": " : "", why ? why->message : "");
	complain_note(t, "note", line);
}

/* Who asks for stored answers and cannot have any is told why. */
static void show_cache(const ask *a, const llm_result *r, const term *t)
{
	const char *mode = a->c->opt.cache, *why = NULL;
	char line[200];

	if (!mode || strcmp(mode, "off") == 0 || llm_result_status(r) != LLM_STATUS_SUCCEEDED ||
		llm_result_source(r) != LLM_SOURCE_PROVIDER)
		return;
	switch (llm_result_cache(r, &why)) {
	case LLM_CACHE_UNUSED:
		complain_note(t, "note",
			"--cache changes nothing: the configuration keeps no answers\n"
			"for that it needs: cache = { mode = \"on\"; };");
		break;
	case LLM_CACHE_BYPASS:
		snprintf(line, sizeof(line), "stored answers were passed by: %.100s",
			why ? why : "?");
		complain_note(t, "note", line);
		break;
	default:
		break;
	}
}

void show_request(ask *a)
{
	const char *text = a->result ? llm_result_exchange(a->result) : NULL;

	spinner_clear(&a->show.spin);
	if (text)
		out_text(&a->out, text, strlen(text));
	out_line_end(&a->out);
}

void show_notes(const ask *a)
{
	const term *t = &a->c->term;

	if (!a->result)
		return;
	if (a->c->opt.verbose && !a->c->opt.dry_run)
		show_exchange(a->result, t);
	if (a->c->opt.explain && !a->c->opt.json)
		explain_print(llm_result_decision(a->result, NULL), t->err, stderr);
	if (!a->c->opt.json) {
		show_warnings(a->result, t);
		show_cache_fault(a->result, t);
		show_empty(a, a->result, t);
		show_unkept(a->result, t);
		show_cache(a, a->result, t);
	}
	if (a->c->opt.stats)
		show_stats(a->result, t);
}
