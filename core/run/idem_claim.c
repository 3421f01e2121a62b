/* idem_claim.c - from a key to a claim, and what follows when another run has it. */
#include <string.h>

#include "base/err.h"
#include "call.h"
#include "idem.h"
#include "layers.h"
#include "llm/call.h"
#include "replay.h"

/* ---- who of this service wants a key ---- */

static idem *of(const llm_call *c)
{
	return c->rec->idem;
}

static llm_call **bucket_of(llm_call *c)
{
	const char *h = of(c)->key_hash;
	size_t at = 0, i;

	for (i = 0; i < 3; i++)
		at = at << 4 | (size_t)(h[i] <= '9' ? h[i] - '0' : h[i] - 'a' + 10);
	return &c->svc->ledger.leaders[at % LEDGER_BUCKETS];
}

static llm_call *leader_of(llm_call *c)
{
	llm_call *l = *bucket_of(c);

	while (l && strcmp(of(l)->key_hash, of(c)->key_hash) != 0)
		l = of(l)->next_leader;
	return l;
}

static void lead(llm_call *c)
{
	llm_call **b = bucket_of(c);

	of(c)->next_leader = *b;
	of(c)->led = 1;
	*b = c;
}

static void follow(llm_call *c, llm_call *leader)
{
	idem *l = of(leader);

	of(c)->leader = leader;
	of(c)->next_mate = NULL;
	*l->last_mate = c;
	l->last_mate = &of(c)->next_mate;
}

static void unfollow(llm_call *c)
{
	idem *l = of(of(c)->leader);
	llm_call **at = &l->mates;

	while (*at != c)
		at = &of(*at)->next_mate;
	*at = of(c)->next_mate;
	if (l->last_mate == &of(c)->next_mate)
		l->last_mate = at;
	of(c)->leader = NULL;
}

/* Takes a leader out, with its mates; they are nobody's then. */
static llm_call *unlead(llm_call *c)
{
	llm_call **at = bucket_of(c), *mates = of(c)->mates, *m;

	while (*at != c)
		at = &of(*at)->next_leader;
	*at = of(c)->next_leader;
	of(c)->led = 0;
	of(c)->mates = NULL;
	of(c)->last_mate = &of(c)->mates;
	for (m = mates; m; m = of(m)->next_mate)
		of(m)->leader = NULL;
	return mates;
}

/* ---- ends that no provider has seen ---- */

static int64_t rest_ms(const llm_call *c)
{
	const uint64_t now = loop_now(c->svc->loop), end = of(c)->lease_end_ns;

	return end > now ? clock_ms_between(now, end) : 0;
}

static void set_in_progress(llm_call *c)
{
	const int64_t ms = rest_ms(c);

	err_set(&c->res.error, LLM_E_IDEMPOTENCY_IN_PROGRESS,
		"another run has this idempotency key, and has not ended\n"
		"wait for it (on_duplicate), or ask again later: if its service is gone, in %lld s",
		(long long)((ms + 999) / 1000));
	c->res.error.retry_after_ms = ms;
}

static void tell(llm_call *c, int32_t code)
{
	of(c)->state = IDEM_TOLD;
	run_stop(c, code);
}

static void refuse_other(llm_call *c)
{
	err_set(&c->res.error, LLM_E_IDEMPOTENCY_MISMATCH,
		"this idempotency key was used with another request\n"
		"send that one again, or take a new key");
	tell(c, LLM_E_IDEMPOTENCY_MISMATCH);
}

static void refuse_busy(llm_call *c)
{
	set_in_progress(c);
	tell(c, LLM_E_IDEMPOTENCY_IN_PROGRESS);
}

static void tell_stored(llm_call *c, const llm_bytes *stored, int64_t settled_us)
{
	const int64_t age = clock_utc_us(&c->svc->time) - settled_us;
	const replay from = {.source = LLM_SOURCE_REPLAY,
		.stored = *stored,
		.age_ms = age > 0 ? age / 1000 : 0,
		.says_start = 1};
	int32_t rc;

	of(c)->state = IDEM_TOLD;
	c->state = RUN_STARTS;
	rc = replay_end(c, &from);
	if (!rc)
		return;
	rc = rc == LLM_E_NOMEM ? rc : LLM_E_PERSISTENCE;
	err_set(&c->res.error, rc,
		rc == LLM_E_NOMEM ? "out of memory" :
				    "what is stored for this idempotency key cannot be read\n"
				    "it is damaged, or of a later version; take a new key");
	run_stop(c, rc);
}

