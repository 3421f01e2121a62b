/*
 * ledger_rows.c - what a run leaves behind, as operations of a job.
 */
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "idem.h"
#include "ledger.h"
#include "store/prompt.h"
#include "store/record.h"
#include "wire/jsonw.h"

#define REFERENCE_TEXT 32
#define GENERATION_TEXT 160

/* ---- content (R-PRIV-1) ---- */

/* Without a key, and without leave to keep what was said, the number of bytes is all. */
static int counts_only(const privacy *p)
{
	return p->mode == PRIVACY_HASH && !p->key;
}

static const char *byte_count(arena *ar, size_t n)
{
	char text[REFERENCE_TEXT];

	snprintf(text, sizeof(text), "bytes:%zu", n);
	return arena_str(ar, text);
}

/* *ret is what the run's row says of it; null: nothing is kept. */
static int32_t keep_content(
	llm_call *c, llm_job *j, const char *kind, const llm_bytes *bytes, const char **ret)
{
	llm_content_row *row = NULL;
	int32_t rc = privacy_content(&c->svc->ledger.rules, c->workspace, kind, bytes, kind,
		clock_utc_us(&c->svc->time), job_arena(j), &row);

	if (!rc && row)
		rc = job_add(j, LLM_OP_CONTENT_PUT, row);
	if (!rc)
		*ret = row ? row->hash : NULL;
	return rc;
}

static int32_t keep_prompt(llm_call *c, llm_job *j, record_begin *row, char hash[SHA256_HEX])
{
	const privacy *p = &c->svc->ledger.rules;
	llm_bytes bytes;
	int32_t rc;
	buf json;

	if (p->mode == PRIVACY_NONE)
		return 0;
	buf_init(&json, &c->mem, 0);
	rc = prompt_write(&c->rq->view, &json);
	bytes.ptr = json.ptr;
	bytes.len = json.len;
	if (!rc)
		rc = privacy_hash(p, "request", &bytes, &c->mem, hash);
	row->request_hash = hash;
	if (!rc && counts_only(p)) {
		row->prompt_ref = byte_count(job_arena(j), prompt_size(&c->rq->view));
		rc = row->prompt_ref ? 0 : LLM_E_NOMEM;
	} else if (!rc) {
		rc = keep_content(c, j, "prompt", &bytes, &row->prompt_ref);
	}
	buf_done(&json);
	return rc;
}

static size_t count_media(const llm_request_view *v)
{
	size_t n = 0, i, k;

	for (i = 0; i < v->n_messages; i++)
		for (k = 0; k < v->messages[i]->n_parts; k++)
			n += prompt_is_media(v->messages[i]->parts[k]) != 0;
	return n;
}

/* A content of its own; one that is somewhere else only keeps its place in the list. */
static int32_t keep_part(llm_call *c, llm_job *j, const llm_part_view *p, jsonw *w)
{
	const char *hash = NULL;
	int32_t rc = p->data.len ? keep_content(c, j, "media", &p->data, &hash) : 0;

	if (hash)
		jsonw_cstring(w, hash);
	else
		jsonw_null(w);
	return rc;
}

static int32_t put_media(void *ctx, const char *bytes, size_t len)
{
	return buf_add(ctx, bytes, len);
}

/* Images, audio and files in the order of the prompt's parts, as a list of their hashes. */
static int32_t keep_media(llm_call *c, llm_job *j, buf *out)
{
	const llm_request_view *v = &c->rq->view;
	const size_t n = count_media(v);
	int32_t rc = n ? job_room(j, j->room - j->n + n) : 0;
	size_t i, k;
	jsonw w;

	if (!n || rc)
		return rc;
	jsonw_init(&w, put_media, out);
	jsonw_array(&w);
	for (i = 0; i < v->n_messages; i++)
		for (k = 0; !rc && k < v->messages[i]->n_parts; k++)
			if (prompt_is_media(v->messages[i]->parts[k]))
				rc = keep_part(c, j, v->messages[i]->parts[k], &w);
	jsonw_array_end(&w);
	return rc ? rc : jsonw_finish(&w);
}

static int32_t write_params(llm_call *c, llm_job *j, buf *json)
{
	llm_bytes media;
	int32_t rc;
	buf hashes;

	if (c->svc->ledger.rules.mode != PRIVACY_FULL)
		return ledger_params(c->rq, NULL, json);
	buf_init(&hashes, &c->mem, 0);
	rc = keep_media(c, j, &hashes);
	media = (llm_bytes){hashes.ptr, hashes.len};
	if (!rc)
		rc = ledger_params(c->rq, &media, json);
	buf_done(&hashes);
	return rc;
}

/* Only beside a prompt that is kept: for the rest they say nothing. */
static int32_t keep_params(llm_call *c, llm_job *j, record_begin *row)
{
	llm_bytes bytes;
	int32_t rc;
	buf json;

	if (c->svc->ledger.rules.mode < PRIVACY_REDACTED)
		return 0;
	buf_init(&json, &c->mem, 0);
	rc = write_params(c, j, &json);
	bytes.ptr = buf_text(&json);
	bytes.len = json.len;
	if (!rc)
		rc = privacy_text(&c->svc->ledger.rules, &bytes, job_arena(j), &row->params_json);
	buf_done(&json);
	return rc;
}

