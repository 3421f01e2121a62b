/*
 * witness.c - was a transaction committed whose COMMIT was never answered?
 *
 * It is as a whole or not at all, so one row of it tells. That row is asked for in a way that
 * waits for a transaction that still holds it: the old one may hear its COMMIT later than we
 * ask. Nothing is needed for this but what every engine has: keys and locks of rows.
 */
#include <stdio.h>
#include <string.h>

#include "unit.h"

#define WITNESS_MS 6000 /* twice as long as a server keeps a transaction that hears nothing */
#define WITNESS_PAUSE_MS 20

/* In the way of a run that comes later, and rolled back: version 0 has none that is on record. */
static const statement witness_sql_stand_in = {
	"INSERT INTO llm_runs (workspace_id, id, operation, status, stream, created_us, version) "
	"VALUES ($1, $2, '', 'pending', 0, 0, 0) ON CONFLICT (workspace_id, id) DO NOTHING",
	"workspace_id id", &columns_run, NULL};
static const statement witness_sql_run = {
	"SELECT status, version FROM llm_runs WHERE workspace_id = $1 AND id = $2 FOR UPDATE",
	"workspace_id id", &columns_run, &columns_run};
static const statement witness_sql_hold = {
	"INSERT INTO llm_budget_holds (workspace_id, profile, run_id, held_nanousd, created_us) "
	"VALUES ($1, $2, $3, 0, 0) ON CONFLICT (workspace_id, profile, run_id) DO NOTHING",
	"workspace_id profile run_id", &columns_budget, NULL};

/* ---- what a transaction writes ---- */

static int witness_copy(char ret[WITNESS_TEXT], const char *text)
{
	const size_t n = text ? strlen(text) : WITNESS_TEXT;

	if (n >= WITNESS_TEXT)
		return 0;
	memcpy(ret, text, n + 1);
	return 1;
}

static void witness_note_run(witness *w, const llm_op *op)
{
	const llm_run_row *r = op->record;

	if (!witness_copy(w->workspace, r->workspace_id) || !witness_copy(w->run_id, r->id) ||
		!witness_copy(w->more, r->status))
		return;
	w->version = op->kind == LLM_OP_RUN_FINISH ? r->version : 0;
	w->kind = op->kind;
}

static void witness_note_hold(witness *w, const llm_op *op)
{
	const llm_budget_row *b = op->record;

	if (witness_copy(w->workspace, b->workspace_id) && witness_copy(w->run_id, b->run_id) &&
		witness_copy(w->more, b->profile))
		w->kind = op->kind;
}

void witness_note(witness *w, const llm_op *op, const llm_op_result *result)
{
	if (w->kind || result->code || !result->changed)
		return;
	if (op->kind == LLM_OP_RUN_BEGIN || op->kind == LLM_OP_RUN_FINISH)
		witness_note_run(w, op);
	else if (op->kind == LLM_OP_BUDGET_HOLD)
		witness_note_hold(w, op);
}

/* ---- is it there? ---- */

typedef struct testimony {
	const witness *of;
	int stands;
} testimony;

static int32_t witness_row(void *ctx, const void *row)
{
	const llm_run_row *r = row;
	testimony *t = ctx;

	if (t->of->kind == LLM_OP_RUN_FINISH || strcmp(r->status, "pending") == 0)
		t->stands = r->version > t->of->version && strcmp(r->status, t->of->more) == 0;
	else
		t->stands = r->version > 0; /* it has gone on since */
	return 0;
}

static int32_t witness_ask_run(unit *u, const witness *w, int *ret_stands)
{
	const llm_run_row key = {
		.struct_size = sizeof(key), .workspace_id = w->workspace, .id = w->run_id};
	testimony t = {w, 0};
	const llm_row_sink sink = {sizeof(sink), 0, &t, witness_row};
	step steps[] = {{.s = &witness_sql_stand_in, .record = &key},
		{.s = &witness_sql_run, .record = &key, .out = &sink}};
	int32_t rc = trip_run(u, steps, 2);

	if (!rc)
		*ret_stands = t.stands;
	return rc;
}

static int32_t witness_ask_hold(unit *u, const witness *w, int *ret_stands)
{
	const llm_budget_row key = {.struct_size = sizeof(key),
		.workspace_id = w->workspace,
		.profile = w->more,
		.run_id = w->run_id};
	step insert = {.s = &witness_sql_hold, .record = &key};
	int32_t rc = trip_run(u, &insert, 1);

	if (!rc)
		*ret_stands = !insert.changed;
	return rc;
}

int32_t witness_ask(unit *u, int *ret_stands)
{
	const int64_t until = wait_now_ms() + WITNESS_MS;
	const witness w = u->wrote; /* a transaction that begins has written nothing */
	int32_t rc;

	for (;;) {
		rc = own_begin(u);
		if (!rc)
			rc = w.kind == LLM_OP_BUDGET_HOLD ? witness_ask_hold(u, &w, ret_stands) :
							    witness_ask_run(u, &w, ret_stands);
		own_rollback(u);
		if (!rc || rc == LLM_E_CANCELLED || wait_now_ms() >= until ||
			wait_socket(u, 0, wait_now_ms() + WITNESS_PAUSE_MS) == LLM_E_CANCELLED)
			return rc;
	}
}
