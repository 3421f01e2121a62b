/*
 * storage_units.c - connections, transactions and operations of every storage plugin.
 */
#include "storage_help.h"

static void commits(stand *s)
{
	wire a = wire_open(s), b = wire_open(s);
	llm_run_row r = row_begin(W, ID("1"));
	llm_op_result result;

	cr_assert_eq(wire_begin(&a), 0);
	cr_assert_eq(wire_put(&a, LLM_OP_RUN_BEGIN, &r, &result), 0);
	cr_expect_eq(result.code, 0);
	cr_expect_eq(result.changed, 1);
	cr_expect_not_null(ask_run(&a, W, ID("1")), "its own writes are seen");
	cr_expect_null(ask_run(&b, W, ID("1")), "others see it when it is committed");
	cr_assert_eq(wire_commit(&a), 0);
	cr_expect_not_null(ask_run(&b, W, ID("1")));
	wire_close(&a);
	wire_close(&b);
	a = wire_open(s);
	cr_expect_not_null(ask_run(&a, W, ID("1")), "it outlives its connections");
	wire_close(&a);
}

Test(storage_units, R_UOW_2_committed_is_seen)
{
	play_everywhere(commits);
}

static void rolls_back(stand *s)
{
	wire c = wire_open(s);
	llm_run_row r = row_begin(W, ID("1")), f = row_finish(W, ID("1"), "succeeded");
	llm_attempt_row a = row_attempt(W, ID("1"), 1);
	llm_op_result result;

	wire_store(&c, LLM_OP_RUN_BEGIN, &r);
	cr_assert_eq(wire_begin(&c), 0);
	cr_assert_eq(wire_put(&c, LLM_OP_RUN_FINISH, &f, &result), 0);
	cr_assert_eq(wire_put(&c, LLM_OP_ATTEMPT_PUT, &a, &result), 0);
	cr_assert_eq(wire_rollback(&c), 0);
	cr_expect_str_eq(ask_run(&c, W, ID("1"))->status, "running");
	cr_expect_eq(ask_run(&c, W, ID("1"))->input_tokens, LLM_UNKNOWN);
	cr_expect_eq(ask_attempts(&c, W, ID("1"))->n, 0);
	cr_assert_eq(wire_begin(&c), 0);
	cr_assert_eq(wire_put(&c, LLM_OP_RUN_FINISH, &f, &result), 0);
	wire_close(&c);
	c = wire_open(s);
	cr_expect_str_eq(ask_run(&c, W, ID("1"))->status, "running", "close rolls back");
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_FINISH, &f), 0, "and leaves nothing locked");
	wire_close(&c);
}

Test(storage_units, R_UOW_6_rolled_back_is_gone)
{
	play_everywhere(rolls_back);
}

static void states(stand *s)
{
	wire c = wire_open(s);
	llm_run_row r = row_begin(W, ID("1"));
	llm_op_result result;

	cr_expect_eq(wire_put(&c, LLM_OP_RUN_BEGIN, &r, &result), LLM_E_STATE);
	cr_expect(c.err.message[0] && !strstr(c.err.message, "without saying why"));
	cr_expect_eq(wire_commit(&c), LLM_E_STATE);
	cr_expect_eq(wire_rollback(&c), 0, "nothing open is no error");
	cr_assert_eq(wire_begin(&c), 0);
	cr_expect_eq(wire_begin(&c), LLM_E_STATE, "it is open");
	cr_expect_eq(wire_put(&c, LLM_OP_RUN_BEGIN, &r, &result), 0, "and still is");
	cr_expect_eq(wire_commit(&c), 0);
	cr_expect_eq(wire_commit(&c), LLM_E_STATE);
	cr_expect_not_null(ask_run(&c, W, ID("1")));
	wire_close(&c);
}

Test(storage_units, D_2_5_work_needs_a_transaction)
{
	play_everywhere(states);
}

