/*
 * budgets.h - the statements about budgets: pieces that statements.c puts into its list.
 *
 * NOW is defined before. A window that has passed is rolled on by whoever writes next;
 * sums end at BUDGET_MOST instead of running over.
 */
#ifndef LLM_SQLITE_BUDGETS_H
#define LLM_SQLITE_BUDGETS_H

#define BUDGET_MOST "4611686018427387903"

#define BUDGET_MONTH(more) \
	"CAST(strftime('%s', 'now', 'start of month'" more ") AS INTEGER) * 1000000"
/* When the window of now began, and how long it still lasts. */
#define BUDGET_START(period, span) \
	"CASE " period " WHEN 'total' THEN 0 WHEN 'month' THEN " BUDGET_MONTH( \
		"") " ELSE " NOW " - " NOW " % coalesce(" span ", 86400000000) END"
#define BUDGET_LEFT \
	"CASE period WHEN 'total' THEN NULL WHEN 'month' THEN " BUDGET_MONTH( \
		", '+1 month'") " - " NOW " ELSE coalesce(span_us, 86400000000) - " NOW \
				" % coalesce(span_us, 86400000000) END"

#define BUDGET_PASSED BUDGET_START("period", "span_us") " > window_us"
#define BUDGET_WINDOW \
	"CASE WHEN " BUDGET_PASSED " THEN " BUDGET_START("period", "span_us") " ELSE window_us END"
#define BUDGET_SPENT "CASE WHEN " BUDGET_PASSED " THEN 0 ELSE spent_nanousd END"
#define BUDGET_PLUS(cost) "min(" BUDGET_SPENT ", " BUDGET_MOST " - (" cost ")) + (" cost ")"

#define BUDGET_KEY "workspace_id = :workspace_id AND profile = :profile"
/* A limit of the configuration's that is gone leaves its row behind, which counts no more. */
#define BUDGET_COUNTS "(fixed = 1 OR :limit_nanousd IS NOT NULL)"
#define BUDGET_HELD \
	"llm_budget_holds WHERE workspace_id = :workspace_id AND profile = :profile AND run_id = " \
	":run_id"
#define BUDGET_COST "coalesce(:nanousd, usual_nanousd)"

/* What is on record of the window of now; of runs without a cost those that were answered. */
#define BUDGET_RECORDED(period, span, usual) \
	"(SELECT min(" BUDGET_MOST ", coalesce(sum(coalesce(r.cost_nanousd, " usual \
	")), 0)) FROM " \
	"llm_runs r WHERE r.workspace_id = :workspace_id AND r.created_us >= " BUDGET_START( \
		period, \
		span) " AND (:profile = '' OR r.profile = :profile) AND r.status NOT IN ('pending', 'running') " \
		      "AND (r.cost_nanousd IS NOT NULL OR r.status = 'abandoned' OR EXISTS (SELECT 1 FROM " \
		      "llm_attempts a WHERE a.workspace_id = r.workspace_id AND a.run_id = r.id AND " \
		      "a.http_status < 400)))"

/* A window that was not counted before, or not all the time: until BUDGET_COUNT_SQL has run. */
#define BUDGET_UNCOUNTED "-1"
#define BUDGET_SAME "period = excluded.period AND span_us IS excluded.span_us"

/* As services are configured, for who has nothing set. */
#define BUDGET_TURN_SQL \
	"INSERT INTO llm_budgets (workspace_id, profile, fixed, period, span_us, limit_nanousd, " \
	"usual_nanousd, window_us, spent_nanousd, held_nanousd, updated_us) SELECT :workspace_id, " \
	":profile, 0, :period, :span_us, :limit_nanousd, :usual_nanousd, " BUDGET_UNCOUNTED \
	", 0, 0, " NOW \
	" WHERE :limit_nanousd IS NOT NULL ON CONFLICT (workspace_id, profile) DO UPDATE SET period " \
	"= excluded.period, span_us = excluded.span_us, limit_nanousd = excluded.limit_nanousd, " \
	"usual_nanousd = excluded.usual_nanousd, updated_us = excluded.updated_us, window_us = CASE " \
	"WHEN " BUDGET_SAME " THEN window_us ELSE " BUDGET_UNCOUNTED \
	" END, spent_nanousd = CASE WHEN " BUDGET_SAME \
	" THEN spent_nanousd ELSE 0 END WHERE fixed = 0 AND (limit_nanousd IS NOT " \
	"excluded.limit_nanousd OR usual_nanousd <> excluded.usual_nanousd OR NOT (" BUDGET_SAME \
	"))"

/* What was counted already may have been purged since. */
#define BUDGET_COUNT_SQL \
	"UPDATE llm_budgets SET window_us = " BUDGET_START("period", \
		"span_us") ", spent_nanousd = max(spent_nanousd, " BUDGET_RECORDED("period", \
		"span_us", "usual_nanousd") ") WHERE " BUDGET_KEY \
					    " AND window_us = " BUDGET_UNCOUNTED

#define BUDGET_HOLD_SQL \
	"UPDATE llm_budgets SET held_nanousd = held_nanousd + " BUDGET_COST \
	", spent_nanousd = " BUDGET_SPENT ", window_us = " BUDGET_WINDOW ", updated_us = " NOW \
	" WHERE " BUDGET_KEY " AND " BUDGET_COUNTS " AND " BUDGET_COST \
	" <= coalesce(limit_nanousd, " BUDGET_MOST ") - (" BUDGET_SPENT \
	") - held_nanousd AND NOT EXISTS (SELECT 1 FROM " BUDGET_HELD ")"

