#include "pricing.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "attempt.h"
#include "base/err.h"
#include "planning.h"
#include "routing.h"
#include "wire/money.h"

#define USUAL_OUTPUT 1024 /* tokens, where the request sets no limit */
#define ID_MAX 512

static pricing *of(const llm_call *c)
{
	return &c->set->routing->prices;
}

/* ---- making ---- */

static int is_dated(const price_table *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->rows[i].valid_from_us != INT64_MIN)
			return 1;
	return 0;
}

static int32_t read_files(pricing *p, const conf *c, llm_err *err)
{
	int32_t rc = 0;
	size_t i;

	if (!c->n_price_files)
		return 0;
	p->files = arena_array(&p->ar, c->n_price_files, sizeof(*p->files));
	if (!p->files)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	for (i = 0; !rc && i < c->n_price_files; i++) {
		rc = price_table_read(c->price_files[i], &p->ar, &p->files[i], err);
		p->n_files += !rc;
		p->on |= !rc && p->files[i].n;
		p->dated |= !rc && is_dated(&p->files[i]);
	}
	return rc;
}

static int32_t read_own(pricing *p, const conf *c, llm_err *err)
{
	int32_t rc = 0;
	size_t i;

	for (i = 0; !rc && i < c->n_models; i++) {
		const price_row *row = NULL;

		rc = price_of_model(&c->models[i], &p->ar, &row, err);
		if (rc || !row)
			continue;
		if (!p->own)
			p->own = arena_array(&p->ar, c->n_models, sizeof(void *));
		if (!p->own)
			return err_set(err, LLM_E_NOMEM, "out of memory");
		p->own[p->n_own++] = row;
		p->on = 1;
	}
	return rc;
}

/* Checked by its key already. */
static int64_t nanousd(const char *text)
{
	int64_t n = 0;

	if (text)
		(void)money_read(text, strlen(text), MONEY_NANO, &n);
	return n;
}

/* Budgets that were set in the storage, and none that is configured. */
static int32_t check_counted(const conf *c, const budget_rules *rules, llm_err *err)
{
	if (c->budget.counted != COUNTED_STORAGE)
		return 0;
	if (rules->usual_nanousd <= 0)
		return err_set(err, LLM_E_CONFIG,
			"a budget needs the cost of a run whose price is not known\n"
			"set default_cost beside counted");
	if (!conf_has_storage(c) || c->storage.ledger == LEDGER_OFF)
		return err_set(err, LLM_E_CONFIG,
			"budget.counted is \"storage\", and runs are not on record\n"
			"configure a storage with ledger = \"strict\", or leave it out");
	return 0;
}

static int32_t read_all(pricing *p, const conf *c, llm_err *err)
{
	int32_t rc;

	p->rules = (budget_rules){.limit_nanousd = nanousd(c->budget.limit),
		.usual_nanousd = nanousd(c->budget.default_cost),
		.window_ms = c->budget.window};
	p->counted = c->budget.counted;
	rc = budgets_check(&p->rules, err);
	if (!rc)
		rc = check_counted(c, &p->rules, err);
	if (!rc)
		rc = read_own(p, c, err);
	return rc ? rc : read_files(p, c, err);
}

int32_t pricing_init(pricing *p, llm_service *svc, const conf *c, llm_err *err)
{
	arena_init(&p->ar, &svc->mem, 0);
	p->serial = atomic_fetch_add(&svc->n_prices, 1) + 1;
	return read_all(p, c, err);
}

int32_t pricing_check(const conf *c, const llm_allocator *mem, llm_err *err)
{
	pricing p = {0};
	int32_t rc;

	arena_init(&p.ar, mem, 0);
	rc = read_all(&p, c, err);
	pricing_done(&p);
	return rc;
}

void pricing_done(pricing *p)
{
	if (p->ar.mem)
		arena_reset(&p->ar);
}

/* ---- looking up (R-COST-7, R-COST-8) ---- */

/* An exact name is better than a beginning, a longer beginning better than a shorter one. */
static int is_better(const price_row *row, const price_row *than)
{
	if (!than)
		return 1;
	if (row->prefix != than->prefix)
		return !row->prefix;
	return row->prefix && strlen(row->match) > strlen(than->match);
}

static void note_change(const pricing *p, int64_t start_us, priced *to)
{
	size_t i, k;

	for (i = 0; p->dated && i < p->n_files; i++)
		for (k = 0; k < p->files[i].n; k++) {
			const int64_t at = p->files[i].rows[k].valid_from_us;

			if (at > start_us && at < to->until_us)
				to->until_us = at;
		}
}

static void look_up(const pricing *p, const char *id, int64_t start_us, priced *to)
{
	size_t i;

	*to = (priced){.serial = p->serial, .from_us = start_us, .until_us = INT64_MAX};
	for (i = 0; i < p->n_own; i++)
		if (strcmp(p->own[i]->match, id) == 0) {
			to->row = p->own[i];
			return;
		}
	for (i = 0; i < p->n_files; i++) {
		const price_row *row = price_find(&p->files[i], id, start_us);

		if (!row || !is_better(row, to->row))
			continue;
		to->row = row;
		to->version = p->files[i].version;
	}
	note_change(p, start_us, to);
}

