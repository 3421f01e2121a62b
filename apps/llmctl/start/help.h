/*
 * help.h - help made from the tables of commands and options, examples first.
 */
#ifndef LLMCTL_HELP_H
#define LLMCTL_HELP_H

#include <stdio.h>

#include "commands.h"

void help_all(FILE *to);
void help_command(const command *cmd);
/* Every command of that name (and second word, unless null); how many there were. */
int help_named(const char *name, const char *sub);

#endif
