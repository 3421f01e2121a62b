/*
 * storage_hostile.c - SQL, quotes, comments, parameters and control characters by chance, in
 * every text of a run, in its keys and in what is asked for: all of it is only text (K-10).
 *
 * LLM_TEST_HOSTILE=ROWS: so many runs in each storage, each with 26 texts; else 1200.
 */
#include "storage_help.h"

#include <inttypes.h>
#include <sys/random.h>

#define BATCH 40 /* runs of a workspace, in one transaction */
#define TEXT 40
#define BEGIN_TEXTS 5 /* owner_id to operation */
#define FINISH_TEXTS 8 /* requested_model to error_message */
#define HASH_TEXTS 10 /* request_hash to span_id */
#define TEXTS (BEGIN_TEXTS + FINISH_TEXTS + HASH_TEXTS + 1)

typedef struct batch {
	char workspace[TEXT + 16];
	char ids[BATCH][TEXT + 16];
	char texts[BATCH][TEXTS][TEXT];
	llm_run_row begin[BATCH], finish[BATCH];
} batch;

static batch b;
static uint64_t state; /* of chance */

static uint64_t chance(uint64_t below)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % below;
}

static void say(char ret[TEXT])
{
	static const char *const pieces[] = {"'", "''", "\"", "\\", "\\'", "`", ";", "--", "/*",
		"*/", "$1", "$$", "?", "?1", ":a", "@b", "%s", "%n", "%27", "{}", "[", ")", "\n",
		"\r\n", "\t", "\x01", "\x7f", "\xc3\xa9", "\xf0\x9f\x98\x80", "\xef\xbf\xbf",
		"NULL", "0x27", "' OR '1'='1", "'; DROP TABLE llm_runs; --", " UNION SELECT ",
		"'||version()||'", "E'\\x27'", "U&'\\0027'", "x", " "};
	size_t len = 0, n = 1 + chance(5);

	for (ret[0] = '\0'; n--;) {
		const char *piece = pieces[chance(sizeof(pieces) / sizeof(pieces[0]))];

		if (len + strlen(piece) >= TEXT)
			break;
		memcpy(ret + len, piece, strlen(piece) + 1);
		len += strlen(piece);
	}
}

/* The texts of one run, in the order of b.texts. */
static size_t members(llm_run_row *begin, llm_run_row *finish, const char **ret[TEXTS])
{
	const char **t;
	size_t n = 0;

	for (t = &begin->owner_id; t <= &begin->operation; t++)
		ret[n++] = t;
	for (t = &finish->requested_model; t <= &finish->error_message; t++)
		ret[n++] = t;
	for (t = &finish->request_hash; t <= &finish->span_id; t++)
		ret[n++] = t;
	ret[n++] = &finish->price_version;
	return n;
}

/* Each key ends in a number, by which a row is found again. */
static void fill(unsigned number)
{
	const char **at[TEXTS];
	size_t i, k;

	say(b.workspace);
	snprintf(b.workspace + strlen(b.workspace), 12, "#%u", number);
	for (i = 0; i < BATCH; i++) {
		say(b.ids[i]);
		snprintf(b.ids[i] + strlen(b.ids[i]), 12, "#%zu", i);
		b.begin[i] = row_begin(b.workspace, b.ids[i]);
		b.finish[i] = row_finish(b.workspace, b.ids[i], "failed");
		cr_assert_eq(members(&b.begin[i], &b.finish[i], at), TEXTS);
		for (k = 0; k < TEXTS; k++) {
			say(b.texts[i][k]);
			*at[k] = b.texts[i][k];
		}
	}
}

static void apply(wire *c, uint32_t kind, const llm_run_row *rows)
{
	llm_op ops[BATCH];
	llm_op_result results[BATCH];
	const llm_op *op_list[BATCH];
	llm_op_result *result_list[BATCH];
	size_t i;

	for (i = 0; i < BATCH; i++) {
		ops[i] = (llm_op){sizeof(ops[i]), kind, &rows[i]};
		results[i] = (llm_op_result){.struct_size = sizeof(results[i])};
		op_list[i] = &ops[i];
		result_list[i] = &results[i];
	}
	instance_begin(c->seat, NULL);
	cr_assert_eq(wire_said(c, "apply", c->s->v->apply(c->unit, op_list, BATCH, result_list)), 0,
		"%s", c->err.message);
	for (i = 0; i < BATCH; i++)
		cr_assert_eq(results[i].changed, 1);
}

static void expect_row(const llm_run_row *row)
{
	const char **at[TEXTS];
	llm_run_row got = *row;
	size_t i, k;

	i = (size_t)strtoul(strrchr(row->id, '#') + 1, NULL, 10);
	cr_assert_lt(i, BATCH);
	cr_assert_str_eq(row->id, b.ids[i]);
	cr_assert_str_eq(row->workspace_id, b.workspace);
	cr_assert_eq(members(&got, &got, at), TEXTS);
	for (k = 0; k < TEXTS; k++)
		cr_assert_str_eq(*at[k], b.texts[i][k], "text %zu of a run", k);
}

/* All of the workspace, and what filters find of it. */
static void expect_found(wire *c)
{
	llm_filter filter = LLM_FILTER_INIT;
	const found *f;
	size_t i;

	filter.workspace_id = b.workspace;
	f = ask_runs(c, &filter);
	cr_assert_eq(f->n, BATCH);
	for (i = 0; i < BATCH; i++)
		expect_row(&f->runs[i]);
	filter.profile = b.begin[7].profile;
	filter.provider = b.finish[7].provider;
	filter.model = b.finish[7].resolved_model;
	filter.error_code = b.finish[7].error_code;
	filter.text = b.finish[7].error_message;
	filter.parent_run_id = b.begin[7].parent_run_id;
	cr_assert_geq(ask_runs(c, &filter)->n, 1);
	filter.cursor = filter.status = b.texts[8][0];
	cr_assert_eq(ask_runs(c, &filter)->n, 0, "no status is called so");
}

static unsigned batches_of(const stand *s)
{
	const char *rows = getenv("LLM_TEST_HOSTILE");

	if (strcmp(s->p->name, "memstore") == 0)
		return 1;
	return rows ? (unsigned)strtoul(rows, NULL, 10) / BATCH : 30;
}

static void hostile(stand *s)
{
	wire c = wire_open(s);
	const llm_run_row bystander = row_begin(W, ID("1"));
	unsigned n = batches_of(s), i;

	cr_assert_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &bystander), 0);
	for (i = 0; i < n; i++) {
		fill(i);
		cr_assert_eq(wire_begin(&c), 0, "%s", c.err.message);
		apply(&c, LLM_OP_RUN_BEGIN, b.begin);
		apply(&c, LLM_OP_RUN_FINISH, b.finish);
		cr_assert_eq(wire_commit(&c), 0, "%s", c.err.message);
		expect_found(&c);
	}
	cr_expect_str_eq(ask_run(&c, W, ID("1"))->status, "running");
	wire_close(&c);
}

Test(storage_hostile, K_10_whatever_is_said_is_only_text)
{
	cr_assert_eq(getrandom(&state, sizeof(state), 0), (ssize_t)sizeof(state));
	fprintf(stderr, "seed %" PRIu64 "\n", state);
	play_everywhere(hostile);
}
