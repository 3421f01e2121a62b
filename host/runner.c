/*
 * runner.c - a connection and a thread that runs jobs and commits them in groups.
 *
 * Group commit: whatever waits when the previous commit ends, at most group_max; where groups
 * were large, with what is about to come. The queue is a ring of its full size, so that a
 * submit never takes memory.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "llm/records.h"

#define RUNNER_NS_PER_MS 1000000
#define RUNNER_NS_PER_S 1000000000
#define RUNNER_LINGER_NS 200000 /* at most so long a group waits for what usually comes */
#define RUNNER_LINGER_FROM 3 /* jobs in the usual group: with fewer there is nothing to win */

struct llm_runner {
	llm_job_port port;
	const llm_allocator *mem;
	llm_unit *unit;
	llm_runner_opts opts;
	pid_t pid;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	pthread_cond_t idle; /* nothing waits, and no group is under way */
	llm_job **ring;
	uint32_t first, n;
	uint32_t wanted; /* so many jobs wake the thread */
	int at_work; /* on a group */
	int stopping;
	llm_runner_stats stats;
	llm_job **group; /* the thread's own, as what follows */
	uint32_t usual; /* size of the groups before, in sixteenths: the last one counts a quarter */
	int restless; /* the storage has no upkeep for idle moments */
};

/* ---- the queue ---- */

