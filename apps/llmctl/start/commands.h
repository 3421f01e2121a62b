/*
 * commands.h - every command in one table: names, words, options, help.
 */
#ifndef LLMCTL_COMMANDS_H
#define LLMCTL_COMMANDS_H

#include <stddef.h>

#include "args.h"

typedef struct command {
	const char *name; /* "config"; null ends the table */
	const char *sub; /* "show", or null */
	const char *summary; /* one line */
	const char *words; /* how help shows what is no option, or "" */
	const char *examples; /* whole lines */
	const arg_option *options; /* its own, or null */
	size_t max_words;
} command;

extern const command commands[];

/* What can be said in a chat besides questions, as help prints it. */
extern const char chat_words[];

#endif
