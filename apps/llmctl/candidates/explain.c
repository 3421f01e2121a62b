/*
 * explain.c - "llmctl route explain" and what "ask --explain" shows: who was considered, who
 * stays and why, in which order.
 */
#include "llm/explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask/ask.h"
#include "io/json.h"
#include "io/table.h"

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* "ready_ms" and the like; -1 where it is null. */
static int64_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

static void cell_health(table *t, const json_t *c)
{
	char cell[64];

	if (number(c, "ready_ms") > 0)
		snprintf(cell, sizeof(cell), "%s, ready in %" PRId64 " ms", text(c, "health"),
			number(c, "ready_ms"));
	else
		snprintf(cell, sizeof(cell), "%s", text(c, "health"));
	table_cell(t, cell);
}

static void cell_reason(table *t, const json_t *c)
{
	char cell[400];

	if (!text(c, "removed"))
		snprintf(cell, sizeof(cell), "%s%s", text(c, "reason") ? text(c, "reason") : "",
			strcmp(text(c, "fit"), "unknown") == 0 ?
				"; not known to have all that is needed" :
				"");
	else
		snprintf(cell, sizeof(cell), "removed: %s%s%s", text(c, "removed"),
			text(c, "lacks") ? " " : "", text(c, "lacks") ? text(c, "lacks") : "");
	table_cell(t, cell);
}

static void print_candidate(table *t, const json_t *c)
{
	char cell[48] = "";

	if (!text(c, "removed"))
		snprintf(cell, sizeof(cell), "%" PRId64, number(c, "rank") + 1);
	table_cell(t, cell);
	table_cell(t, text(c, "id"));
	cell_health(t, c);
	table_cell(t, text(c, "locality"));
	if (json_object_get(c, "score"))
		snprintf(cell, sizeof(cell), "score %" PRId64,
			(int64_t)json_integer_value(json_object_get(c, "score")));
	else
		cell[0] = '\0';
	table_cell(t, cell);
	cell_reason(t, c);
	table_row_end(t);
}

static const json_t *find(const json_t *candidates, const char *id)
{
	json_t *c;
	size_t i;

	json_array_foreach(candidates, i, c)
	{
		if (strcmp(text(c, "id"), id) == 0)
			return c;
	}
	return NULL;
}

/* Those of the plan in its order, then those who were removed. */
static void print_candidates(const json_t *plan, bool aligned, FILE *to)
{
	const json_t *all = json_object_get(plan, "candidates"), *found;
	json_t *c;
	size_t i;
	table t;

	table_open(&t);
	json_array_foreach(json_object_get(plan, "plan"), i, c)
	{
		found = find(all, json_string_value(c));
		if (found)
			print_candidate(&t, found);
	}
	json_array_foreach(all, i, c)
	{
		if (text(c, "removed"))
			print_candidate(&t, c);
	}
	table_close_to(&t, aligned, to);
}

static void print_moves(const json_t *decision, FILE *to)
{
	json_t *move;
	size_t i;

	json_array_foreach(json_object_get(decision, "moves"), i, move)
	{
		fprintf(to, "then %s: %s\n", text(move, "candidate"), text(move, "cause"));
	}
	if (text(decision, "chosen"))
		fprintf(to, "answered: %s\n", text(decision, "chosen"));
}

static void print_cache(const json_t *decision, FILE *to)
{
	const json_t *cache = json_object_get(decision, "cache");
	const char *why = text(cache, "why");

	if (text(cache, "event"))
		fprintf(to, "cache: %s%s%s\n", text(cache, "event"), why ? ", " : "",
			why ? why : "");
}

void explain_print(const char *json, bool aligned, FILE *to)
{
	json_t *decision = json ? json_loads(json, 0, NULL) : NULL;
	const json_t *plan = json_object_get(decision, "plan");

	if (plan && text(plan, "policy")) {
		fprintf(to, "%s%s%spolicy %s, about %" PRId64 " tokens\n",
			text(decision, "profile") ? "profile " : "",
			text(decision, "profile") ? text(decision, "profile") : "",
			text(decision, "profile") ? ", " : "", text(plan, "policy"),
			number(plan, "input_tokens"));
		if (text(plan, "refused"))
			fprintf(to, "the policy was not followed: %s\n", text(plan, "refused"));
		print_candidates(plan, aligned, to);
		print_moves(decision, to);
		print_cache(decision, to);
	}
	json_decref(decision);
}

static void show_plan(const ask *a)
{
	const char *json = a->result ? llm_result_decision(a->result, NULL) : NULL;
	json_t *o;

	if (!a->c->opt.json) {
		explain_print(json, a->c->term.out, stdout);
		return;
	}
	o = json ? json_loads(json, 0, NULL) : NULL;
	if (o)
		json_print(o);
}

static int plan_run(ctl *c)
{
	ask a = {.c = c, .err = LLM_ERR_INIT, .planning = true};
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	int32_t rc = ask_prepare(&a, &opts);
	int status = 0;

	opts.flags = LLM_CALL_EXPLAIN;
	if (c->opt.stream)
		opts.flags |= LLM_CALL_STREAM;
	if (!rc)
		rc = llm_plan(c->svc, a.rq, &opts, &a.call, &a.err);
	a.result = a.call ? llm_call_result(a.call) : NULL;
	show_plan(&a);
	if (rc && a.result && llm_result_decision(a.result, NULL)) {
		complain(&c->term, &a.err, NULL);
		status = complain_exit(a.err.code);
	} else if (rc) {
		status = ctl_fail(c, &a.err);
	}
	ask_done(&a);
	return status;
}

int route_explain_run(ctl *c)
{
	return c->opt.run ? replay_run(c) : plan_run(c);
}
