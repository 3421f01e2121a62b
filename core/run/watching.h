/*
 * watching.h - a service watches its plugins: who is late is logged and counted, who does
 * not return is named by those who wait or ask for something.
 */
#ifndef LLM_RUN_WATCHING_H
#define LLM_RUN_WATCHING_H

#include "service.h"

/* A turn of the loop begins (hook of the loop) and ends. The thread that turns. */
void watching_begin(void *svc);
void watching_end(llm_service *svc);

/* A storage's function was late. The thread that writes. */
void watching_stored_late(void *svc, const watch_late *l);

/* Names a function that does not return, once. Any thread; no lock of the service is held. */
void watching_look_at(llm_service *svc, uint64_t now_ns);
void watching_look(llm_service *svc);
/* The same; *ret is filled when there is one. */
void watching_find(llm_service *svc, watch_late *ret);
/* How many were late, and the last. */
unsigned watching_count(llm_service *svc, watch_late *ret_last);

/* Takes `making`. LLM_E_PLUGIN when who has it does not return from its plugin. */
int32_t watching_lock(llm_service *svc, llm_err *err);
/* Under `making`: before and after a plugin's `create`. */
void watching_make(llm_service *svc, const plugin *p);
void watching_made(llm_service *svc);

#endif
