/*
 * direct.c - what the upstream can take: the same requests over bare sockets.
 *
 *   bench-direct PORT PATH BODY_FILE CALLS FLIGHT
 *
 * FLIGHT connections, one request on each at a time. An answer counts as come when as many
 * bytes have as the first one had. Prints one JSON object; exit 1 when a call failed.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "meter.h"

struct line {
	int fd;
	size_t got;
	struct meter_times times;
};

static struct meter meter;
static char request[8 << 20];
static size_t request_len, answer_len;

static int dial(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		exit(1);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void ask(struct line *l)
{
	if (!meter_begin(&meter, &l->times))
		return;
	l->got = 0;
	if (send(l->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len)
		exit(1);
}

static void hear(struct line *l)
{
	static char bytes[65536];
	ssize_t n = recv(l->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n <= 0)
		exit(1);
	l->got += (size_t)n;
	if (l->got < answer_len)
		return;
	meter_end(&meter, &l->times, l->got == answer_len && !memcmp(bytes, "HTTP/1.1 200", 12));
	ask(l);
}

/* The first answer says how long they are. */
static void learn(int fd)
{
	static char bytes[1 << 20];
	ssize_t n;

	if (send(fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len)
		exit(1);
	usleep(50000);
	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		answer_len += (size_t)n;
}

static void make_request(const char *path, const char *file)
{
	static char body[4 << 20];
	FILE *f = fopen(file, "rb");
	size_t len = f ? fread(body, 1, sizeof(body), f) : 0;

	request_len = (size_t)snprintf(request, sizeof(request),
		"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n%.*s",
		path, len, (int)len, body);
}

int main(int argc, char **argv)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), n;
	struct epoll_event ev[64];
	struct line *lines;
	long i;

	if (argc != 6)
		return 2;
	make_request(argv[2], argv[3]);
	meter_init(&meter, argv[4], argv[5], "0");
	lines = calloc((size_t)meter.flight, sizeof(*lines));
	for (i = 0; i < meter.flight; i++) {
		ev[0] = (struct epoll_event){.events = EPOLLIN, .data.ptr = &lines[i]};
		lines[i].fd = dial((int)strtol(argv[1], NULL, 10));
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, lines[i].fd, &ev[0]);
	}
	learn(lines[0].fd);
	for (i = 0; i < meter.flight; i++)
		ask(&lines[i]);
	while (!meter_done(&meter))
		for (n = epoll_wait(epoll_fd, ev, 64, -1); n > 0; n--)
			hear(ev[n - 1].data.ptr);
	return meter_print(&meter);
}