/* Endpoints of one provider cost the same. */
static const priced *find(llm_call *c, const target *t, priced *scratch)
{
	const pricing *p = of(c);
	priced *to = t->state ? &t->state->priced : scratch;
	char id[ID_MAX];

	if (!c->start_us)
		c->start_us = clock_utc_us(&c->svc->time);
	if (to->serial == p->serial && to->from_us <= c->start_us && c->start_us < to->until_us)
		return to;
	snprintf(id, sizeof(id), "%s/%s", t->cand.provider, t->cand.model);
	look_up(p, id, c->start_us, to);
	return to;
}

const price_row *pricing_of(llm_call *c, const target *t)
{
	priced scratch = {0};

	return of(c)->on && t->cand.model ? find(c, t, &scratch)->row : NULL;
}

/* ---- an attempt and a run ---- */

/* Short of memory it is not told whose price it was. */
static void name_price(llm_call *c, const priced *by)
{
	llm_result *r = &c->res;

	r->price_rule = by->row ? arena_str(&c->ar, by->row->rule) : NULL;
	r->price_version = by->version ? arena_str(&c->ar, by->version) : NULL;
}

void pricing_attempt(llm_call *c, const attempt *a, int32_t code)
{
	attempt_row *row = (attempt_row *)(void *)a->rec;
	const int told = row->usage.input_tokens >= 0 || row->usage.output_tokens >= 0;
	const priced *by;
	priced scratch = {0};
	cost one = {0};

	if (attempt_sent(a) != LLM_SENT_NO && a->head.status < 400)
		c->may_be_billed = 1;
	if (!of(c)->on || c->op != OP_CHAT)
		return;
	/* Who failed without a word of its usage is not billed; who answered is. */
	if (code && !told && !a->clock.first_delta_ns)
		return;
	by = find(c, a->t, &scratch);
	cost_add(&one, by->row, &row->usage);
	if (!one.flags) {
		row->picousd = one.picousd;
		row->price = by->row;
	}
	cost_add(&c->spent, by->row, &row->usage);
	if (!code || !c->res.price_rule)
		name_price(c, by);
}

static int64_t estimate(llm_call *c)
{
	const llm_request_view *v = &c->rq->view;
	llm_usage u = LLM_USAGE_INIT;
	const target *t = c->plan;
	int64_t ret = -1;
	cost sum = {0};

	u.input_tokens = planning_tokens(c);
	u.output_tokens = v->max_output_tokens > 0 ? v->max_output_tokens : USUAL_OUTPUT;
	cost_add(&sum, pricing_of(c, t), &u);
	(void)cost_nanousd(&sum, &ret);
	return ret;
}

int pricing_is_counted(const llm_call *c)
{
	const pricing *p = &c->set->routing->prices;

	return c->op == OP_CHAT && c->rec && c->rec->counts && p->counted != COUNTED_PROCESS &&
		(p->rules.limit_nanousd || p->counted == COUNTED_STORAGE);
}

/* 1 in *ret_done: nothing is left to do in this process. */
static int32_t reserve_there(llm_call *c, int *ret_done, llm_err *err)
{
	call_record *rec = c->rec;

	rec->budget = BUDGET_TOLD;
	if (rec->rooms)
		return ledger_budget_bears(c, estimate(c), err);
	if (!rec->bound && c->svc->ledger.mode == LEDGER_STRICT) {
		rec->budget = BUDGET_HELD; /* with its row, by the storage */
		rec->nanousd = estimate(c);
		*ret_done = 1;
	}
	return 0;
}

int32_t pricing_reserve(llm_call *c, llm_err *err)
{
	const pricing *p = of(c);
	int done = 0;
	int32_t rc = 0;

	if (c->op != OP_CHAT || (!p->rules.limit_nanousd && p->counted != COUNTED_STORAGE))
		return 0;
	if (pricing_is_counted(c))
		rc = reserve_there(c, &done, err);
	if (rc || done || !p->rules.limit_nanousd)
		return rc;
	budgets_rule(&c->svc->budgets, &p->rules);
	return budgets_reserve(&c->svc->budgets, c->workspace, estimate(c),
		routing_now_ms(c->set->routing), &c->hold, err);
}

void pricing_run(llm_call *c)
{
	llm_result *r = &c->res;
	int64_t spent;

	if (r->from)
		r->cost_nanousd = 0;
	else if (c->spent.attempts && !cost_nanousd(&c->spent, &r->cost_nanousd))
		r->cost_flags = c->spent.flags;
	spent = r->cost_nanousd < 0 && !c->may_be_billed ? 0 : r->cost_nanousd;
	if (c->rec)
		c->rec->nanousd = spent;
	if (!c->hold.account)
		return;
	budgets_settle(&c->svc->budgets, &c->hold, spent, routing_now_ms(c->set->routing));
}
