/*
 * replay.c - "llmctl route explain --run ID": the plan of a recorded run, made again from the
 * snapshot that stands with it.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask/ask.h"
#include "io/json.h"
#include "llm/explain.h"
#include "setup/store.h"

typedef struct found {
	bool run;
	char *decision; /* or null */
} found;

static int32_t take_run(void *ctx, const void *row)
{
	const llm_run_row *r = row;
	found *f = ctx;

	f->run = true;
	if (!r->decision_json)
		return 0;
	f->decision = strdup(r->decision_json);
	return f->decision ? 0 : LLM_E_NOMEM;
}

static int32_t find(const store *st, const char *id, found *ret, llm_err *err)
{
	llm_row_sink sink = {sizeof(sink), 0, ret, take_run};
	llm_filter f = LLM_FILTER_INIT;
	int32_t rc;

	f.workspace_id = st->workspace;
	f.id = id;
	rc = llm_records_read(st->unit, LLM_QUERY_RUN, &f, &sink, err);
	if (!rc && !ret->run)
		return complain_set(err, LLM_E_NOT_FOUND,
			"workspace %.60s has no run %.60s\nTry: llmctl runs list", st->workspace,
			id);
	if (!rc && !ret->decision)
		return complain_set(err, LLM_E_NOT_FOUND,
			"no decision is on record for run %.60s: it has not ended yet, or it ended "
			"before there was a plan\nTry: llmctl runs show %.60s",
			id, id);
	return rc;
}

/* A run is shown as it was; what shapes a request belongs to another question. */
static int32_t check(const ctl_options *o, llm_err *err)
{
	if (o->model || o->profile || o->candidates || o->system || o->local_only || o->stream ||
		o->user || o->images.n || o->options.n || o->words.n)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--run shows a run as it was planned: no question and no option of a "
			"request goes with it");
	return 0;
}

/* The order of a plan on one line. */
static void in_order(const json_t *plan, char *to, size_t cap)
{
	json_t *id;
	size_t i, used = 0;
	int n;

	to[0] = '\0';
	json_array_foreach(json_object_get(plan, "plan"), i, id)
	{
		n = snprintf(to + used, cap - used, "%s%s", i ? " > " : "", json_string_value(id));
		used += (size_t)n;
		if (used >= cap)
			return;
	}
}

/* The same bytes, or whoever asks is told: policy or options are others than they were. */
static int compare(const ctl *c, const char *recorded, const char *replayed)
{
	json_t *was = json_loads(recorded, 0, NULL), *is = json_loads(replayed, 0, NULL);
	const json_t *plan = json_object_get(was, "plan");
	const int same = json_equal(plan, json_object_get(is, "plan"));
	char line[1200], order[1000];

	if (!same) {
		in_order(plan, order, sizeof(order));
		snprintf(line, sizeof(line),
			"the record differs (its order is %s): the policy or its options have changed",
			order);
		complain_note(&c->term, "note", line);
	}
	json_decref(was);
	json_decref(is);
	return same ? 0 : 1;
}

static int show_both(const ctl *c, const char *recorded, const char *replayed)
{
	json_t *o;

	if (!c->opt.json) {
		explain_print(replayed, c->term.out, stdout);
		return compare(c, recorded, replayed);
	}
	o = json_loads(replayed, 0, NULL);
	if (o)
		json_print(o);
	return compare(c, recorded, replayed);
}

int replay_run(ctl *c)
{
	store st = {NULL, NULL, NULL};
	llm_err err = LLM_ERR_INIT;
	llm_replay *replay = NULL;
	found f = {false, NULL};
	int32_t rc = check(&c->opt, &err);
	int status;

	if (!rc)
		rc = store_open(c, STORE_WORKSPACE | STORE_READ, &st, &err);
	if (!rc)
		rc = find(&st, c->opt.run, &f, &err);
	if (!rc)
		rc = llm_replay_new(&c->opts, f.decision, strlen(f.decision), &replay, &err);
	status = rc ? ctl_fail(c, &err) :
		      show_both(c, f.decision, llm_replay_decision(replay, NULL));
	llm_replay_free(replay);
	free(f.decision);
	store_close(&st);
	return status;
}
