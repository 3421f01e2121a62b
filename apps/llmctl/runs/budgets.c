/*
 * budgets.c - "llmctl budgets": what workspaces may spend, and have. A row is there once a run
 * was counted, or a budget was set.
 */
#include <stdio.h>
#include <string.h>

#include "io/json.h"
#include "io/table.h"
#include "runs.h"

#define US_PER_S INT64_C(1000000)
#define WINDOW_TEXT 32
#define NAME_TEXT 129

/* The lengths that have names. */
static const struct {
	const char *name;
	int64_t us;
} spans[] = {{"minute", 60 * US_PER_S}, {"hour", 3600 * US_PER_S}, {"day", 86400 * US_PER_S}};

#define SPANS (sizeof(spans) / sizeof(spans[0]))

/* ---- rows ---- */

static void window_text(const llm_budget_row *b, char ret[WINDOW_TEXT])
{
	const char *name = strcmp(b->period, "span") == 0 ? NULL : b->period;

	for (size_t i = 0; i < SPANS && !name; i++)
		if (b->span_us == spans[i].us)
			name = spans[i].name;
	if (name)
		snprintf(ret, WINDOW_TEXT, "%.20s", name);
	else
		runs_span(b->span_us / 1000, ret, WINDOW_TEXT);
}

static json_t *budget_json(const llm_budget_row *b)
{
	char window[WINDOW_TEXT], began[RUNS_ISO];
	json_t *o = json_object();

	window_text(b, window);
	runs_iso(b->window_us, began);
	json_object_set_new(o, "workspace", json_text(b->workspace_id));
	json_object_set_new(o, "profile", json_word(b->profile));
	json_object_set_new(o, "origin", json_text(b->fixed ? "set" : "configured"));
	json_object_set_new(o, "window", json_text(window));
	json_object_set_new(o, "limit_nanousd", json_count(b->limit_nanousd));
	json_object_set_new(o, "default_cost_nanousd", json_count(b->usual_nanousd));
	json_object_set_new(o, "spent_nanousd", json_count(b->spent_nanousd));
	json_object_set_new(o, "held_nanousd", json_count(b->held_nanousd));
	json_object_set_new(o, "window_began", json_word(began));
	json_object_set_new(
		o, "window_left_ms", json_count(b->left_us < 0 ? -1 : b->left_us / 1000));
	return o;
}

static void amount(int64_t nanousd, const char *none, char *ret, size_t cap)
{
	if (nanousd < 0)
		snprintf(ret, cap, "%s", none);
	else
		runs_usd(nanousd, ret, cap);
}

static void add_row(table *t, const llm_budget_row *b)
{
	char limit[40], spent[40], held[40], window[WINDOW_TEXT];

	window_text(b, window);
	amount(b->limit_nanousd, "none", limit, sizeof(limit));
	amount(b->spent_nanousd, "", spent, sizeof(spent));
	amount(b->held_nanousd, "", held, sizeof(held));
	table_cell(t, b->workspace_id);
	table_cell(t, b->profile);
	table_cell(t, limit);
	table_cell(t, window);
	table_cell(t, spent);
	table_cell(t, held);
	table_cell(t, b->fixed ? "set" : "configured");
	table_row_end(t);
}

/* ---- list ---- */

typedef struct listing {
	table rows;
	json_t *array; /* null: a table */
	size_t n;
} listing;

static int32_t take_row(void *ctx, const void *row)
{
	listing *l = ctx;

	l->n++;
	if (l->array)
		json_array_append_new(l->array, budget_json(row));
	else
		add_row(&l->rows, row);
	return 0;
}

static void list_head(table *t)
{
	static const char *const heads[] = {
		"WORKSPACE", "PROFILE", "LIMIT", "WINDOW", "SPENT", "HELD", "ORIGIN"};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_cell(t, heads[i]);
	table_row_end(t);
}

