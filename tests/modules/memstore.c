/*
 * A storage backend that forgets: runs and attempts in the memory of the process, with
 * transactions and without SQL. Connections of one `dsn` share a store and take turns.
 */
#include <string.h>

#include "llm/abi/storage.h"

#define MAX_ROWS 2048

typedef struct tables {
	size_t n_runs, n_attempts;
	llm_run_row runs[MAX_ROWS]; /* sorted by id */
	llm_attempt_row attempts[MAX_ROWS];
} tables;

typedef struct store {
	const char *dsn;
	tables now, before; /* `before` is what others see while `writer` writes */
	const void *writer;
} store;

typedef struct unit {
	const llm_host *host;
	store *in;
} unit;

static store stores[16];
static char pool[1 << 23]; /* every text, for ever */
static size_t used;

/* Behind struct_size and its neighbour every member has 8 bytes: t is a text, n a number. */
static const char run_kinds[] = "tttttttttttttttttnnnnnnnnntntnnnnttttttttttnnnnn";
static const char attempt_kinds[] = "tttntttttttnnntnnnnnnnnnnt";
_Static_assert(sizeof(llm_run_row) == 8 * sizeof(run_kinds), "a kind for each member");
_Static_assert(sizeof(llm_attempt_row) == 8 * sizeof(attempt_kinds), "a kind for each member");

static int32_t say(const unit *u, int32_t code, const char *text)
{
	u->host->set_error(u->host->ctx, code, text, strlen(text));
	return code;
}

static const char *keep(const char *text)
{
	size_t n = strlen(text) + 1;

	return n > sizeof(pool) - used ? NULL : memcpy(pool + (used += n) - n, text, n);
}

static int32_t writes(const unit *u)
{
	return u->in->writer == u ? 0 : say(u, LLM_E_STATE, "memstore: no transaction is open");
}

/* Writes what `from` says over `to`, with texts of its own. */
static void merge(void *to, const void *from, const char *kinds)
{
	const char *text;
	int64_t n;

	for (size_t i = 1; kinds[i - 1]; i++) {
		memcpy(&text, (const char *)from + 8 * i, 8);
		memcpy(&n, (const char *)from + 8 * i, 8);
		if (kinds[i - 1] == 't' && text)
			text = keep(text);
		if (kinds[i - 1] == 't' ? text != NULL : n != LLM_UNKNOWN)
			memcpy((char *)to + 8 * i, kinds[i - 1] == 't' ? (void *)&text : &n, 8);
	}
}

static int same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static llm_run_row *find_run(tables *t, const char *workspace, const char *id)
{
	for (size_t i = 0; i < t->n_runs; i++)
		if (same(t->runs[i].workspace_id, workspace) && same(t->runs[i].id, id))
			return &t->runs[i];
	return NULL;
}

static llm_attempt_row *find_attempt(
	tables *t, const char *workspace, const char *run_id, int64_t seq)
{
	llm_attempt_row *a = t->attempts;

	for (; a < t->attempts + t->n_attempts; a++)
		if (same(a->workspace_id, workspace) && same(a->run_id, run_id) && a->seq == seq)
			return a;
	return NULL;
}

/* ---- operations: 1 row changed, 0, or LLM_E_CONFLICT ---- */

static int32_t run_begin(tables *t, const void *record)
{
	const llm_run_row *row = record;
	llm_run_row *r = find_run(t, row->workspace_id, row->id);
	int64_t version = r ? r->version : 0;

	if (r && !(same(r->status, "pending") && same(row->status, "running")))
		return LLM_E_CONFLICT;
	if (!r) {
		for (r = t->runs + t->n_runs++; r > t->runs && strcmp(r[-1].id, row->id) > 0; r--)
			r[0] = r[-1];
		*r = *row;
	}
	merge(r, row, run_kinds);
	r->version = version + 1;
	return 1;
}

static int32_t run_finish(tables *t, const void *record)
{
	const llm_run_row *row = record;
	llm_run_row *r = find_run(t, row->workspace_id, row->id);
	int ends = same(row->status, "failed") || same(row->status, "cancelled");

	if (!r || r->version != row->version || (!ends && !same(row->status, "succeeded")) ||
		!(same(r->status, "running") || (same(r->status, "pending") && ends)))
		return LLM_E_CONFLICT;
	merge(r, row, run_kinds);
	r->version++;
	return 1;
}

static int32_t attempt_put(tables *t, const void *record)
{
	const llm_attempt_row *row = record;

	if (find_attempt(t, row->workspace_id, row->run_id, row->seq))
		return 0;
	t->attempts[t->n_attempts] = *row;
	merge(&t->attempts[t->n_attempts++], row, attempt_kinds);
	return 1;
}

static int32_t mem_apply(
	void *handle, const llm_op *const *ops, size_t n, llm_op_result *const *results)
{
	static int32_t (*const known[])(tables *, const void *) = {
		NULL, run_begin, run_finish, attempt_put};
	const unit *u = handle;
	tables *t = &u->in->now;
	int32_t rc = writes(u), one;

	for (size_t i = 0; i < n && !rc; i++) {
		if (t->n_runs == MAX_ROWS || t->n_attempts == MAX_ROWS || used > sizeof(pool) / 2)
			return say(u, LLM_E_PERSISTENCE, "memstore is full");
		if (ops[i]->kind == LLM_OP_OWNER_BEAT) {
			results[i]->code = 0;
			results[i]->changed = 1; /* and forgotten: nobody is ever late */
			continue;
		}
		if (ops[i]->kind < LLM_OP_RUN_BEGIN || ops[i]->kind > LLM_OP_ATTEMPT_PUT)
			return say(u, LLM_E_UNSUPPORTED, "memstore has no such operation");
		one = known[ops[i]->kind](t, ops[i]->record);
		results[i]->code = one < 0 ? one : 0;
		results[i]->changed = one > 0;
	}
	return rc;
}

