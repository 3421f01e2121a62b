/*
 * front.c - the program that a person starts.
 *
 * Loading the library and what it stands on takes longer than printing help, and
 * help is asked for most when something else is slow. So this program prints it, and
 * becomes the whole tool for everything else.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "help.h"

#define WHOLE_TOOL "/../libexec/llm/llmctl"

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Only the plain forms: what is misspelt or has more options is the whole tool's. */
static bool helped(int argc, char **argv)
{
	if (argc == 2 && (is(argv[1], "--help") || is(argv[1], "-h") || is(argv[1], "help"))) {
		help_all(stdout);
		return true;
	}
	return argc == 3 && is(argv[1], "help") && help_named(argv[2], NULL) > 0;
}

static bool find_whole_tool(char *path, size_t cap)
{
	ssize_t n = readlink("/proc/self/exe", path, cap - sizeof(WHOLE_TOOL));
	char *slash;

	if (n <= 0)
		return false;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return false;
	memcpy(slash, WHOLE_TOOL, sizeof(WHOLE_TOOL));
	return true;
}

/* As the whole tool does it: a reader that has seen enough is no failure. */
static int end_help(void)
{
	if (fflush(stdout) == 0 || errno == EPIPE)
		return 0;
	fprintf(stderr,
		"llmctl: error: standard output cannot be written: %s\n"
		"  Check where it leads to, then run the command again.\n",
		strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	const struct sigaction quiet = {.sa_handler = SIG_IGN};
	char path[4096];

	sigaction(SIGPIPE, &quiet, NULL);
	if (helped(argc, argv))
		return end_help();
	if (find_whole_tool(path, sizeof(path)))
		execv(path, argv);
	fprintf(stderr,
		"llmctl: the tool itself cannot be started: %s\n"
		"It is expected in libexec/llm beside the folder of this program: install it anew.\n",
		strerror(errno));
	return 1;
}
