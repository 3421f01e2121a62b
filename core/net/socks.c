/*
 * socks.c - which sockets are watched, and what a kept connection hears between two
 * requests.
 *
 * libcurl lets go of a socket at the end of a transfer and asks for it again at the next.
 * A plain connection stays watched meanwhile: that spares two calls into the kernel for
 * each transfer, and shows at once that the peer has left, or talks out of turn.
 */
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "multi.h"

/* What is known of a descriptor; 0: libcurl has not opened it by us. */
#define SOCK_OURS 1u /* plain HTTP: watched while it rests */
#define SOCK_IDLE 2u /* libcurl does not want it now */
#define SOCK_IN 4u /* the loop watches it for reading, */
#define SOCK_OUT 8u /* and for writing */
#define SOCK_OTHER 16u /* TLS or a proxy's: only libcurl understands what comes */
#define SOCK_WATCHED (SOCK_IN | SOCK_OUT)

static unsigned known(const net *n, int fd)
{
	return fd >= 0 && (size_t)fd < n->n_socks ? n->socks[fd] : 0;
}

static int is_ours(const net *n, int fd)
{
	return (known(n, fd) & SOCK_OURS) != 0;
}

static int make_room(net *n, size_t fd)
{
	size_t want = fd + fd / 2 + 64;
	unsigned char *more;

	if (fd < n->n_socks)
		return 1;
	more = mem_resize(n->mem, n->socks, want);
	if (!more)
		return 0;
	memset(more + n->n_socks, 0, want - n->n_socks);
	n->socks = more;
	n->n_socks = want;
	return 1;
}

void socks_opened(net *n, int fd, int plain)
{
	/* Short of memory it is watched as any other. */
	if (fd >= 0 && make_room(n, (size_t)fd))
		n->socks[fd] = plain ? SOCK_OURS : SOCK_OTHER;
}

void socks_closed(net *n, int fd)
{
	if (known(n, fd))
		n->socks[fd] = 0;
}

static uint32_t events_of(unsigned wanted)
{
	return (wanted & SOCK_IN ? EPOLLIN : 0u) | (wanted & SOCK_OUT ? EPOLLOUT : 0u);
}

/*
 * While a lone transfer waits, the process sleeps. An entry of the epoll set that was removed
 * is freed by the kernel a little later (RCU), and until then the kernel does not stop the
 * tick of a processor that sleeps. To start it again costs a virtual machine some 9 us before
 * the answer is seen; to watch the socket anew costs 2 us, spent while the server is at work.
 * With more in flight the process hardly sleeps, and what is watched stays watched.
 */
static int is_lone_wait(const net *n, unsigned wanted, unsigned idle)
{
	return n->n_live == 1 && wanted == SOCK_IN && !idle;
}

static void watch(net *n, int fd, unsigned wanted, unsigned idle)
{
	unsigned watched = n->socks[fd] & SOCK_WATCHED;

	if (wanted == watched && is_lone_wait(n, wanted, idle)) {
		(void)loop_socket_set(n->l, fd, 0, 1);
		watched = 0;
	}
	if (wanted != watched && loop_socket_set(n->l, fd, events_of(wanted), watched != 0))
		wanted = 0;
	n->socks[fd] = (unsigned char)(SOCK_OURS | idle | wanted);
}

void socks_want(net *n, int fd, int in, int out, int watched)
{
	unsigned wanted = (in ? SOCK_IN : 0u) | (out ? SOCK_OUT : 0u);

	if (is_ours(n, fd)) {
		watch(n, fd, wanted, 0);
		return;
	}
	if (known(n, fd))
		n->socks[fd] = SOCK_OTHER;
	(void)loop_socket_set(n->l, fd, events_of(wanted), watched);
}

void socks_rest(net *n, int fd)
{
	if (is_ours(n, fd)) {
		watch(n, fd, SOCK_IN, SOCK_IDLE);
		return;
	}
	if (known(n, fd))
		n->socks[fd] = SOCK_OTHER | SOCK_IDLE;
	(void)loop_socket_set(n->l, fd, 0, 1);
}

/*
 * A socket that was not connected yet is closed by libcurl 7.88 itself, which says so later: then
 * the number may be the host's by now, and is not to be touched. What was closed the kernel
 * has forgotten.
 */
void socks_lost(net *n, int fd)
{
	if (known(n, fd))
		n->socks[fd] = 0;
	else
		(void)loop_socket_set(n->l, fd, 0, 1);
}

/* libcurl takes a connection for dead when it sees its end, and not by bytes in front of it. */
static void hang_up(int fd, int how)
{
	char waste[4096];
	int i;

	for (i = 0; i < 16 && recv(fd, waste, sizeof(waste), MSG_DONTWAIT) > 0; i++)
		continue;
	shutdown(fd, how);
}

int socks_idle(net *n, int fd)
{
	if (!is_ours(n, fd) || !(n->socks[fd] & SOCK_IDLE))
		return 0;
	hang_up(fd, SHUT_RDWR);
	(void)loop_socket_set(n->l, fd, 0, 1);
	n->socks[fd] = SOCK_OURS;
	return 1;
}

/* The number may be somebody else's by now. */
void socks_shut(const net *n, int fd, int how)
{
	if (known(n, fd))
		shutdown(fd, how);
}

void socks_forget(net *n)
{
	size_t fd;

	for (fd = 0; fd < n->n_socks; fd++) {
		if (!(n->socks[fd] & SOCK_IDLE) || socks_idle(n, (int)fd))
			continue;
		/* TLS still says goodbye: were it shut for writing, that would raise SIGPIPE. */
		hang_up((int)fd, SHUT_RD);
		n->socks[fd] = SOCK_OTHER;
	}
}
