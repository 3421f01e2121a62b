/*
 * storage_rows.c - what only the full storage has: keys, answers, contents, leases,
 * statistics, retention.
 */
#include "storage_sql.h"

/* The last row that a question gave, texts too. */
typedef struct last {
	size_t n, size;
	union {
		llm_idem_row idem;
		llm_cache_row cache;
		llm_content_row content;
		llm_stage_row stage;
		llm_health_row health;
		llm_stat_row stat;
		llm_spend_row spend;
	} row;
	char text[256];
} last;

static int32_t keep(void *ctx, const void *row)
{
	last *l = ctx;

	memcpy(&l->row, row, l->size);
	if (l->size == sizeof(llm_cache_row))
		snprintf(l->text, sizeof(l->text), "%.*s", (int)l->row.cache.value.len,
			l->row.cache.value.ptr);
	if (l->size == sizeof(llm_idem_row))
		snprintf(l->text, sizeof(l->text), "%s", l->row.idem.state);
	if (l->size == sizeof(llm_stage_row))
		snprintf(l->text, sizeof(l->text), "%s", l->row.stage.status);
	if (l->size == sizeof(llm_health_row))
		snprintf(l->text, sizeof(l->text), "%s", l->row.health.state);
	if (l->size == sizeof(llm_stat_row))
		snprintf(l->text, sizeof(l->text), "%s", l->row.stat.key);
	l->n++;
	return 0;
}

static last ask(wire *c, uint32_t kind, size_t size, const char *workspace, const char *id)
{
	last l = {.size = size};
	llm_row_sink sink = {sizeof(sink), 0, &l, keep};
	llm_filter filter = LLM_FILTER_INIT;

	filter.workspace_id = workspace;
	filter.operation = "chat";
	filter.id = id;
	filter.group = LLM_GROUP_PROFILE;
	cr_assert_eq(wire_query(c, kind, &filter, &sink), 0, "%s", c->err.message);
	return l;
}

/* ---- leases ---- */

static uint32_t reap(wire *c, uint32_t limit)
{
	uint32_t n = 99;

	cr_assert_eq(wire_begin(c), 0);
	instance_begin(c->seat, NULL);
	cr_assert_eq(
		wire_said(c, "reap", c->s->v->reap(c->unit, limit, &n)), 0, "%s", c->err.message);
	cr_assert_eq(wire_commit(c), 0);
	return n;
}

static void beat(wire *c, const char *id, int64_t lease_us)
{
	llm_owner_row o = {sizeof(o), 0, id, LLM_UNKNOWN, lease_us, NULL};

	cr_assert_eq(wire_store(c, LLM_OP_OWNER_BEAT, &o), 0);
}

/* What is said of services, in the order of the answer. */
typedef struct owners {
	char said[400];
} owners;

static int32_t on_owner(void *ctx, const void *record)
{
	const llm_owner_row *row = record;
	owners *o = ctx;
	const size_t used = strlen(o->said);

	snprintf(o->said + used, sizeof(o->said) - used, "%s %s %s;", row->id,
		row->key_print ? row->key_print : "-", row->lease_us > 0 ? "lives" : "gone");
	cr_expect_gt(row->started_us, BEGUN_US);
	return 0;
}

static void play_owners(stand *s)
{
	llm_filter filter = LLM_FILTER_INIT;
	llm_owner_row row = {.struct_size = sizeof(row), .id = "a", .started_us = LLM_UNKNOWN};
	owners all = {0}, newest = {0};
	const llm_row_sink to_all = {sizeof(to_all), 0, &all, on_owner},
			   to_newest = {sizeof(to_newest), 0, &newest, on_owner};
	wire c = wire_open(s);

	if (!stand_query(s, LLM_QUERY_OWNERS)) {
		wire_close(&c);
		return;
	}
	row.key_print = "one";
	row.lease_us = 60000000;
	cr_assert_eq(wire_store(&c, LLM_OP_OWNER_BEAT, &row), 0);
	beat(&c, "b", 60000000);
	row.key_print = "two";
	row.lease_us = 0;
	cr_assert_eq(wire_store(&c, LLM_OP_OWNER_BEAT, &row), 0);
	cr_assert_eq(wire_query(&c, LLM_QUERY_OWNERS, &filter, &to_all), 0, "%s", c.err.message);
	cr_expect_str_eq(all.said, "b - lives;a one gone;");
	filter.limit = 1;
	cr_assert_eq(wire_query(&c, LLM_QUERY_OWNERS, &filter, &to_newest), 0);
	cr_expect_str_eq(newest.said, "b - lives;");
	wire_close(&c);
}

