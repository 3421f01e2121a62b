/* The command `help`. */
#include <stdio.h>
#include <string.h>

#include "help.h"
#include "near.h"
#include "setup/ctl.h"

int32_t help_wrong_sub(const char *name, const char *sub, llm_err *err)
{
	near n = {.word = sub ? sub : ""};
	char list[120] = "";

	for (const command *cmd = commands; cmd->name; cmd++) {
		if (strcmp(cmd->name, name) != 0)
			continue;
		near_try(&n, cmd->sub);
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			list[0] ? ", " : "", cmd->sub);
	}
	if (n.best)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"%s knows no \"%.60s\"; did you mean %s %s?\nTry: llmctl help %s", name,
			sub, name, n.best, name);
	return complain_set(err, LLM_E_INVALID_REQUEST, "%s wants one of: %s\nTry: llmctl help %s",
		name, list, name);
}

static bool is_known(const char *name)
{
	for (const command *cmd = commands; cmd->name; cmd++)
		if (strcmp(cmd->name, name) == 0)
			return true;
	return false;
}

static int unknown(const ctl *c, const char *name)
{
	near n = {.word = name};
	llm_err err = LLM_ERR_INIT;

	for (const command *cmd = commands; cmd->name; cmd++)
		near_try(&n, cmd->name);
	complain_set(&err, LLM_E_INVALID_REQUEST,
		"no command is called \"%.60s\"%s%s%s\n"
		"Try: llmctl --help",
		name, n.best ? "; did you mean " : "", n.best ? n.best : "", n.best ? "?" : "");
	return ctl_fail(c, &err);
}

int help_run(ctl *c)
{
	const char *name = c->opt.words.n ? c->opt.words.items[0] : NULL;
	const char *sub = c->opt.words.n > 1 ? c->opt.words.items[1] : NULL;
	llm_err err = LLM_ERR_INIT;

	if (!name)
		return help_all(stdout), 0;
	if (help_named(name, sub))
		return 0;
	if (is_known(name)) {
		help_wrong_sub(name, sub, &err);
		return ctl_fail(c, &err);
	}
	return unknown(c, name);
}
