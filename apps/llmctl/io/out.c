#include "out.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define OUT_PIECE 4096 /* PIPE_BUF: a pipe that says "writable" takes this much at once */

/* 1: there is room, 0: not yet, -1: the reader is gone. */
static int out_room(int wait_ms)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

	if (poll(&p, 1, wait_ms) <= 0)
		return 0;
	return p.revents & POLLERR ? -1 : 1;
}

bool out_is_closed(out *o)
{
	if (!o->error && out_room(0) < 0)
		o->error = EPIPE;
	return o->error == EPIPE;
}

static void put(out *o, const char *bytes, size_t len)
{
	while (len && !o->error) {
		ssize_t n;

		if (out_room(OUT_TICK_MS) == 0) {
			if (o->tick)
				o->tick(o->tick_ctx);
			continue;
		}
		n = write(STDOUT_FILENO, bytes, len);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			o->error = errno;
		if (n <= 0)
			continue;
		bytes += n;
		len -= (size_t)n;
		o->wrote = true;
		o->line_open = bytes[-1] != '\n';
	}
}

void out_text(out *o, const char *text, size_t len)
{
	char piece[OUT_PIECE];

	while (len) {
		size_t n = len < OUT_PIECE - 1 ? len : OUT_PIECE - 1;

		if (o->clean)
			put(o, piece, strip_text(&o->state, text, n, piece));
		else
			put(o, text, n);
		text += n;
		len -= n;
	}
}

void out_line_end(out *o)
{
	if (o->line_open)
		put(o, "\n", 1);
}
