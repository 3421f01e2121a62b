#include "route/price.h"

#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "wire/money.h"
#include "wire/num.h"

/* ---- reading ---- */

static int32_t price_refuse(const prices_set *set, const char *name, const char *text, llm_err *err)
{
	return err_set(err, LLM_E_CONFIG,
		"%s: %s = \"%.40s\" is no price\n"
		"expected: US dollars per million tokens, at most six decimals: \"0.0375\"",
		set->origin, name, text);
}

static int32_t price_amounts(const prices_set *set, price *ret, llm_err *err)
{
	int64_t value[PRICES_KINDS];
	size_t i;

	for (i = 0; i < PRICES_KINDS; i++) {
		const char *text = set->amount[i];

		value[i] = PRICE_UNKNOWN;
		if (text && !money_read(text, strlen(text), MONEY_PICO, &value[i]))
			return price_refuse(set, prices_names[i], text, err);
	}
	*ret = (price){value[PRICES_INPUT], value[PRICES_OUTPUT], value[PRICES_CACHE_READ],
		value[PRICES_CACHE_WRITE], value[PRICES_REASONING]};
	return 0;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static int64_t price_days(int64_t y, int64_t m, int64_t d)
{
	const int64_t shifted = m <= 2 ? y - 1 : y; /* years that begin in March */
	const int64_t era = shifted / 400, of_era = shifted % 400;
	const int64_t day = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day - 719468;
}

static int price_is_date(int64_t y, int64_t m, int64_t d)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int leap;

	if (y < 1970 || m < 1 || m > 12 || d < 1)
		return 0;
	leap = m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
	return d <= days[m - 1] + leap;
}

/* "2026-09-02", the beginning of that day in UTC. */
static int price_date(const char *text, int64_t *ret_us)
{
	int64_t y, m, d;

	if (strlen(text) != 10 || text[4] != '-' || text[7] != '-' || !num_read_i64(text, 4, &y) ||
		!num_read_i64(text + 5, 2, &m) || !num_read_i64(text + 8, 2, &d) ||
		!price_is_date(y, m, d))
		return 0;
	*ret_us = price_days(y, m, d) * INT64_C(86400000000);
	return 1;
}

static int32_t price_tiers(const prices_entry *e, arena *mem, price_row *row, llm_err *err)
{
	int32_t rc = 0;
	size_t i;

	row->n_tiers = e->n_tiers;
	row->tiers = arena_array(mem, e->n_tiers + 1, sizeof(*row->tiers));
	if (!row->tiers)
		return LLM_E_NOMEM;
	for (i = 0; !rc && i < e->n_tiers; i++) {
		const int64_t above = e->tiers[i].above_tokens;

		if (above < 1 || (i && above <= row->tiers[i - 1].above_tokens))
			return err_set(err, LLM_E_CONFIG,
				"%s: above_tokens is not above that of the tier before\n"
				"expected: whole numbers that grow, such as 200000",
				e->tiers[i].origin);
		row->tiers[i].above_tokens = above;
		rc = price_amounts(&e->tiers[i], &row->tiers[i].p, err);
	}
	return rc;
}

static int32_t price_row_of(const prices_entry *e, arena *mem, price_row *row, llm_err *err)
{
	int32_t rc;

	*row = (price_row){.rule = e->base.origin,
		.match = e->match,
		.prefix = e->prefix,
		.valid_from_us = INT64_MIN};
	if (!strchr(e->match, '/'))
		return err_set(err, LLM_E_CONFIG,
			"%s: \"%.100s\" names no provider\nexpected: PROVIDER/MODEL, or a prefix "
			"such as \"work/\"",
			row->rule, e->match);
	if (e->valid_from && !price_date(e->valid_from, &row->valid_from_us))
		return err_set(err, LLM_E_CONFIG,
			"%s: valid_from = \"%.40s\" is no date\nexpected: YYYY-MM-DD", row->rule,
			e->valid_from);
	rc = price_amounts(&e->base, &row->base, err);
	return rc ? rc : price_tiers(e, mem, row, err);
}

