#include "lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "edit.h"
#include "interrupt.h"

struct lines {
	bool terminal;
	edit *edit; /* or null */
	char *text;
	size_t cap;
};

int32_t lines_open(bool terminal, const char *history, lines **ret, llm_err *err)
{
	lines *l = calloc(1, sizeof(*l));

	if (!l)
		return complain_set(err, LLM_E_NOMEM, "memory is short");
	l->terminal = terminal;
	l->edit = terminal ? edit_new(history) : NULL;
	*ret = l;
	return 0;
}

static int next_plain(lines *l, const char *prompt, const char **ret)
{
	ssize_t n;

	if (l->terminal) {
		fputs(prompt, stdout);
		fflush(stdout);
	}
	errno = 0;
	n = getline(&l->text, &l->cap, stdin);
	if (n < 0) {
		const bool stopped = errno == EINTR && interrupt_seen();

		clearerr(stdin);
		return stopped ? LINES_STOPPED : LINES_END;
	}
	if (n && l->text[n - 1] == '\n')
		l->text[--n] = '\0';
	if (n && l->text[n - 1] == '\r')
		l->text[--n] = '\0';
	*ret = l->text;
	return LINES_ONE;
}

int lines_next(lines *l, const char *prompt, const char **ret)
{
	int got = l->edit ? edit_next(l->edit, prompt, ret) : next_plain(l, prompt, ret);

	/* The shell's prompt, or ours, is to begin a line. */
	if (l->terminal && got != LINES_ONE)
		fputs(got == LINES_STOPPED ? "^C\n" : "\n", stdout);
	fflush(stdout);
	return got;
}

void lines_close(lines *l)
{
	if (!l)
		return;
	edit_free(l->edit);
	free(l->text);
	free(l);
}
