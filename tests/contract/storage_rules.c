/*
 * storage_rules.c - rules that hold for every table: whose rows are seen, and what is left of a
 * workspace that was deleted. The tables are those of the catalogue, also later ones.
 */
#include "storage_sql.h"

#define TABLES 8 /* with a workspace; a new one has to be filled here too */

/* ---- rows in every table ---- */

static void fill_run(wire *c, const char *workspace)
{
	llm_run_row r = row_begin(workspace, ID("1")), f = row_finish(workspace, ID("1"), "failed");
	llm_attempt_row a = row_attempt(workspace, ID("1"), 1);
	llm_stage_row g = {.struct_size = sizeof(g),
		.workspace_id = workspace,
		.id = "s1",
		.run_id = ID("1"),
		.name = "parse",
		.seq = 1,
		.attempt = 1,
		.status = "started",
		.started_us = 1,
		.finished_us = -1};

	cr_assert_eq(wire_store(c, LLM_OP_RUN_BEGIN, &r), 0, "%s", c->err.message);
	cr_assert_eq(wire_store(c, LLM_OP_RUN_FINISH, &f), 0, "%s", c->err.message);
	cr_assert_eq(wire_store(c, LLM_OP_ATTEMPT_PUT, &a), 0, "%s", c->err.message);
	cr_assert_eq(wire_store(c, LLM_OP_STAGE_PUT, &g), 0, "%s", c->err.message);
	g.id = "s2";
	g.run_id = "a run that is not there";
	cr_assert_eq(wire_store(c, LLM_OP_STAGE_PUT, &g), 0, "%s", c->err.message);
	a = row_attempt(workspace, "a run that is not there", 1);
	cr_assert_eq(wire_store(c, LLM_OP_ATTEMPT_PUT, &a), 0, "%s", c->err.message);
}

static void fill_rest(wire *c, const char *workspace)
{
	llm_content_row t = {
		sizeof(t), 1, workspace, "hash", "prompt", {workspace, 8}, 8, BEGUN_US};
	llm_idem_row i = {.struct_size = sizeof(i),
		.workspace_id = workspace,
		.operation = "chat",
		.key_hash = "k",
		.fingerprint = "f",
		.owner_id = workspace,
		.ttl_us = 3600000000};
	llm_cache_row k = {.struct_size = sizeof(k),
		.workspace_id = workspace,
		.key = "key",
		.format_version = 1,
		.value_sha256 = "s",
		.value = {workspace, 8},
		.created_us = 1,
		.expires_us = BEGUN_US * 2,
		.used_us = 1};
	llm_owner_row o = {sizeof(o), 0, workspace, LLM_UNKNOWN, 60000000, NULL};
	llm_budget_row b = {.struct_size = sizeof(b),
		.workspace_id = workspace,
		.profile = "",
		.run_id = ID("1"),
		.period = "total",
		.span_us = LLM_UNKNOWN,
		.limit_nanousd = 9,
		.usual_nanousd = 2,
		.nanousd = 1};

	cr_assert_eq(wire_store(c, LLM_OP_CONTENT_PUT, &t), 0, "%s", c->err.message);
	cr_assert_eq(wire_store(c, LLM_OP_OWNER_BEAT, &o), 0, "%s", c->err.message);
	cr_assert_eq(wire_store(c, LLM_OP_IDEM_CLAIM, &i), 0, "%s", c->err.message);
	cr_assert_eq(wire_store(c, LLM_OP_CACHE_PUT, &k), 0, "%s", c->err.message);
	cr_assert_eq(wire_store(c, LLM_OP_BUDGET_HOLD, &b), 0, "%s", c->err.message);
}

static void fill(wire *c, const char *workspace)
{
	fill_run(c, workspace);
	fill_rest(c, workspace);
}

/* How many tables with a workspace have rows of it; all that there are in *ret_all. */
static unsigned tables_with(const stand *s, const char *workspace, unsigned *ret_all)
{
	char names[1000], sql[200], *name, *rest = NULL;
	unsigned n = 0;

	*ret_all = 0;
	sql_tables(s, names, sizeof(names));
	for (name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE workspace_id = '%s'",
			name, workspace);
		n += sql_number(s, sql) > 0;
		++*ret_all;
	}
	return n;
}

/* ---- purging ---- */

static int32_t purge(wire *c, const llm_purge *what, uint32_t *ret_n)
{
	int32_t rc;

	cr_assert_eq(wire_begin(c), 0);
	instance_begin(c->seat, NULL);
	rc = wire_said(c, "purge", c->s->v->purge(c->unit, what, ret_n));
	cr_assert_eq(rc ? wire_rollback(c) : wire_commit(c), 0);
	return rc;
}

static void play_a_deleted_workspace_leaves_no_row_in_any_table(stand *s)
{
	llm_purge what = {.struct_size = sizeof(what),
		.workspace_id = "tenant-b",
		.contents_before_us = -1,
		.runs_before_us = -1,
		.all_of_workspace = 1,
		.limit = 1};
	uint32_t n = 1;
	unsigned all;
	wire c;

	c = wire_open(s);
	fill(&c, "tenant-a");
	fill(&c, "tenant-b");
	cr_assert_eq(tables_with(s, "tenant-b", &all), TABLES);
	cr_assert_eq(all, TABLES, "every table with a workspace has rows");
	while (n)
		cr_assert_eq(purge(&c, &what, &n), 0, "%s", c.err.message);
	cr_expect_eq(tables_with(s, "tenant-b", &all), 0);
	cr_expect_eq(tables_with(s, "tenant-a", &all), TABLES);
	wire_close(&c);
}