Test(storage_rows, R_PRIV_1_services_say_under_which_key_they_hash)
{
	play_everywhere(play_owners);
}

static void play_reaping(stand *s)
{
	char id[40];
	int i;
	wire c;

	c = wire_open(s);
	beat(&c, "owner-1", 60000000);
	beat(&c, "owner-2", 60000000);
	for (i = 0; i < 10; i++) {
		llm_run_row r = row_begin(W, id);

		snprintf(id, sizeof(id), ID("0%d"), i);
		r.owner_id = i < 6 ? "owner-1" : i < 9 ? "owner-2" : "nobody";
		cr_assert_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	}
	cr_expect_eq(reap(&c, 100), 1, "only nobody's");
	beat(&c, "owner-1", 0);
	cr_expect_eq(reap(&c, 4), 4, "in batches");
	cr_expect_eq(reap(&c, 4), 2);
	cr_expect_eq(reap(&c, 4), 0, "again does no harm");
	cr_expect_str_eq(ask_run(&c, W, ID("00"))->status, "abandoned");
	cr_expect_gt(ask_run(&c, W, ID("00"))->finished_us, BEGUN_US);
	cr_expect_str_eq(ask_run(&c, W, ID("06"))->status, "running");
	{
		llm_run_row f = row_finish(W, ID("00"), "succeeded");

		cr_expect_eq(
			wire_store(&c, LLM_OP_RUN_FINISH, &f), LLM_E_CONFLICT, "it was taken away");
	}
	wire_close(&c);
}

Test(storage_rows, R_RUN_5_reaping)
{
	play_in_full(play_reaping);
}

/* ---- idempotency keys ---- */

static int32_t claim(wire *c, const char *print, const char *owner, int64_t *ret_generation)
{
	llm_idem_row r = {.struct_size = sizeof(r),
		.workspace_id = W,
		.operation = "chat",
		.key_hash = "k",
		.fingerprint = print,
		.owner_id = owner,
		.run_id = ID("1")};
	llm_op_result result;

	cr_assert_eq(wire_begin(c), 0);
	cr_assert_eq(wire_put(c, LLM_OP_IDEM_CLAIM, &r, &result), 0, "%s", c->err.message);
	cr_assert_eq(wire_commit(c), 0);
	*ret_generation = result.generation;
	return result.code;
}

static int32_t settle(wire *c, const char *state, int64_t generation, int64_t ttl_us)
{
	llm_idem_row r = {.struct_size = sizeof(r),
		.workspace_id = W,
		.operation = "chat",
		.key_hash = "k",
		.state = state,
		.generation = generation,
		.response = {"answer", 6},
		.ttl_us = ttl_us};

	return wire_store(c, LLM_OP_IDEM_SETTLE, &r);
}

