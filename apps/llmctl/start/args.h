/*
 * args.h - the command line as a table: one row per option, read by the parser
 * and by the help.
 */
#ifndef LLMCTL_ARGS_H
#define LLMCTL_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "llm/error.h"

/* What was given several times; the strings stay those of argv. */
typedef struct arg_words {
	const char **items;
	size_t n;
} arg_words;

/* Everything any command can be told. */
typedef struct ctl_options {
	const char *config;
	bool json;
	bool no_color;
	bool help;
	const char *model;
	const char *profile;
	const char *system;
	arg_words images;
	arg_words options;
	const char *timeout;
	const char *recover;
	const char *cache;
	const char *candidates;
	bool local_only;
	bool no_stream;
	bool stream;
	bool stats;
	bool reasoning;
	bool raw;
	bool verbose;
	bool origin;
	bool loaded;
	const char *policy;
	const char *workspace;
	const char *user;
	const char *idempotency_key;
	const char *on_duplicate;
	bool no_record;
	bool store_content;
	bool go_on; /* from the last run */
	const char *resume; /* the run that is gone on from */
	const char *to;
	const char *format;
	const char *down_revision;
	const char *dialect;
	const char *since;
	const char *until;
	const char *status;
	const char *provider;
	const char *error;
	const char *min_cost;
	const char *min_duration;
	const char *limit;
	const char *before;
	const char *by;
	const char *older_than;
	const char *content_older_than;
	const char *window;
	const char *default_cost;
	bool configured;
	bool all;
	bool all_workspaces;
	bool fresh;
	bool plans;
	const char *run;
	bool explain;
	bool dry_run;
	bool curl;
	bool capabilities;
	arg_words words; /* what is no option */
} ctl_options;

/* Only what is ARG_ANY may be empty: an unset variable of a script is no value. */
typedef enum arg_kind { ARG_SWITCH, ARG_TEXT, ARG_ANY, ARG_LIST } arg_kind;

typedef struct arg_option {
	char letter; /* 'm', or 0 */
	arg_kind kind;
	const char *name; /* "model"; null ends a table */
	const char *value; /* how help calls the value, null for a switch */
	const char *help;
	size_t at; /* where in ctl_options: bool, const char * or arg_words */
} arg_option;

/* Those of every command. */
extern const arg_option args_common[];

typedef struct args {
	char **argv;
	int argc;
	int next; /* the first that was not read yet */
	const arg_option *extra; /* the command's own table, or null */
	const char *command; /* for messages: "llmctl ask" */
	bool stop_at_word; /* leave the first word and what follows */
} args;

/*
 * Reads options and words into *o, from a->next on. LLM_E_INVALID_REQUEST with a
 * message for an unknown option (naming the nearest), a missing or unwanted value;
 * LLM_E_NOMEM. The lists are freed with args_done, also after a failure.
 */
int32_t args_read(args *a, ctl_options *o, llm_err *err);
void args_done(ctl_options *o);

#endif