Test(storage_rules, R_PRIV_2_a_deleted_workspace_leaves_no_row_in_any_table)
{
	play_in_full(play_a_deleted_workspace_leaves_no_row_in_any_table);
}

/* Children first: whenever it stops, no attempt and no stage is without its run. */
static void play_by_age_in_every_workspace_and_in_batches(stand *s)
{
	static const char orphans[] =
		"SELECT count(*) FROM llm_attempts a WHERE a.run_id NOT LIKE 'a run%' AND NOT EXISTS "
		"(SELECT 1 FROM llm_runs r WHERE r.workspace_id = a.workspace_id AND r.id = a.run_id)";
	llm_purge what = {.struct_size = sizeof(what),
		.contents_before_us = BEGUN_US + 1,
		.runs_before_us = BEGUN_US + 1,
		.limit = 1};
	uint32_t n = 1, batches = 0;
	wire c;

	c = wire_open(s);
	fill(&c, "tenant-a");
	fill(&c, "tenant-b");
	sql_edit(s,
		"UPDATE llm_contents SET created_us = created_us + 1 "
		"WHERE workspace_id = 'tenant-b'");
	for (; n; batches++) {
		cr_assert_eq(purge(&c, &what, &n), 0, "%s", c.err.message);
		cr_expect_leq(n, 6, "one row of a table at a time");
		cr_expect_eq(sql_number(s, orphans), 0);
	}
	cr_expect_gt(batches, 2);
	cr_expect_eq(sql_number(s, "SELECT count(*) FROM llm_runs"), 0);
	cr_expect_eq(sql_number(s, "SELECT count(*) FROM llm_contents"), 1, "the younger");
	what.limit = 1001;
	cr_expect_eq(purge(&c, &what, &n), LLM_E_INVALID_REQUEST, "more than a batch");
	wire_close(&c);
}

Test(storage_rules, R_PRIV_2_by_age_in_every_workspace_and_in_batches)
{
	play_in_full(play_by_age_in_every_workspace_and_in_batches);
}

/* ---- whose rows are seen ---- */

typedef struct seen {
	size_t n;
	char text[40]; /* of a cached answer or of content */
} seen;

static int32_t see_cache(void *ctx, const void *row)
{
	const llm_cache_row *r = row;
	seen *s = ctx;

	snprintf(s->text, sizeof(s->text), "%.*s", (int)r->value.len, r->value.ptr);
	s->n++;
	return 0;
}

static int32_t see_content(void *ctx, const void *row)
{
	const llm_content_row *r = row;
	seen *s = ctx;

	snprintf(s->text, sizeof(s->text), "%.*s", (int)r->bytes.len, r->bytes.ptr);
	s->n++;
	return 0;
}

static int32_t see_idem(void *ctx, const void *row)
{
	const llm_idem_row *r = row;
	seen *s = ctx;

	snprintf(s->text, sizeof(s->text), "%s", r->owner_id);
	s->n++;
	return 0;
}

static int32_t see_other(void *ctx, const void *row)
{
	(void)row;
	((seen *)ctx)->n++;
	return 0;
}

static const struct question {
	uint32_t kind;
	const char *id;
	int32_t (*row)(void *ctx, const void *row);
} questions[] = {{LLM_QUERY_CACHE, "key", see_cache}, {LLM_QUERY_CONTENT, "hash", see_content},
	{LLM_QUERY_IDEM, "k", see_idem}, {LLM_QUERY_RUN, ID("1"), see_other},
	{LLM_QUERY_RUNS, NULL, see_other}, {LLM_QUERY_ATTEMPTS, ID("1"), see_other},
	{LLM_QUERY_STAGES, ID("1"), see_other}};

static seen look_for(wire *c, const struct question *q, const char *workspace)
{
	seen s = {0};
	llm_row_sink sink = {sizeof(sink), 0, &s, q->row};
	llm_filter filter = LLM_FILTER_INIT;

	filter.workspace_id = workspace;
	filter.operation = "chat";
	filter.id = q->id;
	cr_assert_eq(wire_query(c, q->kind, &filter, &sink), 0, "%s", c->err.message);
	return s;
}

/* Equal ids, keys and hashes in both: each sees its own, a third one nothing. */
static void play_runs_contents_keys_and_cached_answers_are_not_shared(stand *s)
{
	size_t i;
	seen got;
	wire c;

	c = wire_open(s);
	fill(&c, "tenant-a");
	fill(&c, "Tenant-a");
	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		got = look_for(&c, &questions[i], "tenant-a");
		cr_expect_eq(got.n, 1, "question %u: %zu", questions[i].kind, got.n);
		if (questions[i].row != see_other)
			cr_expect_str_eq(got.text, "tenant-a");
		got = look_for(&c, &questions[i], "Tenant-a");
		cr_expect_eq(got.n, 1, "question %u: %zu", questions[i].kind, got.n);
		if (questions[i].row != see_other)
			cr_expect_str_eq(got.text, "Tenant-a");
		cr_expect_eq(look_for(&c, &questions[i], "tenant-b").n, 0);
	}
	wire_close(&c);
}

Test(storage_rules, R_WS_4_runs_contents_keys_and_cached_answers_are_not_shared)
{
	play_in_full(play_runs_contents_keys_and_cached_answers_are_not_shared);
}

/* No question goes by an id alone: without a workspace none finds anything. */
static void play_without_a_workspace_nothing_is_found(stand *s)
{
	wire c = wire_open(s);
	size_t i;

	fill(&c, "tenant-a");
	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		cr_expect_eq(look_for(&c, &questions[i], NULL).n, 0);
	wire_close(&c);
}

Test(storage_rules, R_WS_5_without_a_workspace_nothing_is_found)
{
	play_in_full(play_without_a_workspace_nothing_is_found);
}