static int32_t runner_submit(void *ctx, llm_job *job)
{
	llm_runner *r = ctx;
	int32_t rc = 0;

	pthread_mutex_lock(&r->lock);
	if (r->stopping) {
		rc = LLM_E_STATE;
	} else if (r->n == r->opts.queue_max) {
		rc = LLM_E_QUEUE_FULL;
		r->stats.refused++;
	} else {
		r->ring[(r->first + r->n++) % r->opts.queue_max] = job;
		if (r->n >= r->wanted)
			pthread_cond_signal(&r->wake);
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}

static void runner_drain(void *ctx)
{
	llm_runner *r = ctx;

	pthread_mutex_lock(&r->lock);
	while (r->n || r->at_work)
		pthread_cond_wait(&r->idle, &r->lock);
	pthread_mutex_unlock(&r->lock);
}

static void runner_until(struct timespec *ret, uint64_t ns)
{
	clock_gettime(CLOCK_MONOTONIC, ret);
	ns += (uint64_t)ret->tv_nsec;
	ret->tv_sec += (time_t)(ns / RUNNER_NS_PER_S);
	ret->tv_nsec = (long)(ns % RUNNER_NS_PER_S);
}

/*
 * With the lock: waits for neighbours of the first job. A commit costs as much as several
 * rows, so where jobs come in swarms a moment is well spent on those that are on their way.
 */
static void runner_gather(llm_runner *r)
{
	const uint32_t usual = r->usual / 16;
	const int asked = r->opts.group_delay_ms != 0;
	struct timespec until;

	if (!asked && usual < RUNNER_LINGER_FROM)
		return;
	runner_until(&until,
		asked ? (uint64_t)r->opts.group_delay_ms * RUNNER_NS_PER_MS : RUNNER_LINGER_NS);
	r->wanted = asked || usual > r->opts.group_max ? r->opts.group_max : usual;
	while (r->n < r->wanted && !r->stopping)
		if (pthread_cond_timedwait(&r->wake, &r->lock, &until))
			break;
	r->wanted = 1;
}

/* Moves what waits into the group; 0: it is all over. */
static uint32_t runner_take(llm_runner *r)
{
	uint32_t n, i;

	pthread_mutex_lock(&r->lock);
	while (!r->n && !r->stopping)
		pthread_cond_wait(&r->wake, &r->lock);
	if (r->n)
		runner_gather(r);
	n = r->n < r->opts.group_max ? r->n : r->opts.group_max;
	for (i = 0; i < n; i++)
		r->group[i] = r->ring[(r->first + i) % r->opts.queue_max];
	r->first = (r->first + n) % r->opts.queue_max;
	r->n -= n;
	r->at_work = n != 0;
	pthread_mutex_unlock(&r->lock);
	return n;
}

/* ---- units ---- */

static void runner_count(llm_runner *r, uint64_t *counter, uint64_t n)
{
	pthread_mutex_lock(&r->lock);
	*counter += n;
	pthread_mutex_unlock(&r->lock);
}

/* One transaction; nothing but the plugin is called between begin and commit. */
static int32_t runner_unit(llm_runner *r, llm_job *const *jobs, uint32_t n, llm_err *err)
{
	int32_t rc = llm_unit_begin(r->unit, err);

	if (rc)
		return rc;
	rc = llm_jobs_run(jobs, n, r->unit, err);
	if (!rc)
		return llm_unit_commit(r->unit, err);
	llm_unit_rollback(r->unit, NULL);
	return rc;
}

static void runner_pause(uint32_t ms)
{
	struct timespec ts = {ms / 1000, (long)(ms % 1000) * RUNNER_NS_PER_MS};

	nanosleep(&ts, NULL);
}

/* A busy unit of our own is tried again, a few times (R-UOW-8). */
static int32_t runner_try(llm_runner *r, llm_job *const *jobs, uint32_t n, llm_err *err)
{
	uint32_t tries = 0, pause = r->opts.retry_ms;
	int32_t rc = runner_unit(r, jobs, n, err);

	while (rc == LLM_E_DB_BUSY && tries++ < r->opts.retries) {
		runner_count(r, &r->stats.retried, 1);
		runner_pause(pause);
		pause = pause > 50 ? 100 : pause * 2;
		rc = runner_unit(r, jobs, n, err);
	}
	return rc;
}

/* Together they were committed, or not. */
static void runner_finish(llm_runner *r, llm_job **jobs, uint32_t n, int32_t rc, const llm_err *err)
{
	uint32_t i;

	pthread_mutex_lock(&r->lock);
	r->stats.commits += !rc;
	*(rc ? &r->stats.failed : &r->stats.committed) += n;
	pthread_mutex_unlock(&r->lock);
	for (i = 0; i < n; i++)
		llm_job_done(
			jobs[i], rc ? LLM_JOB_ROLLED_BACK : LLM_JOB_COMMITTED, rc ? err : NULL);
}

static void runner_one_by_one(llm_runner *r, uint32_t n)
{
	llm_err err = LLM_ERR_INIT;
	int32_t rc;
	uint32_t i;

	runner_count(r, &r->stats.broken_groups, 1);
	for (i = 0; i < n; i++) {
		rc = runner_try(r, &r->group[i], 1, &err);
		runner_finish(r, &r->group[i], 1, rc, &err);
	}
}

static void runner_group(llm_runner *r, uint32_t n)
{
	llm_err err = LLM_ERR_INIT;
	int32_t rc = runner_try(r, r->group, n, &err);

	if (rc && n > 1)
		runner_one_by_one(r, n);
	else
		runner_finish(r, r->group, n, rc, &err);
}

/* What the storage has put off is done while nobody waits for a commit. */
static void runner_rest(llm_runner *r)
{
	uint32_t waiting;

	pthread_mutex_lock(&r->lock);
	waiting = r->n;
	r->at_work = 0;
	if (!waiting)
		pthread_cond_broadcast(&r->idle);
	pthread_mutex_unlock(&r->lock);
	if (waiting || r->restless)
		return;
	r->restless = llm_records_maintain(r->unit, LLM_MAINTAIN_IDLE, NULL, NULL) ==
		LLM_E_UNSUPPORTED;
}

static void *runner_thread(void *arg)
{
	llm_runner *r = arg;
	uint32_t n;

	while ((n = runner_take(r))) {
		runner_group(r, n);
		runner_rest(r);
	}
	return NULL;
}

/* ---- life ---- */

static void runner_set_opts(llm_runner *r, const llm_runner_opts *opts)
{
	llm_runner_opts *o = &r->opts;

	if (opts)
		memcpy(o, opts, opts->struct_size < sizeof(*o) ? opts->struct_size : sizeof(*o));
	o->queue_max = o->queue_max ? o->queue_max : 10000;
	o->group_max = o->group_max ? o->group_max : 64;
	o->retry_ms = o->retry_ms ? o->retry_ms : 10;
	o->retries = o->retries ? o->retries : 3;
}

static void *runner_memory(const llm_allocator *mem, size_t bytes)
{
	void *p = mem->alloc(mem->ctx, bytes);

	return p ? memset(p, 0, bytes) : NULL;
}

static int32_t runner_init(llm_runner *r)
{
	pthread_condattr_t attr;

	r->ring = runner_memory(r->mem, (size_t)r->opts.queue_max * sizeof(void *));
	r->group = runner_memory(r->mem, (size_t)r->opts.group_max * sizeof(void *));
	if (!r->ring || !r->group)
		return LLM_E_NOMEM;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &attr);
	pthread_cond_init(&r->idle, &attr);
	pthread_condattr_destroy(&attr);
	r->wanted = 1;
	r->port = (llm_job_port){sizeof(r->port), 0, r, runner_submit, runner_drain};
	r->stats.struct_size = sizeof(r->stats);
	r->pid = getpid();
	return 0;
}

