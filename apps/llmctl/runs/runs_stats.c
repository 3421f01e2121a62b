/*
 * runs_stats.c - "llmctl runs stats": sums and percentiles from histograms, never by sorting
 * runs. A cell is at most a tenth of its value wide, so its middle is off by 5 % at most.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/json.h"
#include "io/table.h"
#include "runs.h"

#define BAR_MAX 10

/* How many runs took about `ms`. */
typedef struct cell {
	int64_t ms;
	int64_t runs;
} cell;

typedef struct group {
	char *key; /* null: the column was not said */
	llm_stat_row sum;
	cell *cells;
	size_t n, cap;
	int64_t timed; /* runs whose duration is known */
} group;

typedef struct stats {
	group *list;
	size_t n;
} stats;

/* ---- gathering ---- */

static group *group_of(stats *s, const char *key)
{
	group *more;

	for (size_t i = s->n; i-- > 0;)
		if (key && s->list[i].key ? strcmp(s->list[i].key, key) == 0 :
					    !key && !s->list[i].key)
			return &s->list[i];
	more = realloc(s->list, (s->n + 1) * sizeof(*more));
	if (!more)
		return NULL;
	s->list = more;
	memset(&more[s->n], 0, sizeof(*more));
	more[s->n].key = key ? strdup(key) : NULL;
	if (key && !more[s->n].key)
		return NULL;
	return &more[s->n++];
}

static bool add_cell(group *g, int64_t ms, int64_t runs)
{
	cell *more;

	if (g->n == g->cap) {
		more = realloc(g->cells, (g->cap + 64) * sizeof(*more));
		if (!more)
			return false;
		g->cells = more;
		g->cap += 64;
	}
	g->cells[g->n++] = (cell){ms, runs};
	g->timed += runs;
	return true;
}

static int32_t take(void *ctx, const void *row)
{
	const llm_stat_row *r = row;
	group *g = group_of(ctx, r->key);

	if (!g)
		return LLM_E_NOMEM;
	g->sum.runs += r->runs;
	g->sum.errors += r->errors;
	g->sum.input_tokens += r->input_tokens;
	g->sum.output_tokens += r->output_tokens;
	g->sum.cost_nanousd += r->cost_nanousd;
	g->sum.uncosted += r->uncosted;
	if (r->bucket_ms < 0)
		return 0;
	return add_cell(g, r->bucket_ms + r->width_ms / 2, r->runs) ? 0 : LLM_E_NOMEM;
}

static int by_ms(const void *a, const void *b)
{
	const cell *x = a, *y = b;

	return (x->ms > y->ms) - (x->ms < y->ms);
}

/* The time within which `percent` of the runs ended; unknown when none has a time. */
static int64_t percentile(const group *g, int64_t percent)
{
	const int64_t rank = (g->timed * percent + 99) / 100;
	int64_t seen = 0;

	for (size_t i = 0; i < g->n; i++) {
		seen += g->cells[i].runs;
		if (seen >= rank)
			return g->cells[i].ms;
	}
	return LLM_UNKNOWN;
}

/* ---- showing ---- */

static void bar(char *ret, size_t cap, int64_t part, int64_t whole)
{
	static const char block[] = "\xe2\x96\x88";
	const int64_t n = whole > 0 ? (part * BAR_MAX + whole - 1) / whole : 0;
	size_t used = 0;

	for (int64_t i = 0; i < n && used + sizeof(block) <= cap; i++, used += sizeof(block) - 1)
		memcpy(ret + used, block, sizeof(block));
	ret[used] = '\0';
}

static void print_group(table *t, const group *g, bool bars, int64_t most)
{
	static const int64_t percents[] = {50, 95, 99};
	char text[64];

	table_cell(t, g->key);
	runs_count(g->sum.runs, text, sizeof(text));
	table_cell(t, text);
	runs_count(g->sum.errors, text, sizeof(text));
	table_cell(t, text);
	snprintf(text, sizeof(text), "%lld+%lld", (long long)g->sum.input_tokens,
		(long long)g->sum.output_tokens);
	table_cell(t, text);
	runs_usd(g->sum.cost_nanousd, text, sizeof(text));
	if (g->sum.uncosted)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " (+%lld unpriced)",
			(long long)g->sum.uncosted);
	table_cell(t, text);
	for (size_t i = 0; i < 3; i++) {
		runs_span(percentile(g, percents[i]), text, sizeof(text));
		table_cell(t, text);
	}
	if (bars) {
		bar(text, sizeof(text), g->sum.runs, most);
		table_cell(t, text);
	}
	table_row_end(t);
}