static void play_claims_and_settles(stand *s)
{
	int64_t g = 0;
	wire c;
	last l;

	c = wire_open(s);
	beat(&c, "owner-1", 60000000);
	cr_expect_eq(claim(&c, "p", "owner-1", &g), 0);
	cr_expect_eq(g, 1);
	cr_expect_eq(claim(&c, "p", "owner-2", &g), LLM_E_CONFLICT, "the lease holds");
	beat(&c, "owner-1", 0);
	cr_expect_eq(claim(&c, "other", "owner-2", &g), LLM_E_CONFLICT, "another request");
	cr_expect_eq(claim(&c, "p", "owner-2", &g), 0, "taken over");
	cr_expect_eq(g, 2);
	cr_expect_eq(settle(&c, "succeeded", 1, -1), LLM_E_CONFLICT, "the stale owner");
	cr_expect_eq(settle(&c, "claimed", 2, -1), LLM_E_CONFLICT, "no move");
	cr_expect_eq(settle(&c, "succeeded", 2, -1), 0);
	cr_expect_eq(settle(&c, "failed", 2, -1), LLM_E_CONFLICT, "an end is an end");
	l = ask(&c, LLM_QUERY_IDEM, sizeof(llm_idem_row), W, "k");
	cr_expect_eq(l.n, 1);
	cr_expect_str_eq(l.text, "succeeded");
	cr_expect_eq(l.row.idem.response.len, 6);
	cr_expect_eq(ask(&c, LLM_QUERY_IDEM, sizeof(llm_idem_row), "other", "k").n, 0);
	sql_edit(s, "UPDATE llm_idempotency SET expires_us = 5");
	cr_expect_eq(
		ask(&c, LLM_QUERY_IDEM, sizeof(llm_idem_row), W, "k").n, 0, "expired is absent");
	cr_expect_eq(claim(&c, "third", "owner-2", &g), 0);
	cr_expect_eq(settle(&c, "released", g, -1), 0);
	cr_expect_eq(claim(&c, "third", "owner-3", &g), 0, "released may be claimed");
	wire_close(&c);
}

Test(storage_rows, D_2_5_claims_and_settles)
{
	play_in_full(play_claims_and_settles);
}

/* ---- the rest of the tables ---- */

static void play_cached_answers(stand *s)
{
	llm_cache_row k = {.struct_size = sizeof(k),
		.workspace_id = W,
		.key = "key",
		.format_version = 1,
		.value_sha256 = "s",
		.value = {"one", 3},
		.created_us = 1,
		.expires_us = BEGUN_US * 2,
		.used_us = 1};
	wire c;
	last l;

	c = wire_open(s);
	cr_expect_eq(wire_store(&c, LLM_OP_CACHE_PUT, &k), 0);
	k.value = (llm_bytes){"two", 3};
	cr_expect_eq(wire_store(&c, LLM_OP_CACHE_PUT, &k), 0);
	cr_expect_eq(wire_store(&c, LLM_OP_CACHE_TOUCH, &k), 0);
	l = ask(&c, LLM_QUERY_CACHE, sizeof(k), W, "key");
	cr_expect_str_eq(l.text, "two", "a put replaces");
	cr_expect_gt(l.row.cache.used_us, BEGUN_US / 2, "a touch is now");
	cr_expect_eq(ask(&c, LLM_QUERY_CACHE, sizeof(k), "other", "key").n, 0);
	cr_expect_eq(wire_store(&c, LLM_OP_CACHE_DROP, &k), 0);
	cr_expect_eq(ask(&c, LLM_QUERY_CACHE, sizeof(k), W, "key").n, 0);
	wire_close(&c);
}

Test(storage_rows, D_2_5_cached_answers)
{
	play_in_full(play_cached_answers);
}

static void play_contents_stages_health(stand *s)
{
	llm_content_row t = {sizeof(t), 1, W, "hash", "prompt", {"\0x", 2}, 2, 1};
	llm_stage_row g = {.struct_size = sizeof(g),
		.workspace_id = W,
		.id = "s1",
		.run_id = "r",
		.name = "parse",
		.seq = 1,
		.attempt = 1,
		.status = "started",
		.started_us = 1,
		.finished_us = -1};
	llm_health_row h = {sizeof(h), 0, "a/b", "open", 5, "{}", 1};
	wire c;
	last l;

	c = wire_open(s);
	cr_expect_eq(wire_store(&c, LLM_OP_CONTENT_PUT, &t), 0);
	cr_expect_eq(wire_store(&c, LLM_OP_CONTENT_PUT, &t), 0, "it is there already");
	l = ask(&c, LLM_QUERY_CONTENT, sizeof(t), W, "hash");
	cr_expect(l.n == 1 && l.row.content.has_bytes && l.row.content.bytes.len == 2);
	cr_expect_eq(wire_store(&c, LLM_OP_STAGE_PUT, &g), 0);
	g.status = "succeeded";
	cr_expect_eq(wire_store(&c, LLM_OP_STAGE_PUT, &g), 0);
	l = ask(&c, LLM_QUERY_STAGES, sizeof(g), W, "r");
	cr_expect(l.n == 1 && strcmp(l.text, "succeeded") == 0);
	cr_expect_eq(wire_store(&c, LLM_OP_HEALTH_PUT, &h), 0);
	h.state = "closed";
	cr_expect_eq(wire_store(&c, LLM_OP_HEALTH_PUT, &h), 0);
	l = ask(&c, LLM_QUERY_HEALTH, sizeof(h), NULL, NULL);
	cr_expect(l.n == 1 && strcmp(l.text, "closed") == 0 && l.row.health.until_us == 5);
	wire_close(&c);
}

