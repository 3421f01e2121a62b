/*
 * pricing.h - what runs cost: the prices of a configuration, the sum of a run, budgets.
 *
 * Without a price and without a budget nothing here does anything. Loop thread only, once
 * it is made.
 */
#ifndef LLM_RUN_PRICING_H
#define LLM_RUN_PRICING_H

#include "llm/service.h"
#include "route/budget.h"
#include "route/price.h"

struct attempt;
struct llm_call;

typedef struct pricing {
	arena ar;
	const price_row **own; /* of models in the configuration */
	size_t n_own;
	price_table *files;
	size_t n_files;
	int on; /* there is a price */
	int dated; /* some hold from a day on */
	uint64_t serial; /* of these prices; never 0 */
	budget_rules rules; /* the accounts are the service's, */
	uint32_t counted; /* or the storage's: COUNTED_*, 0 */
} pricing;

/* LLM_E_CONFIG for a price file that is wrong or not there, LLM_E_NOMEM. */
int32_t pricing_init(pricing *p, llm_service *svc, const conf *c, llm_err *err);
void pricing_done(pricing *p);
/* As pricing_init, for who only wants to know. */
int32_t pricing_check(const conf *c, const llm_allocator *mem, llm_err *err);

/* What a row is found for, kept from run to run. All zero: not looked up. */
typedef struct priced {
	const price_row *row; /* null: no price is known */
	const char *version;
	uint64_t serial;
	int64_t from_us; /* it holds for runs that start from here */
	int64_t until_us; /* to here, which is not included */
} priced;

struct target;
/* The price of a target for this run, looked up again when that may have changed. */
const price_row *pricing_of(struct llm_call *c, const struct target *t);

/* Does the storage that it is recorded in count what it costs? */
int pricing_is_counted(const struct llm_call *c);
/* Before the first attempt: LLM_E_BUDGET_EXCEEDED, LLM_E_NOMEM with `err` filled. */
int32_t pricing_reserve(struct llm_call *c, llm_err *err);
/* An attempt has ended, and c->res.usage is its own. */
void pricing_attempt(struct llm_call *c, const struct attempt *a, int32_t code);
/* The run has ended. */
void pricing_run(struct llm_call *c);

#endif