/* ---- claims ---- */

static int32_t put_beat(llm_call *c, llm_job *j)
{
	llm_owner_row *row = NULL;
	int32_t rc = ledger_owner_row(&c->svc->ledger, job_arena(j), &row);

	return rc ? rc : job_add(j, LLM_OP_OWNER_BEAT, row);
}

/* With the run's row the first time; and with a new lease where the old one is not fresh. */
static llm_job *claim_job(llm_call *c)
{
	llm_job *j = c->rec->job;
	int32_t rc;

	c->rec->job = NULL;
	if (!j)
		j = ledger_job(c, 0);
	rc = j ? job_room(j, 3) : LLM_E_NOMEM;
	if (!rc && !ledger_lease_fresh(c->svc))
		rc = put_beat(c, j);
	if (!rc && of(c)->orphan)
		rc = idem_put_release(c, j);
	if (!rc)
		rc = idem_put_claim(c, j);
	if (!rc)
		return j;
	job_free(j);
	return NULL;
}

static void claim(llm_call *c)
{
	idem *i = of(c);
	llm_job *j = claim_job(c);

	if (!j) {
		err_set(&c->res.error, LLM_E_NOMEM, "out of memory");
		if (c->rec->begin == RECORD_NONE)
			c->rec->begin = RECORD_LOST;
		tell(c, LLM_E_NOMEM);
		return;
	}
	i->state = IDEM_ASKS;
	i->asked_ns = loop_now(c->svc->loop);
	if (c->rec->begin == RECORD_NONE)
		c->rec->begin = RECORD_OUT;
	c->state = RUN_RECORDS;
	run_arm(c);
	ledger_send(c, j, &i->trip, c->deadline_ns);
}

/* Behind another run of this service. */
static void join(llm_call *c, llm_call *leader)
{
	idem *i = of(c);

	i->lease_end_ns = ledger_lease_end(c->svc);
	if (strcmp(i->fingerprint, of(leader)->fingerprint) != 0) {
		refuse_other(c);
	} else if (i->on_duplicate == LLM_DUPLICATE_FAIL) {
		refuse_busy(c);
	} else {
		follow(c, leader);
		i->state = IDEM_MATE;
		c->state = RUN_CLAIMS;
		c->wake_ns = UINT64_MAX;
		run_arm(c);
	}
}

static void enter(llm_call *c)
{
	llm_call *leader = leader_of(c);

	if (leader) {
		join(c, leader);
	} else {
		lead(c);
		claim(c);
	}
}

void idem_begin(llm_call *c)
{
	idem *i = of(c);

	layer_enter(c->svc, LAYER_CLAIM);
	i->pause_ns = IDEM_POLL_FIRST_NS;
	if (!c->rec->bound) {
		ledger_enter(c);
		enter(c);
	} else if (i->known) {
		tell_stored(c, &i->known->response, i->known->settled_us);
	} else {
		run_plan(c);
	}
}

/* ---- what came of a claim ---- */

/* Each with what is stored; or, where nothing is, the first of them goes and asks. */
static void tell_mates(llm_call *m, const llm_bytes *stored, int64_t settled_us)
{
	llm_call *next;

	for (; m; m = next) {
		next = of(m)->next_mate;
		if (stored)
			tell_stored(m, stored, settled_us);
		else
			enter(m);
	}
}

