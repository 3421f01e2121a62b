#include "term.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SPINNER_FIRST_MS 300 /* an answer that comes at once leaves no flicker */
#define SPINNER_STEP_MS 100

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

void term_look(term *ret, bool no_color)
{
	const char *kind = getenv("TERM");

	ret->out = isatty(STDOUT_FILENO);
	ret->err = isatty(STDERR_FILENO);
	ret->moves = ret->err && kind && *kind && strcmp(kind, "dumb") != 0;
	ret->color = ret->moves && !no_color && !is_set("NO_COLOR");
}

void term_say(const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

int64_t term_now_ms(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void spinner_start(spinner *s, const term *t, const char *what)
{
	memset(s, 0, sizeof(*s));
	s->on = t->out && t->moves;
	s->since_ms = term_now_ms();
	snprintf(s->what, sizeof(s->what), "%s", what);
}

void spinner_turn(spinner *s)
{
	static const char marks[] = "|/-\\";
	int64_t now = term_now_ms(), waited = now - s->since_ms;
	char line[160];
	int n;

	if (!s->on || waited < SPINNER_FIRST_MS || now - s->drawn_ms < SPINNER_STEP_MS)
		return;
	n = snprintf(line, sizeof(line), "\r\033[K%c %s %lld s",
		marks[waited / SPINNER_STEP_MS % 4], s->what, (long long)(waited / 1000));
	if (n > 0)
		term_say(line, strlen(line));
	s->drawn_ms = now;
	s->shown = true;
}

void spinner_clear(spinner *s)
{
	if (s->shown)
		term_say("\r\033[K", 4);
	s->on = false;
	s->shown = false;
}
