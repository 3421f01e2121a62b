/*
 * runs.c - "llmctl runs list", "search" and "export".
 */
#include "runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/json.h"
#include "io/table.h"

#define ID_MAX 40

/* Where rows go. */
typedef struct listing {
	ctl *c;
	table rows;
	json_t *array; /* null: a table */
	bool csv;
	size_t n;
	size_t most; /* of a page: one more says that there are others */
	char last[ID_MAX]; /* the id of the last row */
} listing;

/* ---- a row for people ---- */

void runs_cells(table *t, const llm_run_row *r)
{
	char when[RUNS_ISO], cost[40], took[40], tokens[64] = "", model[300] = "";

	runs_iso(r->created_us, when);
	runs_usd(r->cost_nanousd, cost, sizeof(cost));
	runs_span(r->duration_ms, took, sizeof(took));
	if (r->input_tokens >= 0 || r->output_tokens >= 0)
		snprintf(tokens, sizeof(tokens), "%lld+%lld",
			(long long)(r->input_tokens > 0 ? r->input_tokens : 0),
			(long long)(r->output_tokens > 0 ? r->output_tokens : 0));
	if (r->provider && r->resolved_model)
		snprintf(model, sizeof(model), "%s/%s", r->provider, r->resolved_model);
	else if (r->requested_model)
		snprintf(model, sizeof(model), "%s", r->requested_model);
	table_cell(t, r->id);
	table_cell(t, when);
	table_cell(t, r->status);
	table_cell(t, model);
	table_cell(t, tokens);
	table_cell(t, cost);
	table_cell(t, took);
	table_cell(t, r->error_code);
	table_row_end(t);
}

static int32_t take_row(void *ctx, const void *row)
{
	const llm_run_row *r = row;
	listing *l = ctx;

	if (++l->n > l->most)
		return 0;
	snprintf(l->last, sizeof(l->last), "%s", r->id);
	if (l->array)
		json_array_append_new(l->array, runs_json(r));
	else
		runs_cells(&l->rows, r);
	return 0;
}

/* ---- list, search ---- */

static void print_page(const listing *l)
{
	const bool more = l->n > l->most;
	json_t *o = json_object();

	json_object_set_new(o, "schema", json_text("llm.runs/1"));
	json_object_set_new(o, "runs", l->array);
	json_object_set_new(o, "next", more ? json_text(l->last) : json_null());
	json_print(o);
}

static int32_t list_page(ctl *c, store *st, llm_filter *f, llm_err *err)
{
	listing l = {
		.c = c, .array = c->opt.json ? json_array() : NULL, .most = (size_t)f->limit++};
	llm_row_sink sink = {sizeof(sink), 0, &l, take_row};
	char line[120];
	int32_t rc;

	table_open(&l.rows);
	rc = llm_records_read(st->unit, LLM_QUERY_RUNS, f, &sink, err);
	if (rc)
		json_decref(l.array);
	else if (l.array)
		print_page(&l);
	table_close(&l.rows, c->term.out);
	if (!rc && !l.n && !l.array)
		complain_note(&c->term, "note", "no run is on record that fits");
	if (!rc && l.n > l.most && c->term.err && !l.array) {
		snprintf(line, sizeof(line), "older ones: --before %s", l.last);
		complain_note(&c->term, "note", line);
	}
	return rc;
}

int32_t runs_open(ctl *c, store *st, runs_asked *ret, llm_err *err)
{
	int32_t rc = store_open(c, STORE_WORKSPACE | STORE_READ, st, err);

	if (!rc)
		rc = runs_filter(&c->opt, st->workspace, runs_now_us(), ret, err);
	if (!rc)
		runs_split_model(st, ret);
	return rc;
}

static int list(ctl *c, const char *text)
{
	runs_asked asked;
	llm_err err = LLM_ERR_INIT;
	store st;
	int32_t rc = runs_open(c, &st, &asked, &err);

	asked.f.text = text;
	if (!rc)
		rc = list_page(c, &st, &asked.f, &err);
	store_close(&st);
	return rc ? ctl_fail(c, &err) : 0;
}

int runs_list_run(ctl *c)
{
	return list(c, NULL);
}

int runs_search_run(ctl *c)
{
	llm_err err = LLM_ERR_INIT;

	if (c->opt.words.n && c->opt.words.items[0][0])
		return list(c, c->opt.words.items[0]);
	complain_set(&err, LLM_E_INVALID_REQUEST,
		"what is to be searched for? A piece of a model's name, of an error or of the "
		"metadata\nTry: llmctl runs search time-out");
	return ctl_fail(c, &err);
}

/* ---- export ---- */

static int32_t export_row(void *ctx, const void *row)
{
	listing *l = ctx;

	if (l->csv)
		runs_csv_line(stdout, row);
	else
		json_print(runs_json(row));
	return ferror(stdout) ? LLM_E_CANCELLED : 0;
}

int runs_export_run(ctl *c)
{
	listing l = {.c = c};
	llm_row_sink sink = {sizeof(sink), 0, &l, export_row};
	const char *form = c->opt.format ? c->opt.format : "ndjson";
	runs_asked asked;
	llm_err err = LLM_ERR_INIT;
	store st = {NULL, NULL, NULL};
	int32_t rc = 0;

	l.csv = strcmp(form, "csv") == 0;
	if (!l.csv && strcmp(form, "ndjson") != 0)
		rc = complain_set(&err, LLM_E_INVALID_REQUEST,
			"--format %.40s is neither ndjson nor csv", form);
	if (!rc)
		rc = runs_open(c, &st, &asked, &err);
	if (!rc && !c->opt.limit)
		asked.f.limit = -1;
	if (!rc && l.csv)
		runs_csv_head(stdout);
	if (!rc)
		rc = llm_records_read(st.unit, LLM_QUERY_RUNS, &asked.f, &sink, &err);
	store_close(&st);
	return rc && !ferror(stdout) ? ctl_fail(c, &err) : 0;
}
