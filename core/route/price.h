/*
 * price.h - what tokens cost, in whole numbers.
 *
 * Prices are picodollars a token, costs picodollars until the end of a run, then
 * nanodollars, rounded once, half to even. Unknown is never 0 (R-COST-6). Nothing here is
 * a floating-point number.
 */
#ifndef LLM_ROUTE_PRICE_H
#define LLM_ROUTE_PRICE_H

#include "base/arena.h"
#include "conf/conf.h"
#include "llm/error.h"

#define PRICE_UNKNOWN INT64_C(-1)

typedef struct price { /* picodollars a token; PRICE_UNKNOWN */
	int64_t input;
	int64_t output;
	int64_t cache_read; /* unknown: as input */
	int64_t cache_write; /* unknown: as input */
	int64_t reasoning; /* unknown: as output */
} price;

typedef struct price_tier {
	int64_t above_tokens; /* of input in all: the whole request costs `p` from there on */
	price p;
} price_tier;

typedef struct price_row {
	const char *rule; /* "prices.conf:12": kept with the run */
	const char *match; /* "gemini/gemini-3.8-flash", or how its names begin */
	int prefix;
	int64_t valid_from_us; /* UTC; INT64_MIN: always */
	price base;
	price_tier *tiers; /* ascending */
	size_t n_tiers;
} price_row;

/* All of it lives in one arena. */
typedef struct price_table {
	price_row *rows;
	size_t n;
	const char *version; /* SHA-256 of the file; "" where there is none */
} price_table;

/* The table of a price file. LLM_E_CONFIG naming file, line and what is expected. */
int32_t price_table_read(const char *path, arena *mem, price_table *ret, llm_err *err);
/* The row that a model of the configuration stands for; null where it says no price. */
int32_t price_of_model(const conf_model *m, arena *mem, const price_row **ret, llm_err *err);
/* The same from text; `name` stands for the file in messages and rules. */
int32_t price_table_text(
	const char *text, size_t len, const char *name, arena *mem, price_table *ret, llm_err *err);

/*
 * The row for `id`, exactly, then by the longest beginning; of several that match alike
 * the one that is valid last at `start_us`. Null: the price is not known. Aliases are
 * followed before (R-COST-7).
 */
const price_row *price_find(const price_table *t, const char *id, int64_t start_us);
/* The prices for a request with so many tokens of input in all (R-COST-5). */
const price *price_for(const price_row *row, int64_t input_tokens);

/* ---- cost ---- */

#define COST_UNKNOWN 1u /* usage or price of an attempt is not known */
#define COST_OVERFLOW 2u

/* The cost of a run: all of its attempts that reported usage. All zero: nothing yet. */
typedef struct cost {
	int64_t picousd;
	uint32_t flags; /* COST_* */
	uint32_t attempts;
} cost;

/* Subsets that contradict the whole are cut, and *flags gets LLM_USAGE_INCONSISTENT (R-COST-1). */
void cost_clamp(llm_usage *u);
/* A line of the bill: so many tokens at so much each. */
typedef struct cost_term {
	const char *kind; /* "input", "output", "cache_read", "cache_write", "reasoning" */
	int64_t tokens;
	int64_t picousd; /* a token; PRICE_UNKNOWN */
} cost_term;

#define COST_TERMS 5
/* What usage is charged for; a line may be of no tokens. 0: a count or the price is not known. */
int cost_terms(const price_row *row, const llm_usage *usage, cost_term ret[COST_TERMS]);
/* `row` null: not known. */
void cost_add(cost *c, const price_row *row, const llm_usage *usage);
/* 1 and nanodollars, half to even; 0 when it is not known or did not fit (NULL, not 0). */
int cost_nanousd(const cost *c, int64_t *ret);

#endif
