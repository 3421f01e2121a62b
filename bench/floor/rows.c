/*
 * floor/rows.c - the least that a program pays for the same rows: libpq in pipeline mode.
 *
 *   floor-rows DSN RUNS GROUP
 *
 * A run is an insert in one transaction, an insert and an update in a later one, as a recorded
 * run is; GROUP of them share each, and one round trip.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define COLUMNS 26 /* about as many as the library writes */

static PGconn *db;

static void die(const char *what)
{
	fprintf(stderr, "floor-rows: %s: %s", what, PQerrorMessage(db));
	exit(1);
}

/* A table of texts, and the statement NAME that writes a row of it. */
static void make(const char *table, const char *name)
{
	char sql[2048], columns[1024] = "id TEXT NOT NULL PRIMARY KEY", values[512] = "$1";
	size_t n = strlen(columns), m = 2;

	for (int i = 2; i <= COLUMNS; i++) {
		n += (size_t)snprintf(columns + n, sizeof(columns) - n, ", c%d TEXT", i);
		m += (size_t)snprintf(values + m, sizeof(values) - m, ", $%d", i);
	}
	snprintf(sql, sizeof(sql), "DROP TABLE IF EXISTS %s; CREATE TABLE %s (%s)", table, table,
		columns);
	PQclear(PQexec(db, sql));
	snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES (%s)", table, values);
	PQclear(PQprepare(db, name, sql, COLUMNS, NULL));
}

static void put(const char *name, const char *id, int columns)
{
	const char *values[COLUMNS] = {id};

	for (int i = 1; i < columns; i++)
		values[i] = "0123456789abcdef";
	if (!PQsendQueryPrepared(db, name, columns, values, NULL, NULL, 0))
		die(name);
}

static void settle(void)
{
	PGresult *r;

	if (!PQpipelineSync(db))
		die("sync");
	for (ExecStatusType s = PGRES_COMMAND_OK; s != PGRES_PIPELINE_SYNC;) {
		r = PQgetResult(db);
		s = r ? PQresultStatus(r) : PGRES_COMMAND_OK;
		if (s != PGRES_COMMAND_OK && s != PGRES_PIPELINE_SYNC)
			die("a row");
		PQclear(r);
	}
}

static void group(long first, long n, int second)
{
	char id[40];

	PQsendQueryParams(db, "BEGIN", 0, NULL, NULL, NULL, NULL, 0);
	for (long i = first; i < first + n; i++) {
		snprintf(id, sizeof(id), "01900000-0000-7000-8000-%012ld", i);
		put(second ? "attempt" : "begin", id, COLUMNS);
		if (second)
			put("finish", id, 4);
	}
	PQsendQueryParams(db, "COMMIT", 0, NULL, NULL, NULL, NULL, 0);
	settle();
}

static long long cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
		u.ru_stime.tv_usec;
}

int main(int argc, char **argv)
{
	const long runs = strtol(argc > 2 ? argv[2] : "20000", NULL, 10);
	const long n = strtol(argc > 3 ? argv[3] : "64", NULL, 10);
	struct timespec from, to;
	long long cpu, wall;

	db = PQconnectdb(argc > 1 ? argv[1] : "");
	if (PQstatus(db) != CONNECTION_OK)
		die("connect");
	make("floor_runs", "begin");
	make("floor_attempts", "attempt");
	PQclear(PQprepare(db, "finish",
		"UPDATE floor_runs SET c2 = $2, c3 = $3, c4 = $4 WHERE id = $1", 4, NULL));
	PQenterPipelineMode(db);
	clock_gettime(CLOCK_MONOTONIC, &from);
	cpu = cpu_us();
	for (long i = 0; i < runs; i += n) {
		group(i, n, 0);
		group(i, n, 1);
	}
	cpu = cpu_us() - cpu;
	clock_gettime(CLOCK_MONOTONIC, &to);
	wall = (to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec;
	printf("%lld ns CPU, %lld runs/s\n", cpu * 1000 / runs, runs * 1000000000LL / wall);
	PQfinish(db);
	return 0;
}
