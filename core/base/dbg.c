/*
 * dbg.c - chance that can be repeated: the seed decides every cut.
 */
#include "base/dbg.h"

#ifdef LLM_DEBUG

#include <stdlib.h>

#define DBG_SMALL 16 /* every other cut is at most this long: boundaries are where faults are */

dbg_io dbg_io_from_env(void)
{
	const char *seed = getenv("LLM_DBG_IO");
	dbg_io d = {seed ? strtoull(seed, NULL, 10) : 0};

	return d;
}

/* xorshift64*: a state that is not zero never becomes zero. */
static uint64_t dbg_next(dbg_io *d)
{
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return (d->state * UINT64_C(2685821657736338717)) >> 32;
}

size_t dbg_io_cut(dbg_io *d, size_t len)
{
	size_t most = len;

	if (!d->state || !len)
		return len;
	if (most > DBG_SMALL && dbg_next(d) % 2)
		most = DBG_SMALL;
	return 1 + (size_t)(dbg_next(d) % most);
}

#else

dbg_io dbg_io_from_env(void)
{
	return (dbg_io){0};
}

size_t dbg_io_cut(dbg_io *d, size_t len)
{
	(void)d;
	return len;
}

#endif
