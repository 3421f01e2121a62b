/*
 * lines.h - lines that a person types, or that come through a pipe.
 *
 * At a terminal they are edited and remembered (edit.c, with libedit); where that was left
 * out of the build the terminal's own editing is all there is.
 */
#ifndef LLMCTL_LINES_H
#define LLMCTL_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "llm/error.h"

typedef struct lines lines;

enum { LINES_ONE = 0, LINES_END, LINES_STOPPED };

/*
 * `terminal`: standard input and output are one. `history` is a file of mode 0600 that is
 * made if need be, or null: nothing is remembered beyond the end. LLM_E_NOMEM.
 */
int32_t lines_open(bool terminal, const char *history, lines **ret, llm_err *err);
/*
 * LINES_ONE: *ret is the line without its end, valid until the next one; LINES_END: there is
 * none; LINES_STOPPED: Ctrl-C. The prompt is shown at a terminal only.
 */
int lines_next(lines *l, const char *prompt, const char **ret);
void lines_close(lines *l);

#endif
