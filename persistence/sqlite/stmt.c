/*
 * stmt.c - prepared statements: values bound from records, rows read into records.
 */
#include <string.h>

#include <sqlite3.h>

#include "unit.h"

/* The largest of the records that rows are read into. */
typedef union any_record {
	llm_run_row run;
	llm_attempt_row attempt;
	llm_stage_row stage;
	llm_content_row content;
	llm_idem_row idem;
	llm_cache_row cache;
	llm_stat_row stat;
	llm_spend_row spend;
	llm_health_row health;
	llm_budget_row budget;
} any_record;

/* ---- preparing ---- */

static int32_t stmt_map(unit *u, prepared *p, const statement *s)
{
	const char *name;
	uint32_t i;

	p->n_in = (uint32_t)u->q->bind_parameter_count(p->stmt);
	p->n_out = s->out ? (uint32_t)u->q->column_count(p->stmt) : 0;
	if (p->n_out > UNIT_MAX_VALUES)
		p->n_out = UNIT_MAX_VALUES; /* a later schema: ours are in front */
	for (i = 0; i < p->n_in && i < UNIT_MAX_VALUES; i++) {
		name = u->q->bind_parameter_name(p->stmt, (int32_t)i + 1);
		p->in[i] = name && s->in ? columns_find(s->in, name + 1) : NULL;
		if (!p->in[i])
			return unit_say(u, LLM_E_INTERNAL, "a parameter has no column", name);
	}
	for (i = 0; i < p->n_out; i++)
		p->out[i] = columns_find(s->out, u->q->column_name(p->stmt, (int32_t)i));
	return p->n_in > UNIT_MAX_VALUES ?
		unit_say(u, LLM_E_INTERNAL, "a statement has too many parameters", NULL) :
		0;
}

int32_t stmt_ready(unit *u, unsigned which)
{
	prepared *p = &u->cache[which];
	int32_t rc;

	if (p->stmt)
		return 0;
	rc = u->q->prepare(u->db, statements[which].sql, &p->stmt);
	if (rc)
		return unit_failed(u, rc, "cannot prepare a statement");
	rc = stmt_map(u, p, &statements[which]);
	if (rc) {
		u->q->finalize(p->stmt);
		p->stmt = NULL;
	}
	return rc;
}

void stmt_finish(unit *u)
{
	unsigned i;

	for (i = 0; i < ST_COUNT; i++) {
		if (u->cache[i].stmt)
			u->q->finalize(u->cache[i].stmt);
		u->cache[i].stmt = NULL;
	}
}

/* ---- values ---- */

/* What is not said stays NULL: a statement is cleared when it is reset. */
static int32_t bind_one(unit *u, void *stmt, int32_t i, const column *c, const void *record)
{
	const char *at = (const char *)record + c->at;
	const char *text;
	llm_bytes bytes;
	uint32_t flag;
	int64_t number;

	switch (c->type) {
	case COLUMN_TEXT:
		memcpy(&text, at, sizeof(text));
		return text ? u->q->bind_text(stmt, i, text, strlen(text)) : 0;
	case COLUMN_BYTES:
		memcpy(&bytes, at, sizeof(bytes));
		return bytes.ptr ? u->q->bind_blob(stmt, i, bytes.ptr, bytes.len) : 0;
	case COLUMN_FLAG:
		memcpy(&flag, at, sizeof(flag));
		return u->q->bind_int64(stmt, i, flag != 0);
	default:
		memcpy(&number, at, sizeof(number));
		return number == LLM_UNKNOWN ? 0 : u->q->bind_int64(stmt, i, number);
	}
}