int budgets_list_run(ctl *c)
{
	listing l = {.array = c->opt.json ? json_array() : NULL};
	llm_row_sink sink = {sizeof(sink), 0, &l, take_row};
	llm_filter f = LLM_FILTER_INIT;
	llm_err err = LLM_ERR_INIT;
	json_t *o = l.array ? json_object() : NULL;
	store st;
	int32_t rc = store_open(c, STORE_READ, &st, &err);

	table_open(&l.rows);
	if (!rc && c->term.out)
		list_head(&l.rows);
	f.workspace_id = c->opt.workspace ? c->opt.workspace : LLM_ANY_WORKSPACE;
	if (!rc)
		rc = llm_records_read(st.unit, LLM_QUERY_BUDGETS, &f, &sink, &err);
	store_close(&st);
	json_object_set_new(o, "schema", json_text("llm.budgets/1"));
	json_object_set(o, "budgets", l.array);
	if (!rc && o)
		json_print(json_incref(o));
	json_decref(o);
	json_decref(l.array);
	if (!rc && !l.n && !l.array)
		complain_note(&c->term, "note", "no budget was counted or set yet");
	table_close(&l.rows, c->term.out);
	return rc ? ctl_fail(c, &err) : 0;
}

/* ---- one budget ---- */

/* A row with its texts. */
typedef struct kept {
	llm_budget_row row;
	bool there;
	char workspace[NAME_TEXT];
	char profile[NAME_TEXT];
	char period[16];
} kept;

static int32_t keep_row(void *ctx, const void *row)
{
	kept *k = ctx;

	k->row = *(const llm_budget_row *)row;
	k->there = true;
	snprintf(k->workspace, sizeof(k->workspace), "%s", k->row.workspace_id);
	snprintf(k->profile, sizeof(k->profile), "%s", k->row.profile);
	snprintf(k->period, sizeof(k->period), "%s", k->row.period);
	k->row.workspace_id = k->workspace;
	k->row.profile = k->profile;
	k->row.period = k->period;
	return 0;
}

static int32_t read_one(ctl *c, llm_unit *u, kept *ret, llm_err *err)
{
	llm_row_sink sink = {sizeof(sink), 0, ret, keep_row};
	llm_filter f = LLM_FILTER_INIT;

	f.workspace_id = c->opt.words.items[0];
	f.profile = c->opt.profile ? c->opt.profile : "";
	ret->there = false;
	return llm_records_read(u, LLM_QUERY_BUDGETS, &f, &sink, err);
}

static void print_line(const char *name, const char *value)
{
	printf("%s\t%s\n", name, value);
}

static void print_one(const llm_budget_row *b)
{
	char text[40];

	print_line("workspace", b->workspace_id);
	if (*b->profile)
		print_line("profile", b->profile);
	print_line("origin", b->fixed ? "set" : "configured");
	amount(b->limit_nanousd, "none", text, sizeof(text));
	print_line("limit", text);
	window_text(b, text);
	print_line("window", text);
	runs_iso(b->window_us, text);
	print_line("since", text);
	if (b->left_us >= 0) {
		runs_span(b->left_us / 1000, text, sizeof(text));
		print_line("left", text);
	}
	amount(b->spent_nanousd, "", text, sizeof(text));
	print_line("spent", text);
	amount(b->held_nanousd, "", text, sizeof(text));
	print_line("held", text);
	amount(b->usual_nanousd, "", text, sizeof(text));
	print_line("default cost", text);
}

static void tell_one(const ctl *c, const llm_budget_row *b)
{
	json_t *o;

	if (!c->opt.json) {
		print_one(b);
		return;
	}
	o = budget_json(b);
	json_object_set_new(o, "schema", json_text("llm.budget/1"));
	json_print(o);
}

static int32_t check_words(const ctl *c, llm_err *err)
{
	if (c->opt.words.n == 1 && store_is_workspace(c->opt.words.items[0]))
		return 0;
	return complain_set(err, LLM_E_INVALID_REQUEST,
		"name the workspace: 1 to 128 of the characters A-Z a-z 0-9 . _ : -");
}

int budgets_show_run(ctl *c)
{
	llm_err err = LLM_ERR_INIT;
	store st = {0};
	kept k = {0};
	int32_t rc = check_words(c, &err);

	if (!rc)
		rc = store_open(c, STORE_READ, &st, &err);
	if (!rc)
		rc = read_one(c, st.unit, &k, &err);
	if (!rc && !k.there)
		rc = complain_set(&err, LLM_E_NOT_FOUND,
			"no budget of %.128s%s%.128s was counted or set\n"
			"set one with: llmctl budgets set",
			c->opt.words.items[0], c->opt.profile ? " with profile " : "",
			c->opt.profile ? c->opt.profile : "");
	store_close(&st);
	if (rc)
		return ctl_fail(c, &err);
	tell_one(c, &k.row);
	return 0;
}

