/* Every allocation of planning, prices and budgets failing once, and from then on. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/arena.h"
#include "route/budget.h"
#include "route/price.h"
#include "route/rank.h"
#include "support/failalloc.h"

static int nomem(int32_t rc)
{
	return rc == LLM_E_NOMEM ? 0 : rc;
}

static int32_t add_twenty(snapshot *s)
{
	static const char letters[] = "tsrqponmlkjihgfedcba";
	static char ids[20][4];
	size_t i;

	for (i = 0; i < 20; i++) {
		memcpy(ids[i], "p/", 3);
		ids[i][2] = letters[i];
		if (!snapshot_add(s, ids[i]))
			return LLM_E_NOMEM;
	}
	return snapshot_seal(s, NULL);
}

static int play_plan(failalloc *fa, void *arg)
{
	snapshot s, again;
	buf bytes;
	plan p;
	int32_t rc;

	(void)arg;
	snapshot_init(&s, &fa->hook);
	snapshot_init(&again, &fa->hook);
	plan_init(&p, &fa->hook);
	buf_init(&bytes, &fa->hook, 0);
	rc = add_twenty(&s);
	if (!rc)
		rc = rank_plan(&s, NULL, &p, NULL);
	if (!rc && strcmp(s.candidates[p.order[0]].view.id, "p/t") != 0)
		rc = LLM_E_INTERNAL;
	if (!rc)
		rc = snapshot_encode(&s, &bytes);
	if (!rc)
		rc = snapshot_decode(bytes.ptr, bytes.len, &again, NULL);
	if (!rc && again.n != s.n)
		rc = LLM_E_INTERNAL;
	buf_done(&bytes);
	plan_done(&p);
	snapshot_done(&again);
	snapshot_done(&s);
	return nomem(rc);
}

Test(route_nomem, R_ROUTE_6_planning_survives_a_lack_of_memory)
{
	cr_expect_eq(failalloc_sweep(play_plan, NULL), 0);
}

static int play_prices(failalloc *fa, void *arg)
{
	static const char text[] =
		"prices = ( { model = \"a/b\"; valid_from = \"2026-01-01\"; input = \"1\";\n"
		"output = \"2\"; tiers = ( { above_tokens = 5; input = \"3\"; output = \"4\"; } ); },\n"
		"{ prefix = \"a/\"; input = \"1\"; output = \"1\"; } );";
	price_table t = {NULL, 0, ""};
	arena ar;
	int32_t rc;

	(void)arg;
	arena_init(&ar, &fa->hook, 0);
	rc = price_table_text(text, sizeof(text) - 1, "p.conf", &ar, &t, NULL);
	if (!rc && price_for(&t.rows[0], 6)->input != 3000000)
		rc = LLM_E_INTERNAL;
	arena_reset(&ar);
	return nomem(rc);
}

Test(route_nomem, R_COST_3_price_files_survive_a_lack_of_memory)
{
	cr_expect_eq(failalloc_sweep(play_prices, NULL), 0);
}

static int play_budget(failalloc *fa, void *arg)
{
	const budget_rules rules = {1000, 10, 1000};
	budget_hold hold;
	budgets b;
	int32_t rc;

	(void)arg;
	if (budgets_init(&b, &fa->hook, &rules, NULL))
		return 1;
	rc = budgets_reserve(&b, "w", 5, 0, &hold, NULL);
	if (!rc)
		budgets_settle(&b, &hold, 7, 0);
	if (!rc && budgets_used(&b, "w", 0) != 7)
		rc = LLM_E_INTERNAL;
	budgets_done(&b);
	return nomem(rc);
}

Test(route_nomem, R_COST_11_budgets_survive_a_lack_of_memory)
{
	cr_expect_eq(failalloc_sweep(play_budget, NULL), 0);
}
