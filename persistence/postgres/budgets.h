/*
 * budgets.h - the statements about budgets: pieces that statements.c puts into its list.
 *
 * A window that has passed is rolled on by whoever writes next; sums end at BUDGET_MOST instead
 * of running over. One instant counts for all of a statement, so that what is spent and the
 * window that it is spent in fit together. Who takes a hold away locks it first: a settle and
 * a reaper that meet do not both count it.
 */
#ifndef LLM_POSTGRES_BUDGETS_H
#define LLM_POSTGRES_BUDGETS_H

#define BUDGET_NAMES \
	"workspace_id profile run_id nanousd period span_us limit_nanousd usual_nanousd fixed"
#define BUDGET_MOST "4611686018427387903"

#define BUDGET_NOW "CAST(floor(extract(epoch FROM statement_timestamp()) * 1000000) AS BIGINT)"
#define BUDGET_MONTH(more) \
	"CAST(extract(epoch FROM date_trunc('month', statement_timestamp() AT TIME ZONE 'UTC')" more \
	") * 1000000 AS BIGINT)"
/* When the window of now began, and how long it still lasts. */
#define BUDGET_START(period, span) \
	"CASE " period " WHEN 'total' THEN 0 WHEN 'month' THEN " BUDGET_MONTH( \
		"") " ELSE " BUDGET_NOW " - " BUDGET_NOW " % coalesce(" span ", 86400000000) END"
#define BUDGET_LEFT \
	"CASE b.period WHEN 'total' THEN NULL WHEN 'month' THEN " BUDGET_MONTH( \
		" + INTERVAL '1 month'") " - " BUDGET_NOW \
					 " ELSE coalesce(b.span_us, 86400000000) - " BUDGET_NOW \
					 " % coalesce(b.span_us, 86400000000) END"

#define BUDGET_PASSED BUDGET_START("b.period", "b.span_us") " > b.window_us"
#define BUDGET_WINDOW \
	"CASE WHEN " BUDGET_PASSED \
	" THEN " BUDGET_START("b.period", "b.span_us") " ELSE b.window_us END"
#define BUDGET_SPENT "CASE WHEN " BUDGET_PASSED " THEN 0 ELSE b.spent_nanousd END"
#define BUDGET_PLUS(cost) "least(" BUDGET_SPENT ", " BUDGET_MOST " - " cost ") + " cost

#define BUDGET_KEY "b.workspace_id = $1 AND b.profile = $2"
/* A limit of the configuration's that is gone leaves its row behind, which counts no more. */
#define BUDGET_COUNTS "(b.fixed = 1 OR $7 IS NOT NULL)"
#define BUDGET_HELD \
	"llm_budget_holds h WHERE h.workspace_id = $1 AND h.profile = $2 AND h.run_id = $3"
#define BUDGET_COST "coalesce($4, b.usual_nanousd)"

/* What is on record of the window of now; of runs without a cost those that were answered. */
#define BUDGET_RECORDED(period, span, usual) \
	"(SELECT CAST(least(" BUDGET_MOST ", coalesce(sum(coalesce(r.cost_nanousd, " usual \
	")), 0)) " \
	"AS BIGINT) FROM llm_runs r WHERE r.workspace_id = $1 AND r.created_us >= " BUDGET_START( \
		period, \
		span) " AND ($2 = '' OR r.profile = $2) AND r.status NOT IN ('pending', 'running') AND " \
		      "(r.cost_nanousd IS NOT NULL OR r.status = 'abandoned' OR EXISTS (SELECT 1 FROM llm_attempts " \
		      "a WHERE a.workspace_id = r.workspace_id AND a.run_id = r.id AND a.http_status < 400)))"

/*
 * A window that was not counted before, or not all the time: until BUDGET_COUNT_SQL has run, a
 * statement of its own, which sees what was committed before this one had the row.
 */
#define BUDGET_UNCOUNTED "-1"
#define BUDGET_SAME "b.period = excluded.period AND b.span_us IS NOT DISTINCT FROM excluded.span_us"

