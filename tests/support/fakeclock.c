/*
 * fakeclock.c - see the header.
 */
#include "fakeclock.h"

static uint64_t fakeclock_ns(void *ctx)
{
	fakeclock *fc = ctx;

	atomic_fetch_add(&fc->reads, 1);
	return atomic_fetch_add(&fc->ns, atomic_load(&fc->step_ns));
}

static int64_t fakeclock_utc_us(void *ctx)
{
	fakeclock *fc = ctx;

	atomic_fetch_add(&fc->reads, 1);
	return atomic_load(&fc->utc_us);
}

static uint64_t fakeclock_next(fakeclock *fc)
{
	const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = atomic_fetch_add(&fc->chance, step) + step;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void fakeclock_random(void *ctx, void *buf, size_t len)
{
	unsigned char *bytes = buf;
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++) {
		if (i % 8 == 0)
			word = fakeclock_next(ctx);
		bytes[i] = (unsigned char)(word >> i % 8 * 8);
	}
}

void fakeclock_init(fakeclock *fc, uint64_t seed)
{
	fc->source = (llm_time_source){
		.ctx = fc,
		.monotonic_ns = fakeclock_ns,
		.realtime_us = fakeclock_utc_us,
		.random = fakeclock_random,
	};
	atomic_init(&fc->ns, FAKECLOCK_NS);
	atomic_init(&fc->step_ns, 0);
	atomic_init(&fc->utc_us, FAKECLOCK_UTC_US);
	atomic_init(&fc->chance, seed);
	atomic_init(&fc->reads, 0);
}

void fakeclock_advance_ns(fakeclock *fc, uint64_t ns)
{
	atomic_fetch_add(&fc->ns, ns);
	atomic_fetch_add(&fc->utc_us, (int64_t)(ns / 1000));
}

void fakeclock_advance_ms(fakeclock *fc, uint64_t ms)
{
	fakeclock_advance_ns(fc, ms * 1000000);
}

void fakeclock_set_ns(fakeclock *fc, uint64_t ns)
{
	atomic_store(&fc->ns, ns);
}

void fakeclock_set_utc_us(fakeclock *fc, int64_t utc_us)
{
	atomic_store(&fc->utc_us, utc_us);
}
