#include "loop.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "timers.h"

#define EVENTS_PER_TURN 64

/* A descriptor of the loop's own. */
typedef struct loop_watch {
	int fd;
	void (*fn)(struct loop_watch *w, uint32_t events);
} loop_watch;

struct loop {
	const llm_allocator *mem;
	llm_time_source time;
	int epoll_fd;
	atomic_int foreign; /* a host polls the descriptor: timers must show on it */
	loop_watch wake; /* eventfd */
	loop_watch alarm; /* timerfd, armed only for a foreign loop, */
	uint64_t alarm_ns; /* for then (real monotonic time) */
	atomic_int woken; /* a wake-up is under way: do not write again, do not wait */
	loop_timer *timers;
	uint64_t timers_set; /* so far */
	int quiet; /* nothing was ready when the last turn began */
	uint64_t net_due_ns; /* real monotonic time; UINT64_MAX: none */
	void (*net_fn)(void *ctx);
	void *net_ctx;
	void (*socket_fn)(void *ctx, int fd, uint32_t events);
	void *socket_ctx;
	void (*wake_fn)(void *ctx);
	void *wake_ctx;
	void (*turn_fn)(void *ctx);
	void *turn_ctx;
};

static uint64_t real_ns(void)
{
	return clock_ns(clock_real());
}

/* That it is ready is all there is to know: what is to be done is seen elsewhere. */
static void on_wake_fd(loop_watch *w, uint32_t events)
{
	(void)w, (void)events;
}

/* Seen by its edge, nothing needs to be read from it. */
static int32_t loop_watch_add(loop *l, loop_watch *w)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.ptr = w};

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, w->fd, &ev) ? LLM_E_NOMEM : 0;
}

static int32_t watch_new(loop *l, loop_watch *w, int fd, llm_err *err)
{
	w->fd = fd;
	w->fn = on_wake_fd;
	if (fd < 0 || loop_watch_add(l, w))
		return err_set(err, LLM_E_NOMEM, "no descriptor left for the event loop: %s",
			errno == EMFILE ? "raise the limit of open files (ulimit -n)" :
					  "the system is short of memory");
	return 0;
}

int32_t loop_new(const llm_allocator *mem, const llm_time_source *time, loop **ret, llm_err *err)
{
	loop *l = mem_new(mem, sizeof(*l));
	int32_t rc;

	if (!l)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	l->mem = mem;
	l->time = clock_filled(time);
	l->net_due_ns = UINT64_MAX;
	l->wake.fd = l->alarm.fd = -1;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		rc = err_set(err, LLM_E_NOMEM,
			"no descriptor left for the event loop: "
			"raise the limit of open files (ulimit -n)");
		goto free_loop;
	}
	rc = watch_new(l, &l->wake, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), err);
	if (!rc)
		rc = watch_new(l, &l->alarm,
			timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), err);
	if (rc)
		goto free_loop;
	*ret = l;
	return 0;
free_loop:
	loop_free(l);
	return rc;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void loop_free(loop *l)
{
	if (!l)
		return;
	close_fd(l->wake.fd);
	close_fd(l->alarm.fd);
	close_fd(l->epoll_fd);
	mem_free(l->mem, l);
}

uint64_t loop_now(const loop *l)
{
	return clock_ns(&l->time);
}

void loop_timer_clear(loop *l, loop_timer *t)
{
	if (t->armed)
		timers_remove(&l->timers, t);
}

void loop_timer_set(loop *l, loop_timer *t, uint64_t at_ns)
{
	loop_timer_clear(l, t);
	if (at_ns == UINT64_MAX)
		return;
	t->at_ns = at_ns;
	t->order = ++l->timers_set;
	timers_add(&l->timers, t);
}

/* Pointers to watches are even, so an odd number can only be a socket's. */
int32_t loop_socket_set(loop *l, int fd, uint32_t events, int known)
{
	struct epoll_event ev = {.events = events, .data.u64 = (uint64_t)fd << 1 | 1};

	/* libcurl closes a socket before it says so: the kernel has forgotten it then. */
	if (!events) {
		(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, &ev);
		return 0;
	}
	if (epoll_ctl(l->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev) == 0)
		return 0;
	known = !known;
	return epoll_ctl(l->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev) ?
		LLM_E_NOMEM :
		0;
}

void loop_on_socket(loop *l, void (*fn)(void *ctx, int fd, uint32_t events), void *ctx)
{
	l->socket_fn = fn;
	l->socket_ctx = ctx;
}

void loop_net_timer(loop *l, int64_t timeout_ms, void (*fn)(void *ctx), void *ctx)
{
	l->net_fn = fn;
	l->net_ctx = ctx;
	l->net_due_ns = timeout_ms < 0 ? UINT64_MAX : 0; /* 0: at once, whatever the time */
	if (timeout_ms > 0)
		l->net_due_ns = clock_after_ms(real_ns(), (uint64_t)timeout_ms);
}

