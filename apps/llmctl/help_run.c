/* The command `help`. */
#include "ctl.h"
#include "help.h"
#include "near.h"

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

	if (!name)
		return help_all(stdout), 0;
	return help_named(name, sub) ? 0 : unknown(c, name);
}