Test(storage_rows, D_2_5_contents_stages_health)
{
	play_in_full(play_contents_stages_health);
}

/* What was kept as a size alone is kept whole when it comes again to be kept; never back. */
static void play_a_hash_gains_its_bytes_and_does_not_lose_them(stand *s)
{
	llm_content_row size = {sizeof(size), 0, W, "hash", "prompt", {NULL, 0}, 3, 1};
	llm_content_row whole = {sizeof(whole), 1, W, "hash", "prompt", {"one", 3}, 3, 9};
	llm_content_row later = {sizeof(later), 1, W, "hash", "prompt", {"three", 5}, 5, 11};
	wire c;
	last l;

	c = wire_open(s);
	cr_expect_eq(wire_store(&c, LLM_OP_CONTENT_PUT, &size), 0);
	l = ask(&c, LLM_QUERY_CONTENT, sizeof(size), W, "hash");
	cr_expect(l.n == 1 && !l.row.content.has_bytes && l.row.content.created_us == 1);
	cr_expect_eq(wire_store(&c, LLM_OP_CONTENT_PUT, &whole), 0);
	cr_expect_eq(wire_store(&c, LLM_OP_CONTENT_PUT, &size), 0);
	cr_expect_eq(wire_store(&c, LLM_OP_CONTENT_PUT, &later), 0);
	l = ask(&c, LLM_QUERY_CONTENT, sizeof(size), W, "hash");
	cr_expect(l.n == 1 && l.row.content.has_bytes && l.row.content.created_us == 9);
	cr_expect_eq(l.row.content.bytes.len, 3);
	wire_close(&c);
}

Test(storage_rows, R_PRIV_1_a_hash_gains_its_bytes_and_does_not_lose_them)
{
	play_in_full(play_a_hash_gains_its_bytes_and_does_not_lose_them);
}

static void play_statistics(stand *s)
{
	llm_run_row r = row_begin(W, ID("1")), f = row_finish(W, ID("1"), "succeeded");
	wire c;
	last l;

	c = wire_open(s);
	wire_store(&c, LLM_OP_RUN_BEGIN, &r);
	f.duration_ms = 1583;
	f.cost_nanousd = 70;
	wire_store(&c, LLM_OP_RUN_FINISH, &f);
	l = ask(&c, LLM_QUERY_STATS, sizeof(llm_stat_row), W, NULL);
	cr_assert_eq(l.n, 1);
	cr_expect_str_eq(l.text, "fast");
	cr_expect_eq(l.row.stat.bucket_ms, 1500);
	cr_expect_eq(l.row.stat.width_ms, 100);
	cr_expect_eq(l.row.stat.cost_nanousd, 70);
	cr_expect_eq(l.row.stat.input_tokens, 11);
	l = ask(&c, LLM_QUERY_SPEND, sizeof(llm_spend_row), W, NULL);
	cr_expect(l.n == 1 && l.row.spend.cost_nanousd == 70 && l.row.spend.runs == 1);
	wire_close(&c);
}

Test(storage_rows, D_2_5_statistics)
{
	play_in_full(play_statistics);
}

static int32_t add_runs(void *ctx, const void *row)
{
	const llm_stat_row *r = row;

	snprintf((char *)ctx + strlen(ctx), 80, "%s %d; ", r->key, (int)r->runs);
	return 0;
}

