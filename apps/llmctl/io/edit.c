#include "edit.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"
#include "lines.h"

#define REMEMBERED 1000 /* lines */
#define CTRL_D L'\004'

struct edit {
	EditLine *el;
	History *history;
	locale_t utf8; /* for libedit alone: what is typed is UTF-8, whatever LANG says */
	const char *prompt;
	char *file; /* or null */
	char *line; /* the last one */
};

static char *prompt_of(EditLine *el)
{
	static char text[32];
	edit *e = NULL;

	el_get(el, EL_CLIENTDATA, &e);
	snprintf(text, sizeof(text), "%s", e ? e->prompt : "");
	return text;
}

/*
 * As read(), and a Ctrl-C that comes just before it is no less an EINTR. libedit takes the
 * signal first and sends it again: that is behind the wait, with the mask from before.
 */
static ssize_t read_byte(char *ret)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	sigset_t stop, before;
	int n = -1;

	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, &before);
	if (interrupt_seen())
		errno = EINTR;
	else
		n = ppoll(&p, 1, NULL, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return n > 0 ? read(STDIN_FILENO, ret, 1) : -1;
}

/* 1: *ret is the next character; 0: the end; -1: Ctrl-C. */
static int read_char(EditLine *el, wchar_t *ret)
{
	mbstate_t state = {0};
	size_t took;
	ssize_t n;
	char byte;

	(void)el;
	for (;;) {
		n = read_byte(&byte);
		if (n < 0 && errno == EINTR && !interrupt_seen())
			continue;
		if (n <= 0)
			return (int)n;
		took = mbrtowc(ret, &byte, 1, &state);
		if (took == (size_t)-1) { /* the rest of a character that was cut begins one */
			memset(&state, 0, sizeof(state));
			took = mbrtowc(ret, &byte, 1, &state);
		}
		if (took == (size_t)-1)
			memset(&state, 0, sizeof(state));
		else if (took != (size_t)-2)
			break;
	}
	/* Ctrl-D that was typed before the line was asked for comes as NUL. */
	if (!took)
		*ret = CTRL_D;
	return 1;
}

static bool set_up(edit *e)
{
	HistEvent ev;

	e->el = el_init("llmctl", stdin, stdout, stderr);
	e->history = history_init();
	if (!e->el || !e->history)
		return false;
	el_set(e->el, EL_CLIENTDATA, e);
	el_set(e->el, EL_PROMPT, prompt_of);
	el_set(e->el, EL_EDITOR, "emacs");
	el_set(e->el, EL_SIGNAL, 1);
	el_set(e->el, EL_GETCFN, read_char);
	el_set(e->el, EL_HIST, history, e->history);
	el_set(e->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	history(e->history, &ev, H_SETSIZE, REMEMBERED);
	history(e->history, &ev, H_SETUNIQUE, 1);
	if (e->file)
		history(e->history, &ev, H_LOAD, e->file);
	return true;
}

/* A file that others cannot read, before a word stands in it. */
static char *make_file(const char *path)
{
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;

	if (fd < 0)
		return NULL;
	(void)fchmod(fd, 0600);
	close(fd);
	return strdup(path);
}

edit *edit_new(const char *history)
{
	edit *e = calloc(1, sizeof(*e));
	locale_t before;
	bool ready;

	if (!e)
		return NULL;
	e->prompt = "";
	e->file = make_file(history);
	e->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	before = uselocale(e->utf8);
	ready = set_up(e);
	uselocale(before);
	if (ready)
		return e;
	edit_free(e);
	return NULL;
}

static void remember(edit *e)
{
	HistEvent ev;

	if (!e->line[strspn(e->line, " \t")])
		return;
	history(e->history, &ev, H_ENTER, e->line);
	if (e->file)
		history(e->history, &ev, H_SAVE, e->file);
}

int edit_next(edit *e, const char *prompt, const char **ret)
{
	locale_t before = uselocale(e->utf8);
	const char *line;
	int n = 0;

	e->prompt = prompt;
	el_resize(e->el);
	el_set(e->el, EL_PREP_TERM, 1); /* before the prompt: who sees it may type */
	line = el_gets(e->el, &n);
	free(e->line);
	e->line = line && n > 0 ? strndup(line, strcspn(line, "\n")) : NULL;
	if (e->line)
		remember(e);
	uselocale(before);
	*ret = e->line;
	if (e->line)
		return LINES_ONE;
	return interrupt_seen() ? LINES_STOPPED : LINES_END;
}

void edit_free(edit *e)
{
	locale_t before;

	if (!e)
		return;
	before = uselocale(e->utf8);
	if (e->history)
		history_end(e->history);
	if (e->el)
		el_end(e->el);
	uselocale(before);
	if (e->utf8)
		freelocale(e->utf8);
	free(e->file);
	free(e->line);
	free(e);
}
