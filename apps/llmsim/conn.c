#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "faults.h"
#include "server.h"

#define READ_SIZE 16384

struct conn *conn_new(struct server *srv, int fd)
{
	struct conn *c = mem_new(sizeof(*c));

	c->srv = srv;
	c->fd = fd;
	c->id = ++srv->accepted;
	c->timer.owner = c;
	c->next = srv->conns;
	if (c->next)
		c->next->prev = c;
	srv->conns = c;
	return c;
}

void conn_free(struct conn *c)
{
	timer_stop(&c->srv->timers, &c->timer);
	if (c->prev)
		c->prev->next = c->next;
	else
		c->srv->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	if (c->fd >= 0)
		close(c->fd);
	reply_done(&c->own);
	bytes_done(&c->in);
	bytes_done(&c->play.out);
	faults_drop(c->fault);
	free(c);
}

static void tell_close(struct conn *c, uint64_t ns, const char *who, const char *kind)
{
	if (c->told)
		return;
	c->told = true;
	log_close(&c->srv->log, c->id, ns, who, kind, c->total_sent);
}

static void run(struct conn *c)
{
	while (!c->dead && c->step(c))
		;
}

void conn_event(struct conn *c, uint32_t events)
{
	uint64_t ns = 0;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->readable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		ns = now_ns();
		c->gone = true;
		c->reset = c->reset || (events & EPOLLERR);
	}
	run(c);
	if (c->gone && !c->dead) {
		tell_close(c, ns ? ns : now_ns(), "peer", c->reset ? "rst" : "fin");
		c->dead = true;
	}
}

void conn_tick(struct conn *c)
{
	run(c);
	if (c->gone && !c->dead) {
		tell_close(c, now_ns(), "peer", c->reset ? "rst" : "fin");
		c->dead = true;
	}
}

bool conn_fill(struct conn *c, size_t most)
{
	size_t want = most < READ_SIZE ? most : READ_SIZE;
	ssize_t n;

	/* A body whose length is known is read in one go. */
	if (most > READ_SIZE && most != SIZE_MAX)
		want = most;
	if (!c->readable || !want)
		return false;
	bytes_reserve(&c->in, want);
	do
		n = recv(c->fd, c->in.data + c->in.len, want, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		c->in.len += (size_t)n;
		/* A short read emptied the socket; what comes next is a new edge. */
		c->readable = (size_t)n == want;
		return true;
	}
	c->readable = false;
	if (n == 0 || errno != EAGAIN) {
		c->reset = c->reset || n < 0;
		c->gone = true;
	}
	return false;
}

enum conn_flush conn_flush(struct conn *c)
{
	while (c->off < c->limit) {
		ssize_t n = send(c->fd, c->data + c->off, c->limit - c->off, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (errno != EAGAIN)
				c->gone = c->reset = true;
			return FLUSH_BLOCKED;
		}
		if (!c->answer_sent)
			log_first_byte(&c->srv->log, c->id, now_ns());
		c->off += (size_t)n;
		c->answer_sent += (uint64_t)n;
		c->total_sent += (uint64_t)n;
	}
	return FLUSH_ALL;
}

void conn_answered(struct conn *c)
{
	if (c->answer_sent)
		log_sent(&c->srv->log, c->id, now_ns(), c->answer_sent);
	c->answer_sent = 0;
}

void conn_tell_close(struct conn *c)
{
	tell_close(c, now_ns(), "us", "fin");
}

void conn_close(struct conn *c)
{
	char waste[4096];

	/* Unread input would turn our close into a reset. */
	while (recv(c->fd, waste, sizeof(waste), MSG_DONTWAIT) > 0)
		;
	conn_tell_close(c);
	close(c->fd);
	c->fd = -1;
	c->dead = true;
}

void conn_reset(struct conn *c)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	tell_close(c, now_ns(), "us", "rst");
	close(c->fd);
	c->fd = -1;
	c->dead = true;
}

void conn_half_close(struct conn *c)
{
	shutdown(c->fd, SHUT_WR);
}
