/*
 * budget.h - what prove_budget sees of the database: a budget beside the rows of the runs.
 */
#ifndef PROVE_BUDGET_H
#define PROVE_BUDGET_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llm/abi/storage.h"
#include "llm/llm.h"
#include "llm/runner.h"

#define WS "race"
#define RUN_NANOUSD INT64_C(1000000000) /* of an answer, and of what is reserved for it */
#define USUAL_NANOUSD INT64_C(2000000000)

static inline void die(const char *what, const char *why)
{
	fprintf(stderr, "prove_budget: %s: %s\n", what, why);
	exit(99);
}

/* Where it all is. */
typedef struct place {
	const char *plugin;
	char dsn[600];
	char url[200];
	char prices[300];
	const char *limit;
	void *server; /* a PostgreSQL, or null: SQLite */
	int machines; /* that were started, and one; 0: all are on this one */
} place;

/* ---- the database, looked at from outside ---- */

typedef struct look {
	llm_storage *storage;
	llm_unit *unit;
	llm_budget_row budget;
	int64_t recorded; /* what the rows of the runs come to */
	int64_t abandoned;
	uint64_t running;
	char owners[2][64]; /* of those that are running */
} look;

static inline void look_open(look *k, const place *p)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	char setting[640];
	const char *settings[] = {
		setting, strcmp(p->plugin, "sqlite") ? NULL : "create=true", NULL};
	llm_err err = LLM_ERR_INIT;

	memset(k, 0, sizeof(*k));
	snprintf(setting, sizeof(setting), "dsn=%s", p->dsn);
	so.flags = LLM_SERVICE_NO_ENV;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.plugin = p->plugin;
	o.settings = settings;
	o.service = &so;
	if (llm_storage_new(&o, &k->storage, &err) || llm_unit_open(k->storage, &k->unit, &err) ||
		llm_unit_migrate(k->unit, LLM_SCHEMA_LATEST, &err))
		die("database", err.message);
}

static inline void look_close(look *k)
{
	llm_unit_close(k->unit);
	llm_storage_free(k->storage);
}

static inline int32_t on_budget(void *ctx, const void *row)
{
	((look *)ctx)->budget = *(const llm_budget_row *)row;
	return 0;
}

static inline void note_owner(look *k, const char *id)
{
	const int second = *k->owners[0] && strcmp(k->owners[0], id) != 0;

	snprintf(k->owners[second], sizeof(k->owners[0]), "%s", id);
}

/* What was sent and whose cost nobody knows counts as the usual one. */
static inline int32_t on_run(void *ctx, const void *row)
{
	const llm_run_row *r = row;
	look *k = ctx;

	if (strcmp(r->status, "running") == 0) {
		k->running++;
		note_owner(k, r->owner_id);
	} else if (strcmp(r->status, "abandoned") == 0) {
		k->abandoned++;
	} else if (r->cost_nanousd >= 0) {
		k->recorded += r->cost_nanousd;
	} else if (r->attempts > 0) {
		k->recorded += USUAL_NANOUSD;
	}
	return 0;
}

static inline void ask(look *k, uint32_t kind, int32_t (*fn)(void *ctx, const void *row))
{
	const llm_row_sink sink = {sizeof(sink), 0, k, fn};
	llm_filter filter = LLM_FILTER_INIT;
	llm_err err = LLM_ERR_INIT;

	filter.workspace_id = WS;
	if (llm_records_read(k->unit, kind, &filter, &sink, &err))
		die("query", err.message);
}

static inline void look_at(look *k)
{
	k->recorded = k->abandoned = 0;
	k->running = 0;
	memset(&k->budget, 0, sizeof(k->budget));
	memset(k->owners, 0, sizeof(k->owners));
	ask(k, LLM_QUERY_BUDGETS, on_budget);
	ask(k, LLM_QUERY_RUNS, on_run);
}

/* No lease of a dead process is waited for: it is put back. */
static inline int32_t expire(look *k)
{
	int32_t rc = 0;
	size_t i;

	for (i = 0; i < 2 && !rc; i++) {
		const llm_owner_row row = {.struct_size = sizeof(row),
			.id = k->owners[i],
			.started_us = LLM_UNKNOWN,
			.lease_us = -2000000};
		const llm_op op = {sizeof(op), LLM_OP_OWNER_BEAT, &row}, *ops[] = {&op};
		llm_op_result result = {.struct_size = sizeof(result)}, *results[] = {&result};

		if (*k->owners[i])
			rc = llm_unit_table(k->unit)->apply(
				llm_unit_connection(k->unit), ops, 1, results);
	}
	return rc;
}

static inline void reap(look *k)
{
	llm_err err = LLM_ERR_INIT;
	uint32_t n = 0;
	int32_t rc;

	if (llm_unit_begin(k->unit, &err))
		die("reap", err.message);
	llm_unit_call(k->unit);
	rc = llm_unit_called(k->unit, "apply", expire(k), &err);
	if (rc || llm_runs_reap(k->unit, 1000, &n, &err) || llm_unit_commit(k->unit, &err))
		die("reap", err.message);
}

#endif
