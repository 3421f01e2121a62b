#include "support/pg.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#define KEEPER TEST_SOURCE_DIR "/tests/support/pg.sh"
#define WAIT_MS 30000
#define MAX_SETTINGS 16
#define ROOM 512
#define SQL_ROOM 1024

/* Texts that live as long as their server. */
typedef struct words {
	char text[ROOM];
	struct words *next;
} words;

struct pg {
	char folder[200];
	unsigned port, pool_port;
	pid_t keeper; /* of our own, 0: shared */
	unsigned databases;
	words *said;
	char value[4096];
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "pg: %s: %s\n", what, why);
	_exit(99);
}

static void nap(int ms)
{
	(void)poll(NULL, 0, ms);
}

static words *word(pg *p)
{
	words *w = calloc(1, sizeof(*w));

	if (!w)
		die("word", "out of memory");
	w->next = p->said;
	p->said = w;
	return w;
}

/* ---- the keeper ---- */

/* Nothing of ours stays open in it: it may live longer than we do. */
static pid_t spawn(const char *const *argv)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	extern char **environ;
	pid_t pid = 0;
	int rc;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	rc = posix_spawn(&pid, argv[0], &files, &attr, (char **)(uintptr_t)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	if (rc)
		die(argv[0], strerror(rc));
	return pid;
}

const char *pg_missing(void)
{
	static char why[ROOM];
	FILE *f = popen(KEEPER " check", "re");

	why[0] = '\0';
	if (!f || (!fgets(why, sizeof(why), f) && ferror(f)))
		return "tests/support/pg.sh cannot be started";
	why[strcspn(why, "\n")] = '\0';
	pclose(f);
	return why[0] ? why : NULL;
}

static int file_is_there(const pg *p, const char *name)
{
	char path[ROOM];

	snprintf(path, sizeof(path), "%s/%s", p->folder, name);
	return access(path, F_OK) == 0;
}

static void put_file(const pg *p, const char *name)
{
	char path[ROOM];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", p->folder, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0 || close(fd))
		die(path, strerror(errno));
}

static int read_ready(pg *p)
{
	char path[ROOM];
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/ready", p->folder);
	f = fopen(path, "re");
	if (f) {
		n = fscanf(f, "%u %u", &p->port, &p->pool_port);
		fclose(f);
	}
	return n == 2;
}

static void wait_ready(pg *p)
{
	int ms = 0;

	while (!read_ready(p)) {
		if (ms > WAIT_MS || file_is_there(p, "failed"))
			die(p->folder, "the server does not start; see server.log there");
		nap(5);
		ms += 5;
	}
}

/* When a process was started tells it from one that had its number before. */
static unsigned long long started(pid_t pid)
{
	unsigned long long at = 0;
	char path[64], line[1024] = "";
	const char *rest;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f && fgets(line, sizeof(line), f) && (rest = strrchr(line, ')')))
		sscanf(rest + 1,
			" %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			"%*s %*s %*s %llu",
			&at);
	if (f)
		fclose(f);
	return at;
}

static pg *begin(pid_t owner, const char *which)
{
	pg *p = calloc(1, sizeof(*p));

	if (!p)
		die("start", "out of memory");
	/* Not under TMPDIR: a socket's path ends at 107 bytes, and the server is another user. */
	snprintf(p->folder, sizeof(p->folder), "/tmp/llm-pg-%d-%llu%s", (int)owner, started(owner),
		which);
	return p;
}

static pid_t keep(const pg *p, pid_t owner, const char *const *settings)
{
	const char *argv[MAX_SETTINGS + 5] = {KEEPER, "keep"};
	char number[16];
	size_t n = 4;

	snprintf(number, sizeof(number), "%d", (int)owner);
	argv[2] = number;
	argv[3] = p->folder;
	for (; settings && *settings && n < MAX_SETTINGS + 4; settings++)
		argv[n++] = *settings;
	return spawn(argv);
}

pg *pg_shared(pid_t owner)
{
	pg *p = begin(owner, "");

	if (!file_is_there(p, ""))
		keep(p, owner, NULL); /* two at once: the later one finds the folder and ends */
	wait_ready(p);
	p->databases = (unsigned)getpid() << 8;
	return p;
}

pg *pg_start(const char *const *settings)
{
	static unsigned count;
	char which[16];
	pg *p;

	snprintf(which, sizeof(which), "-%u", ++count);
	p = begin(getpid(), which);
	p->keeper = keep(p, getpid(), settings);
	wait_ready(p);
	return p;
}

void pg_stop(pg *p)
{
	words *w;

	if (!p)
		return;
	if (p->keeper) {
		kill(p->keeper, SIGTERM);
		while (waitpid(p->keeper, NULL, 0) < 0 && errno == EINTR)
			;
	}
	while ((w = p->said)) {
		p->said = w->next;
		free(w);
	}
	free(p);
}

/* ---- statements ---- */

