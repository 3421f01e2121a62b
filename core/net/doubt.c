/*
 * doubt.c - what may be dead without having said so: connections that rested while the
 * machine slept, addresses of hosts that could not be reached, and HTTP/2 connections on
 * which nothing comes any more.
 */
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "multi.h"

#define SLEPT_NS NS_PER_S
/* Beyond every deadline: libcurl's own clock must never end a transfer. */
#define NEVER_MS 2000000000L
/* libcurl's own number */
#define DNS_S 60L

/* ---- connections that rest ---- */

int age_jumped(net_age *age, uint64_t loop_ns, uint64_t asleep_ns)
{
	const net_age before = *age;

	age->loop_ns = loop_ns;
	age->asleep_ns = asleep_ns;
	if (!before.loop_ns)
		return 0;
	return asleep_ns > before.asleep_ns + SLEPT_NS ||
		loop_ns > before.loop_ns + NET_IDLE_S * NS_PER_S;
}

/* CLOCK_MONOTONIC, by which libcurl ages its connections, stands still in the meantime. */
static uint64_t asleep_ns(void)
{
	struct timespec boot, mono;

	if (clock_gettime(CLOCK_MONOTONIC, &mono) || clock_gettime(CLOCK_BOOTTIME, &boot))
		return 0;
	return (uint64_t)(boot.tv_sec - mono.tv_sec) * NS_PER_S + (uint64_t)boot.tv_nsec -
		(uint64_t)mono.tv_nsec;
}

void doubt_look(net *n)
{
	if (!age_jumped(&n->age, loop_now(n->l), asleep_ns()))
		return;
	socks_forget(n);
	doubt_host(n);
}

/* ---- addresses ---- */

void doubt_host(net *n)
{
	n->doubted_ns = loop_now(n->l);
}

/* What was looked up before the last failure is looked up again. */
static long dns_age(const net *n)
{
	uint64_t s;

	if (!n->doubted_ns)
		return DNS_S;
	s = (loop_now(n->l) - n->doubted_ns) / NS_PER_S;
	return s < (uint64_t)DNS_S ? (long)s : DNS_S;
}

/*
 * Of a host with several addresses libcurl gives the first one half of its time, so that
 * the next can be tried; the end itself is the caller's, a little earlier.
 */
static long connect_ms(uint64_t limit_ns)
{
	const uint64_t limit = limit_ns / NS_PER_MS, ms = limit + limit / 8 + 50;

	return ms < (uint64_t)NEVER_MS ? (long)ms : NEVER_MS;
}

static void join(xfer *x)
{
	x->fd = x->opened = -1;
	if (!x->rq->http2)
		return;
	x->sharing = 1;
	x->next_sharing = x->n->sharing;
	x->n->sharing = x;
}

void doubt_leave(xfer *x)
{
	xfer **at = &x->n->sharing;

	if (!x->sharing)
		return;
	while (*at != x)
		at = &(*at)->next_sharing;
	*at = x->next_sharing;
	x->sharing = 0;
}

CURLcode doubt_setup(xfer *x)
{
	const long ms = connect_ms(x->rq->connect_ns), s = dns_age(x->n);

	if (ms != x->connect_ms)
		curl_easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT_MS, ms);
	x->connect_ms = ms;
	if (s + 1 != x->dns_s)
		curl_easy_setopt(x->easy, CURLOPT_DNS_CACHE_TIMEOUT, s);
	x->dns_s = s + 1;
	join(x);
	return CURLE_OK;
}

/* ---- connections of HTTP/2 ---- */

void doubt_heard(net *n, int fd)
{
	if ((size_t)fd < n->n_heard)
		n->heard[fd]++;
}

static uint32_t heard_on(const net *n, int fd)
{
	return fd >= 0 && (size_t)fd < n->n_heard ? n->heard[fd] : 0;
}

/* Short of memory nothing is known, and the connection is kept. */
static void count_from_now(net *n, size_t fd)
{
	const size_t want = fd + fd / 2 + 64;
	uint32_t *more;

	if (fd < n->n_heard)
		return;
	more = mem_resize(n->mem, n->heard, want * sizeof(*more));
	if (!more)
		return;
	memset(more + n->n_heard, 0, (want - n->n_heard) * sizeof(*more));
	n->heard = more;
	n->n_heard = want;
}

void doubt_socket(xfer *x, int fd)
{
	if (x->fd == fd)
		return;
	count_from_now(x->n, (size_t)fd);
	x->fd = fd;
	x->heard = heard_on(x->n, fd);
}

void doubt_alive(xfer *x)
{
	if (!x->sharing || x->fd < 0)
		return;
	/* libcurl also reads of its own accord, when no event has said that it should. */
	doubt_heard(x->n, x->fd);
	x->heard = heard_on(x->n, x->fd);
}

static int is_silent(const xfer *x)
{
	return x->sharing && x->connected && x->fd >= 0 && (size_t)x->fd < x->n->n_heard &&
		x->heard == x->n->heard[x->fd];
}

void xfer_doubt(xfer *x)
{
	doubt_host(x->n);
	/* libcurl sees the end at once; the other streams were as silent. */
	if (is_silent(x))
		socks_shut(x->n, x->fd, SHUT_RD);
}

static xfer *neighbour(const xfer *x)
{
	xfer *y = x->n->sharing;

	while (y && (y == x || y->fd != x->fd || !y->connected || y->paused || y->cancelled))
		y = y->next_sharing;
	return y;
}

/*
 * libcurl 7.88 sends the reset of a stream together with whatever it sends next on that
 * connection, which may be never, and until then the server works on. To pause and resume
 * a neighbour sends it; where there is none the connection ends.
 */
void doubt_reset(xfer *x)
{
	xfer *y;

	if (!x->sharing || !x->connected)
		return;
	y = neighbour(x);
	if (!y) {
		socks_shut(x->n, x->fd, SHUT_RDWR);
		return;
	}
	multi_enter(x->n);
	curl_easy_pause(y->easy, CURLPAUSE_RECV);
	curl_easy_pause(y->easy, CURLPAUSE_CONT);
	multi_leave(x->n);
	multi_kick(x->n);
}
