#include "complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "strip.h"

#define LINES_MAX 3

/* Text that grows to at most three lines; what does not fit is left out. */
typedef struct lines {
	char text[3 * LLM_ERR_MESSAGE_MAX];
	size_t len;
	int n;
} lines;

static void add_bytes(lines *l, const char *text, size_t len)
{
	size_t room = sizeof(l->text) - l->len;

	len = len < room ? len : room;
	memcpy(l->text + l->len, text, len);
	l->len += len;
}

static void add_line(lines *l, const char *text, size_t len)
{
	if (l->n == LINES_MAX || !len)
		return;
	if (l->n)
		add_bytes(l, "  ", 2);
	add_bytes(l, text, len);
	add_bytes(l, "\n", 1);
	l->n++;
}

/* The lines of a text, at most `most` of them. */
static void add_lines(lines *l, const char *text, int most)
{
	while (*text && most--) {
		size_t len = strcspn(text, "\n"), skip = 0;

		while (l->n && skip < len && text[skip] == ' ')
			skip++;
		add_line(l, text + skip, len - skip);
		text += len + (text[len] == '\n');
	}
}

static void add_place(lines *l, const llm_err *err)
{
	const char *who = err->candidate[0] ? err->candidate : err->provider;
	char line[400];
	int n;

	if (!who[0])
		return;
	n = snprintf(line, sizeof(line), "at %s", who);
	if (err->phase && n > 0 && (size_t)n < sizeof(line))
		n += snprintf(line + n, sizeof(line) - (size_t)n, ", phase %s",
			llm_phase_name(err->phase));
	if (err->http_status && n > 0 && (size_t)n < sizeof(line))
		snprintf(line + n, sizeof(line) - (size_t)n, ", HTTP %d", err->http_status);
	add_line(l, line, strlen(line));
}

static void add_advice(lines *l, const llm_err *err)
{
	const llm_error_info *info = llm_error_info_of(err->code);

	if (info)
		add_line(l, info->fix, strlen(info->fix));
}

static void say_clean(const term *t, const char *head, const char *text, size_t len)
{
	char clean[sizeof(((lines *)0)->text) + 1];
	strip state = {0};
	size_t n = strip_text(&state, text, len, clean);

	if (t->color)
		term_say("\033[1;31mllmctl:\033[0m ", 19);
	else
		term_say("llmctl: ", 8);
	term_say(head, strlen(head));
	term_say(clean, n);
}

void complain(const term *t, const llm_err *err, const char *hint)
{
	lines l = {.len = 0};
	char head[64];

	add_lines(&l, err->message, hint ? 1 : LINES_MAX);
	if (hint)
		add_lines(&l, hint, LINES_MAX);
	else if (l.n == 1) {
		add_place(&l, err);
		add_advice(&l, err);
	}
	if (!l.n)
		add_advice(&l, err);
	snprintf(head, sizeof(head), "%s: ", llm_error_name(err->code));
	say_clean(t, head, l.text, l.len);
}

void complain_note(const term *t, const char *kind, const char *text)
{
	lines l = {.len = 0};
	char head[64];

	add_lines(&l, text, LINES_MAX);
	snprintf(head, sizeof(head), "%s: ", kind);
	say_clean(t, head, l.text, l.len);
}

int32_t complain_set(llm_err *err, int32_t code, const char *format, ...)
{
	const llm_error_info *info = llm_error_info_of(code);
	llm_err full = LLM_ERR_INIT;
	va_list list;

	full.code = code;
	full.err_class = info ? info->err_class : LLM_CLASS_LOCAL;
	va_start(list, format);
	vsnprintf(full.message, sizeof(full.message), format, list);
	va_end(list);
	*err = full;
	return code;
}

int complain_exit(int32_t code)
{
	const llm_error_info *info = llm_error_info_of(code);

	if (!code)
		return 0;
	return info ? (int)info->exit_code : 1;
}
