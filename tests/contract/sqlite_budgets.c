/*
 * sqlite_budgets.c - windows of budgets that pass, on SQLite.
 */
#include "sqlite_help.h"

#include "budgets.h"

Test(sqlite_budgets, R_COST_11_a_window_passes)
{
	stand s;

	sqlite_stand(&s);
	play_window(&s, sqlite_edit);
	stand_down(&s);
}
