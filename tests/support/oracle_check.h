/* oracle_check.h - what is held against a run. Private to oracle.c. */
#ifndef SUPPORT_ORACLE_CHECK_H
#define SUPPORT_ORACLE_CHECK_H

#include "support/oracle.h"

/* An event as it comes. */
void check_event(oracle_run *run, const llm_event *e);
/* A run that has ended: points 2, 3, 4 and 6. */
void check_run(oracle_run *run);
/* And what the row says of it. */
void check_row(oracle_run *run, const oracle_row *row);

#endif
