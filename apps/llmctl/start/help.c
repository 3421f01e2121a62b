#include "help.h"

#include <string.h>

#define COLUMN 26

static const char top_examples[] =
	"Examples:\n"
	"  llmctl ask \"Why is the sky blue?\"\n"
	"  git diff | llmctl ask \"Write a commit message for this change\"\n"
	"  llmctl ask -m ollama/llama3.2 -s \"Answer in one line\" \"What is a mutex?\"\n"
	"  llmctl models\n"
	"  llmctl config check\n"
	"\n"
	"Usage: llmctl COMMAND [OPTIONS] [WORDS]\n";

static const char top_rest[] =
	"\n"
	"Environment:\n"
	"  OLLAMA_HOST               where Ollama answers, when no configuration says so\n"
	"  LLM_PLUGIN_PATH           folders with plugins, searched first, joined by \":\"\n"
	"  NO_COLOR                  no colours\n"
	"\n"
	"Exit status: 0 ok, 1 failure, 2 usage or configuration, 3 not found,\n"
	"4 authentication, 5 rate, quota or budget, 6 upstream, 7 time-out, 130 interrupted.\n"
	"\n"
	"More on a command: llmctl help COMMAND\n";

static void options_print(const arg_option *table, FILE *to)
{
	for (const arg_option *o = table; o && o->name; o++) {
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
			o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
			o->value ? " " : "", o->value ? o->value : "");
		if (strlen(left) < COLUMN)
			fprintf(to, "  %-*s%s\n", COLUMN, left, o->help);
		else
			fprintf(to, "  %s\n  %-*s%s\n", left, COLUMN, "", o->help);
	}
}

static void commands_print(FILE *to)
{
	for (const command *cmd = commands; cmd->name; cmd++) {
		char left[64];

		snprintf(left, sizeof(left), "%s%s%s%s%s", cmd->name, cmd->sub ? " " : "",
			cmd->sub ? cmd->sub : "", *cmd->words ? " " : "", cmd->words);
		fprintf(to, "  %-*s%s\n", COLUMN, left, cmd->summary);
	}
}

void help_all(FILE *to)
{
	fputs(top_examples, to);
	fputs("\nCommands:\n", to);
	commands_print(to);
	fputs("\nOptions of every command:\n", to);
	options_print(args_common, to);
	fputs(top_rest, to);
}

void help_command(const command *cmd)
{
	printf("Examples:\n%s\nUsage: llmctl %s%s%s [OPTIONS]%s%s\n\n%s\n", cmd->examples,
		cmd->name, cmd->sub ? " " : "", cmd->sub ? cmd->sub : "", *cmd->words ? " " : "",
		cmd->words, cmd->summary);
	if (cmd->options) {
		fputs("\nOptions:\n", stdout);
		options_print(cmd->options, stdout);
	}
	fputs("\nOptions of every command:\n", stdout);
	options_print(args_common, stdout);
	if (strcmp(cmd->name, "chat") == 0)
		printf("\nBesides questions:\n%s", chat_words);
}

int help_named(const char *name, const char *sub)
{
	int shown = 0;

	for (const command *cmd = commands; cmd->name; cmd++) {
		if (strcmp(cmd->name, name) != 0 || (sub && cmd->sub && strcmp(cmd->sub, sub) != 0))
			continue;
		if (shown++)
			putchar('\n');
		help_command(cmd);
	}
	return shown;
}
