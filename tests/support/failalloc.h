/*
 * failalloc.h - an allocator for tests: counts, keeps a ledger, fails on demand.
 *
 * Every block carries a header word, so that releasing a block twice, or one that
 * came from elsewhere, is seen and counted instead of done. A resize always moves
 * and a released block is overwritten, so that stale pointers show. Thread-safe.
 */
#ifndef TESTS_FAILALLOC_H
#define TESTS_FAILALLOC_H

#include "llm/base.h"

typedef struct failalloc_block failalloc_block;

typedef struct failalloc {
	llm_allocator hook; /* what the code under test is given */
	uint64_t calls; /* allocations and resizes asked for, failed ones included */
	uint64_t failed; /* of these, how many got null on purpose */
	uint64_t fail_at; /* the call that fails; 0: none */
	int for_ever; /* and all that follow it */
	size_t blocks; /* alive now */
	size_t bytes; /* in them */
	size_t peak; /* the most bytes at a time */
	size_t mistakes; /* releases and resizes of a block that is not alive here */
	failalloc_block *live;
} failalloc;

void failalloc_init(failalloc *fa);
/* Call number `nth` from now on (1: the next one) fails, and the rest succeed. */
void failalloc_once(failalloc *fa, uint64_t nth);
/* Call number `nth` from now on and all that follow fail. */
void failalloc_from(failalloc *fa, uint64_t nth);
/* No more failures. */
void failalloc_never(failalloc *fa);
/* Live blocks and mistakes, each told on stderr; 0 when all is well. */
size_t failalloc_leaks(failalloc *fa);

/* Uses fa->hook and cleans up. Returns 0 when what it saw was right. */
typedef int (*failalloc_play)(failalloc *fa, void *arg);

/*
 * Plays once without a failure, then for every n with allocation n failing, and
 * with all from n on failing. Returns how many plays went wrong (a result that is
 * not 0, a leak, a mistake), each told on stderr.
 */
size_t failalloc_sweep(failalloc_play play, void *arg);

#endif
