#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "faults.h"
#include "script.h"
#include "serve.h"
#include "server.h"

#define BATCH 256
#define NS_PER_S 1000000000u

static int address(const struct options *opt, struct sockaddr_in *ret)
{
	const char *host = strcmp(opt->host, "localhost") ? opt->host : "127.0.0.1";
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt->port)};

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1 || ntohl(a.sin_addr.s_addr) >> 24 != 127) {
		fprintf(stderr,
			"llmsim: --host %s is not on the loopback\n"
			"llmsim simulates and protects nothing, so it listens on 127.x.x.x only.\n",
			opt->host);
		return 1;
	}
	*ret = a;
	return 0;
}

static int watch(struct server *s, int fd, void *who, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = who};

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev);
}

static int begin_listening(struct server *s)
{
	return listen(s->listener, 4096) || watch(s, s->listener, &s->listener, EPOLLIN);
}

/* --fault refuse, and it is its time */
static bool refuses(const struct server *s, uint64_t now)
{
	const struct fault_model *m = s->models.faults->forced;

	return m && m->spec.kind->what == FAULT_REFUSE && faults_due(m, now);
}

/* A socket that is bound and does not listen keeps its port and refuses. */
static int listen_at(struct server *s)
{
	struct sockaddr_in *a = &s->at;
	socklen_t len = sizeof(*a);
	int on = 1;

	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->listener < 0)
		return 1;
	setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Accepted sockets inherit it: one call less for each. */
	setsockopt(s->listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(s->listener, (struct sockaddr *)a, sizeof(*a)))
		return 1;
	if (!refuses(s, now_ns()) && begin_listening(s))
		return 1;
	return getsockname(s->listener, (struct sockaddr *)a, &len) ? 1 : 0;
}

static int watch_signals(struct server *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return 1;
	s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return s->signals < 0;
}

static int write_port(const char *path, uint16_t port)
{
	FILE *f = fopen(path, "we");
	int bad = !f;

	if (f) {
		bad = fprintf(f, "%u\n", port) < 0;
		bad |= fclose(f) != 0;
	}
	if (bad)
		fprintf(stderr, "llmsim: cannot write %s: %s\n", path, strerror(errno));
	return bad;
}

static int announce(struct server *s)
{
	const struct sockaddr_in *a = &s->at;
	char text[INET_ADDRSTRLEN];

	s->port = ntohs(a->sin_port);
	if (s->opt->port_file && write_port(s->opt->port_file, s->port))
		return 1;
	inet_ntop(AF_INET, &a->sin_addr, text, sizeof(text));
	printf("llmsim: listening on http://%s:%u\n", text, s->port);
	fflush(stdout);
	return 0;
}

/* Ten thousand streams need ten thousand descriptors. */
static void raise_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) || lim.rlim_cur == lim.rlim_max)
		return;
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
}

/* Refusing for a time, or by turns: it counts from the start. */
static void begin_turns(struct server *s)
{
	struct fault_model *m = s->models.faults->forced;

	if (!m || m->spec.kind->what != FAULT_REFUSE)
		return;
	m->first_ns = now_ns();
	if (m->spec.when != WHEN_ALWAYS)
		s->turn_ns = m->first_ns + m->spec.span_ns;
}

int server_open(struct server *s)
{
	if (address(s->opt, &s->at))
		return 2;
	raise_limit();
	begin_turns(s);
	if (s->opt->max_seconds)
		s->end_ns = now_ns() + s->opt->max_seconds * NS_PER_S;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0 || watch_signals(s) || listen_at(s) ||
		watch(s, s->signals, &s->signals, EPOLLIN)) {
		fprintf(stderr, "llmsim: cannot listen on %s:%u: %s\n", s->opt->host,
			(unsigned)s->opt->port, strerror(errno));
		return 1;
	}
	return announce(s);
}

void server_stop_listening(struct server *s)
{
	if (s->listener >= 0)
		close(s->listener);
	s->listener = -1;
}