static void print_table(const stats *s, const char *by, bool terminal)
{
	static const char *const heads[] = {
		"runs", "errors", "tokens", "USD", "p50", "p95", "p99", "runs"};
	int64_t most = 0;
	table t;

	table_open(&t);
	table_cell(&t, by);
	for (size_t i = 0; i < 7 + (size_t)terminal; i++)
		table_cell(&t, heads[i]);
	table_row_end(&t);
	for (size_t i = 0; i < s->n; i++)
		most = s->list[i].sum.runs > most ? s->list[i].sum.runs : most;
	for (size_t i = 0; i < s->n; i++)
		print_group(&t, &s->list[i], terminal, most);
	table_close(&t, terminal);
}

static json_t *group_json(const group *g)
{
	json_t *o = json_object();

	json_object_set_new(o, "key", json_text(g->key));
	json_object_set_new(o, "runs", json_integer(g->sum.runs));
	json_object_set_new(o, "errors", json_integer(g->sum.errors));
	json_object_set_new(o, "input_tokens", json_integer(g->sum.input_tokens));
	json_object_set_new(o, "output_tokens", json_integer(g->sum.output_tokens));
	json_object_set_new(o, "cost_nanousd", json_integer(g->sum.cost_nanousd));
	json_object_set_new(o, "runs_without_cost", json_integer(g->sum.uncosted));
	json_object_set_new(o, "p50_ms", json_count(percentile(g, 50)));
	json_object_set_new(o, "p95_ms", json_count(percentile(g, 95)));
	json_object_set_new(o, "p99_ms", json_count(percentile(g, 99)));
	return o;
}

static void print_json(const stats *s, const char *by)
{
	json_t *o = json_object(), *groups = json_array();

	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(groups, group_json(&s->list[i]));
	json_object_set_new(o, "schema", json_text("llm.stats/1"));
	json_object_set_new(o, "by", json_text(by));
	json_object_set_new(o, "groups", groups);
	json_print(o);
}

/* ---- the command ---- */

static int32_t pick(const char *by, uint32_t *ret, llm_err *err)
{
	static const struct {
		const char *name;
		uint32_t group;
	} known[] = {{"profile", LLM_GROUP_PROFILE}, {"provider", LLM_GROUP_PROVIDER},
		{"model", LLM_GROUP_MODEL}, {"day", LLM_GROUP_DAY},
		{"workspace", LLM_GROUP_WORKSPACE}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, by) == 0) {
			*ret = known[i].group;
			return 0;
		}
	return complain_set(err, LLM_E_INVALID_REQUEST,
		"--by %.40s is none of workspace, profile, provider, model and day", by);
}

static int32_t gather(ctl *c, const char *by, store *st, stats *s, llm_err *err)
{
	llm_row_sink sink = {sizeof(sink), 0, s, take};
	runs_asked asked;
	uint32_t kind = 0;
	int32_t rc = pick(by, &kind, err);

	if (!rc && c->opt.all_workspaces && c->opt.workspace)
		rc = complain_set(err, LLM_E_INVALID_REQUEST,
			"--all-workspaces and --workspace exclude each other\n"
			"Try: llmctl runs stats --help");
	if (!rc)
		rc = store_open(
			c, STORE_READ | (c->opt.all_workspaces ? 0 : STORE_WORKSPACE), st, err);
	if (!rc)
		rc = runs_filter(&c->opt, st->workspace, runs_now_us(), &asked, err);
	if (!rc && c->opt.all_workspaces)
		asked.f.workspace_id = LLM_ANY_WORKSPACE;
	asked.f.group = kind;
	if (!rc)
		rc = llm_records_read(st->unit, LLM_QUERY_STATS, &asked.f, &sink, err);
	if (rc == LLM_E_NOMEM)
		complain_set(err, rc, "memory is short");
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].n)
			qsort(s->list[i].cells, s->list[i].n, sizeof(cell), by_ms);
	return rc;
}

int runs_stats_run(ctl *c)
{
	const char *by = c->opt.by ? c->opt.by : "model";
	llm_err err = LLM_ERR_INIT;
	stats s = {NULL, 0};
	store st = {NULL, NULL, NULL};
	int32_t rc = gather(c, by, &st, &s, &err);

	if (!rc && c->opt.json)
		print_json(&s, by);
	else if (!rc)
		print_table(&s, by, c->term.out);
	if (!rc && !c->opt.json && !s.n)
		complain_note(&c->term, "note", "no run is on record that fits");
	store_close(&st);
	for (size_t i = 0; i < s.n; i++) {
		free(s.list[i].key);
		free(s.list[i].cells);
	}
	free(s.list);
	return rc ? ctl_fail(c, &err) : 0;
}
