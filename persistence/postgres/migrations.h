/*
 * migrations.h - persistence/schema/postgres as text; the rows are made by the build.
 */
#ifndef LLM_POSTGRES_MIGRATIONS_H
#define LLM_POSTGRES_MIGRATIONS_H

typedef struct sql_migration {
	const char *name;
	const char *up;
	const char *down;
} sql_migration;

extern const sql_migration sql_migrations[]; /* number i + 1 */
extern const unsigned sql_migration_count; /* the schema that this plugin expects */

#endif