static void signal_wake(loop *l)
{
	uint64_t one = 1;
	ssize_t n;

	do
		n = write(l->wake.fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

void loop_wake(loop *l)
{
	if (!atomic_exchange(&l->woken, 1))
		signal_wake(l);
}

/* A host that begins to poll now sees either the flag or what is written. */
void loop_wake_idle(loop *l)
{
	if (atomic_load(&l->foreign))
		loop_wake(l);
	else if (!atomic_exchange(&l->woken, 1) && atomic_load(&l->foreign))
		signal_wake(l);
}

void loop_wake_self(loop *l)
{
	atomic_store(&l->woken, 1);
}

void loop_on_wake(loop *l, void (*fn)(void *ctx), void *ctx)
{
	l->wake_fn = fn;
	l->wake_ctx = ctx;
}

void loop_on_turn(loop *l, void (*fn)(void *ctx), void *ctx)
{
	l->turn_fn = fn;
	l->turn_ctx = ctx;
}

static uint64_t until(uint64_t due, uint64_t now)
{
	if (due == UINT64_MAX)
		return UINT64_MAX;
	return due > now ? due - now : 0;
}

uint64_t loop_next_ns(const loop *l)
{
	uint64_t net = l->net_due_ns, own = UINT64_MAX;

	if (!net || atomic_load(&l->woken))
		return 0;
	if (net != UINT64_MAX)
		net = until(net, real_ns());
	if (l->timers)
		own = until(l->timers->at_ns, clock_ns(&l->time));
	return net < own ? net : own;
}

static int wait_ms(uint64_t next_ns, uint64_t timeout_ns)
{
	uint64_t ns = timeout_ns < next_ns ? timeout_ns : next_ns;

	if (ns == UINT64_MAX)
		return -1;
	/* Rounded up: waking a little late is a timer, waking early is a busy loop. */
	ns = (ns + NS_PER_MS - 1) / NS_PER_MS;
	return ns > 60000 ? 60000 : (int)ns;
}

static void fire_timers(loop *l)
{
	uint64_t now = clock_ns(&l->time);

	if (l->net_due_ns != UINT64_MAX && (!l->net_due_ns || l->net_due_ns <= real_ns())) {
		l->net_due_ns = UINT64_MAX;
		l->net_fn(l->net_ctx);
	}
	while (l->timers && l->timers->at_ns <= now) {
		loop_timer *t = l->timers;

		timers_remove(&l->timers, t);
		t->fn(t);
	}
}

/*
 * Shows the next timer on the descriptor that a host polls. One that is set too early
 * stays: a turn for nothing now and then is cheaper than moving it in every turn.
 */
static void arm_alarm(loop *l)
{
	struct itimerspec when = {0};
	uint64_t ns, now;

	if (!atomic_load(&l->foreign))
		return;
	ns = loop_next_ns(l);
	if (ns == UINT64_MAX)
		return;
	now = real_ns();
	if (l->alarm_ns > now && l->alarm_ns - now <= ns)
		return;
	if (ns == 0)
		ns = 1;
	l->alarm_ns = now + ns;
	when.it_value.tv_sec = (time_t)(ns / NS_PER_S);
	when.it_value.tv_nsec = (long)(ns % NS_PER_S);
	(void)timerfd_settime(l->alarm.fd, 0, &when, NULL);
}

static void hand_out(loop *l, const struct epoll_event *ev)
{
	loop_watch *w = ev->data.ptr;

	if (ev->data.u64 & 1)
		l->socket_fn(l->socket_ctx, (int)(ev->data.u64 >> 1), ev->events);
	else
		w->fn(w, ev->events);
}

static void begin_turn(loop *l)
{
	if (l->turn_fn)
		l->turn_fn(l->turn_ctx);
}

static void answer_wake(loop *l)
{
	if (atomic_exchange(&l->woken, 0) && l->wake_fn)
		l->wake_fn(l->wake_ctx);
}

/* What was asked for before the turn: then it does not wait, and one look at the sockets does. */
static int answer_first(loop *l)
{
	if (!atomic_load(&l->woken))
		return 0;
	begin_turn(l);
	answer_wake(l);
	return 1;
}

void loop_turn(loop *l, uint64_t timeout_ns)
{
	struct epoll_event events[EVENTS_PER_TURN];
	const int asked = answer_first(l);
	const uint64_t next_ns = asked ? 0 : loop_next_ns(l);
	int n, i;

	n = epoll_wait(l->epoll_fd, events, EVENTS_PER_TURN, wait_ms(next_ns, timeout_ns));
	l->quiet = n <= 0 && next_ns && !atomic_load(&l->woken);
	if (!asked)
		begin_turn(l);
	for (i = 0; i < n; i++)
		hand_out(l, &events[i]);
	fire_timers(l);
	/* Last: what it starts begins to send only when the sockets have been looked at again. */
	answer_wake(l);
	arm_alarm(l);
}

int loop_quiet(const loop *l)
{
	return l->quiet;
}

int loop_fd(loop *l)
{
	if (!atomic_load(&l->foreign)) {
		atomic_store(&l->foreign, 1);
		arm_alarm(l);
	}
	return l->epoll_fd;
}
