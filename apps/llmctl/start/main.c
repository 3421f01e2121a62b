/*
 * main.c - from the command line to a command.
 *
 * Help, version and errors need no service: nothing is read and no plugin loaded
 * for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "help.h"
#include "near.h"
#include "setup/ctl.h"

static bool same(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static const command *find(const char *name, const char *sub)
{
	for (const command *cmd = commands; cmd->name; cmd++)
		if (same(cmd->name, name) && (!cmd->sub || (sub && same(cmd->sub, sub))))
			return cmd;
	return NULL;
}

static int32_t wrong_name(const char *name, llm_err *err)
{
	near n = {.word = name};

	for (const command *cmd = commands; cmd->name; cmd++) {
		if (same(cmd->name, name))
			return 0;
		near_try(&n, cmd->name);
	}
	if (n.best)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"no command is called \"%.60s\"; did you mean %s?\nTry: llmctl --help",
			name, n.best);
	return complain_set(err, LLM_E_INVALID_REQUEST,
		"no command is called \"%.60s\"; a question is asked with: llmctl ask \"...\"\n"
		"Try: llmctl --help",
		name);
}

static int32_t pick(args *a, const command **ret, llm_err *err)
{
	const char *name = a->argv[a->next];
	const char *sub = a->next + 1 < a->argc ? a->argv[a->next + 1] : NULL;
	const command *cmd = find(name, sub);
	int32_t rc;

	if (!cmd) {
		rc = wrong_name(name, err);
		return rc ? rc : help_wrong_sub(name, sub, err);
	}
	a->next += cmd->sub ? 2 : 1;
	*ret = cmd;
	return 0;
}

static int32_t read_command(args *a, const command *cmd, ctl *c, llm_err *err)
{
	char name[64];
	int32_t rc;

	snprintf(name, sizeof(name), "llmctl %s%s%s", cmd->name, cmd->sub ? " " : "",
		cmd->sub ? cmd->sub : "");
	a->command = name;
	a->extra = cmd->options;
	a->stop_at_word = false;
	rc = args_read(a, &c->opt, err);
	if (!rc && c->opt.words.n > cmd->max_words)
		rc = complain_set(err, LLM_E_INVALID_REQUEST,
			"%s takes no \"%.60s\"\nTry: %s --help", name,
			c->opt.words.items[cmd->max_words], name);
	return rc;
}

/* A wrong command line still has to be answered in JSON where that was asked for. */
static bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && !same(argv[i], "--"); i++)
		if (same(argv[i], "--json"))
			return true;
	return false;
}

static int refuse(ctl *c, const args *a, const command *cmd, const llm_err *err)
{
	c->opt.json = wants_json(a->argc, a->argv);
	return action_refuse(c, cmd, err);
}

static int dispatch(ctl *c, args *a)
{
	const command *cmd = NULL;
	llm_err err = LLM_ERR_INIT;
	int32_t rc = args_read(a, &c->opt, &err);

	if (!rc && c->opt.help)
		return help_all(stdout), 0;
	if (!rc && a->next >= a->argc)
		return help_all(stderr), EXIT_USAGE;
	if (!rc)
		rc = pick(a, &cmd, &err);
	if (!rc && cmd)
		rc = read_command(a, cmd, c, &err);
	term_look(&c->term, c->opt.no_color);
	if (rc || !cmd)
		return refuse(c, a, cmd, &err);
	if (c->opt.help)
		return help_command(cmd), 0;
	return action_run(c, cmd);
}

/* A reader that has seen enough is no failure; a full disk is one. */
static int end_output(const ctl *c, int status)
{
	llm_err err = LLM_ERR_INIT;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno == EPIPE)
		return status;
	complain_set(&err, LLM_E_INTERNAL,
		"standard output cannot be written: %s\n"
		"Check where it leads to, then run the command again.",
		strerror(errno));
	complain_note(&c->term, "error", err.message);
	return status ? status : 1;
}

/*
 * What is opened next would become a standard descriptor that is closed: an answer would be
 * written into a connection. Nothing can be written to what stands there now.
 */
static void fill_closed(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY | O_NOCTTY) != fd)
			_exit(1);
}

int main(int argc, char **argv)
{
	struct sigaction quiet = {.sa_handler = SIG_IGN};
	ctl c = {.svc = NULL};
	args a = {.argv = argv, .argc = argc, .next = 1, .command = "llmctl", .stop_at_word = true};
	static char version[] = "version";
	int status;

	fill_closed();
	sigaction(SIGPIPE, &quiet, NULL);
	sigaction(SIGXFSZ, &quiet, NULL); /* a file that may not grow is like a disk that is full */
	if (argc == 2 && (same(argv[1], "--version") || same(argv[1], "-V")))
		argv[1] = version;
	status = dispatch(&c, &a);
	status = end_output(&c, status);
	ctl_done(&c);
	return status;
}
