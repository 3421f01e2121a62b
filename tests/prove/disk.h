/*
 * disk.h - a database that is written to, harmed, and looked at: what the campaigns on
 * storage share.
 *
 * A unit here is a run from its beginning to its end with its attempt and what was said,
 * in one transaction: afterwards all of it is there, or nothing.
 */
#ifndef PROVE_DISK_H
#define PROVE_DISK_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "llm/abi/storage.h"
#include "llm/llm.h"
#include "llm/records.h"
#include "llm/runner.h"
#include "support/run.h"
#include "support/vfs.h"

#define WS "disk"
#define KEPT 8 /* units of the file before each play */
#define PAYLOAD_MAX 200000

typedef struct disk {
	char *folder;
	char file[400]; /* that is harmed */
	char clean[400]; /* what it is made of each time */
	llm_storage *storage;
} disk;

static inline _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "prove: %s: %s\n", what, why);
	exit(99);
}

static inline uint64_t disk_seed(const char *text)
{
	uint64_t seed = text ? strtoull(text, NULL, 10) : 0;

	if (!seed && getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		die("a seed", strerror(errno));
	seed %= 1000000000;
	printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	return seed;
}

/* ---- files ---- */

static inline void disk_copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	char bytes[65536];
	ssize_t n;

	unlink(to);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in < 0 || out < 0)
		die(from, strerror(errno));
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		if (write(out, bytes, (size_t)n) != n)
			die(to, strerror(errno));
	close(in);
	close(out);
}

static inline void disk_gone(const char *file)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	char path[500];
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", file, ends[i]);
		unlink(path);
	}
}

/* ---- connections ---- */

static inline llm_storage *disk_storage(const char *file, const char *more)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	char dsn[420];
	const char *settings[] = {dsn, "create=true", more ? more : "busy_timeout=1", NULL};
	llm_err err = LLM_ERR_INIT;
	llm_storage *st = NULL;

	snprintf(dsn, sizeof(dsn), "dsn=%s", file);
	so.flags = LLM_SERVICE_NO_ENV;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.settings = settings;
	o.service = &so;
	if (llm_storage_new(&o, &st, &err))
		die("storage", err.message);
	return st;
}

/* ---- units ---- */

static inline void disk_no_numbers(int64_t *first, const int64_t *last)
{
	for (; first <= last; first++)
		*first = LLM_UNKNOWN;
}

static inline llm_run_row disk_run(const char *id, const char *status)
{
	llm_run_row r = {.struct_size = sizeof(r), .workspace_id = WS, .id = id, .status = status};

	disk_no_numbers(&r.attempts, &r.reasoning_tokens);
	r.cost_nanousd = LLM_UNKNOWN;
	disk_no_numbers(&r.queue_ms, &r.settle_us);
	disk_no_numbers(&r.created_us, &r.delivered);
	r.operation = "chat";
	r.owner_id = "owner";
	r.requested_model = "ollama/small";
	r.created_us = r.started_us = INT64_C(1767225600000000);
	return r;
}

static inline int32_t disk_apply(llm_unit *u, uint32_t kind, const void *record, llm_err *err)
{
	const llm_op op = {sizeof(op), kind, record}, *ops[] = {&op};
	llm_op_result result = {.struct_size = sizeof(result)}, *results[] = {&result};
	int32_t rc;

	llm_unit_call(u);
	rc = llm_unit_table(u)->apply(llm_unit_connection(u), ops, 1, results);
	rc = llm_unit_called(u, "apply", rc, err);
	return rc ? rc : result.code;
}

static inline int32_t disk_rows(llm_unit *u, const char *id, size_t payload, llm_err *err)
{
	static char said[PAYLOAD_MAX];
	llm_run_row begin = disk_run(id, "running"), end = disk_run(id, "succeeded");
	const llm_attempt_row attempt = {.struct_size = sizeof(attempt),
		.workspace_id = WS,
		.id = id,
		.run_id = id,
		.seq = 1,
		.candidate_id = "ollama/small",
		.provider = "ollama",
		.status = "succeeded",
		.http_status = 200};
	const llm_content_row content = {
		sizeof(content), 1, WS, id, "prompt", {said, payload}, (int64_t)payload, 1};
	int32_t rc;

	memset(said, id[0], payload);
	end.version = 1;
	end.input_tokens = end.output_tokens = 9;
	rc = disk_apply(u, LLM_OP_RUN_BEGIN, &begin, err);
	if (!rc && payload)
		rc = disk_apply(u, LLM_OP_CONTENT_PUT, &content, err);
	if (!rc)
		rc = disk_apply(u, LLM_OP_ATTEMPT_PUT, &attempt, err);
	return rc ? rc : disk_apply(u, LLM_OP_RUN_FINISH, &end, err);
}

/* 0 when it was said to be committed. */
static inline int32_t disk_unit(llm_unit *u, const char *id, size_t payload, llm_err *err)
{
	int32_t rc = llm_unit_begin(u, err);

	if (rc)
		return rc;
	rc = disk_rows(u, id, payload, err);
	if (!rc)
		return llm_unit_commit(u, err);
	llm_unit_rollback(u, NULL);
	return rc;
}

/* ---- looking ---- */

static inline int32_t disk_on_run(void *ctx, const void *row)
{
	const llm_run_row *r = row;

	*(int *)ctx += strcmp(r->status, "succeeded") == 0 && r->output_tokens == 9;
	return 0;
}

static inline int32_t disk_on_row(void *ctx, const void *row)
{
	(void)row;
	++*(int *)ctx;
	return 0;
}

static inline int32_t disk_count(llm_unit *u, uint32_t kind, const char *id, int *ret)
{
	const llm_row_sink sink = {
		sizeof(sink), 0, ret, kind == LLM_QUERY_RUN ? disk_on_run : disk_on_row};
	llm_filter filter = LLM_FILTER_INIT;

	filter.workspace_id = WS;
	filter.id = id;
	*ret = 0;
	return llm_records_read(u, kind, &filter, &sink, NULL);
}

/* 1: the unit is there, 0: it is not, -1: half of it is, or it cannot be read. */
static inline int disk_has(llm_unit *u, const char *id)
{
	int runs, attempts;

	if (disk_count(u, LLM_QUERY_RUN, id, &runs) ||
		disk_count(u, LLM_QUERY_ATTEMPTS, id, &attempts))
		return -1;
	return runs == attempts ? runs : -1;
}

/* ---- a file to begin with ---- */

/* A migrated file with KEPT units, and nothing in its log. */
static inline void disk_make(disk *d)
{
	llm_err err = LLM_ERR_INIT;
	llm_storage *st;
	llm_unit *u;
	char id[20];
	int i;

	d->folder = run_folder();
	snprintf(d->file, sizeof(d->file), "%s/runs.db", d->folder);
	snprintf(d->clean, sizeof(d->clean), "%s/clean.db", d->folder);
	st = disk_storage(d->clean, NULL);
	if (llm_unit_open(st, &u, &err) || llm_unit_migrate(u, LLM_SCHEMA_LATEST, &err))
		die("migrate", err.message);
	for (i = 0; i < KEPT; i++) {
		snprintf(id, sizeof(id), "kept-%02d", i);
		if (disk_unit(u, id, 100, &err))
			die("a unit", err.message);
	}
	if (llm_records_maintain(u, LLM_MAINTAIN_CHECKPOINT, NULL, &err))
		die("checkpoint", err.message);
	llm_unit_close(u);
	llm_storage_free(st);
}

static inline void disk_done(disk *d)
{
	run_folder_free(d->folder);
}

#endif