static int32_t price_check_twice(const price_table *t, size_t i, llm_err *err)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (t->rows[k].prefix == t->rows[i].prefix &&
			t->rows[k].valid_from_us == t->rows[i].valid_from_us &&
			strcmp(t->rows[k].match, t->rows[i].match) == 0)
			return err_set(err, LLM_E_CONFIG,
				"%s: \"%.100s\" has two prices from the same day (the other: %s)\n"
				"remove one, or give it a valid_from",
				t->rows[i].rule, t->rows[i].match, t->rows[k].rule);
	return 0;
}

static int32_t price_version(const char *text, size_t len, arena *mem, const char **ret)
{
	char hex[SHA256_HEX];
	sha256 *h = sha256_new();
	int32_t rc = h ? sha256_add(h, text, len) : LLM_E_NOMEM;

	if (rc) {
		sha256_free(h);
		return rc;
	}
	rc = sha256_hex(h, hex);
	if (rc)
		return rc;
	*ret = arena_str(mem, hex);
	return *ret ? 0 : LLM_E_NOMEM;
}

int32_t price_table_text(
	const char *text, size_t len, const char *name, arena *mem, price_table *ret, llm_err *err)
{
	prices_entry *entries = NULL;
	price_table t = {NULL, 0, ""};
	int32_t rc;
	size_t i;

	rc = prices_parse(text, len, name, mem, &entries, &t.n, err);
	if (rc)
		return rc;
	rc = price_version(text, len, mem, &t.version);
	t.rows = arena_array(mem, t.n + 1, sizeof(*t.rows));
	if (!rc && !t.rows)
		rc = LLM_E_NOMEM;
	for (i = 0; !rc && i < t.n; i++) {
		rc = price_row_of(&entries[i], mem, &t.rows[i], err);
		if (!rc)
			rc = price_check_twice(&t, i, err);
	}
	if (rc == LLM_E_NOMEM)
		return err_set(err, rc, "no memory for the prices of %s", name);
	if (!rc)
		*ret = t;
	return rc;
}

int32_t price_table_read(const char *path, arena *mem, price_table *ret, llm_err *err)
{
	const char *text;
	size_t len;
	int32_t rc = prices_load(path, mem, &text, &len, err);

	return rc ? rc : price_table_text(text, len, path, mem, ret, err);
}

int32_t price_of_model(const conf_model *m, arena *mem, const price_row **ret, llm_err *err)
{
	const prices_entry e = {.match = m->id, .base = m->price};
	price_row *row;
	int32_t rc;

	if (!m->price.amount[PRICES_INPUT] && !m->price.amount[PRICES_OUTPUT]) {
		*ret = NULL;
		return 0;
	}
	row = arena_new(mem, sizeof(*row));
	rc = row ? price_row_of(&e, mem, row, err) : LLM_E_NOMEM;
	if (rc == LLM_E_NOMEM)
		err_set(err, rc, "no memory for the price of %s", m->id);
	if (!rc)
		*ret = row;
	return rc;
}

/* ---- finding ---- */

/* The length of what matches; 0: nothing. An exact match is longer than any beginning. */
static size_t price_match(const price_row *row, const char *id)
{
	const size_t len = strlen(row->match);

	if (!row->prefix)
		return strcmp(row->match, id) == 0 ? SIZE_MAX : 0;
	return strncmp(row->match, id, len) == 0 ? len : 0;
}

const price_row *price_find(const price_table *t, const char *id, int64_t start_us)
{
	const price_row *best = NULL;
	size_t best_len = 0, i;

	for (i = 0; i < t->n; i++) {
		const price_row *row = &t->rows[i];
		const size_t len = row->valid_from_us <= start_us ? price_match(row, id) : 0;

		if (!len || len < best_len ||
			(len == best_len && row->valid_from_us < best->valid_from_us))
			continue;
		best = row;
		best_len = len;
	}
	return best;
}

const price *price_for(const price_row *row, int64_t input_tokens)
{
	const price *p = &row->base;
	size_t i;

	for (i = 0; i < row->n_tiers; i++)
		if (input_tokens > row->tiers[i].above_tokens)
			p = &row->tiers[i].p;
	return p;
}
