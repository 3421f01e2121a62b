/*
 * term.h - what stands at the other end of standard output and standard error.
 */
#ifndef LLMCTL_TERM_H
#define LLMCTL_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct term {
	bool out; /* standard output is a terminal */
	bool err; /* standard error is one */
	bool color; /* and colours are wanted on it */
	bool moves; /* it understands "erase this line" */
} term;

/* Looks once. Colours are off by `no_color`, NO_COLOR, TERM=dumb, or without TERM. */
void term_look(term *ret, bool no_color);

/* Bytes to standard error, all of them; failures are ignored: there is nobody to tell. */
void term_say(const char *text, size_t len);

/* Milliseconds on a clock that never goes back. */
int64_t term_now_ms(void);

/* ---- "still waiting", with seconds, on standard error ---- */

typedef struct spinner {
	bool on; /* false: it never shows itself */
	bool shown;
	int64_t since_ms;
	int64_t drawn_ms;
	char what[96]; /* what is waited for */
} spinner;

void spinner_start(spinner *s, const term *t, const char *what);
void spinner_turn(spinner *s);
void spinner_clear(spinner *s);

#endif
