/*
 * simulate.c - "llmctl route simulate FILE": whom a policy would have asked, and what would
 * have come of it.
 */
#include "llm/simulate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/input.h"
#include "io/json.h"
#include "io/table.h"
#include "setup/ctl.h"

#define FILE_MAX ((size_t)64 * 1024 * 1024)

static int64_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void cell_number(table *t, const char *before, int64_t value)
{
	char cell[48];

	snprintf(cell, sizeof(cell), "%s%" PRId64, before, value);
	table_cell(t, cell);
}

/* "a > b > c" */
static void cell_ids(table *t, const json_t *list)
{
	char cell[1024] = "";
	size_t used = 0, i;
	json_t *id;
	int n;

	json_array_foreach(list, i, id)
	{
		n = snprintf(cell + used, sizeof(cell) - used, "%s%s", i ? " > " : "",
			json_string_value(id));
		if (n < 0 || (size_t)n >= sizeof(cell) - used)
			break;
		used += (size_t)n;
	}
	table_cell(t, cell);
}

static void print_plans(const json_t *report, bool aligned)
{
	char at[48];
	json_t *run;
	size_t i;
	table t;

	table_open(&t);
	json_array_foreach(json_object_get(report, "plans"), i, run)
	{
		snprintf(at, sizeof(at), "%" PRId64 " ms", number(run, "at_ms"));
		table_cell(&t, at);
		cell_ids(&t, json_object_get(run, "plan"));
		table_cell(&t, text(run, "reason"));
		cell_ids(&t, json_object_get(run, "asked"));
		table_cell(&t, text(run, "answered") ? text(run, "answered") : text(run, "error"));
		if (number(run, "wait_ms") >= 0)
			cell_number(&t, "", number(run, "wait_ms"));
		else
			table_cell(&t, "");
		table_row_end(&t);
	}
	table_close(&t, aligned);
}

static void print_sums(const json_t *report, bool aligned)
{
	json_t *c;
	size_t i;
	table t;

	printf("%s: %" PRId64 " runs, %" PRId64 " answered, %" PRId64 " failed",
		text(report, "policy"), number(report, "runs"), number(report, "answered"),
		number(report, "failed"));
	if (number(report, "answered") > 0)
		printf("; first token after %" PRId64 " ms (median), %" PRId64 " ms (p99)",
			number(report, "wait_p50_ms"), number(report, "wait_p99_ms"));
	putchar('\n');
	table_open(&t);
	json_array_foreach(json_object_get(report, "candidates"), i, c)
	{
		table_cell(&t, text(c, "id"));
		cell_number(&t, "first in ", number(c, "first"));
		cell_number(&t, "asked ", number(c, "asked"));
		cell_number(&t, "answered ", number(c, "answered"));
		table_row_end(&t);
	}
	table_close(&t, aligned);
}

/* A policy that was not followed is said once. */
static void note_refusal(const ctl *c, const json_t *report)
{
	json_t *run;
	size_t i;
	char line[400];

	json_array_foreach(json_object_get(report, "plans"), i, run)
	{
		if (!text(run, "refused"))
			continue;
		snprintf(line, sizeof(line),
			"policy %s was not followed in run %" PRId64
			": %s; the order of the file held",
			text(report, "policy"), number(run, "run"), text(run, "refused"));
		complain_note(&c->term, "warning", line);
		return;
	}
}

static int show(const ctl *c, const char *json)
{
	llm_err err = LLM_ERR_INIT;
	json_t *report = json_loads(json, 0, NULL);

	if (!report) {
		complain_set(&err, LLM_E_NOMEM, "no memory to show the report");
		return ctl_fail(c, &err);
	}
	note_refusal(c, report);
	if (!c->opt.json) {
		if (c->opt.plans)
			print_plans(report, c->term.out);
		print_sums(report, c->term.out);
		json_decref(report);
		return 0;
	}
	if (!c->opt.plans)
		json_object_del(report, "plans");
	json_print(report);
	return 0;
}

int route_simulate_run(ctl *c)
{
	const char *path = c->opt.words.n ? c->opt.words.items[0] : NULL;
	llm_simulate_opts how = LLM_SIMULATE_OPTS_INIT;
	input_bytes file = {NULL, 0};
	llm_simulation *s = NULL;
	llm_err err = LLM_ERR_INIT;
	int32_t rc;
	int status;

	if (!path) {
		complain_set(&err, LLM_E_INVALID_REQUEST,
			"which file? llmctl route simulate FILE\nTry: llmctl help route simulate");
		return ctl_fail(c, &err);
	}
	how.name = path;
	how.policy = c->opt.policy;
	rc = input_file(path, FILE_MAX, &file, &err);
	if (!rc)
		rc = ctl_where(c, &err);
	if (!rc)
		rc = llm_simulate(&c->opts, file.data, file.len, &how, &s, &err);
	status = rc ? ctl_fail(c, &err) : show(c, llm_simulation_json(s, NULL));
	llm_simulation_free(s);
	free(file.data);
	return status;
}