/* Of one workspace, and of all of them, which is asked for by a name that no workspace has. */
static void play_statistics_of_all_workspaces_are_asked_for_by_name(stand *s)
{
	static const char *const said[][3] = {{"tenant-a", "tenant-a 1; ", "fast 1; "},
		{"*", "tenant-a 1; tenant-b 1; ", "fast 2; "}};
	llm_filter filter = LLM_FILTER_INIT;
	wire c;
	int i, by;

	c = wire_open(s);
	for (i = 0; i < 2; i++) {
		llm_run_row r = row_begin(i ? "tenant-b" : "tenant-a", ID("1"));

		wire_store(&c, LLM_OP_RUN_BEGIN, &r);
	}
	for (i = 0; i < 2; i++)
		for (by = 0; by < 2; by++) {
			char got[200] = "";
			llm_row_sink sink = {sizeof(sink), 0, got, add_runs};

			filter.workspace_id = said[i][0];
			filter.group = by ? LLM_GROUP_PROFILE : LLM_GROUP_WORKSPACE;
			cr_assert_eq(wire_query(&c, LLM_QUERY_STATS, &filter, &sink), 0);
			cr_expect_str_eq(got, said[i][1 + by]);
		}
	wire_close(&c);
}

Test(storage_rows, R_WS_5_statistics_of_all_workspaces_are_asked_for_by_name)
{
	play_in_full(play_statistics_of_all_workspaces_are_asked_for_by_name);
}

/* ---- retention ---- */

static uint32_t purge(wire *c, const llm_purge *what)
{
	uint32_t n = 0;

	cr_assert_eq(wire_begin(c), 0);
	instance_begin(c->seat, NULL);
	cr_assert_eq(
		wire_said(c, "purge", c->s->v->purge(c->unit, what, &n)), 0, "%s", c->err.message);
	cr_assert_eq(wire_commit(c), 0);
	return n;
}

static void fill(wire *c, const char *workspace)
{
	char id[40];
	int i;

	for (i = 0; i < 5; i++) {
		llm_run_row r = row_begin(workspace, id), f = row_finish(workspace, id, "failed");
		llm_attempt_row a = row_attempt(workspace, id, 1);
		llm_content_row t = {sizeof(t), 0, workspace, id, "prompt", {NULL, 0}, 7, BEGUN_US};

		snprintf(id, sizeof(id), ID("0%d"), i);
		r.created_us = BEGUN_US + i;
		wire_store(c, LLM_OP_RUN_BEGIN, &r);
		wire_store(c, LLM_OP_ATTEMPT_PUT, &a);
		wire_store(c, LLM_OP_CONTENT_PUT, &t);
		if (i != 1)
			wire_store(c, LLM_OP_RUN_FINISH, &f);
	}
}

static void play_retention(stand *s)
{
	llm_purge what = {.struct_size = sizeof(what),
		.contents_before_us = -1,
		.runs_before_us = BEGUN_US + 3,
		.limit = 1};
	wire c;

	c = wire_open(s);
	fill(&c, W);
	fill(&c, "other");
	what.workspace_id = W;
	cr_expect_eq(purge(&c, &what), 2, "an attempt and its run");
	cr_expect_gt(purge(&c, &what), 0, "goes on where it was");
	cr_expect_eq(purge(&c, &what), 0, "what runs, and what is younger, stays");
	cr_expect_eq(
		sql_number(s, "SELECT count(*) FROM llm_runs WHERE workspace_id = 'tenant-a'"), 3);
	cr_expect_eq(
		sql_number(s, "SELECT count(*) FROM llm_runs WHERE workspace_id = 'other'"), 5);
	what.workspace_id = "other";
	what.all_of_workspace = 1;
	what.limit = 2;
	while (purge(&c, &what))
		;
	cr_expect_eq(
		sql_number(s,
			"SELECT (SELECT count(*) FROM llm_runs WHERE workspace_id = 'other') + "
			"(SELECT count(*) FROM llm_attempts WHERE workspace_id = 'other') + "
			"(SELECT count(*) FROM llm_contents WHERE workspace_id = 'other')"),
		0, "every row of a workspace");
	cr_expect_eq(sql_number(s, "SELECT count(*) FROM llm_runs"), 3);
	wire_close(&c);
}

Test(storage_rows, R_PRIV_2_retention)
{
	play_in_full(play_retention);
}
