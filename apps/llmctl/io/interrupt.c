#include "interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "complain.h"

#define TWICE_MS 1000

static _Atomic int64_t last_ms; /* 0: never */
static atomic_bool at_once; /* the first one is enough */
static atomic_bool never; /* no number of them is */

/* Only what is safe in a handler: a clock, an atomic, _exit. */
static void note(int number)
{
	int64_t now = term_now_ms(), before = atomic_exchange(&last_ms, now);

	(void)number;
	if (atomic_load(&never))
		return;
	if (atomic_load(&at_once) || (before && now - before < TWICE_MS))
		_exit(EXIT_INTERRUPTED);
}

void interrupt_catch(void)
{
	/* No SA_RESTART: whoever waits in a read or a poll is to come back and look. */
	struct sigaction act = {.sa_handler = note};

	sigemptyset(&act.sa_mask);
	sigaction(SIGINT, &act, NULL);
}

void interrupt_ends(void)
{
	atomic_store(&at_once, true);
}

void interrupt_stays(void)
{
	atomic_store(&never, true);
}

void interrupt_forget(void)
{
	atomic_store(&last_ms, 0);
}

bool interrupt_seen(void)
{
	return atomic_load(&last_ms) != 0;
}