/* As services are configured, for who has nothing set. */
#define BUDGET_TURN_SQL \
	"INSERT INTO llm_budgets AS b (workspace_id, profile, fixed, period, span_us, limit_nanousd, " \
	"usual_nanousd, window_us, spent_nanousd, held_nanousd, updated_us) SELECT $1, $2, 0, $5, $6, " \
	"$7, $8, " BUDGET_UNCOUNTED ", 0, 0, " BUDGET_NOW \
	" WHERE $7 IS NOT NULL ON CONFLICT (workspace_id, profile) DO UPDATE SET period = " \
	"excluded.period, span_us = excluded.span_us, limit_nanousd = excluded.limit_nanousd, " \
	"usual_nanousd = excluded.usual_nanousd, updated_us = excluded.updated_us, window_us = CASE " \
	"WHEN " BUDGET_SAME " THEN b.window_us ELSE " BUDGET_UNCOUNTED \
	" END, spent_nanousd = CASE WHEN " BUDGET_SAME " THEN b.spent_nanousd ELSE 0 END WHERE " \
	"b.fixed = 0 AND (b.limit_nanousd IS DISTINCT FROM excluded.limit_nanousd OR " \
	"b.usual_nanousd <> excluded.usual_nanousd OR NOT (" BUDGET_SAME "))"

/* What was counted already may have been purged since. */
#define BUDGET_COUNT_SQL \
	"UPDATE llm_budgets AS b SET window_us = " BUDGET_START("b.period", \
		"b.span_us") ", spent_nanousd = greatest(b.spent_nanousd, " BUDGET_RECORDED("b.period", \
		"b.span_us", "b.usual_nanousd") ") WHERE " BUDGET_KEY \
						" AND b.window_us = " BUDGET_UNCOUNTED

#define BUDGET_HOLD_SQL \
	"WITH held AS (UPDATE llm_budgets AS b SET held_nanousd = b.held_nanousd + " BUDGET_COST \
	", spent_nanousd = " BUDGET_SPENT ", window_us = " BUDGET_WINDOW \
	", updated_us = " BUDGET_NOW " WHERE " BUDGET_KEY " AND " BUDGET_COUNTS \
	" AND " BUDGET_COST " <= coalesce(b.limit_nanousd, " BUDGET_MOST ") - (" BUDGET_SPENT \
	") - b.held_nanousd AND NOT EXISTS (SELECT 1 FROM " BUDGET_HELD \
	") RETURNING b.workspace_id, b.profile, " BUDGET_COST " AS nanousd) INSERT INTO " \
	"llm_budget_holds (workspace_id, profile, run_id, held_nanousd, created_us) SELECT " \
	"held.workspace_id, held.profile, $3, held.nanousd, " BUDGET_NOW " FROM held ON CONFLICT " \
	"DO NOTHING"

/* A row when a hold was refused, none when there was no budget or the run has its hold. */
#define BUDGET_TELL_SQL \
	"SELECT b.limit_nanousd, " BUDGET_LEFT " AS left_us FROM llm_budgets b WHERE " BUDGET_KEY \
	" AND " BUDGET_COUNTS " AND NOT EXISTS (SELECT 1 FROM " BUDGET_HELD ")"

#define BUDGET_SETTLE_SQL \
	"WITH gone AS (DELETE FROM " BUDGET_HELD " RETURNING h.held_nanousd AS nanousd) UPDATE " \
	"llm_budgets AS b SET held_nanousd = b.held_nanousd - gone.nanousd, spent_nanousd = " BUDGET_PLUS( \
		BUDGET_COST) ", window_us = " BUDGET_WINDOW ", updated_us = " BUDGET_NOW \
			     " FROM gone WHERE " BUDGET_KEY

#define BUDGET_SPEND_SQL \
	"UPDATE llm_budgets AS b SET spent_nanousd = " BUDGET_PLUS( \
		BUDGET_COST) ", window_us = " BUDGET_WINDOW ", updated_us = " BUDGET_NOW \
			     " WHERE " BUDGET_KEY " AND " BUDGET_COUNTS