static void runner_drop(llm_runner *r)
{
	const llm_allocator *mem = r->mem;

	llm_unit_close(r->unit);
	mem->release(mem->ctx, r->ring);
	mem->release(mem->ctx, r->group);
	mem->release(mem->ctx, r);
}

/* The host's signals are not for this thread. */
static int runner_start(llm_runner *r)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&r->thread, NULL, runner_thread, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int32_t llm_runner_new(
	llm_storage *storage, const llm_runner_opts *opts, llm_runner **ret, llm_err *err)
{
	const llm_allocator *mem;
	llm_runner *r;
	int32_t rc;

	if (!storage || !ret)
		return host_say(err, LLM_E_INVALID_REQUEST,
			"llm_runner_new: a storage and a place for the runner are needed");
	mem = llm_storage_allocator(storage);
	r = runner_memory(mem, sizeof(*r));
	if (!r)
		return host_say(err, LLM_E_NOMEM, "no memory for a runner");
	r->mem = mem;
	runner_set_opts(r, opts);
	rc = runner_init(r);
	if (rc)
		host_say(err, rc, "no memory for a runner");
	else
		rc = llm_unit_open(storage, &r->unit, err);
	if (!rc)
		rc = llm_unit_check_schema(r->unit, err);
	if (!rc && runner_start(r))
		rc = host_say(err, LLM_E_NOMEM, "the runner's thread cannot be started");
	if (rc)
		runner_drop(r);
	else
		*ret = r;
	return rc;
}

const llm_job_port *llm_runner_port(llm_runner *runner)
{
	return &runner->port;
}

void llm_runner_stats_of(llm_runner *runner, llm_runner_stats *ret)
{
	pthread_mutex_lock(&runner->lock);
	*ret = runner->stats;
	ret->waiting = runner->n;
	pthread_mutex_unlock(&runner->lock);
}

void llm_runner_free(llm_runner *runner)
{
	if (!runner || runner->pid != getpid())
		return;
	pthread_mutex_lock(&runner->lock);
	runner->stopping = 1;
	pthread_cond_broadcast(&runner->wake);
	pthread_mutex_unlock(&runner->lock);
	pthread_join(runner->thread, NULL);
	pthread_cond_destroy(&runner->wake);
	pthread_cond_destroy(&runner->idle);
	pthread_mutex_destroy(&runner->lock);
	runner_drop(runner);
}
