/* idem.c - what a key is, and what follows from what is stored for it. */
#include "idem.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "call.h"
#include "canon.h"
#include "llm/call.h"
#include "store/canonical.h"

/* ---- decisions ---- */

/* What would come again as it came (R-IDEM-8). */
static int is_terminal(int32_t code)
{
	return code == LLM_E_INVALID_REQUEST || code == LLM_E_UNSUPPORTED ||
		code == LLM_E_CONTEXT_LENGTH_EXCEEDED || code == LLM_E_CONTENT_FILTERED ||
		code == LLM_E_OUTPUT_INVALID;
}

/* What no provider has said. */
static int is_ours(int32_t code)
{
	const llm_error_info *info = llm_error_info_of(code);

	return code == LLM_E_DEADLINE || code == LLM_E_QUEUE_FULL || code == LLM_E_QUEUE_TIMEOUT ||
		code == LLM_E_NO_CANDIDATE || code == LLM_E_BUDGET_EXCEEDED || !info ||
		info->err_class == LLM_CLASS_LOCAL;
}

uint32_t idem_keeps(int32_t code, uint32_t replay_errors)
{
	if (!code)
		return IDEM_KEEP_ANSWER;
	if (replay_errors == REPLAY_NONE)
		return IDEM_RELEASE;
	if (is_terminal(code))
		return IDEM_KEEP_ERROR;
	return replay_errors == REPLAY_ALL && !is_ours(code) ? IDEM_KEEP_ERROR : IDEM_RELEASE;
}

uint32_t idem_verdict(const llm_idem_row *row, const char *fingerprint)
{
	const char *state = row && row->state ? row->state : "released";

	if (row && (!row->fingerprint || strcmp(row->fingerprint, fingerprint) != 0))
		return IDEM_DIFFERS;
	if (strcmp(state, "succeeded") == 0 || strcmp(state, "failed") == 0)
		return IDEM_STORED;
	return strcmp(state, "claimed") == 0 ? IDEM_HELD : IDEM_ASK_AGAIN;
}

/* ---- at submit ---- */

/* Can a service with this configuration keep keys? */
static int32_t can_keep(const llm_service *svc, llm_err *err)
{
	const conf_privacy *p = &svc->set->conf->privacy;

	if (svc->ledger.rules.mode == PRIVACY_FULL || p->store == STORE_IDEMPOTENCY_ONLY)
		return 0;
	return err_set(err, LLM_E_CONFIG,
		"an idempotency key needs stored answers, and privacy.content keeps none whole\n"
		"allow them for keys: privacy.store = \"idempotency_only\"");
}

int32_t idem_check_key(const char *key, llm_err *err)
{
	const size_t n = strnlen(key, IDEM_KEY_MAX + 1);
	size_t i;

	for (i = 0; i < n; i++)
		if (key[i] < ' ' || key[i] > '~')
			break;
	if (n && n <= IDEM_KEY_MAX && i == n)
		return 0;
	return err_set(err, LLM_E_INVALID_REQUEST,
		"an idempotency key has 1 to 255 printable ASCII bytes");
}

/* The workspace is in it: two of them have nothing in common, not even in memory. */
static int32_t hash_key(llm_call *c, const char *key, char ret_hex[SHA256_HEX])
{
	llm_bytes bytes;
	int32_t rc;
	buf all;

	buf_init(&all, &c->mem, 0);
	rc = buf_add(&all, c->workspace, strlen(c->workspace) + 1);
	if (!rc)
		rc = buf_add(&all, IDEM_OPERATION, sizeof(IDEM_OPERATION));
	if (!rc)
		rc = buf_add_str(&all, key);
	bytes = (llm_bytes){all.ptr, all.len};
	if (!rc)
		rc = privacy_hash(&c->svc->ledger.rules, "idempotency", &bytes, &c->mem, ret_hex);
	buf_done(&all);
	return rc;
}

static int32_t hash_request(llm_call *c, char ret_hex[SHA256_HEX], llm_err *err)
{
	llm_bytes bytes;
	int32_t rc;
	buf all;

	buf_init(&all, &c->mem, 0);
	rc = canon_requested(c->rq, &all, err);
	bytes = (llm_bytes){all.ptr, all.len};
	if (!rc)
		rc = canonical_fingerprint(&c->svc->ledger.rules, &bytes, &c->mem, ret_hex);
	buf_done(&all);
	return rc;
}

int32_t idem_open(llm_call *c, const llm_call_opts *opts, llm_err *err)
{
	int32_t rc = can_keep(c->svc, err);
	idem *i;

	if (rc)
		return rc;
	i = arena_new(&c->ar, sizeof(*i));
	if (!i)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	i->on_duplicate = opts->on_duplicate;
	i->last_mate = &i->mates;
	rc = hash_key(c, opts->idempotency_key, i->key_hash);
	if (rc)
		return err_set(err, rc, "out of memory");
	rc = hash_request(c, i->fingerprint, err);
	c->rec->idem = i;
	return rc || !opts->unit ? rc : idem_look(c, opts->unit, err);
}
