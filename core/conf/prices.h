/*
 * prices.h - a file of prices as it is written: texts, each with its place.
 *
 *	prices = (
 *	  { model = "work/large"; valid_from = "2026-09-02";
 *	    input = "0.30"; output = "2.50"; cache_read = "0.03";
 *	    tiers = ( { above_tokens = 200000; input = "0.60"; output = "5"; } ); },
 *	  { prefix = "work/"; input = "1"; output = "2"; }
 *	);
 */
#ifndef LLM_CONF_PRICES_H
#define LLM_CONF_PRICES_H

#include "base/arena.h"
#include "llm/error.h"

enum {
	PRICES_INPUT = 0,
	PRICES_OUTPUT,
	PRICES_CACHE_READ,
	PRICES_CACHE_WRITE,
	PRICES_REASONING,
	PRICES_KINDS
};
extern const char *const prices_names[PRICES_KINDS]; /* "input", ... */

typedef struct prices_set {
	const char *amount[PRICES_KINDS]; /* US dollars per million tokens; null: not said */
	int64_t above_tokens; /* of a tier */
	const char *origin; /* "prices.conf:12" */
} prices_set;

typedef struct prices_entry {
	const char *match;
	int prefix;
	const char *valid_from; /* or null */
	prices_set base;
	prices_set *tiers;
	size_t n_tiers;
} prices_entry;

/* Entries in `mem`. LLM_E_CONFIG, LLM_E_NOMEM. */
int32_t prices_parse(const char *text, size_t len, const char *name, arena *mem, prices_entry **ret,
	size_t *ret_n, llm_err *err);
/* A whole file of at most 1 MiB, in `mem`. */
int32_t prices_load(
	const char *path, arena *mem, const char **ret_text, size_t *ret_len, llm_err *err);

#endif
