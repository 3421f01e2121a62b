#include "plugin/watch.h"

#include "base/clock.h"

void watch_begin(plugin_watch *w, uint64_t now_ns)
{
	w->hosted = 0;
	atomic_store_explicit(&w->inside, 0, memory_order_relaxed);
	atomic_store_explicit(&w->slot, NULL, memory_order_relaxed);
	atomic_store_explicit(&w->since_ns, now_ns ? now_ns : 1, memory_order_release);
}

int watch_end(plugin_watch *w, const llm_time_source *time, watch_late *ret)
{
	const char *slot = atomic_load_explicit(&w->slot, memory_order_relaxed);
	const uint64_t since = atomic_load_explicit(&w->since_ns, memory_order_relaxed);
	uint64_t now;

	atomic_store_explicit(&w->since_ns, 0, memory_order_release);
	if (!slot || !since)
		return 0;
	now = clock_ns(time);
	if (now < since || now - since < WATCH_LATE_NS)
		return 0;
	*ret = (watch_late){.plugin = atomic_load_explicit(&w->plugin, memory_order_relaxed),
		.slot = slot,
		.ns = now - since,
		.hosted = w->hosted};
	atomic_fetch_add(&w->late, 1);
	return 1;
}

int watch_look(plugin_watch *w, uint64_t now_ns, watch_late *ret, int *ret_first)
{
	const uint64_t since = atomic_load_explicit(&w->since_ns, memory_order_acquire);
	const uint64_t entered = atomic_load_explicit(&w->entered, memory_order_acquire);
	watch_late seen;

	if (!since || now_ns < since || now_ns - since < WATCH_LATE_NS ||
		!atomic_load_explicit(&w->inside, memory_order_acquire))
		return 0;
	seen = (watch_late){.plugin = atomic_load_explicit(&w->plugin, memory_order_relaxed),
		.slot = atomic_load_explicit(&w->slot, memory_order_relaxed),
		.ns = now_ns - since};
	/* What was read belongs together only while nobody went on meanwhile. */
	atomic_thread_fence(memory_order_acquire);
	if (!seen.slot || !seen.plugin ||
		atomic_load_explicit(&w->entered, memory_order_relaxed) != entered)
		return 0;
	*ret = seen;
	*ret_first = atomic_exchange(&w->told, entered) != entered;
	return 1;
}
