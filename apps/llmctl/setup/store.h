/*
 * store.h - where llmctl keeps runs: what the configuration says, or a database of its own.
 */
#ifndef LLMCTL_STORE_H
#define LLMCTL_STORE_H

#include "ctl.h"
#include "llm/records.h"
#include "llm/runner.h"

/* A connection for the commands "db" and "runs". */
typedef struct store {
	llm_storage *storage;
	llm_unit *unit;
	const char *workspace; /* of the questions; null when `need` did not ask for one */
} store;

enum { STORE_ANY_SCHEMA = 1, STORE_WORKSPACE = 2, STORE_MAKE = 4, STORE_READ = 8 };

/*
 * Finds the files and opens. The database of llmctl's own is made and migrated when it is
 * not there; of one that is configured the schema has to fit, unless STORE_ANY_SCHEMA. With
 * STORE_READ nothing of one that is there is written, so it may lie on a read-only disk.
 * LLM_E_WORKSPACE_REQUIRED, LLM_E_INVALID_REQUEST and what opening says. Ended with
 * store_close, also after a failure.
 */
int32_t store_open(ctl *c, unsigned need, store *ret, llm_err *err);
void store_close(store *st);

/*
 * Adds to c->opts what makes a service record its runs: nothing when a storage is
 * configured, else the database of llmctl's own. 0 or an error.
 */
int32_t store_settle(ctl *c, llm_err *err);
/*
 * The same for who only looks: a database that is not there is not made, and then nothing is
 * recorded.
 */
int32_t store_look(ctl *c, llm_err *err);
/* The name of the configured storage plugin, "" for none; c's. */
int32_t store_plugin(ctl *c, const char **ret, llm_err *err);
/*
 * db/fresh.c: a file that is damaged, with its log, gets another name, so that a new one can be
 * made in its place. LLM_E_INVALID_REQUEST when nothing is wrong with it.
 */
int32_t store_put_aside(ctl *c, llm_err *err);
/* Makes or migrates the database of llmctl's own. */
int32_t store_migrate_own(ctl *c, llm_err *err);
/* Forgets the database of llmctl's own, with one line that says why: asking goes on. */
void store_give_up(ctl *c, const llm_err *why);

/* A service of this configuration does without any storage: for runs, and for answers. */
void store_without(ctl *c);

/* NAME beside the database of llmctl's own, in a folder that is made if need be. */
bool store_own_file(const char *name, char *ret, size_t cap);
/* Where the message ends in a command: of which database, by -c FILE. */
void store_name_file(const ctl *c, llm_err *err);

/* Is it a database of SQLite, configured or of our own? */
bool store_is_file(const ctl_store *s);

/* 1 to 128 bytes of [A-Za-z0-9._:-]. */
bool store_is_workspace(const char *text);

#endif
