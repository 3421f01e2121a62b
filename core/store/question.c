/*
 * question.c - rows of a storage are borrowed for a moment: what is to be read when the
 * transaction is over is copied, each kind by the places of its texts and bytes.
 */
#include "store/question.h"

#include <stddef.h>
#include <string.h>

#include "base/err.h"

/* ---- what rows are made of ---- */

#define TEXTS 24
#define AT(type, member) (uint16_t) offsetof(type, member)

/* Behind struct_size, which is never a text: 0 ends the list. */
typedef struct row_shape {
	uint16_t size;
	uint16_t bytes; /* an llm_bytes, or 0 */
	uint16_t texts[TEXTS];
} row_shape;

static const row_shape idem_shape = {sizeof(llm_idem_row), AT(llm_idem_row, response),
	{AT(llm_idem_row, workspace_id), AT(llm_idem_row, operation), AT(llm_idem_row, key_hash),
		AT(llm_idem_row, fingerprint), AT(llm_idem_row, state), AT(llm_idem_row, owner_id),
		AT(llm_idem_row, run_id), AT(llm_idem_row, error_code)}};
static const row_shape cache_shape = {sizeof(llm_cache_row), AT(llm_cache_row, value),
	{AT(llm_cache_row, workspace_id), AT(llm_cache_row, key), AT(llm_cache_row, run_id),
		AT(llm_cache_row, candidate_id), AT(llm_cache_row, value_sha256)}};
static const row_shape spend_shape = {.size = sizeof(llm_spend_row)};
static const row_shape health_shape = {sizeof(llm_health_row), 0,
	{AT(llm_health_row, candidate), AT(llm_health_row, state),
		AT(llm_health_row, counters_json)}};

static const row_shape owner_shape = {
	sizeof(llm_owner_row), 0, {AT(llm_owner_row, id), AT(llm_owner_row, key_print)}};

static const row_shape *shape_of(uint32_t kind)
{
	switch (kind) {
	case LLM_QUERY_IDEM:
		return &idem_shape;
	case LLM_QUERY_CACHE:
		return &cache_shape;
	case LLM_QUERY_SPEND:
		return &spend_shape;
	case LLM_QUERY_HEALTH:
		return &health_shape;
	case LLM_QUERY_OWNERS:
		return &owner_shape;
	default:
		return NULL;
	}
}

/* ---- copies ---- */

static int32_t copy_text(arena *ar, char *at)
{
	const char *text;

	memcpy(&text, at, sizeof(text));
	if (!text)
		return 0;
	text = arena_str(ar, text);
	memcpy(at, &text, sizeof(text));
	return text ? 0 : LLM_E_NOMEM;
}

static int32_t copy_bytes(arena *ar, char *at)
{
	llm_bytes b;

	memcpy(&b, at, sizeof(b));
	if (!b.ptr)
		return 0;
	b.ptr = arena_dup(ar, b.ptr, b.len);
	memcpy(at, &b, sizeof(b));
	return b.ptr ? 0 : LLM_E_NOMEM;
}

/* One of a backend that knows a shorter row is filled up with zeroes. */
static int32_t copy_row(arena *ar, const row_shape *shape, const void *row, void **ret)
{
	const uint16_t *text = shape->texts;
	char *copy = arena_new(ar, shape->size);
	uint32_t size;
	int32_t rc;

	if (!copy)
		return LLM_E_NOMEM;
	memcpy(&size, row, sizeof(size));
	memcpy(copy, row, size < shape->size ? size : shape->size);
	size = shape->size;
	memcpy(copy, &size, sizeof(size));
	rc = shape->bytes ? copy_bytes(ar, copy + shape->bytes) : 0;
	for (; !rc && *text; text++)
		rc = copy_text(ar, copy + *text);
	*ret = copy;
	return rc;
}

/* ---- the question ---- */

static int32_t own_filter(arena *ar, const llm_filter *from, llm_filter *to)
{
	const char **const texts[] = {&to->workspace_id, &to->id, &to->operation, &to->cursor,
		&to->status, &to->profile, &to->provider, &to->model, &to->error_code,
		&to->parent_run_id, &to->text, &to->from_id};
	size_t i;
	int32_t rc = 0;

	*to = *from;
	for (i = 0; !rc && i < sizeof(texts) / sizeof(texts[0]); i++)
		rc = copy_text(ar, (char *)(void *)texts[i]);
	return rc;
}

int32_t question_new(arena *ar, uint32_t kind, const llm_filter *filter, question **ret)
{
	question *q;

	if (!shape_of(kind))
		return LLM_E_UNSUPPORTED;
	q = arena_new(ar, sizeof(*q));
	if (!q || own_filter(ar, filter, &q->filter))
		return LLM_E_NOMEM;
	q->kind = kind;
	q->ar = ar;
	*ret = q;
	return 0;
}

static int32_t make_room(question *q)
{
	const size_t room = q->room ? q->room * 4 : 1;
	const void **rows;

	if (q->n < q->room)
		return 0;
	if (q->n == QUESTION_MAX)
		return LLM_E_TOO_LARGE;
	rows = arena_array(q->ar, room, sizeof(*rows));
	if (!rows)
		return LLM_E_NOMEM;
	if (q->n)
		memcpy(rows, q->rows, q->n * sizeof(*rows));
	q->rows = rows;
	q->room = room;
	return 0;
}

static int32_t on_row(void *ctx, const void *row)
{
	question *q = ctx;
	void *copy = NULL;
	int32_t rc = make_room(q);

	if (!rc)
		rc = copy_row(q->ar, shape_of(q->kind), row, &copy);
	if (!rc)
		q->rows[q->n++] = copy;
	return rc;
}

int32_t question_ask(question *q, llm_unit *u, llm_err *err)
{
	const llm_row_sink sink = {sizeof(sink), 0, q, on_row};

	q->n = 0;
	if (q->kind == LLM_QUERY_OWNERS && !storage_has_query(u->storage, q->kind))
		return 0; /* whoever asks wants to know of others, if there are any */
	return unit_query(u, q->kind, &q->filter, &sink, err);
}