static int32_t write_answer(const llm_call *c, buf *out)
{
	const llm_result *r = &c->res;
	const llm_bytes text = {buf_text(&r->text), r->text.len},
			reasoning = {buf_text(&r->reasoning), r->reasoning.len};
	prompt_call *calls = arena_array(r->ar, r->tools.n + 1, sizeof(*calls));
	size_t i;

	if (!calls)
		return LLM_E_NOMEM;
	for (i = 0; i < r->tools.n; i++) {
		const tool_acc *t = r->tools.items[i];

		calls[i] = (prompt_call){buf_text(&t->id), buf_text(&t->name),
			{buf_text(&t->arguments), t->arguments.len}};
	}
	return prompt_answer(&text, &reasoning, calls, r->tools.n, out);
}

static int32_t keep_answer(llm_call *c, llm_job *j, record_end *row)
{
	const privacy *p = &c->svc->ledger.rules;
	const llm_result *r = &c->res;
	llm_bytes bytes;
	int32_t rc;
	buf json;

	if (p->mode == PRIVACY_NONE || (!r->text.len && !r->reasoning.len && !r->tools.n))
		return 0;
	if (counts_only(p)) {
		row->response_ref = byte_count(job_arena(j), r->text.len);
		return row->response_ref ? 0 : LLM_E_NOMEM;
	}
	buf_init(&json, &c->mem, 0);
	rc = write_answer(c, &json);
	bytes = (llm_bytes){json.ptr, json.len};
	if (!rc)
		rc = keep_content(c, j, "response", &bytes, &row->response_ref);
	buf_done(&json);
	return rc;
}

/* ---- the beginning ---- */

int32_t ledger_rows_begin(llm_call *c, llm_job *j)
{
	llm_service *svc = c->svc;
	const call_record *rec = c->rec;
	char hash[SHA256_HEX];
	llm_run_row *row = NULL;
	record_begin b = {.workspace = c->workspace,
		.id = c->res.run_id,
		.owner_id = rec->bound ? NULL : svc->ledger.owner,
		.profile = c->res.profile,
		.operation = "chat",
		.requested_model = c->res.requested,
		.idempotency_key_hash = rec->idem ? rec->idem->key_hash : NULL,
		.metadata_json = c->rq->metadata,
		.stream = (c->flags & LLM_CALL_STREAM) != 0,
		.created_us = rec->created_us,
		.started_us = rec->created_us};
	int32_t rc = keep_prompt(c, j, &b, hash);

	if (!rc)
		rc = keep_params(c, j, &b);
	if (rc)
		return rc;
	pthread_rwlock_rdlock(&svc->secrets_lock);
	rc = record_run_begin(&b, svc->secrets, job_arena(j), &row);
	pthread_rwlock_unlock(&svc->secrets_lock);
	return rc ? rc : job_add(j, LLM_OP_RUN_BEGIN, row);
}

/* ---- the end ---- */

size_t ledger_rows_room(const llm_call *c)
{
	return c->res.attempts.n + 3 + BUDGET_OPS; /* the run, the answer, its key */
}

/* What nobody has reported stays unknown, and adds nothing. */
static void add_count(int64_t *sum, int64_t n)
{
	if (n >= 0)
		*sum = *sum >= 0 ? *sum + n : n;
}

/* What a run used is what its attempts used (R-RUN-3). */
static void add_usage(llm_usage *sum, const llm_usage *u)
{
	add_count(&sum->input_tokens, u->input_tokens);
	add_count(&sum->output_tokens, u->output_tokens);
	add_count(&sum->reasoning_tokens, u->reasoning_tokens);
	add_count(&sum->cache_read_tokens, u->cache_read_tokens);
	add_count(&sum->cache_write_tokens, u->cache_write_tokens);
}

static int64_t utc_of(const llm_call *c, uint64_t ns)
{
	return c->rec->created_us + (int64_t)((ns - c->submit_ns) / 1000);
}

/* On the loop thread, or on the host's when the run is over. */
static uint64_t now_of(const llm_call *c)
{
	return atomic_load(&c->done) ? clock_ns(&c->svc->time) : loop_now(c->svc->loop);
}

static int32_t bill_put(void *ctx, const char *bytes, size_t len)
{
	return buf_add(ctx, bytes, len);
}

static void write_term(jsonw *w, const cost_term *t)
{
	if (!t->tokens)
		return;
	jsonw_object(w);
	jsonw_key(w, "kind");
	jsonw_cstring(w, t->kind);
	jsonw_key(w, "tokens");
	jsonw_int(w, t->tokens);
	jsonw_key(w, "picousd");
	jsonw_int(w, t->picousd);
	jsonw_object_end(w);
}

