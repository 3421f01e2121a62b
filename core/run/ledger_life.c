/*
 * ledger_life.c - the ledger of a service: its rules, its lease, its end.
 */
#include "ledger.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "call.h"

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

/* Where nothing is recorded a key that is missing does no harm. */
static int is_needed(const conf *cf)
{
	return conf_has_storage(cf) && cf->storage.ledger != LEDGER_OFF;
}

static int32_t check_key(const conf_privacy *p, llm_err *err)
{
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
	int32_t rc = is_needed(cf) ? check_key(&cf->privacy, err) : 0;

	if (rc)
		return rc;
	l->settle = cf->storage.settle ? cf->storage.settle : SETTLE_COMMITTED;
	l->persist_strict = cf->storage.persist_strict;
	l->rules.mode = cf->privacy.content ? cf->privacy.content : PRIVACY_HASH;
	l->rules.hook = on_redact;
	l->rules.hook_ctx = svc;
	l->redact = opts->redact;
	l->redact_token = opts->redact_token;
	return take_key(svc, &cf->privacy, err);
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
	if (!l->rules.key && l->rules.mode == PRIVACY_HASH)
		log_line(&svc->log, LLM_LOG_WARN,
			"no privacy.key: of prompts and answers only the number of bytes is kept");
}

/* ---- the lease ---- */

/* Nobody waits for it. */
static void on_beaten(void *ctx, const llm_op_result *const *results, size_t n, const llm_err *why)
{
	(void)ctx;
	(void)results;
	(void)n;
	(void)why; /* the next one comes soon enough: three fit into a lease */
}

static void beat(llm_service *svc, uint64_t now)
{
	ledger *l = &svc->ledger;
	llm_job *j = job_new(&svc->mem, 1, 1, on_beaten, NULL);
	llm_owner_row *row = j ? arena_new(job_arena(j), sizeof(*row)) : NULL;

	if (!row) {
		job_free(j);
		return;
	}
	*row = (llm_owner_row){.struct_size = sizeof(*row),
		.id = arena_str(job_arena(j), l->owner),
		.started_us = LLM_UNKNOWN,
		.lease_us = LEDGER_LEASE_US};
	if (!row->id || job_add(j, LLM_OP_OWNER_BEAT, row)) {
		job_free(j);
		return;
	}
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
	if (l->n_open && now >= clock_after_ns(l->beat_ns, LEDGER_BEAT_NS))
		beat(svc, now);
	if (at > clock_after_ns(l->beat_ns, LEDGER_BEAT_NS))
		at = clock_after_ns(l->beat_ns, LEDGER_BEAT_NS);
	loop_timer_set(svc->loop, t, at > now ? at : now + NS_PER_S);
}

void ledger_watch(llm_service *svc)
{
	ledger *l = &svc->ledger;
	const uint64_t now = loop_now(svc->loop);

	if (!l->beat_ns || now >= clock_after_ns(l->beat_ns, LEDGER_BEAT_NS))
		beat(svc, now);
	if (l->timer.armed)
		return;
	l->timer.fn = on_ledger_timer;
	loop_timer_set(svc->loop, &l->timer, clock_after_ns(l->beat_ns, LEDGER_BEAT_NS));
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
		ledger_collect(svc);
		l->mode = 0;
	}
	ledger_health_done(svc);
	if (l->key)
		mem_wipe(&svc->mem, l->key, l->rules.key_len);
	l->key = NULL;
}
