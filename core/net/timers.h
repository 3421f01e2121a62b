/*
 * timers.h - a pairing heap of timers, linked through the timers themselves.
 */
#ifndef LLM_NET_TIMERS_H
#define LLM_NET_TIMERS_H

#include "loop.h"

void timers_add(loop_timer **root, loop_timer *t);
void timers_remove(loop_timer **root, loop_timer *t);

#endif
