/*
 * serve.h - a connection that is answered as HTTP: reads a request, has it
 * answered by route() or fast_reply(), sends the pieces when they are due.
 */
#ifndef LLMSIM_SERVE_H
#define LLMSIM_SERVE_H

#include "conn.h"

bool serve_step(struct conn *c);

#endif
