/*
 * storage_runs.c - what every storage plugin does with runs and attempts.
 */
#include "storage_help.h"

static void moves(stand *s)
{
	static const char *const from[] = {
		"pending", "running", "succeeded", "failed", "cancelled"};
	static const char *const to[] = {"succeeded", "failed", "cancelled", "running", "pending"};
	static const char allowed[5][5] = {"01100", "11100", "00000", "00000", "00000"};
	wire c = wire_open(s);
	size_t i, j;
	char id[40];

	for (i = 0; i < 5; i++)
		for (j = 0; j < 5; j++) {
			llm_run_row r = row_begin(W, id), f = row_finish(W, id, to[j]);

			snprintf(id, sizeof(id), ID("%zu") "-%zu", i, j);
			if (i == 0)
				r.status = "pending";
			cr_assert_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
			if (i > 1) {
				f.status = from[i];
				cr_assert_eq(wire_store(&c, LLM_OP_RUN_FINISH, &f), 0);
				f.status = to[j];
				f.version = 2;
			}
			cr_expect_eq(wire_store(&c, LLM_OP_RUN_FINISH, &f),
				allowed[i][j] == '1' ? 0 : LLM_E_CONFLICT, "%s to %s", from[i],
				to[j]);
			cr_expect_str_eq(
				ask_run(&c, W, id)->status, allowed[i][j] == '1' ? to[j] : from[i]);
		}
	wire_close(&c);
}

Test(storage_runs, R_RUN_1_moves)
{
	play_everywhere(moves);
}

static void versions(stand *s)
{
	wire c = wire_open(s);
	llm_run_row r = row_begin(W, ID("1")), f = row_finish(W, ID("1"), "failed");

	r.status = "pending";
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	r.status = "running";
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0, "pending moves to running");
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), LLM_E_CONFLICT, "it is running");
	cr_expect_eq(ask_run(&c, W, ID("1"))->version, 2);
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_FINISH, &f), LLM_E_CONFLICT, "version 1 is gone");
	f.version = 2;
	f.error_code = "TIMEOUT";
	f.delivered = 0;
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_FINISH, &f), 0);
	cr_expect_eq(ask_run(&c, W, ID("1"))->delivered, 0);
	f.version = 3;
	f.status = "succeeded";
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_FINISH, &f), LLM_E_CONFLICT, "an end is an end");
	cr_expect_eq(ask_run(&c, W, ID("1"))->version, 3);
	cr_expect_str_eq(ask_run(&c, W, ID("1"))->error_code, "TIMEOUT");
	f = row_finish(W, ID("9"), "failed");
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_FINISH, &f), LLM_E_CONFLICT, "no such run");
	wire_close(&c);
}

Test(storage_runs, R_RUN_1_versions)
{
	play_everywhere(versions);
}

static void unknown(stand *s)
{
	wire c = wire_open(s);
	llm_run_row r = row_begin(W, ID("1")), f = row_finish(W, ID("1"), "succeeded");
	const llm_run_row *got;

	wire_store(&c, LLM_OP_RUN_BEGIN, &r);
	got = ask_run(&c, W, ID("1"));
	cr_expect_eq(got->input_tokens, LLM_UNKNOWN);
	cr_expect_null(got->provider);
	cr_expect_eq(got->started_us, BEGUN_US + 5);
	wire_store(&c, LLM_OP_RUN_FINISH, &f);
	got = ask_run(&c, W, ID("1"));
	cr_expect_eq(got->input_tokens, 11);
	cr_expect_eq(got->output_tokens, 0, "reported as zero");
	cr_expect_eq(got->reasoning_tokens, LLM_UNKNOWN, "not reported");
	cr_expect_eq(got->delivered, LLM_UNKNOWN, "nobody said");
	cr_expect_eq(got->cost_nanousd, LLM_UNKNOWN, "no price is not a price of zero");
	cr_expect_null(got->error_code);
	cr_expect_str_eq(got->profile, "fast", "what the end does not say stays");
	cr_expect_eq(got->created_us, BEGUN_US);
	cr_expect_eq(got->started_us, BEGUN_US + 5);
	wire_close(&c);
}

