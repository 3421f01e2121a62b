/*
 * bound.c - units on a handle of the host's, by the host's own copy of SQLite.
 */
#include <stdio.h>
#include <string.h>

#include "unit.h"

#define BOUND_LEAST 3035000 /* RETURNING */

static int32_t bound_check(const unit *u, const llm_native *native)
{
	const llm_sqlite_calls *q = native->calls;
	char why[120];

	if (native->struct_size < sizeof(*native) || !native->kind ||
		strcmp(native->kind, LLM_NATIVE_SQLITE) != 0)
		return unit_say(u, LLM_E_INVALID_REQUEST,
			"the handle is of another kind than " LLM_NATIVE_SQLITE, native->kind);
	if (!native->handle || !q || q->struct_size < sizeof(*q))
		return unit_say(u, LLM_E_INVALID_REQUEST,
			"the handle or its functions are missing; fill them with llm_native_sqlite",
			NULL);
	if (q->libversion_number() < BOUND_LEAST) {
		snprintf(why, sizeof(why), "the host's SQLite is %s, it must be 3.35 or later",
			q->libversion());
		return unit_say(u, LLM_E_UNSUPPORTED, why, NULL);
	}
	if (q->get_autocommit(native->handle))
		return unit_say(u, LLM_E_STATE,
			"the handle has no open transaction: begin one, then bind", NULL);
	return 0;
}

int32_t bound_bind(const llm_host *host, const llm_native *native, void **ret_unit)
{
	unit *u = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, sizeof(*u));
	int32_t rc;

	if (!u)
		return LLM_E_NOMEM;
	u->host = host;
	u->bound = 1;
	u->lock_fd = -1;
	rc = bound_check(u, native);
	if (rc)
		return rc;
	u->q = native->calls;
	u->db = native->handle;
	rc = file_join(u, u->q->db_filename(u->db, "main"));
	if (!rc)
		*ret_unit = u;
	return rc;
}

void bound_release(void *handle)
{
	unit *u = handle;

	stmt_finish(u);
	file_leave(u);
}