#define BUDGET_NOTE_SQL \
	"INSERT INTO llm_budget_holds (workspace_id, profile, run_id, held_nanousd, created_us) " \
	"SELECT workspace_id, profile, :run_id, " BUDGET_COST ", " NOW \
	" FROM llm_budgets WHERE " BUDGET_KEY " ON CONFLICT DO NOTHING"

/* A row when a hold was refused, none when there was no budget or the run has its hold. */
#define BUDGET_TELL_SQL \
	"SELECT limit_nanousd, " BUDGET_LEFT " AS left_us FROM llm_budgets WHERE " BUDGET_KEY \
	" AND " BUDGET_COUNTS " AND NOT EXISTS (SELECT 1 FROM " BUDGET_HELD ")"

#define BUDGET_SETTLE_SQL \
	"UPDATE llm_budgets SET held_nanousd = held_nanousd - (SELECT held_nanousd FROM " BUDGET_HELD \
	"), spent_nanousd = " BUDGET_PLUS(BUDGET_COST) ", window_us = " BUDGET_WINDOW \
						       ", updated_us = " NOW " WHERE " BUDGET_KEY \
						       " AND EXISTS (SELECT 1 FROM " BUDGET_HELD \
						       ")"

#define BUDGET_DROP_SQL "DELETE FROM " BUDGET_HELD

#define BUDGET_SPEND_SQL \
	"UPDATE llm_budgets SET spent_nanousd = " BUDGET_PLUS( \
		BUDGET_COST) ", window_us = " BUDGET_WINDOW ", updated_us = " NOW \
			     " WHERE " BUDGET_KEY " AND " BUDGET_COUNTS

/* While it was not set nobody may have counted. */
#define BUDGET_SET_SQL \
	"INSERT INTO llm_budgets (workspace_id, profile, fixed, period, span_us, limit_nanousd, " \
	"usual_nanousd, window_us, spent_nanousd, held_nanousd, updated_us) SELECT :workspace_id, " \
	":profile, 1, :period, :span_us, :limit_nanousd, :usual_nanousd, " BUDGET_UNCOUNTED \
	", 0, 0, " NOW \
	" WHERE :fixed = 1 ON CONFLICT (workspace_id, profile) DO UPDATE SET fixed = 1, period = " \
	"excluded.period, span_us = excluded.span_us, limit_nanousd = excluded.limit_nanousd, " \
	"usual_nanousd = excluded.usual_nanousd, updated_us = excluded.updated_us, window_us = CASE " \
	"WHEN fixed = 1 AND " BUDGET_SAME " THEN window_us ELSE " BUDGET_UNCOUNTED \
	" END, spent_nanousd = CASE WHEN " BUDGET_SAME " THEN " BUDGET_SPENT " ELSE 0 END"

#define BUDGET_UNSET_SQL \
	"UPDATE llm_budgets SET fixed = 0, updated_us = " NOW " WHERE " BUDGET_KEY " AND :fixed = 0"

#define BUDGETS_SQL \
	"SELECT workspace_id, profile, fixed, period, span_us, limit_nanousd, usual_nanousd, " BUDGET_SPENT \
	" AS spent_nanousd, held_nanousd, " BUDGET_WINDOW " AS window_us, " BUDGET_LEFT \
	" AS left_us, updated_us FROM llm_budgets WHERE (:workspace_id = '*' OR " \
	"workspace_id = :workspace_id) AND (:profile IS NULL OR profile = :profile) ORDER BY 1, 2 " \
	"LIMIT coalesce(:limit, -1)"

/* ---- what runs hold that nobody will settle ---- */

/* What has ended without an attempt has sent nothing. */
#define BUDGET_OWED \
	"CASE WHEN EXISTS (SELECT 1 FROM llm_runs r WHERE r.workspace_id = h.workspace_id AND r.id = " \
	"h.run_id AND r.status IN ('succeeded', 'failed', 'cancelled') AND coalesce(r.attempts, 0) = " \
	"0) THEN 0 ELSE h.held_nanousd END"
#define BUDGET_ORPHANS(live) \
	"llm_budget_holds AS h WHERE h.workspace_id = llm_budgets.workspace_id AND h.profile = " \
	"llm_budgets.profile AND NOT EXISTS (SELECT 1 FROM llm_runs r WHERE r.workspace_id = " \
	"h.workspace_id AND r.id = h.run_id AND r.status IN ('pending', 'running')" live ")"
#define BUDGET_REAP(live) \
	"UPDATE llm_budgets SET held_nanousd = held_nanousd - (SELECT sum(h.held_nanousd) FROM " BUDGET_ORPHANS( \
		live) "), spent_nanousd = " BUDGET_PLUS("SELECT sum(" BUDGET_OWED \
							") FROM " BUDGET_ORPHANS( \
								live)) ", window_us = " BUDGET_WINDOW \
								       ", updated_us = " NOW \
								       " WHERE EXISTS (SELECT 1 FROM " BUDGET_ORPHANS( \
									       live) ")"
#define BUDGET_FORGET(live) \
	"DELETE FROM llm_budget_holds AS h WHERE NOT EXISTS (SELECT 1 FROM llm_runs r WHERE " \
	"r.workspace_id = h.workspace_id AND r.id = h.run_id AND r.status IN ('pending', 'running')" live \
	")"
#define BUDGET_LIVES_AT(now) \
	" AND EXISTS (SELECT 1 FROM llm_owners o WHERE o.id = r.owner_id AND o.lease_until_us > " now \
	")"
#define BUDGET_LIVES BUDGET_LIVES_AT(NOW)
/* A lease that passes between two statements: what the first has not counted stays for later. */
#define BUDGET_LIVED \
	BUDGET_LIVES_AT( \
		"(SELECT b.updated_us FROM llm_budgets b WHERE b.workspace_id = :workspace_id AND " \
		"b.profile = :profile)")

#endif