/* ---- questions ---- */

static int fits(const llm_run_row *r, const llm_filter *f)
{
	const char *const pairs[][2] = {{f->status, r->status}, {f->profile, r->profile},
		{f->provider, r->provider}, {f->model, r->resolved_model},
		{f->error_code, r->error_code}, {f->parent_run_id, r->parent_run_id}};
	const char *const texts[] = {
		r->requested_model, r->error_code, r->error_message, r->metadata_json};
	int found = !f->text;

	for (size_t i = 0; i < 6; i++)
		if (pairs[i][0] && !same(pairs[i][0], pairs[i][1]))
			return 0;
	for (size_t i = 0; i < 4 && !found; i++)
		found = texts[i] && strstr(texts[i], f->text);
	return found && (!f->cursor || strcmp(r->id, f->cursor) < 0) &&
		(!f->from_id || strcmp(r->id, f->from_id) >= 0) &&
		(f->from_us < 0 || r->created_us >= f->from_us) &&
		(f->to_us < 0 || r->created_us < f->to_us) &&
		r->cost_nanousd >= f->min_cost_nanousd && r->duration_ms >= f->min_duration_ms;
}

static int32_t mem_query(void *handle, uint32_t kind, const llm_filter *f, const llm_row_sink *out)
{
	const unit *u = handle;
	tables *t = u->in->writer && u->in->writer != u ? &u->in->before : &u->in->now;
	const llm_attempt_row *a;
	int64_t n = 0;
	int32_t rc = 0;

	if (kind < LLM_QUERY_RUN || kind > LLM_QUERY_ATTEMPTS)
		return say(u, LLM_E_UNSUPPORTED, "memstore has no such question");
	if (kind == LLM_QUERY_ATTEMPTS) {
		while (!rc && (a = find_attempt(t, f->workspace_id, f->id, ++n)))
			rc = out->row(out->ctx, a);
		return rc;
	}
	for (size_t i = t->n_runs; i-- > 0 && !rc && n != f->limit;)
		if (same(t->runs[i].workspace_id, f->workspace_id) &&
			(kind == LLM_QUERY_RUN ? same(t->runs[i].id, f->id) :
						 fits(&t->runs[i], f)) &&
			++n)
			rc = out->row(out->ctx, &t->runs[i]);
	return rc;
}

/* ---- connections ---- */

static int32_t mem_open(const llm_host *host, void **ret_unit)
{
	unit *u = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, sizeof(*u));
	const char *dsn = "";
	size_t i = 0;

	if (!u)
		return LLM_E_NOMEM;
	host->config(host->ctx, "dsn", &dsn, NULL);
	while (i < 15 && stores[i].dsn && !same(stores[i].dsn, dsn))
		i++;
	if (!stores[i].dsn)
		stores[i].dsn = keep(dsn);
	*u = (unit){host, &stores[i]};
	*ret_unit = u;
	return 0;
}

static int32_t mem_begin(void *handle)
{
	unit *u = handle;

	if (u->in->writer)
		return say(u, u->in->writer == u ? LLM_E_STATE : LLM_E_DB_BUSY, "it is open");
	u->in->before = u->in->now;
	u->in->writer = u;
	return 0;
}

static int32_t mem_commit(void *handle)
{
	unit *u = handle;

	if (writes(u))
		return LLM_E_STATE;
	u->in->writer = NULL;
	return 0;
}

static int32_t mem_rollback(void *handle)
{
	unit *u = handle;

	if (u->in->writer == u)
		u->in->now = u->in->before;
	return u->in->writer == u ? mem_commit(u) : 0;
}

static void mem_close(void *handle)
{
	mem_rollback(handle);
}

static void mem_interrupt(void *handle)
{
	(void)handle;
}

static const llm_storage_info *mem_describe(void)
{
	static const llm_key_info dsn = {
		sizeof(dsn), LLM_TYPE_STRING, "dsn", NULL, NULL, "the name of the store"};
	static const llm_key_info *const keys[] = {&dsn, NULL};
	static const llm_storage_info info = {sizeof(info), 0, "memstore", "Memory",
		1 << LLM_OP_RUN_BEGIN | 1 << LLM_OP_RUN_FINISH | 1 << LLM_OP_ATTEMPT_PUT |
			1 << LLM_OP_OWNER_BEAT,
		1 << LLM_QUERY_RUN | 1 << LLM_QUERY_RUNS | 1 << LLM_QUERY_ATTEMPTS, keys, NULL};

	return &info;
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_storage_vtable table = {.struct_size = sizeof(table),
		.describe = mem_describe,
		.open = mem_open,
		.close = mem_close,
		.begin = mem_begin,
		.commit = mem_commit,
		.rollback = mem_rollback,
		.interrupt = mem_interrupt,
		.apply = mem_apply,
		.query = mem_query};
	static const llm_plugin_part part = {LLM_KIND_STORAGE, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {LLM_PLUGIN_MAGIC, sizeof(desc), LLM_ABI_MINOR, 0, 0, 0,
		"org.example.memstore", "1.0.0", "MIT", parts, NULL};

	(void)host_minor;
	return &desc;
}
