#include "route/budget.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/err.h"
#include "wire/money.h"

typedef struct budget_account {
	uint64_t window; /* that `spent` is of; UINT64_MAX: of one that nobody counts any more */
	int64_t spent;
	int64_t held; /* by runs that have not ended, whenever they began */
} budget_account;

int32_t budgets_check(const budget_rules *rules, llm_err *err)
{
	if (rules->limit_nanousd &&
		(rules->limit_nanousd < 0 || rules->usual_nanousd <= 0 || !rules->window_ms))
		return err_set(err, LLM_E_CONFIG,
			"a budget needs a window and the cost of a run whose price is not known\n"
			"set window and default_cost beside the limit");
	return 0;
}

void budgets_rule(budgets *b, const budget_rules *rules)
{
	size_t i;

	if (b->rules.window_ms != rules->window_ms)
		for (i = 0; i < b->by_workspace.n; i++)
			((budget_account *)b->by_workspace.slots[i].value)->window = UINT64_MAX;
	b->rules = *rules;
}

int32_t budgets_init(budgets *b, const llm_allocator *mem, const budget_rules *rules, llm_err *err)
{
	int32_t rc = budgets_check(rules, err);

	if (rc)
		return rc;
	b->mem = mem;
	b->rules = *rules;
	idmap_init(&b->by_workspace, mem);
	return 0;
}

void budgets_done(budgets *b)
{
	size_t i;

	for (i = 0; i < b->by_workspace.n; i++)
		mem_free(b->mem, b->by_workspace.slots[i].value);
	idmap_done(&b->by_workspace);
}

static budget_account *budget_find(budgets *b, const char *workspace)
{
	budget_account *a = idmap_get(&b->by_workspace, workspace);

	if (a || b->by_workspace.n >= BUDGET_WORKSPACES)
		return a;
	a = mem_new(b->mem, sizeof(*a));
	if (a && idmap_put(&b->by_workspace, workspace, a)) {
		mem_free(b->mem, a);
		a = NULL;
	}
	return a;
}

static int64_t budget_sum(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static void budget_turn(budget_account *a, uint64_t window)
{
	if (window <= a->window && a->window != UINT64_MAX)
		return;
	a->window = window;
	a->spent = 0;
}

static int32_t budget_refuse(const budgets *b, const char *workspace, uint64_t now_ms, llm_err *err)
{
	const uint64_t left = b->rules.window_ms - now_ms % b->rules.window_ms;
	char limit[32];

	money_write(b->rules.limit_nanousd, MONEY_NANO, limit);
	err_set(err, LLM_E_BUDGET_EXCEEDED,
		"workspace \"%.128s\" has spent its budget of %s US dollars\n"
		"wait %" PRIu64 " s for the next window, or raise the limit",
		workspace, limit, left / 1000 + 1);
	if (err)
		err->retry_after_ms = (int64_t)left;
	return LLM_E_BUDGET_EXCEEDED;
}

int32_t budgets_reserve(budgets *b, const char *workspace, int64_t estimate, uint64_t now_ms,
	budget_hold *ret, llm_err *err)
{
	const int64_t nanousd = estimate < 0 ? b->rules.usual_nanousd : estimate;
	budget_account *a;

	if (!b->rules.limit_nanousd) {
		*ret = (budget_hold){NULL, 0};
		return 0;
	}
	a = budget_find(b, workspace);
	if (!a)
		return err_set(err, LLM_E_NOMEM, "no memory for the budget of a workspace");
	budget_turn(a, now_ms / b->rules.window_ms);
	if (budget_sum(budget_sum(a->spent, a->held), nanousd) > b->rules.limit_nanousd)
		return budget_refuse(b, workspace, now_ms, err);
	a->held += nanousd;
	*ret = (budget_hold){a, nanousd};
	return 0;
}

void budgets_settle(budgets *b, budget_hold *hold, int64_t cost, uint64_t now_ms)
{
	budget_account *a = hold->account;

	if (!a)
		return;
	a->held -= hold->nanousd;
	budget_turn(a, now_ms / b->rules.window_ms);
	a->spent = budget_sum(a->spent, cost < 0 ? b->rules.usual_nanousd : cost);
	hold->account = NULL;
}

int64_t budgets_used(const budgets *b, const char *workspace, uint64_t now_ms)
{
	const budget_account *a = idmap_get(&b->by_workspace, workspace);

	if (!a)
		return 0;
	if (now_ms / b->rules.window_ms > a->window)
		return a->held;
	return budget_sum(a->spent, a->held);
}
