/*
 * llm/records.h - reading back what runs have left behind, and looking after it.
 *
 * All of it works on a unit: a connection of its own (llm_unit_open in runner.h) or one
 * on a handle of the host's. There is no reading by id alone: each question names its
 * workspace. [owner] of the unit, in all below.
 */
#ifndef LLM_RECORDS_H
#define LLM_RECORDS_H

#include "rows.h"
#include "unit.h"

LLM_EXTERN_C_BEGIN

/*
 * Asks a question; each row of the answer goes to the sink, borrowed for that call.
 * @param kind    LLM_QUERY_*, which says the type of the rows and what the filter needs
 * @param filter  names a workspace, for every kind but LLM_QUERY_HEALTH
 * @return 0 (also when nothing was found), what the sink returned, LLM_E_WORKSPACE_REQUIRED,
 *         LLM_E_UNSUPPORTED (the backend does not know that kind), LLM_E_DB_BUSY,
 *         LLM_E_PERSISTENCE, LLM_E_CANCELLED, LLM_E_INVALID_REQUEST
 */
LLM_API int32_t llm_records_read(llm_unit *unit, uint32_t kind, const llm_filter *filter,
	const llm_row_sink *out, llm_err *err);

/*
 * Marks runs as abandoned whose service has gone: those that are running and whose owner's
 * lease has passed. Safe to repeat, and in many processes at once. Needs an open transaction.
 * @param limit  runs at most
 * @param ret_n  how many it were; fewer than `limit`: there are no more
 * @return 0, LLM_E_STATE (no transaction is open), LLM_E_UNSUPPORTED, LLM_E_DB_BUSY,
 *         LLM_E_PERSISTENCE
 */
LLM_API int32_t llm_runs_reap(llm_unit *unit, uint32_t limit, uint32_t *ret_n, llm_err *err);

/*
 * Deletes one batch, children first; what it has not reached is for the next call. Needs an
 * open transaction.
 * @param ret_n  rows of all tables; 0: nothing is left to do
 * @return as llm_runs_reap, and LLM_E_INVALID_REQUEST
 */
LLM_API int32_t llm_records_purge(
	llm_unit *unit, const llm_purge *what, uint32_t *ret_n, llm_err *err);

/*
 * Which schema is there; 0 also when it does not fit.
 * @return LLM_E_UNSUPPORTED when the backend has no schema
 */
LLM_API int32_t llm_records_schema(llm_unit *unit, llm_schema_state *ret, llm_err *err);

/*
 * Sets the budget of a workspace or of one of its profiles, or with `fixed` 0 gives it back to
 * the configurations of the services (rows.h). Needs an open transaction.
 * @param row  workspace_id, profile ("": the whole workspace), and with `fixed` 1 usual_nanousd,
 *             period (with "span": span_us) and limit_nanousd, -1: counted without a limit
 * @return 0, LLM_E_INVALID_REQUEST, LLM_E_STATE (no transaction is open), LLM_E_UNSUPPORTED,
 *         LLM_E_DB_BUSY, LLM_E_PERSISTENCE
 */
LLM_API int32_t llm_budget_set(llm_unit *unit, const llm_budget_row *row, llm_err *err);

/*
 * Upkeep of the whole store, on a connection of its own without an open transaction.
 * @param what  LLM_MAINTAIN_*
 * @param path  of a backup; else null
 * @return 0, LLM_E_STATE (a host's handle, or a transaction is open), LLM_E_UNSUPPORTED,
 *         LLM_E_PERSISTENCE, LLM_E_DB_BUSY
 */
LLM_API int32_t llm_records_maintain(llm_unit *unit, uint32_t what, const char *path, llm_err *err);

LLM_EXTERN_C_END
#endif
