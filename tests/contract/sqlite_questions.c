/* sqlite_questions.c - questions of jobs, and an operation without which a job is nothing. */
#include "runner_help.h"
#include "sqlite_help.h"
#include "support/failalloc.h"

#define HOUR_US INT64_C(3600000000)

typedef struct desk {
	stand s;
	llm_storage *st;
	llm_unit *u;
} desk;

static void desk_open(desk *d, const llm_allocator *mem)
{
	char dsn[sizeof(help_path) + 8];
	const char *settings[] = {dsn, NULL};
	llm_err err = LLM_ERR_INIT;

	sqlite_stand(&d->s);
	snprintf(dsn, sizeof(dsn), "dsn=%s", d->s.dsn);
	cr_assert_eq(storage_new(d->s.p, settings, mem, NULL, &d->st, &err), 0, "%s", err.message);
	cr_assert_eq(llm_unit_open(d->st, &d->u, &err), 0, "%s", err.message);
}

static void desk_close(desk *d)
{
	llm_unit_close(d->u);
	llm_storage_free(d->st);
	stand_down(&d->s);
}

static int32_t commit(desk *d, llm_job *const *jobs, uint32_t n)
{
	llm_err err = LLM_ERR_INIT;
	int32_t rc = llm_unit_begin(d->u, &err);

	cr_assert_eq(rc, 0, "%s", err.message);
	rc = llm_jobs_run(jobs, n, d->u, &err);
	if (!rc)
		return llm_unit_commit(d->u, &err);
	llm_unit_rollback(d->u, NULL);
	return rc;
}

static llm_idem_row a_claim(const char *owner)
{
	return (llm_idem_row){.struct_size = sizeof(llm_idem_row),
		.workspace_id = W,
		.operation = "chat",
		.key_hash = "k",
		.fingerprint = "f",
		.owner_id = owner,
		.run_id = ID("1")};
}

static llm_filter of_key(const char *key)
{
	llm_filter f = LLM_FILTER_INIT;

	f.workspace_id = W;
	f.operation = "chat";
	f.id = key;
	return f;
}

static void beat(llm_job *j, const char *owner)
{
	llm_owner_row *o = arena_new(job_arena(j), sizeof(*o));

	*o = (llm_owner_row){sizeof(*o), 0, owner, LLM_UNKNOWN, HOUR_US, NULL};
	cr_assert_eq(job_add(j, LLM_OP_OWNER_BEAT, o), 0);
}

/* Who does not get the key reads in the same transaction who has it. */
Test(sqlite_questions, R_IDEM_4_a_claim_that_is_refused_reads_the_row_in_its_unit)
{
	llm_idem_row first = a_claim("one"), second = a_claim("two");
	llm_job *a = job_new(mem_default(), 2, 0, NULL, NULL),
		*b = job_new(mem_default(), 2, 0, NULL, NULL);
	llm_job *both[] = {a, b};
	char key[] = "k";
	llm_filter f = of_key(key);
	const llm_idem_row *row;
	size_t n = 7;
	desk d;

	desk_open(&d, mem_default());
	beat(a, "one");
	cr_assert_eq(job_add(a, LLM_OP_IDEM_CLAIM, &first), 0);
	cr_assert_eq(job_add(b, LLM_OP_IDEM_CLAIM, &second), 0);
	cr_assert_eq(job_ask(b, LLM_QUERY_IDEM, &f), 0);
	key[0] = 'x'; /* its texts are the job's */
	cr_expect_null(job_answer(b, 0, &n));
	cr_expect_eq(n, 0);
	cr_assert_eq(commit(&d, both, 2), 0);
	cr_expect_eq(a->results[1]->code, 0);
	cr_expect_eq(a->results[1]->generation, 1);
	cr_expect_eq(b->results[0]->code, LLM_E_CONFLICT);
	row = *job_answer(b, 0, &n);
	cr_assert_eq(n, 1);
	cr_expect_str_eq(row->owner_id, "one");
	cr_expect_str_eq(row->fingerprint, "f");
	cr_expect_str_eq(row->state, "claimed");
	cr_expect_eq(row->generation, 1);
	cr_expect_gt(row->lease_left_us, 0);
	cr_expect_null(row->error_code);
	cr_expect_null(job_answer(b, 1, &n));
	cr_expect_eq(n, 0);
	job_free(a);
	job_free(b);
	desk_close(&d);
}

