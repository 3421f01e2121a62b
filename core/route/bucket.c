#include "bucket.h"

#include "base/clock.h"

#define MINUTE_MS 60000

/* Whole milliseconds, so that filling often fills as much as filling once. */
static int64_t parts_at(const bucket *b, uint64_t now_ns)
{
	uint64_t now_ms = now_ns / NS_PER_MS;
	uint64_t ms = now_ms > b->at_ms ? now_ms - b->at_ms : 0;
	int64_t full = b->per_minute * MINUTE_MS;

	/* Even from the deepest debt a minute's worth of minutes fills it. */
	if (ms > (uint64_t)((full - b->parts) / b->per_minute))
		return full;
	return b->parts + (int64_t)ms * b->per_minute;
}

static int64_t clamp(int64_t units, int64_t most)
{
	if (units < 0)
		return 0;
	return units < most ? units : most;
}

void bucket_init(bucket *b, int64_t per_minute, uint64_t now_ns)
{
	b->per_minute = clamp(per_minute, BUCKET_MAX);
	b->parts = b->per_minute * MINUTE_MS;
	b->at_ms = now_ns / NS_PER_MS;
}

uint64_t bucket_ready_ns(const bucket *b, int64_t units, uint64_t now_ns)
{
	int64_t lack;
	uint64_t ms;

	if (!b->per_minute)
		return 0;
	lack = clamp(units, b->per_minute) * MINUTE_MS - parts_at(b, now_ns);
	if (lack <= 0)
		return 0;
	ms = (uint64_t)(lack / b->per_minute + (lack % b->per_minute != 0));
	return clock_after_ms(now_ns / NS_PER_MS * NS_PER_MS, ms);
}

void bucket_take(bucket *b, int64_t units, uint64_t now_ns)
{
	if (!b->per_minute)
		return;
	b->parts = parts_at(b, now_ns) - clamp(units, b->per_minute) * MINUTE_MS;
	b->at_ms = now_ns / NS_PER_MS;
}

/* Debt and credit go no further than one minute's worth, so that one wrong count heals. */
void bucket_correct(bucket *b, int64_t taken, int64_t real)
{
	int64_t full = b->per_minute * MINUTE_MS;
	int64_t parts;

	if (!b->per_minute)
		return;
	parts = b->parts +
		(clamp(taken, b->per_minute) - clamp(real, 2 * b->per_minute)) * MINUTE_MS;
	if (parts > full)
		parts = full;
	b->parts = parts < -full ? -full : parts;
}
