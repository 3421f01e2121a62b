/*
 * support/fates.h - what an attempt meets, drawn from a number: the same number, the same
 * fate. support/fatenet.h plays it.
 */
#ifndef SUPPORT_FATES_H
#define SUPPORT_FATES_H

#include <stdint.h>
#include <string.h>

#include "llm/error.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define NEVER UINT64_MAX

/* ---- chance ---- */

typedef struct dice {
	uint64_t state;
} dice;

static uint64_t mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t roll(dice *d, uint64_t n)
{
	d->state = mix(d->state);
	return d->state % n;
}

/* Up to `most_ms`, in odd nanoseconds: two instants are the same only where one follows. */
static uint64_t some_ns(dice *d, uint64_t most_ms)
{
	return 1 + roll(d, most_ms * MS);
}

/* ---- what an attempt meets ---- */

enum { MEETS_END = 0, MEETS_STATUS, MEETS_JUNK, MEETS_TEXT };
enum { TEXT_WHOLE = 0, TEXT_CUT, TEXT_STALLED };

static const char *const answers[] = {
	"one two three four five", "one two something else", "another answer", "one two"};

typedef struct fate {
	uint64_t connect_ns; /* NEVER: the connection hangs */
	int refused; /* then */
	uint64_t reply_ns; /* from there; NEVER: it is silent */
	int what; /* MEETS_* */
	int reused; /* the connection that ended was a kept one */
	int32_t status;
	int64_t server_ms; /* -1: it names no delay */
	int wanted, forbidden; /* x-should-retry */
	const char *text;
	size_t chunk; /* bytes of a piece */
	size_t bytes; /* that come */
	uint64_t gap_ns; /* between pieces, and before the end */
	int end; /* TEXT_* */
} fate;

static void meet_status(dice *d, fate *f)
{
	static const int32_t rows[] = {
		429, 503, 500, 429, 503, 500, 502, 409, 401, 404, 402, 501, 400, 403};
	static const int64_t delays[] = {0, 1, 700, 2500, 20000, INT64_C(1000000000000)};

	f->what = MEETS_STATUS;
	f->status = rows[roll(d, roll(d, 3) ? 6 : 14)];
	f->server_ms = roll(d, 3) ? -1 : delays[roll(d, 6)];
	f->wanted = !roll(d, 12);
	f->forbidden = !f->wanted && !roll(d, 12);
}

static void meet_text(dice *d, fate *f, int well)
{
	f->what = MEETS_TEXT;
	f->text = answers[roll(d, 2) ? 0 : roll(d, 4)];
	f->chunk = 3 + roll(d, 6);
	f->gap_ns = some_ns(d, 400);
	f->bytes = strlen(f->text);
	f->end = well ? TEXT_WHOLE : (int)(TEXT_CUT + roll(d, 2));
	if (f->end != TEXT_WHOLE)
		f->bytes = roll(d, f->bytes);
}

/* `mood` 0 to 3: a candidate that answers mostly, to one that hardly ever does. */
static fate fate_of(uint64_t seed, uint64_t mood)
{
	dice d = {seed};
	fate f = {.connect_ns = some_ns(&d, 60), .reply_ns = some_ns(&d, 900), .server_ms = -1};
	const uint64_t n = roll(&d, 100);

	if (n < (uint64_t[]){75, 40, 15, 2}[mood]) {
		meet_text(&d, &f, 1);
	} else if (n < 82) {
		meet_status(&d, &f);
	} else if (n < 90) {
		meet_text(&d, &f, 0);
	} else if (n < 93) {
		f.refused = 1;
	} else if (n < 95) {
		f.reused = roll(&d, 2) != 0;
	} else if (n < 97) {
		f.what = MEETS_JUNK;
	} else if (n < 98) {
		f.connect_ns = NEVER;
	} else {
		f.reply_ns = NEVER;
	}
	return f;
}

#endif