static void hear_nothing(void *ctx, const char *notice)
{
	(void)ctx, (void)notice;
}

static PGconn *reach(const pg *p, const char *user, const char *database, unsigned port)
{
	char dsn[ROOM];
	PGconn *c;

	snprintf(dsn, sizeof(dsn),
		"host=%s port=%u user=%s dbname=%s "
		"options='-c default_transaction_read_only=off'",
		p->folder, port, user, database);
	c = PQconnectdb(dsn);
	if (PQstatus(c) != CONNECTION_OK)
		die(dsn, PQerrorMessage(c));
	PQsetNoticeProcessor(c, hear_nothing, NULL);
	return c;
}

static void run(pg *p, PGconn *c, const char *sql)
{
	PGresult *r = PQexec(c, sql);
	const ExecStatusType s = PQresultStatus(r);
	const int some = s == PGRES_TUPLES_OK && PQntuples(r) && !PQgetisnull(r, 0, 0);

	if (s != PGRES_TUPLES_OK && s != PGRES_COMMAND_OK && s != PGRES_EMPTY_QUERY)
		die(sql, PQerrorMessage(c));
	snprintf(p->value, sizeof(p->value), "%s", some ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	PQfinish(c);
}

const char *pg_text(pg *p, const char *database, const char *sql)
{
	run(p, database ? reach(p, "app", database, p->port) : reach(p, "llm", "postgres", p->port),
		sql);
	return p->value;
}

void pg_sql(pg *p, const char *database, const char *sql)
{
	pg_text(p, database, sql);
}

int64_t pg_number(pg *p, const char *database, const char *sql)
{
	return strtoll(pg_text(p, database, sql), NULL, 10);
}

void pg_pool_sql(pg *p, const char *sql)
{
	run(p, reach(p, "llm", "pgbouncer", p->pool_port), sql);
}

/* ---- databases ---- */

const char *pg_database_with(pg *p, const char *with)
{
	words *w = word(p);
	char sql[SQL_ROOM];

	snprintf(w->text, sizeof(w->text), "test_%u", ++p->databases);
	snprintf(sql, sizeof(sql), "CREATE DATABASE %s OWNER app %s", w->text, with);
	pg_sql(p, NULL, sql);
	return w->text;
}

const char *pg_database(pg *p)
{
	return pg_database_with(p, "");
}

static const char *dsn_of(pg *p, const char *host, unsigned port, const char *database)
{
	words *w = word(p);

	snprintf(w->text, sizeof(w->text), "host=%s port=%u user=app dbname=%s", host, port,
		database);
	return w->text;
}

const char *pg_dsn(pg *p, const char *database, enum pg_way way)
{
	return dsn_of(p, way == PG_SOCKET ? p->folder : "127.0.0.1",
		way == PG_POOLED ? p->pool_port : p->port, database);
}

const char *pg_dsn_at(pg *p, const char *database, uint16_t port)
{
	return dsn_of(p, "127.0.0.1", port, database);
}

uint16_t pg_port(const pg *p)
{
	return (uint16_t)p->port;
}

uint16_t pg_pool_port(const pg *p)
{
	return (uint16_t)p->pool_port;
}

const char *pg_folder(const pg *p)
{
	return p->folder;
}

/* ---- what goes wrong ---- */

static pid_t postmaster(const pg *p)
{
	char path[ROOM];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/data/postmaster.pid", p->folder);
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f)
		fclose(f);
	return (pid_t)pid;
}

void pg_down(pg *p, bool crash)
{
	const pid_t pid = postmaster(p);
	int ms = 0;

	put_file(p, "down");
	if (pid > 1)
		kill(pid, crash ? SIGQUIT : SIGINT);
	while (pid > 1 && (kill(pid, 0) == 0 || file_is_there(p, "ready"))) {
		if (ms++ > WAIT_MS)
			die(p->folder, "the server does not end");
		nap(1);
	}
}

void pg_up(pg *p)
{
	char path[ROOM];

	snprintf(path, sizeof(path), "%s/down", p->folder);
	unlink(path);
	wait_ready(p);
}

int64_t pg_end_backends(pg *p, const char *database)
{
	char sql[SQL_ROOM];

	snprintf(sql, sizeof(sql),
		"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> "
		"pg_backend_pid() AND backend_type = 'client backend' AND datname %s '%s'",
		database ? "=" : "<>", database ? database : "");
	return pg_number(p, NULL, sql);
}

void pg_read_only(pg *p, bool on)
{
	pg_sql(p, NULL,
		on ? "ALTER SYSTEM SET default_transaction_read_only = on" :
		     "ALTER SYSTEM RESET default_transaction_read_only");
	pg_sql(p, NULL, "SELECT pg_reload_conf()");
}

void pg_limit(pg *p, const char *database, int connections)
{
	char sql[SQL_ROOM];

	snprintf(sql, sizeof(sql), "ALTER DATABASE %s CONNECTION LIMIT %d", database, connections);
	pg_sql(p, NULL, sql);
}
