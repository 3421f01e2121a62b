/*
 * complain.h - errors as a person reads them: at most three lines on standard
 * error, and the exit status that goes with the code.
 */
#ifndef LLMCTL_COMPLAIN_H
#define LLMCTL_COMPLAIN_H

#include "llm/error.h"
#include "term.h"

#define EXIT_USAGE 2
#define EXIT_INTERRUPTED 130

/* Fills `err` with an error of llmctl's own; returns `code`. */
int32_t complain_set(llm_err *err, int32_t code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Prints the error. `hint` (or null) is what to do in this very case, one or two
 * lines; without it, the place of the error and the advice of the error table fill
 * what the message leaves free.
 */
void complain(const term *t, const llm_err *err, const char *hint);

/* One line "llmctl: KIND: text". */
void complain_note(const term *t, const char *kind, const char *text);

/* The exit status for a code; 0 for LLM_OK. */
int complain_exit(int32_t code);

#endif
