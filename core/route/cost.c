/*
 * cost.c - usage times price.
 */
#include "route/price.h"

static int64_t at_least_zero(int64_t tokens)
{
	return tokens < 0 ? 0 : tokens;
}

/* *part becomes at most `whole`. Returns 1 when it was cut. */
static int cost_cut(int64_t *part, int64_t whole)
{
	if (*part < 0 || whole < 0 || *part <= whole)
		return 0;
	*part = whole;
	return 1;
}

void cost_clamp(llm_usage *u)
{
	int cut = cost_cut(&u->cache_read_tokens, u->input_tokens);

	cut |= cost_cut(&u->cache_write_tokens,
		u->input_tokens < 0 ? -1 : u->input_tokens - at_least_zero(u->cache_read_tokens));
	cut |= cost_cut(&u->reasoning_tokens, u->output_tokens);
	if (cut)
		u->flags |= LLM_USAGE_INCONSISTENT;
}

static void cost_part(cost *c, int64_t tokens, int64_t picousd)
{
	int64_t sum;

	if (!tokens)
		return;
	if (picousd < 0)
		c->flags |= COST_UNKNOWN;
	else if (__builtin_mul_overflow(tokens, picousd, &sum) ||
		__builtin_add_overflow(c->picousd, sum, &sum))
		c->flags |= COST_OVERFLOW;
	else
		c->picousd = sum;
}

static int64_t cost_or(int64_t own, int64_t usual)
{
	return own < 0 ? usual : own;
}

void cost_add(cost *c, const price_row *row, const llm_usage *usage)
{
	llm_usage u = *usage;
	const price *p;
	int64_t read, written, reasoned;

	c->attempts++;
	if (!row || u.input_tokens < 0 || u.output_tokens < 0) {
		c->flags |= COST_UNKNOWN;
		return;
	}
	cost_clamp(&u);
	p = price_for(row, u.input_tokens);
	read = at_least_zero(u.cache_read_tokens);
	written = at_least_zero(u.cache_write_tokens);
	reasoned = at_least_zero(u.reasoning_tokens);
	cost_part(c, u.input_tokens - read - written, p->input);
	cost_part(c, read, cost_or(p->cache_read, p->input));
	cost_part(c, written, cost_or(p->cache_write, p->input));
	cost_part(c, u.output_tokens - reasoned, p->output);
	cost_part(c, reasoned, cost_or(p->reasoning, p->output));
}

int cost_nanousd(const cost *c, int64_t *ret)
{
	int64_t whole = c->picousd / 1000;
	const int64_t rest = c->picousd % 1000;

	if (c->flags)
		return 0;
	if (rest > 500 || (rest == 500 && whole % 2))
		whole++;
	*ret = whole;
	return 1;
}
