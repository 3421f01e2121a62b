/*
 * watch.h - in which function of which plugin a thread is, for others to see.
 *
 * One thread at a time goes in and out; any other may look. Going in is a few plain
 * stores, time is read once for a whole turn of the loop: so a turn that took long names
 * the function that was entered last, and one that never ends is named by who looks.
 */
#ifndef LLM_PLUGIN_WATCH_H
#define LLM_PLUGIN_WATCH_H

#include <stdatomic.h>

#include "base/log.h"

struct plugin;

#define WATCH_LATE_NS UINT64_C(1000000000)

typedef struct watch_late {
	const struct plugin *plugin;
	const char *slot;
	uint64_t ns;
	int hosted; /* callbacks of the host ran in that turn too */
} watch_late;

typedef struct plugin_watch {
	_Atomic uint64_t since_ns; /* the turn began then; 0: there is none */
	_Atomic uint64_t entered; /* functions, so far */
	_Atomic(const struct plugin *) plugin; /* entered last */
	_Atomic(const char *) slot; /* static; null: nothing was entered in this turn */
	atomic_int inside; /* it has not returned, */
	int hosted; /* and callbacks of the host ran in this turn */
	_Atomic uint64_t told; /* the entry that was said to hang */
	atomic_uint late; /* turns, so far */
	/* under the lock of who owns it: the last of them */
	watch_late last;
} plugin_watch;

static inline void watch_enter(plugin_watch *w, const struct plugin *p, const char *slot)
{
	atomic_store_explicit(&w->plugin, p, memory_order_relaxed);
	atomic_store_explicit(&w->slot, slot, memory_order_relaxed);
	atomic_store_explicit(&w->entered,
		atomic_load_explicit(&w->entered, memory_order_relaxed) + 1, memory_order_relaxed);
	atomic_store_explicit(&w->inside, 1, memory_order_release);
}

static inline void watch_leave(plugin_watch *w)
{
	atomic_store_explicit(&w->inside, 0, memory_order_release);
}

/* A callback of the host, also out of a plugin's function: what it does is not the plugin's. */
static inline int watch_pause(plugin_watch *w)
{
	const int inside = atomic_load_explicit(&w->inside, memory_order_relaxed);

	w->hosted = 1;
	atomic_store_explicit(&w->inside, 0, memory_order_release);
	return inside;
}

static inline void watch_resume(plugin_watch *w, int inside)
{
	atomic_store_explicit(&w->inside, inside, memory_order_release);
}

void watch_begin(plugin_watch *w, uint64_t now_ns);
/* The turn is over: 1 and *ret when it took long and plugins were in it. */
int watch_end(plugin_watch *w, const llm_time_source *time, watch_late *ret);

/*
 * Is the thread inside a function now, in a turn that is late? 1 and *ret; *ret_first is 1
 * for the first who sees it. Any thread.
 */
int watch_look(plugin_watch *w, uint64_t now_ns, watch_late *ret, int *ret_first);

#endif
