/*
 * Several processes write to one file, checkpoint it and read it, for a while (S-03): nothing
 * is lost, and nothing is damaged.
 *
 *	prove_writers [SECONDS [PROCESSES [SEED]]]        600, 4
 *
 * Each process also leaves and comes back with a new connection, and one of them is killed now
 * and then. Prints one line: seconds, processes, units, checkpoints, kills; then what must be 0:
 * lost, halved, damaged, failed.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "disk.h"

#define ID_ROOM 36 /* two numbers of 64 bits at their longest, a dash */
#define PROCESSES_MAX 16
#define LOOK_EACH 250 /* units, then integrity_check */
#define KEEP 4000 /* units of one file: the look at all of it stays short */

/* What a process has done, seen by all. Its units are numbered in a row. */
typedef struct seen {
	uint64_t committed, begun, checkpoints, halved, damaged, failed;
	unsigned char is_committed[KEEP];
} seen;

static seen *all;
static int n_processes;

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void id_of(char ret[ID_ROOM], int who, uint64_t n)
{
	snprintf(ret, ID_ROOM, "%02d-%09" PRIu64, who, n);
}

/* ---- one of them ---- */

static llm_unit *come(llm_storage *st)
{
	llm_err err = LLM_ERR_INIT;
	llm_unit *u = NULL;

	if (llm_unit_open(st, &u, &err))
		die("open", err.message);
	return u;
}

static void failed(seen *s, const llm_err *err)
{
	s->failed++;
	fprintf(stderr, "prove_writers: %s\n", err->message);
}

static void write_one(llm_unit *u, int who, seen *s, uint64_t *state)
{
	const uint64_t n = s->begun++;
	llm_err err = LLM_ERR_INIT;
	char id[ID_ROOM];

	id_of(id, who, n);
	if (disk_unit(u, id, vfs_random(state) % 20000, &err))
		failed(s, &err);
	else
		s->is_committed[n] = 1;
	s->committed += s->is_committed[n];
}

static void upkeep(llm_unit *u, seen *s, uint64_t *state)
{
	llm_err err = LLM_ERR_INIT;

	if (vfs_random(state) % 50 == 0) {
		if (llm_records_maintain(u, LLM_MAINTAIN_CHECKPOINT, NULL, &err) &&
			err.code != LLM_E_DB_BUSY)
			failed(s, &err);
		s->checkpoints++;
	}
	if (s->begun % LOOK_EACH == 0)
		s->damaged += llm_records_maintain(u, LLM_MAINTAIN_CHECK, NULL, NULL) != 0;
}

static void look_back(llm_unit *u, int who, seen *s, uint64_t *state)
{
	char id[ID_ROOM];

	id_of(id, who, vfs_random(state) % s->begun);
	s->halved += disk_has(u, id) < 0;
}

static _Noreturn void work(const char *file, int who, uint64_t end_ms, uint64_t seed)
{
	llm_storage *st = disk_storage(file, "busy_timeout=20000");
	llm_unit *u = come(st);
	uint64_t left;

	while (now_ms() < end_ms && all[who].begun < KEEP) {
		write_one(u, who, &all[who], &seed);
		upkeep(u, &all[who], &seed);
		look_back(u, who, &all[who], &seed);
		left = vfs_random(&seed) % 200;
		if (left)
			continue;
		llm_unit_close(u);
		u = come(st);
	}
	llm_unit_close(u);
	llm_storage_free(st);
	_exit(0);
}

/* ---- all of them ---- */

static pid_t start(const char *file, int who, uint64_t end_ms, uint64_t seed)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork", strerror(errno));
	if (!pid)
		work(file, who, end_ms, seed);
	return pid;
}

/* The first of them is killed now and then, and another goes on with its number. */
static uint64_t let_them(const char *file, uint64_t end_ms, uint64_t *seed)
{
	const struct timespec ms50 = {0, 50000000};
	pid_t pids[PROCESSES_MAX];
	uint64_t kills = 0;
	int i, status;

	for (i = 0; i < n_processes; i++)
		pids[i] = start(file, i, end_ms, vfs_random(seed));
	while (now_ms() + 200 < end_ms && !waitpid(pids[0], &status, WNOHANG)) {
		nanosleep(&ms50, NULL);
		if (vfs_random(seed) % 10)
			continue;
		kill(pids[0], SIGKILL);
		waitpid(pids[0], NULL, 0);
		pids[0] = start(file, 0, end_ms, vfs_random(seed));
		kills++;
	}
	for (i = 0; i < n_processes; i++)
		if (waitpid(pids[i], &status, 0) == pids[i] && status)
			all[i].failed++;
	return kills;
}

/* A unit whose commit the killed process was waiting for may be there or not. */
static uint64_t lost_of(llm_unit *u, int who, seen *s)
{
	uint64_t n, lost = 0;
	char id[ID_ROOM];
	int has;

	for (n = 0; n < s->begun; n++) {
		id_of(id, who, n);
		has = disk_has(u, id);
		s->halved += has < 0;
		lost += s->is_committed[n] && has == 0;
	}
	return lost;
}

static uint64_t judge(llm_storage *st)
{
	llm_unit *u = come(st);
	uint64_t lost = 0;
	int i;

	for (i = 0; i < n_processes; i++)
		lost += lost_of(u, i, &all[i]);
	all[0].damaged += llm_records_maintain(u, LLM_MAINTAIN_CHECK, NULL, NULL) != 0;
	llm_unit_close(u);
	return lost;
}

static void add(seen *sum)
{
	int i;

	for (i = 0; i < n_processes; i++) {
		sum->committed += all[i].committed;
		sum->checkpoints += all[i].checkpoints;
		sum->halved += all[i].halved;
		sum->damaged += all[i].damaged;
		sum->failed += all[i].failed;
	}
	memset(all, 0, PROCESSES_MAX * sizeof(*all));
}

int main(int argc, char **argv)
{
	const uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 600;
	uint64_t seed = disk_seed(argc > 3 ? argv[3] : NULL), end, kills = 0, lost = 0;
	seen sum = {0};
	disk d = {0};

	n_processes = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 4;
	if (!seconds || n_processes < 1 || n_processes > PROCESSES_MAX)
		die("usage", "prove_writers [SECONDS [PROCESSES [SEED]]]");
	all = mmap(NULL, PROCESSES_MAX * sizeof(*all), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		die("mmap", strerror(errno));
	disk_make(&d);
	end = now_ms() + seconds * 1000;
	while (now_ms() < end) {
		disk_gone(d.file);
		disk_copy(d.clean, d.file);
		kills += let_them(d.file, end, &seed);
		d.storage = disk_storage(d.file, NULL);
		lost += judge(d.storage);
		llm_storage_free(d.storage);
		add(&sum);
	}
	disk_done(&d);
	printf("%" PRIu64 " s, %d processes, %" PRIu64 " units, %" PRIu64 " checkpoints, %" PRIu64
	       " kills, %" PRIu64 " lost, %" PRIu64 " halved, %" PRIu64 " damaged, %" PRIu64
	       " failed\n",
		seconds, n_processes, sum.committed, sum.checkpoints, kills, lost, sum.halved,
		sum.damaged, sum.failed);
	return !sum.committed || lost || sum.halved || sum.damaged || sum.failed;
}
