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

static int64_t cost_or(int64_t own, int64_t usual)
{
	return own < 0 ? usual : own;
}

int cost_terms(const price_row *row, const llm_usage *usage, cost_term ret[COST_TERMS])
{
	llm_usage u = *usage;
	const price *p;
	int64_t read, written, reasoned;

	if (!row || u.input_tokens < 0 || u.output_tokens < 0)
		return 0;
	cost_clamp(&u);
	p = price_for(row, u.input_tokens);
	read = at_least_zero(u.cache_read_tokens);
	written = at_least_zero(u.cache_write_tokens);
	reasoned = at_least_zero(u.reasoning_tokens);
	ret[0] = (cost_term){"input", u.input_tokens - read - written, p->input};
	ret[1] = (cost_term){"cache_read", read, cost_or(p->cache_read, p->input)};
	ret[2] = (cost_term){"cache_write", written, cost_or(p->cache_write, p->input)};
	ret[3] = (cost_term){"output", u.output_tokens - reasoned, p->output};
	ret[4] = (cost_term){"reasoning", reasoned, cost_or(p->reasoning, p->output)};
	return 1;
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

void cost_add(cost *c, const price_row *row, const llm_usage *usage)
{
	cost_term terms[COST_TERMS];
	size_t i;

	c->attempts++;
	if (!cost_terms(row, usage, terms)) {
		c->flags |= COST_UNKNOWN;
		return;
	}
	for (i = 0; i < COST_TERMS; i++)
		cost_part(c, terms[i].tokens, terms[i].picousd);
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