/* How a known cost came about: prices change, and the row outlives them. */
static int32_t write_bill(const attempt_row *a, buf *out)
{
	cost_term terms[COST_TERMS];
	const size_t n = cost_terms(a->price, &a->usage, terms) ? COST_TERMS : 0;
	size_t i;
	jsonw w;

	jsonw_init(&w, bill_put, out);
	jsonw_object(&w);
	jsonw_key(&w, "rule");
	jsonw_cstring(&w, a->price->rule);
	jsonw_key(&w, "terms");
	jsonw_array(&w);
	for (i = 0; i < n; i++)
		write_term(&w, &terms[i]);
	jsonw_array_end(&w);
	jsonw_key(&w, "picousd");
	jsonw_int(&w, a->picousd);
	jsonw_object_end(&w);
	return jsonw_finish(&w);
}

static int32_t keep_bill(llm_call *c, llm_job *j, const attempt_row *a, const char **ret)
{
	int32_t rc;
	buf json;

	if (!a->price)
		return 0;
	buf_init(&json, &c->mem, 0);
	rc = write_bill(a, &json);
	if (!rc) {
		*ret = arena_str(job_arena(j), buf_text(&json));
		rc = *ret ? 0 : LLM_E_NOMEM;
	}
	buf_done(&json);
	return rc;
}

static int32_t put_attempt(llm_call *c, llm_job *j, const record_end *end, size_t i)
{
	const attempt_row *from = (const attempt_row *)(const void *)end->attempts[i];
	char id[UUID_TEXT], generation[GENERATION_TEXT];
	const int64_t started = utc_of(c, from->started_ns);
	record_attempt more = {.id = id,
		.generation = generation,
		.usage = &from->usage,
		.started_us = started,
		.finished_us = started + from->shown.duration_ms * 1000};
	llm_attempt_row *row = NULL;
	int32_t rc = keep_bill(c, j, from, &more.cost_json);

	if (rc)
		return rc;
	snprintf(generation, sizeof(generation), "%s %s", from->plug->id, from->plug->version);
	pthread_mutex_lock(&c->svc->lock);
	uuid_v7(&c->svc->ids, &c->svc->time, id);
	pthread_mutex_unlock(&c->svc->lock);
	rc = record_attempt_of(end, i, &more, job_arena(j), &row);
	return rc ? rc : job_add(j, LLM_OP_ATTEMPT_PUT, row);
}

/* How often another candidate was asked than before. */
static int64_t moves(const record_end *end)
{
	int64_t n = 0;
	size_t i;

	for (i = 1; i < end->n_attempts; i++)
		n += strcmp(end->attempts[i]->candidate, end->attempts[i - 1]->candidate) != 0;
	return n;
}

static int32_t put_run(llm_call *c, llm_job *j, const record_end *end)
{
	llm_service *svc = c->svc;
	llm_run_row *row = NULL;
	int32_t rc;

	pthread_rwlock_rdlock(&svc->secrets_lock);
	rc = record_run_end(end, svc->secrets, job_arena(j), &row);
	pthread_rwlock_unlock(&svc->secrets_lock);
	if (rc)
		return rc;
	job_ends(j, row, &svc->time);
	return job_add(j, LLM_OP_RUN_FINISH, row);
}

int32_t ledger_rows_end(llm_call *c, llm_job *j)
{
	const llm_result *r = &c->res;
	llm_usage usage = LLM_USAGE_INIT;
	record_end end = {.workspace = c->workspace,
		.id = r->run_id,
		.version = 1,
		.status = r->status,
		.finish = r->finish,
		.provider = r->attempts.n || r->from ? r->provider : NULL,
		.resolved_model = r->attempts.n || r->from ? r->model : NULL,
		.response_model = r->response_model,
		.provider_request_id = r->request_id,
		.error = r->error.code ? &r->error : NULL,
		.usage = &usage,
		.cost_nanousd = r->cost_nanousd,
		.price_version = r->price_version,
		.cache_key = c->cache && c->cache->of ? c->cache->key : NULL,
		.decision_json = r->decision.len ? buf_text(&r->decision) : NULL,
		.timing = &r->timing,
		.delivered = c->delivered != 0,
		.recovered = r->recovered,
		.finished_us = utc_of(c, now_of(c)),
		.attempts = (const llm_attempt *const *)r->attempts.items,
		.n_attempts = r->attempts.n};
	int32_t rc = 0;
	size_t i;

	end.source = r->from   ? llm_source_name(r->from->source) :
		end.n_attempts ? (r->refreshed ? "refresh" : "provider") :
				 NULL;
	end.fallbacks = moves(&end);
	for (i = 0; i < end.n_attempts; i++)
		add_usage(&usage, &((const attempt_row *)(const void *)end.attempts[i])->usage);
	rc = keep_answer(c, j, &end);
	if (!rc)
		rc = put_run(c, j, &end);
	if (!rc)
		rc = ledger_budget_end(c, j);
	for (i = 0; !rc && i < end.n_attempts; i++)
		rc = put_attempt(c, j, &end, i);
	return rc;
}
