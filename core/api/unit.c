/*
 * unit.c - the functions of llm/unit.h: arguments checked, then one call down.
 */
#include "llm/unit.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "lookup.h"
#include "run/call.h"
#include "storage.h"
#include "store/job.h"

/* ---- storage ---- */

/* As the options say, or where they say nothing as the configuration does. */
static int32_t storage_make(const llm_storage_opts *o, const conf *cf, plugins *ps,
	const llm_allocator *mem, const logger *log, llm_storage **ret, llm_err *err)
{
	const plugin *p = NULL;
	int32_t rc;

	if (!o->plugin && !o->sha256 && !o->settings && conf_has_storage(cf))
		return storage_configured(cf, ps, mem, log, ret, err);
	rc = plugins_storage(ps, o->plugin ? o->plugin : "sqlite", o->sha256, &p, err);
	return rc ? rc : storage_new(p, o->settings, mem, log, ret, err);
}

int32_t llm_storage_new(const llm_storage_opts *opts, llm_storage **ret, llm_err *err)
{
	static const llm_service_opts plain = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = {0};
	const llm_allocator *mem;
	plugins *ps = NULL;
	conf *cf = NULL;
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
	rc = lookup_open(o.service, mem, &log, &cf, &ps, err);
	if (rc)
		return rc;
	rc = storage_make(&o, cf, ps, mem, &log, ret, err);
	plugins_free(ps); /* a loaded plugin lives as long as the process */
	conf_free(cf);
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

int32_t llm_unit_record(llm_unit *unit, struct llm_call *call, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	int32_t rc;

	if (!unit || !call || !unit->bound)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"llm_unit_record: a unit on a handle of the host's and a call are needed");
	rc = service_check(call->svc, &why);
	if (!rc)
		rc = ledger_record(call, unit, &why);
	if (rc)
		err_export(err, &why);
	return rc;
}

int32_t llm_service_ledger(llm_service *svc, llm_ledger_stats *ret)
{
	llm_ledger_stats s = {0};
	ledger *l;

	if (!svc || !ret || ret->struct_size < offsetof(llm_ledger_stats, begun))
		return LLM_E_INVALID_REQUEST;
	l = &svc->ledger;
	s.struct_size = ret->struct_size;
	s.mode = l->mode;
	s.begun = atomic_load(&l->begun);
	s.settled = atomic_load(&l->settled);
	s.failed = atomic_load(&l->failed);
	s.late = atomic_load(&l->late);
	s.unrecorded = atomic_load(&l->unrecorded);
	s.dropped = atomic_load(&l->dropped);
	s.degraded = (uint32_t)atomic_load(&l->degraded);
	memcpy(ret, &s, s.struct_size < sizeof(s) ? s.struct_size : sizeof(s));
	return 0;
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

void llm_unit_enter(llm_unit *unit, const char *slot)
{
	unit_enter(unit, slot);
}

void llm_unit_call(llm_unit *unit)
{
	unit_enter(unit, "a function");
}

int32_t llm_unit_called(llm_unit *unit, const char *slot, int32_t returned, llm_err *err)
{
	return unit_leave(unit, slot, returned, err);
}
