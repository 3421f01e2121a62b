/*
 * Files that are not what was written (S-06): bytes flipped anywhere, cut off, pages of zeros,
 * another database in its place, a log that is not its own. Each is opened, looked at, asked
 * and written to by a process of its own: it answers or it refuses, and it never crashes.
 *
 *	prove_mutants [MUTANTS [SEED]]        2000
 *
 * A refusal at the door says in its second line what can be done. Prints one line: mutants,
 * refused, found damaged by the check, that passed it; then what must be 0: crashed, hung, odd.
 */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <sqlite3.h>

#include "disk.h"

#define LIMIT_S 20
#define FLIPS_MAX 16

enum { REFUSED = 0, DAMAGED, PASSED, ODD, OUTCOMES };

static const int32_t allowed[] = {LLM_E_PERSISTENCE, LLM_E_SCHEMA, LLM_E_DB_BUSY, LLM_E_CONFLICT};

/* ---- harm ---- */

static int64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : (int64_t)st.st_size;
}

static void put_bytes(const char *path, const void *bytes, size_t n, int64_t at)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, bytes, n, at) != (ssize_t)n)
		die(path, strerror(errno));
	close(fd);
}

static void flip(const char *path, uint64_t *seed)
{
	const int64_t size = size_of(path);
	uint64_t n = 1 + vfs_random(seed) % FLIPS_MAX;
	/* Half of them where a page has its cells, or the file its header. */
	const uint64_t near = vfs_random(seed) % 2 ? (uint64_t)size : 120;
	unsigned char byte;

	for (; n && size > 0; n--) {
		byte = (unsigned char)vfs_random(seed);
		put_bytes(path, &byte, 1,
			(int64_t)(vfs_random(seed) % near + vfs_random(seed) % 3 * 4096) % size);
	}
}

static void zero_page(const char *path, uint64_t *seed)
{
	static const char zeros[4096];
	const int64_t pages = size_of(path) / 4096;

	if (pages > 0)
		put_bytes(path, zeros, sizeof(zeros),
			(int64_t)(vfs_random(seed) % (uint64_t)pages) * 4096);
}

static void cut_off(const char *path, uint64_t *seed)
{
	const int64_t size = size_of(path);

	if (size > 0 && truncate(path, (int64_t)(vfs_random(seed) % (uint64_t)size)))
		die(path, strerror(errno));
}

/* A database of somebody else's, with tables of names that ours have too. */
static void swap(const disk *d)
{
	char other[500];

	snprintf(other, sizeof(other), "%s/other.db", d->folder);
	disk_copy(other, d->file);
}

static void harm(const disk *d, uint64_t *seed)
{
	char log[500];
	const char *at = d->file;

	disk_gone(d->file);
	disk_copy(d->clean, d->file);
	snprintf(log, sizeof(log), "%s/left-wal", d->folder);
	if (vfs_random(seed) % 3 == 0) {
		char clean[500];

		memcpy(clean, log, sizeof(clean));
		snprintf(log, sizeof(log), "%s-wal", d->file);
		disk_copy(clean, log);
		if (vfs_random(seed) % 2)
			at = log;
	}
	switch (vfs_random(seed) % 8) {
	case 0:
		cut_off(at, seed);
		break;
	case 1:
		zero_page(at, seed);
		break;
	case 2:
		swap(d);
		break;
	default:
		flip(at, seed);
	}
}

/* ---- one look ---- */

static int is_allowed(int32_t rc)
{
	size_t i;

	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (allowed[i] == rc)
			return 1;
	return !rc;
}

/* All that a service does with its storage; 1: an error that it cannot have. */
static int use(llm_unit *u)
{
	llm_purge purge = {.struct_size = sizeof(purge), .runs_before_us = -1, .limit = 100};
	llm_err err = LLM_ERR_INIT;
	uint32_t n = 0;
	int found, odd;

	odd = !is_allowed(disk_count(u, LLM_QUERY_RUNS, NULL, &found));
	odd |= !is_allowed(disk_unit(u, "new-1", 500, &err));
	if (!llm_unit_begin(u, NULL)) {
		odd |= !is_allowed(llm_runs_reap(u, 100, &n, &err));
		odd |= !is_allowed(llm_records_purge(u, &purge, &n, &err));
		llm_unit_rollback(u, NULL);
	}
	odd |= !is_allowed(llm_records_maintain(u, LLM_MAINTAIN_CHECKPOINT, NULL, &err));
	return odd;
}

