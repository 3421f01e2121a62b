/*
 * statements.h - every statement of the plugin, as constant text with numbered parameters.
 */
#ifndef LLM_POSTGRES_STATEMENTS_H
#define LLM_POSTGRES_STATEMENTS_H

#include "columns.h"

enum {
	ST_NONE = 0,
	ST_RUN_BEGIN,
	ST_RUN_FINISH,
	ST_ATTEMPT_PUT,
	ST_STAGE_PUT,
	ST_CONTENT_PUT,
	ST_IDEM_CLAIM,
	ST_IDEM_SETTLE,
	ST_OWNER_BEAT,
	ST_CACHE_PUT,
	ST_CACHE_TOUCH,
	ST_CACHE_DROP,
	ST_HEALTH_PUT,
	ST_RUN,
	ST_RUNS,
	ST_ATTEMPTS,
	ST_STAGES,
	ST_CONTENT,
	ST_IDEM,
	ST_CACHE,
	ST_STATS_PROFILE,
	ST_STATS_PROVIDER,
	ST_STATS_MODEL,
	ST_STATS_DAY,
	ST_STATS_WORKSPACE,
	ST_STATS_ALL_PROFILE, /* in the order of the five above */
	ST_STATS_ALL_PROVIDER,
	ST_STATS_ALL_MODEL,
	ST_STATS_ALL_DAY,
	ST_STATS_ALL_WORKSPACE,
	ST_SPEND,
	ST_HEALTH,
	ST_BUDGETS,
	ST_OWNERS,
	ST_BUDGET_TURN,
	ST_BUDGET_HOLD,
	ST_BUDGET_TELL,
	ST_BUDGET_SETTLE,
	ST_BUDGET_SPEND,
	ST_BUDGET_SET,
	ST_BUDGET_COUNT,
	ST_BUDGET_UNSET,
	ST_BUDGET_REAP,
	ST_REAP,
	ST_REAP_HOLDS,
	ST_PURGE_FIRST,
	ST_PURGE_ATTEMPTS = ST_PURGE_FIRST,
	ST_PURGE_STAGES,
	ST_PURGE_RUNS,
	ST_PURGE_CONTENTS,
	ST_PURGE_IDEM,
	ST_PURGE_CACHE,
	ST_PURGE_BUDGETS,
	ST_PURGE_OWNERS,
	ST_PURGE_HOLDS,
	ST_PURGE_LAST = ST_PURGE_HOLDS,
	ST_CACHE_TRIM,
	ST_SAVEPOINT,
	ST_RELEASE,
	ST_ROLLBACK_TO,
	ST_COUNT
};

typedef struct statement {
	const char *sql;
	const char *names; /* of $1, $2, ..., with a space between, or null */
	const columns *in; /* where its parameters come from, or null */
	const columns *out; /* what its result is read into, or null */
} statement;

extern const statement statements[ST_COUNT];

#endif
