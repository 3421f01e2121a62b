/*
 * runs.c - "llmctl runs list", "search", "tail" and "export".
 */
#include "runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/json.h"
#include "io/out.h"
#include "io/table.h"

#define TAIL_MS 300 /* how late a run may be shown */
#define TAIL_SEEN 4096
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

static void add_row(table *t, const llm_run_row *r)
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
		add_row(&l->rows, r);
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

/* Opens, and reads what is asked for. */
static int32_t open_for(ctl *c, store *st, llm_filter *f, char room[RUNS_PROVIDER], llm_err *err)
{
	int32_t rc = store_open(c, STORE_WORKSPACE | STORE_READ, st, err);

	if (!rc)
		rc = runs_filter(&c->opt, st->workspace, runs_now_us(), f, err);
	if (!rc)
		runs_split_model(st, f, room);
	return rc;
}

static int list(ctl *c, const char *text)
{
	llm_filter f = LLM_FILTER_INIT;
	llm_err err = LLM_ERR_INIT;
	char room[RUNS_PROVIDER];
	store st;
	int32_t rc = open_for(c, &st, &f, room, &err);

	f.text = text;
	if (!rc)
		rc = list_page(c, &st, &f, &err);
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
	llm_filter f = LLM_FILTER_INIT;
	llm_err err = LLM_ERR_INIT;
	store st = {NULL, NULL, NULL};
	char room[RUNS_PROVIDER];
	int32_t rc = 0;

	l.csv = strcmp(form, "csv") == 0;
	if (!l.csv && strcmp(form, "ndjson") != 0)
		rc = complain_set(&err, LLM_E_INVALID_REQUEST,
			"--format %.40s is neither ndjson nor csv", form);
	if (!rc)
		rc = open_for(c, &st, &f, room, &err);
	if (!c->opt.limit)
		f.limit = -1;
	if (!rc && l.csv)
		runs_csv_head(stdout);
	if (!rc)
		rc = llm_records_read(st.unit, LLM_QUERY_RUNS, &f, &sink, &err);
	store_close(&st);
	return rc && !ferror(stdout) ? ctl_fail(c, &err) : 0;
}

/* ---- tail ---- */

/* Runs that have ended, each shown once, oldest first. */
typedef struct tail {
	ctl *c;
	char (*seen)[ID_MAX]; /* a ring */
	size_t n_seen;
	char **lines; /* of one look, newest first */
	size_t n_lines, cap;
	int64_t from_us; /* the oldest that still runs, or the newest */
	int64_t open_us;
} tail;

static bool is_over(const llm_run_row *r)
{
	return strcmp(r->status, "running") != 0 && strcmp(r->status, "pending") != 0;
}

static bool was_seen(tail *t, const char *id)
{
	const size_t n = t->n_seen < TAIL_SEEN ? t->n_seen : TAIL_SEEN;

	for (size_t i = 0; i < n; i++)
		if (strcmp(t->seen[i], id) == 0)
			return true;
	snprintf(t->seen[t->n_seen++ % TAIL_SEEN], ID_MAX, "%s", id);
	return false;
}

static char *line_of(const tail *t, const llm_run_row *r)
{
	char *text = NULL, *end;
	json_t *o;
	table one;

	if (t->c->opt.json) {
		o = runs_json(r);
		text = json_dumps(o, JSON_COMPACT);
		json_decref(o);
		return text;
	}
	table_open(&one);
	add_row(&one, r);
	if (!one.to)
		return NULL;
	fclose(one.to);
	end = one.text ? strchr(one.text, '\n') : NULL;
	if (end)
		*end = '\0';
	return one.text;
}

static int32_t tail_row(void *ctx, const void *row)
{
	const llm_run_row *r = row;
	tail *t = ctx;

	if (!is_over(r)) {
		t->open_us = r->created_us;
		return 0;
	}
	if (r->created_us > t->from_us)
		t->from_us = r->created_us;
	if (t->n_lines == t->cap || was_seen(t, r->id))
		return 0;
	t->lines[t->n_lines] = line_of(t, r);
	t->n_lines += t->lines[t->n_lines] != NULL;
	return 0;
}

static int32_t tail_look(tail *t, store *st, llm_filter *f, llm_err *err)
{
	llm_row_sink sink = {sizeof(sink), 0, t, tail_row};
	int32_t rc;

	t->open_us = INT64_MAX;
	t->n_lines = 0;
	rc = llm_records_read(st->unit, LLM_QUERY_RUNS, f, &sink, err);
	while (t->n_lines) {
		puts(t->lines[--t->n_lines]);
		free(t->lines[t->n_lines]);
	}
	fflush(stdout);
	f->from_us = t->open_us < t->from_us ? t->open_us : t->from_us;
	f->limit = (int64_t)t->cap;
	return rc == LLM_E_DB_BUSY ? 0 : rc;
}

/* Waits till the next look, and sees whether anybody still reads. */
static bool reader_left(void)
{
	const struct timespec nap = {0, OUT_TICK_MS * 1000000L};
	bool left = false;
	out o = {.error = 0};

	for (int i = 0; !left && i < TAIL_MS / OUT_TICK_MS; i++) {
		nanosleep(&nap, NULL);
		left = out_is_closed(&o);
	}
	return left;
}

static int32_t tail_follow(tail *t, store *st, llm_filter *f, llm_err *err)
{
	int32_t rc = 0;

	t->cap = TAIL_SEEN;
	t->seen = calloc(TAIL_SEEN, sizeof(*t->seen));
	t->lines = calloc(t->cap, sizeof(*t->lines));
	if (!t->seen || !t->lines)
		rc = complain_set(err, LLM_E_NOMEM, "memory is short");
	while (!rc && !ferror(stdout)) {
		rc = tail_look(t, st, f, err);
		if (!rc && reader_left())
			break;
	}
	free(t->seen);
	free(t->lines);
	return rc;
}

/* Nobody waits for what cannot come. */
static int32_t check_tail(const ctl_options *o, llm_err *err)
{
	if (!o->status || (strcmp(o->status, "running") != 0 && strcmp(o->status, "pending") != 0))
		return 0;
	return complain_set(err, LLM_E_INVALID_REQUEST,
		"runs tail shows runs as they end: none is %.40s then\n"
		"Try: llmctl runs list --status %.40s",
		o->status, o->status);
}

int runs_tail_run(ctl *c)
{
	tail t = {.c = c};
	llm_filter f = LLM_FILTER_INIT;
	llm_err err = LLM_ERR_INIT;
	char room[RUNS_PROVIDER];
	store st = {NULL, NULL, NULL};
	int32_t rc = check_tail(&c->opt, &err);

	if (!rc)
		rc = open_for(c, &st, &f, room, &err);
	if (!rc && !c->opt.limit)
		f.limit = 10;
	if (!rc)
		rc = tail_follow(&t, &st, &f, &err);
	store_close(&st);
	return rc ? ctl_fail(c, &err) : 0;
}
