/*
 * store_outbox.c - jobs that wait for room, to a port that the test opens and closes.
 */
#include "store/outbox.h"

#include <criterion/criterion.h>

#include "base/alloc.h"

typedef struct gate {
	llm_job_port port;
	size_t room;
	llm_job *got[16];
	size_t n;
	int32_t refuse;
} gate;

static int32_t gate_submit(void *ctx, llm_job *j)
{
	gate *g = ctx;

	if (g->refuse)
		return g->refuse;
	if (g->n == g->room)
		return LLM_E_QUEUE_FULL;
	g->got[g->n++] = j;
	return 0;
}

static gate gate_open(gate *g, size_t room)
{
	return (gate){.port = {.struct_size = sizeof(g->port), .ctx = g, .submit = gate_submit},
		.room = room};
}

/* Which jobs ended, and how. */
typedef struct ends {
	int32_t code[16];
	size_t n;
} ends;

static void on_done(void *ctx, const llm_op_result *const *results, size_t n, const llm_err *why)
{
	ends *e = ctx;

	(void)n;
	cr_expect_eq(results == NULL, why != NULL);
	e->code[e->n++] = why ? why->code : 0;
}

static llm_job *job(ends *e, int droppable)
{
	llm_job *j = job_new(mem_default(), 1, droppable, on_done, e);

	cr_assert_not_null(j);
	return j;
}

Test(store_outbox, R_UOW_10_waits_for_room_in_order)
{
	gate g = gate_open(&g, 1);
	ends e = {0};
	llm_job *a = job(&e, 0), *b = job(&e, 0), *c = job(&e, 0);
	outbox o;

	outbox_init(&o, &g.port);
	outbox_put(&o, a, 100);
	outbox_put(&o, b, 100);
	outbox_put(&o, c, 100);
	cr_expect(g.n == 0 && o.n == 3, "they go together");
	outbox_pump(&o);
	cr_expect(g.n == 1 && g.got[0] == a && o.n == 2);
	g.room = 2;
	outbox_pump(&o);
	cr_expect(g.n == 2 && g.got[1] == b && o.n == 1, "no overtaking");
	g.room = 16;
	outbox_pump(&o);
	cr_expect(g.n == 3 && g.got[2] == c && o.n == 0);
	outbox_put(&o, job(&e, 0), 100);
	outbox_pump(&o);
	cr_expect(g.n == 4 && o.n == 0 && !o.full);
	while (g.n)
		llm_job_done(g.got[--g.n], LLM_JOB_COMMITTED, NULL);
	cr_expect_eq(e.n, 4);
	cr_expect_eq(e.code[3], 0);
}

Test(store_outbox, R_UOW_10_ends_at_the_deadline_with_db_busy)
{
	gate g = gate_open(&g, 0);
	ends e = {0};
	outbox o;

	outbox_init(&o, &g.port);
	outbox_put(&o, job(&e, 0), 100);
	outbox_put(&o, job(&e, 0), 50);
	outbox_put(&o, job(&e, 0), 200);
	cr_expect_eq(outbox_expire(&o, 40), 50);
	cr_expect_eq(outbox_expire(&o, 60), 100);
	cr_expect_eq(e.n, 1);
	cr_expect_eq(e.code[0], LLM_E_DB_BUSY);
	cr_expect_eq(outbox_expire(&o, 300), UINT64_MAX);
	cr_expect(o.n == 0 && o.expired == 3 && e.n == 3);
	g.room = 1;
	outbox_put(&o, job(&e, 0), 400);
	outbox_pump(&o);
	cr_expect_eq(g.n, 1, "it goes on afterwards");
	llm_job_done(g.got[0], LLM_JOB_ROLLED_BACK, NULL);
	cr_expect_eq(e.code[3], LLM_E_PERSISTENCE);
}

Test(store_outbox, R_UOW_10_only_telemetry_is_dropped)
{
	gate g = gate_open(&g, 0);
	ends e = {0};
	llm_err why = LLM_ERR_INIT;
	outbox o;

	outbox_init(&o, &g.port);
	outbox_put(&o, job(&e, 1), 100);
	outbox_pump(&o);
	cr_expect(o.dropped == 1 && o.n == 0 && e.n == 1 && e.code[0] == LLM_E_QUEUE_FULL);
	outbox_put(&o, job(&e, 0), 100);
	outbox_pump(&o);
	outbox_put(&o, job(&e, 1), 100);
	cr_expect(o.dropped == 2 && o.n == 1 && o.full && e.n == 2, "nobody waits for it");
	why.code = LLM_E_CANCELLED;
	outbox_done(&o, &why);
	cr_expect(e.n == 3 && e.code[2] == LLM_E_CANCELLED);
	g.refuse = LLM_E_STATE;
	outbox_put(&o, job(&e, 0), 100);
	outbox_pump(&o);
	cr_expect(e.n == 4 && e.code[3] == LLM_E_STATE, "a port that is closed ends it at once");
}
