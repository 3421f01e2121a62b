/*
 * records.c - the functions of llm/records.h: arguments checked, then one call down.
 */
#include "llm/records.h"

#include "base/err.h"
#include "store/unit.h"

static int32_t records_unit(const llm_unit *u, const void *a, const void *b, llm_err *err)
{
	if (u && u->handle && a && b)
		return 0;
	return err_set(err, LLM_E_INVALID_REQUEST,
		"a unit with a connection is needed, and a place for what it answers");
}

int32_t llm_records_read(llm_unit *unit, uint32_t kind, const llm_filter *filter,
	const llm_row_sink *out, llm_err *err)
{
	int32_t rc = records_unit(unit, filter, out, err);

	if (!rc && filter->struct_size < sizeof(*filter))
		rc = err_set(err, LLM_E_INVALID_REQUEST,
			"a filter begins as LLM_FILTER_INIT: struct_size says too little");
	return rc ? rc : unit_query(unit, kind, filter, out, err);
}

int32_t llm_runs_reap(llm_unit *unit, uint32_t limit, uint32_t *ret_n, llm_err *err)
{
	int32_t rc = records_unit(unit, ret_n, ret_n, err);

	return rc ? rc : unit_reap(unit, limit, ret_n, err);
}

int32_t llm_records_purge(llm_unit *unit, const llm_purge *what, uint32_t *ret_n, llm_err *err)
{
	int32_t rc = records_unit(unit, what, ret_n, err);

	if (!rc && what->struct_size < sizeof(*what))
		rc = err_set(err, LLM_E_INVALID_REQUEST,
			"llm_records_purge: struct_size says too little");
	return rc ? rc : unit_purge(unit, what, ret_n, err);
}

int32_t llm_records_schema(llm_unit *unit, llm_schema_state *ret, llm_err *err)
{
	int32_t rc = records_unit(unit, ret, ret, err);

	return rc ? rc : unit_schema(unit, ret, err);
}

int32_t llm_records_maintain(llm_unit *unit, uint32_t what, const char *path, llm_err *err)
{
	int32_t rc = records_unit(unit, unit, unit, err);

	if (!rc && unit->bound)
		rc = err_set(err, LLM_E_STATE,
			"upkeep is for connections of our own: on a handle of the host's the host "
			"does it");
	return rc ? rc : unit_maintain(unit, what, path, err);
}