/* Each kind with its texts and bytes; run twice the answer is that of the last time. */
Test(sqlite_questions, R_UOW_2_answers_are_copies_of_the_last_time)
{
	static const char value[] = "a\0b";
	llm_cache_row c = {.struct_size = sizeof(c),
		.workspace_id = W,
		.key = "k",
		.run_id = ID("1"),
		.candidate_id = "ollama/a",
		.format_version = 1,
		.value_sha256 = "s",
		.value = {value, 3},
		.created_us = 1,
		.expires_us = 2,
		.used_us = 1};
	llm_health_row h = {sizeof(h), 0, "ollama/a", "open", 7, "{}", 8};
	llm_job *j = job_new(mem_default(), 2, 0, NULL, NULL);
	llm_filter f = of_key("k");
	const llm_cache_row *cached;
	const llm_health_row *health;
	const llm_spend_row *spend;
	size_t n;
	desk d;

	desk_open(&d, mem_default());
	cr_assert_eq(job_add(j, LLM_OP_CACHE_PUT, &c), 0);
	cr_assert_eq(job_add(j, LLM_OP_HEALTH_PUT, &h), 0);
	cr_assert_eq(job_ask(j, LLM_QUERY_CACHE, &f), 0);
	cr_assert_eq(job_ask(j, LLM_QUERY_SPEND, &f), 0);
	cr_assert_eq(job_ask(j, LLM_QUERY_HEALTH, &f), 0);
	cr_expect_eq(job_ask(j, LLM_QUERY_STATS, &f), LLM_E_UNSUPPORTED);
	cr_assert_eq(commit(&d, &j, 1), 0);
	cr_assert_eq(commit(&d, &j, 1), 0);
	cached = *job_answer(j, 0, &n);
	cr_assert_eq(n, 1);
	cr_expect_str_eq(cached->candidate_id, "ollama/a");
	cr_assert_eq(cached->value.len, 3);
	cr_expect_eq(memcmp(cached->value.ptr, value, 3), 0);
	cr_expect_neq(cached->value.ptr, value);
	spend = *job_answer(j, 1, &n);
	cr_assert_eq(n, 1);
	cr_expect_eq(spend->runs, 0);
	health = *job_answer(j, 2, &n);
	cr_assert_eq(n, 1);
	cr_expect_str_eq(health->state, "open");
	cr_expect_eq(health->until_us, 7);
	job_free(j);
	desk_close(&d);
}

Test(sqlite_questions, R_UOW_2_a_job_of_questions_only_and_one_without_an_answer)
{
	llm_job *j = job_new(mem_default(), 0, 0, NULL, NULL);
	llm_filter f = of_key("nobody");
	size_t n = 1;
	desk d;

	desk_open(&d, mem_default());
	cr_assert_eq(job_ask(j, LLM_QUERY_IDEM, &f), 0);
	cr_assert_eq(commit(&d, &j, 1), 0);
	cr_expect_null(job_answer(j, 0, &n));
	cr_expect_eq(n, 0);
	job_free(j);
	desk_close(&d);
}

/* What was to depend on the refused operation is not there either. */
Test(sqlite_questions, R_IDEM_6_a_refused_settle_takes_its_whole_unit_back)
{
	llm_idem_row stale = a_claim("one");
	llm_run_row run = row_begin(W, ID("1"));
	llm_job *j = job_new(mem_default(), 2, 0, NULL, NULL);
	desk d;
	wire c;

	stale.state = "succeeded";
	stale.generation = 1;
	stale.ttl_us = 1;
	desk_open(&d, mem_default());
	cr_assert_eq(job_add(j, LLM_OP_RUN_BEGIN, &run), 0);
	cr_assert_eq(job_add(j, LLM_OP_IDEM_SETTLE, &stale), 0);
	job_insist(j, LLM_E_IDEMPOTENCY_LOST);
	cr_expect_eq(commit(&d, &j, 1), LLM_E_IDEMPOTENCY_LOST);
	c = wire_open(&d.s);
	cr_expect_null(ask_run(&c, W, ID("1")));
	wire_close(&c);
	job_free(j);
	desk_close(&d);
}

/* ---- without memory ---- */

static int play(failalloc *fa, void *arg)
{
	desk *d = arg;
	llm_job *j = job_new(&fa->hook, 1, 0, NULL, NULL);
	llm_filter f = of_key("k");
	int32_t rc = 0;
	size_t n = 0;

	if (!j)
		return 0;
	rc = job_ask(j, LLM_QUERY_IDEM, &f);
	if (!rc)
		rc = job_ask(j, LLM_QUERY_HEALTH, &f);
	if (!rc)
		rc = commit(d, &j, 1);
	if (!rc && (!job_answer(j, 0, &n) || n != 1 || !job_answer(j, 1, &n) || n != 3))
		rc = LLM_E_INTERNAL;
	job_free(j);
	return rc == LLM_E_NOMEM ? 0 : rc;
}

Test(sqlite_questions, a_lack_of_memory_is_told_and_leaves_nothing)
{
	static const char *const names[] = {"a", "b", "c"};
	llm_job *j = job_new(mem_default(), 5, 0, NULL, NULL);
	llm_idem_row claim = a_claim("one");
	llm_health_row h[3];
	desk d;
	size_t i;

	desk_open(&d, mem_default());
	beat(j, "one");
	cr_assert_eq(job_add(j, LLM_OP_IDEM_CLAIM, &claim), 0);
	for (i = 0; i < 3; i++) {
		h[i] = (llm_health_row){sizeof(h[i]), 0, names[i], "open", 7, "{}", 8};
		cr_assert_eq(job_add(j, LLM_OP_HEALTH_PUT, &h[i]), 0);
	}
	cr_assert_eq(commit(&d, &j, 1), 0);
	job_free(j);
	cr_expect_eq(failalloc_sweep(play, &d), 0);
	desk_close(&d);
}
