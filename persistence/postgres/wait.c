/*
 * wait.c - waiting for a server: with an end, and woken by an interrupt.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "unit.h"

int64_t wait_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int32_t wait_open(unit *u)
{
	u->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return u->wake >= 0 ? 0 : unit_say(u, LLM_E_PERSISTENCE, "cannot wait", strerror(errno));
}

void wait_close(unit *u)
{
	if (u->wake >= 0)
		close(u->wake);
	u->wake = -1;
}

void wait_reset(unit *u)
{
	uint64_t n;

	if (atomic_exchange(&u->interrupted, 0) && read(u->wake, &n, sizeof(n)) < 0)
		return; /* it comes later: whoever looks sees that nothing is asked */
}

void own_interrupt(void *handle)
{
	const uint64_t one = 1;
	unit *u = handle;

	atomic_store(&u->interrupted, 1);
	if (u->wake >= 0 && write(u->wake, &one, sizeof(one)) < 0)
		return; /* it is full of earlier ones */
}

/* How long poll may sleep: up to `until_ms`, -1 without an end. */
static int wait_left(int64_t until_ms)
{
	int64_t left;

	if (!until_ms)
		return -1;
	left = until_ms - wait_now_ms();
	return left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

int32_t wait_socket(unit *u, short events, int64_t until_ms)
{
	struct pollfd fds[] = {{PQsocket(u->db), events, 0}, {u->wake, POLLIN, 0}};
	uint64_t n;
	int left, rc;

	for (;;) {
		if (!u->cancelling && atomic_load(&u->interrupted))
			return LLM_E_CANCELLED;
		left = wait_left(until_ms);
		rc = poll(fds, u->cancelling ? 1 : 2, left);
		if (rc > 0 && fds[0].revents)
			return 0;
		if (rc > 0 && read(u->wake, &n, sizeof(n)) < 0 && errno != EAGAIN)
			return LLM_E_DEADLINE;
		if (rc == 0 && until_ms && wait_left(until_ms) == 0)
			return LLM_E_DEADLINE;
		if (rc < 0 && errno != EINTR)
			return LLM_E_DEADLINE;
	}
}
