/*
 * chat.c - "llmctl chat": questions one after the other, each asked with all that was said
 * before. At a terminal Ctrl-C stops an answer and Ctrl-D ends; from a pipe every line is a
 * question.
 */
#include "chat.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "io/interrupt.h"
#include "io/lines.h"
#include "setup/store.h"

#define FENCE "\"\"\""

/* ---- a question of several lines ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n >= k && strcmp(text + n - k, end) == 0;
}

/* All up to the line that ends with the fence. */
static int read_block(lines *in, const char *first, FILE *to)
{
	const char *line = first + strlen(FENCE);
	int got = LINES_ONE;

	while (!ends_with(line, FENCE)) {
		fprintf(to, "%s\n", line);
		got = lines_next(in, "... ", &line);
		if (got != LINES_ONE)
			return got == LINES_END ? LINES_ONE : got;
	}
	fwrite(line, 1, strlen(line) - strlen(FENCE), to);
	return got;
}

/* A line that ends in a backslash goes on in the next one. */
static int read_lines(lines *in, const char *line, FILE *to)
{
	int got;

	while (ends_with(line, "\\")) {
		fwrite(line, 1, strlen(line) - 1, to);
		putc('\n', to);
		got = lines_next(in, "... ", &line);
		if (got != LINES_ONE)
			return got == LINES_END ? LINES_ONE : got;
	}
	fputs(line, to);
	return LINES_ONE;
}

/* *ret is freed by the caller, and may be null whatever is returned. */
static int read_question(lines *in, char **ret)
{
	const char *line = "";
	size_t len = 0;
	FILE *to;
	int got = lines_next(in, "> ", &line);

	*ret = NULL;
	if (got != LINES_ONE)
		return got;
	to = open_memstream(ret, &len);
	if (!to)
		return LINES_END;
	got = strncmp(line, FENCE, strlen(FENCE)) == 0 ? read_block(in, line, to) :
							 read_lines(in, line, to);
	if (fclose(to) != 0)
		return LINES_END;
	return got;
}

/* ---- asking ---- */

static void add_turn(chat *ch, const char *role, const char *text, size_t len)
{
	json_t *turn = json_object();

	json_object_set_new(turn, "role", json_string(role));
	json_object_set_new(turn, "content", json_stringn(text, len));
	json_array_append_new(ch->turns, turn);
}

/* What a question came to, also when only a part of the answer did, is part of what follows. */
static void keep_turns(chat *ch, const ask *a)
{
	size_t len = 0;
	const char *text = a->result ? llm_result_text(a->result, &len) : NULL;

	if (!text || !len)
		return;
	add_turn(ch, "user", a->prompt.data, a->prompt.len);
	add_turn(ch, "assistant", text, len);
}

static void question(chat *ch, const char *text)
{
	ask a = {.c = ch->c, .before = ch->turns, .earlier = &ch->from, .err = LLM_ERR_INIT};
	int status;

	a.prompt.data = strdup(text);
	if (!a.prompt.data) {
		ch->ends = true;
		return;
	}
	a.prompt.len = strlen(text);
	a.out.clean = ch->c->term.out && !ch->c->opt.raw;
	interrupt_forget();
	(void)ask_go(&a);
	status = ask_end(&a);
	chat_count(ch, a.result, status);
	keep_turns(ch, &a);
	if (status)
		ch->status = status;
	ch->ends = a.out.error || (status == EXIT_INTERRUPTED && !ch->terminal);
	ask_done(&a);
}

static bool is_blank(const char *text)
{
	return !text[strspn(text, " \t\r\n")];
}

static void take(chat *ch, const char *text)
{
	if (is_blank(text))
		return;
	if (text[0] == '/' && text[1] != '/')
		chat_command(ch, text);
	else
		question(ch, text + (text[0] == '/'));
}

/* ---- from beginning to end ---- */

/* The system text of what is gone on from counts unless another one is given. */
static void take_resumed(chat *ch)
{
	ch->turns = ch->from.turns ? json_incref(ch->from.turns) : json_array();
	ch->system = resume_take_system(ch->turns);
	if (!ch->c->opt.system)
		ch->c->opt.system = ch->system;
}

static int32_t open_lines(chat *ch, lines **ret, llm_err *err)
{
	char path[1000];
	const bool kept = ch->terminal && !ch->c->opt.no_record &&
		store_own_file("chat-history", path, sizeof(path));

	return lines_open(ch->terminal, kept ? path : NULL, ret, err);
}

static int32_t begin(chat *ch, lines **ret, llm_err *err)
{
	ctl *c = ch->c;
	int32_t rc = 0;

	if (c->opt.model && c->opt.profile)
		rc = complain_set(err, LLM_E_INVALID_REQUEST,
			"-m and -p exclude each other: a profile chooses its model\n"
			"Try: llmctl chat --help");
	if (!rc && c->opt.resume)
		rc = resume_load(c, c->opt.resume, &ch->from, err);
	take_resumed(ch);
	if (!rc)
		rc = ctl_recording_service(c, err);
	if (!rc)
		rc = open_lines(ch, ret, err);
	if (rc || !ch->terminal)
		return rc;
	interrupt_stays();
	interrupt_catch();
	chat_say("/help lists what can be said besides questions; Ctrl-D ends\n");
	return 0;
}

static void converse(chat *ch, lines *in)
{
	int got = LINES_ONE;
	char *text;

	while (!ch->ends && got != LINES_END) {
		interrupt_forget();
		got = read_question(in, &text);
		if (got == LINES_ONE && text)
			take(ch, text);
		else if (got == LINES_STOPPED && !ch->terminal)
			ch->ends = true;
		free(text);
	}
}

int chat_run(ctl *c)
{
	chat ch = {.c = c, .terminal = isatty(STDIN_FILENO) && c->term.out};
	llm_err err = LLM_ERR_INIT;
	lines *in = NULL;
	int32_t rc = begin(&ch, &in, &err);

	if (!rc)
		converse(&ch, in);
	lines_close(in);
	c->opt.system = c->opt.model = c->opt.profile = NULL;
	json_decref(ch.turns);
	resume_done(&ch.from);
	free(ch.system);
	free(ch.target);
	if (rc)
		return ctl_fail(c, &err);
	return ch.terminal ? 0 : ch.status;
}