static int look(const disk *d)
{
	llm_schema_state s = {.struct_size = sizeof(s)};
	llm_err err = LLM_ERR_INIT;
	llm_unit *u = NULL;
	int32_t rc;
	int odd;

	rc = llm_unit_open(d->storage, &u, &err);
	if (rc)
		return is_allowed(rc) && strchr(err.message, '\n') ? REFUSED : ODD;
	rc = llm_records_schema(u, &s, &err);
	if (!is_allowed(rc))
		return ODD;
	if (rc || s.state != LLM_SCHEMA_OK) {
		odd = use(u);
		llm_unit_close(u);
		return odd ? ODD : REFUSED;
	}
	rc = llm_records_maintain(u, LLM_MAINTAIN_CHECK, NULL, &err);
	odd = !is_allowed(rc) || use(u);
	llm_unit_close(u);
	return odd ? ODD : rc ? DAMAGED : PASSED;
}

/* ---- all of them ---- */

typedef struct tally {
	uint64_t outcomes[OUTCOMES], crashed, hung;
} tally;

static void try_one(const disk *d, uint64_t number, tally *t)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork", strerror(errno));
	if (!pid) {
		alarm(LIMIT_S);
		_exit(look(d));
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) < OUTCOMES)
		t->outcomes[WEXITSTATUS(status)]++;
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		t->hung++;
	else
		t->crashed++;
	if (!WIFEXITED(status) || WEXITSTATUS(status) >= ODD)
		fprintf(stderr, "prove_mutants: mutant %" PRIu64 " ended with %x\n", number,
			(unsigned)status);
}

static void make_other(const char *path)
{
	sqlite3 *db = NULL;

	if (sqlite3_open(path, &db) ||
		sqlite3_exec(db,
			"CREATE TABLE llm_runs (id INTEGER PRIMARY KEY, note TEXT); "
			"INSERT INTO llm_runs (note) VALUES ('of somebody else')",
			NULL, NULL, NULL))
		die(path, sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* A log of units that are not in the file yet, and a file of another kind. */
static void make_more(disk *d)
{
	char path[500], log[500];
	llm_err err = LLM_ERR_INIT;
	llm_unit *u;

	disk_copy(d->clean, d->file);
	if (llm_unit_open(d->storage, &u, &err) || disk_unit(u, "left-1", 5000, &err))
		die("a unit", err.message);
	llm_unit_close(u);
	snprintf(path, sizeof(path), "%s/left-wal", d->folder);
	snprintf(log, sizeof(log), "%s-wal", d->file);
	disk_copy(log, path);
	snprintf(path, sizeof(path), "%s/other.db", d->folder);
	make_other(path);
}

int main(int argc, char **argv)
{
	const uint64_t mutants = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000;
	uint64_t seed = disk_seed(argc > 2 ? argv[2] : NULL), i;
	tally t = {0};
	disk d = {0};

	if (!mutants)
		die("usage", "prove_mutants [MUTANTS [SEED]]");
	disk_make(&d);
	d.storage = disk_storage(d.file, NULL);
	make_more(&d);
	for (i = 0; i < mutants; i++) {
		harm(&d, &seed);
		try_one(&d, i, &t);
	}
	llm_storage_free(d.storage);
	disk_done(&d);
	printf("%" PRIu64 " mutants, %" PRIu64 " refused, %" PRIu64 " damaged, %" PRIu64
	       " passed, %" PRIu64 " crashed, %" PRIu64 " hung, %" PRIu64 " odd\n",
		mutants, t.outcomes[REFUSED], t.outcomes[DAMAGED], t.outcomes[PASSED], t.crashed,
		t.hung, t.outcomes[ODD]);
	return t.crashed || t.hung || t.outcomes[ODD] || !t.outcomes[REFUSED] ||
		!t.outcomes[DAMAGED] || !t.outcomes[PASSED];
}
