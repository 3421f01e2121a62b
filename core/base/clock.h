/*
 * clock.h - time and chance, injectable.
 *
 * Deadlines use the monotonic clock; wall-clock time only goes into records and
 * ids (R-CORE-5).
 */
#ifndef LLM_BASE_CLOCK_H
#define LLM_BASE_CLOCK_H

#include "llm/service.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* The real clocks and getrandom. Static. */
const llm_time_source *clock_real(void);
/* 1 when `ts` reads the real monotonic clock, so that kernel timers fit it. */
int clock_is_real(const llm_time_source *ts);
/* A source whose null members are filled with the real ones. */
llm_time_source clock_filled(const llm_time_source *ts);

uint64_t clock_ns(const llm_time_source *ts);
int64_t clock_utc_us(const llm_time_source *ts);
void clock_random(const llm_time_source *ts, void *bytes, size_t len);
/* now + ms without overflow; UINT64_MAX stays "never". */
uint64_t clock_after_ms(uint64_t now_ns, uint64_t ms);
/* The same in ns. */
uint64_t clock_after_ns(uint64_t now_ns, uint64_t ns);
/* Whole milliseconds from one to the other; 0 when the second is not later. */
int64_t clock_ms_between(uint64_t from_ns, uint64_t to_ns);
/* 0 to `span`, both included, evenly, by 64 random bits. */
uint64_t clock_spread(uint64_t chance, uint64_t span);

#endif
