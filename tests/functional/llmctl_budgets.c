/*
 * llmctl budgets on SQLite: listed, shown and set, and what a run then may spend.
 */
#include "llmctl_budgets_try.h"

static void on_sqlite(void (*play)(office *a))
{
	office a;

	office_new(&a, "sqlite", NULL);
	play(&a);
	office_end(&a);
}

Test(llmctl_budgets, R_COST_11_set_shown_and_kept_to)
{
	on_sqlite(play_set_shown_and_kept_to);
}

Test(llmctl_budgets, R_COST_11_others_have_none)
{
	on_sqlite(play_others);
}

Test(llmctl_budgets, R_COST_11_who_sets_what_nobody_looks_at_is_told)
{
	on_sqlite(play_who_looks);
}

Test(llmctl_budgets, R_COST_11_what_is_no_budget_is_refused)
{
	on_sqlite(play_what_is_no_budget);
}

Test(llmctl_budgets, R_MIG_3_another_schema)
{
	on_sqlite(play_another_schema);
}

static void play_gone(office *a)
{
	snprintf(a->dsn, sizeof(a->dsn), "%s/my.prices", a->home); /* a text, and no database */
	office_say(a, COUNTED);
	office_all(a, 1, "PERSISTENCE");
	snprintf(a->dsn, sizeof(a->dsn), "%s/nowhere/runs.db", a->home);
	office_say(a, COUNTED);
	office_all(a, 1, "PERSISTENCE");
}

Test(llmctl_budgets, R_COST_11_a_database_that_is_gone)
{
	on_sqlite(play_gone);
}