/* ---- set ---- */

static int32_t read_window(const char *text, llm_budget_row *to, llm_err *err)
{
	int64_t us = 0;

	to->period = "span";
	for (size_t i = 0; i < SPANS && !us; i++)
		if (strcmp(text, spans[i].name) == 0)
			us = spans[i].us;
	if (strcmp(text, "month") == 0 || strcmp(text, "total") == 0) {
		to->period = text;
		us = LLM_UNKNOWN;
	}
	if (!us && (!runs_length(text, &us) || us <= 0))
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--window %.40s is no window: write minute, hour, day, month, total, or a "
			"time such as 90m",
			text);
	to->span_us = us;
	return 0;
}

/* What is not said stays as it is. */
static int32_t read_options(const ctl_options *o, bool there, llm_budget_row *to, llm_err *err)
{
	int32_t rc = 0;

	if (o->configured && (o->limit || o->window || o->default_cost))
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--configured gives the budget back to the configuration: it goes with "
			"nothing else");
	to->fixed = !o->configured;
	if (o->configured)
		return 0;
	if (!there && (!o->limit || !o->window || !o->default_cost))
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"a new budget needs --limit, --window and --default-cost");
	if (o->limit && strcmp(o->limit, "none") == 0)
		to->limit_nanousd = LLM_UNKNOWN;
	else if (o->limit)
		rc = runs_amount("limit", o->limit, &to->limit_nanousd, err);
	if (!rc && o->window)
		rc = read_window(o->window, to, err);
	if (!rc && o->default_cost)
		rc = runs_amount("default-cost", o->default_cost, &to->usual_nanousd, err);
	if (!rc && to->usual_nanousd <= 0)
		rc = complain_set(err, LLM_E_INVALID_REQUEST,
			"--default-cost is what a run counts whose cost is not known: more than 0");
	return rc;
}

static int32_t set_in(ctl *c, llm_unit *u, kept *k, llm_err *err)
{
	int32_t rc = read_one(c, u, k, err);

	if (rc)
		return rc;
	if (!k->there)
		k->row = (llm_budget_row){.struct_size = sizeof(k->row),
			.workspace_id = c->opt.words.items[0],
			.profile = c->opt.profile ? c->opt.profile : ""};
	rc = read_options(&c->opt, k->there, &k->row, err);
	if (!rc)
		rc = llm_budget_set(u, &k->row, err);
	return rc ? rc : read_one(c, u, k, err);
}

static int32_t set_one(ctl *c, llm_unit *u, kept *k, llm_err *err)
{
	int32_t rc = llm_unit_begin(u, err);

	if (rc)
		return rc;
	rc = set_in(c, u, k, err);
	if (!rc)
		return llm_unit_commit(u, err);
	llm_unit_rollback(u, NULL);
	return rc;
}

/* Who looks at it, if anybody does. */
static void note_lookers(const ctl *c)
{
	const ctl_store *s = &c->store;
	char text[240];

	if (!s->budgets || s->alone) {
		complain_note(&c->term, "note",
			"runs of this configuration do not look at it; for that it needs\n"
			"  budget = { counted = \"storage\"; default_cost = \"0.05\"; };");
	} else if (s->off || s->after) {
		complain_note(&c->term, "note",
			"runs of this configuration do not look at it: storage.ledger is not strict");
	} else if (c->opt.profile && !s->has_profile) {
		snprintf(text, sizeof(text), "this configuration has no profile \"%.128s\"",
			c->opt.profile);
		complain_note(&c->term, "note", text);
	}
}

int budgets_set_run(ctl *c)
{
	llm_err err = LLM_ERR_INIT;
	store st = {0};
	kept k = {0};
	int32_t rc = check_words(c, &err);

	if (!rc)
		rc = store_open(c, 0, &st, &err);
	if (!rc)
		rc = set_one(c, st.unit, &k, &err);
	store_close(&st);
	if (rc)
		return ctl_fail(c, &err);
	if (k.there)
		tell_one(c, &k.row);
	else
		complain_note(&c->term, "note", "no budget was set there");
	if (k.there)
		note_lookers(c);
	return 0;
}
