/*
 * stmt.c - statements: their values taken from records, rows read into records.
 *
 * Everything travels as bytes in network order, so nothing depends on a locale, a time
 * zone or how a server likes to write numbers.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "unit.h"

/* Types of parameters by their fixed numbers in pg_type. */
enum { OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_TEXT = 25 };

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
} any_record;

/* ---- maps ---- */

/* The name is a hash of the text, so every process gives a statement the same one. */
static void map_name(map *m, const char *sql)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *sql; sql++)
		hash = (hash ^ (unsigned char)*sql) * UINT64_C(1099511628211);
	snprintf(m->name, sizeof(m->name), "llm_%016llx", (unsigned long long)hash);
}

static int32_t map_parameters(unit *u, const statement *s, map *m)
{
	const char *at = s->names;
	char name[48];
	size_t n;

	for (m->n_in = 0; at && *at; at += n + (at[n] == ' ')) {
		n = strcspn(at, " ");
		if (m->n_in == UNIT_MAX_VALUES || n >= sizeof(name))
			return unit_say(
				u, LLM_E_INTERNAL, "a statement has too many parameters", at);
		memcpy(name, at, n);
		name[n] = '\0';
		m->in[m->n_in] = s->in ? columns_find(s->in, name) : NULL;
		if (!m->in[m->n_in++])
			return unit_say(u, LLM_E_INTERNAL, "a parameter has no column", name);
	}
	return 0;
}

int32_t stmt_map(unit *u, const statement *s, map **ret)
{
	const int listed = s >= statements && s < statements + ST_COUNT;
	map *m = listed ? &u->maps[s - statements] : &u->other;
	int32_t rc = 0;

	if (!listed)
		memset(m, 0, sizeof(*m));
	if (!m->in_known) {
		rc = map_parameters(u, s, m);
		map_name(m, s->sql);
		m->in_known = !rc;
	}
	*ret = m;
	return rc;
}

static void map_results(const unit *u, const statement *s, map *m, const void *result)
{
	uint32_t i;

	if (m->out_known)
		return;
	m->n_out = (uint32_t)u->q->nfields(result);
	if (m->n_out > UNIT_MAX_VALUES)
		m->n_out = UNIT_MAX_VALUES;
	for (i = 0; i < m->n_out; i++)
		m->out[i] = columns_find(s->out, u->q->fname(result, (int32_t)i));
	m->out_known = 1;
}

/* ---- text ---- */

