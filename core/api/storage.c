/*
 * storage.c - a service and the storage of its configuration: opened, looked at, and with
 * a runner that writes what the service's runs leave behind.
 */
#include "storage.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "llm/runner.h"
#include "run/watching.h"
#include "store/unit.h"

#define REAP_AT_ONCE 1000 /* runs in one transaction */

/* ---- from the configuration ---- */

static const char *joined(arena *ar, const conf_pair *p)
{
	const size_t name = strlen(p->name), value = strlen(p->value);
	char *text = arena_new(ar, name + value + 2);

	if (!text)
		return NULL;
	memcpy(text, p->name, name);
	text[name] = '=';
	memcpy(text + name + 1, p->value, value);
	return text;
}

/* "KEY=VALUE" as the plugin reads them, null-terminated. */
static int32_t settings_of(
	const conf *cf, const plugin *p, arena *ar, const char *const **ret, llm_err *err)
{
	const conf_provider section = {
		.settings = cf->storage.settings, .n_settings = cf->storage.n_settings};
	conf_pair *pairs = NULL;
	const char **list;
	size_t n = 0, i;
	int32_t rc = conf_check_settings(
		&section, p->storage_info->config_keys, ar, &pairs, &n, err);

	if (rc)
		return rc;
	list = arena_array(ar, n + 1, sizeof(*list));
	for (i = 0; list && i < n; i++) {
		list[i] = joined(ar, &pairs[i]);
		if (!list[i])
			list = NULL;
	}
	if (!list)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	*ret = list;
	return 0;
}

int32_t storage_configured(const conf *cf, plugins *ps, const llm_allocator *mem, const logger *log,
	llm_storage **ret, llm_err *err)
{
	const conf_storage *s = &cf->storage;
	const char *const *settings = NULL;
	const plugin *p = NULL;
	arena ar;
	int32_t rc = plugins_storage(ps, s->plugin ? s->plugin : "sqlite", s->sha256, &p, err);

	if (rc)
		return rc;
	arena_init(&ar, mem, 0);
	rc = settings_of(cf, p, &ar, &settings, err);
	if (!rc)
		rc = storage_new(p, settings, mem, log, ret, err);
	arena_reset(&ar);
	return rc;
}

/* ---- with a service ---- */

/* What a service has of it; the runner in front of the storage that it was made of. */
typedef struct attached {
	const llm_allocator *mem;
	confset *set; /* whose plugin it is; held */
	llm_storage *storage;
	llm_runner *runner;
} attached;

static void on_close(void *ctx)
{
	attached *a = ctx;

	llm_runner_free(a->runner);
	storage_free(a->storage);
	confset_drop(a->set);
	mem_free(a->mem, a);
}

/* The file that the advice is about, or null. */
static const char *file_of(const llm_service_opts *opts)
{
	const char *const *more = opts->config_paths;
	const char *file = opts->config_path;

	for (; more && *more; more++)
		file = *more;
	return file;
}

/* "... with: llmctl db migrate": and of which database. */
static void name_file(const llm_service_opts *opts, llm_err *err)
{
	static const char *const ends[] = {
		"llmctl db migrate", "llmctl db migrate --fresh", "llmctl db status"};
	const char *file = file_of(opts);
	const size_t n = strlen(err->message);
	size_t i, len;

	for (i = 0; file && i < sizeof(ends) / sizeof(ends[0]); i++) {
		len = strlen(ends[i]);
		if (n >= len && strcmp(err->message + n - len, ends[i]) == 0)
			snprintf(err->message + n, sizeof(err->message) - n, " -c %s", file);
	}
}

static int32_t take_lease(llm_unit *u, const ledger *l, const char *owner, llm_err *err)
{
	llm_owner_row row = {.struct_size = sizeof(row),
		.id = owner,
		.started_us = LLM_UNKNOWN,
		.lease_us = (int64_t)(l->lease_ns / 1000),
		.key_print = l->key_print};
	llm_op op = {sizeof(op), LLM_OP_OWNER_BEAT, &row};
	llm_op_result result = {.struct_size = sizeof(result)};
	const llm_op *ops[] = {&op};
	llm_op_result *results[] = {&result};

	return unit_apply(u, ops, 1, results, err);
}

/* Runs of owners that are gone; as many as there are. */
static int32_t reap(llm_unit *u, logger *log, llm_err *err)
{
	uint32_t all = 0, n = 0;
	int32_t rc;

	do {
		rc = unit_reap(u, REAP_AT_ONCE, &n, err);
		all += rc ? 0 : n;
	} while (!rc && n == REAP_AT_ONCE);
	if (all)
		log_line(log, LLM_LOG_WARN,
			"%u runs of services that are gone are marked as abandoned", (unsigned)all);
	return rc;
}

static int32_t on_before(void *ctx, const void *row)
{
	ledger_before(ctx, row);
	return 0;
}

static int32_t read_before(llm_unit *u, ledger *l, llm_err *err)
{
	const llm_row_sink sink = {sizeof(sink), 0, l, on_before};
	llm_filter filter = LLM_FILTER_INIT;

	if (!storage_has_query(u->storage, LLM_QUERY_OWNERS))
		return 0;
	filter.limit = 1;
	return unit_query(u, LLM_QUERY_OWNERS, &filter, &sink, err);
}

