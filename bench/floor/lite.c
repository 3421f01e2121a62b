/*
 * floor/lite.c - the least that a program pays for the same rows: SQLite with a write-ahead log.
 *
 *   floor-lite FILE RUNS GROUP
 *
 * A run is an insert in one transaction, an insert and an update in a later one, as a recorded
 * run is; GROUP of them share each. FILE is made anew. Prints one JSON object.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define COLUMNS 26 /* about as many as the library writes */
#define CHECKPOINT 1000 /* pages */

static sqlite3 *db;

static void die(const char *what)
{
	fprintf(stderr, "floor-lite: %s: %s\n", what, sqlite3_errmsg(db));
	exit(1);
}

static void run(const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL))
		die(sql);
}

static sqlite3_stmt *prepare(const char *sql)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL))
		die(sql);
	return s;
}

/* A table of texts, and the statement that writes a row of it. */
static sqlite3_stmt *make(const char *table)
{
	char sql[1200], columns[1024] = "id TEXT NOT NULL PRIMARY KEY", values[512] = "?1";
	size_t n = strlen(columns), m = 2;

	for (int i = 2; i <= COLUMNS; i++) {
		n += (size_t)snprintf(columns + n, sizeof(columns) - n, ", c%d TEXT", i);
		m += (size_t)snprintf(values + m, sizeof(values) - m, ", ?%d", i);
	}
	snprintf(sql, sizeof(sql), "CREATE TABLE %s (%s)", table, columns);
	run(sql);
	snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES (%s)", table, values);
	return prepare(sql);
}

static void put(sqlite3_stmt *s, const char *id, int columns)
{
	sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
	for (int i = 2; i <= columns; i++)
		sqlite3_bind_text(s, i, "0123456789abcdef", -1, SQLITE_STATIC);
	if (sqlite3_step(s) != SQLITE_DONE)
		die("a row");
	sqlite3_reset(s);
}

static void group(sqlite3_stmt *insert, sqlite3_stmt *update, long first, long n)
{
	char id[48];

	run("BEGIN IMMEDIATE");
	for (long i = first; i < first + n; i++) {
		snprintf(id, sizeof(id), "01900000-0000-7000-8000-%012ld", i);
		put(insert, id, COLUMNS);
		if (update)
			put(update, id, 4);
	}
	run("COMMIT");
}

static double us(struct timeval t)
{
	return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

int main(int argc, char **argv)
{
	const long runs = strtol(argc > 2 ? argv[2] : "20000", NULL, 10);
	const long n = strtol(argc > 3 ? argv[3] : "64", NULL, 10);
	sqlite3_stmt *begin, *attempt, *finish;
	struct timespec from, to;
	struct rusage u, v;

	if (argc < 2 || runs < 1 || n < 1 || sqlite3_open(argv[1], &db))
		die("FILE RUNS GROUP");
	run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
	sqlite3_wal_autocheckpoint(db, CHECKPOINT);
	begin = make("floor_runs");
	attempt = make("floor_attempts");
	finish = prepare("UPDATE floor_runs SET c2 = ?2, c3 = ?3, c4 = ?4 WHERE id = ?1");
	clock_gettime(CLOCK_MONOTONIC, &from);
	getrusage(RUSAGE_SELF, &u);
	for (long i = 0; i < runs; i += n) {
		group(begin, NULL, i, n);
		group(attempt, finish, i, n);
	}
	getrusage(RUSAGE_SELF, &v);
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("{\"calls\": %ld, \"failed\": 0, \"user_us\": %.0f, \"sys_us\": %.0f, \"wall_us\": %.0f}\n",
		(runs + n - 1) / n * n, us(v.ru_utime) - us(u.ru_utime),
		us(v.ru_stime) - us(u.ru_stime),
		(double)(to.tv_sec - from.tv_sec) * 1e6 +
			(double)(to.tv_nsec - from.tv_nsec) / 1e3);
	return 0;
}