static int is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Bytes of the character at `s`, 0: it is none. Behind the end lies a NUL, which is no tail. */
static size_t text_step(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return is_tail(s[1]) ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] <= 0xef) {
		if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
			return 0;
		return is_tail(s[1]) && is_tail(s[2]) ? 3 : 0;
	}
	if (s[0] < 0xf0 || s[0] > 0xf4 || (s[0] == 0xf0 && s[1] < 0x90) ||
		(s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return is_tail(s[1]) && is_tail(s[2]) && is_tail(s[3]) ? 4 : 0;
}

static int text_is_utf8(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n;

	for (; *s; s += n) {
		n = text_step(s);
		if (!n)
			return 0;
	}
	return 1;
}

/* ---- values ---- */

int32_t stmt_check(unit *u, const statement *s, const map *m, const void *record)
{
	const char *text;
	uint32_t size = 0, i;

	if (!s->in || !record)
		return 0;
	memcpy(&size, record, sizeof(size));
	if (size < s->in->size)
		return unit_say(u, LLM_E_UNSUPPORTED, "a record is shorter than that of ABI 1.0",
			s->in->table);
	for (i = 0; i < m->n_in; i++) {
		if (m->in[i]->type != COLUMN_TEXT)
			continue;
		memcpy(&text, (const char *)record + m->in[i]->at, sizeof(text));
		if (text && !text_is_utf8(text))
			return unit_say(u, LLM_E_INVALID_REQUEST,
				"the text is no valid UTF-8, which this database cannot keep",
				m->in[i]->name);
	}
	return 0;
}

void stmt_types(const map *m, uint32_t *ret)
{
	static const uint32_t oids[] = {[COLUMN_TEXT] = OID_TEXT,
		[COLUMN_NUMBER] = OID_INT8,
		[COLUMN_FLAG] = OID_INT2,
		[COLUMN_BYTES] = OID_BYTEA};
	uint32_t i;

	for (i = 0; i < m->n_in; i++)
		ret[i] = oids[m->in[i]->type];
}

static void value_number(values *v, uint32_t i, int64_t number)
{
	if (number == LLM_UNKNOWN)
		return;
	v->numbers[i] = htobe64((uint64_t)number);
	v->list[i] = (const char *)&v->numbers[i];
	v->lengths[i] = sizeof(v->numbers[i]);
}

static void value_flag(values *v, uint32_t i, uint32_t flag)
{
	const uint16_t number = htobe16(flag != 0);

	memcpy(&v->numbers[i], &number, sizeof(number));
	v->list[i] = (const char *)&v->numbers[i];
	v->lengths[i] = sizeof(number);
}

/* Bytes of length 0 are no NULL. */
static void value_bytes(values *v, uint32_t i, const char *bytes, size_t n)
{
	v->list[i] = bytes;
	v->lengths[i] = (int32_t)n;
}

static void value_of(values *v, uint32_t i, const column *c, const char *at)
{
	const char *text;
	llm_bytes bytes;
	uint32_t flag;
	int64_t number;

	switch (c->type) {
	case COLUMN_TEXT:
		memcpy(&text, at, sizeof(text));
		value_bytes(v, i, text, text ? strlen(text) : 0);
		break;
	case COLUMN_BYTES:
		memcpy(&bytes, at, sizeof(bytes));
		value_bytes(v, i, bytes.ptr, bytes.len);
		break;
	case COLUMN_FLAG:
		memcpy(&flag, at, sizeof(flag));
		value_flag(v, i, flag);
		break;
	default:
		memcpy(&number, at, sizeof(number));
		value_number(v, i, number);
	}
}

void stmt_values(const map *m, const void *record, values *ret)
{
	uint32_t i;

	stmt_types(m, ret->types);
	for (i = 0; i < m->n_in; i++) {
		ret->list[i] = NULL;
		ret->lengths[i] = 0;
		ret->formats[i] = 1;
		if (record)
			value_of(ret, i, m->in[i], (const char *)record + m->in[i]->at);
	}
}

/* ---- rows ---- */

/* An integer of whichever width the server has for it. */
static int64_t read_number(const char *at, int32_t length)
{
	uint64_t wide;
	uint32_t middle;
	uint16_t narrow;

	if (length == sizeof(wide)) {
		memcpy(&wide, at, sizeof(wide));
		return (int64_t)be64toh(wide);
	}
	if (length == sizeof(middle)) {
		memcpy(&middle, at, sizeof(middle));
		return (int32_t)be32toh(middle);
	}
	memcpy(&narrow, at, sizeof(narrow));
	return (int16_t)be16toh(narrow);
}

static void read_one(const column *c, const char *value, int32_t length, char *at)
{
	llm_bytes bytes = {value, (size_t)length};
	uint32_t flag;
	int64_t number;

	switch (c->type) {
	case COLUMN_TEXT:
		memcpy(at, &value, sizeof(value)); /* libpq puts a NUL behind each value */
		break;
	case COLUMN_BYTES:
		memcpy(at, &bytes, sizeof(bytes));
		break;
	case COLUMN_FLAG:
		flag = read_number(value, length) != 0;
		memcpy(at, &flag, sizeof(flag));
		break;
	default:
		number = read_number(value, length);
		memcpy(at, &number, sizeof(number));
	}
}

static void read_row(
	const unit *u, const statement *s, const map *m, const void *result, int32_t row, char *ret)
{
	int32_t i;

	columns_clear(s->out, ret);
	for (i = 0; i < (int32_t)m->n_out; i++)
		if (m->out[i] && !u->q->getisnull(result, row, i))
			read_one(m->out[i], u->q->getvalue(result, row, i),
				u->q->getlength(result, row, i), ret + m->out[i]->at);
}

int32_t stmt_rows(unit *u, const statement *s, map *m, const void *result, const llm_row_sink *out)
{
	const int32_t n = u->q->ntuples(result);
	any_record record;
	int32_t row, rc = 0;

	map_results(u, s, m, result);
	for (row = 0; row < n && !rc; row++) {
		read_row(u, s, m, result, row, (char *)&record);
		rc = out->row(out->ctx, &record);
	}
	return rc;
}

int64_t stmt_changed(const unit *u, void *result)
{
	const char *text = u->q->cmd_tuples(result);
	int64_t n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (*text - '0');
	return n;
}