static int32_t begin_records(llm_unit *u, llm_service *svc, const char *owner, llm_err *err)
{
	int32_t rc = llm_unit_begin(u, err);

	if (rc)
		return rc;
	rc = read_before(u, &svc->ledger, err);
	if (!rc)
		rc = take_lease(u, &svc->ledger, owner, err);
	if (!rc && u->table->reap)
		rc = reap(u, &svc->log, err);
	if (!rc)
		return llm_unit_commit(u, err);
	llm_unit_rollback(u, NULL);
	return rc;
}

static int32_t on_health(void *ctx, const void *row)
{
	return ledger_health_keep(ctx, row);
}

/* How candidates were when others of this database last saw them (R-CB-9). */
static int32_t read_health(llm_unit *u, llm_service *svc, llm_err *err)
{
	const llm_row_sink sink = {sizeof(sink), 0, svc, on_health};
	const llm_filter filter = LLM_FILTER_INIT;

	if (!storage_has_query(u->storage, LLM_QUERY_HEALTH))
		return 0;
	return unit_query(u, LLM_QUERY_HEALTH, &filter, &sink, err);
}

/* On a connection of its own, which is closed again. */
static int32_t prepare(llm_service *svc, llm_storage *st, const char *owner, llm_err *err)
{
	llm_unit *u = NULL;
	int32_t rc = llm_unit_open(st, &u, err);

	if (rc)
		return rc;
	rc = llm_unit_check_schema(u, err);
	if (!rc)
		rc = begin_records(u, svc, owner, err);
	if (!rc)
		rc = read_health(u, svc, err);
	llm_unit_close(u);
	return rc;
}

/* Where it was asked for, a storage that cannot is no good; else each process counts alone. */
static int32_t check_budgets(const llm_service *svc, const attached *a, llm_err *err)
{
	if (svc->ledger.budgets || a->set->conf->budget.counted != COUNTED_STORAGE)
		return 0;
	return err_set(err, LLM_E_CONFIG,
		"budget.counted is \"storage\", and storage %s keeps no budgets\n"
		"use another one, or count in this process: counted = \"process\"",
		a->storage->plugin->name);
}

static int32_t open_all(llm_service *svc, attached *a, const char *owner, llm_err *err)
{
	llm_runner_opts opts = LLM_RUNNER_OPTS_INIT;
	int32_t rc = storage_configured(
		a->set->conf, a->set->plugins, &svc->mem, &svc->log, &a->storage, err);

	if (!rc)
		a->storage->watcher = (storage_watcher){
			&svc->storing_watch, &svc->time, watching_stored_late, svc};
	if (!rc)
		rc = prepare(svc, a->storage, owner, err);
	if (!rc)
		svc->ledger.budgets = storage_has_op(a->storage, LLM_OP_BUDGET_HOLD);
	if (!rc)
		svc->ledger.trims = storage_has_op(a->storage, LLM_OP_CACHE_TRIM);
	if (!rc)
		rc = check_budgets(svc, a, err);
	opts.queue_max = a->set->conf->storage.queue;
	if (!rc)
		rc = llm_runner_new(a->storage, &opts, &a->runner, err);
	return rc;
}

/*
 * The host runs what is to be written: nothing is opened, and the lease begins with the first run.
 * Which storage it is nobody knows here; one that keeps no budgets refuses jobs that have some.
 */
static int32_t attach_port(
	llm_service *svc, const llm_job_port *port, const char *owner, llm_err *err)
{
	if (port->struct_size < sizeof(*port) || !port->submit || !port->drain)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"llm_service_opts.jobs: its size, submit or drain is missing");
	ledger_attach(svc, port, owner, port->drain, port->ctx);
	svc->ledger.hosted = 1;
	svc->ledger.budgets = 1;
	return 0;
}

int32_t storage_attach(llm_service *svc, const llm_service_opts *opts, llm_err *err)
{
	char owner[UUID_TEXT];
	attached *a;
	int32_t rc;

	if (svc->set->conf->storage.ledger == LEDGER_OFF)
		return 0;
	rc = ledger_print(svc, err);
	if (rc)
		return rc;
	uuid_v7(&svc->ids, &svc->time, owner);
	if (opts->jobs)
		return attach_port(svc, opts->jobs, owner, err);
	a = mem_new(&svc->mem, sizeof(*a));
	if (!a)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	a->mem = &svc->mem;
	a->set = confset_hold(svc);
	rc = open_all(svc, a, owner, err);
	if (rc == LLM_E_SCHEMA || rc == LLM_E_PERSISTENCE)
		name_file(opts, err);
	if (rc) {
		on_close(a);
		return rc;
	}
	ledger_attach(svc, llm_runner_port(a->runner), owner, on_close, a);
	svc->ledger.beat_ns = clock_ns(&svc->time); /* it has a lease since now */
	atomic_store(&svc->ledger.leased_ns, svc->ledger.beat_ns);
	return 0;
}