/* Who comes second waits for the first: for its transaction, or for the row that both write. */
static void one_writer(stand *s)
{
	wire a = wire_open(s), b;
	llm_run_row r = row_begin(W, ID("1"));
	llm_op_result result;

	cr_assert_eq(wire_try(s, &b, s->many ? "lock_timeout" : "busy_timeout", "20"), 0, "%s",
		b.err.message);
	cr_assert_eq(wire_begin(&a), 0);
	if (s->many) {
		cr_assert_eq(wire_put(&a, LLM_OP_RUN_BEGIN, &r, &result), 0);
		cr_assert_eq(wire_begin(&b), 0, "%s", b.err.message);
		cr_expect_eq(wire_put(&b, LLM_OP_RUN_BEGIN, &r, &result), LLM_E_DB_BUSY);
		r.id = ID("2");
	} else {
		cr_expect_eq(wire_begin(&b), LLM_E_DB_BUSY);
	}
	cr_expect(b.err.message[0] && !strstr(b.err.message, "without saying why"));
	cr_assert_eq(wire_rollback(&b), 0);
	cr_expect_null(ask_run(&b, W, ID("1")), "a reader is not held up");
	cr_assert_eq(wire_commit(&a), 0);
	cr_expect_eq(wire_store(&b, LLM_OP_RUN_BEGIN, &r), 0);
	wire_close(&a);
	wire_close(&b);
}

Test(storage_units, R_UOW_8_a_second_writer_is_busy)
{
	play_everywhere(one_writer);
}

static void groups(stand *s)
{
	wire c = wire_open(s);
	llm_run_row a = row_begin(W, ID("1")), b = row_begin(W, ID("2"));
	llm_run_row f = row_finish(W, ID("1"), "succeeded");
	llm_attempt_row t = row_attempt(W, ID("1"), 1);
	llm_op o[] = {{sizeof(o[0]), LLM_OP_RUN_BEGIN, &a}, {sizeof(o[0]), LLM_OP_RUN_BEGIN, &b},
		{sizeof(o[0]), LLM_OP_RUN_BEGIN, &a}, {sizeof(o[0]), LLM_OP_ATTEMPT_PUT, &t},
		{sizeof(o[0]), LLM_OP_RUN_FINISH, &f}};
	const llm_op *ops[] = {&o[0], &o[1], &o[2], &o[3], &o[4]};
	llm_op_result r[5] = {{0}}, *results[] = {&r[0], &r[1], &r[2], &r[3], &r[4]};

	cr_assert_eq(wire_begin(&c), 0);
	instance_begin(c.seat, NULL);
	cr_assert_eq(wire_said(&c, "apply", s->v->apply(c.unit, ops, 5, results)), 0, "%s",
		c.err.message);
	cr_assert_eq(wire_commit(&c), 0);
	cr_expect_eq(r[0].code, 0);
	cr_expect_eq(r[1].code, 0);
	cr_expect_eq(r[2].code, LLM_E_CONFLICT, "a conflict is that operation's alone");
	cr_expect_eq(r[3].code, 0);
	cr_expect_eq(r[4].code, 0, "in the order given");
	cr_expect_str_eq(ask_run(&c, W, ID("1"))->status, "succeeded");
	cr_expect_str_eq(ask_run(&c, W, ID("2"))->status, "running");
	wire_close(&c);
}

Test(storage_units, D_2_5_a_group_in_one_call)
{
	play_everywhere(groups);
}

static void unsupported(stand *s)
{
	wire c = wire_open(s);
	llm_run_row r = row_begin(W, ID("1"));
	llm_filter filter = LLM_FILTER_INIT;
	llm_row_sink sink = {sizeof(sink), 0, NULL, found_run};
	llm_op_result result;
	uint32_t kind;

	cr_assert_eq(wire_begin(&c), 0);
	for (kind = 0; kind < 64; kind++)
		if (!stand_op(s, kind))
			cr_expect_eq(
				wire_put(&c, kind, &r, &result), LLM_E_UNSUPPORTED, "%u", kind);
	cr_expect_eq(wire_put(&c, UINT32_MAX, &r, &result), LLM_E_UNSUPPORTED);
	cr_assert_eq(wire_rollback(&c), 0);
	filter.workspace_id = W;
	for (kind = 0; kind < 64; kind++)
		if (!stand_query(s, kind))
			cr_expect_eq(wire_query(&c, kind, &filter, &sink), LLM_E_UNSUPPORTED, "%u",
				kind);
	cr_expect_eq(wire_query(&c, UINT32_MAX, &filter, &sink), LLM_E_UNSUPPORTED);
	wire_close(&c);
}

