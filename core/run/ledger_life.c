/*
 * ledger_life.c - the ledger of a service: its rules, its lease, its end.
 */
#include "ledger.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "call.h"
#include "idem.h"

#define LARGE_BLOCK ((size_t)1 << 20)

/* ---- rules ---- */

/* Secrets, and what looks like one, are not kept; nor what the host takes out of the rest. */
static int32_t on_redact(
	void *ctx, const llm_bytes *text, int32_t (*add)(void *to, const char *, size_t), void *to)
{
	llm_service *svc = ctx;
	const ledger *l = &svc->ledger;
	int32_t rc;
	buf out;

	buf_init(&out, &svc->mem, 0);
	rc = service_clean_into(svc, text->ptr, text->len, &out);
	if (!rc && l->redact)
		rc = l->redact(l->redact_token, buf_text(&out), out.len, add, to);
	else if (!rc)
		rc = add(to, buf_text(&out), out.len);
	buf_done(&out);
	return rc;
}

int32_t ledger_check(const conf *cf, llm_err *err)
{
	const conf_privacy *p = &cf->privacy;

	/* Where nothing is recorded a key that is missing does no harm. */
	if (!conf_has_storage(cf) || cf->storage.ledger == LEDGER_OFF)
		return 0;
	if (p->key.origin && !p->key.value)
		return err_set(err, LLM_E_CONFIG, "privacy.key cannot be had: %s",
			p->key.problem ? p->key.problem : p->key.origin);
	if (!p->key.value && p->content >= CONTENT_REDACTED)
		return err_set(err, LLM_E_CONFIG,
			"privacy.content keeps what was said, and there is no privacy.key\n"
			"make one: openssl rand -hex 32 > KEYFILE; chmod 600 KEYFILE; "
			"privacy.key = \"file:KEYFILE\"");
	return 0;
}

static int32_t take_key(llm_service *svc, const conf_privacy *p, llm_err *err)
{
	ledger *l = &svc->ledger;

	if (!p->key.value) {
		if (l->rules.mode != PRIVACY_NONE)
			l->rules.mode = PRIVACY_HASH;
		return 0;
	}
	l->key = mem_dup(&svc->mem, p->key.value, p->key.len);
	if (!l->key)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	l->rules.key = l->key;
	l->rules.key_len = p->key.len;
	return 0;
}

int32_t ledger_init(llm_service *svc, const llm_service_opts *opts, llm_err *err)
{
	const conf *cf = svc->set->conf;
	ledger *l = &svc->ledger;
	int32_t rc = ledger_check(cf, err);

	if (rc)
		return rc;
	l->settle = cf->storage.settle ? cf->storage.settle : SETTLE_COMMITTED;
	l->persist_strict = cf->storage.persist_strict;
	l->keys = cf->idempotency;
	l->keys.ttl = l->keys.ttl ? l->keys.ttl : UINT64_C(24) * 3600 * 1000;
	l->keys.lease = l->keys.lease ? l->keys.lease : LEDGER_LEASE_MS;
	l->keys.replay_errors = l->keys.replay_errors ? l->keys.replay_errors : REPLAY_TERMINAL;
	l->lease_ns = l->keys.lease * NS_PER_MS;
	l->rules.mode = cf->privacy.content ? cf->privacy.content : PRIVACY_HASH;
	l->rules.hook = on_redact;
	l->rules.hook_ctx = svc;
	l->redact = opts->redact;
	l->redact_token = opts->redact_token;
	return take_key(svc, &cf->privacy, err);
}

/* ---- one key for all (R-PRIV-1) ---- */

int32_t ledger_print(llm_service *svc, llm_err *err)
{
	const llm_bytes nothing = {"", 0};
	ledger *l = &svc->ledger;

	if (privacy_hash(&l->rules, "key", &nothing, &svc->mem, l->key_print))
		return err_set(err, LLM_E_NOMEM, "out of memory");
	return 0;
}

/* Once for each change: who comes next finds a row of this service. */
static void tell_changed(llm_service *svc)
{
	if (atomic_load(&svc->ledger.key_changed) && atomic_exchange(&svc->ledger.key_changed, 0))
		log_line(&svc->log, LLM_LOG_WARN,
			"privacy.key is not the one that this storage was used with before: stored "
			"answers and idempotency keys from then are not found any more");
}

void ledger_before(ledger *l, const llm_owner_row *row)
{
	if (row->key_print && strcmp(row->key_print, l->key_print) != 0)
		atomic_store(&l->key_changed, 1);
}

/*
 * Calls that wait for one commit are sent together and end together, and so much memory comes
 * free at once that glibc would give it back to the system each time, and take it anew a moment
 * later. Whoever has freed a large block once is taken for one who needs it again.
 */
static void teach_heap(llm_service *svc)
{
	mem_free(&svc->mem, mem_resize(&svc->mem, NULL, LARGE_BLOCK));
}

void ledger_attach(llm_service *svc, const llm_job_port *port, const char *owner,
	void (*close)(void *ctx), void *ctx)
{
	ledger *l = &svc->ledger;

	l->mode = svc->set->conf->storage.ledger ? svc->set->conf->storage.ledger : LEDGER_STRICT;
	err_copy(l->owner, sizeof(l->owner), owner, strlen(owner));
	l->port = *port;
	l->close = close;
	l->close_ctx = ctx;
	outbox_init(&l->out, &l->port);
	teach_heap(svc);
	tell_changed(svc);
	if (!l->rules.key && l->rules.mode == PRIVACY_HASH)
		log_line(&svc->log, LLM_LOG_WARN,
			"no privacy.key: of prompts and answers only the number of bytes is kept");
}

/* ---- the lease ---- */

