/*
 * edit.h - one line at a terminal, edited and remembered by libedit.
 */
#ifndef LLMCTL_EDIT_H
#define LLMCTL_EDIT_H

#include <stddef.h>

typedef struct edit edit;

#ifdef LLM_LIBEDIT
/* Null when memory is short, or the terminal cannot be used. `history`: as lines_open. */
edit *edit_new(const char *history);
/* As lines_next. */
int edit_next(edit *e, const char *prompt, const char **ret);
void edit_free(edit *e);
#else
static inline edit *edit_new(const char *history)
{
	(void)history;
	return NULL;
}

static inline int edit_next(edit *e, const char *prompt, const char **ret)
{
	(void)e;
	(void)prompt;
	(void)ret;
	return 1;
}

static inline void edit_free(edit *e)
{
	(void)e;
}
#endif

#endif
