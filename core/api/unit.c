/*
 * unit.c - the functions of llm/unit.h: arguments checked, then one call down.
 */
#include "llm/unit.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "conf/conf.h"
#include "store/job.h"

/* ---- storage ---- */

/* A registry over the search path of these options, as a service would have it. */
static int32_t storage_plugins(const llm_service_opts *opts, const llm_allocator *mem,
	const logger *log, plugins **ret, llm_err *err)
{
	plugin_search search = {.user_dir = opts->user_plugin_dir,
		.tool_dir = opts->plugin_dir,
		.lib_dir = LLM_PLUGIN_LIBDIR};
	conf *cf = NULL;
	int32_t rc = conf_load(opts, NULL, mem, NULL, &cf, err);

	if (rc)
		return rc;
	search.env_path = cf->env_plugin_path;
	search.config_path = cf->plugin_path;
	rc = plugins_new(&search, mem, log, ret);
	conf_free(cf);
	return rc ? err_set(err, rc, "out of memory") : 0;
}

int32_t llm_storage_new(const llm_storage_opts *opts, llm_storage **ret, llm_err *err)
{
	static const llm_service_opts plain = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = {0};
	const llm_allocator *mem;
	const plugin *p = NULL;
	plugins *ps = NULL;
	logger log = {0};
	int32_t rc;

	if (!ret)
		return err_set(err, LLM_E_INVALID_REQUEST, "llm_storage_new: nowhere to put it");
	if (opts)
		memcpy(&o, opts, opts->struct_size < sizeof(o) ? opts->struct_size : sizeof(o));
	if (!o.service)
		o.service = &plain;
	mem = o.service->allocator ? o.service->allocator : mem_default();
	log.fn = o.service->log;
	log.token = o.service->log_token;
	log.level = o.service->log_level ? o.service->log_level : LLM_LOG_WARN;
	rc = storage_plugins(o.service, mem, &log, &ps, err);
	if (!rc)
		rc = plugins_storage(ps, o.plugin ? o.plugin : "sqlite", o.sha256, &p, err);
	if (!rc)
		rc = storage_new(p, o.settings, mem, &log, ret, err);
	plugins_free(ps); /* a loaded plugin lives as long as the process */
	return rc;
}

void llm_storage_free(llm_storage *storage)
{
	storage_free(storage);
}

const llm_allocator *llm_storage_allocator(const llm_storage *storage)
{
	return &storage->mem;
}

/* ---- units ---- */

int32_t llm_unit_bind(
	llm_storage *storage, const struct llm_native *native, llm_unit **ret, llm_err *err)
{
	if (!storage || !native || !ret)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"llm_unit_bind: storage, handle and a place for the unit are needed");
	return unit_bind(storage, native, ret, err);
}

void llm_unit_committed(llm_unit *unit)
{
	if (unit && unit->bound)
		unit_committed(unit);
}

void llm_unit_release(llm_unit *unit)
{
	unit_release(unit);
}

int llm_unit_is_bound(const llm_unit *unit)
{
	return unit->bound;
}

/* ---- jobs ---- */

int32_t llm_job_run(llm_job *job, llm_unit *unit, llm_err *err)
{
	if (!job)
		return err_set(err, LLM_E_INVALID_REQUEST, "llm_job_run: no job");
	return llm_jobs_run(&job, 1, unit, err);
}

int32_t llm_jobs_run(llm_job *const *jobs, uint32_t n_jobs, llm_unit *unit, llm_err *err)
{
	if (!jobs || !unit || !unit->handle)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"llm_jobs_run: jobs and a unit with a connection are needed");
	return job_run_all(jobs, n_jobs, unit, err);
}

void llm_job_done(llm_job *job, uint32_t outcome, const llm_err *why)
{
	if (job)
		job_done(job, outcome, why);
}

/* ---- for runners ---- */

int32_t llm_unit_new(llm_storage *storage, llm_unit **ret, llm_err *err)
{
	if (!storage || !ret)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"llm_unit_new: a storage and a place for the unit are needed");
	return unit_new(storage, ret, err);
}

const struct llm_storage_vtable *llm_unit_table(const llm_unit *unit)
{
	return unit->table;
}

const struct llm_host *llm_unit_host(llm_unit *unit)
{
	return instance_host(unit->seat);
}

void llm_unit_attach(llm_unit *unit, void *connection)
{
	if (!unit->bound)
		unit->handle = connection;
}

void *llm_unit_connection(const llm_unit *unit)
{
	return unit->handle;
}

void llm_unit_call(llm_unit *unit)
{
	instance_begin(unit->seat, NULL);
}

int32_t llm_unit_called(llm_unit *unit, const char *slot, int32_t returned, llm_err *err)
{
	return instance_end(unit->seat, slot, returned, err);
}
