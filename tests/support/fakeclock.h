/*
 * fakeclock.h - time that moves when a test says so, and chance from a seed.
 *
 * Any thread may read it while another sets it.
 */
#ifndef TESTS_FAKECLOCK_H
#define TESTS_FAKECLOCK_H

#include "llm/service.h"

#include <stdatomic.h>

#define FAKECLOCK_NS UINT64_C(1000000000) /* where the monotonic clock begins */
#define FAKECLOCK_UTC_US INT64_C(1767225600000000) /* 2026-01-01 00:00:00 UTC */

typedef struct fakeclock {
	llm_time_source source; /* what the code under test is given */
	_Atomic uint64_t ns;
	_Atomic uint64_t step_ns; /* each look at the monotonic clock takes so long */
	_Atomic int64_t utc_us;
	_Atomic uint64_t chance; /* splitmix64 */
	_Atomic uint64_t reads; /* of either clock */
} fakeclock;

void fakeclock_init(fakeclock *fc, uint64_t seed);
/* Moves both clocks on. */
void fakeclock_advance_ns(fakeclock *fc, uint64_t ns);
void fakeclock_advance_ms(fakeclock *fc, uint64_t ms);
void fakeclock_set_ns(fakeclock *fc, uint64_t ns);
/* May step back, as wall clocks do. */
void fakeclock_set_utc_us(fakeclock *fc, int64_t utc_us);

#endif
