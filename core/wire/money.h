/*
 * money.h - amounts as text into whole numbers, without floating point.
 */
#ifndef LLM_WIRE_MONEY_H
#define LLM_WIRE_MONEY_H

#include "llm/base.h"

#define MONEY_PICO 6 /* places of US dollars per million tokens: picodollars a token */
#define MONEY_NANO 9 /* places of US dollars: nanodollars */

/*
 * Plain decimal text, "12", "0.0375", times 10^places. 1 and *ret, or 0 when it is no such
 * text, has more places, or does not fit: nothing is rounded.
 */
int money_read(const char *text, size_t len, unsigned places, int64_t *ret);

enum { MONEY_REFUSED = 0, MONEY_EXACT = 1, MONEY_SNAPPED = 2 };

/*
 * A JSON number of US dollars a token, as it is written ("1.5e-07"), in picodollars. Within
 * a thousandth of a whole one it is that one (MONEY_SNAPPED: the noise of a binary fraction);
 * any other rest, a negative number and one that does not fit are MONEY_REFUSED.
 */
int money_read_number(const char *text, size_t len, int64_t *ret_picousd);

/* "0.0375": `amount` / 10^places, not negative, without zeros at the end. Returns the length. */
size_t money_write(int64_t amount, unsigned places, char ret_text[32]);

#endif
