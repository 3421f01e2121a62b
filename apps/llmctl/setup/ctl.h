/*
 * ctl.h - one run of llmctl: what it was told, and what every command needs.
 */
#ifndef LLMCTL_CTL_H
#define LLMCTL_CTL_H

#include "defaults.h"
#include "io/complain.h"
#include "io/term.h"
#include "start/args.h"
#include "start/commands.h"

/* Where runs are kept (store.c). */
typedef struct ctl_store {
	bool configured; /* a storage section names the place */
	bool in_file; /* and a file names it, not variables alone */
	bool off; /* storage.ledger is off */
	bool after; /* storage.ledger is after: an answer counts more than its record */
	bool has_key; /* privacy.key is configured */
	bool keeps; /* what is said is stored, as the configuration has it */
	bool budgets; /* the configuration has budgets, */
	bool alone; /* which each process counts for itself */
	bool has_profile; /* there is one called as --profile says */
	bool reading; /* the last of the overrides says so */
	bool own; /* the database is llmctl's own */
	bool is_new; /* and was not there yet */
	char workspace[160]; /* the configured one, or "" */
	char plugin[64]; /* the configured one, or "" */
	char path[1000]; /* of llmctl's own */
	char dsn[1000]; /* the configured one, or "" */
	char texts[8][1100];
	const char *overrides[9];
	size_t n_overrides;
} ctl_store;

typedef struct ctl {
	ctl_options opt;
	term term;
	defaults where; /* filled by ctl_where */
	llm_service_opts opts;
	ctl_store store;
	llm_service *svc; /* made by ctl_service */
} ctl;

/* Finds files and folders; fills c->opts. 0 or an error. */
int32_t ctl_where(ctl *c, llm_err *err);
/* ctl_where, then a service that records nothing. */
int32_t ctl_service(ctl *c, llm_err *err);
/*
 * The same, and it knows how candidates were when runs last asked them, where the database of
 * the runs is there and can be read.
 */
int32_t ctl_looking_service(ctl *c, llm_err *err);
/* ctl_where, then a service whose runs are recorded as the configuration or llmctl's own database has it. */
int32_t ctl_recording_service(ctl *c, llm_err *err);
/* Forgets files, folders and storage, which are found anew; the service must not be there yet. */
void ctl_again(ctl *c);
void ctl_done(ctl *c);

/* Prints the error (with --json as an object on standard output too); its exit status. */
int ctl_fail(const ctl *c, const llm_err *err);

/* What a command does, told by its row of the table; the exit status. */
int action_run(ctl *c, const command *cmd);
/* A wrong command line of that command; `cmd` may be null. */
int action_refuse(ctl *c, const command *cmd, const llm_err *err);

int ask_run(ctl *c);
int chat_run(ctl *c);
int ask_refused(ctl *c, const llm_err *err);
int models_run(ctl *c);
int health_run(ctl *c);
int profiles_run(ctl *c);
int route_explain_run(ctl *c);
int route_simulate_run(ctl *c);
int plugins_list_run(ctl *c);
int plugins_explain_run(ctl *c);
int config_check_run(ctl *c);
int config_show_run(ctl *c);
int config_diff_run(ctl *c);
int config_path_run(ctl *c);
int prices_import_run(ctl *c);
int db_migrate_run(ctl *c);
int db_status_run(ctl *c);
int db_backup_run(ctl *c);
int db_vacuum_run(ctl *c);
int db_export_run(ctl *c);
int runs_list_run(ctl *c);
int runs_search_run(ctl *c);
int runs_show_run(ctl *c);
int runs_tail_run(ctl *c);
int runs_stats_run(ctl *c);
int runs_export_run(ctl *c);
int runs_purge_run(ctl *c);
int runs_reap_run(ctl *c);
int budgets_list_run(ctl *c);
int budgets_show_run(ctl *c);
int budgets_set_run(ctl *c);
int errors_run(ctl *c);
int version_run(ctl *c);
int help_run(ctl *c);
/* "config chekc": the first word is known, the second (or null) is not. LLM_E_INVALID_REQUEST. */
int32_t help_wrong_sub(const char *name, const char *sub, llm_err *err);

#endif
