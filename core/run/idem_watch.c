/*
 * idem_watch.c - with each beat of its lease a service looks whether its claims still are its
 * own (R-IDEM-5, R-RUN-5): one that was paused, or cut off from its storage, learns so before
 * it asks a provider for more, or its answer comes.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "call.h"
#include "idem.h"

#define WATCH_CLAIMS 64 /* in one job */

typedef struct claim_watch {
	struct claim_watch *next;
	llm_service *svc;
	llm_job *job;
	int failed;
	size_t n;
	llm_call *calls[WATCH_CLAIMS]; /* held */
	int64_t generations[WATCH_CLAIMS];
} claim_watch;

const char idem_lost_text[] =
	"another service has taken over the idempotency key: this run was late to renew its lease\n"
	"ask again with the same key for the result that counts";

void idem_beaten(ledger *l, uint64_t at_ns)
{
	uint64_t was = atomic_load(&l->leased_ns);

	while (was < at_ns && !atomic_compare_exchange_weak(&l->leased_ns, &was, at_ns))
		continue;
}

/* ---- it is lost ---- */

static int holds(const llm_call *c)
{
	return c->rec && c->rec->idem && c->rec->idem->state == IDEM_HOLDS &&
		c->state != RUN_SETTLES && !atomic_load(&c->done);
}

static void lose(llm_call *c)
{
	c->rec->idem->state = IDEM_LOST;
	err_set(&c->res.error, LLM_E_IDEMPOTENCY_LOST, "%s", idem_lost_text);
	run_stop(c, LLM_E_IDEMPOTENCY_LOST);
}

static void lose_all(llm_service *svc)
{
	llm_call *c, *next;

	for (c = svc->live; c; c = next) {
		next = c->next; /* one that begins meanwhile stands in front */
		if (holds(c))
			lose(c);
	}
}

/* ---- asking ---- */

/* On the thread that ran the job. */
static void on_watched(void *ctx, const llm_op_result *const *results, size_t n, const llm_err *why)
{
	claim_watch *w = ctx, *head;
	llm_service *svc = w->svc;
	ledger *l = &svc->ledger;

	(void)results;
	(void)n;
	w->failed = why != NULL;
	head = atomic_load(&l->watched);
	do
		w->next = head;
	while (!atomic_compare_exchange_weak(&l->watched, &head, w));
	service_wake(svc);
}

static void forget(claim_watch *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		call_unref(w->calls[i]);
	job_free(w->job);
	mem_free(&w->svc->mem, w);
}

static int32_t ask(claim_watch *w, llm_call *c)
{
	llm_filter filter = LLM_FILTER_INIT;
	int32_t rc;

	filter.workspace_id = c->workspace;
	filter.operation = IDEM_OPERATION;
	filter.id = c->rec->idem->key_hash;
	rc = job_ask(w->job, LLM_QUERY_IDEM, &filter);
	if (rc)
		return rc;
	call_ref(c);
	w->generations[w->n] = c->rec->idem->generation;
	w->calls[w->n++] = c;
	return 0;
}

/* Of the calls from `c` on; where it stopped. Short of memory it is left to the next beat. */
static llm_call *send_some(llm_service *svc, llm_call *c)
{
	claim_watch *w = mem_new(&svc->mem, sizeof(*w));
	int32_t rc = 0;

	if (!w)
		return NULL;
	w->svc = svc;
	w->job = job_new(&svc->mem, 0, 1, on_watched, w);
	rc = w->job ? 0 : LLM_E_NOMEM;
	for (; !rc && c && w->n < WATCH_CLAIMS; c = c->next)
		if (holds(c))
			rc = ask(w, c);
	if (rc || !w->n) {
		forget(w);
		return NULL;
	}
	w->job->kept = 1;
	outbox_put(&svc->ledger.out, w->job, UINT64_MAX);
	return c;
}

void idem_watch(llm_service *svc)
{
	llm_call *c = svc->live;

	while (c && !holds(c))
		c = c->next;
	if (c && loop_now(svc->loop) >= ledger_lease_end(svc)) {
		lose_all(svc);
		return;
	}
	while (c)
		c = send_some(svc, c);
}

/* ---- what came back ---- */

static int is_ours(const llm_idem_row *row, const ledger *l, int64_t generation)
{
	return row && row->generation == generation && row->owner_id && row->state &&
		strcmp(row->owner_id, l->owner) == 0 && strcmp(row->state, "claimed") == 0;
}

static void look(claim_watch *w)
{
	const void *const *rows;
	size_t i, n;

	for (i = 0; !w->failed && i < w->n; i++) {
		llm_call *c = w->calls[i];

		rows = job_answer(w->job, i, &n);
		if (holds(c) && c->rec->idem->generation == w->generations[i] &&
			!is_ours(n ? rows[0] : NULL, &w->svc->ledger, w->generations[i]))
			lose(c);
	}
}

void idem_watched(llm_service *svc)
{
	claim_watch *w = atomic_exchange(&svc->ledger.watched, NULL), *next;

	for (; w; w = next) {
		next = w->next;
		look(w);
		forget(w);
	}
}
