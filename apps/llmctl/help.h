/*
 * help.h - help made from the tables of commands and options, examples first.
 */
#ifndef LLMCTL_HELP_H
#define LLMCTL_HELP_H

#include <stdio.h>

#include "ctl.h"

void help_all(FILE *to);
void help_command(const command *cmd);

#endif
