#include "support/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINES 32
#define SEEN 8192

typedef struct line {
	int client;
	int server; /* -1: not yet, or nobody */
	int dead;
	char held[256]; /* said, and not handed on */
	size_t held_len;
	char head[1024]; /* of a tunnel that is asked for */
	size_t len;
} line;

struct relay {
	pthread_t thread;
	int fd;
	int stop[2];
	uint16_t port;
	uint16_t to;
	int tunnel;
	atomic_int go_dead;
	atomic_int cutting; /* 0: no; how, and one more */
	atomic_int letting_go; /* 0: no; 1: cut, 2: tell */
	atomic_size_t cuts;
	char cut_at[32];
	size_t cut_at_len;
	atomic_size_t taken;
	line lines[LINES];
	size_t n;
	atomic_size_t heard;
	atomic_size_t turns;
	int was_client; /* the last that was moved was a client's */
	char seen[SEEN];
	size_t seen_len;
};

static void die(const char *what)
{
	perror(what);
	_exit(99);
}

static void see(relay *r, const char *bytes, size_t len)
{
	size_t room = SEEN - 1 - r->seen_len, n = len < room ? len : room;

	memcpy(r->seen + r->seen_len, bytes, n);
	r->seen_len += n;
	atomic_fetch_add(&r->heard, len);
}

static int reach(const relay *r)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons(r->to),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = r->to ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void take_one(relay *r)
{
	int fd = accept(r->fd, NULL, NULL);
	line *l = &r->lines[r->n];

	if (fd < 0 || r->n == LINES)
		die("relay: accept");
	*l = (line){.client = fd, .server = r->tunnel ? -1 : reach(r)};
	r->n++;
	atomic_fetch_add(&r->taken, 1);
}

static void hang_up(line *l)
{
	if (l->client >= 0)
		close(l->client);
	if (l->server >= 0)
		close(l->server);
	l->client = l->server = -1;
}

