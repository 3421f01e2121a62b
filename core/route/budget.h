/*
 * budget.h - how much a workspace may spend in a window of time, in this process.
 *
 * Before the first attempt a run reserves what it is likely to cost; at its end the
 * reservation becomes what it did cost. A run whose cost is not known counts with a usual
 * one that the configuration must give. Loop thread only.
 */
#ifndef LLM_ROUTE_BUDGET_H
#define LLM_ROUTE_BUDGET_H

#include "base/idmap.h"
#include "llm/error.h"

#define BUDGET_WORKSPACES 65536 /* a further one is refused */

typedef struct budget_rules {
	int64_t limit_nanousd; /* for each workspace and window; 0: no budget */
	int64_t usual_nanousd; /* of a run whose cost is not known */
	uint64_t window_ms;
} budget_rules;

typedef struct budgets {
	const llm_allocator *mem;
	budget_rules rules;
	idmap by_workspace;
} budgets;

/* LLM_E_CONFIG: a limit without a window or a usual cost. */
int32_t budgets_check(const budget_rules *rules, llm_err *err);
/* Checked rules in the place of others; with another window the next one begins. */
void budgets_rule(budgets *b, const budget_rules *rules);
/* The check, then no account yet. */
int32_t budgets_init(budgets *b, const llm_allocator *mem, const budget_rules *rules, llm_err *err);
void budgets_done(budgets *b);

/* What a run holds from budgets_reserve to budgets_settle. All zero: nothing. */
typedef struct budget_hold {
	void *account;
	int64_t nanousd;
} budget_hold;

/*
 * `estimate` in nanodollars, below zero: not known. 0, LLM_E_BUDGET_EXCEEDED with when the
 * window ends, LLM_E_NOMEM.
 */
int32_t budgets_reserve(budgets *b, const char *workspace, int64_t estimate, uint64_t now_ms,
	budget_hold *ret, llm_err *err);
/* `cost` below zero: not known. Once for each hold; one of nothing is all right. */
void budgets_settle(budgets *b, budget_hold *hold, int64_t cost, uint64_t now_ms);
/* Spent and reserved in the window of now. */
int64_t budgets_used(const budgets *b, const char *workspace, uint64_t now_ms);

#endif
