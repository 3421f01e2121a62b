#include "watching.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"

#define MAKING_LOOKS 10 /* of a second each: then a plugin's creation is given up */

static void tell_late(llm_service *svc, const plugin_watch *w, const watch_late *l)
{
	log_line(&svc->log, LLM_LOG_WARN, "plugin %s: %s was late: %s waited %" PRIu64 " ms%s",
		l->plugin->name, l->slot,
		w == &svc->storing_watch ? "what is to be recorded" : "everybody else",
		l->ns / NS_PER_MS,
		l->hosted ? " (callbacks of the host ran in that time too)" : "");
}

static void tell_hanging(llm_service *svc, const plugin_watch *w, const watch_late *l)
{
	log_line(&svc->log, LLM_LOG_ERROR,
		"plugin %s: %s has not returned for %" PRIu64 " s, and %s for it", l->plugin->name,
		l->slot, l->ns / NS_PER_S,
		w == &svc->storing_watch ? "what is to be recorded waits" : "everybody else waits");
}

static void keep(llm_service *svc, plugin_watch *w, const watch_late *l)
{
	pthread_mutex_lock(&svc->lock);
	w->last = *l;
	pthread_mutex_unlock(&svc->lock);
	tell_late(svc, w, l);
}

static void end(llm_service *svc, plugin_watch *w)
{
	watch_late late;

	if (watch_end(w, &svc->time, &late))
		keep(svc, w, &late);
}

void watching_stored_late(void *ctx, const watch_late *l)
{
	llm_service *svc = ctx;

	keep(svc, &svc->storing_watch, l);
}

void watching_begin(void *ctx)
{
	llm_service *svc = ctx;

	watch_begin(&svc->watch, clock_ns(&svc->time));
}

void watching_end(llm_service *svc)
{
	end(svc, &svc->watch);
}

static int look(llm_service *svc, plugin_watch *w, uint64_t now_ns, watch_late *ret)
{
	int first = 0;

	if (!watch_look(w, now_ns, ret, &first))
		return 0;
	if (first)
		tell_hanging(svc, w, ret);
	return 1;
}

void watching_look_at(llm_service *svc, uint64_t now_ns)
{
	watch_late l;

	(void)look(svc, &svc->watch, now_ns, &l);
	(void)look(svc, &svc->making_watch, now_ns, &l);
	(void)look(svc, &svc->storing_watch, now_ns, &l);
}

void watching_look(llm_service *svc)
{
	watching_look_at(svc, clock_ns(&svc->time));
}

void watching_find(llm_service *svc, watch_late *ret)
{
	const uint64_t now = clock_ns(&svc->time);

	if (!look(svc, &svc->watch, now, ret) && !look(svc, &svc->making_watch, now, ret))
		(void)look(svc, &svc->storing_watch, now, ret);
}

unsigned watching_count(llm_service *svc, watch_late *ret_last)
{
	const plugin_watch *const all[] = {&svc->watch, &svc->making_watch, &svc->storing_watch};
	unsigned n = 0;
	size_t i;

	pthread_mutex_lock(&svc->lock);
	for (i = 3; i-- > 0;) {
		if (all[i]->last.plugin)
			*ret_last = all[i]->last;
		n += atomic_load(&all[i]->late);
	}
	pthread_mutex_unlock(&svc->lock);
	return n;
}

/* ---- creations ---- */

static int32_t gave_up(llm_service *svc, llm_err *err)
{
	const struct plugin *p = atomic_load(&svc->making_watch.plugin);

	return err_set(err, LLM_E_PLUGIN,
		"plugin %s: create has not returned for %d s, and no other provider can be made\n"
		"take it out of the configuration and start this program again",
		p ? p->name : "?", MAKING_LOOKS);
}

int32_t watching_lock(llm_service *svc, llm_err *err)
{
	struct timespec ts = {0};
	int i;

	/* By the wall clock, as this wait goes: when that is set, one look comes too early. */
	for (i = 0; i < MAKING_LOOKS; i++) {
		ts.tv_sec = (time_t)(clock_utc_us(clock_real()) / 1000000 + 1);
		if (pthread_mutex_timedlock(&svc->making, &ts) != ETIMEDOUT)
			return 0;
		watching_look(svc);
	}
	return gave_up(svc, err);
}

void watching_make(llm_service *svc, const plugin *p)
{
	watch_begin(&svc->making_watch, clock_ns(&svc->time));
	watch_enter(&svc->making_watch, p, "create");
}

void watching_made(llm_service *svc)
{
	watch_leave(&svc->making_watch);
	end(svc, &svc->making_watch);
}