/* The request for a tunnel, and the answer to it. */
static void ask_tunnel(relay *r, line *l)
{
	static const char yes[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	ssize_t n = recv(l->client, l->head + l->len, sizeof(l->head) - 1 - l->len, 0);

	if (n <= 0) {
		hang_up(l);
		return;
	}
	see(r, l->head + l->len, (size_t)n);
	l->len += (size_t)n;
	l->head[l->len] = '\0';
	if (!strstr(l->head, "\r\n\r\n"))
		return;
	l->server = reach(r);
	(void)!send(l->client, yes, sizeof(yes) - 1, MSG_NOSIGNAL);
}

/* Tells the server, and waits until it has answered. */
static void tell(int server, const char *bytes, size_t n)
{
	char answer[1024];

	(void)!send(server, bytes, n, MSG_NOSIGNAL);
	(void)!recv(server, answer, sizeof(answer), 0);
}

/* 1: that was where the line is to be cut. */
static int cut(relay *r, line *l, const char *bytes, size_t n)
{
	const int how = atomic_load(&r->cutting) - 1;

	if (how < 0 || n < r->cut_at_len || memcmp(bytes, r->cut_at, r->cut_at_len) != 0)
		return 0;
	atomic_store(&r->cutting, 0);
	if (how == RELAY_CUT_HOLD) {
		l->held_len = n < sizeof(l->held) ? n : sizeof(l->held);
		memcpy(l->held, bytes, l->held_len);
		close(l->client);
		l->client = -1;
	} else {
		if (how == RELAY_CUT_AFTER)
			tell(l->server, bytes, n);
		hang_up(l);
	}
	atomic_fetch_add(&r->cuts, 1);
	return 1;
}

static void let_go(relay *r)
{
	const int how = atomic_load(&r->letting_go);
	size_t i;

	for (i = 0; how && i < r->n; i++) {
		line *l = &r->lines[i];

		if (!l->held_len)
			continue;
		if (how == 2)
			tell(l->server, l->held, l->held_len);
		hang_up(l);
		l->held_len = 0;
	}
	atomic_store(&r->letting_go, 0);
}

static void move(relay *r, line *l, int from, int to)
{
	char bytes[16384];
	ssize_t n = recv(from, bytes, sizeof(bytes), 0);

	if (n <= 0) {
		hang_up(l);
		return;
	}
	if (from == l->client && !r->tunnel)
		see(r, bytes, (size_t)n);
	if (from == l->client && !r->was_client)
		atomic_fetch_add(&r->turns, 1);
	r->was_client = from == l->client;
	if (from == l->client && cut(r, l, bytes, (size_t)n))
		return;
	if (to >= 0)
		(void)!send(to, bytes, (size_t)n, MSG_NOSIGNAL);
}

static void serve(relay *r, line *l, const struct pollfd *p)
{
	if (p[0].revents && l->client >= 0) {
		if (r->tunnel && l->server < 0)
			ask_tunnel(r, l);
		else
			move(r, l, l->client, l->server);
	}
	if (p[1].revents && l->server >= 0)
		move(r, l, l->server, l->client);
}

static void *relay_main(void *ctx)
{
	relay *r = ctx;
	struct pollfd p[2 + 2 * LINES];
	size_t i, n;

	for (;;) {
		n = r->n;
		p[0] = (struct pollfd){.fd = r->stop[0], .events = POLLIN};
		p[1] = (struct pollfd){.fd = r->fd, .events = POLLIN};
		for (i = 0; i < n; i++) {
			const line *l = &r->lines[i];

			p[2 + 2 * i] = (struct pollfd){
				.fd = l->dead ? -1 : l->client, .events = POLLIN};
			p[3 + 2 * i] = (struct pollfd){
				.fd = l->dead ? -1 : l->server, .events = POLLIN};
		}
		if (poll(p, 2 + 2 * n, 1) < 0 || p[0].revents)
			return NULL;
		for (i = 0; i < n; i++)
			serve(r, &r->lines[i], &p[2 + 2 * i]);
		for (i = 0; i < r->n && atomic_load(&r->go_dead); i++)
			r->lines[i].dead = 1;
		atomic_store(&r->go_dead, 0);
		let_go(r);
		if (p[1].revents)
			take_one(r);
	}
}

static int listen_on(relay *r, const char *address)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(r->port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(r->port)};
	const int is_six = strchr(address, ':') != NULL;
	struct sockaddr *a = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
	socklen_t len = is_six ? sizeof(six) : sizeof(four);

	if (inet_pton(a->sa_family, address,
		    is_six ? (void *)&six.sin6_addr : (void *)&four.sin_addr) != 1)
		die("relay: address");
	r->fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* A relay that comes again at its port: connections of the one before may linger. */
	setsockopt(r->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (r->fd < 0 || bind(r->fd, a, len))
		return -1;
	if (listen(r->fd, LINES) || getsockname(r->fd, a, &len))
		die("relay: listen");
	r->port = ntohs(is_six ? six.sin6_port : four.sin_port);
	return 0;
}

static relay *start(const char *address, uint16_t port, uint16_t to, int tunnel)
{
	relay *r = calloc(1, sizeof(*r));

	if (!r)
		die("relay");
	r->port = port;
	r->to = to;
	r->tunnel = tunnel;
	if (listen_on(r, address)) {
		if (r->fd >= 0)
			close(r->fd);
		free(r);
		return NULL;
	}
	if (pipe(r->stop) || pthread_create(&r->thread, NULL, relay_main, r))
		die("relay: thread");
	return r;
}

relay *relay_start(const char *address, uint16_t to, int tunnel)
{
	return start(address, 0, to, tunnel);
}

relay *relay_start_at(const char *address, uint16_t port, uint16_t to)
{
	return start(address, port, to, 0);
}

uint16_t relay_port(const relay *r)
{
	return r->port;
}

size_t relay_taken(relay *r)
{
	return atomic_load(&r->taken);
}

size_t relay_heard(relay *r)
{
	return atomic_load(&r->heard);
}

size_t relay_turns(relay *r)
{
	return atomic_load(&r->turns);
}

void relay_go_dead(relay *r)
{
	atomic_store(&r->go_dead, 1);
	while (atomic_load(&r->go_dead))
		(void)poll(NULL, 0, 1);
}

void relay_cut_at(relay *r, const void *bytes, size_t len, enum relay_cut how)
{
	if (len > sizeof(r->cut_at))
		die("relay: cut");
	memcpy(r->cut_at, bytes, len);
	r->cut_at_len = len;
	atomic_store(&r->cutting, (int)how + 1);
}

size_t relay_cuts(relay *r)
{
	return atomic_load(&r->cuts);
}

void relay_let_go(relay *r, int tell)
{
	atomic_store(&r->letting_go, tell ? 2 : 1);
	while (atomic_load(&r->letting_go))
		(void)poll(NULL, 0, 1);
}

char *relay_stop(relay *r)
{
	char *seen;
	size_t i;

	close(r->stop[1]);
	pthread_join(r->thread, NULL);
	for (i = 0; i < r->n; i++)
		hang_up(&r->lines[i]);
	close(r->stop[0]);
	close(r->fd);
	seen = strdup(r->seen);
	free(r);
	return seen;
}