Test(storage_runs, R_RUN_2_unknown_is_not_zero)
{
	play_everywhere(unknown);
}

static void attempts(stand *s)
{
	wire c = wire_open(s);
	llm_run_row r = row_begin(W, ID("1"));
	llm_attempt_row a = row_attempt(W, ID("1"), 2);
	llm_op_result result;
	const found *f;

	wire_store(&c, LLM_OP_RUN_BEGIN, &r);
	a.id = ID("2");
	a.error_code = "RATE_LIMITED";
	a.http_status = 429;
	cr_expect_eq(wire_store(&c, LLM_OP_ATTEMPT_PUT, &a), 0);
	a = row_attempt(W, ID("1"), 1);
	cr_expect_eq(wire_store(&c, LLM_OP_ATTEMPT_PUT, &a), 0);
	f = ask_attempts(&c, W, ID("1"));
	cr_assert_eq(f->n, 2, "%zu", f->n);
	cr_expect_eq(f->attempts[0].seq, 1);
	cr_expect_eq(f->attempts[0].http_status, LLM_UNKNOWN);
	cr_expect_eq(f->attempts[1].http_status, 429);
	cr_expect_str_eq(f->attempts[1].error_code, "RATE_LIMITED");
	cr_assert_eq(wire_begin(&c), 0);
	a.model = "another";
	a.id = ID("3");
	cr_expect_eq(wire_put(&c, LLM_OP_ATTEMPT_PUT, &a, &result), 0);
	cr_expect_eq(result.code, 0);
	cr_expect_eq(result.changed, 0, "it is there already");
	cr_assert_eq(wire_commit(&c), 0);
	cr_expect_str_eq(ask_attempts(&c, W, ID("1"))->attempts[0].model, "small");
	cr_expect_eq(ask_attempts(&c, "tenant-b", ID("1"))->n, 0);
	wire_close(&c);
}

Test(storage_runs, R_RUN_3_one_row_for_each_attempt)
{
	play_everywhere(attempts);
}

static void workspaces(stand *s)
{
	static const char *const names[] = {"tenant-a", "tenant-b", "Tenant-a", "tenant-a "};
	wire c = wire_open(s);
	llm_filter filter = LLM_FILTER_INIT;
	size_t i;

	for (i = 0; i < 4; i++) {
		llm_run_row r = row_begin(names[i], ID("1"));

		r.requested_model = names[i];
		cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0, "one id, another workspace");
	}
	for (i = 0; i < 4; i++) {
		filter.workspace_id = names[i];
		cr_expect_eq(ask_runs(&c, &filter)->n, 1, "%s", names[i]);
		cr_expect_str_eq(ask_run(&c, names[i], ID("1"))->requested_model, names[i]);
	}
	{
		llm_run_row f = row_finish("tenant-b", ID("1"), "failed");

		cr_expect_eq(wire_store(&c, LLM_OP_RUN_FINISH, &f), 0);
	}
	cr_expect_str_eq(ask_run(&c, "tenant-a", ID("1"))->status, "running");
	cr_expect_str_eq(ask_run(&c, "tenant-b", ID("1"))->status, "failed");
	cr_expect_null(ask_run(&c, "tenant-c", ID("1")));
	wire_close(&c);
}

Test(storage_runs, R_WS_4_workspaces_share_nothing)
{
	play_everywhere(workspaces);
}

Test(storage_runs, R_WS_5_a_read_names_its_workspace)
{
	play_everywhere(workspaces);
}

