/*
 * runs_keep.c - "llmctl runs purge" and "reap": small transactions, repeated until nothing is
 * left, so that others may write in between and an interrupted one can be taken up again.
 */
#include <stdio.h>

#include "io/json.h"
#include "runs.h"

#define BATCH 1000

static void say(const ctl *c, const char *what, const char *schema, uint64_t n)
{
	json_t *o;

	if (!c->opt.json) {
		printf("%llu %s\n", (unsigned long long)n, what);
		return;
	}
	o = json_object();
	json_object_set_new(o, "schema", json_text(schema));
	json_object_set_new(o, "rows", json_integer((json_int_t)n));
	json_print(o);
}

/* One batch in a transaction of its own; `what` null: reap. */
static int32_t batch(llm_unit *u, const llm_purge *what, uint32_t *ret_n, llm_err *err)
{
	int32_t rc = llm_unit_begin(u, err);

	if (rc)
		return rc;
	rc = what ? llm_records_purge(u, what, ret_n, err) : llm_runs_reap(u, BATCH, ret_n, err);
	if (!rc)
		return llm_unit_commit(u, err);
	llm_unit_rollback(u, NULL);
	return rc;
}

static int32_t repeat(llm_unit *u, const llm_purge *what, uint64_t *ret_n, llm_err *err)
{
	uint32_t n = 0;
	int32_t rc;

	do {
		rc = batch(u, what, &n, err);
		*ret_n += rc ? 0 : n;
	} while (!rc && n);
	return rc;
}

/* What is deleted: a whole workspace, or by age; without a word what is usual (R-PRIV-2). */
static int32_t read_purge(const ctl_options *o, const char *workspace, llm_purge *ret, llm_err *err)
{
	const int64_t now = runs_now_us();
	llm_purge p = {.struct_size = sizeof(p),
		.workspace_id = workspace,
		.contents_before_us = -1,
		.runs_before_us = -1,
		.limit = BATCH,
		.expired = 1};
	int32_t rc = 0;

	if (o->all && (o->older_than || o->content_older_than || !o->workspace))
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--all deletes everything of one workspace, whatever its age: it goes "
			"with --workspace NAME and with nothing else");
	p.all_of_workspace = o->all;
	if (!rc && !o->all)
		rc = runs_when("older-than", o->older_than ? o->older_than : "400d", now,
			&p.runs_before_us, err);
	if (!rc && !o->all)
		rc = runs_when("content-older-than",
			o->content_older_than ? o->content_older_than :
				o->older_than ? o->older_than :
						"30d",
			now, &p.contents_before_us, err);
	if (!rc)
		*ret = p;
	return rc;
}

int runs_purge_run(ctl *c)
{
	llm_err err = LLM_ERR_INIT;
	store st;
	llm_purge p;
	uint64_t n = 0;
	int32_t rc = store_open(c, STORE_WORKSPACE, &st, &err);

	if (!rc)
		rc = read_purge(&c->opt, st.workspace, &p, &err);
	if (!rc)
		rc = repeat(st.unit, &p, &n, &err);
	store_close(&st);
	if (rc)
		return ctl_fail(c, &err);
	say(c, "rows deleted", "llm.purge/1", n);
	return 0;
}

int runs_reap_run(ctl *c)
{
	llm_err err = LLM_ERR_INIT;
	store st;
	uint64_t n = 0;
	int32_t rc = store_open(c, 0, &st, &err);

	if (!rc)
		rc = repeat(st.unit, NULL, &n, &err);
	store_close(&st);
	if (rc)
		return ctl_fail(c, &err);
	say(c, "runs marked as abandoned", "llm.reap/1", n);
	return 0;
}
