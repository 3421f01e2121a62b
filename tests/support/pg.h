/*
 * support/pg.h - a real PostgreSQL 15 for tests, with a pgbouncer in transaction mode in front.
 *
 * One server serves a test program, with a database for each test; what breaks a server starts
 * one of its own. Servers end with the process that they were started for, however it ends.
 */
#ifndef SUPPORT_PG_H
#define SUPPORT_PG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct pg pg;

enum pg_way {
	PG_DIRECT, /* over TCP */
	PG_POOLED, /* through pgbouncer, over TCP */
	PG_SOCKET /* the server's socket in the file system */
};

/* Why no server can be had, or null: that is a skip with this reason. */
const char *pg_missing(void);

/*
 * The server of this test program, started by the first that asks. `owner` ends last of all who
 * ask: getppid() in a test of Criterion's, getpid() in a plain program.
 */
pg *pg_shared(pid_t owner);
/* A server of the caller's own. `settings` as tests/support/pg.sh has them, or null. */
pg *pg_start(const char *const *settings);
/* Ends a server of the caller's own, lets a shared one be. Null is fine. */
void pg_stop(pg *p);

/* A fresh database that the role "app" owns; the name is p's. */
const char *pg_database(pg *p);
/* The same by CREATE DATABASE's own words, "ENCODING 'LATIN1' TEMPLATE template0". */
const char *pg_database_with(pg *p, const char *words);
/* How "app" gets there, as libpq has it: "host=... dbname=..."; p's. */
const char *pg_dsn(pg *p, const char *database, enum pg_way way);
/* The same with another port: of a relay. */
const char *pg_dsn_at(pg *p, const char *database, uint16_t port);
uint16_t pg_port(const pg *p);
uint16_t pg_pool_port(const pg *p);
const char *pg_folder(const pg *p);

/*
 * Statements of "app" in its database, null: of the superuser. What fails prints why and ends the
 * process with status 99.
 */
void pg_sql(pg *p, const char *database, const char *sql);
/* The first value as text, "" for none or NULL; p's until the next call. */
const char *pg_text(pg *p, const char *database, const char *sql);
int64_t pg_number(pg *p, const char *database, const char *sql);
/* On pgbouncer's console: "RECONNECT". */
void pg_pool_sql(pg *p, const char *sql);

/* ---- what goes wrong; for servers of the caller's own ---- */

/* The server ends, `crash`: at once, as by a kill; returns when it has. */
void pg_down(pg *p, bool crash);
/* It serves again. */
void pg_up(pg *p);
/* Ends the backends of a database (null: of all that are not ours); how many. */
int64_t pg_end_backends(pg *p, const char *database);
/* New transactions may not write. */
void pg_read_only(pg *p, bool on);
/* No more than so many connections to the database; -1: as many as the server has. */
void pg_limit(pg *p, const char *database, int connections);

#endif
