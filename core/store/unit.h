/*
 * unit.h - a unit of work as the core sees it: work only, no transaction control.
 */
#ifndef LLM_STORE_UNIT_H
#define LLM_STORE_UNIT_H

#include "store/storage.h"

/* What memory learns when a bound unit was committed (R-UOW-6). */
typedef struct unit_hook {
	void (*fn)(void *ctx, int committed);
	void *ctx;
	struct unit_hook *next;
} unit_hook;

struct llm_unit {
	llm_storage *storage;
	const llm_storage_vtable *table;
	instance *seat; /* the host's half: memory and words of the calls */
	void *handle; /* the plugin's connection or unit */
	int bound;
	int open; /* a transaction that we began */
	watch_late late; /* not told yet */
	unit_hook *hooks; /* in the order they came */
};

int32_t unit_new(llm_storage *st, llm_unit **ret, llm_err *err);
int32_t unit_bind(llm_storage *st, const llm_native *native, llm_unit **ret, llm_err *err);
void unit_release(llm_unit *u);

/* Brackets of a call into the table; what `returned` comes to. */
void unit_enter(llm_unit *u, const char *slot);
int32_t unit_leave(llm_unit *u, const char *slot, int32_t returned, llm_err *err);

/* `fn` is called once: when the unit is committed, or released without. LLM_E_NOMEM. */
int32_t unit_on_end(llm_unit *u, void (*fn)(void *ctx, int committed), void *ctx);
void unit_committed(llm_unit *u);

/*
 * One call with operations; a kind that the plugin does not list is LLM_E_UNSUPPORTED
 * and reaches nothing.
 */
int32_t unit_apply(llm_unit *u, const llm_op *const *ops, size_t n, llm_op_result *const *results,
	llm_err *err);
int32_t unit_query(llm_unit *u, uint32_t kind, const llm_filter *filter, const llm_row_sink *out,
	llm_err *err);
int32_t unit_reap(llm_unit *u, uint32_t limit, uint32_t *ret_n, llm_err *err);
int32_t unit_purge(llm_unit *u, const llm_purge *what, uint32_t *ret_n, llm_err *err);
int32_t unit_schema(llm_unit *u, llm_schema_state *ret, llm_err *err);
int32_t unit_maintain(llm_unit *u, uint32_t what, const char *path, llm_err *err);

#endif