static void wait(llm_call *c, int64_t lease_left_us)
{
	const uint64_t now = loop_now(c->svc->loop);
	idem *i = of(c);

	i->lease_end_ns = lease_left_us > 0 ? now + (uint64_t)lease_left_us * 1000 : now;
	if (i->on_duplicate == LLM_DUPLICATE_FAIL) {
		refuse_busy(c);
		return;
	}
	i->state = IDEM_WAITS;
	c->state = RUN_CLAIMS;
	c->wake_ns = clock_after_ns(now, i->pause_ns);
	i->pause_ns = i->pause_ns * 2 < IDEM_POLL_MOST_NS ? i->pause_ns * 2 : IDEM_POLL_MOST_NS;
	run_arm(c);
}

/*
 * One run of a service has a key at a time, and this is the one: what is claimed for it is of a
 * run that has ended, and could not say so, or did not hear that it had the key.
 */
static int is_orphan(const llm_call *c, const llm_idem_row *row)
{
	return row->owner_id && strcmp(row->owner_id, c->svc->ledger.owner) == 0;
}

static void decide(llm_call *c, const llm_idem_row *row)
{
	llm_call *mates;

	if (!row) { /* it has just become free */
		wait(c, 0);
		return;
	}
	switch (idem_verdict(row, of(c)->fingerprint)) {
	case IDEM_DIFFERS:
		refuse_other(c);
		break;
	case IDEM_STORED:
		mates = unlead(c);
		tell_stored(c, &row->response, row->settled_us);
		tell_mates(mates, &row->response, row->settled_us);
		break;
	case IDEM_HELD:
		if (!is_orphan(c, row)) {
			wait(c, row->lease_left_us);
			break;
		}
		of(c)->orphan = row->generation;
		claim(c);
		break;
	default:
		wait(c, 0);
	}
}

/* As ledger_begin's, of the row that went with the claim. */
static void note_begin(llm_call *c, int32_t code)
{
	if (c->rec->begin != RECORD_OUT)
		return;
	c->rec->begin = code ? RECORD_LOST : RECORD_KEPT;
	c->rec->begin_trip.code = code;
	if (!code)
		atomic_fetch_add_explicit(&c->svc->ledger.begun, 1, memory_order_relaxed);
}

void idem_returned(llm_call *c, const trip *t, llm_job *j)
{
	const int32_t code = t->why ? t->why->code : 0;
	const llm_op_result *own = j->results[of(c)->claim_at];
	const void *const *rows;
	idem *i = of(c);
	size_t n;

	note_begin(c, code);
	i->state = IDEM_NONE;
	if (!code && !own->code) {
		i->state = IDEM_HOLDS;
		i->generation = own->generation;
		idem_beaten(&c->svc->ledger, i->asked_ns);
	}
	if (i->ended) {
		ledger_end_anew(c);
	} else if (code) {
		ledger_refuse(c, t);
	} else if (i->state == IDEM_HOLDS) {
		run_plan(c);
	} else {
		rows = job_answer(j, 0, &n);
		decide(c, n ? rows[0] : NULL);
	}
}

/* ---- while it waits ---- */

void idem_wake(llm_call *c)
{
	claim(c);
}

int32_t idem_late(llm_call *c)
{
	set_in_progress(c);
	return LLM_E_IDEMPOTENCY_IN_PROGRESS;
}

/* ---- the end ---- */

int32_t idem_rows_end(llm_call *c, llm_job *j)
{
	if (of(c)->state != IDEM_HOLDS)
		return 0;
	layer_enter(c->svc, LAYER_SETTLE);
	return idem_put_settle(c, j);
}

static const llm_idem_row *settle_of(const llm_job *j)
{
	return j && j->insists ? j->ops[j->insists - 1]->record : NULL;
}

void idem_settled(llm_call *c, int32_t code, const llm_job *j)
{
	const llm_idem_row *row = settle_of(j);
	llm_call *mates;

	if (of(c)->state == IDEM_HOLDS)
		of(c)->state = IDEM_TOLD;
	if (!of(c)->led)
		return;
	mates = unlead(c);
	tell_mates(mates, !code && row && row->response.len ? &row->response : NULL,
		clock_utc_us(&c->svc->time));
}

void idem_leave(llm_call *c)
{
	if (of(c)->leader)
		unfollow(c);
	else if (of(c)->led)
		tell_mates(unlead(c), NULL, 0);
}