/* While it was not set nobody may have counted. */
#define BUDGET_SET_SQL \
	"INSERT INTO llm_budgets AS b (workspace_id, profile, fixed, period, span_us, limit_nanousd, " \
	"usual_nanousd, window_us, spent_nanousd, held_nanousd, updated_us) SELECT $1, $2, 1, $5, $6, " \
	"$7, $8, " BUDGET_UNCOUNTED ", 0, 0, " BUDGET_NOW \
	" WHERE $9 = 1 ON CONFLICT (workspace_id, profile) DO UPDATE " \
	"SET fixed = 1, period = excluded.period, span_us = excluded.span_us, limit_nanousd = " \
	"excluded.limit_nanousd, usual_nanousd = excluded.usual_nanousd, updated_us = " \
	"excluded.updated_us, window_us = CASE WHEN b.fixed = 1 AND " BUDGET_SAME \
	" THEN b.window_us ELSE " BUDGET_UNCOUNTED " END, spent_nanousd = CASE WHEN " BUDGET_SAME \
	" THEN " BUDGET_SPENT " ELSE 0 END"

#define BUDGET_UNSET_SQL \
	"UPDATE llm_budgets AS b SET fixed = 0, updated_us = " BUDGET_NOW " WHERE " BUDGET_KEY \
	" AND $9 = 0"

#define BUDGETS_SQL \
	"SELECT b.workspace_id, b.profile, b.fixed, b.period, b.span_us, b.limit_nanousd, " \
	"b.usual_nanousd, " BUDGET_SPENT " AS spent_nanousd, b.held_nanousd, " BUDGET_WINDOW \
	" AS window_us, " BUDGET_LEFT \
	" AS left_us, b.updated_us FROM llm_budgets b WHERE ($1 = '*' " \
	"OR b.workspace_id = $1) AND ($2 IS NULL OR b.profile = $2) ORDER BY b.workspace_id COLLATE " \
	"\"C\", b.profile COLLATE \"C\" LIMIT $3"

/* ---- what runs hold that nobody will settle ---- */

/* What has ended without an attempt has sent nothing. */
#define BUDGET_OWED \
	"CASE WHEN EXISTS (SELECT 1 FROM llm_runs r WHERE r.workspace_id = h.workspace_id AND r.id = " \
	"h.run_id AND r.status IN ('succeeded', 'failed', 'cancelled') AND coalesce(r.attempts, 0) = " \
	"0) THEN 0 ELSE h.held_nanousd END"
#define BUDGET_REAP(of, live) \
	"WITH gone AS (DELETE FROM llm_budget_holds h WHERE " of \
	"NOT EXISTS (SELECT 1 FROM llm_runs r " \
	"WHERE r.workspace_id = h.workspace_id AND r.id = h.run_id AND r.status IN ('pending', " \
	"'running')" live ") RETURNING h.workspace_id, h.profile, h.held_nanousd, " BUDGET_OWED \
	" AS owed), sums AS (SELECT workspace_id, profile, CAST(sum(held_nanousd) AS BIGINT) AS held, " \
	"CAST(least(" BUDGET_MOST \
	", sum(owed)) AS BIGINT) AS owed FROM gone GROUP BY workspace_id, " \
	"profile) UPDATE llm_budgets AS b SET held_nanousd = b.held_nanousd - sums.held, " \
	"spent_nanousd = " BUDGET_PLUS( \
		"sums.owed") ", window_us = " BUDGET_WINDOW ", updated_us = " BUDGET_NOW \
			     " FROM sums WHERE b.workspace_id = sums.workspace_id AND b.profile = sums.profile"
#define BUDGET_OF "h.workspace_id = $1 AND h.profile = $2 AND "
#define BUDGET_LIVES \
	" AND EXISTS (SELECT 1 FROM llm_owners o WHERE o.id = r.owner_id AND o.lease_until_us > " BUDGET_NOW \
	")"

#endif
