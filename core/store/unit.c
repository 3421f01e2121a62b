/*
 * unit.c - calls into a storage plugin, and what is told when a unit ends.
 */
#include "store/unit.h"

#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"

int32_t unit_new(llm_storage *st, llm_unit **ret, llm_err *err)
{
	llm_unit *u = mem_new(&st->mem, sizeof(*u));
	int32_t rc;

	if (!u)
		return err_set(err, LLM_E_NOMEM, "no memory for a unit of work");
	u->storage = st;
	u->table = st->plugin->storage;
	rc = instance_seat(
		st->plugin, st->settings, st->n_settings, &st->mem, &st->log, &u->seat, err);
	if (rc)
		mem_free(&st->mem, u);
	else
		*ret = u;
	return rc;
}

int32_t unit_bind(llm_storage *st, const llm_native *native, llm_unit **ret, llm_err *err)
{
	llm_unit *u = NULL;
	int32_t rc;

	if (!st->plugin->storage->bind)
		return err_set(err, LLM_E_UNSUPPORTED,
			"storage %s cannot join a transaction of the host's", st->plugin->name);
	rc = unit_new(st, &u, err);
	if (rc || !u)
		return rc;
	u->bound = 1;
	unit_enter(u, "bind");
	rc = u->table->bind(instance_host(u->seat), native, &u->handle);
	rc = unit_leave(u, "bind", rc, err);
	if (rc) {
		u->handle = NULL;
		unit_release(u);
		return rc;
	}
	*ret = u;
	return 0;
}

/* ---- brackets ---- */

void unit_enter(llm_unit *u, const char *slot)
{
	const storage_watcher *w = &u->storage->watcher;

	if (w->watch) {
		watch_begin(w->watch, clock_ns(w->time));
		watch_enter(w->watch, u->storage->plugin, slot);
	}
	instance_begin(u->seat, NULL);
}

/* Nothing but the plugin is called between begin and commit (R-UOW-3): it is told behind them. */
static void tell_late(llm_unit *u, const char *slot, int32_t returned)
{
	const storage_watcher *w = &u->storage->watcher;

	watch_leave(w->watch);
	(void)watch_end(w->watch, w->time, &u->late);
	if (strcmp(slot, "begin") == 0)
		u->open = !returned;
	else if (strcmp(slot, "commit") == 0 || strcmp(slot, "rollback") == 0)
		u->open = 0;
	if (!u->late.plugin || u->open)
		return;
	w->late(w->ctx, &u->late);
	u->late.plugin = NULL;
}

int32_t unit_leave(llm_unit *u, const char *slot, int32_t returned, llm_err *err)
{
	int32_t rc;

	if (u->storage->watcher.watch)
		tell_late(u, slot, returned);
	rc = instance_end(u->seat, slot, returned, err);
	if (rc == LLM_E_DB_BUSY && err && err->struct_size > offsetof(llm_err, reserved))
		err->flags |= LLM_ERRF_RETRY_UNIT;
	return rc;
}

/* ---- the end ---- */

static void unit_tell(llm_unit *u, int committed)
{
	unit_hook *h;

	while ((h = u->hooks)) {
		u->hooks = h->next;
		h->fn(h->ctx, committed);
		mem_free(&u->storage->mem, h);
	}
}

int32_t unit_on_end(llm_unit *u, void (*fn)(void *ctx, int committed), void *ctx)
{
	unit_hook *h = mem_new(&u->storage->mem, sizeof(*h)), **at = &u->hooks;

	if (!h)
		return LLM_E_NOMEM;
	h->fn = fn;
	h->ctx = ctx;
	while (*at)
		at = &(*at)->next;
	*at = h;
	return 0;
}

void unit_committed(llm_unit *u)
{
	unit_tell(u, 1);
}

void unit_release(llm_unit *u)
{
	const llm_allocator *mem;

	if (!u)
		return;
	if (u->bound && u->handle)
		u->table->release(u->handle);
	unit_tell(u, 0);
	instance_free(u->seat);
	mem = &u->storage->mem;
	mem_free(mem, u);
}

/* ---- work ---- */

static int32_t unit_lacks(const llm_unit *u, const char *what, uint32_t kind, llm_err *err)
{
	return err_set(err, LLM_E_UNSUPPORTED, "storage %s has no %s of kind %u",
		u->storage->plugin->name, what, (unsigned)kind);
}

int32_t unit_apply(llm_unit *u, const llm_op *const *ops, size_t n, llm_op_result *const *results,
	llm_err *err)
{
	size_t i;
	int32_t rc;

	for (i = 0; i < n; i++)
		if (!storage_has_op(u->storage, ops[i]->kind))
			return unit_lacks(u, "operation", ops[i]->kind, err);
	unit_enter(u, "apply");
	rc = u->table->apply(u->handle, ops, n, results);
	return unit_leave(u, "apply", rc, err);
}

/* Candidates and services belong to no workspace. */
static int unit_is_of_none(uint32_t kind)
{
	return kind == LLM_QUERY_HEALTH || kind == LLM_QUERY_OWNERS;
}

int32_t unit_query(
	llm_unit *u, uint32_t kind, const llm_filter *filter, const llm_row_sink *out, llm_err *err)
{
	int32_t rc;

	if (!storage_has_query(u->storage, kind))
		return unit_lacks(u, "question", kind, err);
	if (!unit_is_of_none(kind) && !filter->workspace_id)
		return err_set(err, LLM_E_WORKSPACE_REQUIRED, "a question names its workspace");
	if (kind != LLM_QUERY_STATS && kind != LLM_QUERY_BUDGETS && !unit_is_of_none(kind) &&
		strcmp(filter->workspace_id, LLM_ANY_WORKSPACE) == 0)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"only statistics and budgets may be asked of all workspaces at once");
	unit_enter(u, "query");
	rc = u->table->query(u->handle, kind, filter, out);
	return unit_leave(u, "query", rc, err);
}

int32_t unit_reap(llm_unit *u, uint32_t limit, uint32_t *ret_n, llm_err *err)
{
	int32_t rc;

	if (!u->table->reap)
		return unit_lacks(u, "reaping", 0, err);
	unit_enter(u, "reap");
	rc = u->table->reap(u->handle, limit, ret_n);
	return unit_leave(u, "reap", rc, err);
}

int32_t unit_purge(llm_unit *u, const llm_purge *what, uint32_t *ret_n, llm_err *err)
{
	int32_t rc;

	if (!u->table->purge)
		return unit_lacks(u, "purging", 0, err);
	unit_enter(u, "purge");
	rc = u->table->purge(u->handle, what, ret_n);
	return unit_leave(u, "purge", rc, err);
}

int32_t unit_schema(llm_unit *u, llm_schema_state *ret, llm_err *err)
{
	llm_schema_state s = {.struct_size = sizeof(s)};
	int32_t rc;

	if (!u->table->schema)
		return unit_lacks(u, "schema", 0, err);
	unit_enter(u, "schema");
	rc = u->table->schema(u->handle, &s);
	rc = unit_leave(u, "schema", rc, err);
	if (!rc)
		*ret = s;
	return rc;
}

int32_t unit_maintain(llm_unit *u, uint32_t what, const char *path, llm_err *err)
{
	int32_t rc;

	if (!u->table->maintain)
		return unit_lacks(u, "upkeep", what, err);
	unit_enter(u, "maintain");
	rc = u->table->maintain(u->handle, what, path);
	return unit_leave(u, "maintain", rc, err);
}