static void take(struct server *s, int fd)
{
	struct conn *c = conn_new(s, fd);

	log_accept(&s->log, c->id, now_ns());
	c->step = serve_step;
	if (s->script)
		script_begin(s->script, c);
	if (watch(s, fd, c, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET))
		conn_free(c);
}

static void accept_some(struct server *s)
{
	for (int i = 0; i < BATCH && s->listener >= 0; i++) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			take(s, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE) {
			epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->listener, NULL);
			s->full = true;
		}
		return;
	}
}

static void reap(struct conn *c)
{
	struct server *s = c->srv;

	if (!c->dead)
		return;
	conn_free(c);
	if (s->full && s->listener >= 0 && !watch(s, s->listener, &s->listener, EPOLLIN))
		s->full = false;
}

/* Until the next timer or the end. Returns false where there is neither. */
static bool time_left(const struct server *s, struct timespec *ret)
{
	uint64_t due = timer_next(&s->timers);
	uint64_t now;
	uint64_t left;

	if (s->end_ns && (!due || s->end_ns < due))
		due = s->end_ns;
	if (s->turn_ns && (!due || s->turn_ns < due))
		due = s->turn_ns;
	if (!due)
		return false;
	now = now_ns();
	left = due > now ? due - now : 0;
	ret->tv_sec = (time_t)(left / NS_PER_S);
	ret->tv_nsec = (long)(left % NS_PER_S);
	return true;
}

static int wait_events(const struct server *s, struct epoll_event *events)
{
	struct timespec left;
	const struct timespec *limit = time_left(s, &left) ? &left : NULL;
	int n = epoll_pwait2(s->epoll, events, BATCH, limit, NULL);

	if (n >= 0 || errno != ENOSYS)
		return n;
	/* A kernel before 5.11: whole milliseconds, rounded up or the loop would spin. */
	return epoll_wait(s->epoll, events, BATCH,
		limit ? (int)(left.tv_sec * 1000 + (left.tv_nsec + 999999) / 1000000) : -1);
}

static void run_timers(struct server *s)
{
	uint64_t now = timer_next(&s->timers) ? now_ns() : 0;
	struct timer *t;

	while ((t = timer_due(&s->timers, now))) {
		struct conn *c = t->owner;

		conn_tick(c);
		reap(c);
	}
}

/* From refusing to listening, or back. */
static int take_turn(struct server *s)
{
	const struct fault_spec *spec;
	uint64_t now = s->turn_ns ? now_ns() : 0;

	if (!s->turn_ns || now < s->turn_ns || s->listener < 0)
		return 0;
	spec = &s->models.faults->forced->spec;
	s->turn_ns = spec->when == WHEN_FLAPPING ? s->turn_ns + spec->span_ns : 0;
	if (!refuses(s, now))
		return begin_listening(s);
	server_stop_listening(s);
	return listen_at(s);
}

static bool dispatch(struct server *s, const struct epoll_event *ev)
{
	struct conn *c = ev->data.ptr;

	if (ev->data.ptr == &s->signals)
		return false;
	if (ev->data.ptr == &s->listener) {
		accept_some(s);
		return true;
	}
	conn_event(c, ev->events);
	reap(c);
	return true;
}

int server_run(struct server *s)
{
	struct epoll_event events[BATCH];

	while (!s->end_ns || now_ns() < s->end_ns) {
		int n = wait_events(s, events);

		if (n < 0 && errno != EINTR) {
			fprintf(stderr, "llmsim: epoll: %s\n", strerror(errno));
			return 1;
		}
		for (int i = 0; i < n; i++)
			if (!dispatch(s, &events[i]))
				return 0;
		run_timers(s);
		if (take_turn(s)) {
			fprintf(stderr, "llmsim: cannot listen again: %s\n", strerror(errno));
			return 1;
		}
	}
	return 0;
}

void server_done(struct server *s)
{
	while (s->conns)
		conn_free(s->conns);
	timers_done(&s->timers);
	server_stop_listening(s);
	if (s->signals >= 0)
		close(s->signals);
	if (s->epoll >= 0)
		close(s->epoll);
}