Test(storage_units, D_2_5_what_it_does_not_list_it_refuses)
{
	play_everywhere(unsupported);
}

static void stops(stand *s)
{
	static found f;
	wire c = wire_open(s);
	llm_filter filter = LLM_FILTER_INIT;
	llm_row_sink sink = {sizeof(sink), 0, &f, found_run};
	llm_run_row r = row_begin(W, ID("1"));

	wire_store(&c, LLM_OP_RUN_BEGIN, &r);
	r.id = ID("2");
	wire_store(&c, LLM_OP_RUN_BEGIN, &r);
	filter.workspace_id = W;
	memset(&f, 0, sizeof(f));
	f.stop_at = 1;
	cr_expect_eq(wire_query(&c, LLM_QUERY_RUNS, &filter, &sink), LLM_E_CANCELLED);
	cr_expect_eq(f.n, 1);
	cr_expect_eq(ask_runs(&c, &filter)->n, 2, "the next question is not disturbed");
	wire_close(&c);
}

Test(storage_units, D_2_5_a_sink_stops_a_question)
{
	play_everywhere(stops);
}

/* Every text member, with what would end a statement, a string or a comment. */
static void hostile_texts(stand *s)
{
	static const char evil[] = "'; DROP TABLE llm_runs; --\" \\ /* ?1 :a $b @c %s ` \xc3\xa9\n";
	wire c = wire_open(s);
	llm_run_row r = row_begin(evil, evil), f = row_finish(evil, evil, "failed");
	llm_filter filter = LLM_FILTER_INIT;
	const llm_run_row *got;
	const char **t;

	for (t = &r.owner_id; t <= &r.operation; t++)
		*t = evil;
	for (t = &f.requested_model; t <= &f.error_message; t++)
		*t = evil;
	f.price_version = evil;
	for (t = &f.request_hash; t <= &f.span_id; t++)
		*t = evil;
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_FINISH, &f), 0);
	got = ask_run(&c, evil, evil);
	cr_assert_not_null(got);
	for (t = (const char **)&got->owner_id; t <= (const char **)&got->operation; t++)
		cr_expect_str_eq(*t, evil);
	for (t = (const char **)&got->requested_model; t <= (const char **)&got->error_message; t++)
		cr_expect_str_eq(*t, evil);
	for (t = (const char **)&got->request_hash; t <= (const char **)&got->span_id; t++)
		cr_expect_str_eq(*t, evil);
	filter.workspace_id = filter.profile = filter.provider = filter.model = evil;
	filter.error_code = filter.text = filter.parent_run_id = evil;
	filter.status = "failed";
	cr_expect_eq(ask_runs(&c, &filter)->n, 1);
	wire_close(&c);
}

Test(storage_units, K_10_sql_in_every_text)
{
	play_everywhere(hostile_texts);
}

static void large(stand *s)
{
	static char json[60000];
	wire c = wire_open(s);
	llm_run_row r = row_begin(W, ID("1"));

	memset(json, 'x', sizeof(json) - 1);
	r.decision_json = json;
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	cr_expect_str_eq(ask_run(&c, W, ID("1"))->decision_json, json);
	wire_close(&c);
}

Test(storage_units, D_2_5_large_texts)
{
	play_everywhere(large);
}

static void described(stand *s)
{
	const llm_storage_info *info = s->p->storage_info;

	cr_expect_str_eq(info->name, s->p->name);
	cr_expect(stand_op(s, LLM_OP_RUN_BEGIN) && stand_op(s, LLM_OP_RUN_FINISH));
	cr_expect(stand_query(s, LLM_QUERY_RUN) && stand_query(s, LLM_QUERY_RUNS));
	cr_expect_not_null(info->config_keys[0]);
	cr_expect_str_eq(info->config_keys[0]->name, "dsn");
}

Test(storage_units, D_2_5_describes_itself)
{
	play_everywhere(described);
}
