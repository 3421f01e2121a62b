/*
 * uuid.c - 48 bits of milliseconds, 12 bits of counter, 62 bits of chance.
 */
#include "base/uuid.h"

#include <string.h>

#define UUID_COUNTER_MAX 0xFFF
#define UUID_MS_MASK UINT64_C(0xFFFFFFFFFFFF)

/*
 * A new millisecond starts its counter anywhere in the lower half. A clock that
 * stands still or steps back only counts on, and borrows a millisecond when the
 * counter is spent.
 */
static void uuid_step(uuid_state *st, uint64_t now_ms, uint16_t chance)
{
	if (now_ms > st->last_ms) {
		st->last_ms = now_ms;
	} else if (st->counter < UUID_COUNTER_MAX) {
		st->counter++;
		return;
	} else {
		st->last_ms++;
	}
	st->counter = chance & (UUID_COUNTER_MAX >> 1);
}

static void uuid_write(const unsigned char raw[16], char ret_text[UUID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	char *at = ret_text;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = digits[raw[i] >> 4];
		*at++ = digits[raw[i] & 15];
	}
	*at = '\0';
}

/* A host's own time says how much chance is taken, and when: R-CORE-5. */
static void uuid_chance(uuid_state *st, const llm_time_source *ts, unsigned char ret[UUID_CHANCE])
{
	if (!clock_is_real(ts)) {
		clock_random(ts, ret, UUID_CHANCE);
		return;
	}
	if (!st->left) {
		clock_random(ts, st->chance, sizeof(st->chance));
		st->left = UUID_STOCK;
	}
	memcpy(ret, st->chance + (size_t)(UUID_STOCK - st->left) * UUID_CHANCE, UUID_CHANCE);
	st->left--;
}

void uuid_v7(uuid_state *st, const llm_time_source *ts, char ret_text[UUID_TEXT])
{
	int64_t now_us = clock_utc_us(ts);
	unsigned char raw[16];
	uint64_t ms;

	uuid_chance(st, ts, raw + 6);
	uuid_step(st, now_us > 0 ? ((uint64_t)now_us / 1000) & UUID_MS_MASK : 0,
		(uint16_t)(raw[6] << 8 | raw[7]));
	ms = st->last_ms;
	for (int i = 5; i >= 0; i--, ms >>= 8)
		raw[i] = (unsigned char)ms;
	raw[6] = (unsigned char)(0x70 | st->counter >> 8);
	raw[7] = (unsigned char)st->counter;
	raw[8] = (unsigned char)(0x80 | (raw[8] & 0x3F));
	uuid_write(raw, ret_text);
}
