/*
 * interrupt.h - Ctrl-C: once asks politely, twice within a second ends at once.
 */
#ifndef LLMCTL_INTERRUPT_H
#define LLMCTL_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT is only noted. The second one within 1 s ends the process, 130. */
void interrupt_catch(void);
/* From now on the first one does: the run is over, and there is nothing to be cancelled. */
void interrupt_ends(void);
/* From now on none ends the process: a person goes on after it. */
void interrupt_stays(void);
bool interrupt_seen(void);
void interrupt_forget(void);

#endif
