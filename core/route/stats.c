#include "route/stats.h"

/* e^(-2^i / 10000), 32 bits behind the point. */
static const uint64_t stats_powers[] = {4294537821, 4294108388, 4293249653, 4291532696, 4288100843,
	4281245367, 4267567279, 4240342062, 4186411575, 4080599610, 3876931309, 3499583428,
	2851496491, 1893153469, 834472025, 162130120, 6120227, 8721, 0};

#define POWERS (sizeof(stats_powers) / sizeof(stats_powers[0]))

int64_t stats_decay(int64_t value, uint64_t ms)
{
	uint64_t part = UINT64_C(1) << 32;
	size_t i;

	if (ms >> POWERS)
		return 0;
	for (i = 0; i < POWERS; i++)
		if (ms & (UINT64_C(1) << i))
			part = (part * stats_powers[i]) >> 32;
	/* In two halves, so that the product fits. */
	return (int64_t)(((uint64_t)value >> 32) * part +
		((((uint64_t)value & UINT32_MAX) * part) >> 32));
}

void stats_add(stats *s, int64_t first_token_us, int64_t load_us, uint64_t now_ms)
{
	const uint64_t past = now_ms > s->at_ms ? now_ms - s->at_ms : 1;
	int64_t us = first_token_us;

	if (us < 0)
		return;
	if (load_us > 0)
		us = load_us < us ? us - load_us : 0;
	if (!s->samples)
		s->latency_us = us;
	else
		s->latency_us = stats_decay(s->latency_us, past) + us - stats_decay(us, past);
	s->samples++;
	s->at_ms = now_ms > s->at_ms ? now_ms : s->at_ms;
}

int64_t stats_latency_us(const stats *s, uint64_t now_ms)
{
	if (!s->samples)
		return -1;
	return stats_decay(s->latency_us, now_ms > s->at_ms ? now_ms - s->at_ms : 0);
}
