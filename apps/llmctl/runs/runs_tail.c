/*
 * runs_tail.c - "llmctl runs tail": the last runs, and others as they end, each shown once.
 *
 * A look reads the runs of the last minutes. One that is under way is remembered, and found by
 * its id when it has ended, however long ago it began.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/json.h"
#include "io/out.h"
#include "io/table.h"
#include "runs.h"

#define TAIL_MS 300 /* how late a run may be shown */
#define TAIL_WINDOW_US INT64_C(600000000) /* what begins and ends between looks is as young */
#define TAIL_MOST 4096 /* rows of a look */
#define TAIL_OPEN 256 /* runs under way that are found at the start */
#define TAIL_USUAL 10

typedef struct tail {
	ctl *c;
	const store *st;
	const llm_filter *want;
	json_t *open; /* ids of runs that were under way */
	json_t *seen; /* of those that had ended at the last look */
	json_t *now; /* at this one */
	char **lines; /* of one look, newest first */
	size_t n_lines, room;
	size_t most; /* are shown of those that ended before the first look; then all are */
	bool begun; /* a look has succeeded */
	bool ended; /* the run that is looked at */
} tail;

static bool is_over(const llm_run_row *r)
{
	return strcmp(r->status, "running") != 0 && strcmp(r->status, "pending") != 0;
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
	runs_cells(&one, r);
	if (!one.to)
		return NULL;
	fclose(one.to);
	end = one.text ? strchr(one.text, '\n') : NULL;
	if (end)
		*end = '\0';
	return one.text;
}

/* ---- what is read ---- */

/* What was under way has ended before our eyes. */
static bool is_news(const tail *t, const char *id)
{
	return json_object_get(t->open, id) ||
		(!json_object_get(t->seen, id) && t->n_lines < t->most);
}

static int32_t ended_row(void *ctx, const void *row)
{
	const llm_run_row *r = row;
	tail *t = ctx;

	if (!is_over(r) || json_object_get(t->now, r->id))
		return 0;
	json_object_set_new(t->now, r->id, json_true());
	if (!is_news(t, r->id) || t->n_lines == t->room)
		return 0;
	t->lines[t->n_lines] = line_of(t, r);
	t->n_lines += t->lines[t->n_lines] != NULL;
	return 0;
}

static int32_t open_row(void *ctx, const void *row)
{
	return json_object_set_new(
		       ((tail *)ctx)->open, ((const llm_run_row *)row)->id, json_true()) ?
		LLM_E_NOMEM :
		0;
}

static int32_t status_row(void *ctx, const void *row)
{
	((tail *)ctx)->ended = is_over(row);
	return 0;
}

static int32_t read_rows(tail *t, uint32_t kind, const llm_filter *f,
	int32_t (*row)(void *ctx, const void *row), llm_err *err)
{
	const llm_row_sink sink = {sizeof(sink), 0, t, row};

	return llm_records_read(t->st->unit, kind, f, &sink, err);
}

static int32_t read_open(tail *t, const char *from_id, llm_err *err)
{
	llm_filter f = LLM_FILTER_INIT;

	f.workspace_id = t->want->workspace_id;
	f.profile = t->want->profile;
	f.status = "running";
	f.from_id = from_id;
	f.limit = from_id ? TAIL_MOST : TAIL_OPEN;
	return read_rows(t, LLM_QUERY_RUNS, &f, open_row, err);
}

/* More are read at first than shown: what had ended before is no news later on. */
static int32_t read_ended(tail *t, const char *from_id, llm_err *err)
{
	llm_filter f = *t->want;

	if (from_id)
		f.from_id = from_id;
	f.limit = (int64_t)t->room;
	return read_rows(t, LLM_QUERY_RUNS, &f, ended_row, err);
}

/* One that was under way: shown if it has ended and is among those that are wanted. */
static int32_t read_one(tail *t, const char *id, llm_err *err)
{
	llm_filter f = LLM_FILTER_INIT;
	char behind[64];
	int32_t rc;

	f.workspace_id = t->want->workspace_id;
	f.id = id;
	t->ended = true; /* also when it is not there any more */
	rc = read_rows(t, LLM_QUERY_RUN, &f, status_row, err);
	if (rc || !t->ended)
		return rc;
	f = *t->want;
	snprintf(behind, sizeof(behind), "%s~", id);
	f.from_id = id;
	f.cursor = behind;
	return read_rows(t, LLM_QUERY_RUNS, &f, ended_row, err);
}

static int32_t read_opened(tail *t, llm_err *err)
{
	const char *id;
	void *next;
	json_t *yes;
	int32_t rc;

	json_object_foreach_safe(t->open, next, id, yes)
	{
		(void)yes;
		rc = read_one(t, id, err);
		if (rc)
			return rc;
		if (t->ended)
			json_object_del(t->open, id);
	}
	return 0;
}

/* ---- a look ---- */

static void print(tail *t)
{
	while (t->n_lines) {
		puts(t->lines[--t->n_lines]);
		free(t->lines[t->n_lines]);
	}
	fflush(stdout);
}

/* A database that is busy is asked again. */
static int32_t look(tail *t, llm_err *err)
{
	char room[RUNS_ID];
	const char *from_id = t->begun ? room : NULL;
	int32_t rc;

	runs_id_at(runs_now_us() - TAIL_WINDOW_US, room);
	rc = read_open(t, from_id, err);
	if (!rc)
		rc = read_ended(t, from_id, err);
	if (!rc)
		rc = read_opened(t, err);
	print(t);
	if (rc)
		json_object_update(t->now, t->seen);
	json_decref(t->seen);
	t->seen = t->now;
	t->now = json_object();
	if (!rc)
		t->most = t->room;
	t->begun |= !rc;
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

static int32_t follow(tail *t, llm_err *err)
{
	int32_t rc;

	do
		rc = look(t, err);
	while (!rc && !ferror(stdout) && !reader_left());
	return rc;
}

/* ---- the command ---- */

/* Nobody waits for what cannot come. */
static int32_t check(const ctl_options *o, llm_err *err)
{
	if (!o->status || (strcmp(o->status, "running") != 0 && strcmp(o->status, "pending") != 0))
		return 0;
	return complain_set(err, LLM_E_INVALID_REQUEST,
		"runs tail shows runs as they end: none is %.40s then\n"
		"Try: llmctl runs list --status %.40s",
		o->status, o->status);
}

static int32_t run(ctl *c, const store *st, const llm_filter *want, llm_err *err)
{
	tail t = {.c = c,
		.st = st,
		.want = want,
		.open = json_object(),
		.seen = json_object(),
		.now = json_object(),
		.most = c->opt.limit ? (size_t)want->limit : TAIL_USUAL};
	int32_t rc;

	t.room = t.most > TAIL_MOST ? t.most : TAIL_MOST;
	t.lines = calloc(t.room, sizeof(*t.lines));
	if (t.lines && t.open && t.seen && t.now)
		rc = follow(&t, err);
	else
		rc = complain_set(err, LLM_E_NOMEM, "memory is short");
	free(t.lines);
	json_decref(t.open);
	json_decref(t.seen);
	json_decref(t.now);
	return rc;
}

int runs_tail_run(ctl *c)
{
	runs_asked asked;
	llm_err err = LLM_ERR_INIT;
	store st = {NULL, NULL, NULL};
	int32_t rc = check(&c->opt, &err);

	if (!rc)
		rc = runs_open(c, &st, &asked, &err);
	if (!rc)
		rc = run(c, &st, &asked.f, &err);
	store_close(&st);
	return rc ? ctl_fail(c, &err) : 0;
}