static void pages(stand *s)
{
	wire c = wire_open(s);
	llm_filter filter = LLM_FILTER_INIT;
	const found *f;
	char id[40], cursor[40] = "";
	size_t seen = 0, i;

	for (i = 0; i < 25; i++) {
		llm_run_row r = row_begin(W, id);

		snprintf(id, sizeof(id), ID("%02zu"), (i * 7) % 25);
		r.created_us = BEGUN_US + (int64_t)i;
		cr_assert_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	}
	filter.workspace_id = W;
	filter.limit = 10;
	do {
		f = ask_runs(&c, &filter);
		for (i = 1; i < f->n; i++)
			cr_expect_gt(strcmp(f->runs[i - 1].id, f->runs[i].id), 0);
		seen += f->n;
		if (f->n)
			snprintf(cursor, sizeof(cursor), "%s", f->runs[f->n - 1].id);
		filter.cursor = cursor;
	} while (f->n == 10);
	cr_expect_eq(seen, 25, "%zu", seen);
	cr_expect_str_eq(cursor, ID("00"));
	filter.cursor = NULL;
	filter.limit = 0;
	cr_expect_eq(ask_runs(&c, &filter)->n, 0, "no rows means no rows");
	wire_close(&c);
}

Test(storage_runs, D_2_5_pages_newest_first)
{
	play_everywhere(pages);
}

/* One member of a filter set, and how many runs of `filters` then fit. */
typedef struct narrow {
	size_t member;
	const char *text; /* null: `number` */
	int64_t number;
	size_t fit;
} narrow;

#define F(m) offsetof(llm_filter, m)
static const narrow narrows[] = {
	{F(status), "failed", 0, 1},
	{F(status), "succeeded", 0, 0},
	{F(profile), "slow", 0, 1},
	{F(provider), "ollama", 0, 1},
	{F(model), "small", 0, 1},
	{F(error_code), "TIMEOUT", 0, 1},
	{F(parent_run_id), ID("1"), 0, 1},
	{F(text), "4711", 0, 1},
	{F(text), "first token", 0, 1},
	{F(text), "IMEOU", 0, 1},
	{F(text), "ollama/", 0, 2},
	{F(text), "%", 0, 0},
	{F(cursor), ID("2"), 0, 1},
	{F(from_id), ID("2"), 0, 1},
	{F(from_id), ID("1"), 0, 2},
	{F(from_id), "01900000-0001", 0, 0},
	{F(from_us), NULL, BEGUN_US + 100, 1},
	{F(to_us), NULL, BEGUN_US + 100, 1},
	{F(min_cost_nanousd), NULL, 500, 1},
	{F(min_cost_nanousd), NULL, 501, 0},
	{F(min_duration_ms), NULL, 1500, 1},
	{F(limit), NULL, 1, 1},
};

static void check_filters(wire *c)
{
	llm_filter filter;
	size_t i;

	for (i = 0; i < sizeof(narrows) / sizeof(narrows[0]); i++) {
		const narrow *n = &narrows[i];

		filter = (llm_filter)LLM_FILTER_INIT;
		filter.workspace_id = W;
		if (n->text)
			memcpy((char *)&filter + n->member, &n->text, sizeof(n->text));
		else
			memcpy((char *)&filter + n->member, &n->number, sizeof(n->number));
		cr_expect_eq(ask_runs(c, &filter)->n, n->fit, "narrow %zu", i);
	}
	filter = (llm_filter)LLM_FILTER_INIT;
	filter.workspace_id = W;
	filter.status = "failed";
	filter.profile = "slow";
	cr_expect_eq(ask_runs(c, &filter)->n, 0, "all must fit");
}

static void filters(stand *s)
{
	wire c = wire_open(s);
	llm_run_row r = row_begin(W, ID("1")), f = row_finish(W, ID("1"), "failed");

	wire_store(&c, LLM_OP_RUN_BEGIN, &r);
	f.error_code = "TIMEOUT";
	f.error_message = "the first token did not come";
	f.cost_nanousd = 500;
	wire_store(&c, LLM_OP_RUN_FINISH, &f);
	r.id = ID("2");
	r.profile = "slow";
	r.parent_run_id = ID("1");
	r.created_us = BEGUN_US + 100;
	r.metadata_json = "{\"ticket\":\"4711\"}";
	wire_store(&c, LLM_OP_RUN_BEGIN, &r);
	check_filters(&c);
	wire_close(&c);
}

Test(storage_runs, D_2_5_filters)
{
	play_everywhere(filters);
}