/* Ready, its parameters bound. */
static int32_t stmt_begin(unit *u, unsigned which, const void *record)
{
	prepared *p = &u->cache[which];
	uint32_t i, size = 0;
	int32_t rc = 0;

	if (record)
		memcpy(&size, record, sizeof(size));
	if (statements[which].in && size < statements[which].in->size)
		return unit_say(u, LLM_E_UNSUPPORTED, "a record is shorter than that of ABI 1.0",
			statements[which].in->table);
	rc = stmt_ready(u, which);
	if (rc)
		return rc;
	for (i = 0; i < p->n_in && record && p->in[i] && !rc; i++)
		rc = bind_one(u, p->stmt, (int32_t)i + 1, p->in[i], record);
	if (!rc)
		return 0;
	u->q->reset(p->stmt);
	return unit_failed(u, rc, "cannot bind a value");
}

static void read_one(const unit *u, void *stmt, int32_t i, const column *c, char *at)
{
	const char *text;
	llm_bytes bytes;
	uint32_t flag;
	int64_t number;

	if (u->q->column_type(stmt, i) == SQLITE_NULL)
		return; /* cleared: not said */
	switch (c->type) {
	case COLUMN_TEXT:
		text = u->q->column_text(stmt, i);
		memcpy(at, &text, sizeof(text));
		break;
	case COLUMN_BYTES:
		bytes.ptr = u->q->column_blob(stmt, i);
		bytes.len = (size_t)u->q->column_bytes(stmt, i);
		memcpy(at, &bytes, sizeof(bytes));
		break;
	case COLUMN_FLAG:
		flag = u->q->column_int64(stmt, i) != 0;
		memcpy(at, &flag, sizeof(flag));
		break;
	default:
		number = u->q->column_int64(stmt, i);
		memcpy(at, &number, sizeof(number));
	}
}

static void read_row(const unit *u, unsigned which, any_record *ret)
{
	const prepared *p = &u->cache[which];
	uint32_t i;

	columns_clear(statements[which].out, ret);
	for (i = 0; i < p->n_out; i++)
		if (p->out[i])
			read_one(u, p->stmt, (int32_t)i, p->out[i], (char *)ret + p->out[i]->at);
}

/* ---- running ---- */

int32_t stmt_exec(unit *u, unsigned which, const void *record, int64_t *ret_changed)
{
	int32_t rc = stmt_begin(u, which, record);

	if (rc)
		return rc;
	rc = u->q->step(u->cache[which].stmt);
	if (rc != SQLITE_DONE) {
		rc = unit_failed(u, rc, "cannot write");
		u->q->reset(u->cache[which].stmt);
		return rc;
	}
	if (ret_changed)
		*ret_changed = u->q->changes(u->db);
	u->q->reset(u->cache[which].stmt);
	return 0;
}

int32_t stmt_rows(unit *u, unsigned which, const void *record, const llm_row_sink *out)
{
	any_record row;
	int32_t rc = stmt_begin(u, which, record), step = SQLITE_ROW;

	while (!rc) {
		step = u->q->step(u->cache[which].stmt);
		if (step != SQLITE_ROW)
			break;
		read_row(u, which, &row);
		rc = out->row(out->ctx, &row);
	}
	if (!rc && step != SQLITE_DONE)
		rc = unit_failed(u, step, "cannot read");
	if (u->cache[which].stmt)
		u->q->reset(u->cache[which].stmt);
	return rc;
}

int32_t stmt_number(unit *u, const char *sql, int64_t *ret)
{
	void *stmt = NULL;
	int32_t rc = u->q->prepare(u->db, sql, &stmt);

	if (rc)
		return unit_failed(u, rc, "cannot look at the schema");
	rc = u->q->step(stmt);
	if (rc == SQLITE_ROW && u->q->column_type(stmt, 0) != SQLITE_NULL) {
		*ret = u->q->column_int64(stmt, 0);
		rc = 0;
	} else {
		rc = rc == SQLITE_ROW || rc == SQLITE_DONE ?
			LLM_E_NOT_FOUND :
			unit_failed(u, rc, "cannot look at the schema");
	}
	u->q->finalize(stmt);
	return rc;
}
