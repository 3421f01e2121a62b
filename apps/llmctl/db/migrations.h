/*
 * migrations.h - what "llmctl db export" writes; the rows are made by the build, from
 * persistence/schema.
 */
#ifndef LLMCTL_MIGRATIONS_H
#define LLMCTL_MIGRATIONS_H

typedef struct sql_migration {
	const char *name;
	const char *up;
	const char *down;
	const char *verify; /* fails when something of it is not there */
} sql_migration;

extern const sql_migration sqlite_migrations[]; /* number i + 1 */
extern const unsigned sqlite_migration_count;
extern const sql_migration postgres_migrations[]; /* of the same numbers and names */
extern const unsigned postgres_migration_count;

extern const char export_tables[]; /* llm_tables.py */

#endif
