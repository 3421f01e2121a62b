/*
 * actions.c - what each command of the table does.
 */
#include <string.h>

#include "setup/ctl.h"

typedef struct action {
	const char *name;
	const char *sub;
	int (*run)(ctl *c);
} action;

static const action actions[] = {{"ask", NULL, ask_run}, {"chat", NULL, chat_run},
	{"models", NULL, models_run}, {"health", NULL, health_run},
	{"profiles", NULL, profiles_run}, {"route", "explain", route_explain_run},
	{"route", "simulate", route_simulate_run}, {"plugins", "list", plugins_list_run},
	{"plugins", "explain", plugins_explain_run}, {"config", "check", config_check_run},
	{"config", "show", config_show_run}, {"config", "diff", config_diff_run},
	{"config", "path", config_path_run}, {"prices", "import", prices_import_run},
	{"db", "migrate", db_migrate_run}, {"db", "status", db_status_run},
	{"db", "backup", db_backup_run}, {"db", "vacuum", db_vacuum_run},
	{"db", "export", db_export_run}, {"runs", "list", runs_list_run},
	{"runs", "search", runs_search_run}, {"runs", "show", runs_show_run},
	{"runs", "tail", runs_tail_run}, {"runs", "stats", runs_stats_run},
	{"runs", "export", runs_export_run}, {"runs", "purge", runs_purge_run},
	{"runs", "reap", runs_reap_run}, {"budgets", "list", budgets_list_run},
	{"budgets", "show", budgets_show_run}, {"budgets", "set", budgets_set_run},
	{"errors", NULL, errors_run}, {"version", NULL, version_run}, {"help", NULL, help_run}};

static bool is_for(const action *a, const command *cmd)
{
	return strcmp(a->name, cmd->name) == 0 &&
		(!cmd->sub || (a->sub && strcmp(a->sub, cmd->sub) == 0));
}

int action_run(ctl *c, const command *cmd)
{
	llm_err err = LLM_ERR_INIT;

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (is_for(&actions[i], cmd))
			return actions[i].run(c);
	complain_set(&err, LLM_E_INTERNAL, "%s has no action", cmd->name);
	return ctl_fail(c, &err);
}

int action_refuse(ctl *c, const command *cmd, const llm_err *err)
{
	if (cmd && strcmp(cmd->name, "ask") == 0)
		return ask_refused(c, err);
	return ctl_fail(c, err);
}
