/*
 * clock.c - CLOCK_MONOTONIC, CLOCK_REALTIME and getrandom, unless others are given.
 */
#include "base/clock.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_monotonic(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static int64_t clock_realtime(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/*
 * A host's sandbox may forbid getrandom. Ids and jitter then still have to differ
 * from one process and moment to the next; nothing secret is made of them.
 */
static void clock_makeshift(unsigned char *bytes, size_t len)
{
	uint64_t state = clock_monotonic(NULL) ^ (uint64_t)getpid() << 40;

	for (size_t i = 0; i < len; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		bytes[i] = (unsigned char)(state >> 56);
	}
}

static void clock_getrandom(void *ctx, void *bytes, size_t len)
{
	unsigned char *at = bytes;

	(void)ctx;
	while (len) {
		ssize_t got = getrandom(at, len, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			clock_makeshift(at, len);
			return;
		}
		at += got;
		len -= (size_t)got;
	}
}

static const llm_time_source clock_source = {
	.monotonic_ns = clock_monotonic,
	.realtime_us = clock_realtime,
	.random = clock_getrandom,
};

const llm_time_source *clock_real(void)
{
	return &clock_source;
}

int clock_is_real(const llm_time_source *ts)
{
	return ts->monotonic_ns == clock_monotonic;
}

llm_time_source clock_filled(const llm_time_source *ts)
{
	llm_time_source filled = ts ? *ts : clock_source;

	if (!filled.monotonic_ns)
		filled.monotonic_ns = clock_source.monotonic_ns;
	if (!filled.realtime_us)
		filled.realtime_us = clock_source.realtime_us;
	if (!filled.random)
		filled.random = clock_source.random;
	return filled;
}

uint64_t clock_ns(const llm_time_source *ts)
{
	return ts->monotonic_ns(ts->ctx);
}

int64_t clock_utc_us(const llm_time_source *ts)
{
	return ts->realtime_us(ts->ctx);
}

void clock_random(const llm_time_source *ts, void *bytes, size_t len)
{
	ts->random(ts->ctx, bytes, len);
}

uint64_t clock_after_ms(uint64_t now_ns, uint64_t ms)
{
	if (ms > (UINT64_MAX - now_ns) / NS_PER_MS)
		return UINT64_MAX;
	return now_ns + ms * NS_PER_MS;
}

uint64_t clock_after_ns(uint64_t now_ns, uint64_t ns)
{
	return ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + ns;
}

int64_t clock_ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (int64_t)((to_ns - from_ns) / NS_PER_MS) : 0;
}

uint64_t clock_spread(uint64_t chance, uint64_t span)
{
	return span == UINT64_MAX ? chance : chance % (span + 1);
}