int32_t ledger_owner_row(const ledger *l, arena *ar, llm_owner_row **ret)
{
	llm_owner_row *row = arena_new(ar, sizeof(*row));

	if (!row)
		return LLM_E_NOMEM;
	*row = (llm_owner_row){.struct_size = sizeof(*row),
		.id = arena_str(ar, l->owner),
		.started_us = LLM_UNKNOWN,
		.lease_us = (int64_t)(l->lease_ns / 1000),
		.key_print = arena_str(ar, l->key_print)};
	*ret = row;
	return row->id && row->key_print ? 0 : LLM_E_NOMEM;
}

/* Lies in its job. */
typedef struct beaten {
	ledger *l;
	llm_job *job;
	uint64_t at_ns;
} beaten;

/* The newest that is not this one itself. */
static void look_before(ledger *l, const llm_job *j)
{
	size_t n = 0, i;
	const void *const *rows = job_answer(j, 0, &n);

	for (i = 0; i < n; i++) {
		const llm_owner_row *row = rows[i];

		if (row->id && strcmp(row->id, l->owner) != 0) {
			ledger_before(l, row);
			break;
		}
	}
}

/* Nobody waits for it; one that failed is followed soon enough: three fit into a lease. */
static void on_beaten(void *ctx, const llm_op_result *const *results, size_t n, const llm_err *why)
{
	const beaten *b = ctx;

	(void)results;
	(void)n;
	if (why)
		return;
	look_before(b->l, b->job);
	idem_beaten(b->l, b->at_ns);
}

static uint64_t beat_after(const ledger *l)
{
	return clock_after_ns(l->beat_ns, l->lease_ns / LEDGER_BEATS);
}

int ledger_lease_fresh(const llm_service *svc)
{
	const ledger *l = &svc->ledger;
	const uint64_t at = atomic_load(&l->leased_ns);

	return at && loop_now(svc->loop) < clock_after_ns(at, l->lease_ns / LEDGER_BEATS);
}

uint64_t ledger_lease_end(const llm_service *svc)
{
	return clock_after_ns(atomic_load(&svc->ledger.leased_ns), svc->ledger.lease_ns);
}

/* Where the host runs the jobs nobody could look before the first one (R-PRIV-1). */
static int32_t ask_before(const ledger *l, llm_job *j)
{
	llm_filter filter = LLM_FILTER_INIT;

	if (!l->hosted || atomic_load(&l->leased_ns))
		return 0;
	filter.limit = 2;
	return job_ask(j, LLM_QUERY_OWNERS, &filter);
}

static void beat(llm_service *svc, uint64_t now)
{
	ledger *l = &svc->ledger;
	llm_job *j = job_new(&svc->mem, 1, 1, on_beaten, NULL);
	llm_owner_row *row = NULL;
	beaten *b = j ? arena_new(job_arena(j), sizeof(*b)) : NULL;

	if (!b || ledger_owner_row(l, job_arena(j), &row) || job_add(j, LLM_OP_OWNER_BEAT, row) ||
		ask_before(l, j)) {
		job_free(j);
		return;
	}
	*b = (beaten){l, j, now};
	j->ctx = b;
	l->beat_ns = now;
	outbox_put(&l->out, j, UINT64_MAX);
}

static void on_ledger_timer(loop_timer *t)
{
	llm_service *svc = (llm_service *)(void *)((char *)t - offsetof(llm_service, ledger.timer));
	ledger *l = &svc->ledger;
	const uint64_t now = loop_now(svc->loop);
	uint64_t at;

	atomic_store(&l->dropped, l->out.dropped);
	at = outbox_expire(&l->out, now);
	if (!l->n_open && !l->out.n)
		return;
	tell_changed(svc);
	if (l->n_open && now >= beat_after(l)) {
		beat(svc, now);
		idem_watch(svc);
	}
	if (at > beat_after(l))
		at = beat_after(l);
	loop_timer_set(svc->loop, t, at > now ? at : now + NS_PER_S);
}

void ledger_watch(llm_service *svc)
{
	ledger *l = &svc->ledger;
	const uint64_t now = loop_now(svc->loop);

	if (!l->beat_ns || now >= beat_after(l))
		beat(svc, now);
	tell_changed(svc);
	if (l->timer.armed)
		return;
	l->timer.fn = on_ledger_timer;
	loop_timer_set(svc->loop, &l->timer, beat_after(l));
}

/* ---- the end of the service ---- */

#define DRAIN_MS 5000
#define DRAIN_STEP_NS (20 * NS_PER_MS)

void ledger_drain(llm_service *svc)
{
	ledger *l = &svc->ledger;
	const uint64_t end = clock_after_ms(clock_ns(&svc->time), DRAIN_MS);

	if (!l->mode)
		return;
	while ((svc->live || l->out.n) && clock_ns(&svc->time) < end) {
		(void)service_turn(svc, DRAIN_STEP_NS, NULL);
		if (svc->live && l->hosted) /* perhaps on this thread, and on no other */
			l->port.drain(l->port.ctx);
	}
	while (svc->live) /* each waits for its row only */
		run_close(svc->live);
}

void ledger_done(llm_service *svc)
{
	ledger *l = &svc->ledger;
	llm_err why = LLM_ERR_INIT;

	if (l->mode) {
		loop_timer_clear(svc->loop, &l->timer);
		err_set(&why, LLM_E_STATE, "the service has ended");
		outbox_done(&l->out, &why);
		if (l->close)
			l->close(l->close_ctx);
		idem_watched(svc);
		ledger_collect(svc);
		l->mode = 0;
	}
	ledger_health_done(svc);
	if (l->key)
		mem_wipe(&svc->mem, l->key, l->rules.key_len);
	l->key = NULL;
}
